#include <taper/taper.h>

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("taper %s\n", tp_version());
        return 0;
    }
    int asked = argc == 2 && (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0);
    fputs("usage: taper --version | help\n", asked ? stdout : stderr);
    return asked ? 0 : 2;
}
