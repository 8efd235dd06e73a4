//! Which options a match or target takes: with what values, how often, and which of them go together.
//!
//! What iptables 1.8.9 refuses, by the tables its extensions register (their `xt_option_entry` lists) and by their
//! final checks; `tests/dialects/iptables_refusals.rs` holds it against the program. What an option means is in
//! `support.rs`.

use super::grammar_values::Kind;
use crate::field::Family;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A match or target a line: `match NAME:` or `target NAME:`, `4` or `6` behind the first word where only one of the
/// families has it, then its options without their dashes. `+` before an option: it must be there; `=` a kind of value
/// (`grammar_values.rs`); `!` it may be negated; `*` it may be written more than once. Behind `;` what holds of several:
/// `one` at most one of them, `some` at least one, `needs` the first of them the second, `after` the first of them stands
/// behind the second. `in TABLES HOOKS` is where the kernel takes it, `for PROTOCOLS` what a rule must ask for
/// (measured on Linux 6.18).
const GRAMMAR: &str = "
match addrtype: src-type=own! dst-type=own! limit-iface-in limit-iface-out ; some src-type dst-type ; one limit-iface-in limit-iface-out
match ah: ahspi=own! ahlen=u32! ahres
match bpf: bytecode=text object-pinned=text ; one bytecode object-pinned ; some bytecode object-pinned
match cgroup: path=text! cgroup=u32! ; one path cgroup ; some path cgroup ; in * INPUT,OUTPUT,POSTROUTING
match cluster: +cluster-total-nodes=1-32 cluster-local-node=1-32! cluster-local-nodemask=1-32! +cluster-hash-seed=u32 ; one cluster-local-node cluster-local-nodemask ; some cluster-local-node cluster-local-nodemask
match comment: +comment=text(0-255)
match connbytes: +connbytes=u64:! +connbytes-dir=any(original,reply,both) +connbytes-mode=any(packets,bytes,avgpkt)
match connlabel: +label=text(1-)! set
match connlimit: connlimit-upto=u32! connlimit-above=u32! connlimit-mask=mask connlimit-saddr connlimit-daddr ; one connlimit-upto connlimit-above ; some connlimit-upto connlimit-above ; one connlimit-saddr connlimit-daddr
match connmark: +mark=mark!
match conntrack: ctstate=own! ctproto=proto! ctorigsrc=hosts! ctorigdst=hosts! ctreplsrc=hosts! ctrepldst=hosts! ctstatus=all(none,expected,seen_reply,assured,confirmed)! ctexpire=u32:! ctorigsrcport=ports! ctorigdstport=ports! ctreplsrcport=ports! ctrepldstport=ports! ctdir=any(original,reply) ; some ctstate ctproto ctorigsrc ctorigdst ctreplsrc ctrepldst ctstatus ctexpire ctorigsrcport ctorigdstport ctreplsrcport ctrepldstport ctdir
match cpu: +cpu=u32!
match dccp: source-port=own! sport=own! destination-port=own! dport=own! dccp-types=all(request,response,data,ack,dataack,closereq,close,reset,sync,syncack,invalid)! dccp-option=1-255! ; one source-port sport ; one destination-port dport
match devgroup: src-group=text! dst-group=text! ; some src-group dst-group
match dscp: dscp=own! dscp-class=own! ; one dscp dscp-class ; some dscp dscp-class
match6 dst: dst-len=u32! dst-opts=v6options
match ecn: ecn-tcp-cwr! ecn-tcp-ece! ecn-ip-ect=own! ; some ecn-tcp-cwr ecn-tcp-ece ecn-ip-ect
match esp: espspi=own!
match6 eui64: ; in * PREROUTING,INPUT,FORWARD
match6 frag: fragid=u32:! fraglen=u32! fragres fragfirst fragmore fraglast ; one fragmore fraglast
match hashlimit: hashlimit-upto=hashrate! hashlimit-above=hashrate! hashlimit=hashrate! hashlimit-srcmask=plen hashlimit-dstmask=plen hashlimit-burst=burst hashlimit-htable-size=u32 hashlimit-htable-max=u32 hashlimit-htable-gcinterval=u32 hashlimit-htable-expire=u32 hashlimit-mode=all(dstip,srcip,srcport,dstport) +hashlimit-name=text(1-) hashlimit-rate-match hashlimit-rate-interval=text ; one hashlimit-upto hashlimit-above hashlimit ; some hashlimit-upto hashlimit-above hashlimit
match6 hbh: hbh-len=u32! hbh-opts=v6options
match helper: +helper=text!
match6 hl: hl-lt=own hl-gt=own hl-eq=own! ; one hl-lt hl-gt hl-eq ; some hl-lt hl-gt hl-eq
match4 icmp: +icmp-type=own!
match6 icmp6: icmpv6-type=own! icmp6-type=own! ; one icmpv6-type icmp6-type ; some icmpv6-type icmp6-type
match ipcomp: ipcompspi=u32:! compres
match iprange: src-range=own! dst-range=own! ; some src-range dst-range
match6 ipv6header: +header=own! soft
match ipvs: ipvs! vproto=proto! vaddr=hosts! vport=port! vdir=any(original,reply) vmethod=any(gate,ipip,masq)! vportctl=port! ; some ipvs vproto vaddr vport vdir vmethod vportctl
match length: +length=own!
match limit: limit=rate limit-burst=0-10000
match mac: +mac-source=own! ; in * PREROUTING,INPUT,FORWARD
match mark: +mark=own!
match6 mh: mh-type=text!
match multiport: source-ports=own! sports=own! destination-ports=own! dports=own! ports=own! ; one source-ports sports destination-ports dports ports ; some source-ports sports destination-ports dports ports
match nfacct: +nfacct-name=text(1-)
match4 osf: +genre=text! ttl=0-2 log=0-2
match owner: uid-owner=text! gid-owner=text! socket-exists! suppl-groups cmd-owner=text! pid-owner=u32! sid-owner=u32! ; some uid-owner gid-owner socket-exists suppl-groups cmd-owner pid-owner sid-owner ; after suppl-groups gid-owner ; in * OUTPUT,POSTROUTING
match physdev: physdev-in=iface! physdev-out=iface! physdev-is-in! physdev-is-out! physdev-is-bridged! ; some physdev-in physdev-out physdev-is-in physdev-is-out physdev-is-bridged
match pkttype: +pkt-type=any(unicast,broadcast,multicast,otherhost,outgoing,bcast,mcast,host)!
match policy: +dir=any(in,out) pol=any(none,ipsec) strict reqid=u32!* spi=u32!* tunnel-src=hosts!* tunnel-dst=hosts!* proto=proto!* mode=any(transport,tunnel)!* next* ; needs next strict
match quota: +quota=u64!
match rateest: rateest1=text rateest=text rateest2=text rateest-bps1=bps rateest-pps1=pps rateest-bps2=bps rateest-pps2=pps rateest-bps=bps rateest-pps=pps rateest-delta rateest-lt! rateest-gt! rateest-eq! ; one rateest rateest1 ; some rateest rateest1
match4 realm: +realm=text! ; in * INPUT,FORWARD,OUTPUT,POSTROUTING
match recent: set! rcheck! update! remove! seconds=1-4294967295 reap hitcount=0-65535 rttl name=text rsource rdest mask=host ; one set rcheck update remove ; some set rcheck update remove ; needs reap seconds ; one rttl set remove
match rpfilter: loose validmark accept-local invert ; in raw,mangle PREROUTING
match6 rt: rt-type=u32! rt-segsleft=u32:! rt-len=u32! rt-0-res rt-0-addrs=text rt-0-not-strict ; after rt-0-res rt-type ; after rt-0-addrs rt-type ; after rt-0-not-strict rt-0-addrs
match sctp: source-port=own! sport=own! destination-port=own! dport=own! chunk-types=chunks! ; one source-port sport ; one destination-port dport
match set: match-set=pair! set=pair! return-nomatch! update-counters! packets-eq=u64! packets-lt=u64 packets-gt=u64 bytes-eq=u64! bytes-lt=u64 bytes-gt=u64 update-subcounters! ; one match-set set ; some match-set set
match socket: transparent nowildcard restore-skmark ; in * PREROUTING,INPUT
match6 srh: srh-next-hdr=0-255! srh-hdr-len-eq=0-255! srh-hdr-len-gt=0-255! srh-hdr-len-lt=0-255! srh-segs-left-eq=0-255! srh-segs-left-gt=0-255! srh-segs-left-lt=0-255! srh-last-entry-eq=0-255! srh-last-entry-gt=0-255! srh-last-entry-lt=0-255! srh-tag=0-65535! srh-psid=hosts! srh-nsid=hosts! srh-lsid=hosts!
match state: +state=own!
match statistic: +mode=any(random,nth) probability=share! every=1-4294967295! packet=u32 ; one probability every ; one probability packet ; needs every packet ; needs packet every ; some probability every
match string: from=0-65535 to=0-65535 +algo=any(bm,kmp,fsm) string=text(0-128)! hex-string=text! icase ; one string hex-string ; some string hex-string
match tcp: source-port=own! sport=own! destination-port=own! dport=own! syn! tcp-flags=pair! tcp-option=1-255! ; one source-port sport ; one destination-port dport ; one syn tcp-flags
match tcpmss: +mss=0-65535:!
match time: datestart=date datestop=date timestart=clock timestop=clock contiguous weekdays=weekdays! days=weekdays! monthdays=list(1-31)! localtz utc kerneltz ; one utc localtz kerneltz
match tos: +tos=own!
match4 ttl: ttl-lt=own ttl-gt=own ttl-eq=own! ttl=own ; one ttl-lt ttl-gt ttl-eq ttl ; some ttl-lt ttl-gt ttl-eq ttl
match u32: +u32=u32words!
match udp: source-port=own! sport=own! destination-port=own! dport=own! ; one source-port sport ; one destination-port dport
match udplite: source-port=own! sport=own! destination-port=own! dport=own! ; one source-port sport ; one destination-port dport
target AUDIT: +type=any(accept,drop,reject)
target CHECKSUM: +checksum-fill ; in mangle *
target CLASSIFY: +set-class=class ; in * FORWARD,OUTPUT,POSTROUTING
target4 CLUSTERIP: new hashmode=any(sourceip,sourceip-sourceport,sourceip-sourceport-destport) clustermac=mac total-nodes=0-16 local-node=0-16 hash-init=u32
target CONNMARK: set-xmark=mark set-mark=mark and-mark=u32 or-mark=u32 xor-mark=u32 save-mark restore-mark left-shift-mark=0-32 right-shift-mark=0-32 ctmask=u32 nfmask=u32 mask=u32 ; one set-xmark set-mark and-mark or-mark xor-mark save-mark restore-mark ; some set-xmark set-mark and-mark or-mark xor-mark save-mark restore-mark ; one mask ctmask ; one mask nfmask
target CONNSECMARK: save restore ; one save restore ; some save restore ; in mangle,security *
target CT: notrack helper=text timeout=text ctevents=all(new,related,destroy,reply,assured,protoinfo,helper,mark,natseqinfo,secmark) expevents=all(new) zone-orig=zone zone-reply=zone zone=zone ; in raw *
target DNAT: to-destination=nat random persistent ; some to-destination ; in nat PREROUTING,OUTPUT
target6 DNPT: +src-pfx=hosts +dst-pfx=hosts ; in mangle PREROUTING,OUTPUT
target DSCP: set-dscp=0-63 set-dscp-class=dscp ; one set-dscp set-dscp-class ; some set-dscp set-dscp-class ; in mangle *
target4 ECN: ecn-tcp-remove ecn-tcp-cwr=0-1 ecn-tcp-ece=0-1 ecn-ip-ect=0-3 ; some ecn-tcp-remove ecn-tcp-cwr ecn-tcp-ece ecn-ip-ect ; one ecn-tcp-remove ecn-tcp-cwr ; one ecn-tcp-remove ecn-tcp-ece ; in mangle *
target6 HL: hl-set=0-255 hl-dec=1-255 hl-inc=1-255 ; one hl-set hl-dec hl-inc ; some hl-set hl-dec hl-inc ; in mangle *
target HMARK: hmark-tuple=all(src,dst,sport,dport,spi,ct) hmark-src-prefix=mask hmark-dst-prefix=mask hmark-sport-mask=0-65535 hmark-dport-mask=0-65535 hmark-spi-mask=u32 hmark-sport=0-65535 hmark-dport=0-65535 hmark-spi=u32 hmark-proto-mask=0-65535 +hmark-rnd=u32 +hmark-mod=1-4294967295 hmark-offset=u32 ; one hmark-spi-mask hmark-sport-mask ; one hmark-spi-mask hmark-dport-mask
target IDLETIMER: +timeout=u32 +label=text alarm
target LED: +led-trigger-id=text(0-16) led-delay=delay led-always-blink
target LOG: log-level=level log-prefix=text(1-) log-tcp-sequence log-tcp-options log-ip-options log-uid log-macdecode
target MARK: set-xmark=mark set-mark=mark and-mark=u32 or-mark=u32 xor-mark=u32 ; one set-xmark set-mark and-mark or-mark xor-mark ; some set-xmark set-mark and-mark or-mark xor-mark
target MASQUERADE: to-ports=natports random random-fully ; in nat POSTROUTING
target NETMAP: +to=hosts ; in nat *
target NFLOG: nflog-group=0-65535 nflog-prefix=text(1-) nflog-range=u32 nflog-size=u32 nflog-threshold=0-65535 ; one nflog-range nflog-size
target NFQUEUE: queue-num=0-65535 queue-balance=rising(0-65534) queue-bypass queue-cpu-fanout ; one queue-num queue-balance ; needs queue-cpu-fanout queue-balance
target NOTRACK: ; in raw *
target QUEUE:
target RATEEST: +rateest-name=text +rateest-interval=time +rateest-ewmalog=time
target REDIRECT: to-ports=natports random ; in nat PREROUTING,OUTPUT
target REJECT: reject-with=own ; in filter *
target SECMARK: +selctx=text ; in mangle,security *
target SET: add-set=pair del-set=pair exist timeout=u32 map-set=pair map-mark map-prio map-queue ; some add-set del-set map-set ; needs exist add-set ; needs timeout add-set ; needs map-mark map-set ; needs map-prio map-set ; needs map-queue map-set
target SNAT: to-source=nat random random-fully persistent ; some to-source ; in nat INPUT,POSTROUTING
target6 SNPT: +src-pfx=hosts +dst-pfx=hosts ; in mangle INPUT,POSTROUTING
target SYNPROXY: sack-perm timestamp wscale=0-14 mss=0-65535 ecn ; in * INPUT,FORWARD ; for 6
target TARPIT: tarpit honeypot reset ; one tarpit honeypot reset
target TCPMSS: set-mss=0-65515 clamp-mss-to-pmtu ; one set-mss clamp-mss-to-pmtu ; some set-mss clamp-mss-to-pmtu ; for 6
target TCPOPTSTRIP: strip-options=tcpoptions ; in mangle * ; for 6
target TEE: +gateway=host oif=text
target TOS: set-tos=tos and-tos=0-255 or-tos=0-255 xor-tos=0-255 ; one set-tos and-tos or-tos xor-tos ; some set-tos and-tos or-tos xor-tos ; in mangle *
target TPROXY: +on-port=port on-ip=host tproxy-mark=mark ; in mangle PREROUTING ; for 6,17
target TRACE:
target4 TTL: ttl-set=0-255 ttl-dec=1-255 ttl-inc=1-255 ; one ttl-set ttl-dec ttl-inc ; some ttl-set ttl-dec ttl-inc ; in mangle *
target4 ULOG: ulog-nlgroup=1-32 ulog-prefix=text(1-) ulog-cprange=u64 ulog-qthreshold=1-50
";

