#!/bin/sh
# Amplification towards one host is dropped, what is left of it slowed down.
set -e
gobgp global rib -a ipv4-flowspec add match destination 192.0.2.7/32 protocol udp source-port 19 123 389 11211 then discard # name: reflection
gobgp global rib -a ipv4-flowspec add match destination 192.0.2.7/32 protocol udp fragment is-fragment then discard # name: later fragments
gobgp global rib -a ipv4-flowspec add match destination 192.0.2.7/32 protocol tcp \
    destination-port '==80 ==443 >=8080&<=8088' tcp-flags '=S&!A' then rate-limit 1250000 # name: syn flood
gobgp global rib -a ipv6-flowspec add match destination 2001:db8:7::/48 protocol udp source-port 53 packet-length '>512' then discard # name: large answers
gobgp global rib -a ipv4-l3vpn-flowspec add rd 65000:100 match destination 198.51.100.0/24 protocol gre then redirect 65000:666 rt 65000:200
# Taken back when the attack was over.
gobgp global rib -a ipv4-flowspec add match destination 192.0.2.9/32 then discard
gobgp global rib -a ipv4-flowspec del match destination 192.0.2.9/32
