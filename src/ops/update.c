/* update.c - the steps of optimizers: a parameter and its states are overwritten in one pass over memory. */
#include "ops/elementwise.h"
#include "tensor/tensor.h"

#include <math.h>

static const char why[] = "an update in place has no history";

static void assign_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    (void)call;
    tp_array_copy(&out[0], &in[1]);
}

const tp_rules tp_rules_assign = {.eval = assign_eval, .nodiff = why};

/* Element k of operand i: x, the states, the gradient, then x and the states again, as outputs. */
#define AT_(i) ((real *)p[i])[k * s[i]]

/* A kernel: `step` changes x and its states a, b, c, as many as there are, given the gradient g. `constants`
 * declares what it takes from the attributes. */
#define STEP_LOOP_(name, target, T, states, constants, step)                   \
    TP_LOOP_(name, target)                                                     \
    {                                                                          \
        typedef T real;                                                        \
        enum { GRAD = (states) + 1, OUT = (states) + 2 };                      \
        constants;                                                             \
        TP_INDEPENDENT for (int64_t k = 0; k < n; k++)                         \
        {                                                                      \
            real x = AT_(0), g = AT_(GRAD);                                    \
            real a = (states) > 0 ? AT_(1) : 0, b = (states) > 1 ? AT_(2) : 0, \
                 c = (states) > 2 ? AT_(3) : 0;                                \
            step;                                                              \
            AT_(OUT) = x;                                                      \
            if ((states) > 0) AT_(OUT + 1) = a;                                \
            if ((states) > 1) AT_(OUT + 2) = b;                                \
            if ((states) > 2) AT_(OUT + 3) = c;                                \
        }                                                                      \
    }

#define UPDATE(name, states, constants, step, ...)                                        \
    TP_LEVELS_(STEP_LOOP_, 2 * (states) + 3, name##_f32, float, states, constants, step)  \
    TP_LEVELS_(STEP_LOOP_, 2 * (states) + 3, name##_f64, double, states, constants, step) \
    TP_EVAL_(name, .f32 = name##_f32, .f64 = name##_f64)                                  \
    const tp_rules tp_rules_##name = {.eval = name##_eval, .nodiff = why, __VA_ARGS__};

#define NUMBER(i) (real) attr[i].d
#define ROOT(x)   (real) sqrt((double)(x)) /* of a float: what sqrtf gives */

UPDATE(sgd_update, 0, real lr = NUMBER(0), x -= lr * g, .text = "x - lr g")
UPDATE(sgd_decay_update, 0, real lr = NUMBER(0);
       real l2 = NUMBER(1), x -= lr * (g + l2 * x), .text = "x - lr (g + weight_decay x)")

/* Sutskever et al. 2013. */
UPDATE(momentum_update, 1, real lr = NUMBER(0); real momentum = NUMBER(1); real part = (real)(1 - attr[2].d);
       real l2 = NUMBER(3); bool nesterov = attr[4].b, g += l2 * x; a = momentum * a + part * g;
       x -= lr * (nesterov ? g + momentum * a : a), .text = NULL)

/* Kingma & Ba 2015; with `decay` Loshchilov & Hutter 2019. */
#define ADAM_CONSTANTS                  \
    real rate = NUMBER(0);              \
    real beta1 = NUMBER(1);             \
    real beta2 = NUMBER(2);             \
    real part1 = (real)(1 - attr[1].d); \
    real part2 = (real)(1 - attr[2].d); \
    real eps = NUMBER(3);               \
    real l2 = NUMBER(4);                \
    real keep = (real)(1 - attr[5].d)
#define ADAM_MOMENTS           \
    g += l2 * x;               \
    a = beta1 * a + part1 * g; \
    b = beta2 * b + part2 * g * g
#define POSITIVE .lo = {0, 0, 20}, .hi = {0, 0, 30}, .narrow = "squares are sums of squares"

UPDATE(adam_update, 2, ADAM_CONSTANTS, ADAM_MOMENTS; x = keep * x - rate * a / (ROOT(b) + eps), POSITIVE)
/* Reddi et al. 2018. */
UPDATE(amsgrad_update, 3, ADAM_CONSTANTS, ADAM_MOMENTS; c = m_max(c, b);
       x = keep * x - rate * a / (ROOT(c) + eps), POSITIVE)

/* Tieleman & Hinton 2012; centered: Graves 2013. */
#define RMSPROP_CONSTANTS              \
    real lr = NUMBER(0);               \
    real alpha = NUMBER(1);            \
    real part = (real)(1 - attr[1].d); \
    real eps = NUMBER(2);              \
    real l2 = NUMBER(3)
#define RMSPROP_SQUARE \
    g += l2 * x;       \
    a = alpha * a + part * g * g
#define RMSPROP_MEAN \
    RMSPROP_SQUARE;  \
    b = alpha * b + part * g
#define POSITIVE_FIRST .lo = {0, 20}, .hi = {0, 30}, .narrow = "squares are sums of squares"

UPDATE(rmsprop_update, 1, RMSPROP_CONSTANTS, RMSPROP_SQUARE; x -= lr * g / (ROOT(a) + eps), POSITIVE_FIRST)
UPDATE(rmsprop_momentum_update, 2, RMSPROP_CONSTANTS; real momentum = NUMBER(4), RMSPROP_SQUARE;
       b = momentum * b + g / (ROOT(a) + eps); x -= lr * b, POSITIVE_FIRST)
UPDATE(rmsprop_centered_update, 2, RMSPROP_CONSTANTS, RMSPROP_MEAN;
       x -= lr * g / (ROOT(a - b * b) + eps), POSITIVE_FIRST)
UPDATE(rmsprop_centered_momentum_update, 3, RMSPROP_CONSTANTS; real momentum = NUMBER(4), RMSPROP_MEAN;
       c = momentum * c + g / (ROOT(a - b * b) + eps); x -= lr * c, POSITIVE_FIRST)

/* Duchi et al. 2011. */
UPDATE(adagrad_update, 1, real lr = NUMBER(0); real eps = NUMBER(1); real l2 = NUMBER(2), g += l2 * x;
       a += g * g; x -= lr * g / (ROOT(a) + eps), POSITIVE_FIRST)