/// What one option may be written with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Without its dashes.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Its bit among those of its match or target.
    bit: u32,
    required: bool,
    negatable: bool,
    repeatable: bool,
}

/// What holds of several options, as their bits.
#[derive(Clone, Copy, Debug)]
enum Law {
    AtMostOne(u32),
    AtLeastOne(u32),
    Needs(u32, u32),
    After(u32, u32),
}

/// The options of a match or target.
#[derive(Debug, Default)]
pub(super) struct Grammar {
    pub(super) forms: Vec<Form>,
    laws: Vec<Law>,
    /// The only family that has it.
    pub(super) family: Option<Family>,
    /// Tables and hooks that take it; all where there is none.
    pub(super) tables: Vec<&'static str>,
    pub(super) hooks: Vec<&'static str>,
    /// Protocols of which a rule must ask for one.
    pub(super) protocols: Vec<u8>,
}

/// Which options a rule has written.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Written(u32);

impl Grammar {
    /// The option of a name, which may be cut short where that leaves one.
    pub(super) fn form(&self, name: &str) -> Option<&Form> {
        let exact = self.forms.iter().find(|form| form.name == name);
        exact.or_else(|| {
            let mut starting = self.forms.iter().filter(|form| form.name.starts_with(name));
            starting.next().filter(|_| starting.next().is_none())
        })
    }

