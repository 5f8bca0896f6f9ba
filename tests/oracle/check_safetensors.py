#!/usr/bin/python3
"""check_safetensors.py - files exchanged with the Python package safetensors, and weights with PyTorch."""
import ctypes as ct
import json
import os
import sys

import numpy
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
import xxhash

import taper
from files import SHAPES, arrays, expect, is_read, named_tensors, run, same
from taper import LIBRARY

NET, SIZES = b"linear 16, tanh, linear 8, relu, (linear 6 bias=false, sigmoid), linear 3", (5, 16, 8, 6, 3)

Metadata, OpenOptions, ModelOptions = (
    taper.struct(name, taper.header("io.h"))
    for name in ("tp_metadata", "tp_safetensors_open_options", "tp_model_options"))


def saved(c, path, named, metadata=()):
    """What tp_safetensors_save writes."""
    tensors = named_tensors(named)
    texts = (Metadata * len(metadata))(*[Metadata(k.encode(), v.encode()) for k, v in metadata])
    c.call("tp_safetensors_save", c.pointer, path.encode(), tensors, len(tensors), texts, len(texts))


def read(c, path, name, **options):
    f = LIBRARY.tp_safetensors_open_with(c.pointer, path.encode(), ct.byref(OpenOptions(**options)))
    c.check()
    return taper.Tensor(c, LIBRARY.tp_safetensors_read(f, name.encode()))


def check_tensors(c, path):
    wanted = {label: array for label, _, array in arrays()}
    saved(c, path, {label: c.raw(array.shape, name, array.tobytes()) for label, name, array in arrays()},
          [("title", "ä \"quoted\" \\ text")])
    got = safetensors.numpy.load_file(path)
    expect(got.keys() == wanted.keys(), "names of tensors")
    for label, array in wanted.items():
        expect(same(got[label], array), "written by Taper: " + label)
    with safetensors.safe_open(path, "np") as f:
        expect(f.metadata()["title"] == "ä \"quoted\" \\ text", "metadata written by Taper")
        check_hashes(path, f.metadata())
    os.remove(path)

    safetensors.numpy.save_file(wanted, path, metadata={"title": "ä\n"})
    f = LIBRARY.tp_safetensors_open_with(c.pointer, path.encode(), None)
    expect(LIBRARY.tp_safetensors_metadata(f, b"title") == "ä\n".encode(), "metadata written by Python")
    for label, name, array in arrays():
        for mapped in (False, True):
            expect(is_read(read(c, path, label, mapped=mapped), name, array), "from Python: " + label)

    for shape in SHAPES:
        t = torch.randn(shape).to(torch.bfloat16)
        safetensors.torch.save_file({"t": t}, path)
        expect(torch.equal(read(c, path, "t").torch(), t), "bf16 from Python")
        saved(c, path, {"t": c.tensor(t)})
        expect(torch.equal(safetensors.torch.load_file(path)["t"], t), "bf16 written by Taper")


def check_hashes(path, metadata):
    """The hashes, from what io.h says of them."""
    data = open(path, "rb").read()
    start = 8 + int.from_bytes(data[:8], "little")
    entries = {k: v["data_offsets"] for k, v in json.loads(data[8:start]).items() if k != "__metadata__"}
    digests = [xxhash.xxh3_128_hexdigest(data[start + begin:start + end]) for begin, end in sorted(entries.values())]
    expect(metadata["taper.tensor_hashes"] == "".join(digests), "hashes of tensors")
    at = 8 + len('{"__metadata__":{"taper.hash":"')
    header = data[:at] + b"0" * 32 + data[at + 32:start]
    expect(metadata["taper.hash"] == xxhash.xxh3_128_hexdigest(header), "hash of the header")


# --- nets

def torch_net():
    a, b, d, e = (torch.nn.Linear(i, o, bias=o != 6) for i, o in zip(SIZES, SIZES[1:]))
    inner = torch.nn.Sequential(d, torch.nn.Sigmoid())
    return torch.nn.Sequential(a, torch.nn.Tanh(), b, torch.nn.ReLU(), inner, e)


