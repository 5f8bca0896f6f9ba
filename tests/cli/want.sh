# want.sh: what the scripts here share. Sourced with the command line's program as $1.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
taper=$(realpath "$1")
failures=0
stdout_file=$(mktemp)
trap 'rm -f "$stdout_file"' EXIT

fail()
{
    echo "$*"
    failures=$((failures + 1))
}

# want CODE OUT ERR ARGUMENT...: runs taper; OUT and ERR are patterns of the whole of stdout and stderr.
want()
{
    local code=$1 out=$2 err=$3 status=0
    shift 3
    { stderr=$("$taper" "$@" 2>&1 >&3) || status=$?; } 3>"$stdout_file"
    stdout=$(cat "$stdout_file")
    [ "$status" = "$code" ] && [[ $stdout == $out ]] && [[ $stderr == $err ]] && return
    fail "$(printf 'taper %s: exit code %s (wanted %s)\n--- stdout (wanted %s)\n%s\n--- stderr (wanted %s)\n%s' \
        "$*" "$status" "$code" "$out" "$stdout" "$err" "$stderr")"
}

# finish: says how it went and exits.
finish()
{
    [ $failures = 0 ] || exit 1
    echo "the command line does what it says"
}