    /// Adds an option to those that are written; what is wrong with having it here.
    pub(super) fn add(&self, written: &mut Written, form: &Form, not: bool) -> Result<(), String> {
        let before = written.0;
        written.0 |= form.bit;
        if before & form.bit != 0 && !form.repeatable {
            return Err(format!("`--{}` is written twice", form.name));
        }
        if not && !form.negatable {
            return Err(format!("`--{}` cannot be negated", form.name));
        }
        let late = |law: &Law| match *law {
            Law::After(one, other) if one == form.bit && before & other == 0 => {
                Some(format!("{} stands behind {}", self.names(one, ""), self.names(other, "")))
            }
            _ => None,
        };
        self.laws.iter().find_map(late).map_or(Ok(()), Err)
    }

    /// What is wrong with the options of a rule together.
    pub(super) fn missing(&self, written: Written) -> Option<String> {
        let Written(bits) = written;
        if let Some(form) = self.forms.iter().find(|form| form.required && bits & form.bit == 0) {
            return Some(format!("`--{}` must be there", form.name));
        }
        self.laws.iter().find_map(|law| match *law {
            Law::AtMostOne(of) if (bits & of).count_ones() > 1 => {
                Some(format!("{} exclude each other", self.names(bits & of, " and ")))
            }
            Law::AtLeastOne(of) if bits & of == 0 => Some(format!("it needs {}", self.names(of, " or "))),
            Law::Needs(one, other) if bits & one != 0 && bits & other == 0 => {
                Some(format!("{} needs {}", self.names(one, ""), self.names(other, "")))
            }
            _ => None,
        })
    }

