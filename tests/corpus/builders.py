"""builders.py - files of the formats that Taper reads, put together by hand so that every part of them can lie."""
import ctypes
import json
import struct
import zlib


# ---- safetensors: u64 length of the header, header, elements


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


class Hash(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


library = ctypes.CDLL("libxxhash.so.0")  # Python's own has no XXH3


def chained(*pieces):
    """XXH3-64 of pieces, each with the hash of those before it as seed."""
    function, h = library.XXH3_64bits_withSeed, 0
    function.restype, function.argtypes = ctypes.c_uint64, [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
    for data in pieces:
        h = function(data, len(data), h)
    return h


def digest(data):
    """XXH3-128 in digits."""
    function = library.XXH3_128bits
    function.restype, function.argtypes = Hash, [ctypes.c_char_p, ctypes.c_size_t]
    h = function(data, len(data))
    return "%016x%016x" % (h.high, h.low)


def hashed(tensors, metadata=None, digests=None):
    """A file with right hashes; `tensors` are (name, dtype, shape, bytes)."""
    start = {"taper.hash": "0" * 32, "taper.tensor_hashes": digests or "".join(digest(t[3]) for t in tensors)}
    header, data = {"__metadata__": {**start, **(metadata or {})}}, b""
    for name, dtype, shape, content in tensors:
        header[name] = tensor(shape, len(data), len(data) + len(content), dtype)
        data += content
    text = safetensors(header)
    return text.replace(b"0" * 32, digest(text).encode(), 1) + data


# ---- npy: "\x93NUMPY", version, length of the header, header, elements


def npy(header, data=b"", version=(1, 0), length=None):
    text = header.encode("latin-1") + b"\n"
    length = len(text) if length is None else length
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version[0] == 1 else "<I", length) + text + data


def head(descr="'<f4'", order="False", shape="(2,)"):
    return "{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)


# ---- npz: zip archives of npy files, put together by hand

STORED, DEFLATED = 0, 8


def deflate(content, bits=-15):
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    return packer.compress(content) + packer.flush()


class Zip:
    """An archive while it is made: entries, and the directory's records of them."""

    def __init__(self):
        self.entries, self.directory, self.n = b"", b"", 0

    def add(self, name, content, method=STORED, local=None, stream=None, **listed):
        """Adds an entry. What its header says is changed by `local`, what the directory says by `listed`."""
        packed = stream or (deflate(content) if method == DEFLATED else content)
        true = {"flags": 0, "method": method, "crc": zlib.crc32(content), "packed": len(packed), "size": len(content),
                "name": name, "extra": b"", "at": len(self.entries)}
        self.entries += b"PK\3\4" + self.record(**{**true, **(local or {})}) + packed
        self.directory += b"PK\1\2\x14\0" + self.record(listed=True, **{**true, **listed})
        self.n += 1
        return self

    @staticmethod
    def record(flags, method, crc, packed, size, name, extra, at, listed=False):
        common = struct.pack("<3HI3I2H", 20, flags, method, 0x00210000, crc, packed, size, len(name), len(extra))
        return common + (struct.pack("<3H2I", 0, 0, 0, 0, at) if listed else b"") + name + extra

    def end(self, disk=0, here=None, n=None, size=None, at=None, comment=b""):
        numbers = (disk, 0, self.n if here is None else here, self.n if n is None else n,
                   len(self.directory) if size is None else size, len(self.entries) if at is None else at, len(comment))
        return self.entries + self.directory + b"PK\5\6" + struct.pack("<4H2IH", *numbers) + comment


ARRAY = npy(head("'|u1'", shape="(1,)"), b"5")


def array(name=b"a.npy", content=ARRAY, method=STORED, **changed):
    return Zip().add(name, content, method, **changed)


# ---- IDX: 0, 0, type, rank, sizes (u32, big-endian), elements


def idx(sizes, data=b"", kind=8, start=b"\0\0", rank=None):
    return start + bytes([kind, len(sizes) if rank is None else rank]) + struct.pack(">%dI" % len(sizes), *sizes) + data


GZ = b"\x1f\x8b\x08\0\0\0\0\0\2\xff"


def gz(data, **changed):
    """gzip without name and time; `changed`: crc and size at the end."""
    end = {"crc": zlib.crc32(data), "size": len(data) & 0xffffffff, **changed}
    return GZ + deflate(data) + struct.pack("<2I", end["crc"], end["size"])


# ---- checkpoints: hashed safetensors files; of the training in test_corpus.c

SCORES = ("loss accuracy precision recall f1 mae mse rmse r2 val_loss val_accuracy val_precision val_recall val_f1 "
          "val_mae val_mse val_rmse val_r2 lr").split()


# The hash of x f64 [3,2] 1 to 6 and y f64 [3] 1 to 3: samples, dtype, kind and axes of targets; shape; each sample
# and its target.
F64, NUMBERS = 12, 2
DATA = chained(struct.pack("<4q", 3, F64, NUMBERS, 1), struct.pack("<q", 2),
               *(struct.pack("<%dd" % len(v), *v) for v in ([1, 2], [1], [3, 4], [2], [5, 6], [3])))


def checkpoint(tensors=None, training=None, place=None, key="taper.checkpoint", text=None, without=None):
    """A right one after an epoch, but for what is changed; None takes something away."""
    def changed(right, change):
        return {k: v for k, v in {**right, **(change or {})}.items() if v is not None}

    numbers = changed({
        "training": changed({
            "optimizer": "sgd", "monitor": "loss", "samples": 3, "data": str(DATA), "validation": "0",
            "initial_epoch": 0, "batch_size": 2, "accumulate": 1,
            "patience": 0, "schedules": 0, "seed": "0", "clip_norm": 0.0, "clip_value": 0.0, "min_delta": 0.0,
            "no_shuffle": False, "drop_last": False, "schedule_every_step": False}, training),
        "place": changed({
            "number": 0, "epoch": 1, "batch": 0, "best_epoch": 0, "since_best": 0, "steps": 2, "seed": "0",
            "counter": "0", "epoch_loss": 0.0, "last_loss": 0.5, "lr": 0.1, "best": 0.5, "base_lr": 0.1}, place),
        "schedules": [], "frozen": [], "history": SCORES}, {without: None})
    named = changed({
        "history": ("F64", [1, len(SCORES)], struct.pack("<19d", *([0.5] * 18 + [0.1]))),
        "optimizer.0.weight.step": ("F64", [], struct.pack("<d", 2)),
        "optimizer.0.bias.step": ("F64", [], struct.pack("<d", 2)),
        "model.0.weight": ("F32", [1, 2], struct.pack("<2f", 1, 2)),
        "model.0.bias": ("F32", [1], struct.pack("<f", 3)),
        "optimizer.0.weight.momentum_buffer": ("F32", [1, 2], bytes(8)),
        "optimizer.0.bias.momentum_buffer": ("F32", [1], bytes(4))}, tensors)
    return hashed([(name, *t) for name, t in named.items()], {key: json.dumps(numbers) if text is None else text})


# ---- models: hashed safetensors files


def model(net="linear 2", dtype="f32", data=None, tensors=None, **changed):
    """A right one, but for what is changed; None takes something away."""
    right = {"sample": [1], "dtype": "f64", "target": {"kind": "classes", "name": "k", "classes": ["x", "y"]},
             "features": ["a"], "categories": {}, "mean": [1.5], "deviation": [0.5]}
    right = {k: v for k, v in {**right, **changed}.items() if v is not None}
    metadata = {"taper.net": net, "taper.dtype": dtype, "taper.data": json.dumps(right) if data is None else data,
                "taper.criterion": "cross_entropy"}
    weights = tensors or [("0.weight", "F32", [2, 1], struct.pack("<2f", 1, 2)), ("0.bias", "F32", [2], bytes(8))]
    return hashed(weights, {k: v for k, v in metadata.items() if v is not None})


# ---- large files


def hole(start, size, end=b""):
    """A file of `size` bytes, zeros between its start and its end."""
    def write_holes(file):
        file.write(start)
        file.truncate(size)
        file.seek(size - len(end))
        file.write(end)
    return write_holes


def zeros_deflated(mib, start):
    """So many MiB of zeros behind `start`, in a thousandth of the bytes: a full flush forgets what was before."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return packed + piece * mib + packer.flush()


def bomb(mib):
    """An npz file of an array of so many MiB."""
    start = npy(head("'|u1'", shape="(%d,)" % (mib << 20)))
    size = len(start) + (mib << 20)
    return Zip().add(b"bomb.npy", start, DEFLATED, {"size": size}, zeros_deflated(mib, start), size=size).end()
