//! `from`: what packets a term matches. Different keywords must all hold, values of one are alternatives.

use super::bitfield::{Accepted, BadExpression};
use super::literal::mac;
use super::lower::Lowering;
use super::names::{self, Names};
use super::numbers::{base, join, shown, value};
use super::support::{self, Families, Match, N};
use super::syntax::NodeId;
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::field::{Field, GROUPS, IP_OPTION_TYPES, ext, ip_option_bit};
use crate::ir::{Condition, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet};
use crate::source::Span;

type Keyword = (NodeId, Option<&'static support::Condition>);

/// Bits of octet 13 that TCP flag conditions look at.
pub(super) const TCP_BITS: u32 = 6;
/// Flags of the IPv4 header.
pub(super) const FRAGMENT_BITS: u32 = 3;
/// The flags as fields, with their bits.
pub(super) const FRAGMENT_FIELDS: [(u32, Field); 3] =
    [(4, Field::ReservedFlag), (2, Field::Df), (1, Field::Mf)];
/// The greatest fragment offset.
pub(super) const LAST_OFFSET: u32 = 0x1fff;

impl Lowering<'_, '_> {
    /// The condition of a `from`.
    pub(super) fn from(&mut self, from: NodeId, family: Families) -> Condition {
        let tree = self.tree;
        let mut keywords = std::mem::take(&mut self.keywords);
        keywords.clear();
        keywords.extend(tree.children(from).map(|node| (node, support::condition(tree.word(node)))));
        let mut parts = thin_vec::ThinVec::with_capacity(keywords.len());
        for keyword in &keywords {
            let condition = self.keyword(*keyword, &keywords, family);
            parts.push(condition);
        }
        self.keywords = keywords;
        Condition::all(parts)
    }

    fn keyword(&mut self, keyword: Keyword, all: &[Keyword], family: Families) -> Condition {
        let (node, Some(entry)) = keyword else { return self.unknown_keyword(keyword.0) };
        if entry.families & family == 0 {
            let message = format!("`{}` is no match condition of this family", entry.word);
            self.findings.unsupported(self.tree.span(node), &message);
        }
        let find = |what: Match| all.iter().find(|k| k.1.is_some_and(|e| e.what == what)).map(|k| k.0);
        match entry.what {
            Match::Address(slot) | Match::PrefixList(slot) => {
                let slot = slot.in_family(family);
                let same = |of: fn(Match) -> Option<support::Slot>| {
                    let found = all
                        .iter()
                        .find(|k| k.1.and_then(|e| of(e.what)).is_some_and(|s| s.in_family(family) == slot));
                    found.map(|k| k.0)
                };
                let prefixes = same(|m| if let Match::Address(s) = m { Some(s) } else { None });
                let lists = same(|m| if let Match::PrefixList(s) = m { Some(s) } else { None });
                // The two keywords are one list: it stands where the first of them does.
                let first = all.iter().map(|k| k.0).find(|k| Some(*k) == prefixes || Some(*k) == lists);
                if first == Some(node) {
                    self.addresses(slot, prefixes, lists, family)
                } else if Some(node) == prefixes || Some(node) == lists {
                    Condition::True
                } else {
                    // A third name for the same addresses.
                    let address = matches!(entry.what, Match::Address(_));
                    let (prefixes, lists) = (address.then_some(node), (!address).then_some(node));
                    self.addresses(slot, prefixes, lists, family)
                }
            }
            Match::Number(number, except) => {
                if except && find(Match::Number(number, false)).is_some() {
                    self.both(node, entry.word);
                }
                if number == N::Port {
                    let other = [N::SourcePort, N::DestinationPort]
                        .into_iter()
                        .flat_map(|n| [Match::Number(n, false), Match::Number(n, true)])
                        .find_map(find);
                    self.port_beside(node, other);
                }
                self.number(node, number, except, family)
            }
            other => self.other(node, other, find),
        }
    }

    fn other(&mut self, node: NodeId, what: Match, find: impl Fn(Match) -> Option<NodeId>) -> Condition {
        let span = self.tree.span(node);
        let test = |field, values: ValueSet| Condition::test_at(field, values, span);
        let flags = |text| match Accepted::parse(text, names::TCP_FLAGS, TCP_BITS) {
            Ok(set) => test(Field::RawOctet13, ValueSet::from(set.patterns())),
            Err(_) => Condition::opaque(text, "not an expression", span),
        };
        let later = || test(Field::FragOff, ValueSet::range(1, LAST_OFFSET));
        let more = |value| test(Field::Mf, ValueSet::single(value));
        match what {
            Match::TcpFlags => self.tcp_flags(node),
            Match::FragmentFlags => self.fragment_flags(node),
            Match::TcpEstablished => self.plain(node, flags("(ack | rst)")),
            Match::TcpInitial => self.plain(node, flags("(!ack & syn)")),
            Match::FirstFragment => {
                self.plain(node, Condition::and([test(Field::FragOff, ValueSet::single(0)), more(1)]))
            }
            Match::IsFragment => self.plain(node, later()),
            Match::LastFragment => self.plain(node, Condition::and([later(), more(0)])),
            Match::IpOptions(except) => {
                self.pair(node, except, find(Match::IpOptions(false)));
                self.bits(node, except, Field::IpOptions, names::IP_OPTIONS, |kind| {
                    u8::try_from(kind).ok().filter(|k| IP_OPTION_TYPES.contains(k)).map(ip_option_bit)
                })
            }
            Match::ExtensionHeader(except) => {
                self.pair(node, except, find(Match::ExtensionHeader(false)));
                self.bits(node, except, Field::ExtHdrs, names::EXTENSION_HEADERS, extension_bit)
            }
            Match::Interface => self.interfaces(node),
            Match::InterfaceSet => self.interface_sets(node),
            Match::InterfaceGroup(except) => {
                self.pair(node, except, find(Match::InterfaceGroup(false)));
                self.interface_groups(node, except)
            }
            Match::Mac(field) => self.macs(node, field),
            Match::Named(except) => self.named(node, except),
            Match::Mark | Match::Block => self.opaque_words(node),
            // A hint decides nothing; the others are read before.
            Match::Hint | Match::Address(_) | Match::PrefixList(_) | Match::Number(..) => Condition::True,
        }
    }

    fn pair(&mut self, node: NodeId, except: bool, plain: Option<NodeId>) {
        if except && plain.is_some() {
            self.both(node, self.tree.word(node));
        }
    }

    /// `X` and `X-except` in one term: the device does not commit that.
    fn both(&mut self, node: NodeId, word: &str) {
        let message = format!("`{}` and `{word}` do not go together in one term", base(word));
        self.findings.syntax(self.tree.span(node), &message);
    }

    fn port_beside(&mut self, node: NodeId, other: Option<NodeId>) {
        if let Some(other) = other {
            let message = format!("`port` and `{}` do not go together in one term", self.tree.word(other));
            self.findings.syntax(self.tree.span(node), &message);
        }
    }

    fn unknown_keyword(&mut self, node: NodeId) -> Condition {
        let span = self.tree.span(node);
        let words = self.words(node);
        let message = format!("`{}` is no match condition known here", shown(self.tree.word(node)));
        self.findings.unsupported(span, &message);
        Condition::opaque(words, "the keyword is not known", span)
    }

    /// Conditions without a value.
    fn plain(&mut self, node: NodeId, condition: Condition) -> Condition {
        self.nothing_behind(node);
        condition
    }

    /// Conditions whose words are all that is known of them.
    fn opaque_words(&mut self, node: NodeId) -> Condition {
        let span = self.tree.span(node);
        let message = format!("`{}` is not modelled", self.tree.word(node));
        self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, span, message);
        Condition::opaque(self.words(node), "not modelled", span)
    }

    /// Values only the device knows: each is a variable, its exception the opposite of it.
    fn named(&mut self, node: NodeId, except: bool) -> Condition {
        let tree = self.tree;
        let keyword = base(tree.word(node));
        let mut parts = Vec::new();
        let span = self.values(node, |this, value| {
            this.nothing_behind(value);
            let id = format!("{keyword} {}", tree.word(value));
            parts.push(Condition::opaque(id, "known to the device only", tree.span(value)));
        });
        if span.is_none() {
            return self.without_value(node);
        }
        let message = format!("`{}` is known to the device only", tree.word(node));
        self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, tree.span(node), message);
        join(if except { Condition::True } else { Condition::False }, parts, except)
    }

    pub(super) fn expression(
        &mut self,
        node: NodeId,
        names: Names,
        bits: u32,
        place: fn(u64) -> Option<u64>,
    ) -> Result<Accepted, Condition> {
        let tree = self.tree;
        let (text, start) = self.expression_text(node);
        // Words put together stand elsewhere in the source than in the text made of them.
        let place_of = |at: usize, length: usize| match start {
            Some(start) => point(tree.span(node), start + at, length),
            None => tree.span(node),
        };
        Accepted::parse_with(&text, names, bits, place).map_err(|bad| {
            let (at, message) = match bad {
                BadExpression::Syntax(at) => (at, "the expression cannot be read from here on".to_owned()),
                BadExpression::Name(at, name) => (at, format!("`{}` is no bit of this field", shown(&name))),
                BadExpression::Wide(at, number) => {
                    let message = format!("`{number}` is out of range: the field has {bits} bits");
                    let span = place_of(at, number.len());
                    self.findings.error(raised::VALUE_OUT_OF_RANGE, span, message);
                    return Condition::False;
                }
                BadExpression::Deep => (0, "the expression is nested too deeply".to_owned()),
            };
            let next = text.get(at..).and_then(|rest| rest.chars().next());
            self.findings.syntax(place_of(at, next.map_or(1, char::len_utf8)), &message);
            Condition::opaque(text.clone(), "the expression cannot be read", tree.span(node))
        })
    }

    /// The text of an expression, and how far behind the word's first octet it begins. Written without quotes
    /// it may have blanks: then its words stand below each other, and the text of them nowhere.
    fn expression_text(&mut self, node: NodeId) -> (String, Option<usize>) {
        let tree = self.tree;
        if tree.is_quoted(node) || tree.is_leaf(node) {
            self.nothing_behind(node);
            return (tree.word(node).to_owned(), Some(usize::from(tree.is_quoted(node))));
        }
        let mut text = tree.word(node).to_owned();
        let mut at = node;
        while let Some(next) = tree.children(at).next() {
            text.push(' ');
            text.push_str(tree.word(next));
            at = next;
        }
        (text, None)
    }

    fn tcp_flags(&mut self, node: NodeId) -> Condition {
        let mut set = Accepted::none(TCP_BITS);
        let mut unread = Vec::new();
        let span =
            self.values(node, |this, value| match this.expression(value, names::TCP_FLAGS, TCP_BITS, Some) {
                Ok(accepted) => set = set.or(accepted),
                Err(opaque) => unread.push(opaque),
            });
        let Some(span) = span else { return self.without_value(node) };
        let test = Condition::test_at(Field::RawOctet13, ValueSet::from(set.patterns()), span);
        join(test, unread, false)
    }

    fn fragment_flags(&mut self, node: NodeId) -> Condition {
        let mut set = Accepted::none(FRAGMENT_BITS);
        let mut unread = Vec::new();
        let span = self.values(node, |this, value| {
            match this.expression(value, names::FRAGMENT_FLAGS, FRAGMENT_BITS, fragment_mask) {
                Ok(accepted) => set = set.or(accepted),
                Err(opaque) => unread.push(opaque),
            }
        });
        let Some(span) = span else { return self.without_value(node) };
        join(fragment_condition(set, span), unread, false)
    }

    /// Fields with a bit for each kind of thing a packet may have; `any` asks for one of them.
    fn bits(
        &mut self,
        node: NodeId,
        except: bool,
        field: Field,
        names: Names,
        bit: impl Fn(u32) -> Option<u32>,
    ) -> Condition {
        let tree = self.tree;
        let (mut wanted, mut any, mut unread) = (0_u32, false, Vec::new());
        let span = self.values(node, |this, kind| {
            let word = tree.word(kind);
            this.nothing_behind(kind);
            let number = value(word, names).and_then(|n| u32::try_from(n).ok());
            match number {
                _ if word == "any" => any = true,
                None => unread.push(this.unread_value(node, kind)),
                Some(number) if number > 255 => {
                    let message = format!("`{}` is out of range: at most 255", shown(word));
                    this.findings.error(raised::VALUE_OUT_OF_RANGE, tree.span(kind), message);
                }
                Some(number) => {
                    if let Some(bit) = bit(number) {
                        wanted |= bit;
                    } else {
                        // Kinds outside the table share a bit: it says that one is there, not which.
                        let id = format!("{} {number}", base(tree.word(node)));
                        let over = ValueSet::bits(other_bit(field), other_bit(field));
                        let over = Condition::test_at(field, over, tree.span(kind));
                        let why = "the kind is not in the table of the field";
                        let span = tree.span(kind);
                        unread.push(Condition::opaque_within(id, why, over, Condition::False, span));
                    }
                }
            }
        });
        let Some(span) = span else { return self.without_value(node) };
        let top = u32::try_from(field.info().max).unwrap_or(u32::MAX);
        let values = match (any, except) {
            (true, false) => ValueSet::range(1, top),
            (true, true) => ValueSet::single(0),
            (false, true) => ValueSet::bits(0, wanted.into()),
            (false, false) => {
                let bits = (0..32).map(|n| 1_u128 << n).filter(|b| u128::from(wanted) & b != 0);
                ValueSet::from(BitSet::new(bits.map(|b| BitMatch::new(b, b))))
            }
        };
        join(Condition::test_at(field, values, span), unread, except)
    }

    fn interfaces(&mut self, node: NodeId) -> Condition {
        let mut names = Vec::new();
        let mut unread = Vec::new();
        let span = self.values(node, |this, value| {
            this.nothing_behind(value);
            this.interface(value, &mut names, &mut unread);
        });
        let Some(span) = span else { return self.without_value(node) };
        join(Condition::test_at(Field::InIface, ValueSet::of(names), span), unread, false)
    }

    fn interface(&mut self, node: NodeId, names: &mut Vec<u32>, unread: &mut Vec<Condition>) {
        let name = self.tree.name(node);
        let span = self.tree.span(node);
        if is_pattern(&name) {
            self.findings.add(
                raised::UNSUPPORTED_KEYWORD,
                Level::Note,
                span,
                format!("which interfaces `{}` names is known to the device only", shown(&name)),
            );
            let why = "a wildcard names interfaces only the device knows";
            unread.push(Condition::opaque(format!("interface {name}"), why, span));
        } else {
            names.push(self.symbol(&name));
        }
    }

    fn interface_sets(&mut self, node: NodeId) -> Condition {
        let tree = self.tree;
        let mut names = Vec::new();
        let mut unread = Vec::new();
        let span = self.values(node, |this, value| {
            this.nothing_behind(value);
            let name = tree.word(value);
            if let Some(set) = this.interface_set(name) {
                for member in tree.children(set) {
                    this.interface(member, &mut names, &mut unread);
                }
            } else {
                this.undefined("interface set", value);
                let why = "the interface set is not defined here";
                let span = tree.span(value);
                unread.push(Condition::opaque(format!("interface-set {name}"), why, span));
            }
        });
        let Some(span) = span else { return self.without_value(node) };
        join(Condition::test_at(Field::InIface, ValueSet::of(names), span), unread, false)
    }

    fn interface_groups(&mut self, node: NodeId, except: bool) -> Condition {
        let tree = self.tree;
        let mut groups = Vec::new();
        let mut unread = Vec::new();
        let span = self.values(node, |this, value| {
            this.nothing_behind(value);
            match super::numbers::range(tree.word(value), &[]) {
                Some((lo, hi)) if lo <= hi && hi <= 255 => {
                    let bit = |group: u64| 1_u128.checked_shl(this.symbol(&group.to_string()));
                    match (lo..=hi).map(bit).collect::<Option<Vec<u128>>>() {
                        Some(bits) => groups.extend(bits),
                        None => unread.push(this.group_behind(node, value)),
                    }
                }
                Some(_) => {
                    let message =
                        format!("`{}` is out of range: a group is 0 to 255", shown(tree.word(value)));
                    this.findings.error(raised::VALUE_OUT_OF_RANGE, tree.span(value), message);
                }
                None => unread.push(this.unread_value(node, value)),
            }
        });
        let Some(span) = span else { return self.without_value(node) };
        let patterns = if except {
            BitSet::new([BitMatch::new(0, groups.into_iter().fold(0, |bits, bit| bits | bit))])
        } else {
            BitSet::new(groups.into_iter().map(|bit| BitMatch::new(bit, bit)))
        };
        join(Condition::test_at(Field::InGroup, patterns, span), unread, except)
    }

    /// A group that has no bit, because so many names were used before it.
    fn group_behind(&mut self, node: NodeId, value: NodeId) -> Condition {
        let (span, words) = (self.tree.span(value), self.tree.word(value));
        let message = format!("`{}` is behind the first {GROUPS} names, which are told apart", shown(words));
        self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, span, message);
        let id = format!("{} {words}", self.tree.word(node));
        Condition::opaque(id, "too many names to tell apart", span)
    }

    fn macs(&mut self, node: NodeId, field: Field) -> Condition {
        let tree = self.tree;
        let mut ranges = Vec::new();
        let mut excepted = Vec::new();
        let mut unread = Vec::new();
        let span = self.values(node, |this, value| {
            let except = tree.children(value).next().is_some_and(|c| tree.word(c) == "except");
            if !except {
                this.nothing_behind(value);
            }
            match mac(tree.word(value)) {
                Some(range) if except => excepted.push(range),
                Some(range) => ranges.push(range),
                None => unread.push(this.unread_value(node, value)),
            }
        });
        let Some(span) = span else { return self.without_value(node) };
        let set = IntervalSet::from_ranges(ranges).difference(&IntervalSet::from_ranges(excepted));
        join(Condition::test_at(field, ValueSet::from(set), span), unread, false)
    }
}

