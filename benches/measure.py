#!/usr/bin/env python3
"""Holds the models of memory against real engines: measure.py [--engines a,b] [--sizes 1000,10000,100000] [--fit] [FLOWGATE]

Rules of shapes that no model was fitted to (another seed, other shapes) are loaded by `flowgate measure`, and the error of
every case is printed as a row of Markdown. `--fit` takes the shapes that models are fitted to instead. Exits with 1 when a
case is beyond its bound: 10 % for the kernel, BIRD and FRR, 20 % for GoBGP and ExaBGP.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIT = ["access", "victim", "lists"]
JUDGED = ["firewall", "transit", "rich"]
SETS = ["addresses", "networks", "blocks", "pairs", "services", "policy"]
BOUND = {"gobgp": 0.20, "exabgp": 0.20}
PORTS = [22, 25, 53, 80, 123, 161, 179, 389, 443, 445, 1433, 3306, 3389, 5060, 8080, 11211]
RANGES = [(1024, 65535), (6881, 6889), (137, 139), (33434, 33534), (8000, 8099), (20, 21)]


def text(addr):
    return "%d.%d.%d.%d" % (addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255)


def prefix(p):
    return text(p[0]) + ("" if p[1] == 32 else "/%d" % p[1])


def cut(addr, length):
    return (addr >> (32 - length) << (32 - length), length)


# A rule: source, destination, protocol, source ports, destination ports, drop. Ports are lists of ranges.
def rules(shape, n, seed):
    rng = random.Random(f"{shape}/{n}/{seed}")
    host = lambda: rng.randrange(1 << 24, 223 << 24)
    def port():
        number = rng.choice(PORTS)
        return number, number

    for i in range(n):
        any_, drop = None, rng.random() < 0.5
        if shape == "access":
            dst = cut(host(), rng.choice([16, 20, 24, 24, 28, 32, 32, 32]))
            src = rng.choice([any_, cut(host(), rng.choice([8, 16, 22, 24, 32]))])
            proto = rng.choice([6, 6, 17, 1])
            dports = [] if proto == 1 else rng.choice([[], [port()], [port()], [rng.choice(RANGES)]])
            yield src, dst, proto, [], dports, drop
        elif shape == "victim":
            yield any_, (host(), 32), 17, [port()], [], True
        elif shape == "firewall":
            src = rng.choice([any_, cut(host(), rng.choice([16, 24, 29, 32]))])
            dst = cut(host(), rng.choice([16, 22, 24, 27, 32]))
            proto = rng.choice([6, 17, 17, 50])
            both = proto != 50
            sports = rng.choice([[], [], [rng.choice(RANGES)]]) if both else []
            dports = rng.choice([[], [port()], [rng.choice(RANGES)]]) if both else []
            yield src, dst, proto, sports, dports, drop
        elif shape == "transit":
            yield cut(host(), rng.choice([19, 21, 23])), cut(host(), rng.choice([18, 20, 22, 32])), 6, [], [port()], drop
        elif shape == "lists":
            src, dst = cut(host(), rng.choice([16, 24])), cut(host(), 32)
            dports = [(p, p) for p in sorted(rng.sample(PORTS, 4))] if rng.random() < 0.5 else [rng.choice(RANGES)]
            yield src, dst, rng.choice([6, 17]), [rng.choice(RANGES)], dports, drop
        else:
            dst, proto = cut(host(), rng.choice([24, 32])), rng.choice([6, 17])
            yield any_, dst, proto, [], [(p, p) for p in sorted(rng.sample(PORTS, rng.choice([2, 3, 5])))], drop


NAME = {6: "tcp", 17: "udp", 1: "icmp", 50: "esp"}


def ports(list_, dash):
    return ["%d" % lo if lo == hi else f"{lo}{dash}{hi}" for lo, hi in list_]


def nftables(items):
    yield "table ip t {\n chain c {\n  type filter hook input priority 0; policy accept;\n"
    for src, dst, proto, sports, dports, drop in items:
        line = "  "
        if src:
            line += f"ip saddr {prefix(src)} "
        line += f"ip daddr {prefix(dst)} "
        if not sports and not dports:
            line += f"ip protocol {NAME[proto]} "
        for word, list_ in (("sport", sports), ("dport", dports)):
            if list_:
                said = ports(list_, "-")
                line += f"{NAME[proto]} {word} " + (said[0] if len(said) == 1 else "{ %s }" % ", ".join(said)) + " "
        yield line + ("drop\n" if drop else "accept\n")
    yield " }\n}\n"


def iptables(items):
    yield "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    for src, dst, proto, sports, dports, drop in items:
        line = "-A INPUT " + (f"-s {prefix(src)} " if src else "") + f"-d {prefix(dst)} -p {NAME[proto]} "
        if len(dports) > 1:
            line += f"-m {NAME[proto]} --sport {ports(sports, ':')[0]} " if sports else ""
            line += "-m multiport --dports " + ",".join(ports(dports, ":")) + " "
        elif sports or dports:
            line += f"-m {NAME[proto]} "
            line += f"--sport {ports(sports, ':')[0]} " if sports else ""
            line += f"--dport {ports(dports, ':')[0]} " if dports else ""
        yield line + ("-j DROP\n" if drop else "-j ACCEPT\n")
    yield "COMMIT\n"


def operands(list_):
    out = []
    for lo, hi in list_:
        out += [(0x01, lo)] if lo == hi else [(0x03, lo), (0x45, hi)]
    octets = b""
    for i, (op, value) in enumerate(out):
        op |= 0x80 if i == len(out) - 1 else 0
        octets += bytes([op, value]) if value < 256 else bytes([op | 0x10, value >> 8, value & 255])
    return octets


def flowspec(items):
    """Flow routes in hex, a line each; a route stands once."""
    seen = set()
    for src, dst, proto, sports, dports, drop in items:
        out = b""
        for kind, p in ((1, dst), (2, src)):
            if p:
                out += bytes([kind, p[1]]) + p[0].to_bytes(4, "big")[: (p[1] + 7) // 8]
        out += b"\x03" + operands([(proto, proto)])
        out += b"\x05" + operands(dports) if dports else b""
        out += b"\x06" + operands(sports) if sports else b""
        if out not in seen:
            seen.add(out)
            yield "ipv4 %02x%s %s\n" % (len(out), out.hex(), "8006000000000000" if drop else "")


def set_text(shape, n, seed):
    """Rules of nftables with a set each, so long that so many values are in them in all."""
    rng = random.Random(f"{shape}/{n}/{seed}")
    begin = rng.randrange(1 << 24, 2 << 24)
    hosts = [begin + 64 * i + rng.randrange(32) for i in range(n)]
    length = 50 if shape == "blocks" else n
    yield "table ip t {\n chain c {\n  type filter hook input priority 0; policy accept;\n"
    if shape in ("pairs", "services", "policy"):
        yield concatenation(rng, shape, hosts) + " }\n}\n"
        return
    for i in range(0, n, length):
        part = hosts[i : i + length]
        if shape == "addresses":
            elements = map(text, part)
        else:
            elements = (f"{text(h)}-{text(h + rng.randrange(1, 30))}" for h in part)
        yield f"  ip saddr {{ {', '.join(elements)} }} drop\n"
    yield " }\n}\n"


def concatenation(rng, shape, hosts):
    """One set or map of several fields: single values (a hash table), or ranges (pipapo)."""
    def ports():
        lo, hi = rng.choice([rng.choice(RANGES), (0, 65535), (rng.choice(PORTS),) * 2, tuple(sorted(rng.sample(range(65536), 2)))])
        return f"{lo}" if lo == hi else f"{lo}-{hi}"

    if shape == "pairs":
        elements = (f"{text(h)} . {text(rng.randrange(1 << 24, 223 << 24))}" for h in hosts)
        return f"  ip saddr . ip daddr {{ {', '.join(elements)} }} drop\n"
    if shape == "services":
        elements = (f"{text(h)}-{text(h + rng.randrange(1, 30))} . {ports()}" for h in hosts)
        return f"  ip saddr . tcp dport {{ {', '.join(elements)} }} drop\n"
    elements = (
        f"{text(h)} . {prefix(cut(rng.randrange(1 << 24, 223 << 24), rng.choice([16, 24, 32])))} . {rng.choice(['tcp', 'udp'])} . {ports()}"
        f" : {rng.choice(['accept', 'drop'])}"
        for h in hosts
    )
    return f"  ip saddr . ip daddr . ip protocol . th dport vmap {{ {', '.join(elements)} }}\n"


WRITERS = {"nftables": (nftables, "nft"), "iptables-legacy": (iptables, "rules"), "iptables-nft": (iptables, "rules")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="nftables,iptables-legacy,iptables-nft,bird,frr,gobgp,exabgp")
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--shapes", help="these shapes instead of those of the engine")
    parser.add_argument("--fit", action="store_true", help="the shapes that models are fitted to, with their seed")
    parser.add_argument("--repeat", default="3")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each case")
    parser.add_argument("flowgate", nargs="?", default=os.path.join(ROOT, "target/release/flowgate"))
    options = parser.parse_args()
    seed, beyond = (1, 0) if options.fit else (7, 0)
    folder = tempfile.mkdtemp(prefix="flowgate-bench-")
    if not options.json:
        print("| engine | rules | shape | measured | predicted | error |\n|---|---|---|---|---|---|")
    try:
        for engine in options.engines.split(","):
            shapes = FIT if options.fit else JUDGED + (SETS if engine == "nftables" else [])
            for shape in options.shapes.split(",") if options.shapes else shapes:
                for size in map(int, options.sizes.split(",")):
                    beyond += case(options, engine, shape, size, seed, folder)
    finally:
        shutil.rmtree(folder)
    return 1 if beyond else 0


def case(options, engine, shape, size, seed, folder):
    if shape in SETS:
        parts, end = set_text(shape, size, seed), "nft"
    else:
        writer, end = WRITERS.get(engine, (flowspec, "hex"))
        parts = writer(rules(shape, size, seed))
    path = os.path.join(folder, "rules." + end)
    with open(path, "w") as out:
        out.writelines(parts)
    dialect = {"nft": "nftables", "rules": "iptables", "hex": "flowspec-hex"}[end]
    command = [options.flowgate, "measure", engine, path, "--dialect", dialect, "--format", "json", "--quiet", "--repeat", options.repeat]
    ran = subprocess.run(command, capture_output=True, text=True)
    if not ran.stdout:
        print(f"| {engine} | {size:,} | {shape} | - | - | {ran.stderr.strip()} |", flush=True)
        return 1
    said = json.loads(ran.stdout)
    measured, predicted, error = said["memory_octets"], said["predicted_octets"], said["relative_error"]
    if options.json:
        loads = said["loads"][0]
        print(json.dumps({"engine": engine, "rules": said["given"], "shape": shape, "size": size, "measured": measured, "predicted": predicted,
                          "error": error, "seconds": loads["seconds"], "all": [(l["kernel_after"] or l["resident_after"] or 0) - (l["kernel_before"] or l["resident_before"] or 0) for l in said["loads"]], "nlri": sum(int(l.split()[1][:2], 16) for l in open(path)) if end == "hex" else 0}), flush=True)
        return 0
    if measured is None or predicted is None:
        print(f"| {engine} | {size:,} | {shape} | {said['outcome']} | {predicted} | - |", flush=True)
        return 1
    far = abs(error) > BOUND.get(engine, 0.10)
    print(f"| {engine} | {size:,} | {shape} | {measured:,} | {predicted:,} | {error * 100:+.1f} %{' **beyond**' if far else ''} |", flush=True)
    return int(far)


if __name__ == "__main__":
    sys.exit(main())
