/* gemm_kernel.h - a product of matrices for one set of instructions and one type; included once for each.
 *
 * The order of every element's sum is that of ops/matmul.c; rows, columns and their tiles are cut freely,
 * since each element has a chain of its own.
 *
 * A tile of y, 8 rows by 3 vectors, is summed in registers: for each k, three vectors of b, and one element
 * of each row of a that is multiplied with all of them. Tiles go down a panel of b that is three vectors
 * wide, so that it is read from the nearest caches; where its rows lie badly in memory, the first tile copies
 * them while it computes, and the others fetch the next panel meanwhile. Elements of a are read where they
 * lie, mostly.
 *
 * The includer defines
 *   GEMM              the function's name
 *   REAL, VEC, LANES  the type, a vector of it, and how many it holds
 *   SIMD              the attribute that allows the instructions
 *   V(op)             the intrinsic for vectors, V(add)
 *   MASK, first_REAL  the first n lanes (none where n < 0, all where n > LANES)
 *   LOAD, STORE       of masked lanes; others are 0, or left alone
 *   lanes_of_REAL     the sum of a vector's halves where it has 64 bytes; itself where it has 32
 *   ROWS, VECS        of the largest tile: rows, 6 or 8, and vectors across, 2 or 3 */
#include "backend/cpu/gemm_parts.h"

#define PASTE_(a, b) a##_##b
#define PASTE(a, b)  PASTE_(a, b)
#define NAME(x)      PASTE(x, REAL)

#define HIGH ((int)(32 / sizeof(REAL))) /* rows that are transposed, or joined, together */

/* --- tiles --- */

/* Adds the products of a row of b and of one element of each row of a; odd: bytes to rows 1, 3, 5 and 7, from
 * which processors make the others when they address. */
INLINE void NAME(step)(const int rows, const int vecs, VEC sum[][ROW_VECS], const REAL *a, const int64_t *odd,
                       const VEC *b)
{
    UNROLL for (int i = 0; i < rows; i++)
    {
        const int64_t at = i % 2 ? odd[i / 2] : i % 4 ? 2 * odd[i / 4] : i * odd[0];
        VEC ai = V(set1)(*(const REAL *)(const void *)((const char *)a + at));
        UNROLL for (int v = 0; v < vecs; v++) sum[i][v] = V(fmadd)(ai, b[v], sum[i][v]);
    }
}

/* The barriers keep the compiler from making a pointer of its own for each row, for which there are too few
 * registers. */
#define NEXT_STEP (a += sa_k, b += sb)
#define BARRIER   __asm__("" : "+r"(a), "+r"(b))

/* What each tile reads. */
#define OPERANDS                                                                      \
    const int64_t sa = s->sa_row * (int64_t)sizeof(REAL), sa_k = s->sa_k, sb = s->sb; \
    int64_t k = s->depth, odd[] = {sa, 3 * sa, 5 * sa, 7 * sa};                       \
    const REAL *b = s->b;                                                             \
    VEC bk[ROW_VECS];                                                                 \
    __asm__("" : "+r"(odd[0]), "+r"(odd[1]), "+r"(odd[2]), "+r"(odd[3]))

/* The sums of a tile. */
INLINE void NAME(sums)(const int rows, const int vecs, VEC sum[][ROW_VECS], const strip *s, const REAL *a,
                       int64_t tile)
{
    OPERANDS;
    const bool fetch = s->ahead && tile < vecs * UNROLLED;
    const int64_t sb_ahead = fetch ? s->sb_ahead * UNROLLED : 0;
    const REAL *ahead =
        fetch ? (const REAL *)s->ahead + tile / UNROLLED * LANES + tile % UNROLLED * s->sb_ahead : b;
    for (; k >= UNROLLED; k -= UNROLLED, ahead += sb_ahead) {
        _mm_prefetch((const char *)ahead, _MM_HINT_T1);
        UNROLL for (int u = 0; u < UNROLLED; u++, NEXT_STEP)
        {
            BARRIER;
            UNROLL for (int v = 0; v < vecs; v++) bk[v] = V(loadu)(b + v * LANES);
            NAME(step)(rows, vecs, sum, a, odd, bk);
        }
    }
    for (; k > 0; k--, NEXT_STEP) {
        BARRIER;
        UNROLL for (int v = 0; v < vecs; v++) bk[v] = V(loadu)(b + v * LANES);
        NAME(step)(rows, vecs, sum, a, odd, bk);
    }
}

