//! What tables declare, as nft and the kernel take it: chains at hooks of their family, sets with types and with
//! elements of these types.

use super::datatype;
use super::fields::Type;
use super::lower::Lower;
use super::matching::{Elements, Looked, Problem};
use super::ruleset::{Base, Chain, Declared, Set, Table, TableFamily};
use super::syntax::{Data, Element, Expr, Word};
use crate::dialect::raised;
use crate::source::Span;
use std::collections::HashMap;

/// The type a map gives, where it is one of verdicts.
const VERDICT: &str = "verdict";
/// Objects a map may give.
const OBJECTS: [&str; 5] = ["counter", "quota", "limit", "secmark", "synproxy"];
/// Priorities below conntrack's have no NAT (`NF_IP_PRI_CONNTRACK`).
const CONNTRACK: i64 = -200;

fn hooks(family: TableFamily) -> &'static [&'static str] {
    match family {
        TableFamily::Ip | TableFamily::Ip6 | TableFamily::Bridge => {
            &["prerouting", "input", "forward", "output", "postrouting"]
        }
        TableFamily::Inet => &["prerouting", "input", "forward", "output", "postrouting", "ingress"],
        TableFamily::Arp => &["input", "output", "forward"],
        TableFamily::Netdev => &["ingress", "egress"],
    }
}

