#include <taper/base.h>

#define TEXT(x)         #x
#define DOTTED(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

const char *tp_version(void) { return DOTTED(TP_VERSION_MAJOR, TP_VERSION_MINOR, TP_VERSION_PATCH); }
