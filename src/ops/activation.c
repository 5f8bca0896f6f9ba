/* activation.c - elementwise nonlinearities of neural networks. */
#include "ops/elementwise.h"

#include <math.h>

/* --- piecewise ------------------------------------------------------------------------------------ */

/* Gates read the output, so that the input need not be kept. At NaN relu passes the gradient and hardtanh
 * does not, as PyTorch. */
TP_UNARY_PULLED(relu, TP_COST_PASS, m_max(x, 0), tp_relu_grad(u, y), .reads = TP_OUT(0), .kinks = 1)
TP_BINARY(relu_grad, b != 0 ? a : 0, tp_ne(b, tp_like(b, 0)), NULL, .reads = TP_IN(1), .kinks = 1)

static bool hardtanh_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)in, (void)room;
    attr[0].d = k == 0 ? -1 : 0.5;
    attr[1].d = k == 0 ? 1 : 1.5;
    return k < 2;
}

TP_UNARY(hardtanh, m_min(m_max(x, (real)attr[0].d), (real)attr[1].d),
         tp_logical_and(tp_gt(y, tp_like(y, call->attr[0].d)), tp_lt(y, tp_like(y, call->attr[1].d))),
         .reads = TP_OUT(0), .kink = {-1, 1, 0.5, 1.5}, .kinks = 4, .sample = hardtanh_sample)

TP_UNARY(leaky_relu, x > 0 ? x : x * (real)attr[0].d,
         tp_where(tp_gt(x, tp_like(x, 0)), tp_like(x, 1), tp_like(x, call->attr[0].d)), .reads = TP_IN(0),
         .kinks = 1)

/* alpha e^x where x <= 0. The clamp keeps the e^x of a large x, which is not used, from turning the second
 * derivative into 0 * infinity. */
static tp_tensor *elu_slope_of(tp_tensor *x, double alpha)
{
    tp_tensor *low = tp_mul_scalar(tp_exp(tp_clamp(x, -INFINITY, 0)), alpha);
    return tp_where(tp_gt(x, tp_like(x, 0)), tp_like(x, 1), low);
}

TP_FUNCTION(elu, x > 0 ? x : (real)(attr[0].d * m_expm1_wide(x)), elu_slope_of(x, call->attr[0].d),
            .reads = TP_IN(0), .kinks = 1)

/* --- sigmoid and its kin -------------------------------------------------------------------------- */

TP_UNARY_PULLED(sigmoid, TP_COST_FUNCTION, m_sigmoid(x), tp_sigmoid_grad(u, y), .reads = TP_OUT(0),
                .lo = {-5}, .hi = {5})
TP_BINARY(sigmoid_grad, a *(b *(1 - b)), tp_mul(b, tp_rsub_scalar(b, 1)),
          tp_mul(a, tp_rsub_scalar(tp_mul_scalar(b, 2), 1)), .reads = TP_IN(0) | TP_IN(1))
TP_FUNCTION(log_sigmoid, m_log_sigmoid(x), tp_sigmoid(tp_neg(x)), .reads = TP_IN(0), .lo = {-5}, .hi = {5})
TP_FUNCTION(softplus, m_softplus(x), tp_sigmoid(x), .reads = TP_IN(0), .lo = {-5}, .hi = {5})

/* s + x ds/dx for a factor s = sigmoid(z): s (1 + x z' (1 - s)); z' NULL is 1. */
static tp_tensor *gated_slope(tp_tensor *x, tp_tensor *s, tp_tensor *dz)
{
    tp_tensor *xz = dz ? tp_mul(x, dz) : x;
    return tp_mul(s, tp_add_scalar(tp_mul(xz, tp_rsub_scalar(s, 1)), 1));
}

static inline double silu(double x) { return x * vm_sigmoid(x); }
static inline float siluf(float x)
{
    return vm_gated_f32(x, vm_at_most_f32(fabsf(x), 110), VM_LOG2E_F32, VM_LOG2E_L_F32);
}

TP_FUNCTION(silu,
            _Generic(x, float
                     : siluf, double
                     : silu)(x),
            gated_slope(x, tp_sigmoid(x), NULL), .reads = TP_IN(0), .lo = {-5}, .hi = {5})

/* x tanh(log(1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2). */
static inline double mish(double x)
{
    double e = vm_exp(x > 40 ? 40 : x), n = e * (e + 2);
    return x * (n / (n + 2));
}

static inline float mishf(float x)
{
    double e = vm_short_exp((double)vm_clamp_f32(x, -300, 20)), n = e * (e + 2);
    return x == -INFINITY ? NAN : (float)((double)x * (n * vm_short_inverse(n + 2)));
}

/* t + x sigmoid(x) (1 - t^2) with t = tanh(softplus(x)) */
static tp_tensor *mish_slope_of(tp_tensor *x)
{
    tp_tensor *t = tp_tanh(tp_softplus(x));
    return tp_add(t, tp_mul(tp_mul(x, tp_sigmoid(x)), tp_rsub_scalar(tp_square(t), 1)));
}

