#!/usr/bin/env bash
# Reading rule text, ours beside the peer in one run: benches/parse_peers.sh [N]
# Whole processes on one core, from start to end, medians of five (of three where a run takes longer than 5 s, one where 20 s): the peer
# reads or checks N rules and puts them nowhere; `read` parses and lowers them and holds them to the end; `check` runs
# every per-rule check too. Rules are those of gen_rules.py in the folder FLOWGATE_PERF, or ../shared/perf; without it
# those of make_rules.py. Needs root, or namespaces of users, for nft and iptables. A peer that is not there is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
n=${1:-100000}
cargo build --release --quiet
reader=$(cargo bench --bench read --no-run --message-format=json 2>/dev/null |
    python3 -c 'import json, sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("target", {}).get("name") == "read" and made.get("executable"): print(made["executable"])')
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

perf=${FLOWGATE_PERF:-../shared/perf}
if [ -f "$perf/gen_rules.py" ]; then
    python3 "$perf/gen_rules.py" --kind acl --n "$n" --outdir "$tmp" >/dev/null
    mv "$tmp/nft.nft" "$tmp/nftables"
    mv "$tmp/iptables.save" "$tmp/iptables"
    for d in bird exabgp junos; do mv "$tmp/$d.conf" "$tmp/$d"; done
    mv "$tmp/iosxr.cfg" "$tmp/ios-xr"
else
    for d in nftables iptables bird exabgp junos; do python3 benches/make_rules.py "$d" "$n" >"$tmp/$d"; done
fi

# Prints the median wall time in seconds and the largest resident size in MiB.
measure() {
    python3 - "$@" <<'PY'
import os, statistics, subprocess, sys, time
times, most = [], 0
while len(times) < (1 if times and times[0] > 20 else 3 if times and times[0] > 5 else 5):
    start = time.monotonic()
    child = subprocess.Popen(["taskset", "-c", "0", *sys.argv[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    # What our own checks find in the rules is no failure.
    if os.waitstatus_to_exitcode(status) > ("check" in sys.argv):
        sys.exit(f"{' '.join(sys.argv[1:])}: {said.decode()[:300]}")
    times.append(time.monotonic() - start)
    most = max(most, usage.ru_maxrss / 1024)
print(f"{statistics.median(times):.4f} {most:.1f}")
PY
}

# compare DIALECT PEER... : the peer, then ours with ratios.
compare() {
    local d=$1 peer=0 peer_mib=0 time mib
    shift
    [ -f "$tmp/$d" ] || return 0
    if [ $# -gt 0 ] && command -v "$1" >/dev/null; then
        read -r peer peer_mib < <(measure "$@")
        printf '%-32s %9.4f s %8.1f MiB\n' "$(basename "$1") ${*:2:$#-2}" "$peer" "$peer_mib"
    elif [ $# -gt 0 ]; then
        printf '%-32s skipped: not installed\n' "$1"
    fi
    for ours in "read" "check"; do
        if [ "$ours" = read ]; then
            read -r time mib < <(measure "$reader" "$d=$tmp/$d")
        else
            read -r time mib < <(measure target/release/flowgate check --quiet --format json --dialect "$d" "$tmp/$d")
        fi
        awk -v d="$d" -v w="$ours" -v t="$time" -v m="$mib" -v p="$peer" -v q="$peer_mib" -v n="$n" 'BEGIN {
            printf "flowgate %-6s %-16s %9.4f s %8.1f MiB %9d rules/s", w, d, t, m, n / t
            if (p > 0) printf "  %6.1f x as fast, 1/%.1f of the memory", p / t, q / m
            print "" }'
    done
}

# A namespace of its own: what is loaded elsewhere is no part of the measure, and nothing here goes there.
if [ "$(id -u)" = 0 ]; then own=(unshare -n); else own=(unshare -rn); fi
export PATH=$PATH:/usr/sbin:/sbin
inside() { local peer=$1; shift; printf '#!/bin/sh\nexec %s %s "$@"\n' "${own[*]}" "$(command -v "$peer" || echo "$peer")" >"$tmp/bin/$peer"; chmod +x "$tmp/bin/$peer"; }
mkdir "$tmp/bin"
for peer in nft iptables-legacy-restore; do command -v "$peer" >/dev/null && inside "$peer"; done

compare nftables "$tmp/bin/nft" -c -f "$tmp/nftables"
compare iptables "$tmp/bin/iptables-legacy-restore" --test "$tmp/iptables"
compare bird bird -p -c "$tmp/bird"
# Its fifth version, whose `validate` reads and lowers; else that of the system.
if python3 -m venv "$tmp/venv" 2>/dev/null && "$tmp/venv/bin/pip" install --quiet exabgp==5.0.15 2>/dev/null; then
    compare exabgp "$tmp/venv/bin/exabgp" validate "$tmp/exabgp"
else
    compare exabgp exabgp --test "$tmp/exabgp"
fi
compare junos
compare ios-xr
