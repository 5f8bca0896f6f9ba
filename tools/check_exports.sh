#!/bin/bash
# check_exports.sh LIBRARY: it exports tp_* only, cannot end its host, and prints to no stream but those it is
# handed.
set -eu
library=$1
status=0

foreign=$(nm -D --defined-only "$library" | awk '{ print $NF }' | grep -v '^tp_' || true)
if [ -n "$foreign" ]; then
    printf 'exported, but not tp_*:\n%s\n' "$foreign"
    status=1
fi
if ! nm -D --defined-only "$library" | grep -q ' T tp_version$'; then
    echo "tp_version is not exported"
    status=1
fi

ends='abort|_?exit|_Exit|quick_exit|raise|__assert_fail'
prints='v?printf|v?dprintf|__v?d?printf_chk|puts|putchar|perror|psignal|syslog'
streams='stdout|stderr'
forbidden=$(nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $NF); print $NF }' |
    grep -Ex "$ends|$prints|$streams" || true)
if [ -n "$forbidden" ]; then
    printf 'referenced, but not allowed in a library:\n%s\n' "$forbidden"
    status=1
fi
exit $status
