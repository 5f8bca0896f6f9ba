#include <taper/taper.h>

#include <stdio.h>

int main(void) { return puts(tp_version()) == EOF; }
