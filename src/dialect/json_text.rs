//! JSON with the place of every value, for dialects that programs write as JSON.

use crate::guard::{Meter, limits};
use crate::source::Span;
use std::borrow::Cow;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Json<'a> {
    /// The value.
    pub(crate) value: Value<'a>,
    /// Where it stands.
    pub(crate) span: Span,
}

/// A JSON value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number in its own digits.
    Number(&'a str),
    /// A text without its quotes and escapes.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Json<'a>>),
    /// Names and values in the order written.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// What was expected, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    /// What should have been there.
    pub(crate) expected: String,
    /// Where.
    pub(crate) at: usize,
}

impl Json<'_> {
    /// The value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Object(list) => list.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The members of a list; none for other values.
    pub(crate) fn list(&self) -> &[Self] {
        match &self.value {
            Value::List(list) => list,
            _ => &[],
        }
    }

    /// The value as a text.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a whole number.
    pub(crate) fn number(&self) -> Option<u64> {
        match &self.value {
            Value::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// The value as a number with a fraction.
    pub(crate) fn float(&self) -> Option<f64> {
        match &self.value {
            Value::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// Whether the value is `true`.
    pub(crate) fn is_true(&self) -> bool {
        matches!(self.value, Value::Bool(true))
    }
}

/// Reads the one value of a text.
pub(crate) fn read(text: &str) -> Result<Json<'_>, Fault> {
    let mut reader = Reader { text, at: 0, depth: Meter::new(&limits::NESTING) };
    let value = reader.value()?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(reader.fault("nothing behind the value"));
    }
    Ok(value)
}

/// Reads the values of a text that holds several, one behind the other.
pub(crate) fn read_all(text: &str) -> Result<Vec<Json<'_>>, Fault> {
    let mut reader = Reader { text, at: 0, depth: Meter::new(&limits::NESTING) };
    let mut list = Vec::new();
    loop {
        reader.blanks();
        if reader.at >= text.len() {
            return Ok(list);
        }
        list.push(reader.value()?);
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: Meter,
}

impl<'a> Reader<'a> {
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
    }

    fn fault(&self, expected: &str) -> Fault {
        let mut at = self.at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        Fault { expected: expected.to_owned(), at }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.blanks();
        let found = self.byte() == byte && self.at < self.text.len();
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<Json<'a>, Fault> {
        self.blanks();
        let start = self.at;
        let value = match self.byte() {
            b'{' | b'[' => {
                self.depth
                    .charge(1)
                    .map_err(|exhausted| self.fault(&format!("less nesting: {exhausted}")))?;
                let value = if self.byte() == b'{' { self.object() } else { self.array() }?;
                self.depth.release(1);
                value
            }
            b'"' => Value::Text(self.quoted()?),
            b'-' | b'0'..=b'9' => {
                while matches!(self.byte(), b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') {
                    self.at += 1;
                }
                Value::Number(self.text.get(start..self.at).unwrap_or(""))
            }
            _ => {
                let rest = self.text.get(start..).unwrap_or("");
                let words =
                    [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
                let Some((word, value)) = words.into_iter().find(|(word, _)| rest.starts_with(word)) else {
                    return Err(self.fault("a JSON value"));
                };
                self.at += word.len();
                value
            }
        };
        Ok(Json { value, span: Span::new(start, self.at) })
    }

    fn array(&mut self) -> Result<Value<'a>, Fault> {
        self.at += 1;
        let mut list = Vec::new();
        if self.eat(b']') {
            return Ok(Value::List(list));
        }
        loop {
            list.push(self.value()?);
            if self.eat(b']') {
                return Ok(Value::List(list));
            }
            if !self.eat(b',') {
                return Err(self.fault("`,` or `]`"));
            }
        }
    }

    fn object(&mut self) -> Result<Value<'a>, Fault> {
        self.at += 1;
        let mut list = Vec::new();
        if self.eat(b'}') {
            return Ok(Value::Object(list));
        }
        loop {
            self.blanks();
            if self.byte() != b'"' {
                return Err(self.fault("a name in quotes"));
            }
            let name = self.quoted()?;
            if !self.eat(b':') {
                return Err(self.fault("`:`"));
            }
            list.push((name, self.value()?));
            if self.eat(b'}') {
                return Ok(Value::Object(list));
            }
            if !self.eat(b',') {
                return Err(self.fault("`,` or `}`"));
            }
        }
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.at += 1;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'"' => {
                    let raw = self.text.get(start..self.at).unwrap_or("");
                    self.at += 1;
                    return Ok(if escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) });
                }
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        Err(self.fault("a closing quote"))
    }
}

// What is escaped wrongly stays as it is.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let digits: String = rest.clone().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                if let Some(code) = code {
                    rest.nth(3);
                    out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                } else {
                    out.push_str("\\u");
                }
            }
            Some(c) => out.push(c),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_their_places() {
        let text = r#"{"a": [1, -2.5, "x\u0026\"y"], "b": {"c": null, "d": true}}"#;
        let json = read(text).unwrap();
        let list = json.get("a").unwrap().list();
        assert_eq!((list[0].number(), list[1].float(), list[2].text()), (Some(1), Some(-2.5), Some("x&\"y")));
        assert_eq!(text.get(list[1].span.range()), Some("-2.5"));
        assert!(json.get("b").unwrap().get("d").unwrap().is_true());
    }

    #[test]
    fn faults_are_placed() {
        let at = |text: &str| read(text).unwrap_err().at;
        assert_eq!(at("{\"a\" 1}"), 5);
        assert_eq!(at("[1 2]"), 3);
        assert_eq!(at("[1] x"), 4);
        assert_eq!(at("\"abc"), 4);
        assert_eq!(at("{é"), 1);
        assert!(read(&"[".repeat(10_000)).is_err());
    }
}
