#!/usr/bin/env python3
"""Writes N five-tuple rules in one dialect, the same for the same seed: make_rules.py DIALECT N [SEED]

Shaped like an access list of an edge: nested destinations, a third of the ports exact, some ranges.
"""
import random
import sys


def rules(n, seed):
    rng = random.Random(seed)
    nets = [rng.randrange(1, 223) << 24 | rng.randrange(1 << 16) << 8 for _ in range(max(16, n // 40))]
    for _ in range(n):
        length = rng.choice([16, 20, 22, 24, 24, 28, 32, 32, 32, 32])
        dst = (rng.choice(nets) | rng.randrange(256)) >> (32 - length) << (32 - length)
        src_len = rng.choice([0, 0, 8, 16, 24, 24, 32])
        src = rng.choice(nets) >> (32 - src_len) << (32 - src_len) if src_len else 0
        proto = rng.choice([6, 6, 6, 17, 17, 1])
        ports = rng.choice([None, (53, 53), (80, 80), (443, 443), (123, 123), (1024, 65535), (6881, 6889)])
        yield (dst, length), (src, src_len), proto, ports if proto != 1 else None, rng.random() < 0.3


def text(prefix):
    addr, length = prefix
    return "%d.%d.%d.%d/%d" % (addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255, length)


def junos(items, out):
    out("firewall {\n    family inet {\n        filter F {\n")
    for i, (dst, src, proto, ports, drop) in enumerate(items):
        out(f"            term t{i} {{\n                from {{\n")
        if src[1]:
            out(f"                    source-address {{\n                        {text(src)};\n                    }}\n")
        out(f"                    destination-address {{\n                        {text(dst)};\n                    }}\n")
        out(f"                    protocol {({6: 'tcp', 17: 'udp', 1: 'icmp'})[proto]};\n")
        if ports:
            out("                    destination-port %s;\n" % ("%d" % ports[0] if ports[0] == ports[1] else "%d-%d" % ports))
        out("                }\n                then %s;\n            }\n" % ("discard" if drop else "accept"))
    out("        }\n    }\n}\n")


def exabgp(items, out):
    out("neighbor 127.0.0.1 {\n router-id 192.0.2.1;\n local-address 127.0.0.1;\n local-as 65000;\n peer-as 65001;\n"
        " family { ipv4 flow; }\n flow {\n")
    for i, (dst, src, proto, ports, drop) in enumerate(items):
        out(f"  route r{i} {{ match {{ " + (f"source {text(src)}; " if src[1] else "") + f"destination {text(dst)}; protocol ={proto}; ")
        if ports:
            out("destination-port %s; " % ("=%d" % ports[0] if ports[0] == ports[1] else ">=%d&<=%d" % ports))
        out("} then { %s; } }\n" % ("discard" if drop else "accept"))
    out(" }\n}\n")


def bird(items, out):
    out('router id 192.0.2.1;\nlog "/dev/null" all;\nflow4 table ft;\nprotocol device {}\nprotocol static {\n flow4 { table ft; };\n')
    for dst, src, proto, ports, _ in items:
        out(f" route flow4 {{ dst {text(dst)}; " + (f"src {text(src)}; " if src[1] else "") + f"proto = {proto}; ")
        if ports:
            out("dport %s; " % ("= %d" % ports[0] if ports[0] == ports[1] else "%d..%d" % ports))
        out("};\n")
    out("}\n")


def iptables(items, out):
    out("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n")
    for dst, src, proto, ports, drop in items:
        name = {6: "tcp", 17: "udp", 1: "icmp"}[proto]
        out("-A FORWARD " + (f"-s {text(src)} " if src[1] else "") + f"-d {text(dst)} -p {name} ")
        if ports:
            out(f"-m {name} --dport " + ("%d " % ports[0] if ports[0] == ports[1] else "%d:%d " % ports))
        out("-j %s\n" % ("DROP" if drop else "ACCEPT"))
    out("COMMIT\n")


def nftables(items, out):
    out("table ip t {\n chain c {\n  type filter hook input priority 0; policy accept;\n")
    for dst, src, proto, ports, drop in items:
        name = {6: "tcp", 17: "udp", 1: "icmp"}[proto]
        out("  " + (f"ip saddr {text(src)} " if src[1] else "") + f"ip daddr {text(dst)} ")
        if ports:
            out(f"{name} dport " + ("%d " % ports[0] if ports[0] == ports[1] else "%d-%d " % ports))
        else:
            out(f"ip protocol {name} ")
        out("drop\n" if drop else "accept\n")
    out(" }\n}\n")


if __name__ == "__main__":
    dialect, n = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    {"junos": junos, "exabgp": exabgp, "bird": bird, "iptables": iptables,
     "nftables": nftables}[dialect](rules(n, seed), sys.stdout.write)
