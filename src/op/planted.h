/* planted.h - mistakes that tests switch on, one at a time, to see that the generated tests find and name
 * them. Only a build with TP_PLANT has them. */
#ifndef OP_PLANTED_H
#define OP_PLANTED_H

#ifdef TP_PLANT
enum {
    PLANT_SUM_DOWN = 1, /* a sum-down averages */
    PLANT_EXPAND,       /* what has size 1 is not expanded */
    PLANT_ALIGN,        /* the axis of directions is not kept apart from the loops */
    PLANT_MULTILINEAR,  /* forward drops all terms but the first */
    PLANT_DIRECTION,    /* direction 0 stands for every direction */
    PLANT_ACCUMULATE,   /* the second share of a result replaces the first */
    PLANT_LEAF,         /* the second backward replaces a leaf's gradient */
    PLANT_VERSION,      /* overwritten values go unseen */
    PLANT_REFUSAL,      /* backward does not release the graph */
    PLANT_STRIP,        /* tangents of outer levels are lost */
    PLANT_CARRY,        /* streaming looks at the first input only */
    PLANT_CARRY_AGAIN,  /* values rebuilt from the graph have lost their tangents */
};
extern int tp_planted; /* which one is on; 0: none */
#define TP_PLANTED(mistake) (tp_planted == PLANT_##mistake)
#else
#define TP_PLANTED(mistake) 0
#endif

#endif