    fn names(&self, bits: u32, between: &str) -> String {
        let named = self.forms.iter().filter(|form| bits & form.bit != 0);
        named.map(|form| format!("`--{}`", form.name)).collect::<Vec<_>>().join(between)
    }

    /// Reads what stands behind the name.
    fn read(text: &'static str, family: Option<Family>) -> Option<Self> {
        let mut grammar = Self { family, ..Self::default() };
        let mut parts = text.split(';');
        for (word, at) in parts.next().unwrap_or("").split_whitespace().zip(0_u32..) {
            let required = word.starts_with('+');
            let word = word.strip_prefix('+').unwrap_or(word);
            let bare = word.trim_end_matches(['!', '*']);
            let marks = word.get(bare.len()..).unwrap_or("");
            let (name, kind) = bare
                .split_once('=')
                .map_or((bare, Some(Kind::Nothing)), |(name, kind)| (name, Kind::of(kind)));
            let [negatable, repeatable] = ['!', '*'].map(|mark| marks.contains(mark));
            grammar.forms.push(Form {
                name,
                kind: kind?,
                bit: 1_u32.checked_shl(at)?,
                required,
                negatable,
                repeatable,
            });
        }
        for law in parts {
            let (word, names) = law.trim().split_once(' ')?;
            let all = |list: &'static str| if list == "*" { Vec::new() } else { list.split(',').collect() };
            match word {
                "in" => {
                    let (tables, hooks) = names.split_once(' ')?;
                    (grammar.tables, grammar.hooks) = (all(tables), all(hooks));
                    continue;
                }
                "for" => {
                    grammar.protocols =
                        names.split(',').map(|number| number.parse().ok()).collect::<Option<_>>()?;
                    continue;
                }
                _ => {}
            }
            let bits: Option<Vec<u32>> = names.split(' ').map(|name| Some(grammar.form(name)?.bit)).collect();
            let bits = bits?;
            let all = bits.iter().sum();
            grammar.laws.push(match (word, bits.as_slice()) {
                ("one", _) => Law::AtMostOne(all),
                ("some", _) => Law::AtLeastOne(all),
                ("needs", [one, other]) => Law::Needs(*one, *other),
                ("after", [one, other]) => Law::After(*one, *other),
                _ => return None,
            });
        }
        Some(grammar)
    }
}