TP_FUNCTION(mish,
            _Generic(x, float
                     : mishf, double
                     : mish)(x),
            mish_slope_of(x), .reads = TP_IN(0), .lo = {-5}, .hi = {5})

/* --- gelu: x P(normal < x) ------------------------------------------------------------------------ */

#define SQRT_HALF         0.70710678118654752440
#define SQRT_HALF_REST    -4.8336466567264567e-17 /* what rounding to f64 took from it */
#define TWO_OVER_SQRT_PI  1.1283791670955125739
#define ONE_OVER_SQRT_2PI 0.39894228040143267794
#define TANH_GAIN         1.5957691216057307117 /* 2 sqrt(2 / pi) */
#define TANH_CUBE         0.044715
#define GAIN_H            0x1.26aecp+1

/* P(normal < x) = erfc(a) / 2, a = -x / sqrt(2). A rounding error d of `a` is magnified by up to 2 a^2, so it
 * is taken back with the slope of erfc. */
static inline double normal_cdf(double x)
{
    double a = -x * SQRT_HALF, d = fma(-x, SQRT_HALF, -a) - x * SQRT_HALF_REST;
    double e = vm_erfc(a);
    return 0.5 * (fabs(a) < 28 ? e - TWO_OVER_SQRT_PI * vm_exp(-a * a) * d : e);
}

/* The approximation (1 + tanh(z)) / 2 = sigmoid(2 z) with 2 z = 2 sqrt(2 / pi) (x + 0.044715 x^3)
 * (Hendrycks and Gimpel, "Gaussian error linear units", 2016). */
static inline double normal_cdf_approximate(double x)
{
    return vm_sigmoid(TANH_GAIN * (x + TANH_CUBE * x * x * x));
}

static inline double gelu(double x) { return x * normal_cdf(x); }
static inline double gelu_tanh(double x) { return x * normal_cdf_approximate(x); }

static inline float geluf(float x)
{
    double cdf = 0.5 * vm_short_erfc((double)vm_clamp_f32(x, -26, 26) * -SQRT_HALF);
    return x == -INFINITY ? NAN : (float)((double)x * cdf);
}

/* 2 z log2(e) = x w for w = gain + cube x^2. As a multiple of the last bit of any w, which is below 16, gain
 * is what is taken from w exactly. */
static inline float gelu_tanhf(float x)
{
    const double gain = TANH_GAIN * VM_LOG2E, cube = gain * TANH_CUBE;
    const float gain_h = (float)GAIN_H, gain_l = (float)(gain - GAIN_H), cube_h = (float)cube,
                cube_l = (float)(cube - (double)cube_h);
    float a = vm_at_most_f32(fabsf(x), 11), z = a * a, zl = fmaf(a, a, -z);
    float w = fmaf(cube_h, z, gain_h),
          wl = fmaf(cube_h, z, gain_h - w) + fmaf(cube_h, zl, fmaf(cube_l, z, gain_l));
    return vm_gated_f32(x, a, w, wl);
}

static tp_tensor *gelu_slope_of(tp_tensor *x, bool approximate)
{
    if (approximate) {
        tp_tensor *square = tp_square(x);
        tp_tensor *z = tp_mul(x, tp_add_scalar(tp_mul_scalar(square, TANH_GAIN * TANH_CUBE), TANH_GAIN));
        tp_tensor *dz = tp_add_scalar(tp_mul_scalar(square, 3 * TANH_GAIN * TANH_CUBE), TANH_GAIN);
        return gated_slope(x, tp_sigmoid(z), dz);
    }
    tp_tensor *cdf = tp_mul_scalar(tp_erfc(tp_mul_scalar(x, -SQRT_HALF)), 0.5);
    tp_tensor *pdf = tp_mul_scalar(tp_exp(tp_mul_scalar(tp_square(x), -0.5)), ONE_OVER_SQRT_2PI);
    return tp_add(cdf, tp_mul(x, pdf));
}

TP_LOOP1_(gelu_f32, float, float, geluf(x))
TP_LOOP1_(gelu_f64, double, double, gelu(x))
TP_LOOP1_(gelu_tanh_f32, float, float, gelu_tanhf(x))
TP_LOOP1_(gelu_tanh_f64, double, double, gelu_tanh(x))
TP_EVAL_(gelu_erf, .f32 = gelu_f32, .f64 = gelu_f64, .cost = TP_COST_FUNCTION)
TP_EVAL_(gelu_tanh, .f32 = gelu_tanh_f32, .f64 = gelu_tanh_f64, .cost = TP_COST_FUNCTION)
TP_SLOPE1_(gelu, gelu_slope_of(x, call->attr[0].b))

static void gelu_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    (call->attr[0].b ? gelu_tanh_eval : gelu_erf_eval)(call, in, out);
}

const tp_rules tp_rules_gelu = {.eval = gelu_eval,
                                .slope = gelu_slope,
                                .text = "x P(normal < x)",
                                .reads = TP_IN(0),
                                .lo = {-5},
                                .hi = {5}};
