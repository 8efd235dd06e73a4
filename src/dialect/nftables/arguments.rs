//! Statements with arguments of their own, from text to syntax: what is logged, queued, limited, and where a packet
//! goes instead. What nft refuses of them (nft 1.0.6: `parser_bison.y`, `evaluate.c`) is a fault here.

use super::expr::{Parser, Side};
use super::fault::{Fault, Read};
use super::lex::Token;
use super::names;
use super::syntax::{Effect, Expr, Kept, Kind, Rewrite, Rewriter, Word};
use crate::dialect::raised;
use crate::source::Span;

/// The longest text `log prefix` takes (`NF_LOG_PREFIXLEN` less its end).
const PREFIX: usize = 127;
/// The longest comment (`NFTNL_UDATA_COMMENT_MAXLEN`).
const COMMENT: usize = 128;

const LEVELS: &[&str] = &["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"];
const FLAGS: &[&str] = &["random", "fully-random", "persistent"];

fn kept<'a>(word: &'static str, name: Option<Word<'a>>, looks: Vec<Expr<'a>>) -> Kind<'a> {
    Kind::Condition(Box::new(Kept { word, name, looks, said: None }))
}

// A limit or quota by the name of its object, or by a map that picks one.
fn object_of<'a>(word: &'static str, object: Object<'a>) -> Kind<'a> {
    match object {
        Object::Named(name) => kept(word, Some(name), Vec::new()),
        Object::Picked(map) => kept(word, None, vec![map]),
    }
}