type Table = HashMap<&'static str, Grammar>;

/// Matches and targets by name.
fn tables() -> &'static (Table, Table) {
    static TABLES: LazyLock<(Table, Table)> = LazyLock::new(|| {
        let (mut matches, mut targets) = (Table::new(), Table::new());
        for line in GRAMMAR.lines() {
            let Some((head, rest)) = line.split_once(':') else { continue };
            let Some((what, name)) = head.split_once(' ') else { continue };
            let family = match what.bytes().last() {
                Some(b'4') => Some(Family::Inet),
                Some(b'6') => Some(Family::Inet6),
                _ => None,
            };
            let table = if what.starts_with("match") { &mut matches } else { &mut targets };
            if let Some(grammar) = Grammar::read(rest, family) {
                table.insert(name, grammar);
            }
        }
        (matches, targets)
    });
    &TABLES
}

/// The options of a match.
pub(super) fn of_match(name: &str) -> Option<&'static Grammar> {
    tables().0.get(name)
}

/// The options of a target.
pub(super) fn of_target(name: &str) -> Option<&'static Grammar> {
    tables().1.get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let lines = GRAMMAR.lines().filter(|line| !line.is_empty()).count();
        assert_eq!(tables().0.len() + tables().1.len(), lines);
    }

    #[test]
    fn options_that_are_missing_or_exclude_each_other_are_told() {
        let limit = of_match("connlimit").unwrap();
        let mut written = Written::default();
        assert_eq!(limit.missing(written).unwrap(), "it needs `--connlimit-upto` or `--connlimit-above`");
        limit.add(&mut written, limit.form("connlimit-upto").unwrap(), true).unwrap();
        assert_eq!(limit.missing(written), None);
        assert!(limit.add(&mut written, limit.form("connlimit-u").unwrap(), false).is_err(), "twice");
        limit.add(&mut written, limit.form("connlimit-above").unwrap(), false).unwrap();
        assert!(limit.missing(written).unwrap().ends_with("exclude each other"));
        assert!(of_target("QUEUE").unwrap().forms.is_empty() && of_match("nonsense").is_none());
    }
}