/* The same, where b may end within the last vector, or is copied. */
INLINE void NAME(first_sums)(const int rows, const int vecs, VEC sum[][ROW_VECS], const strip *s,
                             const REAL *a, MASK last)
{
    OPERANDS;
    for (REAL *copy = s->copy; k > 0; k--, NEXT_STEP) {
        BARRIER;
        UNROLL for (int v = 0; v < vecs - 1; v++) bk[v] = V(loadu)(b + v * LANES);
        bk[vecs - 1] = LOAD(b + (vecs - 1) * LANES, last);
        if (copy) {
            UNROLL for (int v = 0; v < vecs; v++) V(storeu)(copy + v * LANES, bk[v]);
            copy += vecs * LANES;
        }
        NAME(step)(rows, vecs, sum, a, odd, bk);
    }
}

/* Bias and activation of a tile's row. */
INLINE void NAME(finish_row)(const int vecs, VEC *y, const strip *s, MASK last)
{
    const REAL *bias = s->bias;
    if (!bias) return;
    UNROLL for (int v = 0; v < vecs - 1; v++) y[v] = V(add)(y[v], V(loadu)(bias + v * LANES));
    y[vecs - 1] = V(add)(y[vecs - 1], LOAD(bias + (vecs - 1) * LANES, last));
    if (s->relu) /* NaN second is the maximum; there is no -0, for sums are added to +0 */
        UNROLL for (int v = 0; v < vecs; v++) y[v] = V(max)(V(setzero)(), y[v]);
}

/* y = 0 + sum in the first block, which can change the sign of a zero, else y + sum. */
INLINE void NAME(store)(const int rows, const int vecs, VEC sum[][ROW_VECS], REAL *y, const strip *s,
                        MASK last, bool first)
{
    const int64_t sy = s->sy;
    UNROLL for (int i = 0; i < rows; i++, y += sy)
    {
        REAL *y_last = y + (vecs - 1) * LANES;
        VEC before[ROW_VECS];
        UNROLL for (int v = 0; v < vecs; v++) before[v] = V(setzero)();
        if (!first) {
            UNROLL for (int v = 0; v < vecs - 1; v++) before[v] = V(loadu)(y + v * LANES);
            before[vecs - 1] = LOAD(y_last, last);
        }
        UNROLL for (int v = 0; v < vecs; v++) before[v] = V(add)(before[v], sum[i][v]);
        NAME(finish_row)(vecs, before, s, last);
        UNROLL for (int v = 0; v < vecs - 1; v++) V(storeu)(y + v * LANES, before[v]);
        STORE(y_last, last, before[vecs - 1]);
    }
}

INLINE void NAME(strip)(const int rows, const int vecs, const strip *s)
{
    const MASK last = NAME(first)(s->last);
    const REAL *a = s->a;
    REAL *y = s->y;
    for (int64_t t = 0; t < s->tiles; t++, a += s->next_a, y += s->next_y) {
        VEC sum[ROWS][ROW_VECS];
        for (int64_t i = 0; !s->first && i < rows; i++)
            UNROLL for (int v = 0; v < vecs; v++)
                _mm_prefetch((const char *)(y + i * s->sy + v * LANES), _MM_HINT_T0);
        UNROLL for (int i = 0; i < rows; i++) UNROLL for (int v = 0; v < vecs; v++) sum[i][v] = V(setzero)();
        if (s->whole)
            NAME(sums)(rows, vecs, sum, s, a, t);
        else
            NAME(first_sums)(rows, vecs, sum, s, a, last);
        if (s->first)
            NAME(store)(rows, vecs, sum, y, s, last, true);
        else
            NAME(store)(rows, vecs, sum, y, s, last, false);
    }
}

