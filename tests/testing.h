/* testing.h: cmocka with the headers it expects before it. */
#ifndef TAPER_TESTING_H
#define TAPER_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
