#!/bin/sh
# Sets first, then the rules that name them.
IPT=/sbin/iptables
ipset create blocked hash:net family inet
ipset add blocked 203.0.113.0/24
ipset add blocked 198.51.100.0/25
ipset create services hash:ip,port family inet
ipset add services 192.0.2.10,tcp:443
ipset add services 192.0.2.11,udp:53
$IPT -P FORWARD DROP
$IPT -N inbound
$IPT -A FORWARD -m set --match-set blocked src -j DROP
$IPT -A FORWARD -i eth0 -j inbound
$IPT -A inbound -m set --match-set services dst,dst -j ACCEPT
