/* table.c - the rows of ops.def as tp_op, and the function of each row. */
#include "op/node.h"

#include <taper/ext.h>
#include <taper/ops.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* A row without a block in src/ops is an undefined symbol here. */
#define OP(name, ...) extern const tp_rules tp_rules_##name;
#include <taper/ops.def>
#undef OP

#define COUNT_IN1(a)             1
#define COUNT_IN2(a, b)          2
#define COUNT_IN3(a, b, d)       3
#define COUNT_IN4(a, b, d, e)    4
#define COUNT_IN5(a, b, d, e, f) 5
#define COUNT_LIST(xs)           -1
#define NAMES_IN1(a)             #a
#define NAMES_IN2(a, b)          #a, #b
#define NAMES_IN3(a, b, d)       #a, #b, #d
#define NAMES_IN4(a, b, d, e)    #a, #b, #d, #e
#define NAMES_IN5(a, b, d, e, f) #a, #b, #d, #e, #f
#define NAMES_LIST(xs)           #xs

#define COUNT_ATTR0()    0
#define COUNT_ATTR1(...) 1
#define COUNT_ATTR2(...) 2
#define COUNT_ATTR3(...) 3
#define COUNT_ATTR4(...) 4
#define COUNT_ATTR5(...) 5
#define COUNT_ATTR6(...) 6
#define INFO_bool        TP_ATTR_BOOL
#define INFO_int         TP_ATTR_INT
#define INFO_double      TP_ATTR_DOUBLE
#define INFO_dtype       TP_ATTR_DTYPE
#define INFO_axis        TP_ATTR_AXIS
#define INFO_axes        TP_ATTR_AXES
#define INFO_ints        TP_ATTR_INTS
#define INFO_shape       TP_ATTR_SHAPE
#define INFO_ATTR0()             \
    {                            \
        TP_ATTR_BOOL, NULL, NULL \
    }
#define INFO_ATTR1(t1, n1, d1) \
    {                          \
        INFO_##t1, #n1, #d1    \
    }