#define STRIP(r, v) \
    static SIMD void NAME(strip_##r##_##v)(const strip *s) { NAME(strip)(r, v, s); }
#if VECS == 3
#define STRIPS(r)        STRIP(r, 1) STRIP(r, 2) STRIP(r, 3)
#define ROW_OF_STRIPS(r) NAME(strip_##r##_1), NAME(strip_##r##_2), NAME(strip_##r##_3)
#else
#define STRIPS(r)        STRIP(r, 1) STRIP(r, 2)
#define ROW_OF_STRIPS(r) NAME(strip_##r##_1), NAME(strip_##r##_2)
#endif

STRIPS(1)
#if VECS == 2
STRIP(1, 3)
#endif
STRIP(1, 4)
STRIP(1, 5)
STRIP(1, 6)
STRIP(1, 7)
STRIP(1, 8)
STRIPS(2)
STRIPS(3)
STRIPS(4)
STRIPS(5)
STRIPS(6)
#if ROWS == 8
STRIPS(7)
STRIPS(8)
#endif

static void (*const NAME(strips)[ROWS][ROW_VECS])(const strip *s) = {
    {NAME(strip_1_1), NAME(strip_1_2), NAME(strip_1_3), NAME(strip_1_4), NAME(strip_1_5), NAME(strip_1_6),
     NAME(strip_1_7), NAME(strip_1_8)},
    {ROW_OF_STRIPS(2)},
    {ROW_OF_STRIPS(3)},
    {ROW_OF_STRIPS(4)},
    {ROW_OF_STRIPS(5)},
    {ROW_OF_STRIPS(6)},
#if ROWS == 8
    {ROW_OF_STRIPS(7)},
    {ROW_OF_STRIPS(8)},
#endif
};

/* --- four columns or more --- */

/* Copies `used` columns of b to rows of `width`, which is at least that; up to a vector more is written. */
static SIMD void NAME(pack_panel)(REAL *to, int64_t width, const REAL *b, const int64_t *sb, int64_t depth,
                                  int64_t used)
{
    if (sb[1] == 1) {
        const int64_t vecs = parts(used, LANES);
        const MASK last = NAME(first)(used - (vecs - 1) * LANES);
        for (int64_t k = 0; k < depth; k++, b += sb[0], to += width) {
            for (int64_t v = 0; v < vecs - 1; v++) V(storeu)(to + v * LANES, V(loadu)(b + v * LANES));
            V(storeu)(to + (vecs - 1) * LANES, LOAD(b + (vecs - 1) * LANES, last));
        }
        return;
    }
    int64_t j = 0;
    for (; sb[0] == 1 && j < used && HIGH <= used; j += HIGH) {
        int64_t k = 0;
        j = least(j, used - HIGH); /* the last ones overlap */
        for (; depth >= 4 && k < depth; k += 4) {
            k = least(k, depth - 4);
            NAME(transpose)(to + k * width + j, width, b + k + j * sb[1], sb[1]);
        }
        for (; k < depth; k++)
            for (int64_t i = j; i < j + HIGH; i++) to[k * width + i] = b[k + i * sb[1]];
    }
    for (; j < used; j++)
        for (int64_t k = 0; k < depth; k++) to[k * width + j] = b[k * sb[0] + j * sb[1]];
}

/* Copies rows of a, tile by tile, so that ROWS elements of a column lie together. */
static SIMD void NAME(pack_rows)(REAL *to, const REAL *a, const int64_t *sa, int64_t depth, even high,
                                 int64_t tiles)
{
    const int64_t step[2] = {sa[1], sa[0]};
    for (int64_t i = 0; i < tiles; i++, to += ROWS * depth) {
        const int64_t row = cut_at(high, i);
        NAME(pack_panel)(to, ROWS, a + row * sa[0], step, depth, cut_at(high, i + 1) - row);
    }
}

/* Sets the strip's b to a panel's. The first tile copies it while it reads, where rows lie side by side. */
static SIMD void NAME(to_panel)(const tp_gemm *g, strip *s, const REAL *b, int64_t column, int64_t width,
                                bool pack)
{
    const bool beside = g->sb[1] == 1;
    s->b = b + column * g->sb[1];
    s->last = least(LANES, g->n - column - width + LANES);
    s->whole = s->last == LANES;
    if (!g->room_b) return;
    s->whole = !pack || !beside;
    s->copy = s->whole ? NULL : g->room_b;
    s->sb = s->whole ? width : g->sb[0];
    s->ahead = beside && column + width + VECS * LANES <= g->n ? (const REAL *)s->b + width : NULL;
    if (!s->whole) return;
    for (int64_t k = 1; pack && s->last < LANES && k <= s->depth; k++) /* no denormals, which take long */
        V(storeu)((REAL *)g->room_b + k * width - LANES, V(setzero)());
    if (pack) NAME(pack_panel)(g->room_b, width, s->b, g->sb, s->depth, width - LANES + s->last);
    s->b = g->room_b;
}

/* Some rows of a block of k: a panel of columns meets them all before the next. The panel stays in the second
 * cache, or the first, the rows in the second. Rows and columns are cut as evenly as whole rows and vectors
 * allow. */
static SIMD void NAME(block)(const tp_gemm *g, const REAL *a, const REAL *b, REAL *y, int64_t rows,
                             int64_t depth, bool first, const REAL *bias)
{
    const int64_t vecs = parts(g->n, LANES), panels = parts(vecs, g->m == 1 && !g->room_b ? ROW_VECS : VECS);
    const int64_t tiles = parts(rows, ROWS);
    const even high = cut(rows, tiles), wide = cut(vecs, panels);
    strip s = {.sa_row = g->room_a ? 1 : g->sa[0],
               .sa_k = g->room_a ? ROWS : g->sa[1],
               .sb = g->sb[0],
               .sy = g->sy,
               .depth = depth,
               .sb_ahead = g->sb[0],
               .first = first,
               .relu = g->relu};
    if (g->room_a) NAME(pack_rows)(g->room_a, a, g->sa, depth, high, tiles);
    for (int64_t p = 0; p < panels; p++) {
        const int64_t column = cut_at(wide, p) * LANES, across = wide.each + (p < wide.more);
        s.bias = bias ? bias + column : NULL;
        for (int64_t i = 0; i < tiles; i += s.tiles) {
            const int64_t row = cut_at(high, i), height = high.each + (i < high.more);
            if (i < 2) NAME(to_panel)(g, &s, b, column, across * LANES, i == 0);
            s.tiles = i == 0 && s.copy ? 1 : alike(high, i, tiles);
            s.a = g->room_a ? (const REAL *)g->room_a + i * ROWS * depth : a + row * g->sa[0];
            s.next_a = g->room_a ? ROWS * depth : height * g->sa[0];
            s.y = y + row * g->sy + column;
            s.next_y = height * g->sy;
            NAME(strips)[height - 1][across - 1](&s);
        }
    }
}

static SIMD void NAME(wide)(const tp_gemm *g)
{
    const int64_t blocks = parts(g->m, g->rows);
    const even rows = cut(g->m, blocks);
    for (int64_t k = 0; k < g->k; k += TP_GEMM_BLOCK)
        for (int64_t i = 0; i < blocks; i++) {
            const int64_t start = cut_at(rows, i), end = cut_at(rows, i + 1);
            const REAL *a = (const REAL *)g->a + start * g->sa[0] + k * g->sa[1];
            NAME(block)
            (g, a, (const REAL *)g->b + k * g->sb[0], (REAL *)g->y + start * g->sy, end - start,
             least(TP_GEMM_BLOCK, g->k - k), k == 0,
             in_tile(g) && k + TP_GEMM_BLOCK >= g->k ? g->bias : NULL);
        }
}

/* Few columns, and rows of a that lie one after another: y^T = b^T a has longer rows, and the same chains. */
static SIMD void NAME(low)(const tp_gemm *g)
{
    REAL turned[TP_GEMM_CHAINS * TP_GEMM_TURNED];
    for (int64_t i = 0; i < g->m; i += TP_GEMM_TURNED) {
        const tp_gemm part = {.m = g->n,
                              .n = least(TP_GEMM_TURNED, g->m - i),
                              .k = g->k,
                              .a = g->b,
                              .b = (const REAL *)g->a + i,
                              .y = turned,
                              .sa = {g->sb[1], g->sb[0]},
                              .sb = {g->sa[1], 1},
                              .sy = TP_GEMM_TURNED,
                              .rows = g->n};
        NAME(wide)(&part);
        NAME(pack_panel)
        ((REAL *)g->y + i * g->sy, g->sy, turned, (const int64_t[]){1, TP_GEMM_TURNED}, part.n, g->n);
    }
}

/* --- fewer columns: 16 chains --- */

/* A block's chains for `rows` rows that lie along k, joined to 32 bytes. What is added past the end is +0,
 * which can change the sign of a zero alone, and the first block is added to +0. */
INLINE void NAME(along)(const int rows, const REAL *a, int64_t sa, const REAL *b, int64_t depth,
                        NAME(lanes) * joined)
{
    enum { SPAN = TP_GEMM_CHAINS / LANES, MOST = 8 };
    VEC chain[MOST][SPAN];
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int v = 0; v < SPAN; v++) chain[i][v] = V(setzero)();
    int64_t k = 0;
    for (; k + TP_GEMM_CHAINS <= depth; k += TP_GEMM_CHAINS) UNROLL for (int v = 0; v < SPAN; v++)
        {
            VEC bk = V(loadu)(b + k + v * LANES);
            UNROLL for (int i = 0; i < rows; i++) chain[i][v] =
                V(fmadd)(V(loadu)(a + i * sa + k + v * LANES), bk, chain[i][v]);
        }
    UNROLL for (int v = 0; v < SPAN; v++)
    {
        MASK rest = NAME(first)(depth - k - v * LANES);
        VEC bk = LOAD(b + k + v * LANES, rest);
        UNROLL for (int i = 0; i < rows; i++) chain[i][v] =
            V(fmadd)(LOAD(a + i * sa + k + v * LANES, rest), bk, chain[i][v]);
    }
    UNROLL for (int i = 0; i < rows; i++)
    {
        UNROLL for (int half = SPAN / 2; half > 0; half /= 2) UNROLL for (int v = 0; v < half; v++)
            chain[i][v] = V(add)(chain[i][v], chain[i][v + half]);
        joined[i] = NAME(lanes_of)(chain[i][0]);
    }
}