impl<'a> Lower<'a, '_> {
    /// The type, hook, device and priority of a base chain.
    pub(super) fn hooked(&mut self, table: &Table<'a>, chain: &Chain<'a>) {
        let Some(base) = &chain.base else { return };
        let mut refuse = |message: String, help, span: Span| {
            self.refuse(raised::SYNTAX_ERROR, message, help, span);
        };
        let family = table.family;
        if !matches!(base.kind.text, "filter" | "nat" | "route") {
            let message = format!("`{}` is no type of chains", base.kind.text);
            return refuse(message, "one of `filter`, `nat` and `route`", base.kind.span);
        }
        if base.hook.text.is_empty() {
            let help = "write `type filter hook input priority 0;` in front of it";
            return refuse("only a chain at a hook has this".to_owned(), help, base.hook.span);
        }
        if !hooks(family).contains(&base.hook.text) {
            let message = format!("tables of `{}` have no hook `{}`", family.name(), base.hook.text);
            return refuse(message, "", base.hook.span);
        }
        let routes = matches!(family, TableFamily::Ip | TableFamily::Ip6 | TableFamily::Inet);
        let fits = match base.kind.text {
            "nat" => routes && !matches!(base.hook.text, "forward" | "ingress"),
            "route" => routes && base.hook.text == "output",
            _ => true,
        };
        if !fits {
            let (kind, hook) = (base.kind.text, base.hook.text);
            let message = format!("there is no chain of type `{kind}` at `{hook}` of `{}`", family.name());
            refuse(message, "", base.kind.span);
        }
        if base.kind.text == "nat" && base.priority <= CONNTRACK {
            let message = "NAT comes behind connection tracking, which has priority -200".to_owned();
            refuse(message, "`dstnat` is -100 and `srcnat` is 100", base.kind.span);
        }
        let needs = matches!(base.hook.text, "ingress" | "egress");
        match base.devices.is_empty() {
            true if needs => {
                refuse("this hook is one of a device".to_owned(), "write `device NAME`", base.hook.span);
            }
            false if !needs => refuse("this hook is not one of a device".to_owned(), "", base.hook.span),
            _ => {}
        }
    }

    /// Every set, also where no rule asks for it.
    pub(super) fn sets(&mut self) {
        let ruleset = self.ruleset;
        for (table, index) in ruleset.tables.iter().zip(0..) {
            self.enter_table(index);
            for set in &table.sets {
                // What is wrong is said where it is read first.
                drop(self.elements(set.name));
            }
        }
    }

    /// Whether the types of a set and its elements are as declared; says what is not.
    pub(super) fn is_as_declared(&mut self, set: &Set<'a>, elements: &Elements<'a>) -> bool {
        let Some(declared) = set.declared else { return true };
        if let Declared::Types(text, base) = declared
            && let Err((message, span)) = types_are_known(text, base)
        {
            self.refuse(raised::SYNTAX_ERROR, message, "`nft describe TYPE` tells of one", span);
            return false;
        }
        let Some(types) = self.key_types(set.name.text) else { return true };
        let known: Vec<(Type, u32)> =
            types.iter().map(|ty| datatype::by_name(ty).unwrap_or((Type::Host, 0))).collect();
        let data = behind(declared);
        let given = data_type(declared);
        let found = elements.iter().try_for_each(|element| {
            self.element(set, &known, element)?;
            has_data(element, data)?;
            self.hooked_data(element.data.as_ref())?;
            self.given(element, given)
        });
        let found = found.and_then(|()| Self::overlaps(set, &known, elements));
        if let Err(problem) = found {
            let check = problem.check.unwrap_or(raised::SYNTAX_ERROR);
            self.refuse(check, problem.message.clone(), problem.help, problem.span.unwrap_or(set.name.span));
            return false;
        }
        true
    }

    fn element(
        &mut self,
        set: &Set<'a>,
        types: &[(Type, u32)],
        element: &Element<'a>,
    ) -> Result<(), Problem> {
        let wrong = |message: String, span| Problem::new(raised::SYNTAX_ERROR, message, Some(span));
        let parts = match &element.key {
            Expr::Any => return Ok(()),
            Expr::Concat(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        if parts.len() != types.len() {
            let message = format!("expected {} values joined by dots", types.len());
            return Err(wrong(message, element.span));
        }
        let place = |part: &Expr<'a>| super::numbers::written(part).unwrap_or(element.span);
        for (part, (ty, width)) in parts.iter().zip(types) {
            if ty.is_of_host() {
                self.forms(*ty, part)?;
            } else if matches!(part, Expr::Set(_) | Expr::SetRef(_)) {
                return Err(wrong("expected a value, not a set".to_owned(), place(part)));
            } else {
                Self::value_range(part, *ty, *width)?;
            }
            let is_range = match part {
                Expr::Range(_) => true,
                Expr::Slash(pair) => !matches!(&pair.1, Expr::Word(word) if word.text == width.to_string()),
                _ => false,
            };
            if is_range && !set.interval && *width > 0 {
                let problem = wrong("this set holds single values only".to_owned(), place(part));
                return Err(problem.with_help("add `flags interval` to the set"));
            }
        }
        Ok(())
    }

    /// No packet has two verdicts in a map.
    pub(super) fn keys_differ(loads: &[Looked<'a>], elements: &[Element<'a>]) -> Result<(), Problem> {
        match loads {
            [Looked::Load(load, ..)]
                if !load.ty().is_of_host() && !matches!(load.ty(), Type::Interface | Type::Group) =>
            {
                conflict(elements, load.ty(), load.width())
            }
            _ => match twice(elements) {
                Some(element) => {
                    let message = "this key stands in front of another verdict before";
                    Err(Problem::new(raised::SYNTAX_ERROR, message, Some(element.span)))
                }
                None => Ok(()),
            },
        }
    }

    // What a map gives is of the type it was declared with, or an object there is.
    fn given(&self, element: &Element<'a>, declared: Option<(&str, bool)>) -> Result<(), Problem> {
        let (Some((name, interval)), Some(Data::Value(value))) = (declared, &element.data) else {
            return Ok(());
        };
        let place = super::numbers::written(value);
        if !interval && matches!(value, Expr::Range(_) | Expr::Slash(_)) {
            let problem = Problem::new(raised::SYNTAX_ERROR, "expected one value", place);
            return Err(problem.with_help("write `: interval` and the type in the map's declaration"));
        }
        if OBJECTS.contains(&name) {
            return match value {
                Expr::Word(word) if self.has_object(name, word.text) => Ok(()),
                _ => {
                    let message = format!("this is no {name} of the table");
                    Err(Problem::new(raised::UNDEFINED_REFERENCE, message, place))
                }
            };
        }
        match datatype::by_name(name) {
            Some((ty, width)) if !ty.is_of_host() => Self::constant_range(value, ty, width),
            _ => Ok(()),
        }
    }

    // Ranges of a set that does not put them together.
    fn overlaps(set: &Set<'a>, types: &[(Type, u32)], elements: &Elements<'a>) -> Result<(), Problem> {
        let [(ty, width)] = types else { return Ok(()) };
        if !set.interval || set.merges || ty.is_of_host() {
            return Ok(());
        }
        conflict(elements, *ty, *width)
    }
}

/// Two keys of a map or set that overlap and are not the same.
fn conflict(elements: &[Element<'_>], ty: Type, width: u32) -> Result<(), Problem> {
    let mut ranges: Vec<(u128, u128, Span, &Element<'_>)> = Vec::with_capacity(elements.len());
    for element in elements {
        if let Ok((lo, hi)) = Lower::value_range(&element.key, ty, width)
            && !matches!(element.key, Expr::Any)
        {
            let span = super::numbers::written(&element.key).unwrap_or(element.span);
            ranges.push((lo, hi, span, element));
        }
    }
    ranges.sort_by_key(|(lo, hi, span, _)| (*lo, std::cmp::Reverse(*hi), *span));
    let mut open: Option<(u128, u128, Span, &Element<'_>)> = None;
    for next in ranges {
        if let Some(before) = open
            && next.0 <= before.1
        {
            let same = (next.0, next.1) == (before.0, before.1) && next.3.data == before.3.data;
            if !same {
                let second = before.2.max(next.2);
                let message = "this overlaps another element";
                let problem = Problem::new(raised::SYNTAX_ERROR, message, Some(second));
                return Err(problem.with_help("a set with `auto-merge` puts ranges together"));
            }
        }
        if open.is_none_or(|before| next.1 > before.1) {
            open = Some(next);
        }
    }
    Ok(())
}

/// Two keys of a map in the same words with different data.
fn twice<'e, 'a>(elements: &'e [Element<'a>]) -> Option<&'e Element<'a>> {
    let mut seen: HashMap<String, &Element<'_>> = HashMap::with_capacity(elements.len());
    elements.iter().find(|element| {
        let words = super::describe::expr(&element.key);
        seen.insert(words, element).is_some_and(|before| before.data != element.data)
    })
}

// Names of types with their places.
fn types_are_known(text: &str, base: u32) -> Result<(), (String, Span)> {
    let (keys, data) = text.split_once(':').map_or((text, None), |(keys, data)| (keys, Some(data)));
    let mut names: Vec<&str> = keys.split('.').collect();
    if let Some(data) = data {
        let parts = data.split('.').map(|part| part.trim().trim_start_matches("interval "));
        names.extend(parts.filter(|part| *part != VERDICT && !OBJECTS.contains(part)));
    }
    for name in names {
        let word = name.trim();
        if datatype::by_name(word).is_none() {
            let local = Span::of(text, word);
            let span = Span { start: base.saturating_add(local.start), end: base.saturating_add(local.end) };
            return Err((format!("`{word}` is no type of nft"), span));
        }
    }
    Ok(())
}

// What stands behind an element.
#[derive(Clone, Copy)]
enum Behind {
    Nothing,
    Verdict,
    Value,
    // The declaration is not looked at.
    Unknown,
}

fn behind(declared: Declared<'_>) -> Behind {
    match declared {
        Declared::Types(text, _) | Declared::Like(text, _) => match text.split_once(':') {
            None => Behind::Nothing,
            Some((_, data)) if data.trim() == VERDICT => Behind::Verdict,
            Some(_) => Behind::Value,
        },
        Declared::Json(_) => Behind::Unknown,
    }
}

// The one type of what a map gives, and whether it may be a range.
fn data_type(declared: Declared<'_>) -> Option<(&str, bool)> {
    let Declared::Types(text, _) = declared else { return None };
    let data = text.split_once(':')?.1.trim();
    let interval = data.strip_prefix("interval").filter(|rest| rest.starts_with([' ', '\t']));
    let name = interval.unwrap_or(data).trim();
    Some((name, interval.is_some()))
}

// Whether an element has what the declaration says.
fn has_data(element: &Element<'_>, behind: Behind) -> Result<(), Problem> {
    let wrong = |message: &str| Err(Problem::new(raised::SYNTAX_ERROR, message, Some(element.span)));
    match (behind, &element.data) {
        (Behind::Nothing, Some(_)) => wrong("a set has values, and nothing behind them; a `map` has"),
        (Behind::Verdict | Behind::Value, None) => wrong("expected `:` and what the map gives for this"),
        (Behind::Verdict, Some(Data::Value(_))) => wrong("expected a verdict for this"),
        (Behind::Value, Some(Data::Verdict(_))) => wrong("expected a value for this, not a verdict"),
        _ => Ok(()),
    }
}

/// A head without anything said.
pub(super) fn no_base<'a>(at: Span) -> Base<'a> {
    let word = |text| Word { text, span: at };
    Base { kind: word("filter"), hook: word(""), devices: Vec::new(), priority: 0, drops: false }
}
