//! Statements and expressions of JSON, to the same syntax as text.

use super::super::fields::{Base as RawBase, Extension, Header, Load, Part, Type, meta};
use super::super::load::{conntrack, extension_part, ip_option, tcp_option};
use super::super::syntax::{
    Binary, Class, Data, Effect, Element, Expr, Kept, Kind, Reject, Relation, Rewrite, Rewriter, Statement,
    Verdict, Word,
};
use crate::source::Span;
use serde_json::Value;

/// The only member of an object.
pub(super) fn single(value: &Value) -> Option<(&str, &Value)> {
    let map = value.as_object()?;
    let (key, value) = map.iter().next()?;
    (map.len() == 1).then_some((key.as_str(), value))
}

/// A member that is text.
pub(super) fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// The statements of a rule object.
pub(in super::super) fn rule<'a>(object: &'a Value, span: Span, out: &mut Vec<Statement<'a>>) {
    let list = object.get("expr").and_then(Value::as_array);
    for value in list.into_iter().flatten() {
        let kind = statement(value, span).unwrap_or(Kind::Broken);
        out.push(Statement { kind, span });
    }
    if let Some(comment) = text(object, "comment") {
        out.push(Statement { kind: Kind::Comment(Word { text: comment, span }), span });
    }
}

fn statement(value: &Value, span: Span) -> Option<Kind<'_>> {
    let (key, inner) = match value {
        Value::String(word) => (word.as_str(), &Value::Null),
        other => single(other)?,
    };
    if let Some(verdict) = verdict(key, inner, span) {
        return Some(Kind::Verdict(verdict));
    }
    let named = || inner.as_str().map(|text| Word { text, span });
    let said = || Some(words(key, inner).into());
    let kept = |word, name, looks| Some(Kind::Condition(Box::new(Kept { word, name, looks, said: said() })));
    // An object by its name, or by a map that picks one.
    let picked = || inner.get("map").and_then(|_| expr(inner, span)).into_iter().collect();
    let stateful = |word| kept(word, named(), picked());
    match key {
        "match" => comparison(inner, span),
        "vmap" => Some(Kind::VerdictMap(expr(inner.get("key")?, span)?, expr(inner.get("data")?, span)?)),
        "counter" if inner.get("map").is_some() => Some(Kind::Effect(Effect::Picks(expr(inner, span)?))),
        "counter" => {
            let name = inner.as_str().or_else(|| text(inner, "name"));
            Some(Kind::Effect(Effect::Count(name.map(|text| Word { text, span }), name.is_some())))
        }
        "log" => Some(Kind::Effect(Effect::Log)),
        "mangle" => {
            let target = expr(inner.get("key")?, span)?;
            let value = inner.get("value").and_then(|value| expr(value, span)).unwrap_or(Expr::Unmodelled);
            Some(Kind::Effect(match target {
                Expr::Load(load, _) => Effect::Write(load, value),
                _ => Effect::Other("mangle"),
            }))
        }
        "limit" => stateful("limit"),
        "quota" => stateful("quota"),
        "set" | "map" => {
            let set = text(inner, if key == "set" { "set" } else { "map" });
            let set = set.and_then(|name| name.strip_prefix('@')).map(|text| Word { text, span });
            let part = |key| inner.get(key).and_then(|value| expr(value, span));
            kept("set", set, [part("elem"), part("data")].into_iter().flatten().collect())
        }
        "meter" => {
            let key = inner.get("key").and_then(|value| expr(value, span));
            kept("meter", None, key.into_iter().collect())
        }
        "ct count" => stateful("ct count"),
        "tproxy" => rewrite(Rewriter::Tproxy, inner, span),
        "xt" => stateful("xt"),
        "snat" => rewrite(Rewriter::Snat, inner, span),
        "dnat" => rewrite(Rewriter::Dnat, inner, span),
        "masquerade" => rewrite(Rewriter::Masquerade, inner, span),
        "redirect" => rewrite(Rewriter::Redirect, inner, span),
        "fwd" => {
            let part = |key| inner.get(key).and_then(|value| expr(value, span));
            Some(Kind::HandOn("fwd", [part("addr"), part("dev")].into_iter().flatten().collect()))
        }
        "synproxy" => Some(Kind::HandOn("synproxy", Vec::new())),
        "reject" => {
            let code = inner.get("expr").and_then(|code| expr(code, span));
            Some(Kind::Reject(match (text(inner, "type"), code) {
                (Some("tcp reset"), _) => Reject::TcpReset,
                (Some(kind @ ("icmp" | "icmpv6" | "icmpx")), Some(code)) => Reject::Icmp(kind, code),
                _ => Reject::Plain,
            }))
        }
        "dup" => {
            let part = |key| inner.get(key).and_then(|value| expr(value, span));
            let looks = [part("addr"), part("dev")].into_iter().flatten().collect();
            Some(Kind::Effect(Effect::Copies(looks)))
        }
        "ct helper" | "ct timeout" | "ct expectation" | "secmark" => Some(Kind::Effect(match named() {
            Some(name) => {
                let kinds = ["ct helper", "ct timeout", "ct expectation", "secmark"];
                Effect::Uses(kinds.into_iter().find(|kind| *kind == key)?, name)
            }
            None => Effect::Picks(expr(inner, span)?),
        })),
        "last" => Some(Kind::Effect(Effect::Last)),
        "notrack" => Some(Kind::Effect(Effect::Other("notrack"))),
        "flow" => Some(Kind::Effect(Effect::Other("flow"))),
        "reset" => Some(Kind::Effect(Effect::Other("reset tcp option"))),
        _ => None,
    }
}