/* y = 0 + sum in the first block, else y + sum, for the next of the column's rows. */
INLINE void NAME(put)(one_column *c, const REAL *sum, int64_t rows)
{
    REAL *y = c->y;
    for (int64_t i = 0; i < rows; i++, y += c->sy) *y = (c->first ? 0 : *y) + sum[i];
    c->y = y;
    c->a = (const REAL *)c->a + rows * c->sa[0];
    c->rows -= rows;
}

/* The same for as many rows as a vector holds, or some of them, that lie one after another. */
INLINE void NAME(across)(const bool whole, one_column *c)
{
    const int64_t rows = least(c->rows, LANES), sa = c->sa[1];
    const MASK some = NAME(first)(rows);
    const REAL *a = c->a, *b = c->b;
    REAL sum[LANES];
    VEC chain[TP_GEMM_CHAINS];
    UNROLL for (int l = 0; l < TP_GEMM_CHAINS; l++) chain[l] = V(setzero)();
    int64_t left = c->depth;
    for (; left >= TP_GEMM_CHAINS; left -= TP_GEMM_CHAINS, b += TP_GEMM_CHAINS)
        UNROLL for (int l = 0; l < TP_GEMM_CHAINS; l++, a += sa)
        {
            BARRIER;
            chain[l] = V(fmadd)(whole ? V(loadu)(a) : LOAD(a, some), V(set1)(b[l]), chain[l]);
        }
    UNROLL for (int l = 0; l < TP_GEMM_CHAINS; l++, a += sa) if (l < left) chain[l] =
        V(fmadd)(LOAD(a, some), V(set1)(b[l]), chain[l]);
    UNROLL for (int half = TP_GEMM_CHAINS / 2; half > 0; half /= 2) UNROLL for (int l = 0; l < half; l++)
        chain[l] = V(add)(chain[l], chain[l + half]);
    V(storeu)(sum, chain[0]);
    NAME(put)(c, sum, rows);
}

