//! The RIB as JSON (`gobgp global rib -j`): operators come as the octets of the wire, the bit that ends a list
//! included.

use super::lower::Rules;
use super::matching;
use super::syntax::{Asked, Body, Item, Route, Verb};
use super::then;
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{ComponentType, Operand, Table};
use crate::dialect::json_text::{self as json, Json, Value};
use crate::dialect::raised;
use crate::guard::{Meter, limits};
use crate::source::Span;

/// Reads a RIB into `rules`. Gives how many values were passed over.
pub(super) fn read(text: &str, rules: &mut Rules<'_>, findings: &mut Findings) -> usize {
    let root = match json::read(text) {
        Ok(root) => root,
        Err(fault) => {
            let span = Span::new(fault.at, fault.at);
            findings.error(raised::SYNTAX_ERROR, format!("expected {}", fault.expected), span);
            return 0;
        }
    };
    let mut reader = Rib { rules, findings, route: Route::new(), skipped: 0 };
    match &root.value {
        Value::Object(routes) if root.get("nlri").is_none() => {
            for (_, paths) in routes {
                reader.route(paths);
            }
        }
        Value::List(list) => list.iter().for_each(|entry| reader.route(entry)),
        _ => reader.route(&root),
    }
    reader.skipped
}

struct Rib<'r, 'o> {
    rules: &'r mut Rules<'o>,
    findings: &'r mut Findings,
    route: Route,
    skipped: usize,
}

impl Rib<'_, '_> {
    // A list of paths, of which the best counts, or one path.
    fn route(&mut self, entry: &Json<'_>) {
        let paths = entry.list();
        let best = paths.iter().find(|path| path.get("best").is_some_and(Json::is_true));
        let path = best.or(paths.first()).unwrap_or(entry);
        let Some(nlri) = path.get("nlri") else {
            self.skipped += 1;
            return;
        };
        let attributes = path.get("attrs").map_or(&[][..], Json::list);
        let Some(table) = table(nlri, attributes) else {
            let message = "this route is no flow route of IPv4 or IPv6 and is not read";
            self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, message, nlri.span, "");
            self.skipped += 1;
            return;
        };
        let first = self.findings.len();
        self.route.clear(Verb::Shown, table, nlri.span);
        self.route.distinguisher = nlri.get("rd").and_then(distinguisher);
        let components = nlri.get("value").map_or(&[][..], Json::list);
        for component in components {
            self.component(component);
        }
        self.route.asked_known = path.get("attrs").is_some();
        for attribute in attributes {
            if matches!(attribute.get("type").and_then(Json::number), Some(16 | 25)) {
                let list = attribute.get("value").map_or(&[][..], Json::list);
                for community in list {
                    let asked = asked(community);
                    if asked == Asked::Unread {
                        let kind = community.get("type").and_then(Json::number).unwrap_or(0);
                        then::unread(&format!("type {kind}"), community.span, self.findings);
                    }
                    self.route.asked.push((asked, community.span));
                }
            }
        }
        self.rules.route(&self.route, None, first, self.findings);
    }

    fn component(&mut self, component: &Json<'_>) {
        let number = component.get("type").and_then(Json::number).and_then(|n| u8::try_from(n).ok());
        let kind = number.and_then(ComponentType::from_number);
        let value = component.get("value");
        let body = match (kind, value) {
            (Some(ComponentType::DestinationPrefix | ComponentType::SourcePrefix), Some(value)) => {
                return self.prefix(kind, component, value);
            }
            (Some(kind), Some(value)) => self.operands(kind, value),
            (None, _) | (_, None) => None,
        };
        if body.is_none() {
            let message = "expected a component of a flow route with its values";
            self.findings.error(raised::SYNTAX_ERROR, message, component.span);
        }
        self.route.items.push(Item { kind, body: body.unwrap_or(Body::Unread), span: component.span });
    }

    fn prefix(&mut self, kind: Option<ComponentType>, component: &Json<'_>, value: &Json<'_>) {
        let text = value.get("prefix");
        let prefix = text.and_then(Json::text).unwrap_or("");
        let offset = component.get("offset").and_then(Json::number).unwrap_or(0).to_string();
        let at = text.map_or(component.span, |text| text.span);
        let key = if kind == Some(ComponentType::SourcePrefix) { "source" } else { "destination" };
        // The offset of a text without escapes is that of its first character behind the quote.
        let start = at.start as usize + 1;
        let words = [(prefix, start), (offset.as_str(), start)];
        let count = if self.route.table.family() == crate::field::Family::Inet6 { 2 } else { 1 };
        matching::item((key, start), words.get(..count).unwrap_or(&[]), &mut self.route, self.findings);
        if let Some(item) = self.route.items.last_mut() {
            item.span = component.span;
        }
    }

    fn operands(&mut self, kind: ComponentType, value: &Json<'_>) -> Option<Body> {
        let start = self.route.operands.len();
        let meant = if kind.is_bitmask() { NOT | MATCH } else { LT | GT | EQ };
        let mut meter = Meter::new(&limits::CONDITION_VALUES);
        for (index, operand) in value.list().iter().enumerate() {
            let op = operand.get("op").and_then(Json::number).and_then(|op| u8::try_from(op).ok());
            let number = operand.get("value").and_then(Json::number);
            let (Some(op), Some(number), Ok(())) = (op, number, meter.charge(1)) else {
                self.route.operands.truncate(start);
                return None;
            };
            let and = if index == 0 { 0 } else { op & AND };
            self.route.operands.push(Operand::new(op & meant | and, number, operand.span));
        }
        (self.route.operands.len() > start).then(|| self.route.close(start))
    }
}