// The words of text for what the kernel keeps, as `nft list` writes them.
pub(super) fn words(key: &str, inner: &Value) -> String {
    let part = |name: &str| match inner.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let over = if inner.get("inv").and_then(Value::as_bool).unwrap_or(false) { "over " } else { "" };
    let unit = |name: &str| match part(name) {
        unit if unit == "packets" || unit.is_empty() => None,
        unit => Some(unit),
    };
    match (key, inner) {
        (_, Value::String(name)) => format!("{key} name {name}"),
        ("limit", Value::Object(_)) if inner.get("rate").is_some() => {
            let rate = unit("rate_unit").map_or_else(String::new, |unit| format!(" {unit}"));
            let burst = match (part("burst"), unit("burst_unit")) {
                (burst, None) if burst.is_empty() || burst == "5" => String::new(),
                (burst, unit) => format!(" burst {burst} {}", unit.as_deref().unwrap_or("packets")),
            };
            format!("limit rate {over}{}{rate}/{}{burst}", part("rate"), part("per"))
        }
        ("quota" | "ct count", Value::Object(_)) if inner.get("val").is_some() => {
            let unit = unit("val_unit").map_or_else(String::new, |unit| format!(" {unit}"));
            format!("{key} {over}{}{unit}", part("val"))
        }
        _ => format!("{key} {inner}"),
    }
}

fn rewrite(what: Rewriter, inner: &Value, span: Span) -> Option<Kind<'_>> {
    let version = match text(inner, "family") {
        Some("ip") => Some(4),
        Some("ip6") => Some(6),
        _ => None,
    };
    let part = |key| match inner.get(key) {
        Some(value) => Some(Some((expr(value, span)?, span))),
        None => Some(None),
    };
    let (address, port) = (part("addr")?, part("port")?);
    Some(Kind::Rewrite(Box::new(Rewrite { what, version, address, port })))
}

fn verdict<'a>(key: &str, inner: &'a Value, span: Span) -> Option<Verdict<'a>> {
    let target = || text(inner, "target").map(|text| Word { text, span });
    Some(match key {
        "accept" => Verdict::Accept,
        "drop" => Verdict::Drop,
        "continue" => Verdict::Continue,
        "return" => Verdict::Return,
        "jump" => Verdict::Jump(target()?),
        "goto" => Verdict::Goto(target()?),
        "queue" => Verdict::Queue(
            inner.get("num").filter(|num| num.is_object()).and_then(|num| expr(num, span)).map(Box::new),
        ),
        _ => return None,
    })
}

fn comparison(inner: &Value, span: Span) -> Option<Kind<'_>> {
    let left = expr(inner.get("left")?, span)?;
    let right = expr(inner.get("right")?, span)?;
    let relation = match text(inner, "op").unwrap_or("==") {
        "==" => Relation::Equal,
        "in" => Relation::Implicit,
        "!=" => Relation::Unequal,
        "<" => Relation::Less,
        "<=" => Relation::LessOrEqual,
        ">" => Relation::Greater,
        ">=" => Relation::GreaterOrEqual,
        "!" => Relation::NoneOf,
        _ => return None,
    };
    Some(Kind::Match(left, relation, right))
}

/// The elements of a set, added to `out`.
pub(in super::super) fn elements<'a>(value: &'a Value, span: Span, out: &mut Vec<Element<'a>>) {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    out.extend(list.iter().map(|value| element(value, span)));
}

