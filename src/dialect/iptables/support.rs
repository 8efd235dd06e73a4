//! The support ledger, and what each word of a match or target is.

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
    /// How many values it takes; [`MANY`] for those up to the next option.
    pub(super) values: usize,
    pub(super) support: Support,
}

/// Values up to the next option.
pub(super) const MANY: usize = 9;

/// A match extension: its options.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) name: &'static str,
    pub(super) rows: Vec<Row>,
}

/// The match extension of a name, where it is known.
pub(super) fn module(name: &str) -> Option<&'static Module> {
    static MODULES: LazyLock<HashMap<&'static str, Module>> = LazyLock::new(|| {
        let mut map = HashMap::new();
        for (keyword, name, meaning, values) in OPTIONS {
            let module = map.entry(*name).or_insert_with(|| Module { name, rows: Vec::new() });
            let support = keyword.support;
            module.rows.push(Row { word: keyword.word, meaning: *meaning, values: *values, support });
        }
        map.insert("eui64", Module { name: "eui64", rows: Vec::new() });
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
    ($($module:literal $word:literal $meaning:ident $values:literal $support:ident $remark:literal,)*) => {
        /// Every option of every match, with its module and how many values it takes.
        #[rustfmt::skip]
        static OPTIONS: &[(Keyword, &str, Meaning, usize)] = &[
            $((Keyword { context: concat!("match ", $module), word: $word, support: Support::$support, remark: $remark },
               $module, Meaning::$meaning, $values),)*
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
    "addrtype" "--dst-type" DstType 1 Partial "known to the host alone, within the bounds the address gives",
    "addrtype" "--limit-iface-in" Opaque 0 Opaque "known to the host alone",
    "addrtype" "--limit-iface-out" Opaque 0 Opaque "known to the host alone",
    "addrtype" "--src-type" SrcType 1 Partial "known to the host alone, within the bounds the address gives",
    "ah" "--ahlen" Behind 1 Opaque "payload",
    "ah" "--ahres" Behind 0 Opaque "payload",
    "ah" "--ahspi" AhSpi 1 Full "",
    "bpf" "--bytecode" Opaque 9 Opaque "payload",
    "bpf" "--object-pinned" Opaque 9 Opaque "payload",
    "cgroup" "--cgroup" Opaque 9 Opaque "known to the host alone",
    "cgroup" "--path" Opaque 9 Opaque "known to the host alone",
    "cluster" "--cluster-hash-seed" Opaque 9 Opaque "stateful",
    "cluster" "--cluster-local-node" Opaque 9 Opaque "stateful",
    "cluster" "--cluster-local-nodemask" Opaque 9 Opaque "stateful",
    "cluster" "--cluster-total-nodes" Opaque 9 Opaque "stateful",
    "comment" "--comment" Comment 1 Ignored "the name of the rule",
    "connbytes" "--connbytes" Opaque 9 Opaque "stateful",
    "connbytes" "--connbytes-dir" Opaque 9 Opaque "stateful",
    "connbytes" "--connbytes-mode" Opaque 9 Opaque "stateful",
    "connlabel" "--label" Opaque 9 Opaque "stateful",
    "connlabel" "--set" Opaque 9 Opaque "stateful",
    "connlimit" "--connlimit-above" Opaque 9 Opaque "stateful",
    "connlimit" "--connlimit-daddr" Opaque 9 Opaque "stateful",
    "connlimit" "--connlimit-mask" Opaque 9 Opaque "stateful",
    "connlimit" "--connlimit-saddr" Opaque 9 Opaque "stateful",
    "connlimit" "--connlimit-upto" Opaque 9 Opaque "stateful",
    "connmark" "--mark" Opaque 9 Opaque "stateful",
    "conntrack" "--ctdir" Opaque 9 Opaque "stateful",
    "conntrack" "--ctexpire" Opaque 9 Opaque "stateful",
    "conntrack" "--ctorigdst" Opaque 9 Opaque "stateful",
    "conntrack" "--ctorigdstport" Opaque 9 Opaque "stateful",
    "conntrack" "--ctorigsrc" Opaque 9 Opaque "stateful",
    "conntrack" "--ctorigsrcport" Opaque 9 Opaque "stateful",
    "conntrack" "--ctproto" Opaque 9 Opaque "stateful",
    "conntrack" "--ctrepldst" Opaque 9 Opaque "stateful",
    "conntrack" "--ctrepldstport" Opaque 9 Opaque "stateful",
    "conntrack" "--ctreplsrc" Opaque 9 Opaque "stateful",
    "conntrack" "--ctreplsrcport" Opaque 9 Opaque "stateful",
    "conntrack" "--ctstate" CtState 1 Partial "stateful: one state a packet; SNAT and DNAT are opaque",
    "conntrack" "--ctstatus" Opaque 9 Opaque "stateful",
    "cpu" "--cpu" Opaque 9 Opaque "known to the host alone",
    "dccp" "--dccp-option" Behind 1 Opaque "payload",
    "dccp" "--dccp-types" Behind 1 Opaque "payload",
    "dccp" "--destination-port" Dport 1 Full "",
    "dccp" "--dport" Dport 1 Full "",
    "dccp" "--source-port" Sport 1 Full "",
    "dccp" "--sport" Sport 1 Full "",
    "devgroup" "--dst-group" Opaque 9 Opaque "known to the host alone",
    "devgroup" "--src-group" Opaque 9 Opaque "known to the host alone",
    "dscp" "--dscp" Dscp 1 Full "",
    "dscp" "--dscp-class" DscpClass 1 Full "",
    "dst" "--dst-len" InHeader 1 Opaque "payload",
    "dst" "--dst-opts" InHeader 1 Opaque "payload",
    "ecn" "--ecn-ip-ect" EcnIpEct 1 Full "",
    "ecn" "--ecn-tcp-cwr" EcnCwr 0 Full "",
    "ecn" "--ecn-tcp-ece" EcnEce 0 Full "",
    "esp" "--espspi" EspSpi 1 Full "",
    "frag" "--fragfirst" FragFirst 0 Full "",
    "frag" "--fragid" InHeader 1 Opaque "payload",
    "frag" "--fraglast" FragLast 0 Full "",
    "frag" "--fraglen" InHeader 1 Opaque "payload",
    "frag" "--fragmore" FragMore 0 Full "",
    "frag" "--fragres" InHeader 0 Opaque "payload",
    "hashlimit" "--hashlimit" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-above" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-burst" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-dstmask" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-htable-expire" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-htable-gcinterval" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-htable-max" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-htable-size" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-mode" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-name" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-rate-interval" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-rate-match" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-srcmask" Opaque 9 Opaque "stateful",
    "hashlimit" "--hashlimit-upto" Opaque 9 Opaque "stateful",
    "hbh" "--hbh-len" InHeader 1 Opaque "payload",
    "hbh" "--hbh-opts" InHeader 1 Opaque "payload",
    "helper" "--helper" Opaque 9 Opaque "stateful",
    "hl" "--hl-eq" TtlEq 1 Full "",
    "hl" "--hl-gt" TtlGt 1 Full "",
    "hl" "--hl-lt" TtlLt 1 Full "",
    "icmp" "--icmp-type" IcmpType 1 Full "",
    "icmp6" "--icmp6-type" Icmp6Type 1 Full "",
    "icmp6" "--icmpv6-type" Icmp6Type 1 Full "",
    "ipcomp" "--compres" Behind 0 Opaque "payload",
    "ipcomp" "--ipcompspi" Behind 1 Opaque "payload",
    "iprange" "--dst-range" DstRange 1 Full "",
    "iprange" "--src-range" SrcRange 1 Full "",
    "ipv6header" "--header" Header 1 Full "",
    "ipv6header" "--soft" Soft 0 Full "",
    "ipvs" "--ipvs" Opaque 9 Opaque "stateful",
    "ipvs" "--vaddr" Opaque 9 Opaque "stateful",
    "ipvs" "--vdir" Opaque 9 Opaque "stateful",
    "ipvs" "--vmethod" Opaque 9 Opaque "stateful",
    "ipvs" "--vport" Opaque 9 Opaque "stateful",
    "ipvs" "--vportctl" Opaque 9 Opaque "stateful",
    "ipvs" "--vproto" Opaque 9 Opaque "stateful",
    "length" "--length" Length 1 Full "",
    "limit" "--limit" Opaque 9 Opaque "stateful",
    "limit" "--limit-burst" Opaque 9 Opaque "stateful",
    "mac" "--mac-source" MacSource 1 Full "",
    "mark" "--mark" Mark 1 Full "opaque where a rule of the file writes marks",
    "mh" "--mh-type" Behind 1 Opaque "payload",
    "multiport" "--destination-ports" Dports 1 Full "",
    "multiport" "--dports" Dports 1 Full "",
    "multiport" "--ports" Ports 1 Full "",
    "multiport" "--source-ports" Sports 1 Full "",
    "multiport" "--sports" Sports 1 Full "",
    "nfacct" "--nfacct-name" Opaque 9 Opaque "stateful",
    "osf" "--genre" Opaque 9 Opaque "payload",
    "osf" "--log" Opaque 9 Opaque "payload",
    "osf" "--ttl" Opaque 9 Opaque "payload",
    "owner" "--cmd-owner" Opaque 9 Opaque "known to the host alone",
    "owner" "--gid-owner" Opaque 9 Opaque "known to the host alone",
    "owner" "--pid-owner" Opaque 9 Opaque "known to the host alone",
    "owner" "--sid-owner" Opaque 9 Opaque "known to the host alone",
    "owner" "--socket-exists" Opaque 9 Opaque "known to the host alone",
    "owner" "--suppl-groups" Opaque 9 Opaque "known to the host alone",
    "owner" "--uid-owner" Opaque 9 Opaque "known to the host alone",
    "physdev" "--physdev-in" Opaque 9 Opaque "known to the host alone",
    "physdev" "--physdev-is-bridged" Opaque 9 Opaque "known to the host alone",
    "physdev" "--physdev-is-in" Opaque 9 Opaque "known to the host alone",
    "physdev" "--physdev-is-out" Opaque 9 Opaque "known to the host alone",
    "physdev" "--physdev-out" Opaque 9 Opaque "known to the host alone",
    "pkttype" "--pkt-type" Opaque 1 Opaque "known to the host alone",
    "policy" "--dir" Opaque 9 Opaque "known to the host alone",
    "policy" "--mode" Opaque 9 Opaque "known to the host alone",
    "policy" "--next" Opaque 9 Opaque "known to the host alone",
    "policy" "--pol" Opaque 9 Opaque "known to the host alone",
    "policy" "--proto" Opaque 9 Opaque "known to the host alone",
    "policy" "--reqid" Opaque 9 Opaque "known to the host alone",
    "policy" "--spi" Opaque 9 Opaque "known to the host alone",
    "policy" "--strict" Opaque 9 Opaque "known to the host alone",
    "policy" "--tunnel-dst" Opaque 9 Opaque "known to the host alone",
    "policy" "--tunnel-src" Opaque 9 Opaque "known to the host alone",
    "quota" "--quota" Opaque 9 Opaque "stateful",
    "rateest" "--rateest" Opaque 9 Opaque "stateful",
    "rateest" "--rateest-bps" Opaque 9 Opaque "stateful",
    "rateest" "--rateest-bps1" Opaque 9 Opaque "stateful",
    "rateest" "--rateest-bps2" Opaque 9 Opaque "stateful",
    "rateest" "--rateest-delta" Opaque 9 Opaque "stateful",
    "rateest" "--rateest-eq" Opaque 9 Opaque "stateful",
    "rateest" "--rateest-gt" Opaque 9 Opaque "stateful",
    "rateest" "--rateest-lt" Opaque 9 Opaque "stateful",
    "rateest" "--rateest-pps" Opaque 9 Opaque "stateful",
    "rateest" "--rateest-pps1" Opaque 9 Opaque "stateful",
    "rateest" "--rateest-pps2" Opaque 9 Opaque "stateful",
    "rateest" "--rateest1" Opaque 9 Opaque "stateful",
    "rateest" "--rateest2" Opaque 9 Opaque "stateful",
    "realm" "--realm" Opaque 9 Opaque "known to the host alone",
    "recent" "--hitcount" Opaque 9 Opaque "stateful",
    "recent" "--mask" Opaque 9 Opaque "stateful",
    "recent" "--name" Opaque 9 Opaque "stateful",
    "recent" "--rcheck" Opaque 9 Opaque "stateful",
    "recent" "--rdest" Opaque 9 Opaque "stateful",
    "recent" "--reap" Opaque 9 Opaque "stateful",
    "recent" "--remove" Opaque 9 Opaque "stateful",
    "recent" "--rsource" Opaque 9 Opaque "stateful",
    "recent" "--rttl" Opaque 9 Opaque "stateful",
    "recent" "--seconds" Opaque 9 Opaque "stateful",
    "recent" "--set" Opaque 9 Opaque "stateful",
    "recent" "--update" Opaque 9 Opaque "stateful",
    "rpfilter" "--accept-local" Opaque 9 Opaque "known to the host alone",
    "rpfilter" "--invert" Opaque 9 Opaque "known to the host alone",
    "rpfilter" "--loose" Opaque 9 Opaque "known to the host alone",
    "rpfilter" "--validmark" Opaque 9 Opaque "known to the host alone",
    "rt" "--rt-0-addrs" InHeader 9 Opaque "payload",
    "rt" "--rt-0-not-strict" InHeader 9 Opaque "payload",
    "rt" "--rt-0-res" InHeader 9 Opaque "payload",
    "rt" "--rt-len" InHeader 9 Opaque "payload",
    "rt" "--rt-segsleft" InHeader 9 Opaque "payload",
    "rt" "--rt-type" InHeader 9 Opaque "payload",
    "sctp" "--chunk-types" Behind 2 Opaque "payload",
    "sctp" "--destination-port" Dport 1 Full "",
    "sctp" "--dport" Dport 1 Full "",
    "sctp" "--source-port" Sport 1 Full "",
    "sctp" "--sport" Sport 1 Full "",
    "set" "--bytes-eq" SetOption 9 Opaque "stateful",
    "set" "--bytes-gt" SetOption 9 Opaque "stateful",
    "set" "--bytes-lt" SetOption 9 Opaque "stateful",
    "set" "--match-set" MatchSet 2 Partial "opaque where the set is in no source, changes as packets come, or holds what no packet shows",
    "set" "--packets-eq" SetOption 9 Opaque "stateful",
    "set" "--packets-gt" SetOption 9 Opaque "stateful",
    "set" "--packets-lt" SetOption 9 Opaque "stateful",
    "set" "--return-nomatch" SetOption 9 Opaque "stateful",
    "set" "--set" MatchSet 2 Partial "as `--match-set`",
    "set" "--update-counters" SetIgnored 0 Ignored "a counter",
    "set" "--update-subcounters" SetIgnored 0 Ignored "a counter",
    "socket" "--nowildcard" Opaque 9 Opaque "known to the host alone",
    "socket" "--restore-skmark" Opaque 9 Opaque "known to the host alone",
    "socket" "--transparent" Opaque 9 Opaque "known to the host alone",
    "srh" "--srh-hdr-len-eq" Opaque 9 Opaque "payload",
    "srh" "--srh-hdr-len-gt" Opaque 9 Opaque "payload",
    "srh" "--srh-hdr-len-lt" Opaque 9 Opaque "payload",
    "srh" "--srh-last-entry-eq" Opaque 9 Opaque "payload",
    "srh" "--srh-last-entry-gt" Opaque 9 Opaque "payload",
    "srh" "--srh-last-entry-lt" Opaque 9 Opaque "payload",
    "srh" "--srh-lsid" Opaque 9 Opaque "payload",
    "srh" "--srh-next-hdr" Opaque 9 Opaque "payload",
    "srh" "--srh-nsid" Opaque 9 Opaque "payload",
    "srh" "--srh-psid" Opaque 9 Opaque "payload",
    "srh" "--srh-segs-left-eq" Opaque 9 Opaque "payload",
    "srh" "--srh-segs-left-gt" Opaque 9 Opaque "payload",
    "srh" "--srh-segs-left-lt" Opaque 9 Opaque "payload",
    "srh" "--srh-tag" Opaque 9 Opaque "payload",
    "state" "--state" CtState 1 Partial "stateful: one state a packet",
    "statistic" "--every" Opaque 9 Opaque "stateful",
    "statistic" "--mode" Opaque 9 Opaque "stateful",
    "statistic" "--packet" Opaque 9 Opaque "stateful",
    "statistic" "--probability" Opaque 9 Opaque "stateful",
    "string" "--algo" Opaque 9 Opaque "payload",
    "string" "--from" Opaque 9 Opaque "payload",
    "string" "--hex-string" Opaque 9 Opaque "payload",
    "string" "--icase" Opaque 9 Opaque "payload",
    "string" "--string" Opaque 9 Opaque "payload",
    "string" "--to" Opaque 9 Opaque "payload",
    "tcp" "--destination-port" Dport 1 Full "",
    "tcp" "--dport" Dport 1 Full "",
    "tcp" "--source-port" Sport 1 Full "",
    "tcp" "--sport" Sport 1 Full "",
    "tcp" "--syn" Syn 0 Full "",
    "tcp" "--tcp-flags" TcpFlags 2 Full "",
    "tcp" "--tcp-option" Behind 1 Opaque "payload",
    "tcpmss" "--mss" Behind 1 Opaque "payload",
    "time" "--contiguous" Opaque 9 Opaque "known to the host alone",
    "time" "--datestart" Opaque 9 Opaque "known to the host alone",
    "time" "--datestop" Opaque 9 Opaque "known to the host alone",
    "time" "--days" Opaque 9 Opaque "known to the host alone",
    "time" "--kerneltz" Opaque 9 Opaque "known to the host alone",
    "time" "--localtz" Opaque 9 Opaque "known to the host alone",
    "time" "--monthdays" Opaque 9 Opaque "known to the host alone",
    "time" "--timestart" Opaque 9 Opaque "known to the host alone",
    "time" "--timestop" Opaque 9 Opaque "known to the host alone",
    "time" "--utc" Opaque 9 Opaque "known to the host alone",
    "time" "--weekdays" Opaque 9 Opaque "known to the host alone",
    "tos" "--tos" Tos 1 Full "",
    "ttl" "--ttl" TtlEq 1 Full "",
    "ttl" "--ttl-eq" TtlEq 1 Full "",
    "ttl" "--ttl-gt" TtlGt 1 Full "",
    "ttl" "--ttl-lt" TtlLt 1 Full "",
    "u32" "--u32" U32 1 Partial "payload: opaque where it looks behind the IPv4 header",
    "udp" "--destination-port" Dport 1 Full "",
    "udp" "--dport" Dport 1 Full "",
    "udp" "--source-port" Sport 1 Full "",
    "udp" "--sport" Sport 1 Full "",
    "udplite" "--destination-port" Dport 1 Full "",
    "udplite" "--dport" Dport 1 Full "",
    "udplite" "--source-port" Sport 1 Full "",
    "udplite" "--sport" Sport 1 Full "",
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
        assert!(module("tcp").is_some_and(|m| m.rows.iter().any(|r| r.word == "--dport")));
        assert!(module("icmpv6").is_some() && module("nonsense").is_none());
        assert_eq!(target("DROP").map(|t| t.1), Some(Target::Drop));
        assert!(target("mychain").is_none());
    }
}
