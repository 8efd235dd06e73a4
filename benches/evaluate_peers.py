#!/usr/bin/env python3
"""Evaluation beside the peers in one run: evaluate_peers.py [--sets acl:1000,fw:10000] [--packets N] [--rounds N] [--eval]

Rules and packets are those of gen_rules.py and gen_pcap.py in the folder FLOWGATE_PERF, or ../shared/perf: packets drawn
from the rules at random, one in ten from anywhere. No cache of flows is involved on either side.

Classification of extracted values, one core: DPDK's ACL library by `dpdk-test-acl` (Debian's package `dpdk`; the best of
the ways it has on this processor) beside `cargo bench --bench classify`, in turn, medians of the rounds. `--eval`: from a
capture to the report, `flowgate eval` on one core and on all beside `tcpdump` with the rules as one expression (100 rules;
more take it minutes). Prints rows of Markdown with the ratios. A peer that is not there is skipped.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PERF = os.environ.get("FLOWGATE_PERF", os.path.join(ROOT, "../shared/perf"))
SETS = "acl:100,acl:1000,acl:10000,acl:100000,fw:10000,ipc:10000,ddos:10000,ddos:100000"
WAYS = ["avx512x16", "avx2", "sse"]
FLOOR = 128 << 20  # of the resident octets of the peer: its memory pool and the trace


def ran(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, text=True, errors="replace", **options).stdout


def pinned(command, core="1"):
    known = len(os.sched_getaffinity(0))
    return (["taskset", "-c", core] if known > 1 and shutil.which("taskset") else []) + command


def library(rules, trace, packets, way):
    command = ["dpdk-test-acl", "-l", "1" if len(os.sched_getaffinity(0)) > 1 else "0", "--no-huge", "--no-pci", "-m", "8192", "--"]
    command += [f"--rulesf={rules}", f"--tracef={trace}", f"--tracenum={packets}", "--rulenum=110000", "--iter=3", f"--alg={way}", "--verbose=1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.stdout.read().decode(errors="replace")
    _, _, usage = os.wait4(process.pid, 0)
    rates = [float(rate) for rate in re.findall(r"([0-9.]+) pkt/sec", said)]
    return (max(rates) if rates else None), usage.ru_maxrss * 1024


def built():
    lines = ran(["cargo", "bench", "--bench", "classify", "--no-run", "--message-format=json"], cwd=ROOT).splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [one["executable"] for one in found if one.get("target", {}).get("name") == "classify" and one.get("executable")][-1]


def eng(rate):
    return "-" if rate is None else f"{rate / 1e6:.2f}"


def classify(kind, count, folder, driver, options):
    rules, trace = os.path.join(folder, "dpdk.rules"), os.path.join(folder, "trace")
    ours, theirs, memory = [], [], 0
    said = {}
    for _ in range(options.rounds):
        said = json.loads(ran(pinned([driver, rules, trace])).strip().splitlines()[-1])
        ours.append(said["rate"])
        if shutil.which("dpdk-test-acl"):
            rates = [library(rules, trace, options.packets, way) for way in options.ways.split(",")]
            rates = [(rate, octets) for rate, octets in rates if rate]
            if rates:
                best, memory = max(rates)
                theirs.append(best)
    rate, peer = statistics.median(ours), statistics.median(theirs) if theirs else None
    ratio = f"{rate / peer:.2f}" if peer else "-"
    own = said["octets"] / count
    extra = max(0, memory - FLOOR) / count
    print(f"| {kind} {count:,} | {eng(rate)} | {eng(peer)} | {ratio} | {said['build']:.3f} | {own:,.0f} | {extra:,.0f} |", flush=True)


def seconds(command):
    begun = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


def evaluate(kind, count, folder, flowgate, options):
    capture, rules = os.path.join(folder, "f.pcap"), os.path.join(folder, "iptables.save")
    empty = os.path.join(folder, "empty.pcap")
    with open(capture, "rb") as whole, open(empty, "wb") as part:
        part.write(whole.read(24))
    command = [flowgate, "eval", rules + ":filter/INPUT", "--quiet", "--format", "json", "--capture"]
    one, all_, start, peer = [], [], [], []
    expression = os.path.join(folder, "expression")
    if count <= 100 and shutil.which("tcpdump"):
        with open(os.path.join(folder, "pcapfilter.txt")) as text:
            open(expression, "w").write(text.read())
    for _ in range(options.rounds):
        start.append(seconds(command + [empty]))
        one.append(seconds(pinned(command[:2] + ["--threads", "1"] + command[2:] + [capture])))
        all_.append(seconds(command + [capture]))
        if os.path.exists(expression):
            peer.append(seconds(pinned(["tcpdump", "-r", capture, "-w", "/dev/null", "-F", expression])))
    start, one, all_ = map(statistics.median, (start, one, all_))
    rate = lambda whole: options.packets / whole
    theirs = rate(statistics.median(peer)) if peer else None
    ratio = f"{rate(all_) / theirs:.2f}" if theirs else "-"
    print(f"| {kind} {count:,} | {start:.3f} | {eng(rate(one))} | {eng(rate(all_))} | {one / all_:.2f} | {eng(theirs)} | {ratio} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ways", default=",".join(WAYS[:2]))
    parser.add_argument("--eval", action="store_true")
    parser.add_argument("--driver", help="the bench, where it is built already")
    parser.add_argument("--flowgate", default=os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release/flowgate"))
    options = parser.parse_args()
    if not os.path.exists(os.path.join(PERF, "gen_rules.py")):
        print(f"skipped: {PERF} has no gen_rules.py, which makes the rules", file=sys.stderr)
        return 0
    driver = None if options.eval else options.driver or built()
    if options.eval:
        print("| rules | start, s | one core, M/s | all cores, M/s | all to one | tcpdump, M/s | ratio |\n|---|---|---|---|---|---|---|")
    else:
        print("| rules | ours, M/s | DPDK, M/s | ratio | build, s | octets a rule | DPDK's |\n|---|---|---|---|---|---|---|")
    for kind, count in (one.split(":") for one in options.sets.split(",")):
        folder = tempfile.mkdtemp(prefix="flowgate-bench-")
        try:
            made = ["--kind", kind, "--n", count, "--outdir", folder, "--dialects", "canon,dpdk,iptables,pcap"]
            ran([sys.executable, os.path.join(PERF, "gen_rules.py")] + made)
            made = ["--rules", os.path.join(folder, "canon.txt"), "--n", str(options.packets), "--skew", "1.0"]
            made += ["--out", os.path.join(folder, "f.pcap"), "--trace", os.path.join(folder, "trace")]
            ran([sys.executable, os.path.join(PERF, "gen_pcap.py")] + made)
            if options.eval:
                evaluate(kind, int(count), folder, options.flowgate, options)
            else:
                classify(kind, int(count), folder, driver, options)
        finally:
            shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
