#!/bin/bash
# derivatives.sh PROGRAM: it finds its derivatives right, and awk, which works them out anew, finds the printed ones so.
set -eu
text=$("$1")
awk -v CONVFMT=%.17g '
    BEGIN {
        a = 0.5; b = 2; s = sin(a); k = cos(a); e = exp(a * b); m = k + (1 + a * b) * e
        want["J v, v = (1, -1)"] = b - a " " b * k - s " " (b - a) * e
        want["Jacobian"] = b " " a " " b * k " " s " " b * e " " a * e
        want["gradient"] = b * k + b * e " " s + a * e
        want["Hessian"] = -b * s + b * b * e " " m " " m " " a * a * e
        want["H v"] = -b * s + b * b * e - m " " m - a * a * e
    }
    $0 in want { n += split(want[$0], w, " "); at = 0; next }
    { for (i = 1; i <= NF; i++) if (($i - w[++at])^2 > 1e-20) { print "wrong: " $i ", wanted " w[at]; bad = 1 } else right++ }
    END { if (bad || right != 17 || n != 17) { print right + 0 " of " n + 0 " numbers right, wanted 17"; exit 1 } }
' <<<"$text"
