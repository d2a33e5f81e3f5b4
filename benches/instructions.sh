#!/usr/bin/env bash
# Counts the instructions of a hit with callgrind: the same number on every machine of one kind, however busy.
# Usage: benches/instructions.sh [--check]    --check fails when a count is above its limit.
set -euo pipefail
cd "$(dirname "$0")/.."

check=no
[ "${1:-}" = "--check" ] && check=yes
command -v valgrind >/dev/null || { echo "benches/instructions.sh needs valgrind" >&2; exit 1; }

binary=$(cargo bench --bench instructions --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*instructions-[^"]*\)".*/\1/p' | tail -n 1)
[ -n "$binary" ] || { echo "the bench did not build: cargo bench --bench instructions --no-run" >&2; exit 1; }

collected() { # workload hits
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" "$1" "$2" 2>&1 |
        sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p'
}

count() { # workload -> instructions per hit
    local few many
    few=$(collected "$1" 100000)
    many=$(collected "$1" 300000)
    echo $(((many - few) / 200000))
}

floor=$(count floor)
printf '%-12s %12s %10s %8s\n' workload instructions 'x floor' limit
printf '%-12s %12d %10s %8s\n' floor "$floor" 1.00 -
failed=no
for pair in one_number:650 two_parts:690 text:820 clone_alone:0 cloned:0; do
    workload=${pair%%:*} limit=${pair##*:}
    got=$(count "$workload")
    shown=$limit
    [ "$limit" -eq 0 ] && shown=-
    printf '%-12s %12d %10s %8s\n' "$workload" "$got" "$(awk "BEGIN { printf \"%.2f\", $got / $floor }")" "$shown"
    if [ "$limit" -ne 0 ] && [ "$got" -gt "$limit" ]; then failed=yes; fi
done
if [ $check = yes ] && [ $failed = yes ]; then
    echo "a hit costs more instructions than its limit" >&2
    exit 1
fi