fn element(value: &Value, span: Span) -> Element<'_> {
    // A pair is a key with what the map gives for it.
    if let Value::Array(pair) = value
        && let [key, data] = pair.as_slice()
    {
        let said = match data {
            Value::String(word) => verdict(word, &Value::Null, span),
            other => single(other).and_then(|(word, inner)| verdict(word, inner, span)),
        };
        let value = || Data::Value(expr(data, span).unwrap_or(Expr::Unmodelled));
        let data = said.map_or_else(value, Data::Verdict);
        let key = expr(key, span).unwrap_or(Expr::Unmodelled);
        let temporary = temporary(pair.first());
        return Element { key, data: Some(data), temporary, span };
    }
    let temporary = temporary(Some(value));
    Element { key: expr(value, span).unwrap_or(Expr::Unmodelled), data: None, temporary, span }
}

// Whether an element is gone after a time.
fn temporary(element: Option<&Value>) -> bool {
    let inner = element.and_then(|element| element.get("elem"));
    inner.is_some_and(|inner| inner.get("timeout").is_some() || inner.get("expires").is_some())
}

fn pair(value: &Value, span: Span) -> Option<(Expr<'_>, Expr<'_>)> {
    match value.as_array()?.as_slice() {
        [left, right] => Some((expr(left, span)?, expr(right, span)?)),
        _ => None,
    }
}

fn list(value: &Value, span: Span) -> Option<Vec<Expr<'_>>> {
    value.as_array()?.iter().map(|part| expr(part, span)).collect()
}

fn expr(value: &Value, span: Span) -> Option<Expr<'_>> {
    match value {
        Value::String(text) => Some(match text.strip_prefix('@') {
            Some(name) => Expr::SetRef(Word { text: name, span }),
            None if text == "*" => Expr::Any,
            None => Expr::Word(Word { text, span }),
        }),
        Value::Number(number) => number.as_u64().map(Expr::Number),
        Value::Bool(flag) => Some(Expr::Number(u64::from(*flag))),
        Value::Array(_) => list(value, span).map(Expr::List),
        Value::Object(_) => {
            let (key, inner) = single(value)?;
            object(key, inner, span)
        }
        Value::Null => None,
    }
}

fn object<'a>(key: &'a str, inner: &'a Value, span: Span) -> Option<Expr<'a>> {
    let binary = |operator| {
        let mut parts = list(inner, span)?.into_iter();
        let first = parts.next()?;
        Some(parts.fold(first, |left, right| Expr::Binary(Box::new((operator, left, right)))))
    };
    match key {
        "set" => {
            let mut list = Vec::new();
            elements(inner, span, &mut list);
            Some(Expr::Set(list))
        }
        "elem" => expr(inner.get("val")?, span),
        "concat" => list(inner, span).map(Expr::Concat),
        "range" => pair(inner, span).map(|pair| Expr::Range(Box::new(pair))),
        "prefix" => {
            let (addr, length) = (expr(inner.get("addr")?, span)?, expr(inner.get("len")?, span)?);
            Some(Expr::Slash(Box::new((addr, length))))
        }
        "map" => {
            let (key, data) = (expr(inner.get("key")?, span)?, expr(inner.get("data")?, span)?);
            Some(Expr::Map(Box::new((key, data))))
        }
        "&" => binary(Binary::And),
        "|" => binary(Binary::Or),
        "^" => binary(Binary::Xor),
        "<<" => binary(Binary::ShiftLeft),
        ">>" => binary(Binary::ShiftRight),
        _ => load(key, inner, span).map(|load| Expr::Load(load, span)),
    }
}

fn load(key: &str, inner: &Value, span: Span) -> Option<Load> {
    let get = |key| text(inner, key);
    let number = |key| inner.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let stateful = |ty, words: String| Some(Load::Beyond(Class::Stateful, ty, words.into()));
    match key {
        "payload" => payload(inner),
        "meta" => meta(get("key")?),
        "ct" => {
            let key = get("key")?;
            match key.split_once(' ') {
                Some((family, key)) => conntrack(get("dir"), Some(family), key),
                None => conntrack(get("dir"), get("family"), key),
            }
        }
        "exthdr" => {
            let extension = Extension::by_name(get("name")?)?;
            let part = match get("field") {
                Some(field) => extension_part(extension, field)?,
                None => Part::Exists,
            };
            Some(Load::Extension(extension, part))
        }
        "ip option" => match (get("field"), ip_option(get("name")?)) {
            (None, Some(kind)) => Some(Load::IpOption(kind)),
            (field, _) => Some(option("ip option", get("name")?, field)),
        },
        "tcp option" => {
            let field = get("field");
            let (Some(name), base) = (get("name"), number("base")) else {
                let words =
                    format!("tcp option @{},{},{}", number("base")?, number("offset")?, number("len")?);
                return Some(Load::TcpOption(Type::Integer, words.into()));
            };
            let _ = base;
            let ty = if field.is_none() { Type::Boolean } else { Type::Integer };
            let name = tcp_option(name);
            let words = field.map_or(format!("tcp option {name}"), |f| format!("tcp option {name} {f}"));
            Some(Load::TcpOption(ty, words.into()))
        }
        "sctp chunk" => Some(option("sctp chunk", get("name")?, get("field"))),
        "dccp option" => {
            let name = number("type").map(|n| n.to_string())?;
            Some(option("dccp option", &name, None))
        }
        "fib" => {
            let flags = match inner.get("flags") {
                Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>(),
                Some(Value::String(flag)) => vec![flag.as_str()],
                _ => return None,
            };
            let result = get("result")?;
            let ty = match result {
                "oifname" => Type::Name,
                "type" => Type::FibType,
                _ => Type::Host,
            };
            stateful(ty, format!("fib {} {result}", flags.join(" . ")))
        }
        _ => host(key, inner, span),
    }
}

