//! The support ledger, and what each word of a match or target is.

use super::grammar::{self, Form, Grammar};
use crate::dialect::{Keyword, Support};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What an option of a match asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    AhSpi,
    /// Something behind the IP header that is not modelled; it needs the header of its protocol.
    Behind,
    Comment,
    CtState,
    Dport,
    Dports,
    Dscp,
    DscpClass,
    DstRange,
    DstType,
    EcnCwr,
    EcnEce,
    EcnIpEct,
    EspSpi,
    FragFirst,
    FragLast,
    FragMore,
    Header,
    Icmp6Type,
    IcmpType,
    /// Something in an IPv6 extension header that is not modelled; it needs the header.
    InHeader,
    Length,
    MacSource,
    Mark,
    MatchSet,
    /// Something that is not modelled.
    Opaque,
    Ports,
    SetIgnored,
    SetOption,
    Soft,
    Sport,
    Sports,
    SrcRange,
    SrcType,
    Syn,
    TcpFlags,
    Tos,
    TtlEq,
    TtlGt,
    TtlLt,
    U32,
}

/// What a target does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    Accept,
    Drop,
    Reject,
    Return,
    Log,
    Dscp,
    Tos,
    /// Goes on with the next rule.
    Next,
    /// Accepts, and rewrites addresses.
    Nat,
    /// May accept and may drop.
    Queue,
}

/// An option of a match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) word: &'static str,
    pub(super) meaning: Meaning,
    pub(super) support: Support,
    /// How it may be written.
    pub(super) form: &'static Form,
}

/// A match extension: its options.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) name: &'static str,
    pub(super) rows: Vec<Row>,
    pub(super) grammar: &'static Grammar,
}

/// The match extension of a name, where it is known.
pub(super) fn module(name: &str) -> Option<&'static Module> {
    static MODULES: LazyLock<HashMap<&'static str, Module>> = LazyLock::new(|| {
        let mut map = HashMap::new();
        for (keyword, name, meaning) in OPTIONS {
            let Some(grammar) = grammar::of_match(name) else { continue };
            let Some(form) = grammar.form(keyword.word.trim_start_matches('-')) else { continue };
            let module = map.entry(*name).or_insert_with(|| Module { name, rows: Vec::new(), grammar });
            let Keyword { word, support, .. } = *keyword;
            module.rows.push(Row { word, meaning: *meaning, support, form });
        }
        // It has no option.
        let bare =
            grammar::of_match("eui64").map(|grammar| Module { name: "eui64", rows: Vec::new(), grammar });
        map.extend(bare.map(|module| (module.name, module)));
        map
    });
    MODULES.get(match name {
        "icmpv6" | "ipv6-icmp" => "icmp6",
        _ => name,
    })
}

/// What the target of a name does, and its line of the ledger.
pub(super) fn target(name: &str) -> Option<(&'static Keyword, Target)> {
    let index = TARGETS.binary_search_by_key(&name, |(keyword, _)| keyword.word).ok()?;
    TARGETS.get(index).map(|(keyword, target)| (keyword, *target))
}

/// The whole ledger, sorted.
pub(super) fn ledger() -> &'static [Keyword] {
    static LEDGER: LazyLock<Vec<Keyword>> = LazyLock::new(|| {
        let options = OPTIONS.iter().map(|row| row.0);
        let mut all: Vec<Keyword> =
            options.chain(TARGETS.iter().map(|row| row.0)).chain(OTHERS.iter().copied()).collect();
        all.sort_by_key(|keyword| (keyword.context, keyword.word));
        all
    });
    &LEDGER
}

macro_rules! options {
    ($($module:literal $word:literal $meaning:ident $support:ident $remark:literal,)*) => {
        /// Every option of every match, with its module.
        #[rustfmt::skip]
        static OPTIONS: &[(Keyword, &str, Meaning)] = &[
            $((Keyword { context: concat!("match ", $module), word: $word, support: Support::$support, remark: $remark },
               $module, Meaning::$meaning),)*
        ];
    };
}

