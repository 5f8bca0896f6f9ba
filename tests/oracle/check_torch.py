#!/usr/bin/python3
"""check_torch.py - values and gradients of every row and every composite, compared with PyTorch."""
import collections
import sys

import torch

import cases
import casts
import edges
import taper
from composites import COMPOSITES
from rows import ROWS

ROWS_OF = {op.name: op for op in taper.table()}
FEWEST = 8  # cases of a row


class Report:
    """Counts, skips and differences of the whole run."""

    def __init__(self):
        self.cases = collections.Counter()
        self.refused = collections.Counter()
        self.unknown = collections.defaultdict(set)
        self.skips, self.differences = {}, []

    def differ(self, name, case, text):
        self.differences.append("%s: %s: %s" % (name, case, text))

    def print(self):
        for name in sorted(self.cases):
            refused = self.refused[name]
            print("%-28s %5d cases%s" % (name, self.cases[name], ", %d of them refused by both" % refused if refused else ""))
        for name, reasons in sorted(self.unknown.items()):
            for reason in sorted(reasons):
                print("%-28s some dtypes skipped: %s" % (name, reason))
        for name, reason in sorted(self.skips.items()):
            print("%-28s skipped: %s" % (name, reason))
        for text in self.differences[:200]:
            print("DIFFERENT " + text)
        print("%d rows and composites, %d cases, %d skipped, %d differences" % (
            len(self.cases), sum(self.cases.values()), len(self.skips), len(self.differences)))


report = Report()


def brief(x):
    return "%s%s %s" % (taper.NAME_OF[x.dtype], list(x.shape), x.flatten()[:8].tolist())


def difference(got, expected):
    """Why two tensors differ, None where they agree: f64 to 1e-9, narrower floats as torch.testing has it."""
    expected = expected.detach()
    if got.dtype != expected.dtype or got.shape != expected.shape:
        return "taper %s, torch %s" % (brief(got), brief(expected))
    tolerance = {"rtol": 1e-9, "atol": 1e-9} if got.dtype == torch.float64 else {}
    try:
        torch.testing.assert_close(got, expected, equal_nan=True, **tolerance)
    except AssertionError as error:
        worst = str(error).replace("\n", " ")
        return "taper %s, torch %s (%s)" % (brief(got), brief(expected), worst)
    return None


def as_list(x):
    return list(x) if isinstance(x, (tuple, list)) else [x]


def computed_in_f32(op, tensors):
    """What a row of floats computes in: integers and halves in f32."""
    letters = op.types.split(">")[0]
    wide = [t for i, t in enumerate(tensors) if letters[min(i, len(letters) - 1)] in "FN"]
    dtype = None
    for t in wide:
        dtype = t.dtype if dtype is None else torch.promote_types(dtype, t.dtype)
    if dtype in cases.HALVES:
        return dtype, torch.float32
    if dtype is not None and not dtype.is_floating_point and "F" in letters:
        return torch.float32, torch.float32
    return dtype, dtype


def in_torch(fn, views, arguments, attrs):
    """The outputs, or None and why torch refuses."""
    try:
        return as_list(fn(*views, *arguments, **attrs)), None
    except (RuntimeError, IndexError, ValueError, NotImplementedError) as error:
        return None, str(error)


def reference(op, fn, views, attrs):
    """The outputs in torch; None where torch refuses."""
    dtype, work = computed_in_f32(op, views)
    letters = op.types.split(">")[0]
    if work is not None and work != views[0].dtype:
        views = [v.to(work) if letters[min(i, len(letters) - 1)] in "FN" else v for i, v in enumerate(views)]
    outs, refusal = in_torch(fn, views, (), attrs)
    if outs is None:
        return None, refusal
    return [out.to(dtype) if dtype in cases.HALVES and out.dtype == torch.float32 else out for out in outs], None


def gradients_agree(context, name, case, o, got, expected, leaves, torch_leaves):
    """One output's vector-Jacobian products, and the same by backward from a scalar."""
    u = cases.draw(list(expected.shape), expected.dtype)
    wanted = [None] * len(torch_leaves)
    if expected.requires_grad:
        wanted = torch.autograd.grad(expected, torch_leaves, u, retain_graph=True, allow_unused=True)
    cotangent = context.tensor(u)
    pairs = [(leaf, torch.zeros_like(t) if w is None else w) for leaf, t, w in zip(leaves, torch_leaves, wanted)]
    for i, (leaf, w) in enumerate(pairs):
        text = difference(context.call("tp_vjp_with", got, leaf, cotangent, None).torch(), w)
        if text:
            report.differ(name, case, "gradient of output %d to input %d: %s" % (o, i, text))
    if not taper.LIBRARY.tp_has_history(got):
        return
    product, = context.apply(ROWS_OF["mul"], [got, cotangent])
    loss, = context.apply(ROWS_OF["sum"], [product])
    context.call("tp_backward_with", loss, taper.ct.byref(taper.GradOptions(retain=True)))
    for i, (leaf, w) in enumerate(pairs):
        grad = taper.LIBRARY.tp_grad_of(leaf)
        text = (difference(taper.Tensor(context, grad).torch(), w) if not taper.LIBRARY.tp_is_nil(grad)
                else None if not w.any() else "none")
        if text:
            report.differ(name, case, "backward of output %d to input %d: %s" % (o, i, text))
        taper.LIBRARY.tp_zero_grad(leaf)


