//! What nft refuses although it knows every word: tests that contradict each other, values of another type,
//! statements where they have no effect or no place. As nft 1.0.6 does (`evaluate.c`), and the kernel where it takes
//! no rule of that kind in such a chain. Each is an error beside the meaning that the words would have.

use super::contradictions::{Refusal, protocol_name, refusal};
use super::datatype;
use super::fields::{Load, Meta, Type};
use super::known::Known;
use super::lower::Lower;
use super::matching::Problem;
use super::names;
use super::ruleset::{Chain, TableFamily};
use super::syntax::{Effect, Expr, Kind, Reject, Relation, Rewrite, Rewriter, Statement, Verdict, Word};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::source::Span;

/// Comparisons that mean nothing, whatever the values are.
pub(super) fn relation(left: &Expr<'_>, relation: Relation, right: &Expr<'_>) -> Result<(), Problem> {
    let wrong = |message: &str, help| Err(Problem::new(raised::SYNTAX_ERROR, message, None).with_help(help));
    let is_set = matches!(right, Expr::Set(_) | Expr::SetRef(_));
    if let Expr::Load(Load::Beyond(_, _, words), _) = left
        && matches!(&**words, "meta secmark" | "ct secmark")
    {
        return wrong("a security mark is written, and compared with nothing", "");
    }
    let flags = |left: &Expr<'_>| matches!(left, Expr::Load(load, _) if load.ty().is_flags());
    match relation {
        Relation::NoneOf => match left {
            Expr::Binary(_) => {
                wrong("`!` does not go with an operator", "compare what the operator leaves, as `& syn == 0`")
            }
            _ if !flags(left) || is_set || matches!(right, Expr::Range(_) | Expr::Slash(_)) => {
                wrong("`!` asks for none of some flags, and there are none", "values that differ are `!=`")
            }
            _ => Ok(()),
        },
        Relation::Less | Relation::LessOrEqual | Relation::Greater | Relation::GreaterOrEqual => {
            match (left, right) {
                (Expr::Concat(_), _) => wrong("concatenations have no order", "compare each part for itself"),
                (_, Expr::Set(_) | Expr::SetRef(_) | Expr::Range(_) | Expr::Slash(_) | Expr::Concat(_)) => {
                    wrong(
                        "only a single value is above or below others",
                        "`==` and `!=` take sets and ranges",
                    )
                }
                _ => Ok(()),
            }
        }
        Relation::Implicit | Relation::Equal | Relation::Unequal => match (left, right) {
            (Expr::Concat(_), Expr::Set(_) | Expr::SetRef(_)) => Ok(()),
            (Expr::Concat(_), _) => wrong(
                "a concatenation is looked up in a set, not compared",
                "write `{ .. }` around the values",
            ),
            (Expr::Load(load, _), Expr::List(_)) if !load.ty().is_flags() => {
                wrong("only flags are joined by commas", "write `{ .. }` around several values")
            }
            (_, Expr::Load(..)) => wrong("a value is expected, not a field", ""),
            _ => Ok(()),
        },
    }
}

/// What to write where a version is missing.
pub(super) const VERSION: &str = "write `ip saddr` or `ip6 saddr` behind the direction";

/// `ct original saddr`
pub(super) fn is_unversioned(words: &str) -> bool {
    matches!(words.split(' ').collect::<Vec<_>>().as_slice(), ["ct", "original" | "reply", "saddr" | "daddr"])
}

/// Addresses of conntrack have their version in their words where they are looked up.
pub(super) fn unversioned(load: &Load, part: &Expr<'_>) -> Result<(), Problem> {
    match load {
        Load::Beyond(_, _, words) if is_unversioned(words) => {
            let message = format!("nothing says of which version of IP `{words}` is");
            Err(Problem::new(raised::SYNTAX_ERROR, message, place(part)).with_help(VERSION))
        }
        _ => Ok(()),
    }
}

/// The place of what is looked at.
pub(super) fn place(expr: &Expr<'_>) -> Option<Span> {
    match expr {
        Expr::Load(_, span) => Some(*span),
        Expr::Binary(parts) => place(&parts.1),
        Expr::Map(parts) => place(&parts.0),
        Expr::Concat(parts) => {
            let spans = parts.iter().filter_map(place);
            spans.reduce(Span::to)
        }
        _ => None,
    }
}