// From the address family of the update, else from the prefixes.
fn table(nlri: &Json<'_>, attributes: &[Json<'_>]) -> Option<Table> {
    let Some(Value::List(components)) = nlri.get("value").map(|value| &value.value) else { return None };
    let reach = attributes.iter().find(|a| a.get("type").and_then(Json::number) == Some(14));
    let family = reach.and_then(|reach| {
        let afi = u16::try_from(reach.get("afi")?.number()?).ok()?;
        Some((afi, u8::try_from(reach.get("safi")?.number()?).ok()?))
    });
    if let Some((afi, safi)) = family {
        return Table::of(afi, safi);
    }
    let six = components.iter().any(|component| {
        component.get("type").and_then(Json::number) == Some(13)
            || component
                .get("value")
                .and_then(|v| v.get("prefix"))
                .and_then(Json::text)
                .is_some_and(|p| p.contains(':'))
    });
    Some(match (six, nlri.get("rd").is_some()) {
        (false, false) => Table::Ipv4,
        (true, false) => Table::Ipv6,
        (false, true) => Table::Vpnv4,
        (true, true) => Table::Vpnv6,
    })
}

fn distinguisher(rd: &Json<'_>) -> Option<[u8; 8]> {
    let admin = rd.get("admin")?;
    let admin = admin.text().map(str::to_owned).or_else(|| admin.number().map(|n| n.to_string()))?;
    let assigned = rd.get("assigned")?.number()?;
    let kind = u8::try_from(rd.get("type")?.number()?).ok()?;
    let word = match admin.parse::<u32>() {
        Ok(asn) if kind == 2 => format!("{}.{}:{assigned}", asn >> 16, asn & 0xffff),
        _ => format!("{admin}:{assigned}"),
    };
    then::distinguisher(&word)
}

fn asked(community: &Json<'_>) -> Asked {
    let number = |name: &str| community.get(name).and_then(Json::number);
    let octet = |name: &str| number(name).and_then(|n| u8::try_from(n).ok());
    let text = community.get("value").and_then(Json::text);
    let read = || match (octet("type"), octet("subtype")) {
        (Some(0x80), Some(0x06)) => {
            #[expect(clippy::cast_possible_truncation, reason = "the wire has single precision")]
            let rate = community.get("rate").and_then(Json::float).map(|rate| f64::from(rate as f32));
            rate.map(Asked::Rate)
        }
        (Some(0x80), Some(0x07)) => {
            let is = |name: &str| community.get(name).is_some_and(Json::is_true);
            Some(Asked::Traffic(is("sample"), is("terminal")))
        }
        (Some(0x80), Some(0x09)) => octet("value").map(then::mark),
        (Some(0x80), Some(0x0b)) => text.and_then(then::six),
        (Some(kind @ (0x80..=0x82)), Some(subtype @ 0x08)) | (Some(kind @ 0..=2), Some(subtype)) => {
            let target = text.and_then(then::target).filter(|(form, _)| *form == kind & 3);
            target.map(|(_, value)| then::short(kind, subtype, value))
        }
        // Of others the octets behind the type are shown.
        (Some(kind), Some(subtype)) => match text.and_then(octets)?.split_first()? {
            (first, value) if *first == subtype => Some(then::short(kind, subtype, value.try_into().ok()?)),
            _ => None,
        },
        _ => None,
    };
    read().unwrap_or(Asked::Unread)
}

/// Octets in base 64 (RFC 4648 §4).
fn octets(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count) = (0_u32, 0);
    let mut list = Vec::new();
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            list.push((bits >> count & 0xff) as u8);
        }
    }
    Some(list)
}
