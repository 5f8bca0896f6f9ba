#!/bin/bash
# files.sh TAPER: what taper info says of files, and taper convert from each format to each; NumPy looks at the results.
. "$(dirname "$0")/want.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder" "$stdout_file"' EXIT
iris_file=$PWD/data/iris/iris.csv
cd "$folder"
numpy() { /usr/bin/python3 -c "import numpy as np; from numpy import *; $1" || fail "not so: $1"; }

/usr/bin/python3 - <<'END'
import gzip, struct
import numpy as np
np.save("f.npy", np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3)))
np.save("complex.npy", np.zeros((2, 2), "c8"))
np.savez("two.npz", **{"w/x": np.arange(6.0).reshape(2, 3), "b": np.arange(3, dtype="i2"), "e": np.zeros((0, 2), "?")})
np.savez_compressed("odd.npz", good=np.ones(2), text=np.array(["a", "bc"]))
with gzip.open("t10k-images-idx3-ubyte.gz", "wb") as f:
    f.write(struct.pack(">4B3I", 0, 0, 8, 3, 2, 1, 2) + bytes([1, 2, 3, 255]))
END

# info: each format
want 0 $'format     npy\ntensors    1\n  f  *f32    \\[2,3\\]' '' info f.npy
want 0 $'format     npy\ntensors    1\n  complex  *<c8    \\[2,2\\]' '' info complex.npy
want 0 $'format     npz\ntensors    3\n  w/x  *f64    \\[2,3\\]\n  b  *i16    \\[3\\]\n  e  *bool   \\[0,2\\]' '' info two.npz
want 0 $'format     npz\ntensors    2\n  good  *f64    \\[2\\]\n  text  *<U2    \\[2\\]' '' info odd.npz
want 0 $'format     IDX\ntensors    1\n  t10k-images-idx3  *u8     \\[2,1,2\\]' '' info t10k-images-idx3-ubyte.gz
want 0 $'format     CSV\ntensors    1\n  iris  *f64    \\[150,5\\]\ncolumns    5\n  sepal length (cm)  *numbers\n*\n  target  *text, 3 different' '' \
    info "$iris_file"
want 0 '*' '' train --data iris --net 'linear 4, linear 3' --epochs 1 --quiet -o run
want 0 $'format     safetensors, hashed, a model\ntensors    4\n  0.weight  *f32    \\[4,4\\]\n*\nmetadata\n*  taper.net  *linear 4, *' '' \
    info run/model.safetensors

# convert: there and back, and what comes out
want 0 '' '' convert f.npy f.safetensors
want 0 $'format     safetensors, hashed\ntensors    1\n  f  *f32    \\[2,3\\]\n*' '' info f.safetensors
want 0 '' '' convert f.safetensors g.npy
numpy 'g = load("g.npy"); assert g.dtype == float32 and g.flags.c_contiguous and (g == load("f.npy")).all()'
want 0 '' '' convert two.npz two.safetensors
want 0 '' '' convert two.safetensors deflated.npz --deflate
want 0 '' '' convert two.npz stored.npz
numpy 'a, b, c = (load(p + ".npz") for p in ("two", "deflated", "stored"))
for n in a.files: assert all(a[n] == b[n]) and all(a[n] == c[n]) and a[n].dtype == b[n].dtype == c[n].dtype, n'
want 0 '' '' convert two.npz x.npy --tensor w/x
numpy 'assert (load("x.npy") == arange(6).reshape(2, 3)).all()'
want 0 '' '' convert two.npz x.csv --tensor w/x
[ "$(cat x.csv)" = $'x0,x1,x2\n0,1,2\n3,4,5' ] || fail "x.csv: $(cat x.csv)"
want 0 '' '' convert x.csv y.npy
numpy 'assert (load("y.npy") == load("x.npy")).all()'
want 0 '' '' convert odd.npz good.npy --tensor good
want 0 '' '' convert t10k-images-idx3-ubyte.gz images.npy
numpy 'i = load("images.npy"); assert i.dtype == uint8 and i.tolist() == [[[1, 2]], [[3, 255]]]'
want 0 '' '' convert images.npy again-idx3-ubyte.gz
want 0 '' '' convert images.npy again-idx3-ubyte
gzip -cd again-idx3-ubyte.gz | cmp - again-idx3-ubyte || fail "the packed file is another"
gzip -cd t10k-images-idx3-ubyte.gz | cmp - again-idx3-ubyte || fail "an IDX file has changed"
want 0 '' '' convert "$iris_file" iris.csv
[ "$("$taper" info iris.csv | tail -n +5)" = "$("$taper" info "$iris_file" | tail -n +5)" ] || fail "columns have changed"
tail -n 1 iris.csv | grep -q ',virginica$' || fail "text has become a number"
want 0 '' '' convert run/model.safetensors run.npz
numpy 'assert sorted(load("run.npz").files) == ["0.bias", "0.weight", "1.bias", "1.weight"]'
want 0 '' '' convert f.npy f.npy
numpy 'assert load("f.npy").tolist() == [[0, 1, 2], [3, 4, 5]]'