impl<'a> Lower<'a, '_> {
    fn refusal(&mut self, (message, help): Refusal, span: Span) {
        self.refuse(raised::SYNTAX_ERROR, message, help, span);
    }

    /// Says where what is looked at contradicts what the rule asked for before.
    pub(super) fn contradiction(&mut self, known: &Known, load: &Load, expr: &Expr<'a>, span: Span) {
        if let Some(refusal) = known.refused(load) {
            self.refusal(refusal, place(expr).unwrap_or(span));
        }
    }

    /// Statements behind one that ends the rule.
    pub(super) fn behind(&mut self, ends: &Statement<'a>, rest: &[Statement<'a>]) {
        let mut rest = rest.iter().filter(|statement| !matches!(statement.kind, Kind::Comment(_)));
        let Some(first) = rest.next() else { return };
        if matches!(ends.kind, Kind::Broken) {
            return;
        }
        let span = rest.fold(first.span, |span, statement| span.to(statement.span));
        let message = "nothing behind the end of a rule has an effect";
        self.refuse(raised::SYNTAX_ERROR, message, "put it in front of what ends the rule", span);
    }

    /// Words of values that only the host knows: whether they have the form of such values.
    pub(super) fn forms(&mut self, ty: Type, expr: &Expr<'a>) -> Result<(), Problem> {
        match expr {
            Expr::Word(word) if !names::has_form(ty, word.text) => {
                // What is asked of the routing table may be whether there is an answer.
                if matches!(ty, Type::FibType) && matches!(word.text, "exists" | "missing") {
                    return Ok(());
                }
                let number = names::number(word.text).is_some();
                let check = if number { raised::VALUE_OUT_OF_RANGE } else { raised::SYNTAX_ERROR };
                Err(Problem::new(check, format!("`{}` is no value here", word.text), Some(word.span)))
            }
            Expr::Set(elements) => elements.iter().try_for_each(|element| self.forms(ty, &element.key)),
            Expr::SetRef(name) => {
                let elements = self.elements(*name)?;
                elements.iter().try_for_each(|element| self.forms(ty, &element.key))
            }
            Expr::List(parts) => parts.iter().try_for_each(|part| self.forms(ty, part)),
            Expr::Range(pair) => {
                self.forms(ty, &pair.0)?;
                self.forms(ty, &pair.1)?;
                let numbers = |part: &Expr<'a>| match part {
                    Expr::Word(word) => names::number(word.text),
                    _ => None,
                };
                match (numbers(&pair.0), numbers(&pair.1)) {
                    (Some(lo), Some(hi)) if lo > hi => {
                        let place = super::numbers::written(expr);
                        Err(Problem::new(raised::EMPTY_RANGE, "this range holds no value", place))
                    }
                    _ => Ok(()),
                }
            }
            Expr::Slash(pair) => self.forms(ty, &pair.0),
            _ => Ok(()),
        }
    }

    /// A set holds values of the types of what is looked up in it.
    pub(super) fn same_types(&mut self, loads: &[&Load], name: Word<'a>) -> Result<(), Problem> {
        let Some(types) = self.key_types(name.text) else { return Ok(()) };
        if types.len() != loads.len() {
            let message = format!("`{}` holds {} values joined by dots", name.text, types.len());
            return Err(Problem::new(raised::SYNTAX_ERROR, message, Some(name.span)));
        }
        for (load, ty) in loads.iter().zip(&types) {
            if let Some(expected) = datatype::mismatch(load, ty) {
                let message = format!("`{}` holds values of `{ty}`, not of `{expected}`", name.text);
                let problem = Problem::new(raised::SYNTAX_ERROR, message, Some(name.span));
                return Err(problem.with_help("look up a field of the type the set was declared with"));
            }
        }
        Ok(())
    }

    /// Where NAT, a socket or a rejection has its place.
    pub(super) fn place_of(&mut self, known: &Known, statement: &Statement<'a>) {
        let chain: Option<&Chain<'a>> = self.chain;
        let base = chain.and_then(|chain| chain.base.as_ref());
        let span = statement.span;
        match &statement.kind {
            Kind::Rewrite(rewrite) => {
                self.rewritten(known, rewrite, span);
                let Some(base) = base else { return };
                let hooks: &[&str] = match rewrite.what {
                    Rewriter::Snat => &["postrouting", "input"],
                    Rewriter::Masquerade => &["postrouting"],
                    Rewriter::Dnat | Rewriter::Redirect => &["prerouting", "output"],
                    Rewriter::Tproxy if base.hook.text == "prerouting" => return,
                    Rewriter::Tproxy => {
                        let message = "`tproxy` has no place in this chain";
                        let help = "it needs `hook prerouting`";
                        return self.refuse(raised::SYNTAX_ERROR, message, help, span);
                    }
                };
                if base.kind.text != "nat" || !hooks.contains(&base.hook.text) {
                    let word = rewrite.what.name();
                    let message = format!("`{word}` has no place in this chain");
                    let help = if hooks.contains(&"prerouting") {
                        "it needs `type nat hook prerouting` or `output`"
                    } else {
                        "it needs `type nat hook postrouting`"
                    };
                    self.refuse(raised::SYNTAX_ERROR, message, help, span);
                }
            }
            Kind::Reject(reject) => {
                if base.is_some_and(|base| base.hook.text == "postrouting") {
                    let message = "nothing is rejected at `postrouting`";
                    self.refuse(raised::SYNTAX_ERROR, message, "drop it, or reject it before", span);
                }
                if let Some(refusal) = rejected(known, reject) {
                    self.refusal(refusal, span);
                }
            }
            Kind::HandOn("synproxy", _) => {
                if known.is_of_frames() {
                    let message = "`synproxy` is for tables of `ip`, `ip6` and `inet`";
                    self.refuse(raised::SYNTAX_ERROR, message, "", span);
                } else if base.is_some_and(|base| !matches!(base.hook.text, "input" | "forward")) {
                    let message = "`synproxy` has no place in this chain";
                    self.refuse(raised::SYNTAX_ERROR, message, "it needs `hook input` or `forward`", span);
                }
            }
            Kind::HandOn("fwd", _) if known.family != TableFamily::Netdev => {
                self.refuse(raised::SYNTAX_ERROR, "`fwd` is for tables of `netdev`", "", span);
            }
            Kind::Effect(Effect::Copies(looks)) => {
                let known = (known.family, looks.len());
                if matches!(known, (TableFamily::Inet | TableFamily::Bridge | TableFamily::Arp, _)) {
                    let message = "`dup` is for tables of `ip`, `ip6` and `netdev`";
                    self.refuse(raised::SYNTAX_ERROR, message, "", span);
                } else if matches!(known, (TableFamily::Netdev, 2..)) {
                    let message = "`dup` of `netdev` takes the device alone";
                    self.refuse(raised::SYNTAX_ERROR, message, "write `dup to \"eth0\"`", span);
                }
            }
            Kind::Condition(kept) => match (kept.word, kept.name) {
                ("xt", _) => {
                    let message = "an extension of iptables, which nft lists and cannot load".to_owned();
                    self.finding(raised::UNSUPPORTED_KEYWORD, Level::Warning, message, span);
                }
                (kind, Some(name)) => self.uses(kind, name),
                (_, None) => {}
            },
            Kind::Effect(Effect::Uses(kind, name)) => self.uses(kind, *name),
            Kind::Effect(Effect::Count(Some(name), true)) => self.uses("counter", *name),
            _ => {}
        }
    }

    /// What is written into a field has its type and fits into it.
    pub(super) fn written_value(&mut self, load: &Load, value: &Expr<'a>, span: Span) {
        let words = load.words();
        let head = words.split(' ').next().unwrap_or("");
        if matches!(head, "gre" | "gretap" | "vxlan" | "geneve") && matches!(load, Load::Beyond(..)) {
            let message = format!("`{words}` is inside of a tunnel, where nothing is written");
            return self.refuse(raised::SYNTAX_ERROR, message, "", span);
        }
        if let ("ct helper" | "ct timeout" | "ct expectation", Expr::Word(name)) = (words.as_str(), value) {
            let kind = match words.as_str() {
                "ct helper" => "ct helper",
                "ct timeout" => "ct timeout",
                _ => "ct expectation",
            };
            return self.uses(kind, *name);
        }
        if let Expr::Load(other, place) = value
            && !matches!(other.ty(), Type::Integer)
            && load.ty() != Type::Mark
            && let (Some(expected), Some(found)) = (datatype::name(load), datatype::name(other))
            && expected != found
        {
            let message = format!("`{words}` takes values of `{expected}`, not of `{found}`");
            return self.refuse(raised::SYNTAX_ERROR, message, "", *place);
        }
        if let Expr::Map(parts) = value {
            let keys = match &parts.0 {
                Expr::Concat(parts) => parts.as_slice(),
                other => std::slice::from_ref(other),
            };
            let found = keys.iter().try_for_each(|key| match key {
                Expr::Load(load, _) => unversioned(load, key),
                _ => Ok(()),
            });
            if let Err(problem) = found {
                self.refuse(
                    raised::SYNTAX_ERROR,
                    problem.message.clone(),
                    problem.help,
                    problem.span.unwrap_or(span),
                );
            }
            return;
        }
        if !is_written(load, &words) {
            return self.refuse(raised::SYNTAX_ERROR, format!("nothing writes `{words}`"), "", span);
        }
        if words == "meta broute" {
            let base = self.chain.and_then(|chain| chain.base.as_ref());
            if base.is_none_or(|base| base.hook.text != "prerouting") {
                let message = "`meta broute` is written at `prerouting` of tables of `bridge`";
                return self.refuse(raised::SYNTAX_ERROR, message, "", span);
            }
        }
        let ty = load.ty();
        if matches!(value, Expr::List(_)) && !ty.is_flags() {
            let message = "expected one value: only flags are joined by commas";
            return self.refuse(raised::SYNTAX_ERROR, message, "", span);
        }
        let found = if ty.is_of_host() {
            // Objects and labels have names of their own.
            if ty == Type::Name { Ok(()) } else { self.forms(ty, value) }
        } else if matches!(ty, Type::Interface | Type::Group) {
            Ok(())
        } else {
            Self::gives(value, (ty, load.width()))
        };
        if let Err(problem) = found {
            let check = problem.check.unwrap_or(raised::SYNTAX_ERROR);
            self.refuse(check, problem.message.clone(), problem.help, problem.span.unwrap_or(span));
        }
    }

    fn uses(&mut self, kind: &'static str, name: Word<'a>) {
        let there =
            if kind == "set" { self.set(name.text).is_some() } else { self.has_object(kind, name.text) };
        if !there {
            let message = format!("nothing defines the {kind} `{}`", name.text);
            self.refuse(raised::UNDEFINED_REFERENCE, message, "", name.span);
        }
    }

    fn rewritten(&mut self, known: &Known, rewrite: &Rewrite<'a>, span: Span) {
        let word = rewrite.what.name();
        if known.is_of_frames() {
            let message = format!("`{word}` is for tables of `ip`, `ip6` and `inet`");
            return self.refuse(raised::SYNTAX_ERROR, message, "", span);
        }
        let tproxy = rewrite.what == Rewriter::Tproxy;
        // nft takes the version of an address of `tproxy` from its own words, in tables of both.
        let of_rule = if tproxy && known.family == TableFamily::Inet { None } else { known.said.version };
        let version = rewrite.version.or(of_rule);
        if let (Some((_, place)), None) = (&rewrite.address, version) {
            let message = "nothing says of which version of IP this address is";
            let help = "write `ip to` or `ip6 to`, or ask for a version before";
            self.refuse(raised::SYNTAX_ERROR, message, help, *place);
        }
        if let (Some(said), Some(named)) = (known.said.version, rewrite.version)
            && said != named
        {
            let message = format!("this address is of IPv{named}, and this rule is about IPv{said}");
            self.refuse(raised::SYNTAX_ERROR, message, "", span);
        }
        let transport = known.said.transport.is_some() || known.said.several;
        if tproxy && !transport {
            let message = "`tproxy` needs a rule about TCP or UDP";
            self.refuse(raised::SYNTAX_ERROR, message, "put `meta l4proto tcp` in front", span);
        } else if let Some((_, place)) = rewrite.port.as_ref().filter(|_| !transport) {
            let parts = [&rewrite.address, &rewrite.port];
            let carried = parts.into_iter().flatten().any(|(value, _)| has_port(value));
            if !carried {
                let message = "a port needs a rule about a protocol that has ports";
                let help = "put `tcp dport`, `udp dport` or `meta l4proto` in front";
                self.refuse(raised::SYNTAX_ERROR, message, help, *place);
            }
        }
        let ty = if version == Some(6) { (Type::Ipv6, 128) } else { (Type::Ipv4, 32) };
        for (part, (ty, width)) in [(&rewrite.address, ty), (&rewrite.port, (Type::Service, 16))] {
            let Some((value, place)) = part else { continue };
            if tproxy && matches!(value, Expr::Range(_)) {
                self.refuse(raised::SYNTAX_ERROR, "`tproxy` takes one address and one port", "", *place);
            }
            if let Err(problem) = Self::gives(value, (ty, width)) {
                let check = problem.check.unwrap_or(raised::SYNTAX_ERROR);
                self.refuse(check, problem.message.clone(), problem.help, problem.span.unwrap_or(*place));
            }
        }
    }
}

