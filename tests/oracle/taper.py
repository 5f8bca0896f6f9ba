"""taper.py - the shared library (TAPER_LIBRARY) through ctypes; prototypes and structs come from the public headers."""
import ctypes as ct
import os
import pathlib
import re

import torch

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include" / "taper"
INTERNAL_RANK = 12
ALL_AXES = -1
END = -(2**63)

DTYPES = "bool u8 i8 u16 i16 u32 i32 u64 i64 f16 bf16 f32 f64".split()
TORCH = {"bool": torch.bool, "u8": torch.uint8, "i8": torch.int8, "i16": torch.int16, "i32": torch.int32,
         "i64": torch.int64, "f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64}
NAME_OF = {dtype: name for name, dtype in TORCH.items()}


class Ints(ct.Structure):
    _fields_ = [("n", ct.c_int), ("v", ct.c_int64 * INTERNAL_RANK)]


def ints(values):
    """A tp_ints; None stands for TP_ALL."""
    if values is None:
        return Ints(ALL_AXES)
    return Ints(len(values), (ct.c_int64 * INTERNAL_RANK)(*values))


class Attr(ct.Union):
    _fields_ = [("b", ct.c_bool), ("i", ct.c_int64), ("d", ct.c_double), ("v", ct.POINTER(Ints))]


# --- the headers

PLAIN = {"void": None, "bool": ct.c_bool, "int": ct.c_int, "int64_t": ct.c_int64, "uint64_t": ct.c_uint64,
         "uint32_t": ct.c_uint32, "size_t": ct.c_size_t, "double": ct.c_double, "tp_mark": ct.c_uint64,
         "tp_ints": Ints, "tp_shape": Ints, "tp_axes": Ints}


def header(name):
    """The text of a header without comments and directives."""
    text = re.sub(r"/\*.*?\*/", "", (INCLUDE / name).read_text(), flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\.)*", "", text, flags=re.M | re.S)


def c_type(text):
    """The ctypes type of a declaration without its name."""
    words = [word for word in re.findall(r"\w+|\*|\(", text) if word not in ("const", "struct")]
    if words == ["char", "*"]:
        return ct.c_char_p
    if "*" in words or "(" in words or words[0].endswith("_fn"):
        return ct.c_void_p
    if words[0].startswith("tp_") and words[0] not in PLAIN:
        return ct.c_int  # an enum
    return PLAIN[words[0]]


def declared(text):
    """(type, name) of one declaration: "const tp_ints *v" or "double lo[3]"."""
    name, array = re.search(r"(\w+)\s*((?:\[\w+\])*)$", text.strip()).groups()
    kind = c_type(text[:text.rindex(name)])
    return (kind * int(array[1:-1]) if array else kind), name


def struct(name, text):
    """A ctypes structure with the fields of a struct in a header's text."""
    body = re.search(r"struct %s \{(.*?)\}" % name, text, re.S)[1]
    fields = []
    for line in body.split(";"):
        if not line.strip():
            continue
        first, *more = line.split(",")
        before = re.match(r"(.*?)\w+\s*(?:\[\w+\])*$", first.strip(), re.S)[1]
        for declaration in [first] + [before + other for other in more]:
            kind, field = declared(declaration)
            fields.append((field, kind))
    return type(name, (ct.Structure,), {"_fields_": fields})


def prototypes():
    """name -> (result, [(type, parameter)], as declared in the public headers; the rows of ops.def not among them."""
    found = {}
    pattern = r"TP_API\s+([\w\s*]+?)\b(tp_\w+)\(((?:[^()]|\([^()]*\))*)\)[^;{]*;"
    for name in ("base.h", "tensor.h", "ops.h", "grad.h", "nn.h", "data.h", "io.h", "ext.h"):
        for result, function, parameters in re.findall(pattern, header(name)):
            split = [p for p in re.split(r",(?![^()]*\))", parameters) if p.strip() != "void"]
            found[function] = (c_type(result), [(ct.c_void_p, "f") if "(" in p else declared(p) for p in split
                                                  if p.strip() != "..."], name)
    return found


PROTOTYPES = prototypes()
EXT = header("ext.h")
AttrInfo, Rules, OpStruct = (struct(name, EXT) for name in ("tp_attr_info", "tp_rules", "tp_op"))
GradOptions = struct("tp_grad_options", header("grad.h"))
ATTR_TYPES = re.findall(r"TP_ATTR_(\w+)", re.search(r"enum tp_attr_type \{(.*?)\}", EXT, re.S)[1])

LIBRARY = ct.CDLL(os.environ["TAPER_LIBRARY"])
for _name, (_result, _parameters, _) in PROTOTYPES.items():
    if hasattr(LIBRARY, _name):
        getattr(LIBRARY, _name).restype = _result
        getattr(LIBRARY, _name).argtypes = [kind for kind, _ in _parameters]


class TaperError(Exception):
    """A call of the library failed; carries its message."""


class Op:
    """A row of the table."""

    def __init__(self, pointer):
        row = OpStruct.from_address(pointer)
        rules = Rules.from_address(row.rules)
        self.pointer = pointer
        self.name, self.types = row.name.decode(), row.types.decode()
        self.signature = row.signature.decode() if row.signature else None
        self.n_in, self.n_out, self.in_place = row.n_in, row.n_out, row.in_place
        infos = (AttrInfo * row.n_attr).from_address(row.attr) if row.n_attr else []
        self.attrs = [(ATTR_TYPES[i.type].lower(), i.name.decode(), i.value.decode()) for i in infos]
        self.nodiff = rules.nodiff.decode() if rules.nodiff else None
        self.lo, self.hi = list(rules.lo), list(rules.hi)
        self.kinks = list(rules.kink)[:rules.kinks]


def table():
    rows = []
    while pointer := LIBRARY.tp_op_at(len(rows)):
        rows.append(Op(pointer))
    return rows


def default(kind, text):
    """An attribute's default, from its text in the table."""
    special = {"TP_ALL": None, "TP_NONE": [], "TP_SCALAR": [], "TP_END": END, "true": True, "false": False}
    if text in special:
        return special[text]
    if text.startswith("TP_") and kind == "dtype":
        return TORCH[text[3:].lower()]
    return eval(text, {"INFINITY": float("inf"), "inf": float("inf"), "TP_END": END})


def attribute(kind, value, keep):
    """A tp_attr; `keep` holds what it points to."""
    if kind == "bool":
        return Attr(b=value)
    if kind == "double":
        return Attr(d=value)
    if kind == "dtype":
        return Attr(i=DTYPES.index(value if isinstance(value, str) else NAME_OF[value]))
    if kind in ("int", "axis"):
        return Attr(i=value)
    keep.append(ints(value))
    return Attr(v=ct.pointer(keep[-1]))


# --- contexts and tensors

class Tensor:
    def __init__(self, context, pointer):
        self.context, self._as_parameter_ = context, pointer

    @property
    def dtype(self):
        return DTYPES[LIBRARY.tp_dtype_of(self)]

    @property
    def shape(self):
        shape = LIBRARY.tp_shape_of(self)
        return list(shape.v[:shape.n])

    def torch(self):
        """All elements as a torch tensor, row-major."""
        out = torch.empty(self.shape, dtype=TORCH[self.dtype])
        LIBRARY.tp_read(self, out.data_ptr(), out.numel() * out.element_size())
        self.context.check()
        return out

    def bytes(self):
        size = LIBRARY.tp_numel(self) * LIBRARY.tp_dtype_size(DTYPES.index(self.dtype))
        out = ct.create_string_buffer(max(size, 1))
        LIBRARY.tp_read(self, out, size)
        self.context.check()
        return out.raw[:size]


class Context:
    def __init__(self):
        self.pointer = LIBRARY.tp_open(None)
        self._as_parameter_ = self.pointer

    def check(self):
        if not LIBRARY.tp_ok(self.pointer):
            text = LIBRARY.tp_error_text(self.pointer).decode()
            raise TaperError(text)

    def open(self):
        return LIBRARY.tp_open_scope_named(self.pointer, b"oracle")

    def close(self, mark):
        LIBRARY.tp_close_scope(self.pointer, mark)
        LIBRARY.tp_clear(self.pointer)

    def tensor(self, value):
        """A copy of a torch tensor."""
        value = value.detach().contiguous()
        pointer = LIBRARY.tp_from_array(self.pointer, ints(value.shape), DTYPES.index(NAME_OF[value.dtype]),
                                        value.data_ptr() or 1)
        self.check()
        return Tensor(self, pointer)

    def raw(self, shape, dtype, data):
        """A tensor from bytes."""
        pointer = LIBRARY.tp_from_array(self.pointer, ints(shape), DTYPES.index(dtype), data)
        self.check()
        return Tensor(self, pointer)

    def apply(self, op, inputs, attrs=None):
        """The outputs of a row; attributes that are not given take their default."""
        keep, given = [], attrs or {}
        packed = (Attr * max(len(op.attrs), 1))()
        for i, (kind, name, text) in enumerate(op.attrs):
            packed[i] = attribute(kind, given[name] if name in given else default(kind, text), keep)
        handles = (ct.c_void_p * len(inputs))(*[t._as_parameter_ for t in inputs])
        extra = (ct.c_void_p * 4)()
        first = LIBRARY.tp_apply(op.pointer, len(inputs), handles, packed, extra)
        self.check()
        return [Tensor(self, p) for p in [first, *extra[:op.n_out - 1]]]

    def call(self, function, *arguments):
        """A function of the headers; lists become tp_ints or, of tensors, arrays, None is TP_ALL."""
        result, parameters, _ = PROTOTYPES[function]
        values = []
        for value, (kind, _) in zip(arguments, parameters):
            if kind is Ints:
                value = ints(value)
            elif isinstance(value, (list, tuple)):
                value = (ct.c_void_p * len(value))(*[t._as_parameter_ for t in value])
            elif isinstance(value, torch.dtype):
                value = DTYPES.index(NAME_OF[value])
            values.append(value)
        out = getattr(LIBRARY, function)(*values)
        self.check()
        return Tensor(self, out) if result is ct.c_void_p else out
