/* files.c - what it takes to open a safetensors file of 500 MB and to use one tensor of it: time, the best of
 * many rounds, and the resident memory that one round adds. */
#include <taper/taper.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 20, SIZE = 500000000 };

/* Writes a file of `n` tensors f32 of equal size, SIZE bytes of holes. */
static void write_file(const char *path, int n)
{
    FILE *f = fopen(path, "wb");
    if (!f) exit(1);
    long long each = SIZE / n;
    fwrite("\0\0\0\0\0\0\0\0{", 1, 9, f);
    for (int i = 0; i < n; i++)
        fprintf(f, "%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[%lld],\"data_offsets\":[%lld,%lld]}",
                i ? "," : "", i, each / 4, each * i, each * (i + 1));
    fputc('}', f);
    while (ftell(f) % 8) fputc(' ', f);
    long header = ftell(f) - 8;
    rewind(f);
    for (int i = 0; i < 8; i++) fputc((int)(header >> 8 * i & 255), f);
    if (fclose(f) || truncate(path, 8 + header + SIZE)) exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* KiB of this process that are in memory. */
static long resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Opens the file and adds up a tensor, or takes its first element. */
static void measure(const char *what, const char *path, bool mapped, bool all)
{
    double fastest = 1e30;
    long most = 0;
    for (int i = 0; i < ROUNDS; i++) {
        long before = resident();
        double start = now();
        tp_context *c = tp_open(NULL);
        tp_tensor *t = tp_safetensors_read(tp_safetensors_open(c, path, .mapped = mapped), "t0");
        double value = all ? tp_item(tp_sum(t, TP_ALL, false)) : tp_get(t, TP_INTS(0));
        double time = now() - start;
        long more = resident() - before;
        if (tp_close(c) || value != 0) exit(1);
        if (time < fastest) fastest = time;
        if (more > most) most = more;
    }
    printf("%-52s %8.3f ms %8ld KiB\n", what, fastest, most);
}

int main(void)
{
    char many[] = "/tmp/taper-many-XXXXXX", one[] = "/tmp/taper-one-XXXXXX";
    int a = mkstemp(many), b = mkstemp(one);
    if (a < 0 || b < 0) return 1;
    close(a);
    close(b);
    write_file(many, 125);
    write_file(one, 1);
    measure("500 MB: one of 125 tensors read and summed", many, false, true);
    measure("500 MB: one of 125 tensors mapped and summed", many, true, true);
    measure("500 MB: the only tensor mapped, an element used", one, true, false);
    unlink(many);
    unlink(one);
    return 0;
}