def compare(context, name, case, run, expect, tracked):
    """One case: `run` gives the library's outputs from its views, `expect` torch's."""
    torch_leaves = [i.base.clone().requires_grad_(tracked and i.base.dtype.is_floating_point) for i in case.inputs]
    expected, refusal = expect([i.in_torch(x) for i, x in zip(case.inputs, torch_leaves)])
    leaves = [context.tensor(i.base) for i in case.inputs]
    for leaf, x in zip(leaves, torch_leaves):
        if x.requires_grad:
            context.call("tp_require_grad", leaf)
    views = [i.in_taper(context, ROWS_OF, leaf) for i, leaf in zip(case.inputs, leaves)]
    try:
        got = run(views)
    except taper.TaperError as error:
        if expected is None:
            report.refused[name] += 1
        else:
            report.differ(name, case, "taper refuses: %s, torch gives %s" % (error, brief(expected[0])))
        return
    if expected is None:
        if all(i.base.dtype in cases.FLOATS for i in case.inputs):
            report.differ(name, case, "torch refuses: %s, taper gives %s" % (refusal, brief(got[0].torch())))
        report.unknown[name].add(refusal.split(".")[0])
        return
    kept = [k for k, x in enumerate(torch_leaves) if x.requires_grad]
    for o, (g, e) in enumerate(zip(got, expected)):
        text = difference(g.torch(), e)
        if text:
            report.differ(name, case, "output %d: %s" % (o, text))
        elif kept and taper.LIBRARY.tp_has_history(g) != e.requires_grad and not e.requires_grad:
            report.differ(name, case, "output %d has a history" % o)
        elif kept and e.requires_grad and e.dtype.is_floating_point:
            gradients_agree(context, name, case, o, g, e, [leaves[k] for k in kept], [torch_leaves[k] for k in kept])


def check(context, name, case, run, expect, tracked):
    report.cases[name] += 1
    mark = context.open()
    try:
        compare(context, name, case, run, expect, tracked)
    except taper.TaperError as error:
        report.differ(name, case, "taper fails: %s" % error)
    except TypeError as error:
        report.differ(name, case, "the mapping does not fit: %s" % error)
    finally:
        context.close(mark)


def cases_of(op, row):
    cases.restart(op.name)
    maker = cases.Maker(op, **row.domain)
    if row.cases:
        return row.cases(op, maker)
    kinds = [kind for kind, _, _ in op.attrs]
    if op.signature and not op.signature.replace("()", "").strip(",->"):
        return cases.elementwise(op, maker, row.attrs)
    if "axes" in kinds:
        return cases.over_axes(op, maker, row.attrs)
    return cases.along_axis(op, maker, row.attrs)


def check_row_case(context, op, row, name, case):
    attrs = {name: taper.default(kind, text) for kind, name, text in op.attrs}
    attrs.update(case.attrs)
    check(context, name, case, lambda views: context.apply(op, views, attrs),
          lambda views: reference(op, row.fn, views, attrs), case.grad and not op.in_place)


def check_row(context, op):
    row = ROWS.get(op.name)
    if row is None:
        report.differ(op.name, "row", "has neither a mapping nor a reason to skip it")
        return
    if row.skip:
        report.skips[op.name] = row.skip
        return
    if row.no_bool:
        report.unknown[op.name].add(row.no_bool)
    for case in cases_of(op, row):
        if not (row.no_bool and any(i.base.dtype == torch.bool for i in case.inputs)):
            check_row_case(context, op, row, op.name, case)
    if report.cases[op.name] < FEWEST:
        report.differ(op.name, "row", "only %d cases" % report.cases[op.name])


def call_composite(context, name, composite, views, arguments):
    """The outputs of a composite; split and chunk write theirs to an array."""
    if not composite.many:
        return [context.call(name, *composite.give(views, *arguments))]
    room = (taper.ct.c_void_p * 8)()
    n = context.call(name, *composite.many(*views, *arguments), room)
    return [taper.Tensor(context, pointer) for pointer in room[:n]]


def check_composite_case(context, composite, name, counted, case, arguments):
    check(context, counted, case, lambda views: call_composite(context, name, composite, views, arguments),
          lambda views: in_torch(composite.fn, views, arguments, {}), case.grad)


def check_edges(context):
    cases.restart("edges")
    for name, case in edges.row_cases():
        check_row_case(context, ROWS_OF[name], ROWS[name], name + " (edges)", case)
    for name, case, arguments in edges.composite_cases():
        check_composite_case(context, COMPOSITES[name], name, name + " (edges)", case, arguments)


def check_composite(context, name):
    composite = COMPOSITES.get(name)
    if composite is None:
        report.differ(name, "composite", "has neither a mapping nor a reason to skip it")
        return
    if composite.skip:
        report.skips[name] = composite.skip
        return
    cases.restart(name)
    for case, arguments in composite.cases():
        check_composite_case(context, composite, name, name, case, arguments)
    if report.cases[name] < FEWEST:
        report.differ(name, "composite", "only %d cases" % report.cases[name])


def main():
    context = taper.Context()
    for op in ROWS_OF.values():
        check_row(context, op)
    composites = [name for name, (_, _, header) in taper.PROTOTYPES.items() if header == "ops.h"]
    for name in composites:
        check_composite(context, name)
    check_edges(context)
    casts.check_casts(context, ROWS_OF, report)
    casts.check_halves(context, ROWS_OF, report)
    casts.check_promotion(report)
    for name in [*(ROWS.keys() - ROWS_OF.keys()), *(COMPOSITES.keys() - set(composites))]:
        report.differ(name, "mapping", "is not in the headers")
    report.print()
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
