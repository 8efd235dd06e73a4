//! The options of a rule: which words belong together, and what the basic ones mean.

use super::extensions::load;
use super::lower::{Backend, Reader};
use super::spec::{Aim, Spec};
use super::support;
use super::syntax::Word;
use super::values::{self, NoAddress};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::field::{Family, Field};
use crate::ir::{Condition, Interface, ValueSet};
use crate::net::IntervalSet;
use crate::source::Span;

/// The words of a rule, with how far they are read.
pub(super) struct Cursor<'a, 'w> {
    pub(super) words: &'w [Word<'a>],
    at: usize,
    /// A value written to its option, as in `-ptcp` and `--protocol=tcp`.
    attached: Option<(&'w str, Span)>,
    /// Whether the option is negated.
    pub(super) not: bool,
    /// Whether that was written behind the option, as versions before 1.4.3 did.
    old: bool,
    /// The option itself.
    pub(super) span: Span,
}

impl<'a, 'w> Cursor<'a, 'w> {
    pub(super) fn new(words: &'w [Word<'a>]) -> Self {
        Self { words, at: 0, attached: None, not: false, old: false, span: Span::default() }
    }

    pub(super) fn next_word(&mut self) -> Option<&'w Word<'a>> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    pub(super) fn peek(&self) -> Option<&'w Word<'a>> {
        self.words.get(self.at)
    }

    /// The next value; a `!` before it negates, as older versions wrote it.
    pub(super) fn value(&mut self) -> Option<(&'w str, Span)> {
        if let Some(attached) = self.attached.take() {
            return Some(attached);
        }
        let mut word = self.peek()?;
        if word.is_not() {
            (self.not, self.old) = (!self.not, true);
            self.at += 1;
            word = self.peek()?;
        }
        // What an option needs is the next word, whatever it is.
        self.at += 1;
        Some((&word.text, word.span))
    }

    /// The next value, where it is no option.
    pub(super) fn optional_value(&mut self) -> Option<(&'w str, Span)> {
        let ends =
            self.attached.is_none() && self.peek().is_none_or(|word| word.is_option() || word.is_not());
        if ends { None } else { self.value() }
    }

    /// From the option to the last word read.
    pub(super) fn so_far(&self) -> Span {
        self.words.get(self.at.saturating_sub(1)).map_or(self.span, |word| self.span.to(word.span))
    }
}

