#!/usr/bin/env bash
# Rules that nobody comes to, ours beside the peers in one run: benches/fates_peers.sh [LARGEST]
# Whole processes on one core, from start to end, medians of three (one where a run takes longer than 10 s). Prints the
# ratios, and how time grows: from N rules to 2N and 4N, with the exponent.
#
# Peers: the shade check of capirca, which asks whether one earlier term takes all of a later (less than we do, who ask
# for all earlier rules together), at 1,000 to 4,000 rules; z3 asked one question for each rule, by the translation of
# tests/properties/opinion.rs, about 1,000 rules made there. Ours: `check` with every check of rules, at
# 1,000 rules to LARGEST (100,000), for acl, fw, ipc and ddos of nftables, for flow routes of BIRD and Junos filters.
# Rules are those of gen_rules.py in the folder FLOWGATE_PERF, or ../shared/perf. A peer that is not there is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
largest=${1:-100000}
perf=${FLOWGATE_PERF:-../shared/perf}
if [ ! -f "$perf/gen_rules.py" ]; then
    echo "skipped: $perf has no gen_rules.py, which makes the rules" >&2
    exit 0
fi
cargo build --release --quiet
flowgate=${CARGO_TARGET_DIR:-target}/release/flowgate
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"

# Prints the median processor time in seconds and the largest resident size in MiB; `-` where 300 s were not enough.
measure() {
    python3 - "$@" <<'PY'
import os, signal, statistics, subprocess, sys
times, most = [], 0
while len(times) < (1 if times and times[0] > 10 else 3):
    child = subprocess.Popen(["taskset", "-c", "0", "timeout", "300", *sys.argv[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 124:
        print("- -")
        sys.exit()
    # What is found in the rules, or takes too much, is no failure.
    if code not in (0, 1, 3):
        sys.exit(f"{' '.join(sys.argv[1:])}: {said.decode()[-300:]}")
    times.append(usage.ru_utime + usage.ru_stime)
    most = max(most, usage.ru_maxrss / 1024)
print(f"{statistics.median(times):.4f} {most:.1f}")
PY
}

rules() { # KIND N
    [ -d "$tmp/$1$2" ] || python3 "$perf/gen_rules.py" --kind "$1" --n "$2" --outdir "$tmp/$1$2" \
        --dialects nft,bird,junos,capirca >/dev/null
}

# Shows one figure, with what it is to another and how it grew since N/2.
line() { # WHAT N TIME MIB [OTHER]
    awk -v what="$1" -v n="$2" -v t="$3" -v m="$4" -v o="${5:--}" -v was="${last:--}" -v step="${step:-2}" 'BEGIN {
        printf "%-24s %7d rules", what, n
        if (t == "-") { print "  more than 300 s"; exit }
        printf " %9.3f s %8.1f MiB", t, m
        if (o != "-") printf "  %8.1f x ours", t / o
        if (was != "-" && was > 0) printf "  time to the power of %.2f", log(t / was) / log(step)
        print "" }'
    last=$3
}

ours() { # DIALECT FILE
    measure "$flowgate" check --quiet --format json --dialect "$1" "$2"
}

echo "== growth: N, 2N, 4N"
declare -A own
for kind in acl fw ipc ddos; do
    last=-
    for n in 1000 2000 4000; do
        rules "$kind" "$n"
        read -r time mib < <(ours nftables "$tmp/$kind$n/nft.nft")
        own[$kind$n]=$time
        line "flowgate $kind" "$n" "$time" "$mib"
    done
done

echo "== capirca, shade check"
if command -v aclgen >/dev/null; then
    for kind in acl fw ipc; do
        last=-
        for n in 1000 2000 4000; do
            out=$tmp/out
            mkdir -p "$out"
            read -r time mib < <(measure aclgen --shade_check --policy_file "$tmp/$kind$n/capirca.pol" \
                --definitions_directory "$tmp/$kind$n/capirca_def" --output_directory "$out" --base_directory "$tmp/$kind$n")
            line "capirca $kind" "$n" "$time" "$mib" "${own[$kind$n]}"
        done
    done
else
    echo "skipped: aclgen of capirca is not installed"
fi

echo "== z3, one question a rule"
if command -v z3 >/dev/null; then
    # The questions of the test suite about 1,000 rules of each class; ours is asked about the same rules.
    FLOWGATE_OPINION_WRITE=$tmp CI=1 cargo test --quiet --test properties opinion::fates_in_lists >/dev/null
    for kind in acl fw ipc; do
        last=-
        read -r time mib < <(measure z3 -smt2 "$tmp/$kind.smt2")
        read -r mine its < <(ours ir-json "$tmp/$kind.json")
        line "flowgate $kind, ir-json" 1000 "$mine" "$its"
        last=-
        line "z3 $kind" 1000 "$time" "$mib" "$mine"
    done
else
    echo "skipped: z3 is not installed"
fi

echo "== size"
step=10
for kind in acl fw ipc ddos; do
    last=-
    for n in 1000 10000 100000; do
        [ "$n" -le "$largest" ] || continue
        rules "$kind" "$n"
        read -r time mib < <(ours nftables "$tmp/$kind$n/nft.nft")
        line "flowgate $kind" "$n" "$time" "$mib"
    done
done
for form in bird:bird.conf junos:junos.conf; do
    last=-
    for n in 1000 10000 100000; do
        [ "$n" -le "$largest" ] || continue
        rules ddos "$n"
        read -r time mib < <(ours "${form%%:*}" "$tmp/ddos$n/${form##*:}")
        line "flowgate ddos ${form%%:*}" "$n" "$time" "$mib"
    done
done
# IPv6: the same rules, each IPv4 address behind 2001:db8::.
last=-
for n in 1000 10000 100000; do
    [ "$n" -le "$largest" ] || continue
    python3 - "$tmp/acl$n/nft.nft" >"$tmp/six$n.nft" <<'PY'
import ipaddress, re, sys
def six(match):
    addr, length = match[1], int(match[2])
    return f"{ipaddress.IPv6Address((0x20010db8 << 96) | int(ipaddress.IPv4Address(addr)))}/{96 + length}"
text = open(sys.argv[1]).read().replace("table ip t", "table ip6 t").replace("ip saddr", "ip6 saddr").replace("ip daddr", "ip6 daddr")
text = text.replace("ip protocol icmp", "meta l4proto ipv6-icmp").replace("ip protocol", "meta l4proto")
sys.stdout.write(re.sub(r"([0-9.]+)/([0-9]+)", six, text))
PY
    read -r time mib < <(ours nftables "$tmp/six$n.nft")
    line "flowgate acl, IPv6" "$n" "$time" "$mib"
done
