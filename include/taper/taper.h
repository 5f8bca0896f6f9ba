/* taper.h: the user's interface, in reading order. */
#ifndef TAPER_TAPER_H
#define TAPER_TAPER_H

#include <taper/base.h>

#endif