impl Reader<'_> {
    /// Reads the options of a rule into `spec`.
    pub(super) fn options<'w>(&mut self, spec: &mut Spec, cursor: &mut Cursor<'_, 'w>) {
        while let Some(word) = cursor.next_word() {
            if word.is_not() {
                if cursor.not {
                    self.refuse(spec, "`!` stands once before an option", word.span);
                }
                cursor.not = true;
                continue;
            }
            if !word.is_option() {
                self.unexpected(spec, &word.text, word.span);
                continue;
            }
            cursor.span = word.span;
            let text: &'w str = &word.text;
            let name = if text.starts_with("--") {
                let (name, value) = text.split_once('=').map_or((text, None), |(n, v)| (n, Some(v)));
                cursor.attached = value.map(|value| (value, word.span));
                Self::full_name(spec, name)
            } else {
                let (name, value) = text.split_at_checked(2).unwrap_or((text, ""));
                if !value.is_empty() {
                    cursor.attached = Some((value, word.span));
                }
                name
            };
            self.option(spec, cursor, name);
            if let Some((_, span)) = cursor.attached.take() {
                self.unexpected(spec, name, span);
            }
            if cursor.old {
                let (message, span) =
                    ("iptables takes `!` before an option alone since 1.4.3", cursor.so_far());
                let help = "write it before the option";
                self.findings.add_with_help(raised::MISLEADING_TEXT, Level::Warning, span, message, help);
            }
            (cursor.not, cursor.old) = (false, false);
        }
        if cursor.not {
            self.refuse(spec, "nothing stands behind `!`", spec.span);
        }
    }

    fn unexpected(&mut self, spec: &mut Spec, text: &str, span: Span) {
        self.findings.syntax(span, &format!("`{}` is not expected here", shown(text)));
        spec.unread = true;
    }

    fn option<'w>(&mut self, spec: &mut Spec, cursor: &mut Cursor<'_, 'w>, name: &'w str) {
        match name {
            "-s" | "-d" | "-p" | "-i" | "-o" | "-j" | "-g" | "-m" | "-t" => {
                let Some((value, span)) = cursor.value() else {
                    return self.no_value(spec, name, cursor.span);
                };
                // A negation written to the value, as very old files have it.
                let value = match value.strip_prefix('!') {
                    Some(rest) if !rest.is_empty() && name != "-m" && name != "-j" => {
                        cursor.not = !cursor.not;
                        rest
                    }
                    _ => value,
                };
                let again = match name {
                    "-p" => spec.protocol.is_some() || spec.any_protocol,
                    "-i" => spec.in_iface.is_some(),
                    "-o" => spec.out_iface.is_some(),
                    "-j" | "-g" => spec.aim != Aim::None,
                    _ => false,
                };
                if again {
                    return self.refuse(spec, &format!("`{name}` is written twice"), span);
                }
                if cursor.not && matches!(name, "-j" | "-g" | "-m" | "-t") {
                    return self.refuse(spec, &format!("`{name}` cannot be negated"), span);
                }
                match name {
                    "-s" | "-d" => self.addresses(spec, name == "-s", value, span, cursor.not),
                    "-p" => self.protocol(spec, value, span, cursor.not),
                    "-i" | "-o" => self.interface(spec, name == "-i", value, span, cursor.not),
                    "-m" => load(spec, value, span),
                    "-t" => {}
                    _ => {
                        spec.goto = name == "-g";
                        spec.target.clear();
                        spec.target.push_str(value);
                        spec.target_span = span;
                        let known = if spec.goto { None } else { support::target(value) };
                        spec.aim = known.map_or(Aim::Chain, |(_, target)| Aim::Known(target));
                    }
                }
            }
            "-f" => {
                if spec.fragment.is_some() {
                    self.refuse(spec, "`-f` is written twice", cursor.span);
                }
                if self.family() == Some(Family::Inet6) {
                    self.findings.syntax(cursor.span, "`-f` is an option of IPv4");
                    spec.unread = true;
                }
                let offsets = if cursor.not { ValueSet::single(0) } else { ValueSet::range(1, 0x1fff) };
                spec.fragment = Some(Condition::test_at(Field::FragOff, offsets, cursor.span));
            }
            "-4" => spec.only = Some(Family::Inet),
            "-6" => spec.only = Some(Family::Inet6),
            "-c" => self.counters(spec, cursor),
            // What only changes how listings look, or how long to wait.
            "-v" | "--verbose" | "-n" | "--numeric" | "-x" | "--exact" | "--line-numbers" => {}
            "-w" | "--wait" => {
                if cursor.peek().is_some_and(|word| word.text.bytes().all(|b| b.is_ascii_digit())) {
                    cursor.value();
                }
            }
            "-W" | "--wait-interval" | "--modprobe" => {
                cursor.value();
            }
            _ => self.extension(spec, cursor, name),
        }
    }

    pub(super) fn no_value(&mut self, spec: &mut Spec, name: &str, span: Span) {
        self.findings.syntax(span, &format!("`{}` needs a value", shown(name)));
        spec.unread = true;
    }

    pub(super) fn bad_value(&mut self, spec: &mut Spec, what: &str, value: &str, span: Span) {
        self.findings.syntax(span, &format!("expected {what}, not `{}`", shown(value)));
        spec.unread = true;
    }

    /// Counters: `-c packets octets`, or with a comma.
    fn counters(&mut self, spec: &mut Spec, cursor: &mut Cursor<'_, '_>) {
        let Some((first, span)) = cursor.value() else { return self.no_value(spec, "-c", cursor.span) };
        let (packets, octets) = match first.split_once(',') {
            Some((packets, octets)) => (packets, Some(octets)),
            None => (first, cursor.optional_value().map(|(value, _)| value)),
        };
        let number = |text: &str| text.parse::<u64>().is_ok();
        if !number(packets) || !octets.is_some_and(number) {
            self.bad_value(spec, "two counters", first, span);
        }
    }

    fn addresses(&mut self, spec: &mut Spec, source: bool, list: &str, span: Span, not: bool) {
        let side = if source { &mut spec.src } else { &mut spec.dst };
        if !side.list.is_empty() {
            let message = format!("`{}` is written twice", if source { "-s" } else { "-d" });
            self.findings.syntax(span, &message);
            spec.unread = true;
            return;
        }
        (side.not, side.span) = (not, span);
        for text in list.split(',') {
            // Behind `/0` nothing is looked at, not even whether it is an address.
            let any = if self.family() == Some(Family::Inet6) { "::/0" } else { "0.0.0.0/0" };
            let text = if self.family().is_some() && values::is_any(text) { any } else { text };
            self.warn_of_octal(text, span);
            let address = match values::address(text) {
                Ok(address) => address,
                Err(NoAddress::Name) => {
                    let what =
                        format!("{}{} {text}", if not { "! " } else { "" }, if source { "-s" } else { "-d" });
                    let message =
                        format!("`{}` is a name, which is looked up when the rule is loaded", shown(text));
                    self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Warning, span, &message);
                    let part = Condition::opaque(
                        format!("iptables {what}"),
                        "known to the host alone: the address of a name",
                        span,
                    );
                    spec.parts.push(part);
                    return;
                }
                Err(NoAddress::Mask) => {
                    let check = raised::VALUE_OUT_OF_RANGE;
                    self.findings.add(
                        check,
                        Level::Error,
                        span,
                        &format!("`{}` has no valid mask", shown(text)),
                    );
                    spec.unread = true;
                    continue;
                }
                Err(NoAddress::Nothing) => {
                    self.bad_value(spec, "an address", text, span);
                    continue;
                }
            };
            if address.has_host_bits() {
                let message = format!("`{}` has bits set behind its mask", shown(text));
                self.findings.add(raised::HOST_BITS_SET, Level::Warning, span, &message);
            }
            if self.family().is_some_and(|family| family != address.family()) {
                let message = format!("`{}` is not an address of these rules' family", shown(text));
                self.findings.add(raised::MIXED_FAMILY, Level::Error, span, &message);
                spec.unread = true;
                continue;
            }
            let side = if source { &mut spec.src } else { &mut spec.dst };
            side.list.push(address);
        }
        let side = if source { &spec.src } else { &spec.dst };
        if not && side.list.len() > 1 {
            self.findings.syntax(span, "a list of addresses cannot be negated");
            spec.unread = true;
        }
    }

    /// Says what an address is that looks like another.
    pub(super) fn warn_of_octal(&mut self, text: &str, span: Span) {
        if values::looks_decimal(text) {
            let message = format!("a number of `{}` begins with 0: iptables reads it as octal", shown(text));
            self.findings.add(raised::MISLEADING_TEXT, Level::Warning, span, &message);
        }
    }

    fn protocol(&mut self, spec: &mut Spec, value: &str, span: Span, not: bool) {
        match values::protocol(value) {
            Some(0) if not => {
                self.findings.syntax(span, "`! -p all` would match nothing");
                spec.unread = true;
            }
            Some(0) => spec.any_protocol = true,
            Some(number) => spec.protocol = Some((number, not, span)),
            None => self.bad_value(spec, "a protocol", value, span),
        }
    }

    fn interface(&mut self, spec: &mut Spec, inbound: bool, value: &str, span: Span, not: bool) {
        let field = if inbound { Field::InIface } else { Field::OutIface };
        let stem = value.strip_suffix('+').unwrap_or(value);
        let valid = stem.len() < 16 && !value.is_empty();
        if stem.contains(['/', ' ', '*']) {
            let message = format!("no interface has the name `{}`", shown(value));
            let help = "a `+` at the end stands for any end";
            self.findings.add_with_help(raised::MISLEADING_TEXT, Level::Warning, span, &message, help);
        }
        let condition = if !valid {
            return self.bad_value(spec, "the name of an interface", value, span);
        } else if value == "+" {
            if not { Condition::False } else { Condition::True }
        } else {
            let named = match value.strip_suffix('+') {
                Some(stem) => Interface::Beginning(stem.into()),
                None => Interface::Name(value.into()),
            };
            let symbol = self.symbol(&named.symbol());
            let test = Condition::test_at(field, ValueSet::single(symbol), span);
            // Where a hook has no such interface its name is empty, which differs from any.
            if not { Condition::not(test) } else { test }
        };
        *(if inbound { &mut spec.in_iface } else { &mut spec.out_iface }) = Some(condition);
    }

    /// The name of an interface as a number.
    fn symbol(&mut self, name: &str) -> u32 {
        if let Some(symbol) = self.symbols.get(name) {
            return *symbol;
        }
        let symbol = u32::try_from(self.document.symbols.len()).unwrap_or(u32::MAX);
        self.document.symbols.push(name.into());
        self.symbols.insert(name.to_owned(), symbol);
        symbol
    }

    /// Whether ports and flags of later fragments are what the octets there say.
    pub(super) fn reads_later_fragments(&mut self) -> bool {
        self.backend == Backend::Nft && !self.reassembles()
    }
}

/// A text of the user in a message: without line breaks and not too long.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A set of ranges as values; its complement where `not`.
pub(super) fn ranges(list: &[(u32, u32)], not: bool, max: u32) -> ValueSet {
    let set = IntervalSet::from_ranges(list.iter().copied());
    ValueSet::from(if not { set.complement(max) } else { set })
}