# wrong command lines
want 2 '' "taper: usage: taper convert IN OUT *" convert f.npy
want 2 '' "taper convert: 'f.txt' does not end with .safetensors, *" convert f.npy f.txt
want 2 '' "taper convert: '.npy' does not end with *" convert .npy f.npz
want 2 '' "taper info: '.' does not end with *" info .
want 2 '' "taper convert: 'two.npz' has 3 tensors, and npy takes one; choose by --tensor NAME, of: w/x, b, e; see *" convert two.npz z.npy
want 2 '' "taper: unknown tensor 'c'; the nearest is 'b'" convert two.npz z.npy --tensor c
want 2 '' "taper: unknown tensor 'g'; the nearest is 'f'" convert f.npy z.npz --tensor g
want 2 '' "taper convert: --deflate is for npz files; *" convert f.npy z.safetensors --deflate
want 2 '' "taper: tp_idx_save: IDX has no dtype bool" convert two.npz z-idx2-ubyte --tensor e
want 2 '' "taper: tp_csv_save: a table is *" convert images.npy z.csv
/usr/bin/python3 - <<'END'
import json
header = json.dumps({"t\x1b[31m": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
open("b.safetensors", "wb").write(len(header).to_bytes(8, "little") + header + bytes(2))
END
want 0 $'*\n  t\\\\x1b\\[31m  *bf16   \\[1\\]' '' info b.safetensors
want 2 '' "taper: tp_npy_save: NumPy has no dtype bf16" convert b.safetensors z.npy

# wrong files: nothing, cut short, a folder, a pipe, garbage, another format; nothing is written
head -c 100 two.npz >cut.npz
head -c 50 t10k-images-idx3-ubyte.gz | head -c 30 >cut-idx3-ubyte.gz
mkdir folder.npy
mkfifo pipe.npz
cp f.npy other.npz
cp two.npz other.npy
for end in .safetensors .npy .npz .csv -idx1-ubyte -idx1-ubyte.gz; do : >"empty$end"; done
for file in none.npy none.npz none.safetensors none.csv none-idx1-ubyte cut.npz cut-idx3-ubyte.gz folder.npy pipe.npz \
    other.npz other.npy empty.safetensors empty.npy empty.npz empty.csv empty-idx1-ubyte empty-idx1-ubyte.gz; do
    want 3 '' "taper: *$file*" info $file
    want 3 '' "taper: *$file*" convert $file z.npz
done
want 3 '' "taper: *complex.npy' is of dtype '<c8', which Taper does not have" convert complex.npy z.npz
want 3 '' "taper: *array 'b' unpacks to 134 bytes, more than .most, 133" convert deflated.npz z.npy --tensor b --most 133
want 0 '' '' convert deflated.npz b.npy --tensor b --most 134
want 3 '' "taper: *: it unpacks to 4 bytes, more than .most, 3" convert t10k-images-idx3-ubyte.gz z.npy --most 3
want 3 '' "taper: *array 'text' is of dtype '<U2', which Taper does not have" convert odd.npz z.npz
want 1 '' "taper: tp_npy_save: cannot write 'no/z.npy': No such file or directory" convert f.npy no/z.npy
want 1 '' "taper: tp_npy_save: cannot write 'folder.npy': it is no regular file" convert f.npy folder.npy
ls z* .taper* 2>/dev/null && fail "something was written"

finish
