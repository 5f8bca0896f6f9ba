/* replay.c FILE_OR_FOLDER... - runs a fuzz target on nothing, its example and files, where there is no
 * libFuzzer. */
#define _XOPEN_SOURCE 700
#include "fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int files;

static int replay(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)place;
    if (type != FTW_F) return type == FTW_D ? 0 : -1;
    size_t size = (size_t)status->st_size;
    uint8_t *data = malloc(size ? size : 1);
    FILE *f = fopen(path, "rb");
    if (!data || !f || fread(data, 1, size, f) != size || fclose(f) != 0) return -1;
    dprintf(STDERR_FILENO, "%s\n", path); /* the last one is to blame */
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    files++;
    return 0;
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput(NULL, 0);
    if (fuzz_example) LLVMFuzzerTestOneInput(fuzz_example, fuzz_example_size);
    for (int i = 1; i < argc; i++)
        if (nftw(argv[i], replay, 8, FTW_PHYS) != 0) {
            dprintf(STDERR_FILENO, "%s: cannot read\n", argv[i]);
            return 1;
        }
    printf("%d files\n", files);
    return files == 0 && !fuzz_example;
}