def train(net):
    """A few steps, so that the weights are no longer what they started as."""
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(20):
        loss = torch.nn.functional.cross_entropy(net(torch.randn(32, SIZES[0])), torch.randint(0, 3, (32,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def expect_outputs(c, ours, theirs, what):
    x = torch.randn(64, SIZES[0])
    got = taper.Tensor(c, LIBRARY.tp_forward(ours, c.tensor(x))).torch()
    difference = (got - theirs(x)).abs().max().item()
    expect(difference <= 1e-6, "%s: outputs differ by %g" % (what, difference))


def taper_net(c):
    net = LIBRARY.tp_net_with(c.pointer, NET, taper.ints([SIZES[0]]), None)
    c.check()
    return net


def check_nets(c, path):
    ours, theirs = taper_net(c), torch_net()
    LIBRARY.tp_module_save(ours, path.encode())
    theirs.load_state_dict(safetensors.torch.load_file(path))
    expect_outputs(c, ours, theirs, "weights of Taper in PyTorch")

    for save in (lambda net: safetensors.torch.save_file(net.state_dict(), path),
                 lambda net: safetensors.torch.save_model(net, path)):
        ours, theirs = taper_net(c), torch_net()
        train(theirs)
        save(theirs)
        status = LIBRARY.tp_module_load_with(ours, path.encode(), None)
        expect(status == 0, "load: " + LIBRARY.tp_error_text(c.pointer).decode())
        expect_outputs(c, ours, theirs, "weights of PyTorch in Taper")


def check_model(c, path):
    ours, theirs = taper_net(c), torch_net()
    x = torch.randn(50, SIZES[0], dtype=torch.float64) * 3 + 1
    data = LIBRARY.tp_dataset_new(c.pointer, c.tensor(x), c.tensor(torch.randint(0, 3, (50,))))
    LIBRARY.tp_dataset_scale(data, 4)  # by feature
    status = LIBRARY.tp_model_save_with(ours, path.encode(), ct.byref(ModelOptions(data=data)))
    expect(status == 0, "model: " + LIBRARY.tp_error_text(c.pointer).decode())
    theirs.load_state_dict(safetensors.torch.load_file(path))
    expect_outputs(c, ours, theirs, "weights of a model file in PyTorch")
    with safetensors.safe_open(path, "pt") as f:
        said = json.loads(f.metadata()["taper.data"])
        expect(f.metadata()["taper.net"].startswith("linear 16, tanh"), "the net's text")
    mean, deviation = (torch.tensor(said[key], dtype=torch.float64) for key in ("mean", "deviation"))
    expect(torch.allclose(mean, x.mean(0), rtol=1e-14), "mean")
    expect(torch.allclose(deviation, x.std(0, unbiased=False), rtol=1e-14), "deviation")


def check_shared(c, path):
    """One layer in two places."""
    layer = LIBRARY.tp_linear_with(c.pointer, SIZES[0], SIZES[0], None)
    ours = LIBRARY.tp_sequential_of(c.pointer, (ct.c_void_p * 3)(layer, layer, None))
    inner = torch.nn.Linear(SIZES[0], SIZES[0])
    theirs = torch.nn.Sequential(inner, inner)
    LIBRARY.tp_module_save(ours, path.encode())
    safetensors.torch.load_model(theirs, path)
    expect_outputs(c, ours, theirs, "shared weights of Taper in PyTorch")
    torch.nn.init.uniform_(inner.weight, -0.5, 0.5)
    safetensors.torch.save_model(theirs, path)
    expect(LIBRARY.tp_module_load_with(ours, path.encode(), None) == 0, "shared weights of PyTorch")
    expect_outputs(c, ours, theirs, "shared weights of PyTorch in Taper")


if __name__ == "__main__":
    torch.manual_seed(0)
    sys.exit(run("safetensors %s, torch %s" % (safetensors.__version__, torch.__version__), 100, check_tensors,
                 check_nets, check_model, check_shared))
