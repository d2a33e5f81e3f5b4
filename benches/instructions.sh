#!/usr/bin/env bash
# Counts the instructions of a hit, and of a call that a guard lets through, with callgrind: the same number on every
# machine of one kind, however busy.
# Usage: benches/instructions.sh [--check] [workload …]    --check fails when a count is above its limit.
set -euo pipefail
cd "$(dirname "$0")/.."

check=no
[ "${1:-}" = "--check" ] && { check=yes; shift; }
command -v valgrind >/dev/null || { echo "benches/instructions.sh needs valgrind" >&2; exit 1; }

binary=$(cargo bench --bench instructions --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*instructions-[^"]*\)".*/\1/p' | tail -n 1)
[ -n "$binary" ] || { echo "the bench did not build: cargo bench --bench instructions --no-run" >&2; exit 1; }

# A workload and its limit; 0: none.
hits=(one_number:705 two_parts:740 text:855 clone_alone:0 cloned:0 early:775 soft:805 hit:765)
# Calls that an attribute lets through; their function alone is `bare`.
guarded=(bare:0 fixed:1580 fixed_one:1400 sliding:1920 sliding_one:1790 gcra:1820 gcra_one:1650 breaker:3100 perf:2820
    locked:16000 fail:8000)

is_guarded() { # workload
    case " ${guarded[*]}" in *" $1:"*) ;; *) return 1 ;; esac
}

collected() { # workload hits
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" "$1" "$2" 2>&1 |
        sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p'
}

count() { # workload -> instructions per hit
    local few many calls=100000
    is_guarded "$1" && calls=20000
    few=$(collected "$1" "$calls")
    many=$(collected "$1" $((3 * calls)))
    echo $(((many - few) / (2 * calls)))
}

floor=$(count floor)
printf '%-12s %12s %10s %8s\n' workload instructions 'x floor' limit
printf '%-12s %12d %10s %8s\n' floor "$floor" 1.00 -
failed=no
for pair in "${hits[@]}" "${guarded[@]}"; do
    workload=${pair%%:*} limit=${pair##*:}
    case " ${*:-$workload} " in *" $workload "*) ;; *) continue ;; esac
    got=$(count "$workload")
    shown=$limit
    [ "$limit" -eq 0 ] && shown=-
    printf '%-12s %12d %10s %8s\n' "$workload" "$got" "$(awk "BEGIN { printf \"%.2f\", $got / $floor }")" "$shown"
    if [ "$limit" -ne 0 ] && [ "$got" -gt "$limit" ]; then failed=yes; fi
done
if [ $check = yes ] && [ $failed = yes ]; then
    echo "a call costs more instructions than its limit" >&2
    exit 1
fi