macro_rules! targets {
    ($($word:literal $target:ident $support:ident $remark:literal,)*) => {
        /// Every target, sorted by name.
        #[rustfmt::skip]
        static TARGETS: &[(Keyword, Target)] = &[
            $((Keyword { context: "target", word: $word, support: Support::$support, remark: $remark }, Target::$target),)*
        ];
    };
}

macro_rules! others {
    ($($context:literal $word:literal $support:ident $remark:literal,)*) => {
        #[rustfmt::skip]
        static OTHERS: &[Keyword] = &[
            $(Keyword { context: $context, word: $word, support: Support::$support, remark: $remark },)*
        ];
    };
}

options! {
    "addrtype" "--dst-type" DstType Partial "known to the host alone, within the bounds the address gives",
    "addrtype" "--limit-iface-in" Opaque Opaque "known to the host alone",
    "addrtype" "--limit-iface-out" Opaque Opaque "known to the host alone",
    "addrtype" "--src-type" SrcType Partial "known to the host alone, within the bounds the address gives",
    "ah" "--ahlen" Behind Opaque "payload",
    "ah" "--ahres" Behind Opaque "payload",
    "ah" "--ahspi" AhSpi Full "",
    "bpf" "--bytecode" Opaque Opaque "payload",
    "bpf" "--object-pinned" Opaque Opaque "payload",
    "cgroup" "--cgroup" Opaque Opaque "known to the host alone",
    "cgroup" "--path" Opaque Opaque "known to the host alone",
    "cluster" "--cluster-hash-seed" Opaque Opaque "stateful",
    "cluster" "--cluster-local-node" Opaque Opaque "stateful",
    "cluster" "--cluster-local-nodemask" Opaque Opaque "stateful",
    "cluster" "--cluster-total-nodes" Opaque Opaque "stateful",
    "comment" "--comment" Comment Ignored "the name of the rule",
    "connbytes" "--connbytes" Opaque Opaque "stateful",
    "connbytes" "--connbytes-dir" Opaque Opaque "stateful",
    "connbytes" "--connbytes-mode" Opaque Opaque "stateful",
    "connlabel" "--label" Opaque Opaque "stateful",
    "connlabel" "--set" Opaque Opaque "stateful",
    "connlimit" "--connlimit-above" Opaque Opaque "stateful",
    "connlimit" "--connlimit-daddr" Opaque Opaque "stateful",
    "connlimit" "--connlimit-mask" Opaque Opaque "stateful",
    "connlimit" "--connlimit-saddr" Opaque Opaque "stateful",
    "connlimit" "--connlimit-upto" Opaque Opaque "stateful",
    "connmark" "--mark" Opaque Opaque "stateful",
    "conntrack" "--ctdir" Opaque Opaque "stateful",
    "conntrack" "--ctexpire" Opaque Opaque "stateful",
    "conntrack" "--ctorigdst" Opaque Opaque "stateful",
    "conntrack" "--ctorigdstport" Opaque Opaque "stateful",
    "conntrack" "--ctorigsrc" Opaque Opaque "stateful",
    "conntrack" "--ctorigsrcport" Opaque Opaque "stateful",
    "conntrack" "--ctproto" Opaque Opaque "stateful",
    "conntrack" "--ctrepldst" Opaque Opaque "stateful",
    "conntrack" "--ctrepldstport" Opaque Opaque "stateful",
    "conntrack" "--ctreplsrc" Opaque Opaque "stateful",
    "conntrack" "--ctreplsrcport" Opaque Opaque "stateful",
    "conntrack" "--ctstate" CtState Partial "stateful: one state a packet; SNAT and DNAT are opaque",
    "conntrack" "--ctstatus" Opaque Opaque "stateful",
    "cpu" "--cpu" Opaque Opaque "known to the host alone",
    "dccp" "--dccp-option" Behind Opaque "payload",
    "dccp" "--dccp-types" Behind Opaque "payload",
    "dccp" "--destination-port" Dport Full "",
    "dccp" "--dport" Dport Full "",
    "dccp" "--source-port" Sport Full "",
    "dccp" "--sport" Sport Full "",
    "devgroup" "--dst-group" Opaque Opaque "known to the host alone",
    "devgroup" "--src-group" Opaque Opaque "known to the host alone",
    "dscp" "--dscp" Dscp Full "",
    "dscp" "--dscp-class" DscpClass Full "",
    "dst" "--dst-len" InHeader Opaque "payload",
    "dst" "--dst-opts" InHeader Opaque "payload",
    "ecn" "--ecn-ip-ect" EcnIpEct Full "",
    "ecn" "--ecn-tcp-cwr" EcnCwr Full "",
    "ecn" "--ecn-tcp-ece" EcnEce Full "",
    "esp" "--espspi" EspSpi Full "",
    "frag" "--fragfirst" FragFirst Full "",
    "frag" "--fragid" InHeader Opaque "payload",
    "frag" "--fraglast" FragLast Full "",
    "frag" "--fraglen" InHeader Opaque "payload",
    "frag" "--fragmore" FragMore Full "",
    "frag" "--fragres" InHeader Opaque "payload",
    "hashlimit" "--hashlimit" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-above" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-burst" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-dstmask" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-htable-expire" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-htable-gcinterval" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-htable-max" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-htable-size" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-mode" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-name" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-rate-interval" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-rate-match" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-srcmask" Opaque Opaque "stateful",
    "hashlimit" "--hashlimit-upto" Opaque Opaque "stateful",
    "hbh" "--hbh-len" InHeader Opaque "payload",
    "hbh" "--hbh-opts" InHeader Opaque "payload",
    "helper" "--helper" Opaque Opaque "stateful",
    "hl" "--hl-eq" TtlEq Full "",
    "hl" "--hl-gt" TtlGt Full "",
    "hl" "--hl-lt" TtlLt Full "",
    "icmp" "--icmp-type" IcmpType Full "",
    "icmp6" "--icmp6-type" Icmp6Type Full "",
    "icmp6" "--icmpv6-type" Icmp6Type Full "",
    "ipcomp" "--compres" Behind Opaque "payload",
    "ipcomp" "--ipcompspi" Behind Opaque "payload",
    "iprange" "--dst-range" DstRange Full "",
    "iprange" "--src-range" SrcRange Full "",
    "ipv6header" "--header" Header Full "",
    "ipv6header" "--soft" Soft Full "",
    "ipvs" "--ipvs" Opaque Opaque "stateful",
    "ipvs" "--vaddr" Opaque Opaque "stateful",
    "ipvs" "--vdir" Opaque Opaque "stateful",
    "ipvs" "--vmethod" Opaque Opaque "stateful",
    "ipvs" "--vport" Opaque Opaque "stateful",
    "ipvs" "--vportctl" Opaque Opaque "stateful",
    "ipvs" "--vproto" Opaque Opaque "stateful",
    "length" "--length" Length Full "",
    "limit" "--limit" Opaque Opaque "stateful",
    "limit" "--limit-burst" Opaque Opaque "stateful",
    "mac" "--mac-source" MacSource Full "",
    "mark" "--mark" Mark Full "opaque where a rule of the file writes marks",
    "mh" "--mh-type" Behind Opaque "payload",
    "multiport" "--destination-ports" Dports Full "",
    "multiport" "--dports" Dports Full "",
    "multiport" "--ports" Ports Full "",
    "multiport" "--source-ports" Sports Full "",
    "multiport" "--sports" Sports Full "",
    "nfacct" "--nfacct-name" Opaque Opaque "stateful",
    "osf" "--genre" Opaque Opaque "payload",
    "osf" "--log" Opaque Opaque "payload",
    "osf" "--ttl" Opaque Opaque "payload",
    "owner" "--cmd-owner" Opaque Opaque "known to the host alone",
    "owner" "--gid-owner" Opaque Opaque "known to the host alone",
    "owner" "--pid-owner" Opaque Opaque "known to the host alone",
    "owner" "--sid-owner" Opaque Opaque "known to the host alone",
    "owner" "--socket-exists" Opaque Opaque "known to the host alone",
    "owner" "--suppl-groups" Opaque Opaque "known to the host alone",
    "owner" "--uid-owner" Opaque Opaque "known to the host alone",
    "physdev" "--physdev-in" Opaque Opaque "known to the host alone",
    "physdev" "--physdev-is-bridged" Opaque Opaque "known to the host alone",
    "physdev" "--physdev-is-in" Opaque Opaque "known to the host alone",
    "physdev" "--physdev-is-out" Opaque Opaque "known to the host alone",
    "physdev" "--physdev-out" Opaque Opaque "known to the host alone",
    "pkttype" "--pkt-type" Opaque Opaque "known to the host alone",
    "policy" "--dir" Opaque Opaque "known to the host alone",
    "policy" "--mode" Opaque Opaque "known to the host alone",
    "policy" "--next" Opaque Opaque "known to the host alone",
    "policy" "--pol" Opaque Opaque "known to the host alone",
    "policy" "--proto" Opaque Opaque "known to the host alone",
    "policy" "--reqid" Opaque Opaque "known to the host alone",
    "policy" "--spi" Opaque Opaque "known to the host alone",
    "policy" "--strict" Opaque Opaque "known to the host alone",
    "policy" "--tunnel-dst" Opaque Opaque "known to the host alone",
    "policy" "--tunnel-src" Opaque Opaque "known to the host alone",
    "quota" "--quota" Opaque Opaque "stateful",
    "rateest" "--rateest" Opaque Opaque "stateful",
    "rateest" "--rateest-bps" Opaque Opaque "stateful",
    "rateest" "--rateest-bps1" Opaque Opaque "stateful",
    "rateest" "--rateest-bps2" Opaque Opaque "stateful",
    "rateest" "--rateest-delta" Opaque Opaque "stateful",
    "rateest" "--rateest-eq" Opaque Opaque "stateful",
    "rateest" "--rateest-gt" Opaque Opaque "stateful",
    "rateest" "--rateest-lt" Opaque Opaque "stateful",
    "rateest" "--rateest-pps" Opaque Opaque "stateful",
    "rateest" "--rateest-pps1" Opaque Opaque "stateful",
    "rateest" "--rateest-pps2" Opaque Opaque "stateful",
    "rateest" "--rateest1" Opaque Opaque "stateful",
    "rateest" "--rateest2" Opaque Opaque "stateful",
    "realm" "--realm" Opaque Opaque "known to the host alone",
    "recent" "--hitcount" Opaque Opaque "stateful",
    "recent" "--mask" Opaque Opaque "stateful",
    "recent" "--name" Opaque Opaque "stateful",
    "recent" "--rcheck" Opaque Opaque "stateful",
    "recent" "--rdest" Opaque Opaque "stateful",
    "recent" "--reap" Opaque Opaque "stateful",
    "recent" "--remove" Opaque Opaque "stateful",
    "recent" "--rsource" Opaque Opaque "stateful",
    "recent" "--rttl" Opaque Opaque "stateful",
    "recent" "--seconds" Opaque Opaque "stateful",
    "recent" "--set" Opaque Opaque "stateful",
    "recent" "--update" Opaque Opaque "stateful",
    "rpfilter" "--accept-local" Opaque Opaque "known to the host alone",
    "rpfilter" "--invert" Opaque Opaque "known to the host alone",
    "rpfilter" "--loose" Opaque Opaque "known to the host alone",
    "rpfilter" "--validmark" Opaque Opaque "known to the host alone",
    "rt" "--rt-0-addrs" InHeader Opaque "payload",
    "rt" "--rt-0-not-strict" InHeader Opaque "payload",
    "rt" "--rt-0-res" InHeader Opaque "payload",
    "rt" "--rt-len" InHeader Opaque "payload",
    "rt" "--rt-segsleft" InHeader Opaque "payload",
    "rt" "--rt-type" InHeader Opaque "payload",
    "sctp" "--chunk-types" Behind Opaque "payload",
    "sctp" "--destination-port" Dport Full "",
    "sctp" "--dport" Dport Full "",
    "sctp" "--source-port" Sport Full "",
    "sctp" "--sport" Sport Full "",
    "set" "--bytes-eq" SetOption Opaque "stateful",
    "set" "--bytes-gt" SetOption Opaque "stateful",
    "set" "--bytes-lt" SetOption Opaque "stateful",
    "set" "--match-set" MatchSet Partial "opaque where the set is in no source, changes as packets come, or holds what no packet shows",
    "set" "--packets-eq" SetOption Opaque "stateful",
    "set" "--packets-gt" SetOption Opaque "stateful",
    "set" "--packets-lt" SetOption Opaque "stateful",
    "set" "--return-nomatch" SetOption Opaque "stateful",
    "set" "--set" MatchSet Partial "as `--match-set`",
    "set" "--update-counters" SetIgnored Ignored "a counter",
    "set" "--update-subcounters" SetIgnored Ignored "a counter",
    "socket" "--nowildcard" Opaque Opaque "known to the host alone",
    "socket" "--restore-skmark" Opaque Opaque "known to the host alone",
    "socket" "--transparent" Opaque Opaque "known to the host alone",
    "srh" "--srh-hdr-len-eq" Opaque Opaque "payload",
    "srh" "--srh-hdr-len-gt" Opaque Opaque "payload",
    "srh" "--srh-hdr-len-lt" Opaque Opaque "payload",
    "srh" "--srh-last-entry-eq" Opaque Opaque "payload",
    "srh" "--srh-last-entry-gt" Opaque Opaque "payload",
    "srh" "--srh-last-entry-lt" Opaque Opaque "payload",
    "srh" "--srh-lsid" Opaque Opaque "payload",
    "srh" "--srh-next-hdr" Opaque Opaque "payload",
    "srh" "--srh-nsid" Opaque Opaque "payload",
    "srh" "--srh-psid" Opaque Opaque "payload",
    "srh" "--srh-segs-left-eq" Opaque Opaque "payload",
    "srh" "--srh-segs-left-gt" Opaque Opaque "payload",
    "srh" "--srh-segs-left-lt" Opaque Opaque "payload",
    "srh" "--srh-tag" Opaque Opaque "payload",
    "state" "--state" CtState Partial "stateful: one state a packet",
    "statistic" "--every" Opaque Opaque "stateful",
    "statistic" "--mode" Opaque Opaque "stateful",
    "statistic" "--packet" Opaque Opaque "stateful",
    "statistic" "--probability" Opaque Opaque "stateful",
    "string" "--algo" Opaque Opaque "payload",
    "string" "--from" Opaque Opaque "payload",
    "string" "--hex-string" Opaque Opaque "payload",
    "string" "--icase" Opaque Opaque "payload",
    "string" "--string" Opaque Opaque "payload",
    "string" "--to" Opaque Opaque "payload",
    "tcp" "--destination-port" Dport Full "",
    "tcp" "--dport" Dport Full "",
    "tcp" "--source-port" Sport Full "",
    "tcp" "--sport" Sport Full "",
    "tcp" "--syn" Syn Full "",
    "tcp" "--tcp-flags" TcpFlags Full "",
    "tcp" "--tcp-option" Behind Opaque "payload",
    "tcpmss" "--mss" Behind Opaque "payload",
    "time" "--contiguous" Opaque Opaque "known to the host alone",
    "time" "--datestart" Opaque Opaque "known to the host alone",
    "time" "--datestop" Opaque Opaque "known to the host alone",
    "time" "--days" Opaque Opaque "known to the host alone",
    "time" "--kerneltz" Opaque Opaque "known to the host alone",
    "time" "--localtz" Opaque Opaque "known to the host alone",
    "time" "--monthdays" Opaque Opaque "known to the host alone",
    "time" "--timestart" Opaque Opaque "known to the host alone",
    "time" "--timestop" Opaque Opaque "known to the host alone",
    "time" "--utc" Opaque Opaque "known to the host alone",
    "time" "--weekdays" Opaque Opaque "known to the host alone",
    "tos" "--tos" Tos Full "",
    "ttl" "--ttl" TtlEq Full "",
    "ttl" "--ttl-eq" TtlEq Full "",
    "ttl" "--ttl-gt" TtlGt Full "",
    "ttl" "--ttl-lt" TtlLt Full "",
    "u32" "--u32" U32 Partial "payload: opaque where it looks behind the IPv4 header",
    "udp" "--destination-port" Dport Full "",
    "udp" "--dport" Dport Full "",
    "udp" "--source-port" Sport Full "",
    "udp" "--sport" Sport Full "",
    "udplite" "--destination-port" Dport Full "",
    "udplite" "--dport" Dport Full "",
    "udplite" "--source-port" Sport Full "",
    "udplite" "--sport" Sport Full "",
}

