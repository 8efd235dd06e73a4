#!/usr/bin/env bash
# Reading rule text, ours beside the peer in one run: benches/parse_peers.sh [N]
# Whole processes on one core: `bird -p` reads N flow routes; `flowgate check` reads the same rules, lowers them and
# runs every per-rule check. Medians of five.
set -euo pipefail
cd "$(dirname "$0")/.."
n=${1:-100000}
cargo build --release --quiet
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for d in junos exabgp bird iptables nftables; do python3 benches/make_rules.py "$d" "$n" >"$tmp/$d.conf"; done

# Prints the median wall time in seconds and the largest resident size in MiB of five runs.
measure() {
    for _ in 1 2 3 4 5; do
        /usr/bin/env python3 - "$@" <<'PY'
import os, subprocess, sys, time
start = time.monotonic()
child = subprocess.Popen(["taskset", "-c", "0", *sys.argv[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, _, usage = os.wait4(child.pid, 0)
print(time.monotonic() - start, usage.ru_maxrss / 1024)
PY
    done | sort -n | awk '{t[NR] = $1; if ($2 > m) m = $2} END {printf "%.3f %.0f\n", t[3], m}'
}

bird=$(command -v bird || echo /usr/sbin/bird)
if [ -x "$bird" ]; then
    read -r peer peer_mib < <(measure "$bird" -p -c "$tmp/bird.conf")
    echo "bird -p          $peer s  $peer_mib MiB"
else
    echo "bird -p          skipped: not installed"
    peer=0
fi
for d in junos exabgp bird; do
    read -r ours ours_mib < <(measure target/release/flowgate check --quiet --format json "$tmp/$d.conf")
    awk -v d="$d" -v o="$ours" -v m="$ours_mib" -v p="$peer" -v n="$n" 'BEGIN {
        printf "flowgate %-8s%s s  %s MiB  %d rules/s", d, o, m, n / o
        if (p > 0) printf "  %.2f x the peer", p / o
        print "" }'
done

# The same rules for a host: its own program reads them in a namespace, without loading anything.
restore=$(command -v iptables-legacy-restore || echo /usr/sbin/iptables-legacy-restore)
if [ -x "$restore" ] && unshare -n true 2>/dev/null; then
    cat >"$tmp/restore" <<SH
#!/bin/sh
exec unshare -n "$restore" --test "$tmp/iptables.conf"
SH
    chmod +x "$tmp/restore"
    read -r peer peer_mib < <(measure "$tmp/restore")
    echo "iptables-legacy-restore --test  $peer s  $peer_mib MiB"
else
    echo "iptables-legacy-restore --test  skipped: not installed, or no namespaces"
    peer=0
fi
read -r ours ours_mib < <(measure target/release/flowgate check --quiet --format json "$tmp/iptables.conf")
awk -v o="$ours" -v m="$ours_mib" -v p="$peer" -v n="$n" 'BEGIN {
    printf "flowgate iptables %s s  %s MiB  %d rules/s", o, m, n / o
    if (p > 0) printf "  %.2f x the peer", p / o
    print "" }'

# The same for nft: it checks in a namespace of its own, against an empty rule set.
if command -v nft >/dev/null; then
    read -r peer peer_mib < <(measure unshare -rn nft -c -f "$tmp/nftables.conf")
    echo "nft -c -f        $peer s  $peer_mib MiB"
else
    echo "nft -c -f        skipped: not installed"
    peer=0
fi
read -r ours ours_mib < <(measure target/release/flowgate check --quiet --format json "$tmp/nftables.conf")
awk -v o="$ours" -v m="$ours_mib" -v p="$peer" -v n="$n" 'BEGIN {
    printf "flowgate nftables%s s  %s MiB  %d rules/s", o, m, n / o
    if (p > 0) printf "  %.2f x the peer", p / o
    print "" }'