/* Rows that lie along k, as many as are joined together. */
INLINE void NAME(together)(one_column *c)
{
    enum { TOGETHER = 8 / (TP_GEMM_CHAINS / LANES) }; /* so many fit into the registers */
    const int64_t sa = c->sa[0];
    NAME(lanes) joined[HIGH];
    REAL sum[LANES];
    UNROLL for (int i = 0; i < HIGH; i += TOGETHER)
        NAME(along)(TOGETHER, (const REAL *)c->a + i * sa, sa, c->b, c->depth, joined + i);
    NAME(lanes) sums = NAME(join)(joined);
    memcpy(sum, &sums, sizeof sums);
    NAME(put)(c, sum, HIGH);
}

/* One row, wherever it lies. */
INLINE void NAME(alone)(one_column *c)
{
    REAL row[TP_GEMM_BLOCK], sum[LANES];
    const REAL *a = c->a;
    NAME(lanes) joined[HIGH];
    for (int64_t k = 0; c->sa[1] != 1 && k < c->depth; k++) row[k] = a[k * c->sa[1]];
    NAME(along)(1, c->sa[1] == 1 ? a : row, 0, c->b, c->depth, joined);
    UNROLL for (int i = 1; i < HIGH; i++) joined[i] = joined[0];
    NAME(lanes) sums = NAME(join)(joined);
    memcpy(sum, &sums, sizeof sums);
    NAME(put)(c, sum, 1);
}

