//! The expressions that say what is looked at, from text: headers, `meta`, `ct`, options, the routing table.

use super::expr::{Parser, Side};
use super::fault::{Fault, Read};
use super::fields::{Extension, Header, Load, Part, Place, Type, bare_meta, meta};
use super::lex::Token;
use super::syntax::{Class, Expr};
use crate::dialect::raised;

/// The IPv4 option of a word that has a bit of its own.
pub(super) fn ip_option(word: &str) -> Option<u8> {
    Some(match word {
        "rr" => 7,
        "lsrr" => 131,
        "ssrr" => 137,
        "ra" => 148,
        _ => return None,
    })
}

/// The word of an IPv4 option that has one.
pub(super) fn ip_option_name(kind: u8) -> &'static str {
    match kind {
        7 => "rr",
        131 => "lsrr",
        137 => "ssrr",
        _ => "ra",
    }
}

/// Whether an option or chunk has the name, or the number where it may have one.
fn is_option(kind: &str, name: &str) -> bool {
    let names: &[&str] = match kind {
        "ip option" => &["lsrr", "rr", "ssrr", "ra"],
        "sctp chunk" => &[
            "data",
            "init",
            "init-ack",
            "sack",
            "heartbeat",
            "heartbeat-ack",
            "abort",
            "shutdown",
            "shutdown-ack",
            "error",
            "cookie-echo",
            "cookie-ack",
            "ecne",
            "cwr",
            "shutdown-complete",
            "asconf-ack",
            "forward-tsn",
            "asconf",
        ],
        "tcp option" => &[
            "echo",
            "eol",
            "fastopen",
            "maxseg",
            "md5sig",
            "mptcp",
            "mss",
            "noop",
            "nop",
            "sack",
            "sack-perm",
            "sack-permitted",
            "sack0",
            "sack1",
            "sack2",
            "sack3",
            "timestamp",
            "window",
        ],
        _ => &[],
    };
    let numbered = matches!(kind, "tcp option" | "dccp option");
    names.contains(&name) || numbered && super::names::number(name).is_some_and(|number| number <= 255)
}

/// A field of an extension header by its word.
pub(super) fn extension_part(extension: Extension, word: &str) -> Option<Part> {
    Some(match (extension, word) {
        (_, "nexthdr") => Part::NextHeader,
        (Extension::Fragment, "frag-off") => Part::Offset,
        (Extension::Fragment, "more-fragments") => Part::More,
        (Extension::Mobility, "type") => Part::Other(&("type", Type::MhType)),
        (Extension::Fragment, "reserved2") => Part::Other(&("reserved2", Type::Integer)),
        (Extension::Fragment, "id") => Part::Other(&("id", Type::Integer)),
        (Extension::Fragment | Extension::Mobility, "reserved") => Part::Other(&("reserved", Type::Integer)),
        (Extension::Mobility, "checksum") => Part::Other(&("checksum", Type::Integer)),
        (Extension::Routing, "type") => Part::Other(&("type", Type::Integer)),
        (Extension::Routing, "seg-left") => Part::Other(&("seg-left", Type::Integer)),
        (Extension::Routing, "last-entry") => Part::Other(&("last-entry", Type::Integer)),
        (Extension::Routing, "flags") => Part::Other(&("flags", Type::Integer)),
        (Extension::Routing, "sid" | "addr") => Part::Other(&("addr", Type::Ipv6)),
        (Extension::Routing, "tag") => Part::Other(&("tag", Type::Integer)),
        (Extension::Fragment, "hdrlength") => return None,
        (_, "hdrlength") => Part::Other(&("hdrlength", Type::Integer)),
        _ => return None,
    })
}

/// One word for the several that a TCP option goes by.
pub(super) fn tcp_option(word: &str) -> &str {
    match word {
        "mss" => "maxseg",
        "sack-permitted" => "sack-perm",
        "eol" => "eol",
        "nop" | "noop" => "nop",
        other => other,
    }
}