#define INFO_ATTR2(t1, n1, d1, t2, n2, d2) \
    {INFO_##t1, #n1, #d1}, { INFO_##t2, #n2, #d2 }
#define INFO_ATTR3(t1, n1, d1, t2, n2, d2, t3, n3, d3) \
    {INFO_##t1, #n1, #d1}, {INFO_##t2, #n2, #d2}, { INFO_##t3, #n3, #d3 }
#define INFO_ATTR4(t1, n1, d1, t2, n2, d2, t3, n3, d3, t4, n4, d4) \
    {INFO_##t1, #n1, #d1}, {INFO_##t2, #n2, #d2}, {INFO_##t3, #n3, #d3}, { INFO_##t4, #n4, #d4 }
#define INFO_ATTR5(t1, n1, d1, t2, n2, d2, t3, n3, d3, t4, n4, d4, t5, n5, d5)                  \
    {INFO_##t1, #n1, #d1}, {INFO_##t2, #n2, #d2}, {INFO_##t3, #n3, #d3}, {INFO_##t4, #n4, #d4}, \
    {                                                                                           \
        INFO_##t5, #n5, #d5                                                                     \
    }

#define INFO_ATTR6(t1, n1, d1, t2, n2, d2, t3, n3, d3, t4, n4, d4, t5, n5, d5, t6, n6, d6)      \
    {INFO_##t1, #n1, #d1}, {INFO_##t2, #n2, #d2}, {INFO_##t3, #n3, #d3}, {INFO_##t4, #n4, #d4}, \
        {INFO_##t5, #n5, #d5},                                                                  \
    {                                                                                           \
        INFO_##t6, #n6, #d6                                                                     \
    }

#define COUNT_OUT1(y)               1
#define COUNT_OUT2(y, z)            2
#define COUNT_IN_PLACE(x)           1
#define COUNT_IN_PLACE2(x, a)       2
#define COUNT_IN_PLACE3(x, a, b)    3
#define COUNT_IN_PLACE4(x, a, b, d) 4
#define NAMES_OUT1(y)               #y
#define NAMES_OUT2(y, z)            #y, #z
#define NAMES_IN_PLACE(x)           #x
#define NAMES_IN_PLACE2(x, a)       #x, #a
#define NAMES_IN_PLACE3(x, a, b)    #x, #a, #b
#define NAMES_IN_PLACE4(x, a, b, d) #x, #a, #b, #d
#define OVER_OUT1(y)                false
#define OVER_OUT2(y, z)             false
#define OVER_IN_PLACE(x)            true
#define OVER_IN_PLACE2(x, a)        true
#define OVER_IN_PLACE3(x, a, b)     true
#define OVER_IN_PLACE4(x, a, b, d)  true

enum {
#define OP(name, ...) ROW_##name,
#include <taper/ops.def>
#undef OP
    ROWS
};

#define OP(op, inputs, attributes, outputs, type_letters, sig, text) \
    static const char *const op##_in[] = {NAMES_##inputs};           \
    static const char *const op##_out[] = {NAMES_##outputs};         \
    static const tp_attr_info op##_attr[] = {INFO_##attributes};     \
    static const tp_op op_##op = {                                   \
        .name = #op,                                                 \
        .signature = sig,                                            \
        .types = type_letters,                                       \
        .n_in = COUNT_##inputs,                                      \
        .in_name = op##_in,                                          \
        .n_out = COUNT_##outputs,                                    \
        .out_name = op##_out,                                        \
        .n_attr = COUNT_##attributes,                                \
        .attr = op##_attr,                                           \
        .in_place = OVER_##outputs,                                  \
        .doc = text,                                                 \
        .rules = &tp_rules_##op,                                     \
        .row = ROW_##op + 1,                                         \
    };
#include <taper/ops.def>
#undef OP

static const tp_op *const table[] = {
#define OP(name, ...) &op_##name,
#include <taper/ops.def>
#undef OP
};

const tp_op *tp_op_at(int i) { return i >= 0 && i < ROWS ? table[i] : NULL; }

const tp_op *tp_op_find(const char *name)
{
    for (int i = 0; tp_op_at(i); i++)
        if (name && strcmp(table[i]->name, name) == 0) return table[i];
    return NULL;
}

static tp_row found[ROWS];
static atomic_bool known;

static void find_out(void)
{
    for (int i = 0; i < ROWS; i++) {
        found[i].kernel = tp_cpu_kernel(table[i]->name);
        tp_read_signature(table[i], &found[i].signature);
    }
    atomic_store_explicit(&known, true, memory_order_release);
}

const tp_row *tp_row_of(const tp_op *op, tp_row *own)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (op->row) {
        if (!atomic_load_explicit(&known, memory_order_acquire)) pthread_once(&once, find_out);
        return &found[op->row - 1];
    }
    own->kernel = NULL;
    tp_read_signature(op, &own->signature);
    return own;
}

/* --- the functions --- */

#define GIVE_IN1(a) \
    1, (tp_tensor *const[]) { a }
#define GIVE_IN2(a, b) \
    2, (tp_tensor *const[]) { a, b }
#define GIVE_IN3(a, b, d) \
    3, (tp_tensor *const[]) { a, b, d }
#define GIVE_IN4(a, b, d, e) \
    4, (tp_tensor *const[]) { a, b, d, e }
#define GIVE_IN5(a, b, d, e, f) \
    5, (tp_tensor *const[]) { a, b, d, e, f }
#define GIVE_LIST(xs) n, xs
#define PACK_bool(n) \
    {                \
        .b = n       \
    }
#define PACK_int(n) \
    {               \
        .i = n      \
    }
#define PACK_double(n) \
    {                  \
        .d = n         \
    }
#define PACK_dtype(n) \
    {                 \
        .i = n        \
    }
#define PACK_axis(n) \
    {                \
        .i = n       \
    }
#define PACK_axes(n) \
    {                \
        .v = &n      \
    }
#define PACK_ints(n) \
    {                \
        .v = &n      \
    }
#define PACK_shape(n) \
    {                 \
        .v = &n       \
    }
#define PACK_ATTR0() \
    {                \
        .b = false   \
    }
#define PACK_ATTR1(t1, n1, d1)                         PACK_##t1(n1)
#define PACK_ATTR2(t1, n1, d1, t2, n2, d2)             PACK_##t1(n1), PACK_##t2(n2)
#define PACK_ATTR3(t1, n1, d1, t2, n2, d2, t3, n3, d3) PACK_##t1(n1), PACK_##t2(n2), PACK_##t3(n3)
#define PACK_ATTR4(t1, n1, d1, t2, n2, d2, t3, n3, d3, t4, n4, d4) \
    PACK_##t1(n1), PACK_##t2(n2), PACK_##t3(n3), PACK_##t4(n4)
#define PACK_ATTR5(t1, n1, d1, t2, n2, d2, t3, n3, d3, t4, n4, d4, t5, n5, d5) \
    PACK_##t1(n1), PACK_##t2(n2), PACK_##t3(n3), PACK_##t4(n4), PACK_##t5(n5)
#define PACK_ATTR6(t1, n1, d1, t2, n2, d2, t3, n3, d3, t4, n4, d4, t5, n5, d5, t6, n6, d6) \
    PACK_##t1(n1), PACK_##t2(n2), PACK_##t3(n3), PACK_##t4(n4), PACK_##t5(n5), PACK_##t6(n6)
#define EXTRA_OUT1(y)               NULL
#define EXTRA_OUT2(y, z)            z
#define EXTRA_IN_PLACE(x)           NULL
#define EXTRA_IN_PLACE2(x, a)       NULL
#define EXTRA_IN_PLACE3(x, a, b)    NULL
#define EXTRA_IN_PLACE4(x, a, b, d) NULL

#define OP(name, inputs, attributes, outputs, types, signature, doc)           \
    tp_tensor *tp_##name(TP_PAR_##inputs TP_PAR_##attributes TP_PAR_##outputs) \
    {                                                                          \
        const tp_attr packed[] = {PACK_##attributes};                          \
        return tp_apply(&op_##name, GIVE_##inputs, packed, EXTRA_##outputs);   \
    }
#include <taper/ops.def>
#undef OP