static SIMD void NAME(narrow)(const tp_gemm *g)
{
    REAL copy[TP_GEMM_BLOCK];
    for (int64_t k = 0; k < g->k; k += TP_GEMM_BLOCK)
        for (int64_t j = 0; j < g->n; j++) {
            const REAL *b = (const REAL *)g->b + k * g->sb[0] + j * g->sb[1];
            one_column c = {.a = (const REAL *)g->a + k * g->sa[1],
                            .b = b,
                            .y = (REAL *)g->y + j,
                            .sa = {g->sa[0], g->sa[1]},
                            .sy = g->sy,
                            .rows = g->m,
                            .depth = least(TP_GEMM_BLOCK, g->k - k),
                            .first = k == 0};
            for (int64_t l = 0; g->sb[0] != 1 && l < c.depth; l++) copy[l] = b[l * g->sb[0]];
            if (g->sb[0] != 1) c.b = copy;
            const bool lie_across = c.sa[0] == 1 && c.sa[1] != 1;
            while (lie_across && c.rows >= LANES) NAME(across)(true, &c);
            if (lie_across && c.rows > 0) NAME(across)(false, &c);
            while (c.sa[1] == 1 && c.rows >= HIGH) NAME(together)(&c);
            while (c.rows > 0) NAME(alone)(&c);
        }
}

/* --- all --- */

static SIMD void NAME(finish)(const tp_gemm *g)
{
    const REAL *bias = g->bias;
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            REAL *y = (REAL *)g->y + i * g->sy + j;
            *y += bias[j * g->sbias];
            if (g->relu) *y = *y > 0 || *y != *y ? *y : 0;
        }
}

SIMD void GEMM(const tp_gemm *g)
{
    const bool low = g->sa[0] == 1 && g->n <= TP_GEMM_CHAINS && g->m >= TP_GEMM_COLUMNS;
    const bool wide = g->k > 0 && g->n >= TP_GEMM_NARROW && !low;
    if (g->k > 0)
        (g->n < TP_GEMM_NARROW ? NAME(narrow) : low ? NAME(low) : NAME(wide))(g);
    else
        for (int64_t i = 0; i < g->m; i++)
            for (int64_t j = 0; j < g->n; j++) ((REAL *)g->y)[i * g->sy + j] = 0;
    if (g->bias && !(wide && in_tile(g))) NAME(finish)(g);
}

#undef GEMM
#undef REAL
#undef LANES
#undef VEC
#undef V
#undef LOAD
#undef STORE
#undef NAME
#undef PASTE
#undef HIGH
#undef NEXT_STEP
#undef BARRIER
#undef OPERANDS
#undef PASTE_
#undef STRIP
#undef STRIPS
#undef ROW_OF_STRIPS
