/* custom_op.c - an op of our own with two inputs: the cross product of vectors of 3, over any leading axes.
 * Both modes and second derivatives follow from one rule, and tp_check_op proves it. */
#include <taper/ext.h>
#include <taper/taper.h>

#include <stdio.h>

/* Element i of vector k, vectors counted row-major over the leading (loop) axes. */
static double *at(const tp_array *a, int64_t k, int i)
{
    int64_t offset = i * a->stride[a->rank - 1];
    for (int j = a->rank - 2; j >= 0; k /= a->size[j], j--) offset += k % a->size[j] * a->stride[j];
    return (double *)a->data + offset;
}

static void cross_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int64_t n = 1;
    if (out->dtype != TP_F64 || out->size[out->rank - 1] != 3) {
        tp_call_fail(call, TP_ERR_ARGUMENT, "takes vectors of 3 in f64");
        return;
    }
    for (int axis = 0; axis < call->loops; axis++) n *= out->size[axis];
    for (int64_t k = 0; k < n; k++)
        for (int i = 0; i < 3; i++) {
            int j = (i + 1) % 3, l = (i + 2) % 3;
            *at(out, k, i) = *at(in, k, j) * *at(in + 1, k, l) - *at(in, k, l) * *at(in + 1, k, j);
        }
}

static const tp_op cross_op;
static tp_tensor *cross(tp_tensor *a, tp_tensor *b)
{
    return tp_apply(&cross_op, 2, (tp_tensor *[]){a, b}, 0, 0);
}

/* u . (a x b) = a . (b x u) = b . (u x a) */
static tp_tensor *cross_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return i == 0 ? cross(call->in[1], u[0]) : cross(u[0], call->in[0]);
}

/* Test samples have vectors of 3. */
static bool cross_sample(int k, int n_in, tp_shape *shape, tp_attr *attr, tp_ints *room)
{
    (void)attr, (void)room;
    for (int i = 0; i < n_in; i++) shape[i].v[shape[i].n - 1] = 3;
    return k == 0;
}

static const tp_rules rules = {.eval = cross_eval,
                               .linear = TP_MULTILINEAR, /* in a, and in b */
                               .pull = cross_pull,
                               .reads = TP_IN(0) | TP_IN(1),
                               .sample = cross_sample};
static const tp_op cross_op = {.name = "cross",
                               .signature = "(n),(n)->(n)",
                               .types = "FF->F",
                               .n_in = 2,
                               .in_name = (const char *const[]){"a", "b"},
                               .n_out = 1,
                               .out_name = (const char *const[]){"y"},
                               .doc = "the vector at right angles to a and b",
                               .rules = &rules};

int main(void)
{
    char text[128];
    tp_op_report report;
    tp_context *c = tp_open(NULL);
    tp_tensor *a = tp_require_grad(tp_from_doubles(c, TP_SHAPE(3), TP_F64, (double[]){1, 2, 3}));
    tp_tensor *b = tp_from_doubles(c, TP_SHAPE(3), TP_F64, (double[]){4, 5, 6}), *y = cross(a, b);
    tp_format(y, text, sizeof text);
    printf("a x b %s, its derivative by a\n", text);
    tp_format(tp_jacobian(y, a), text, sizeof text);
    puts(text);
    bool right = tp_check_op(c, &cross_op, &report);
    printf("%d samples, %d checks: %s\n", report.samples, (int)report.checks, right ? "right" : "wrong");
    return tp_close(c) || !right;
}
