#!/usr/bin/env python3
"""Holds the tries we build against DPDK's own: dpdk_acl.py [--sizes 1000,10000] [--shapes a,b] [--rules FILE...] [FLOWGATE]

`dpdk-test-acl` (Debian's package `dpdk`) builds each set of rules and says how many octets its table takes; `flowgate cost
--platform dpdk-acl` builds the same. Every row must be equal: exits with 1 when one is not. FILE is in the format of
`dpdk-test-acl`. No huge pages and no device are needed.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from measure import ROOT, rules, text

SHAPES = ["access", "firewall", "transit", "rich", "crossing"]


def crossing(n):
    """Rules on a source alone and on a destination alone, in turn, each with a range of ports: tries grow by their square."""
    for i in range(n):
        host = ((10 << 24) + 65_536 * (i % 250) + 7 * i, 32)
        anywhere = (0, 0)
        src, dst = (host, anywhere) if i % 2 else (anywhere, host)
        yield src, dst, 6, [], [(1000 + 3 * i % 30_000, 40_000 + i % 20_000)], True


def library_lines(items):
    for src, dst, proto, sports, dports, _ in items:
        for slo, shi in sports or [(0, 65535)]:
            for dlo, dhi in dports or [(0, 65535)]:
                ends = ["%s/%d" % (text(p[0]), p[1]) for p in (src or (0, 0), dst)]
                yield f"@{ends[0]} {ends[1]} {slo} : {shi} {dlo} : {dhi} 0x{proto:02x}/0xff\n"


def nft_lines(lines):
    """The same in words that are read here."""
    yield "table ip t {\n chain c {\n  type filter hook input priority 0; policy accept;\n"
    for line in lines:
        src, dst, slo, shi, dlo, dhi, proto, mask = re.match(r"@(\S+) (\S+) (\d+) : (\d+) (\d+) : (\d+) 0x(\w+)/0x(\w+)", line).groups()
        words = []
        if not src.endswith("/0"):
            words.append(f"ip saddr {src}")
        if not dst.endswith("/0"):
            words.append(f"ip daddr {dst}")
        if mask == "ff":
            words.append(f"ip protocol {int(proto, 16)}")
        for place, lo, hi in ((0, slo, shi), (16, dlo, dhi)):
            if (lo, hi) != ("0", "65535"):
                words.append(f"@th,{place},16 {lo}" if lo == hi else f"@th,{place},16 {lo}-{hi}")
        yield "  " + " ".join(words) + " drop\n"
    yield " }\n}\n"


def library(path, count):
    command = ["dpdk-test-acl", "-l", "0", "--no-huge", "--no-pci", "-m", "8192", "--log-level=lib.acl:debug", "--"]
    command += [f"--rulesf={path}", f"--rulenum={count + 16}", "--iter=1", "--verbose=0"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = ran.stdout.decode(errors="replace")
    total = re.findall(r"total: (\d+) bytes", said)
    if "Exceeded max number of tries" in said:
        return None, ">8"
    return (int(total[-1]) if total else None), len(re.findall(r"trie \d+: number of rules", said))


def ours(flowgate, path):
    command = [flowgate, "cost", path, "--dialect", "nftables", "--platform", "dpdk-acl", "--format", "json", "--quiet", "--inconclusive", "ignore"]
    said = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    by_name = {resource["name"]: resource for resource in said["platforms"][0]["resources"]}
    octets = by_name["table-octets"]
    return octets["used"], octets["exact"], by_name["tries"]["used"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000,10000")
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--rules", nargs="*", default=[], help="files in the format of dpdk-test-acl")
    parser.add_argument("flowgate", nargs="?", default=os.path.join(ROOT, "target/release/flowgate"))
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="flowgate-bench-")
    cases = [(path, list(open(path))) for path in options.rules]
    for shape in filter(None, options.shapes.split(",")):
        for size in map(int, options.sizes.split(",")):
            items = crossing(size) if shape == "crossing" else rules(shape, size, 7)
            cases.append((f"{shape} {size:,}", list(library_lines(items))))
    print("| rules | rows | the library | built here | tries |\n|---|---|---|---|---|")
    apart = 0
    try:
        for name, lines in cases:
            theirs_path, ours_path = os.path.join(folder, "a.rules"), os.path.join(folder, "a.nft")
            open(theirs_path, "w").writelines(lines)
            open(ours_path, "w").writelines(nft_lines(lines))
            octets, tries = library(theirs_path, len(lines))
            used, exact, our_tries = ours(options.flowgate, ours_path)
            same = exact and (octets == used and tries == our_tries or octets is None and our_tries > 8)
            apart += not same
            figure = "refused" if octets is None else f"{octets:,}"
            print(f"| {name} | {len(lines):,} | {figure} | {'' if exact else '>='}{used:,} | {tries}, {our_tries} |{'' if same else ' apart'}", flush=True)
    finally:
        shutil.rmtree(folder)
    return 1 if apart else 0


if __name__ == "__main__":
    sys.exit(main())