/// A key of `ct`.
pub(super) fn conntrack(direction: Option<&str>, family: Option<&str>, key: &str) -> Option<Load> {
    let ty = match (key, family) {
        ("state", _) => return Some(Load::CtState),
        ("saddr" | "daddr", Some("ip")) => Type::Ipv4,
        ("saddr" | "daddr", Some(_)) => Type::Ipv6,
        ("status", _) => Type::CtStatus,
        ("direction", _) => Type::CtDirection,
        ("mark", _) => Type::Mark,
        ("protocol", _) => Type::Protocol,
        ("proto-src" | "proto-dst", _) => Type::Service,
        ("l3proto", _) => Type::NfProto,
        ("bytes" | "packets" | "avgpkt" | "zone" | "id" | "count", _) => Type::Integer,
        ("helper", _) => Type::Name,
        ("event", _) => Type::CtEvent,
        ("label", _) => Type::CtLabel,
        ("saddr" | "daddr" | "expiration" | "secmark" | "timeout" | "expectation", _) => Type::Host,
        _ => return None,
    };
    // The protocol is that of both directions.
    let direction = direction.filter(|_| !matches!(key, "protocol" | "l3proto"));
    let words: Vec<&str> = [Some("ct"), direction, family, Some(key)].into_iter().flatten().collect();
    Some(Load::Beyond(Class::Stateful, ty, words.join(" ").into()))
}

fn beyond(class: Class, ty: Type, words: String) -> Load {
    Load::Beyond(class, ty, words.into())
}