// What the kernel lets a rule write, of what is not in the packet.
fn is_written(load: &Load, words: &str) -> bool {
    match load {
        Load::Meta(meta) => *meta == Meta::Mark,
        Load::CtState | Load::Extension(..) | Load::IpOption(_) => false,
        Load::Beyond(..) => match words.split_once(' ') {
            Some(("meta", key)) => matches!(key, "priority" | "pkttype" | "nftrace" | "secmark" | "broute"),
            Some(("ct", key)) => matches!(
                key.rsplit(' ').next(),
                Some("mark" | "zone" | "helper" | "timeout" | "expectation" | "label" | "event" | "secmark")
            ),
            Some(("rt" | "fib" | "socket" | "osf" | "ipsec" | "numgen" | "jhash" | "symhash", _)) => false,
            _ => true,
        },
        Load::Field(..) | Load::Raw(..) | Load::TcpOption(..) => true,
    }
}

// Whether a map gives a port for what stands in a transport header.
fn has_port(address: &Expr<'_>) -> bool {
    let of_header = |expr: &Expr<'_>| match expr {
        Expr::Load(Load::Field(header, _), _) => header.protocol().is_some(),
        Expr::Load(Load::Meta(Meta::L4Proto), _) => true,
        _ => false,
    };
    match address {
        Expr::Map(parts) => match &parts.0 {
            Expr::Concat(parts) => parts.iter().any(of_header),
            key => of_header(key),
        },
        _ => false,
    }
}

