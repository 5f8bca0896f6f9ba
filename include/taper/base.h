/* base.h: what every other header needs. */
#ifndef TAPER_BASE_H
#define TAPER_BASE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what the shared library exports; everything else is hidden. */
#define TP_API __attribute__((visibility("default")))

/* The version of these headers; the build reads it from here. */
#define TP_VERSION_MAJOR 0
#define TP_VERSION_MINOR 1 /* a new minor version may add, never change */
#define TP_VERSION_PATCH 0 /* fixes only */

/* The version of the library in use, as "major.minor.patch". */
TP_API const char *tp_version(void);

#ifdef __cplusplus
}
#endif
#endif
