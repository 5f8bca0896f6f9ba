/* derivatives.c - J v, Jacobian and Hessian of small functions, checked against what calculus says. */
#include <taper/taper.h>

#include <math.h>
#include <stdio.h>

enum { GATE_FAILED = 5 };

/* Prints a result; 1 if it is not what calculus says. */
static int differs(const char *name, const tp_tensor *t, const double *wanted)
{
    double got[9] = {0};
    int64_t n = tp_numel(t), columns = tp_rank(t) == 2 ? tp_size(t, 1) : n;
    int wrong = n == 0 || n > 9 || tp_read_doubles(t, got, n) != TP_OK;
    printf("%s\n", name);
    for (int64_t i = 0; i < n && !wrong; i++)
        printf(" %20.15f%s", got[i], i % columns == columns - 1 ? "\n" : "");
    for (int64_t i = 0; i < n; i++) wrong |= !(fabs(got[i] - wanted[i]) <= 1e-14 * (1 + fabs(wanted[i])));
    return wrong;
}

int main(void)
{
    const double a = 0.5, b = 2, s = sin(a), k = cos(a), e = exp(a * b);
    tp_context *c = tp_open(NULL);
    tp_tensor *x = tp_require_grad(tp_from_doubles(c, TP_SHAPE(2), TP_F64, (double[]){a, b}));
    tp_tensor *x0 = tp_select(x, 0, 0), *x1 = tp_select(x, 0, 1);
    tp_tensor *product = tp_mul(x0, x1);

    /* f(a, b) = (a b, b sin a, e^(a b)) from R^2 to R^3 */
    tp_tensor *parts[] = {product, tp_mul(x1, tp_sin(x0)), tp_exp(product)};
    tp_tensor *f = tp_stack(3, parts, 0);
    tp_tensor *v = tp_from_doubles(c, TP_SHAPE(2), TP_F64, (double[]){1, -1});
    int wrong = differs("J v, v = (1, -1)", tp_jvp(f, x, v), (double[]){b - a, b * k - s, (b - a) * e});
    wrong |= differs("Jacobian", tp_jacobian(f, x), (double[]){b, a, b * k, s, b * e, a * e});

    /* g(a, b) = b sin a + e^(a b) from R^2 to R */
    tp_tensor *g = tp_add(parts[1], parts[2]);
    const double mixed = k + (1 + a * b) * e;
    const double hessian[] = {-b * s + b * b * e, mixed, mixed, a * a * e};
    wrong |= differs("gradient", tp_grad(g, x), (double[]){b * k + b * e, s + a * e});
    wrong |= differs("Hessian", tp_hessian(g, x), hessian);
    wrong |= differs("H v", tp_hvp(g, x, v), (double[]){hessian[0] - mixed, mixed - hessian[3]});

    if (!tp_ok(c)) fprintf(stderr, "derivatives: %s\n", tp_error_text(c));
    if (wrong) fprintf(stderr, "derivatives: not what calculus says\n");
    return tp_close(c) || wrong ? GATE_FAILED : 0;
}