// An object of the table.
enum Object<'a> {
    Named(Word<'a>),
    // By what a map gives.
    Picked(Expr<'a>),
}

impl<'a> Parser<'a, '_> {
    /// One value for a statement: written, of the packet, or looked up; no set.
    pub(super) fn given(&mut self) -> Read<Expr<'a>> {
        let start = self.span;
        let value = match self.token {
            Token::Sign(b'{') => self.set()?,
            _ => self.list(Side::Either)?,
        };
        match value {
            Expr::Set(_) | Expr::SetRef(_) => {
                let fault = Fault::new(start.to(self.last), "expected one value, not a set");
                Err(fault.with_help("give one value, or one for each key: `.. map { KEY : VALUE }`"))
            }
            value => Ok(value),
        }
    }

    /// A number that must stand here.
    pub(super) fn figure(&mut self) -> Read<u64> {
        let found = match self.token {
            Token::Word(word) => names::number(word).and_then(|n| u64::try_from(n).ok()),
            Token::Sign(b'$') => {
                let (text, span) = self.definition()?;
                let number = names::number(text.trim()).and_then(|n| u64::try_from(n).ok());
                return number.ok_or_else(|| Fault::new(span, "this definition is no number"));
            }
            _ => None,
        };
        match found {
            Some(number) => {
                self.bump();
                Ok(number)
            }
            None => self.fault("a number"),
        }
    }

    /// `counter [packets N] [bytes N]`, `counter name NAME`
    pub(super) fn counter(&mut self) -> Read<Kind<'a>> {
        self.bump();
        if self.eat_word("name") {
            return Ok(Kind::Effect(match self.object()? {
                Object::Named(name) => Effect::Count(Some(name), true),
                Object::Picked(map) => Effect::Picks(map),
            }));
        }
        while let Token::Word("packets" | "bytes") = self.token {
            self.bump();
            self.figure()?;
        }
        Ok(Kind::Effect(Effect::Count(None, false)))
    }

    // The name of an object, or a map that gives one.
    fn object(&mut self) -> Read<Object<'a>> {
        if let Token::Word(word) = self.token
            && matches!(self.peek(), Token::Word(_))
            && (super::fields::Header::by_name(word).is_some()
                || matches!(word, "meta" | "ct" | "iifname" | "oifname"))
        {
            return self.mapped(Side::Left).map(Object::Picked);
        }
        self.name().map(Object::Named)
    }

    /// `log [prefix TEXT] [level L] [group N] [snaplen N] [queue-threshold N] [flags F]`
    pub(super) fn log(&mut self) -> Read<Kind<'a>> {
        self.bump();
        let (mut level, mut group, mut flags, mut other) = (None, None, None, None);
        let mut audit = false;
        while let Token::Word(word) = self.token {
            let start = self.span;
            match word {
                "prefix" => {
                    self.bump();
                    self.log_prefix()?;
                    other = Some(start.to(self.last));
                }
                "level" => {
                    self.bump();
                    let (Token::Word(name) | Token::Quoted(name)) = self.token else {
                        return self.fault("a level of `log`");
                    };
                    if !LEVELS.contains(&name) {
                        let fault = Fault::new(self.span, format!("`{name}` is no level of `log`"));
                        return Err(fault.with_help(
                            "one of `emerg`, `alert`, `crit`, `err`, `warn`, `notice`, `info`, `debug`, `audit`",
                        ));
                    }
                    audit = name == "audit";
                    self.bump();
                    level = Some(start.to(self.last));
                }
                "group" | "snaplen" | "queue-threshold" => {
                    self.bump();
                    self.figure()?;
                    group = Some(start.to(self.last));
                }
                "flags" => {
                    self.bump();
                    self.log_flags()?;
                    flags = Some(start.to(self.last));
                }
                _ => break,
            }
        }
        let fault = |span: Span, message: &str, help| Err(Fault::new(span, message).with_help(help));
        match (level, group, flags) {
            (Some(_), Some(group), _) => {
                let help = "packets go to the kernel's log at a level, or to a group of netlink";
                fault(group, "`level` and `group` with its options exclude each other", help)
            }
            (_, Some(_), Some(flags)) => {
                let help = "flags are for the kernel's log; a group of netlink gets the packet itself";
                fault(flags, "`flags` and `group` with its options exclude each other", help)
            }
            _ if audit && flags.or(other).is_some() => {
                let place = flags.or(other).unwrap_or(self.last);
                fault(place, "`level audit` takes nothing else", "leave the other options of `log` out")
            }
            _ => Ok(Kind::Effect(Effect::Log)),
        }
    }

    fn log_prefix(&mut self) -> Read<()> {
        let text = match self.token {
            Token::Word(text) if !names::is_word(text) => text,
            Token::Quoted(text) => text,
            _ => return self.fault("a text"),
        };
        if text.len() > PREFIX {
            let message = format!("a prefix of {} octets is longer than {PREFIX}", text.len());
            return Err(Fault::new(self.span, message).of(raised::VALUE_OUT_OF_RANGE));
        }
        // Definitions may stand inside the text.
        for part in text.split('$').skip(1) {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            let name = part.get(..end).unwrap_or("");
            if self.defines.find(name, self.span.start).is_none() {
                return Err(super::fault::undefined(name, self.span));
            }
        }
        self.bump();
        Ok(())
    }

    fn log_flags(&mut self) -> Read<()> {
        match self.token {
            Token::Word("tcp") => loop {
                self.bump();
                if !(self.eat_word("sequence") || self.eat_word("options")) {
                    return self.fault("`sequence` or `options`");
                }
                if self.token != Token::Sign(b',') {
                    return Ok(());
                }
            },
            Token::Word("ip") => {
                self.bump();
                if self.eat_word("options") { Ok(()) } else { self.fault("`options`") }
            }
            Token::Word("all" | "skuid" | "ether") => {
                self.bump();
                Ok(())
            }
            _ => self.fault("a flag of `log`"),
        }
    }

    /// `limit rate ..`, `limit name NAME`
    pub(super) fn limit(&mut self) -> Read<Kind<'a>> {
        self.bump();
        if self.eat_word("name") {
            return self.object().map(|object| object_of("limit", object));
        }
        self.rate()?;
        Ok(kept("limit", None, Vec::new()))
    }

    /// `rate [over] N [unit] / time [burst N unit]`
    pub(super) fn rate(&mut self) -> Read<()> {
        if !self.eat_word("rate") {
            return self.fault("`rate`");
        }
        let _ = self.eat_word("over") || self.eat_word("until");
        self.figure()?;
        let octets = match self.token {
            // `400 / minute`, `10 kbytes/second`, `10 kbytes / second`
            Token::Sign(b'/') => false,
            Token::Word(word) => {
                let (unit, time) =
                    word.split_once('/').map_or((word, None), |(unit, time)| (unit, Some(time)));
                if !matches!(unit, "bytes" | "kbytes" | "mbytes") || time.is_some_and(|time| !is_time(time)) {
                    return self.fault("`/ second` or a unit as `kbytes/second`");
                }
                self.bump();
                if time.is_some() {
                    return self.burst(true);
                }
                true
            }
            _ => return self.fault("`/` and a time"),
        };
        self.expect(b'/')?;
        match self.token {
            Token::Word(time) if is_time(time) => self.bump(),
            _ => return self.fault("`second`, `minute`, `hour`, `day` or `week`"),
        }
        self.burst(octets)
    }

    fn burst(&mut self, octets: bool) -> Read<()> {
        if !self.eat_word("burst") {
            return Ok(());
        }
        let start = self.span;
        let number = self.figure()?;
        match self.token {
            Token::Word("bytes" | "kbytes" | "mbytes") if octets => self.bump(),
            Token::Word("packets") if !octets => self.bump(),
            _ if octets => return self.fault("`bytes`, `kbytes` or `mbytes`"),
            _ => return self.fault("`packets`"),
        }
        if number == 0 && !octets {
            let fault = Fault::new(start, "a burst of 0 packets lets nothing pass");
            return Err(fault.of(raised::VALUE_OUT_OF_RANGE));
        }
        Ok(())
    }

    fn octets(&mut self) -> Read<()> {
        self.figure()?;
        match self.token {
            Token::Word("bytes" | "kbytes" | "mbytes") => {
                self.bump();
                Ok(())
            }
            _ => self.fault("`bytes`, `kbytes` or `mbytes`"),
        }
    }

    /// `quota [over|until] N unit [used N unit]`, `quota name NAME`
    pub(super) fn quota(&mut self) -> Read<Kind<'a>> {
        self.bump();
        if self.eat_word("name") {
            return self.object().map(|object| object_of("quota", object));
        }
        self.quota_words()?;
        Ok(kept("quota", None, Vec::new()))
    }

    /// `[over|until] N unit [used N unit]`
    pub(super) fn quota_words(&mut self) -> Read<()> {
        let _ = self.eat_word("over") || self.eat_word("until");
        self.octets()?;
        if self.eat_word("used") {
            self.octets()?;
        }
        Ok(())
    }

    /// `queue`, `queue num N[-M] [bypass] [fanout]`, `queue [flags F] to ..`
    pub(super) fn queue(&mut self) -> Read<Kind<'a>> {
        self.bump();
        let mut fanout = false;
        let (mut range, mut looks) = (None, None);
        let flagged = self.eat_word("flags");
        if flagged {
            fanout = self.queue_flags()?;
        }
        if self.eat_word("to") {
            let (is_range, span, expr) = self.queue_target()?;
            (range, looks) = (Some((is_range, span)), expr);
        } else if flagged {
            if !self.eat_word("num") {
                return self.fault("`to` and a queue");
            }
            range = Some(self.queues()?);
        } else {
            loop {
                match self.token {
                    Token::Word("num") => {
                        self.bump();
                        range = Some(self.queues()?);
                    }
                    Token::Word("bypass" | "fanout") => fanout |= self.queue_flags()?,
                    _ => break,
                }
            }
        }
        match range {
            Some((false, span)) if fanout => {
                let fault = Fault::new(span, "`fanout` needs a range of queues");
                Err(fault.with_help("name the queues that share the packets, as `0-3`"))
            }
            _ => Ok(Kind::Verdict(super::syntax::Verdict::Queue(looks.map(Box::new)))),
        }
    }

    // `bypass,fanout`; whether `fanout` is among them.
    fn queue_flags(&mut self) -> Read<bool> {
        let mut fanout = false;
        loop {
            match self.token {
                Token::Word("bypass") => {}
                Token::Word("fanout") => fanout = true,
                _ => return self.fault("`bypass` or `fanout`"),
            }
            self.bump();
            if !self.eat(b',') {
                return Ok(fanout);
            }
        }
    }

    // One queue or a range of them; whether it is a range, and where.
    fn queues(&mut self) -> Read<(bool, Span)> {
        let start = self.span;
        let first = self.one_queue()?;
        if !self.eat(b'-') {
            return Ok((false, start.to(self.last)));
        }
        let last = self.one_queue()?;
        let span = start.to(self.last);
        if first > last {
            return Err(Fault::new(span, "this range holds no queue").of(raised::EMPTY_RANGE));
        }
        Ok((true, span))
    }

    fn one_queue(&mut self) -> Read<u64> {
        let start = self.span;
        let number = self.figure()?;
        if number > u64::from(u16::MAX) {
            let message = format!("{number} is above 65535, the last queue");
            return Err(Fault::new(start.to(self.last), message).of(raised::VALUE_OUT_OF_RANGE));
        }
        Ok(number)
    }

    // What stands behind `queue to`: queues, or what picks one.
    fn queue_target(&mut self) -> Read<(bool, Span, Option<Expr<'a>>)> {
        let start = self.span;
        match self.token {
            Token::Word("numgen" | "jhash" | "symhash") => {
                let Token::Word(word) = self.token else { return self.fault("a hash") };
                let (load, largest) = self.hash(word)?;
                if largest > u64::from(u16::MAX) {
                    let message = format!("this picks up to {largest}, above 65535, the last queue");
                    return Err(Fault::new(start.to(self.last), message).of(raised::VALUE_OUT_OF_RANGE));
                }
                let mut picked = Expr::Load(load, start.to(self.last));
                if self.eat_word("map") {
                    picked = Expr::Map(Box::new((picked, self.data_set()?)));
                }
                Ok((false, start.to(self.last), Some(picked)))
            }
            Token::Word(word) if names::number(word).is_none() => {
                let picked = self.mapped(Side::Left)?;
                if matches!(picked, Expr::Map(_)) {
                    return Ok((false, start.to(self.last), Some(picked)));
                }
                let fault = Fault::new(start.to(self.last), "this is no queue");
                Err(fault.with_help("give a number, or one for each value: `.. map { VALUE : QUEUE }`"))
            }
            _ => self.queues().map(|(is_range, span)| (is_range, span, None)),
        }
    }

    /// `snat`, `dnat`, `masquerade`, `redirect`, `tproxy` with where packets go.
    pub(super) fn rewrite(&mut self, what: Rewriter) -> Read<Kind<'a>> {
        self.bump();
        let mut rewrite = Rewrite { what, version: None, address: None, port: None };
        match what {
            Rewriter::Snat | Rewriter::Dnat => self.nat_target(&mut rewrite)?,
            Rewriter::Masquerade | Rewriter::Redirect => {
                if self.eat_word("to") {
                    // `redirect to 80` is as old as `redirect to :80`.
                    if !self.eat(b':') && what == Rewriter::Masquerade {
                        return self.fault("`:` and a port");
                    }
                    rewrite.port = Some(self.placed()?);
                }
            }
            Rewriter::Tproxy => {
                rewrite.version = self.version_in_front_of(&["to"]);
                if !self.eat_word("to") {
                    return self.fault("`to`");
                }
                self.address_and_port(&mut rewrite)?;
            }
        }
        if what != Rewriter::Tproxy {
            let repeats = matches!(what, Rewriter::Snat | Rewriter::Dnat);
            while matches!(self.token, Token::Word(word) if FLAGS.contains(&word)) {
                self.nat_flags()?;
                if !repeats {
                    break;
                }
            }
        }
        Ok(Kind::Rewrite(Box::new(rewrite)))
    }

    // `ip` or `ip6` where one of the words follows.
    fn version_in_front_of(&mut self, words: &[&str]) -> Option<u32> {
        let version = match self.token {
            Token::Word("ip") => 4,
            Token::Word("ip6") => 6,
            _ => return None,
        };
        if !matches!(self.peek(), Token::Word(word) if words.contains(&word)) {
            return None;
        }
        self.bump();
        Some(version)
    }

    fn nat_target(&mut self, rewrite: &mut Rewrite<'a>) -> Read<()> {
        rewrite.version = self.version_in_front_of(&["to", "addr", "interval", "prefix"]);
        let mut needs_to = rewrite.version.is_some();
        match self.token {
            Token::Word("addr") if rewrite.version.is_some() => {
                self.bump();
                self.expect(b'.')?;
                if !self.eat_word("port") {
                    return self.fault("`port`");
                }
                needs_to = true;
            }
            Token::Word("interval" | "prefix") => {
                self.bump();
                needs_to = true;
            }
            _ => {}
        }
        if !self.eat_word("to") && needs_to {
            return self.fault("`to`");
        }
        self.address_and_port(rewrite)
    }

    // `[ADDRESS][:PORT]`
    fn address_and_port(&mut self, rewrite: &mut Rewrite<'a>) -> Read<()> {
        if self.token != Token::Sign(b':') {
            rewrite.address = Some(self.placed()?);
        }
        if self.eat(b':') {
            rewrite.port = Some(self.placed()?);
        }
        Ok(())
    }

    fn placed(&mut self) -> Read<(Expr<'a>, Span)> {
        let start = self.span;
        let value = self.given()?;
        Ok((value, start.to(self.last)))
    }

    fn nat_flags(&mut self) -> Read<()> {
        loop {
            match self.token {
                Token::Word(word) if FLAGS.contains(&word) => self.bump(),
                _ => return self.fault("`random`, `fully-random` or `persistent`"),
            }
            if !self.eat(b',') {
                return Ok(());
            }
        }
    }

    /// `fwd to DEVICE`, `fwd ip to ADDRESS device DEVICE`
    pub(super) fn forward(&mut self) -> Read<Kind<'a>> {
        self.bump();
        let version = self.version_in_front_of(&["to"]);
        if !self.eat_word("to") {
            return self.fault("`to`");
        }
        let mut looks = vec![self.given()?];
        if version.is_some() {
            if !self.eat_word("device") {
                return self.fault("`device`");
            }
            looks.push(self.given()?);
        }
        Ok(Kind::HandOn("fwd", looks))
    }

    /// `dup to ADDRESS [device DEVICE]`
    pub(super) fn duplicate(&mut self) -> Read<Kind<'a>> {
        self.bump();
        if !self.eat_word("to") {
            return self.fault("`to`");
        }
        let mut looks = vec![self.given()?];
        if self.eat_word("device") {
            looks.push(self.given()?);
        }
        Ok(Kind::Effect(Effect::Copies(looks)))
    }

    /// `synproxy [mss N] [wscale N] [timestamp] [sack-perm]`, `synproxy name NAME`
    pub(super) fn synproxy(&mut self) -> Read<Kind<'a>> {
        self.bump();
        if self.eat_word("name") {
            self.object()?;
        }
        self.synproxy_words()?;
        Ok(Kind::HandOn("synproxy", Vec::new()))
    }

    /// `[mss N] [wscale N] [timestamp] [sack-perm]`
    pub(super) fn synproxy_words(&mut self) -> Read<()> {
        loop {
            match self.token {
                Token::Word("mss" | "maxseg" | "wscale") => {
                    self.bump();
                    self.figure()?;
                }
                Token::Word("timestamp" | "sack-perm" | "sack-permitted") => self.bump(),
                _ => return Ok(()),
            }
        }
    }

    /// `meter NAME [size N] { KEY STATEMENT }`, and `flow table NAME { .. }` of old.
    pub(super) fn meter(&mut self) -> Read<Kind<'a>> {
        self.identifier()?;
        if self.eat_word("size") {
            self.figure()?;
        }
        self.expect(b'{')?;
        let key = self.concat(Side::Left)?;
        self.element_marks()?;
        if self.token == Token::Sign(b'}') {
            return self.fault("what is counted or limited");
        }
        self.stateful()?;
        self.expect(b'}')?;
        Ok(kept("meter", None, vec![key]))
    }

    /// `counter`, `limit`, `quota` or `ct count`.
    pub(super) fn stateful(&mut self) -> Read<()> {
        match self.token {
            Token::Word("counter" | "limit" | "quota" | "last") => self.statement().map(drop),
            Token::Word("ct") if self.peek() == Token::Word("count") => self.statement().map(drop),
            _ => self.fault("`counter`, `limit`, `quota` or `ct count`"),
        }
    }

    /// `@set { key [options] [statements] [: data] }` behind `add`, `update` or `delete`.
    pub(super) fn update(&mut self) -> Read<Kind<'a>> {
        if !self.eat(b'@') {
            return self.fault("`@` and the name of a set");
        }
        let name = self.identifier()?;
        self.expect(b'{')?;
        let mut looks = vec![self.concat(Side::Joined)?];
        self.element_marks()?;
        while !matches!(self.token, Token::Sign(b':' | b'}')) {
            self.stateful()?;
        }
        if self.eat(b':') {
            looks.push(self.mapped(Side::Joined)?);
            self.element_marks()?;
        }
        self.expect(b'}')?;
        Ok(kept("set", Some(name), looks))
    }

    /// `set add KEY @set`, as it was written of old.
    pub(super) fn update_of_old(&mut self) -> Read<Kind<'a>> {
        self.bump();
        self.bump();
        let key = self.concat(Side::Left)?;
        self.element_marks()?;
        match self.data_set()? {
            Expr::SetRef(name) => Ok(kept("set", Some(name), vec![key])),
            _ => self.fault("`@` and the name of a set"),
        }
    }

    /// `comment TEXT`
    pub(super) fn comment(&mut self) -> Read<Word<'a>> {
        self.bump();
        let (Token::Word(text) | Token::Quoted(text)) = self.token else { return self.fault("a text") };
        let word = Word { text, span: self.span };
        if matches!(self.token, Token::Word(text) if names::is_word(text)) {
            let fault = Fault::new(self.span, format!("expected a text, and `{text}` is a word of nft"));
            return Err(fault.with_help("put it in quotation marks"));
        }
        if text.len() > COMMENT {
            let message = format!("a comment of {} octets is longer than {COMMENT}", text.len());
            return Err(Fault::new(self.span, message).of(raised::VALUE_OUT_OF_RANGE));
        }
        self.bump();
        Ok(word)
    }

    /// `reset tcp option NAME`
    pub(super) fn strip(&mut self) -> Read<Kind<'a>> {
        self.bump();
        if self.token != Token::Word("tcp") || self.peek() != Token::Word("option") {
            return self.fault("`tcp option` and its name");
        }
        self.option("tcp option")?;
        Ok(Kind::Effect(Effect::Other("reset tcp option")))
    }
}

fn is_time(word: &str) -> bool {
    matches!(word, "second" | "minute" | "hour" | "day" | "week")
}
