#!/usr/bin/python3
"""make_corpus.py [--check | --large FOLDER]: files that readers must refuse, and a few that they must read, with
what comes of each in cases.txt: the message, or "good" and what was read. Makes the committed files; checks that
they are as they are made here; or makes those that are too large to be committed. test_corpus.c reads them."""
import json
import pathlib
import struct
import sys

sys.dont_write_bytecode = True

from builders import (ARRAY, DEFLATED, GZ, Zip, array, bomb, checkpoint, gz, hashed, head, hole, idx, model, npy,
                      safetensors, tensor, zeros_deflated)

HERE = pathlib.Path(__file__).resolve().parent
cases = []  # (path, bytes or a function that writes them to a file, what comes of it)


def case(path, content, outcome):
    cases.append((path, content, outcome.replace("@", path)))


def make_safetensors():
    def bad(name, content, message):
        case("safetensors/%s.safetensors" % name, content, "tp_safetensors_open: '@': " + message)

    def bad_read(name, content, message):
        case("safetensors/%s.safetensors" % name, content, "tp_safetensors_read: '@': " + message)

    def one(shape, offsets, data=bytes(4), dtype="F32"):
        return safetensors({"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}, data)

    def text(header, data=b""):
        return safetensors(header.encode(), data)

    bad("empty", b"", "byte 0: it ends here, 8 bytes before it should")
    bad("seven-bytes", bytes(7), "byte 7: it ends here, 1 bytes before it should")
    for name, length in (("length-2-63", 1 << 63), ("length-2-64", (1 << 64) - 1), ("length-one-too-many", 3)):
        bad(name, safetensors(b"{}", length=length),
            "byte 0: a header of %d bytes, in a file of 10; at most 16777216" % length)
    bad("no-header", safetensors(b""), "byte 8: the header is no JSON object: '{' expected")
    bad("no-json", text("dtype=F32"), "byte 8: the header is no JSON object: '{' expected")
    bad("list", text("[]"), "byte 8: the header is no JSON object: '{' expected")
    bad("two-objects", text("{}{}"), "byte 10: the header is no JSON object: its end expected")
    bad("cut-short", text('{"a":{"dty'), "byte 14: the header is no JSON object: a text that does not end")
    bad("padded-with-nul", text("{}\0\0"), "byte 10: the header is no JSON object: its end expected")
    bad("name-not-utf-8", safetensors(b'{"\xff":1}'),
        "byte 10: the header is no JSON object: unable to decode byte 0xff near '\"'")
    bad("name-with-nul", text('{"a\\u0000":1}'),
        "byte 18: the header is no JSON object: \\u0000 is not allowed without JSON_ALLOW_NUL near '\"a\\u0000\"'")
    bad("lone-surrogate", text('{"\\ud800":1}'),
        "byte 17: the header is no JSON object: invalid Unicode '\\uD800' near '\"\\ud800\"'")
    twice = '{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"%s":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}'
    bad("name-twice", text(twice % "a", b"x"), "byte 110: the name 'a' is given a second time")
    bad("name-twice-escaped", text(twice % "\\u0061", b"x"), "byte 115: the name 'a' is given a second time")
    bad("metadata-twice", text('{"__metadata__":{},"__metadata__":{}}'), "byte 42: __metadata__ is given a second time")
    bad("dtype-twice", text('{"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}}', b"x"),
        "byte 34: the header is no JSON object: duplicate object key near '\"dtype\"'")
    bad("key-of-metadata-twice", text('{"__metadata__":{"k":"","k":""}}'),
        "byte 38: the name 'k' is given a second time")
    bad("deep", text('{"a":' + "[" * 5000),
        "byte 29: the header is no JSON object: values within values, too deep")
    bad("deep-and-closed", text('{"a":' + '{"a":' * 3000 + "1" + "}" * 3001),
        "byte 93: the header is no JSON object: values within values, too deep")
    bad("no-tensor", text('{"a":1}'), "byte 13: tensor 'a' has no dtype")
    bad("name-for-a-terminal", text('{"\\u001b[31m":1}'), "byte 22: tensor '?[31m' has no dtype")
    bad("no-dtype", text('{"a":{"shape":[],"data_offsets":[0,0]}}'), "byte 13: tensor 'a' has no dtype")
    bad("dtype-a-number", one([1], [0, 4], dtype=32), "byte 13: tensor 'a' has no dtype")
    bad("no-shape", text('{"a":{"dtype":"U8","data_offsets":[0,0]}}'),
        "byte 13: the shape of tensor 'a' is no list of at most 8 sizes")
    bad("shape-of-9-axes", one([1] * 9, [0, 4]), "byte 13: the shape of tensor 'a' is no list of at most 8 sizes")
    bad("size-negative", one([-1], [0, 4]), "byte 13: the shape of tensor 'a' is no list of at most 8 sizes")
    bad("size-a-fraction", one([1.0], [0, 4]), "byte 13: the shape of tensor 'a' is no list of at most 8 sizes")
    bad("size-2-63", one([1 << 63], [0, 4]),
        "byte 56: the header is no JSON object: too big integer near '9223372036854775808'")
    bad("size-a-huge-real", text('{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,0]}}'),
        "byte 42: the header is no JSON object: real number overflow near '1e999'")
    for name, shape, data in (("shape-wraps-to-0", [1 << 32, 1 << 32, 4], b""),
                              ("shape-wraps-to-4", [1 << 62 | 1], bytes(4)),
                              ("shape-wraps-behind-0", [0, 1 << 62], b""), ("shape-takes-more", [2], bytes(4)),
                              ("shape-takes-less", [], bytes(8))):
        bad(name, one(shape, [0, len(data)], data),
            "byte 13: the %d bytes of tensor 'a' are not what its shape takes in F32" % len(data))
    for name, offsets in (("offsets-missing", []), ("offsets-of-three", [0, 4, 4]), ("offsets-reversed", [4, 0]),
                          ("offsets-negative", [-4, 0]), ("offsets-behind-the-end", [4, 8]),
                          ("offsets-2-63-less-1", [(1 << 63) - 5, (1 << 63) - 1])):
        bad(name, one([1], offsets),
            "byte 13: the data_offsets of tensor 'a' are not two places in the 4 bytes after the header")
    two = {"a": tensor([2], 0, 2, "U8"), "b": tensor([2], 1, 3, "U8")}
    bad("overlap", safetensors(two, bytes(3)), "byte 114: tensor 'b' begins here, not at byte 115")
    two["b"] = tensor([2], 3, 5, "U8")
    bad("gap", safetensors(two, bytes(5)), "byte 116: tensor 'b' begins here, not at byte 115")
    two["b"] = tensor([2], 0, 2, "U8")
    bad("twice-the-same-bytes", safetensors(two, bytes(2)), "byte 113: tensor 'b' begins here, not at byte 115")
    bad("gap-at-the-start", one([1], [1, 5], bytes(5)), "byte 63: tensor 'a' begins here, not at byte 62")
    bad("bytes-behind", one([1], [0, 4], bytes(5)), "byte 66: the tensors end here, the file at byte 67")
    bad("bytes-behind-nothing", text("{}", b"x"), "byte 10: the tensors end here, the file at byte 11")
    bad("data-cut-short", one([2], [0, 8], bytes(7)),
        "byte 13: the data_offsets of tensor 'a' are not two places in the 7 bytes after the header")
    bad("metadata-a-list", text('{"__metadata__":[]}'), "byte 24: __metadata__ is no object")
    bad("metadata-a-number", text('{"__metadata__":{"k":1}}'), "byte 29: the metadata 'k' is no text")
    wrong_hash = "byte 0: the header does not have the hash in it: it was changed or damaged"
    good = hashed([("a", "F32", [1], bytes(4))])
    bad("hash-of-another", good.replace(b'"a"', b'"b"'), wrong_hash)
    bad("hash-missing", text('{"__metadata__":{"taper.tensor_hashes":""}}'), wrong_hash)
    bad("hash-not-first", safetensors({"__metadata__": {"k": "", "taper.hash": "0" * 32, "taper.tensor_hashes": ""}}),
        wrong_hash)
    bad("hashes-too-few", hashed([("a", "F32", [1], bytes(4))], digests="0" * 31), wrong_hash)
    bad_read("elements-changed", good[:-1] + b"\1",
             "tensor 'a', byte 184: its bytes do not have the hash in the header: they were changed or damaged")
    bad_read("dtype-unknown", one([2], [0, 1], bytes(1), "F4"), "tensor 'a' is of dtype F4, which Taper does not have")
    bad_read("bool-of-2", one([3], [0, 3], b"\0\1\2", "BOOL"),
        "tensor 'a', byte 65: an element is neither 0 nor 1, so no bool")
    case("safetensors/good.safetensors", safetensors({
        "__metadata__": {"k": "v"}, "b": tensor([2], 4, 6, "U8"), "a": tensor([1], 0, 4),
        "e": tensor([0, 3], 6, 6, "I64"), "s": tensor([], 6, 8, "BF16")}, struct.pack("<fBBH", 1.5, 1, 2, 0x3f80)),
        "good: a f32 [1] 1.5, b u8 [2] 1 2, e i64 [0,3], s bf16 [] 1")
    case("safetensors/good-nothing.safetensors", text("{}   "), "good:")
    case("safetensors/good-hashed.safetensors", hashed([("x", "F64", [1, 2], struct.pack("<2d", 3, -4))]),
         "good: x f64 [1,2] 3 -4")


def make_npy():
    def bad(name, content, message):
        case("npy/%s.npy" % name, content, "tp_npy_read: '@': byte " + message)

    def bad_dtype(name, descr, n, shown=None):
        case("npy/%s.npy" % name, npy(head(descr), bytes(n)),
             "tp_npy_read: '@' is of dtype '%s', which Taper does not have" % (shown or descr[1:-1]))

    bad("empty", b"", "0: it ends here, 10 bytes before it should")
    bad("magic-alone", b"\x93NUMPY", "6: it ends here, 4 bytes before it should")
    bad("wrong-magic", b"\x93NUMPX\1\0\1\0\n", "0: it is no npy file")
    bad("version-0", npy(head(), bytes(8), (0, 0)), "6: version 0.0, which is none of 1.0, 2.0 and 3.0")
    bad("version-4", npy(head(), bytes(8), (4, 0)), "6: version 4.0, which is none of 1.0, 2.0 and 3.0")
    bad("version-1-1", npy(head(), bytes(8), (1, 1)), "6: version 1.1, which is none of 1.0, 2.0 and 3.0")
    bad("header-behind-the-end", npy(head(), length=999), "8: a header of 999 bytes, of 58 that follow; at most 65536")
    bad("header-of-4-gib", npy(head(), version=(2, 0), length=(1 << 32) - 1),
        "8: a header of 4294967295 bytes, of 58 that follow; at most 65536")
    bad("header-of-64-kib", npy(head() + " " * 65536, version=(2, 0)),
        "8: a header of 65594 bytes, of 65594 that follow; at most 65536")
    bad("header-empty", npy("", length=0), "10: a dict expected, the header ends")
    bad("header-no-dict", npy("[]"), "10: a dict expected, not '['")
    bad("header-with-nul", npy(head()[:-1] + "\0}"), "66: a text in quotes expected, not '?'")
    bad("quote-never-closed", npy("{'descr': '<f4"), "25: the end of a text in quotes expected, the header ends")
    bad("quote-with-escape", npy(head("'<\\x66" "4'")), "22: the end of a text in quotes expected, not '\\'")
    bad("key-missing", npy("{'descr': '<f4', 'fortran_order': False, }", bytes(8)),
        "52: the dict ends without the key shape")
    bad("key-twice", npy("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        "34: before this, one of the keys descr, fortran_order and shape expected, each once, not 'descr'")
    bad("key-unknown", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", bytes(4)),
        "69: before this, one of the keys descr, fortran_order and shape expected, each once, not 'x'")
    bad("after-the-dict", npy(head() + " x", bytes(8)), "68: the end of the header expected, not 'x'")
    bad("order-a-number", npy(head(order="1"), bytes(8)), "44: True or False expected, not '1'")
    bad("shape-a-list", npy(head(shape="[2]"), bytes(8)), "60: the tuple of a shape expected, not '['")
    bad("shape-no-tuple", npy(head(shape="(2)"), bytes(8)), "62: a comma expected, not ')'")
    bad("shape-of-9-axes", npy(head(shape="(%s)" % ("1, " * 9)), bytes(4)), "85: at most 8 sizes expected, not '1'")
    bad("shape-of-commas", npy(head(shape="(,)"), bytes(4)), "61: a size expected, not ','")
    bad("size-negative", npy(head(shape="(-1,)"), bytes(4)), "61: a size expected, not '-'")
    bad("size-a-fraction", npy(head(shape="(1.0,)"), bytes(4)), "62: a comma expected, not '.'")
    bad("size-true", npy(head(shape="(True,)"), bytes(4)), "61: a size expected, not 'T'")
    bad("size-octal", npy(head(shape="(02,)"), bytes(8)), "61: a size without zeros in front expected, not '0'")
    bad("size-2-63", npy(head(shape="(%d,)" % (1 << 63))), "79: a size below 2^63 expected, not '8'")
    bad("size-of-100-digits", npy(head(shape="(%s,)" % ("9" * 100))), "79: a size below 2^63 expected, not '9'")
    bad("shape-wraps-to-0", npy(head(shape="(%d, %d, 4)" % (1 << 32, 1 << 32))),
        "91: a shape of more bytes than can be counted")
    bad("shape-wraps-to-4", npy(head(shape="(%d,)" % (1 << 62 | 1)), bytes(4)),
        "86: a shape of more bytes than can be counted")
    bad("shape-wraps-behind-0", npy(head(shape="(0, %d)" % (1 << 62))), "88: a shape of more bytes than can be counted")
    bad("elements-cut-short", npy(head(), bytes(7)), "68: the elements take 8 bytes, there are 7")
    bad("elements-too-many", npy(head(), bytes(9)), "68: the elements take 8 bytes, there are 9")
    bad("bool-of-2", npy(head("'|b1'"), b"\1\2"), "69: a bool of 2, which is neither 0 nor 1")
    bad("descr-deep", npy(head("[" * 100 + "]" * 100)), "36: a list less deep expected, not '['")
    bad("descr-crossed", npy(head("[('x', '<f4')[)]"), bytes(8)), "34: the other bracket expected, not ')'")
    bad_dtype("objects", "'|O'", 8)
    bad_dtype("structured", "[('x', '<f4'), ('y', '<i8', (2,))]", 40, "[('x', '<f4'), ('y', '<i8', (2,))]")
    bad_dtype("texts", "'<U2'", 16)
    bad_dtype("complex", "'<c8'", 16)
    bad_dtype("dates", "'<M8[ns]'", 16)
    bad_dtype("float128", "'<f16'", 32)
    bad_dtype("void", "'|V2'", 4)
    bad_dtype("no-order", "'f4'", 8)
    bad_dtype("dtype-empty", "''", 0, "")
    case("npy/good.npy", npy(head(shape="(2, 3)"), struct.pack("<6f", *range(6))), "good: f32 [2,3] 0 1 2 3 4 5")
    case("npy/good-version-3.npy", npy(head("'|u1'", shape="()"), b"\7", (3, 0)), "good: u8 [] 7")
    case("npy/good-big-endian.npy", npy(head("'>i2'"), struct.pack(">2h", 1, -2)), "good: i16 [2] 1 -2")
    case("npy/good-fortran.npy", npy(head("'<i8'", "True", "(2, 3)"), struct.pack("<6q", 1, 4, 2, 5, 3, 6)),
         "good: i64 [2,3] 1 2 3 4 5 6")
    case("npy/good-empty.npy", npy(head("'|b1'", shape="(0, 3)")), "good: bool [0,3]")


def make_npz():
    def bad(name, content, message):
        case("npz/%s.npz" % name, content, "tp_npz_open: '@': " + message)

    def bad_read(name, content, message):
        case("npz/%s.npz" % name, content, "tp_npz_read: '@': " + message)

    def lying(content, size):
        """Content that is said to be of that size."""
        return array(content=content, method=DEFLATED, size=size, local={"size": size}).end()

    bad("empty", b"", "byte 0: it is no zip archive: it has 0 bytes")
    bad("no-zip", ARRAY, "byte 47: the end of a zip archive, without a comment, expected")
    bad("cut-short", array().end()[:-1], "byte 154: the end of a zip archive, without a comment, expected")
    bad("start-missing", array().end()[1:], "byte 154: the directory does not end here, or is in several files")
    bad("bytes-in-front", b"#!/bin/sh\n" + array().end(),
        "byte 165: the directory does not end here, or is in several files")
    bad("bytes-behind", array().end() + b"x", "byte 156: the end of a zip archive, without a comment, expected")
    bad("comment", array().end(comment=b"x"), "byte 156: the end of a zip archive, without a comment, expected")
    bad("several-disks", array().end(disk=1), "byte 155: the directory does not end here, or is in several files")
    bad("entries-too-many", array().end(here=2, n=2), "byte 104: 2 entries in a directory of 51 bytes")
    bad("entries-65534", array().end(here=65534, n=65534), "byte 104: 65534 entries in a directory of 51 bytes")
    bad("entries-too-few", array().add(b"b.npy", ARRAY).end(here=1, n=1),
        "byte 259: bytes of the directory after its last entry")
    bad("directory-of-4-gib", array().end(size=0xfffffffe),
        "byte 155: the directory does not end here, or is in several files")
    bad("directory-behind-the-end", array().end(at=0xfffffffe),
        "byte 155: the directory does not end here, or is in several files")
    bad("zip64-missing", array().end(at=0xffffffff), "byte 135: the place of the end record expected")
    for name, text, message in (
            ("up", b"../a.npy", "byte 107: the name of an entry leads out of its folder"),
            ("up-later", b"a/../../b.npy", "byte 112: the name of an entry leads out of its folder"),
            ("up-backslash", b"..\\a.npy", "byte 107: the name of an entry leads out of its folder"),
            ("root", b"/etc/a.npy", "byte 109: the name of an entry begins with a slash"),
            ("empty", b"", "byte 99: the name of an entry is empty"),
            ("with-nul", b"a\0.npy", "byte 105: the name of an entry has a byte 0"),
            ("other", b"a.txt", "the entry 'a.txt' is no npy file by its name"),
            ("folder", b"a/", "the entry 'a/' is no npy file by its name")):
        bad("name-" + name, array(text).end(), message)
    bad("name-not-utf-8", array(b"\xff.npy", flags=1 << 11, local={"flags": 1 << 11}).end(),
        "the name, the sizes or the extra field of an entry are not as they should be")
    bad("sizes-of-the-header", array(local={"size": 1}).end(),
        "the name, the sizes or the extra field of an entry are not as they should be")
    bad("name-twice", array().add(b"a.npy", ARRAY).end(), "byte 305: the name 'a.npy' a second time")
    bad("name-longer-than-directory", array().end()[:-22 - 51 + 28] + b"\xff\xff" + array().end()[-22 - 51 + 30:],
        "byte 104: an entry longer than the directory")
    bad("name-of-another", array(local={"name": b"b.npy"}).end(),
        "byte 0: an entry of which the directory says something else")
    bad("encrypted", array(flags=1).end(), "byte 104: an entry that is encrypted")
    bad("method-lzma", array(method=14, local={"method": 14}).end(),
        "byte 104: an entry that is neither stored nor deflated")
    bad("stored-of-two-sizes", array(size=len(ARRAY) + 1).end(), "byte 104: a stored entry of two sizes")
    bad("packed-behind-the-directory", array(packed=0xfffffff0, size=0xfffffff0).end(),
        "byte 104: an entry that is not within the bytes before the directory")
    bad("size-zip64-missing", array(size=0xffffffff).end(), "byte 104: an extra field that is not what it should be")
    bad("size-zip64-2-63", array(size=0xffffffff, extra=struct.pack("<HHQ", 1, 8, 1 << 63)).end(),
        "byte 104: an entry that is not within the bytes before the directory")
    bad("entry-behind-the-end", array(at=0xfffffff0).end(),
        "byte 104: an entry that is not within the bytes before the directory")
    bad("entry-elsewhere", array(at=1).end(), "byte 0: the first entry begins at byte 1")
    bad("overlap", array().add(b"b.npy", ARRAY, at=0).end(),
        "byte 104: an entry ends here, and the next one begins at byte 0")
    bad("overlap-in-part", Zip().add(b"a.npy", ARRAY, at=0).add(b"b.npy", ARRAY, at=30).end(),
        "byte 104: an entry ends here, and the next one begins at byte 30")
    holed = array()
    holed.entries += b"hole"
    bad("hole", holed.add(b"b.npy", ARRAY).end(), "byte 104: an entry ends here, and the next one begins at byte 108")
    bad("bomb-impossible", array(content=ARRAY, method=DEFLATED, size=1 << 30).end(),
        "byte 101: an entry of more bytes than its packed ones can give")
    bad("bomb-quoted", array(content=npy(head("'|u1'", shape="(4000000000,)")), method=DEFLATED).end(),
        "array 'a': byte 77: the elements take 4000000000 bytes, there are 0")
    bad_read("more-packed-than-said", lying(ARRAY + bytes(1000), len(ARRAY)),
        "array 'a': byte 69: more is packed than its size")
    bad("less-packed-than-said", lying(ARRAY, len(ARRAY) + 1),
        "array 'a': byte 68: the elements take 1 bytes, there are 2")
    broken = array(method=DEFLATED).end()
    bad("deflate-damaged", broken[:35] + b"\xff" + broken[36:], "array 'a': byte 0 of it: Zlib error: data error")
    bad("crc-of-the-header", array(local={"crc": 1}).end(),
        "byte 0: an entry of which the directory says something else")
    bad("crc-of-the-directory", array(crc=1).end(), "byte 0: an entry of which the directory says something else")
    bad_read("crc-of-the-elements", array(crc=1, local={"crc": 1}).end(), "array 'a': byte 69 of it: CRC error")
    bad("array-wrong-magic", array(content=b"\x93NUMPX" + ARRAY[6:]).end(), "array 'a': byte 0: it is no npy file")
    bad("array-cut-short", array(content=ARRAY[:-1]).end(),
        "array 'a': byte 68: the elements take 1 bytes, there are 0")
    bad("array-wraps", array(content=npy(head(shape="(%d, %d, 4)" % (1 << 32, 1 << 32)))).end(),
        "array 'a': byte 91: a shape of more bytes than can be counted")
    bad_read("objects", array(content=npy(head("'|O'"), bytes(16))).end(),
        "array 'a' is of dtype '|O', which Taper does not have")
    case("npz/good.npz", array().add(b"dir/b.npy", npy(head(), struct.pack("<2f", 1, 2)), DEFLATED).end(),
         "good: a u8 [1] 53, dir/b f32 [2] 1 2")
    case("npz/good-nothing.npz", Zip().end(), "good:")
    sizes = struct.pack("<HHQQ", 1, 16, len(ARRAY), len(ARRAY))
    case("npz/good-zip64.npz", array(local={"packed": 0xffffffff, "size": 0xffffffff, "extra": sizes}).end(),
         "good: a u8 [1] 53")  # as NumPy writes it


def make_idx():
    def bad(name, content, message):
        ending = "-idx-ubyte.gz" if content[:2] == b"\x1f\x8b" else "-idx-ubyte"
        case("idx/" + name + ending, content, "tp_idx_read: '@': byte " + message)

    plain = idx([2, 2], b"\1\2\3\4")
    bad("empty", b"", "0: it ends here, 4 bytes before it should")
    bad("head-cut-short", plain[:3], "3: it ends here, 1 bytes before it should")
    bad("sizes-cut-short", plain[:9], "9: it ends here, 3 bytes before it should")
    bad("elements-cut-short", plain[:-1], "12: the elements take 4 bytes, there are 3")
    bad("elements-too-many", plain + b"5", "12: the elements take 4 bytes, there are 5")
    bad("start-not-0", idx([1], b"1", start=b"\0\1"),
        "0: it begins with 0 1 8 1; an IDX file with 0, 0, one of 8 9 11 12 13 14, and at most 8 axes")
    bad("kind-unknown", idx([1], b"1", kind=10),
        "0: it begins with 0 0 10 1; an IDX file with 0, 0, one of 8 9 11 12 13 14, and at most 8 axes")
    bad("rank-255", idx([1] * 255, b"1"),
        "0: it begins with 0 0 8 255; an IDX file with 0, 0, one of 8 9 11 12 13 14, and at most 8 axes")
    bad("rank-9", idx([1] * 9, b"1"),
        "0: it begins with 0 0 8 9; an IDX file with 0, 0, one of 8 9 11 12 13 14, and at most 8 axes")
    bad("sizes-of-4-gib", idx([0xffffffff]), "8: the elements take 4294967295 bytes, there are 0")
    bad("sizes-wrap-to-0", idx([1 << 31, 1 << 31, 4]), "16: a shape of more bytes than can be counted")
    bad("sizes-wrap-behind-0", idx([0] + [0xffffffff] * 7), "36: a shape of more bytes than can be counted")
    bad("sizes-wrap-in-f64", idx([1 << 31, 1 << 30], kind=14), "12: a shape of more bytes than can be counted")
    bad("gz-cut-short", gz(plain)[:-9], "23: what is packed is cut short")
    bad("gz-end-cut-short", gz(plain)[:-1], "31: what is packed is cut short")
    bad("gz-head-alone", gz(plain)[:10], "10: what is packed is cut short")
    bad("gz-damaged", gz(plain)[:10] + b"\xff" + gz(plain)[11:], "11: what is packed is damaged: invalid block type")
    bad("gz-crc", gz(plain, crc=1), "28: what is packed is damaged: incorrect data check")
    bad("gz-size", gz(plain, size=1), "32: what is packed is damaged: incorrect length check")
    bad("gz-bytes-behind", gz(plain) + b"x", "32: bytes after the end of what is packed")
    bad("gz-two-members", gz(plain) + gz(plain), "32: bytes after the end of what is packed")
    bad("gz-elements-too-many", gz(plain + bytes(1000)), "26: more is packed than there should be")
    bad("gz-elements-cut-short", gz(plain[:-1]), "31: 1 bytes fewer are packed than there should be")
    bad("gz-of-gz", gz(gz(plain)),
        "0: it begins with 31 139 8 0; an IDX file with 0, 0, one of 8 9 11 12 13 14, and at most 8 axes")
    bad("gz-bomb-impossible", gz(idx([1 << 20, 1 << 10])),
        "4: sizes of 1073741824 bytes, more than can be in a file of 30")
    bad("gz-bomb", gz(idx([1 << 16], bytes(1 << 21))), "93: more is packed than there should be")
    case("idx/good-idx-ubyte", plain, "good: u8 [2,2] 1 2 3 4")
    case("idx/good-idx-ubyte.gz", gz(plain), "good: u8 [2,2] 1 2 3 4")
    case("idx/good-f64-idx-ubyte", idx([1], struct.pack(">d", -1.5), kind=14), "good: f64 [1] -1.5")


def make_mnist():
    def folder(name, outcome, images=idx([2, 2, 2], bytes(range(8))), labels=idx([2], b"\0\2")):
        case("mnist/" + name, {"t10k-images-idx3-ubyte": images, "t10k-labels-idx1-ubyte": labels}, outcome)

    folder("good", "good: x f64 [2,2,2] 0 1 2 3 4 5, y i64 [2] 0 2")
    folder("label-out-of-range", "@: a label of 3, where 3 classes are expected", labels=idx([2], b"\0\3"))
    folder("label-255", "@: a label of 255, where 3 classes are expected", labels=idx([2], b"\0\xff"))
    folder("labels-too-few", "@/t10k-labels-idx1-ubyte: 1 labels for 2 images", labels=idx([1], b"\0"))
    folder("labels-of-two-axes",
           "@/t10k-labels-idx1-ubyte: it holds u8 of 2 axes; u8 of 1 are needed",
           labels=idx([2, 1], b"\0\2"))
    folder("images-of-another-size",
           "@: its images of 2 x 3 are not what is expected",
           images=idx([2, 2, 3], bytes(12)))
    folder("images-of-one-axis",
           "@/t10k-images-idx3-ubyte: it holds u8 of 1 axes; u8 of 3 are needed",
           images=idx([2], bytes(2)))
    folder("images-none", "@: there are no images", images=idx([0, 2, 2]), labels=idx([0]))
    folder("images-wrap",
           "tp_idx_read: '@/t10k-images-idx3-ubyte': byte 16: a shape of more bytes than can be counted",
           images=idx([1 << 31, 1 << 31, 4]))
    folder("images-cut-short",
           "tp_idx_read: '@/t10k-images-idx3-ubyte': byte 16: the elements take 8 bytes, there are 7",
           images=idx([2, 2, 2], bytes(7)))
    folder("images-a-bomb",
           "tp_idx_read: '@/t10k-images-idx3-ubyte': byte 34: more is packed than there should be",
           images=gz(idx([2, 2, 2], bytes(1 << 21))))
    folder("labels-cut-short",
           "tp_idx_read: '@/t10k-labels-idx1-ubyte': byte 21: what is packed is cut short",
           labels=gz(idx([2], b"\0\2"))[:-9])


def make_csv():
    def bad(name, content, message):
        case("csv/%s.csv" % name, content.encode() if isinstance(content, str) else content, "@: " + message)

    bad("empty", "", "the file is empty")
    bad("empty-lines", "\n\r\n\n", "the file is empty")
    bad("byte-order-mark-alone", "\ufeff", "the file is empty")
    bad("names-alone", "a,k\n", "there is no row below the names of the columns")
    bad("one-column", "a\n1\n2\n", "there is no column of values besides the target")
    bad("row-short", "a,b,k\n1,2,x\n1,x\n", "line 3 has 2 fields; the first line has 3")
    bad("row-long", "a,b,k\n1,2,x\n1,2,x,\n", "line 3 has 4 fields; the first line has 3")
    bad("name-twice", "a,a,k\n1,2,x\n", "line 1: two columns are called 'a'")
    bad("nul", b"a,k\n1,x\n2\0,y\n", "line 3: a byte 0: this is no text file")
    bad("utf-16", "a,k\n1,x\n".encode("utf-16"), "line 1: a byte 0: this is no text file")
    bad("binary", ARRAY, "line 1: a byte 0: this is no text file")
    bad("quote-never-closed", 'a,k\n1,x\n"2,y\n3,x\n', "line 3: the file ends within quotes")
    bad("quote-alone", '"', "line 1: the file ends within quotes")
    bad("quote-within", 'a,k\n1,x\n2",y\n', "line 3: a quote within a field that is not in quotes")
    bad("quote-and-more", 'a,k\n1,x\n"2"3,y\n', "line 3: a quote within a field that is not in quotes")
    bad("text-for-a-number", "a,k\n1,x\ntwo,y\n3,x\n",
        "line 3, column 'a': 'two' is not a number, as most of the column are")
    bad("number-too-large", "a,k\n1,x\n1e999,y\n", "line 3, column 'a': '1e999' is too large for a number")
    bad("number-inf", "a,k\n1,x\n-inf,y\n3,x\n",
        "line 3, column 'a': '-inf' is not a number, as most of the column are")
    bad("number-hexadecimal", "a,k\n1,x\n0x10,y\n3,x\n",
        "line 3, column 'a': '0x10' is not a number, as most of the column are")
    bad("number-and-more", "a,k\n1,x\n2 3,y\n3,x\n",
        "line 3, column 'a': '2 3' is not a number, as most of the column are")
    bad("number-of-no-digits", "a,k\n1,x\n-.,y\n3,x\n",
        "line 3, column 'a': '-.' is not a number, as most of the column are")
    bad("missing", "a,k\n1,x\n,y\n", "line 3, column 'a': '' is a missing value")
    bad("missing-nan", "a,k\n1,x\nNaN,y\n", "line 3, column 'a': 'NaN' is a missing value")
    bad("missing-target", "a,k\n1,x\n2,\n", "line 3, column 'k': '' is a missing value")
    bad("separators-alone", ",,,\n,,,\n", "line 2, column '': '' is a missing value")
    def good(name, content, outcome):
        case("csv/%s.csv" % name, content.encode(), "good: " + outcome)

    good("good", 'size,kind\n1.5,cat\n"2",dog\n', "x f64 [2,1] 1.5 2, y i64 [2] 0 1")
    good("good-byte-order-mark", "\ufeffa;k\r\n1,5;x\r\n".replace(",", "."), "x f64 [1,1] 1.5, y i64 [1] 0")
    good("good-quotes", '"a,b",k\n1,"x ""\n"\n2,"y"', "x f64 [2,1] 1 2, y i64 [2] 0 1")
    good("like-good", "kind,more,size\ndog,7,5\n", "x f64 [1,1] 5, y i64 [1] 1")
    bad("like-label-unknown", "size,kind\n1,cow\n", "line 2, column 'kind': 'cow' is none of the values known")
    bad("like-column-missing", "width,kind\n1,cat\n", "the column 'size' is missing")
    bad("like-target-missing", "size\n1\n", "there is no column 'kind' for the target")
    bad("like-text-for-a-number", "size,kind\nbig,cat\n", "line 2, column 'size': 'big' is not a number")
    bad("like-too-many-columns", "1,2,cat\n", "2 columns of values, where 1 are expected")


def make_checkpoint():
    def bad(name, content, message):
        case("checkpoint/%s.safetensors" % name, content, "tp_fit: " + message)

    def unreadable(name, content, message):
        message = message.replace("FILE", "'run/checkpoint-a.safetensors'")
        bad(name, content, "no checkpoint in 'run' can be read: " + message)

    nothing = ("F32", [0], b"")
    unreadable("empty", b"", "tp_safetensors_open: FILE: byte 0: it ends here, 8 bytes before it should")
    unreadable("cut-short", checkpoint()[:-1],
        "tp_safetensors_open: FILE: byte 1734: the data_offsets of tensor 'optimizer.0.bias.momentum_buffer' "
               "are not two places in the 191 bytes after the header")
    unreadable("header-changed", checkpoint().replace(b"sgd", b"sge"),
        "tp_safetensors_open: FILE: byte 0: the header does not have the hash in it: it was changed or damaged")
    unreadable("weights-changed", checkpoint()[:-30] + b"\1" + checkpoint()[-29:],
        "tp_safetensors_read: FILE: tensor 'optimizer.0.bias.step', byte 1947: its bytes do not have the hash "
               "in the header: they were changed or damaged")
    unreadable("not-hashed", safetensors({"__metadata__": {"taper.checkpoint": "{}"}}),
        "tp_fit: FILE is no checkpoint: it has no hashes")
    unreadable("no-checkpoint", checkpoint(key="taper.net"),
        "tp_fit: FILE is no checkpoint: it has no taper.checkpoint")
    unreadable("no-json", checkpoint(text="{"),
        "tp_fit: FILE is no checkpoint: byte 1 of taper.checkpoint: string or '}' expected near end of file")
    unreadable("deep", checkpoint(text="[" * 5000),
        "tp_fit: FILE is no checkpoint: byte 2048 of taper.checkpoint: maximum parsing depth reached near '['")
    unreadable("a-list", checkpoint(text="[]"), "tp_fit: in FILE 'number' is not as it should be")
    unreadable("place-missing", checkpoint(place=dict.fromkeys(("number", "epoch"))),
        "tp_fit: in FILE 'number' is not as it should be")
    unreadable("number-negative", checkpoint(place={"number": -1}), "tp_fit: in FILE 'number' is not as it should be")
    unreadable("number-a-text", checkpoint(place={"number": "1"}), "tp_fit: in FILE 'number' is not as it should be")
    unreadable("number-2-63", checkpoint(text='{"place":{"number":9223372036854775808}}'),
        "tp_fit: FILE is no checkpoint: byte 38 of taper.checkpoint: too big integer near '9223372036854775808'")
    unreadable("counter-negative", checkpoint(place={"counter": "-1"}),
        "tp_fit: in FILE 'counter' is not as it should be")
    unreadable("counter-2-64", checkpoint(place={"counter": "18446744073709551616"}),
        "tp_fit: in FILE 'counter' is not as it should be")
    unreadable("counter-with-space", checkpoint(place={"counter": " 1"}),
        "tp_fit: in FILE 'counter' is not as it should be")
    unreadable("loss-a-list", checkpoint(place={"last_loss": []}), "tp_fit: in FILE 'last_loss' is not as it should be")
    bad("training-missing", checkpoint(without="training"), "the checkpoint is of a training with another 'optimizer'")
    bad("of-another-optimizer", checkpoint(training={"optimizer": "adam"}),
        "the checkpoint is of a training with another 'optimizer'")
    bad("of-more-samples", checkpoint(training={"samples": 1 << 62}),
        "the checkpoint is of a training with another 'samples'")
    bad("of-other-data", checkpoint(training={"data": "1"}), "the checkpoint is of a training with another 'data'")
    bad("of-no-data", checkpoint(training={"data": None}), "the checkpoint is of a training with another 'data'")
    bad("of-other-validation", checkpoint(training={"validation": "1"}),
        "the checkpoint is of a training with another 'validation'")
    for name, change in (("number-last", {"number": (1 << 63) - 1}), ("epoch-too-large", {"epoch": 2}),
                         ("epoch-negative", {"epoch": -1}), ("epoch-2-62", {"epoch": 1 << 62}),
                         ("batch-too-large", {"batch": 3}), ("batch-negative", {"batch": -1}),
                         ("steps-negative", {"steps": -1}), ("since-best-negative", {"since_best": -1}),
                         ("best-epoch-too-large", {"best_epoch": 1}), ("rate-negative", {"base_lr": -1.0}),
                         ("rate-nan", {"base_lr": "nan"})):
        bad("place-" + name, checkpoint(place=change),
            "in the checkpoint '%s' is not as it should be" % list(change)[0])
    bad("batch-without-outputs", checkpoint(place={"batch": 1}),
        "in the checkpoint 'epoch.outputs' is not as it should be")
    bad("history-missing", checkpoint({"history": None}), "in the checkpoint 'history' is not as it should be")
    bad("history-f32", checkpoint({"history": ("F32", [1, 19], bytes(76))}),
        "in the checkpoint 'history' is not as it should be")
    bad("history-narrow", checkpoint({"history": ("F64", [1, 18], bytes(144))}),
        "in the checkpoint 'history' is not as it should be")
    bad("history-flat", checkpoint({"history": ("F64", [19], bytes(152))}),
        "in the checkpoint 'history' is not as it should be")
    bad("history-too-long", checkpoint({"history": ("F64", [2, 19], bytes(304))}),
        "in the checkpoint 'epoch' is not as it should be")
    bad("weight-missing", checkpoint({"model.0.weight": None}),
        "the checkpoint has no 'model.0.weight' of this shape and dtype")
    bad("weight-of-another-shape", checkpoint({"model.0.weight": ("F32", [2, 1], bytes(8))}),
        "the checkpoint has no 'model.0.weight' of this shape and dtype")
    bad("weight-of-another-dtype", checkpoint({"model.0.bias": ("I32", [1], bytes(4))}),
        "the checkpoint has no 'model.0.bias' of this shape and dtype")
    bad("weight-too-many", checkpoint({"model.1.weight": nothing}), "in the checkpoint 'model' is not as it should be")
    bad("state-missing", checkpoint({"optimizer.0.bias.momentum_buffer": None}),
        "the checkpoint has no 'optimizer.0.bias.momentum_buffer' of this shape and dtype")
    case("checkpoint/state-unknown.safetensors", checkpoint({"optimizer.0.bias.momentum": nothing}),
         "tp_optimizer_state: sgd has no state '0.bias.momentum'")
    bad("state-of-another-shape", checkpoint({"optimizer.0.bias.momentum_buffer": nothing}),
        "the checkpoint has no 'optimizer.0.bias.momentum_buffer' of this shape and dtype")
    bad("gradient-unknown", checkpoint({"gradient.1.weight": nothing}),
        "in the checkpoint 'gradient' is not as it should be")
    bad("gradient-of-another-shape", checkpoint({"gradient.0.bias": nothing}),
        "in the checkpoint 'gradient' is not as it should be")
    case("checkpoint/good.safetensors", checkpoint(), "good: weight f32 [1,2] 1 2, bias f32 [1] 3")


def make_model():
    def bad(name, content, message):
        case("model/%s.safetensors" % name, content, "tp_model_open: " + message)

    def bad_data(name, part, **changed):
        bad("data-" + name, model(**changed),
            "'@': tp_model_open: '%s' in the metadata taper.data is not as it should be" % part)

    bad("weights-alone", safetensors({"0.bias": tensor([], 0, 4)}, bytes(4)),
        "'@' is no model file: it has no taper.net; tp_module_load reads weights alone")
    bad("not-hashed", safetensors({"__metadata__": {"taper.net": "relu"}}),
        "'@' is no model file: it has no hashes; tp_module_load reads weights alone")
    bad("net-missing", model(net=None), "'@' is no model file: it has no taper.net; tp_module_load reads weights alone")
    bad("net-empty", model(net=""), "'@': tp_net, column 1: a layer is expected, the text ends")
    bad("net-unknown", model(net="linaer 2"),
        "'@': tp_net, column 1: there is no layer 'linaer'; the nearest is 'linear'")
    bad("net-of-gigabytes", model(net="linear 2000000000"),
        "'@': tp_net, column 1: from here on there are more parameters than are allowed")
    case("model/net-of-many-layers.safetensors", model(net=", ".join(["linear 1000"] * 1000)), "no memory")
    bad("net-larger", model(net="linear 3"),
        "'@' does not fit: '0.weight' is f32 [3,1] here and f32 [2,1] in the file, "
        "'0.bias' is f32 [3] here and f32 [2] in the file")
    bad("net-of-more-layers", model(net="linear 2, linear 2"),
        "'@' does not fit: '1.weight' is not in the file, '1.bias' is not in the file")
    bad("net-of-fewer-layers", model(net="relu"),
        "'@' does not fit: '0.weight' is in the file only, '0.bias' is in the file only")
    bad("dtype-unknown", model(dtype="f31"), "'@': taper.dtype: there is no dtype 'f31'")
    bad("dtype-integer", model(dtype="i32"), "'@': tp_net, column 1: uniform_from: draws floats, got dtype i32")
    bad("dtype-another", model(dtype="f64"),
        "'@' does not fit: '0.weight' is f64 [2,1] here and f32 [2,1] in the file, "
        "'0.bias' is f64 [2] here and f32 [2] in the file")
    bad("data-no-json", model(data="{"), "'@': taper.data: byte 1: string or '}' expected near end of file")
    bad("data-deep", model(data="[" * 5000), "'@': taper.data: byte 2048: maximum parsing depth reached near '['")
    bad("data-a-list", model(data="[]"),
        "'@': tp_model_open: 'sample' in the metadata taper.data is not as it should be")
    target = {"kind": "classes", "name": "k", "classes": ["x", "y"]}
    for name, sample in (("missing", None), ("a-number", 1), ("negative", [-1]), ("a-text", ["1"]),
                         ("of-8-axes", [1] * 8), ("wraps", [1 << 32, 1 << 32])):
        bad_data("sample-" + name, "sample", sample=sample)
    bad("data-sample-huge", model(sample=[1 << 40]),
        "'@': tp_model_open: tp_dataset_name_features: 1 names for 1099511627776 columns")
    bad_data("kind-unknown", "kind", target={**target, "kind": "magic"})
    bad_data("name-missing", "name", target={"kind": "classes"})
    bad("data-classes-twice", model(target={**target, "classes": ["x", "x"]}),
        "'@': tp_model_open: tp_dataset_name_classes: two are called 'x'")
    bad_data("classes-numbers", "classes", target={**target, "classes": [1, 2]})
    bad("data-features-too-many", model(features=["a", "b"]),
        "'@': tp_model_open: tp_dataset_name_features: 2 names for 1 columns")
    bad_data("mean-missing", "mean", mean=None)
    bad_data("mean-too-long", "mean", mean=[1, 2])
    bad_data("mean-a-text", "mean", mean=["1"])
    bad("data-deviation-0", model(deviation=[0]),
        "'@': tp_model_open: tp_dataset_set_scaling: takes finite means and deviations above 0")
    bad("data-deviation-negative", model(deviation=[-1.0]),
        "'@': tp_model_open: tp_dataset_set_scaling: takes finite means and deviations above 0")
    case("model/good.safetensors", model(), "good: weight f32 [2,1] 1 2, y f32 [1,2] 3 6")


def make_net():
    def bad(name, text, message):
        case("net/%s.txt" % name, text if isinstance(text, bytes) else text.encode(), "tp_net, column " + message)

    bad("empty", "", "1: a layer is expected, the text ends")
    bad("spaces", "   ", "4: a layer is expected, the text ends")
    bad("unknown", "linear 3, rleu", "11: there is no layer 'rleu'; the nearest is 'relu'")
    bad("comma-alone", ",", "1: a layer is expected, got ','")
    bad("comma-at-the-end", "relu,", "6: a layer is expected, the text ends")
    bad("never-closed", "(relu, (tanh)", "14: ',' or ')' is expected, the text ends")
    bad("never-opened", "relu)", "5: ',' is expected, got ')'")
    bad("closed-at-once", "()", "2: a layer is expected, got ')'")
    bad("deep", "(" * 5000 + "relu" + ")" * 5000,
        "64: tp_module_add_child: '0' would hold itself, or be nested more than 63 deep")
    bad("size-missing", "linear", "1: linear takes 'out', an integer")
    bad("size-0", "linear 0", "1: tp_linear: takes sizes of 1 or more, got 2 and 0")
    bad("size-negative", "linear -1", "1: tp_linear: takes sizes of 1 or more, got 2 and -1")
    bad("size-a-fraction", "linear 2.5", "8: 'out' of linear takes an integer, got '2.5'")
    bad("size-2-63", "linear 9223372036854775808", "8: 'out' of linear takes an integer, got '9223372036854775808'")
    bad("size-huge", "linear 1e300", "8: 'out' of linear takes an integer, got '1e300'")
    bad("size-2-32", "linear 4294967296", "8: 'out' of linear takes an integer, got '4294967296'")
    case("net/size-of-gigabytes.txt", b"linear 2000000000, linear 2000000000", "no memory")
    bad("option-unknown", "linear 3 bais=false", "10: linear has no argument 'bais'; the nearest is 'bias'")
    bad("option-twice", "linear 3 bias=false bias=true", "21: 'bias' of linear is given twice")
    bad("option-of-no-value", "linear 3 bias=", "10: 'bias' of linear takes true or false, got ''")
    bad("option-nan", "dropout nan", "9: 'p' of dropout takes a number, got 'nan'")
    bad("not-ascii", b"\xff\xfe", "1: there is no layer '\\xff\\xfe'; the nearest is 'elu'")
    bad("control", "linear 3\x1b[31m", "8: 'out' of linear takes an integer, got '3?[31m'")
    bad("long-word", "x" * 10000,
        "1: there is no layer 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'; the nearest is 'softmax'")
    case("net/good.txt", b"linear 4, (tanh, dropout 0.5), linear 3 bias=false", "good: 3 parameters")


def make_config():
    def bad(name, content, message, first=""):
        text = content if isinstance(content, str) else json.dumps(content)
        case("config/%s.json" % name, text.encode(), first + "taper: run/config.json: " + message)

    right = {"version": "0.1.0", "data": "iris", "net": "linear 3"}
    bad("empty", "", "line 1: '[' or '{' expected near end of file")
    bad("no-json", "data: iris", "line 1: '[' or '{' expected near 'data'")
    bad("a-list", "[]", "not a JSON object")
    bad("cut-short", '{"data": "iris", "net"', "line 1: ':' expected near end of file")
    bad("deep", '{"data":' + "[" * 5000, "line 1: maximum parsing depth reached near '['")
    bad("nul", '{"data": "iris\\u0000"}',
        "line 1: \\u0000 is not allowed without JSON_ALLOW_NUL near '\"iris\\u0000\"'")
    bad("key-twice", '{"data": "iris", "data": "wine"}', "line 1: duplicate object key near '\"data\"'")
    bad("data-missing", {"net": "relu"}, "'data' is missing")
    bad("net-missing", {"data": "iris"}, "'net' is missing")
    bad("setting-unknown", {**right, "epoch": 1}, "there is no setting 'epoch'")
    bad("setting-output", {**right, "o": "elsewhere"}, "there is no setting 'o'")
    bad("setting-overwrite", {**right, "overwrite": ""}, "there is no setting 'overwrite'")
    for name, value in (("0", 0), ("a-text", "many")):
        bad("epochs-" + name, {**right, "epochs": value}, "'epochs' is not as it should be",
            "taper train: --epochs takes a whole number of 1 to 1000000000, not '%s'; see `taper help train`\\n"
            % value)
    bad("epochs-2-63", '{"data":"iris","net":"relu","epochs":9223372036854775808}',
        "line 1: too big integer near '9223372036854775808'")
    bad("epochs-null", {**right, "epochs": None}, "'epochs' is not as it should be")
    bad("epochs-a-list", {**right, "epochs": [1]}, "'epochs' is not as it should be")
    bad("rate-huge", '{"data":"iris","net":"relu","lr":1e999}', "line 1: real number overflow near '1e999'")
    bad("optim-unknown", {**right, "optim": "magic"}, "'optim' is not as it should be",
        "taper: unknown --optim 'magic'; the nearest is 'sgd'\\n")


# ---- what is too large to be committed


def make_large():
    gib = 1 << 30
    big = safetensors({"a": tensor([gib], 0, 4 * gib)})
    case("safetensors/4-gib.safetensors", hole(big, len(big) + 4 * gib), "no memory")
    case("safetensors/header-of-16-mib-and-1.safetensors", hole(struct.pack("<Q", (16 << 20) + 1), 32 << 20),
        "tp_safetensors_open: '@': byte 0: a header of 16777217 bytes, in a file of 33554432; at most 16777216")
    most = 16 << 20
    for name, piece in (("numbers", "0,"), ("objects", "{},"), ("lists", "[],"), ("texts", '"",')):
        text = ('{"a":[' + piece * (most // len(piece)))[:most - 2] + "]}"
        case("safetensors/header-of-%s.safetensors" % name, safetensors(text.encode()),
             "tp_safetensors_open: '@': byte 13: a value of more than 4096 bytes")
    case("safetensors/header-of-depth.safetensors", safetensors(b'{"a":' + b"[" * (most - 5)),
        "tp_safetensors_open: '@': byte 29: the header is no JSON object: values within values, too deep")
    many = {"%x" % i: tensor([0], 0, 0, "U8") for i in range(10000)}
    case("safetensors/names-10000.safetensors", safetensors({**many, "last": tensor([1], 1, 2, "U8")}, bytes(2)),
         "tp_safetensors_open: '@': byte 545697: tensor 'last' begins here, not at byte 545696")
    start = npy(head("'|u1'", shape="(%d,)" % (4 * gib)))
    case("npy/4-gib.npy", hole(start, len(start) + 4 * gib), "no memory")
    case("npz/bomb.npz", bomb(1025),
        "tp_npz_read: '@': array 'bomb' unpacks to 1074790477 bytes, more than .most, 1073741824")
    case("npz/bomb-below-the-limit.npz", bomb(1000), "no memory")
    case("idx/bomb-idx-ubyte.gz", GZ + zeros_deflated(1100, idx([1025, 1 << 20])),
        "tp_idx_read: '@': byte 4: it unpacks to 1074790400 bytes, more than .most, 1073741824")
    case("csv/line-of-1-gib.csv", hole(b"a,k\n1,", gib), "@: line 2: a field of more than 1 MiB; is a quote missing?")
    case("csv/quote-of-1-gib.csv", hole(b'a,k\n1,"', gib), "@: line 2: a field of more than 1 MiB; is a quote missing?")
    case("csv/separators-17-mib.csv", b"," * (17 << 20), "@: line 1: more than 1048576 fields")


def main(arguments):
    if arguments[:1] == ["--large"]:
        make_large()
        write(pathlib.Path(arguments[1]), cases)
        return 0
    for make in (make_safetensors, make_npy, make_npz, make_idx, make_mnist, make_csv, make_checkpoint, make_model,
                 make_net, make_config):
        make()
    if arguments == ["--check"]:
        different = sorted(differences())
        print("\n".join("not as it is made: " + path for path in different) or "the corpus is as it is made")
        return 1 if different else 0
    else:
        write(HERE, cases)
    return 0


def files(chosen):
    """Paths and contents of all files."""
    for path, content, _ in chosen:
        if isinstance(content, dict):
            yield from ((path + "/" + name, data) for name, data in content.items())
        else:
            yield path, content


def table(chosen):
    return "".join("%s\t%s\n" % (path, outcome) for path, _, outcome in chosen).encode()


def write(folder, chosen):
    for path, content in [*files(chosen), ("cases.txt", table(chosen))]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with open(folder / path, "wb") as file:
            content(file) if callable(content) else file.write(content)


def differences():
    wanted = {**dict(files(cases)), "cases.txt": table(cases)}
    there = {str(p.relative_to(HERE)) for p in HERE.glob("*/**/*") if p.is_file()} | {"cases.txt"}
    return [path for path in wanted if path not in there or (HERE / path).read_bytes() != wanted[path]] + list(
        there - set(wanted))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