// What the host knows or makes up.
fn host(key: &str, inner: &Value, span: Span) -> Option<Load> {
    let get = |key| text(inner, key);
    let number = |key| inner.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let stateful = |ty, words: String| Some(Load::Beyond(Class::Stateful, ty, words.into()));
    match key {
        "rt" => {
            let key = get("key")?;
            let ty = match key {
                "mtu" => Type::Integer,
                "ipsec" => Type::Boolean,
                _ => Type::Host,
            };
            match get("family") {
                Some(family) => stateful(ty, format!("rt {family} {key}")),
                None => stateful(ty, format!("rt {key}")),
            }
        }
        "socket" => {
            let key = get("key")?;
            let ty = match key {
                "mark" => Type::Mark,
                "cgroupv2" => Type::Host,
                _ => Type::Boolean,
            };
            stateful(ty, format!("socket {key}"))
        }
        "osf" => {
            let ttl = get("ttl").map(|ttl| format!(" ttl {ttl}")).unwrap_or_default();
            stateful(Type::Host, format!("osf{ttl} {}", get("key")?))
        }
        "ipsec" => {
            let words = [Some("ipsec"), get("dir"), get("family"), get("key")];
            let ty = match get("family") {
                Some("ip") => Type::Ipv4,
                Some(_) => Type::Ipv6,
                None => Type::Integer,
            };
            stateful(ty, words.into_iter().flatten().collect::<Vec<_>>().join(" "))
        }
        "tunnel" => stateful(Type::Integer, format!("tunnel {}", get("key")?)),
        "numgen" | "jhash" | "symhash" => {
            let mut words = key.to_owned();
            if let Some(mode) = get("mode") {
                words = format!("{words} {mode}");
            }
            if let Some(of) = inner.get("expr").and_then(|of| expr(of, span)) {
                words = format!("{words} {}", super::super::describe::expr(&of));
            }
            for option in ["mod", "seed", "offset"] {
                if let Some(n) = number(option).filter(|n| option == "mod" || *n != 0) {
                    words = format!("{words} {option} {n}");
                }
            }
            stateful(Type::Integer, words)
        }
        _ => None,
    }
}

fn option(kind: &str, name: &str, field: Option<&str>) -> Load {
    let ty = if field.is_none() { Type::Boolean } else { Type::Integer };
    let words = field.map_or(format!("{kind} {name}"), |field| format!("{kind} {name} {field}"));
    Load::Beyond(Class::Payload, ty, words.into())
}

fn payload(inner: &Value) -> Option<Load> {
    let number = |key| inner.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    if let Some(base) = text(inner, "base") {
        let base = match base {
            "ll" => RawBase::Link,
            "nh" => RawBase::Network,
            "th" => RawBase::Transport,
            "ih" => RawBase::Inner,
            _ => return None,
        };
        return Some(Load::Raw(base, number("offset")?, number("len").filter(|len| *len > 0)?));
    }
    let (protocol, field) = (text(inner, "protocol")?, text(inner, "field")?);
    if let Some(tunnel) = text(inner, "tunnel") {
        let ty = Header::by_name(protocol).and_then(|h| h.field(field)).map_or(Type::Integer, |p| p.ty);
        return Some(Load::Beyond(Class::Payload, ty, format!("{tunnel} {protocol} {field}").into()));
    }
    match Header::by_name(protocol) {
        Some(header) => match header.field(field) {
            Some(place) => Some(Load::Field(header, place)),
            None if header == Header::Arp => {
                Some(Load::Beyond(Class::Payload, Type::Host, format!("arp {field}").into()))
            }
            None => None,
        },
        None => Some(Load::Beyond(Class::Payload, Type::Integer, format!("{protocol} {field}").into())),
    }
}