/// `0x4` is the don't-fragment flag, and so is `0x4000`, where it stands in its 16 bits.
fn fragment_mask(number: u64) -> Option<u64> {
    match number {
        n if n > 0 && n.trailing_zeros() >= 13 => Some(n >> 13),
        n if n & 1 == 0 => Some(n >> 1),
        _ => None,
    }
}

/// A place inside a word, `at` octets behind its beginning, not past its end.
fn point(word: Span, at: usize, length: usize) -> Span {
    let start = (word.start as usize + at).min((word.end as usize).saturating_sub(1));
    Span::new(start, (start + length).min(word.end as usize))
}

/// The flags a `fragment-flags` expression accepts, as tests of one bit each.
pub(super) fn fragment_condition(set: Accepted, span: Span) -> Condition {
    let any = set.patterns();
    let patterns = any.patterns().iter().map(|pattern| {
        let tests = FRAGMENT_FIELDS.iter().filter(|(bit, _)| pattern.mask & u128::from(*bit) != 0);
        Condition::and(tests.map(|(bit, field)| {
            let value = u32::from(pattern.value & u128::from(*bit) != 0);
            Condition::test_at(*field, ValueSet::single(value), span)
        }))
    });
    Condition::or(patterns.collect::<Vec<_>>())
}

/// Whether the name of an interface stands for others too.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '[', '<'])
}

/// The bit of [`Field::ExtHdrs`] for a header by its next-header value.
pub(super) fn extension_bit(kind: u32) -> Option<u32> {
    u8::try_from(kind).ok().and_then(ext::of_number)
}

/// The bit that stands for kinds outside the table; none where there is no such bit.
fn other_bit(field: Field) -> u128 {
    match field {
        Field::IpOptions => 1 << IP_OPTION_TYPES.len(),
        _ => 0,
    }
}
