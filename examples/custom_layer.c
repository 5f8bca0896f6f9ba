/* custom_layer.c - a layer whose forward and backward passes are loops of our own: softsign, x / (1 + |x|).
 */
#include <taper/ext.h>
#include <taper/taper.h>

#include <math.h>
#include <stdio.h>

/* Element k, row-major, of an array of any strides. */
static float *at(const tp_array *a, int64_t k)
{
    int64_t offset = 0;
    for (int i = a->rank - 1; i >= 0; k /= a->size[i], i--) offset += k % a->size[i] * a->stride[i];
    return (float *)a->data + offset;
}

static void forward(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int64_t n = 1;
    if (out->dtype != TP_F32) {
        tp_call_fail(call, TP_ERR_DTYPE, "takes f32 only");
        return;
    }
    for (int i = 0; i < out->rank; i++) n *= out->size[i];
    for (int64_t k = 0; k < n; k++) *at(out, k) = *at(in, k) / (1 + fabsf(*at(in, k)));
}

/* The gradient with respect to x, given that with respect to y: u / (1 + |x|)^2. */
static tp_tensor *backward(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    tp_tensor *gradient = tp_zeros_like(call->in[0]);
    float *g = tp_data_mut(gradient);
    const float *x = tp_data(tp_contiguous(call->in[0])), *from_y = tp_data(tp_contiguous(u[0]));
    for (int64_t k = 0; g && x && from_y && k < tp_numel(gradient); k++)
        g[k] = from_y[k] / ((1 + fabsf(x[k])) * (1 + fabsf(x[k])));
    return gradient;
}

static const tp_rules rules = {.eval = forward, .pull = backward, .reads = TP_IN(0), .no_batch = true};
static const tp_op softsign = {.name = "softsign",
                               .signature = "()->()",
                               .types = "F->F",
                               .n_in = 1,
                               .in_name = (const char *const[]){"x"},
                               .n_out = 1,
                               .out_name = (const char *const[]){"y"},
                               .doc = "x / (1 + |x|)",
                               .rules = &rules};

static tp_tensor *softsign_forward(tp_module *m, tp_tensor *x)
{
    (void)m;
    return tp_apply(&softsign, 1, &x, NULL, NULL);
}

int main(void)
{
    char text[256];
    tp_context *c = tp_open(NULL);
    if (!c) return 1;
    tp_module *layer = tp_module_new(c, "softsign", softsign_forward, NULL, 0);
    tp_module *net = tp_sequential(c, tp_linear(c, 3, 4), layer, tp_linear(c, 4, 1));
    tp_tensor *x = tp_require_grad(tp_from_doubles(c, TP_SHAPE(3), TP_F32, (double[]){-3, 0, 1}));
    tp_backward(tp_sum(tp_forward(layer, x), TP_ALL, false));
    tp_format(tp_grad_of(x), text, sizeof text);
    printf("gradient %s\n", text);

    tp_backward(tp_sum(tp_forward(net, x), TP_ALL, false));
    printf("through the net: %s\n", tp_ok(c) ? "right" : tp_error_text(c));
    tp_tensor *y = tp_forward(layer, x);
    if (!tp_is_nil(tp_jvp(y, x, tp_ones(c, TP_SHAPE(3), TP_F32)))) return 1;
    printf("forward mode: %s\n", tp_error_text(c)); /* what has a pull alone says so */
    tp_clear(c);
    return tp_close(c);
}
