/* names.c - what was meant by a name that nobody knows. */
#include <taper/ext.h>

#include <stdlib.h>
#include <string.h>

static int smaller(int a, int b) { return a < b ? a : b; }

/* Levenshtein's distance, one row at a time. */
int tp_edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    int row[LONGEST + 1], n = smaller((int)strlen(b), LONGEST);
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = smaller(replaced, 1 + smaller(row[j], row[j - 1]));
        }
    }
    return row[n];
}

const char *tp_nearest_name(const char *given, tp_name_at_fn *name_at, const void *names)
{
    enum { ENOUGH = 64 }; /* more than any name has: what comes after adds the same to each distance */
    char beginning[ENOUGH + 1] = {0};
    const char *nearest = NULL, *name;
    int least = 0;
    strncpy(beginning, given, ENOUGH);
    int length = (int)strlen(beginning);
    for (int i = 0; (name = name_at(names, i)) != NULL; i++) {
        if (nearest && abs(length - (int)strlen(name)) >= least) continue;
        int distance = tp_edit_distance(beginning, name);
        if (nearest && distance >= least) continue;
        nearest = name;
        least = distance;
    }
    return nearest;
}