targets! {
    "ACCEPT" Accept Full "",
    "AUDIT" Next Ignored "goes on with the next rule",
    "CHECKSUM" Next Ignored "goes on with the next rule",
    "CLASSIFY" Next Ignored "goes on with the next rule",
    "CLUSTERIP" Next Opaque "changes the packet",
    "CONNMARK" Next Ignored "stateful; goes on with the next rule",
    "CONNSECMARK" Next Ignored "stateful; goes on with the next rule",
    "CT" Next Ignored "stateful; goes on with the next rule",
    "DNAT" Nat Partial "NAT: accepts in its table; what it rewrites is not followed",
    "DNPT" Next Partial "NAT: what it rewrites is not followed",
    "DROP" Drop Full "",
    "DSCP" Dscp Full "later matches on what it writes are opaque",
    "ECN" Next Partial "later matches on what it writes are opaque",
    "HL" Next Partial "later matches on what it writes are opaque",
    "HMARK" Next Partial "later matches on what it writes are opaque",
    "IDLETIMER" Next Ignored "goes on with the next rule",
    "LED" Next Ignored "goes on with the next rule",
    "LOG" Log Full "",
    "MARK" Next Partial "later matches on what it writes are opaque",
    "MASQUERADE" Nat Partial "NAT: accepts in its table; what it rewrites is not followed",
    "NETMAP" Nat Partial "NAT: accepts in its table; what it rewrites is not followed",
    "NFLOG" Log Full "",
    "NFQUEUE" Queue Opaque "stateful: a program decides",
    "NOTRACK" Next Ignored "stateful; goes on with the next rule",
    "QUEUE" Queue Opaque "stateful: a program decides",
    "RATEEST" Next Ignored "goes on with the next rule",
    "REDIRECT" Nat Partial "NAT: accepts in its table; what it rewrites is not followed",
    "REJECT" Reject Full "",
    "RETURN" Return Full "",
    "SAME" Nat Partial "NAT: accepts in its table; what it rewrites is not followed",
    "SECMARK" Next Ignored "goes on with the next rule",
    "SET" Next Partial "sets it changes are opaque",
    "SNAT" Nat Partial "NAT: accepts in its table; what it rewrites is not followed",
    "SNPT" Next Partial "NAT: what it rewrites is not followed",
    "SYNPROXY" Queue Opaque "stateful: it may drop and it may go on",
    "TARPIT" Drop Partial "answers and drops",
    "TCPMSS" Next Ignored "goes on with the next rule",
    "TCPOPTSTRIP" Next Ignored "goes on with the next rule",
    "TEE" Next Full "a copy goes elsewhere",
    "TOS" Tos Full "later matches on what it writes are opaque",
    "TPROXY" Queue Opaque "stateful: accepts where it finds a socket, else drops",
    "TRACE" Next Ignored "goes on with the next rule",
    "TTL" Next Partial "later matches on what it writes are opaque",
    "ULOG" Log Full "",
}

