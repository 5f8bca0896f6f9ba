#include "tensor/dtype.h"
#include "tensor/tensor.h"

void tp_array_copy(const tp_array *to, const tp_array *from)
{
    int rank = to->rank, last = rank - 1;
    int64_t index[TP_INTERNAL_RANK] = {0};
    for (int i = 0; i < rank; i++)
        if (to->size[i] == 0) return;
    char *t = to->data;
    const char *f = from->data;
    int64_t ts = (int64_t)tp_dtype_size(to->dtype), fs = (int64_t)tp_dtype_size(from->dtype);
    for (;;) {
        if (rank == 0) {
            tp_convert(t, 1, to->dtype, f, 1, from->dtype, 1);
            return;
        }
        tp_convert(t, to->stride[last], to->dtype, f, from->stride[last], from->dtype, to->size[last]);
        int i = last - 1;
        for (; i >= 0; i--) {
            t += to->stride[i] * ts;
            f += from->stride[i] * fs;
            if (++index[i] < to->size[i]) break;
            t -= to->size[i] * to->stride[i] * ts;
            f -= to->size[i] * from->stride[i] * fs;
            index[i] = 0;
        }
        if (i < 0) return;
    }
}
