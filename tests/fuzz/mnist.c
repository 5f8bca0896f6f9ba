/* mnist.c - two IDX files as a data set: a byte, so many bytes of labels, images. */
#include "fuzz.h"

#include <string.h>

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    char name[600] = "mnist:";
    size_t labels = size ? *data : 0;
    if (labels >= size) return;
    fuzz_file("t10k-labels-idx1-ubyte", data + 1, labels);
    const char *path = fuzz_file("t10k-images-idx3-ubyte", data + 1 + labels, size - 1 - labels);
    strncat(name, path, (size_t)(strrchr(path, '/') - path));
    tp_dataset *d = tp_dataset_open(c, name, .split = "test");
    fuzz_frugal(c, 0, 4 << 20);
    if (!fuzz_accepted(c)) return;
    tp_tensor *x = tp_dataset_x(d, TP_F32), *y = tp_dataset_y(d, TP_F32);
    HOLDS(tp_size(x, 0) == tp_dataset_size(d) && tp_size(y, 0) == tp_dataset_size(d));
    HOLDS(tp_dataset_classes(d) > 0 && tp_item(tp_max(y, TP_ALL, false)) < tp_dataset_classes(d));
}