others! {
    "basic" "-4" Full "",
    "basic" "-6" Full "",
    "basic" "-c" Ignored "a counter",
    "basic" "-d" Full "a name of a host is opaque",
    "basic" "-f" Full "",
    "basic" "-g" Full "",
    "basic" "-i" Full "",
    "basic" "-j" Full "",
    "basic" "-m" Full "",
    "basic" "-o" Full "",
    "basic" "-p" Partial "mobility, host identity and Shim6 headers are walked over, where the kernel stops at them",
    "basic" "-s" Full "a name of a host is opaque",
    "command" "*TABLE" Full "",
    "command" "-A" Full "",
    "command" "-C" Ignored "changes nothing",
    "command" "-D" Full "",
    "command" "-E" Full "",
    "command" "-F" Full "",
    "command" "-I" Full "",
    "command" "-L" Ignored "changes nothing",
    "command" "-N" Full "",
    "command" "-P" Full "",
    "command" "-R" Full "",
    "command" "-S" Ignored "changes nothing",
    "command" "-X" Full "",
    "command" "-Z" Ignored "a counter",
    "command" ":CHAIN" Full "",
    "command" "COMMIT" Full "",
    "set" "add" Full "",
    "set" "bitmap:ip" Full "",
    "set" "bitmap:ip,mac" Opaque "the addresses are an over bound",
    "set" "bitmap:port" Full "",
    "set" "create" Full "",
    "set" "del" Full "",
    "set" "destroy" Full "",
    "set" "flush" Full "",
    "set" "hash:ip" Full "",
    "set" "hash:ip,mark" Opaque "the addresses are an over bound",
    "set" "hash:ip,port" Full "",
    "set" "hash:ip,port,ip" Full "",
    "set" "hash:ip,port,net" Full "",
    "set" "hash:mac" Full "",
    "set" "hash:net" Full "",
    "set" "hash:net,iface" Full "",
    "set" "hash:net,net" Full "",
    "set" "hash:net,port" Full "",
    "set" "hash:net,port,net" Full "",
    "set" "list:set" Full "",
    "set" "nomatch" Full "",
    "set" "rename" Full "",
    "set" "swap" Full "",
    "set" "timeout" Partial "stateful: such entries may be there",
    "match eui64" "-m eui64" Opaque "payload",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_sorted_and_modules_are_found() {
        assert!(TARGETS.windows(2).all(|w| w[0].0.word < w[1].0.word));
        for (keyword, name, _) in OPTIONS {
            let rows = module(name).map_or(&[][..], |module| &module.rows);
            assert!(
                rows.iter().any(|row| row.word == keyword.word),
                "{name} {} has no grammar",
                keyword.word
            );
        }
        assert!(TARGETS.iter().all(|(keyword, target)| {
            matches!(target, Target::Accept | Target::Drop | Target::Return | Target::Nat)
                || grammar::of_target(keyword.word).is_some()
        }));
        assert!(module("tcp").is_some_and(|m| m.rows.iter().any(|r| r.word == "--dport")));
        assert!(module("icmpv6").is_some() && module("nonsense").is_none());
        assert_eq!(target("DROP").map(|t| t.1), Some(Target::Drop));
        assert!(target("mychain").is_none());
    }
}