impl<'a> Parser<'a, '_> {
    /// The load that `word`, the present token, begins; none when it begins none. With `careful` a word that is
    /// also a value is one unless a field follows.
    pub(super) fn load(&mut self, word: &'a str, careful: bool) -> Read<Option<Load>> {
        if let Some(header) = Header::by_name(word) {
            return self.header(header, word, careful);
        }
        match word {
            "meta" => {
                self.bump();
                let Token::Word(key) = self.token else { return self.fault("a key of `meta`") };
                let Some(load) = meta(key) else { return self.fault("a key of `meta`") };
                self.bump();
                return Ok(Some(load));
            }
            "ct" => return self.conntrack().map(Some),
            "rt" => return self.routing(careful),
            "exthdr" => {
                self.bump();
                let Token::Word(name) = self.token else { return self.fault("an extension header") };
                let Some(extension) = Extension::by_name(name) else {
                    return self.fault("an extension header");
                };
                self.bump();
                return Ok(Some(Load::Extension(extension, Part::Exists)));
            }
            _ => {}
        }
        if let Some(extension) = Extension::by_name(word) {
            return self.extension(extension, careful);
        }
        if bare_meta(word)
            && let Some(load) = meta(word)
        {
            self.bump();
            return Ok(Some(load));
        }
        self.host(word)
    }

    /// A field of a header, by its two words; nothing is read where it is none.
    #[inline]
    pub(super) fn field(&mut self) -> Option<(Header, &'static Place)> {
        let Token::Word(word) = self.token else { return None };
        let header = Header::by_name(word)?;
        let mark = self.mark();
        self.bump();
        let place = match self.token {
            Token::Word(field) => header.field(field),
            _ => None,
        };
        match place {
            Some(_) => self.bump(),
            None => self.reset(mark),
        }
        place.map(|place| (header, place))
    }

    fn header(&mut self, header: Header, word: &'a str, careful: bool) -> Read<Option<Load>> {
        if let Some((header, place)) = self.field() {
            return Ok(Some(Load::Field(header, place)));
        }
        let Token::Word(field) = self.peek() else {
            if careful {
                return Ok(None);
            }
            self.bump();
            return self.fault(&format!("a field of `{word}`"));
        };
        match (header, field) {
            (Header::Ip, "option") => self.option("ip option").map(Some),
            (Header::Tcp, "option") => self.option("tcp option").map(Some),
            (Header::Dccp, "option") => self.option("dccp option").map(Some),
            (Header::Sctp, "chunk") => self.option("sctp chunk").map(Some),
            // ARP's addresses name their family first.
            (Header::Arp, "saddr" | "daddr") => self.words(Class::Payload, Type::Host, 3).map(Some),
            // What GRE carries.
            (Header::Gre, _) if Header::by_name(field).is_some() => self.tunnel("gre").map(Some),
            _ if careful => Ok(None),
            _ => {
                self.bump();
                self.fault(&format!("a field of `{word}`"))
            }
        }
    }

    // So many words, of which nothing is modelled.
    fn words(&mut self, class: Class, ty: Type, count: usize) -> Read<Load> {
        let mut words = Vec::new();
        for _ in 0..count {
            let Token::Word(word) = self.token else { return self.fault("a word") };
            words.push(word);
            self.bump();
        }
        Ok(Load::Beyond(class, ty, words.join(" ").into()))
    }

    // `ip option X [FIELD]` and its kin.
    pub(super) fn option(&mut self, kind: &'static str) -> Read<Load> {
        self.bump();
        self.bump();
        let name = match self.token {
            Token::Word(name) => name,
            Token::Sign(b'@') => return self.raw_option(kind),
            _ => return self.fault("the name of an option"),
        };
        if !is_option(kind, name) {
            return self.fault("the name or number of an option");
        }
        self.bump();
        let field = match self.token {
            Token::Word(field @ ("exists" | "missing")) => {
                let _ = field;
                None
            }
            Token::Word(
                field @ ("length"
                | "size"
                | "count"
                | "left"
                | "right"
                | "tsval"
                | "tsecr"
                | "kind"
                | "ptr"
                | "value"
                | "addr"
                | "type"
                | "flags"
                | "tsn"
                | "stream"
                | "ssn"
                | "ppid"
                | "init-tag"
                | "a-rwnd"
                | "num-outbound-streams"
                | "num-inbound-streams"
                | "initial-tsn"
                | "cum-tsn-ack"
                | "num-gap-ack-blocks"
                | "num-dup-tsns"
                | "lowest-tsn"
                | "seqno"
                | "new-cum-tsn"
                | "subtype"),
            ) => {
                self.bump();
                Some(field)
            }
            _ => None,
        };
        if let (Some(number), None, "ip option") = (ip_option(name), field, kind) {
            return Ok(Load::IpOption(number));
        }
        let ty = if field.is_none() { Type::Boolean } else { Type::Integer };
        let name = if kind == "tcp option" { tcp_option(name) } else { name };
        let words = match field {
            Some(field) => format!("{kind} {name} {field}"),
            None => format!("{kind} {name}"),
        };
        Ok(if kind == "tcp option" {
            Load::TcpOption(ty, words.into())
        } else {
            Load::Beyond(Class::Payload, ty, words.into())
        })
    }

    // `tcp option @kind,bit,width`
    fn raw_option(&mut self, kind: &'static str) -> Read<Load> {
        self.bump();
        let number = self.small_number()?;
        self.expect(b',')?;
        let bit = self.small_number()?;
        self.expect(b',')?;
        let width = self.small_number()?;
        let words = format!("{kind} @{number},{bit},{width}");
        Ok(Load::TcpOption(Type::Integer, words.into()))
    }

    // A header inside a tunnel.
    fn tunnel(&mut self, name: &str) -> Read<Load> {
        self.bump();
        let Token::Word(first) = self.token else { return self.fault("a header") };
        let header = Header::by_name(first);
        self.bump();
        let Some(header) = header else {
            return Ok(Load::Beyond(Class::Payload, Type::Integer, format!("{name} {first}").into()));
        };
        let Token::Word(field) = self.token else { return self.fault("a field of a header") };
        let Some(place) = header.field(field) else { return self.fault("a field of a header") };
        self.bump();
        Ok(Load::Beyond(Class::Payload, place.ty, format!("{name} {first} {field}").into()))
    }

    fn extension(&mut self, extension: Extension, careful: bool) -> Read<Option<Load>> {
        let part = match self.peek() {
            Token::Word(field) => extension_part(extension, field),
            _ => None,
        };
        let Some(part) = part else {
            if careful {
                return Ok(None);
            }
            self.bump();
            return self.fault("a field of the extension header");
        };
        self.bump();
        self.bump();
        // `sid[1]`
        if self.eat(b'[') {
            self.small_number()?;
            self.expect(b']')?;
        }
        Ok(Some(Load::Extension(extension, part)))
    }

    // `rt` is the routing header and the routing table.
    fn routing(&mut self, careful: bool) -> Read<Option<Load>> {
        let Token::Word(field) = self.peek() else {
            return self.extension(Extension::Routing, careful);
        };
        let ty = match field {
            "mtu" => Type::Integer,
            "ipsec" => Type::Boolean,
            "classid" | "nexthop" => Type::Host,
            "ip" | "ip6" => {
                self.bump();
                let Token::Word(key @ "nexthop") = self.peek() else {
                    self.bump();
                    return self.fault("`nexthop`");
                };
                self.bump();
                self.bump();
                let ty = if field == "ip" { Type::Ipv4 } else { Type::Ipv6 };
                return Ok(Some(beyond(Class::Stateful, ty, format!("rt {field} {key}"))));
            }
            _ => return self.extension(Extension::Routing, careful),
        };
        self.words(Class::Stateful, ty, 2).map(Some)
    }

    fn conntrack(&mut self) -> Read<Load> {
        self.bump();
        let mut direction = None;
        if let Token::Word(word @ ("original" | "reply")) = self.token {
            direction = Some(word);
            self.bump();
        }
        let mut family = None;
        if let Token::Word(name @ ("ip" | "ip6")) = self.token {
            if direction.is_none() {
                return self.fault("`original` or `reply`");
            }
            family = Some(name);
            self.bump();
        }
        let Token::Word(key) = self.token else { return self.fault("a key of `ct`") };
        if direction.is_none() && matches!(key, "saddr" | "daddr" | "proto-src" | "proto-dst") {
            return self.fault("`original` or `reply`");
        }
        let Some(load) = conntrack(direction, family, key) else { return self.fault("a key of `ct`") };
        self.bump();
        Ok(load)
    }

    // What the host knows or makes up.
    fn host(&mut self, word: &'a str) -> Read<Option<Load>> {
        Ok(match word {
            "fib" => Some(self.fib()?),
            "socket" => Some(self.socket()?),
            "osf" => Some(self.fingerprint()?),
            "ipsec" if matches!(self.peek(), Token::Word("in" | "out")) => Some(self.transform()?),
            "ipsec" => {
                self.bump();
                meta("ipsec")
            }
            "tunnel" => self.words(Class::Stateful, Type::Integer, 2).map(Some)?,
            "numgen" | "jhash" | "symhash" => Some(self.hash(word)?.0),
            "vxlan" | "geneve" | "gretap" => Some(self.tunnel(word)?),
            _ => None,
        })
    }

    fn socket(&mut self) -> Read<Load> {
        self.bump();
        let Token::Word(key @ ("transparent" | "wildcard" | "mark" | "cgroupv2")) = self.token else {
            return self.fault("`transparent`, `wildcard`, `mark` or `cgroupv2`");
        };
        self.bump();
        let ty = match key {
            "mark" => Type::Mark,
            "cgroupv2" => Type::Host,
            _ => Type::Boolean,
        };
        if key != "cgroupv2" {
            return Ok(beyond(Class::Stateful, ty, format!("socket {key}")));
        }
        if !self.eat_word("level") {
            return self.fault("`level`");
        }
        let level = self.small_number()?;
        Ok(beyond(Class::Stateful, ty, format!("socket cgroupv2 level {level}")))
    }

    // `osf [ttl loose|skip] name|version`
    fn fingerprint(&mut self) -> Read<Load> {
        self.bump();
        let mut words = "osf".to_owned();
        if self.eat_word("ttl") {
            let Token::Word(mode @ ("loose" | "skip")) = self.token else {
                return self.fault("`loose` or `skip`");
            };
            self.bump();
            words = format!("{words} ttl {mode}");
        }
        let Token::Word(key @ ("name" | "version")) = self.token else {
            return self.fault("`name` or `version`");
        };
        self.bump();
        Ok(beyond(Class::Stateful, Type::Host, format!("{words} {key}")))
    }

    // `ipsec in|out [spnum N] spi|reqid`, or `ip|ip6 saddr|daddr`
    fn transform(&mut self) -> Read<Load> {
        self.bump();
        let Token::Word(direction) = self.token else { return self.fault("`in` or `out`") };
        self.bump();
        let mut words = format!("ipsec {direction}");
        if self.eat_word("spnum") {
            let start = self.span;
            let number = self.small_number()?;
            if number > 255 {
                let message = format!("{number} is above 255, the last transformation");
                return Err(Fault::new(start, message).of(raised::VALUE_OUT_OF_RANGE));
            }
            words = format!("{words} spnum {number}");
        }
        let ty = match self.token {
            Token::Word("spi" | "reqid") => Type::Integer,
            Token::Word("ip") => Type::Ipv4,
            Token::Word("ip6") => Type::Ipv6,
            _ => return self.fault("`spi`, `reqid` or an address"),
        };
        if let Token::Word(family @ ("ip" | "ip6")) = self.token {
            words = format!("{words} {family}");
            self.bump();
            if !matches!(self.token, Token::Word("saddr" | "daddr")) {
                return self.fault("`saddr` or `daddr`");
            }
        }
        let Token::Word(key) = self.token else { return self.fault("`spi`, `reqid` or an address") };
        self.bump();
        Ok(beyond(Class::Stateful, ty, format!("{words} {key}")))
    }

    fn fib(&mut self) -> Read<Load> {
        self.bump();
        let mut flags = Vec::new();
        loop {
            let Token::Word(flag @ ("saddr" | "daddr" | "mark" | "iif" | "oif")) = self.token else {
                return self.fault("what to look up");
            };
            flags.push(flag);
            self.bump();
            if !self.eat(b'.') {
                break;
            }
        }
        let Token::Word(result) = self.token else { return self.fault("`oif`, `oifname` or `type`") };
        let ty = match result {
            "oif" | "check" => Type::Host,
            "oifname" => Type::Name,
            "type" => Type::FibType,
            _ => return self.fault("`oif`, `oifname` or `type`"),
        };
        self.bump();
        Ok(Load::Beyond(Class::Stateful, ty, format!("fib {} {result}", flags.join(" . ")).into()))
    }

    /// `numgen`, `jhash` and `symhash` with the most they come to.
    pub(super) fn hash(&mut self, word: &'a str) -> Read<(Load, u64)> {
        self.bump();
        let mut words = word.to_owned();
        if word == "numgen" {
            let Token::Word(mode @ ("inc" | "random")) = self.token else {
                return self.fault("`inc` or `random`");
            };
            words = format!("{words} {mode}");
            self.bump();
        } else if word == "jhash" {
            let of = self.concat(Side::Left)?;
            if let Expr::Concat(parts) = &of
                && parts.iter().any(|part| super::refusals::place(part).is_none())
            {
                return self.fault("only something to look at in front of this");
            }
            words = format!("{words} {}", super::describe::expr(&of));
        }
        if self.token != Token::Word("mod") {
            return self.fault("`mod` and a number");
        }
        let mut largest = 0;
        while let Token::Word(option @ ("mod" | "seed" | "offset")) = self.token {
            self.bump();
            let number = self.small_number()?;
            if option == "mod" && number == 0 {
                return self.fault("a number above 0 in front of this");
            }
            if option != "seed" {
                largest += u64::from(number);
            }
            if option == "mod" || number != 0 {
                words = format!("{words} {option} {number}");
            }
        }
        Ok((Load::Beyond(Class::Stateful, Type::Integer, words.into()), largest.saturating_sub(1)))
    }
}