// Whether a rejection contradicts what the rule asked for.
fn rejected(known: &Known, reject: &Reject<'_>) -> Option<Refusal> {
    if known.said.no_ip {
        return refusal("only IP is rejected, and this rule asks for another protocol", "drop it");
    }
    match reject {
        Reject::Plain => None,
        Reject::TcpReset => {
            let other = known.said.last.filter(|number| *number != 6)?;
            let other = protocol_name(other);
            refusal(
                format!("a reset is of TCP, and this rule asks for {other}"),
                "reject with an ICMP message",
            )
        }
        Reject::Icmp("icmpx", _) => {
            let single = matches!(known.family, TableFamily::Ip | TableFamily::Ip6);
            single.then(|| {
                let message = "`icmpx` is for tables of both versions of IP".to_owned();
                (message, "write `icmp` in tables of `ip` and `icmpv6` in those of `ip6`")
            })
        }
        Reject::Icmp(word, _) => {
            let wanted = if *word == "icmp" { 4 } else { 6 };
            let other = known.said.version.filter(|said| *said != wanted)?;
            let message = format!("`{word}` is of IPv{wanted}, and this rule is about IPv{other}");
            refusal(message, "`icmpx` is for both, in tables of `inet`, `bridge` and `netdev`")
        }
    }
}

/// Whether a verdict ends its rule.
pub(super) fn is_end(kind: &Kind<'_>) -> bool {
    match kind {
        Kind::Verdict(verdict) => !matches!(verdict, Verdict::Continue),
        Kind::Reject(_) | Kind::HandOn("fwd", _) => true,
        Kind::Rewrite(rewrite) => rewrite.what != Rewriter::Tproxy,
        _ => false,
    }
}
