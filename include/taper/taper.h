/* taper.h - all of Taper's user API. The order is that in which to read it. */
#ifndef TAPER_TAPER_H
#define TAPER_TAPER_H

#include <taper/base.h>
#include <taper/tensor.h>

#include <taper/ops.h>

#include <taper/grad.h>

#include <taper/nn.h>

#include <taper/optim.h>

#include <taper/data.h>

#include <taper/io.h>

#include <taper/train.h>

#endif
