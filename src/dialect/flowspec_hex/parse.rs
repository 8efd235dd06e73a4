//! Lines to syntax. A line that cannot be read becomes one finding, and reading goes on at the next.

use super::syntax::{HexField, Line};
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::flowspec::{Community, Frames, Table};
use crate::dialect::{Recognition, Sample, raise, raised};
use crate::source::{SourceId, Span};

/// What a comment begins with that names the rule of its line.
pub(super) const NAME: &str = "name:";

// Longer words are communities; what continues an NLRI written with blanks is shorter.
const PIECE_DIGITS: usize = 8;

/// The lines of `text` that hold rules; what is wrong with others goes to `out`.
pub(super) fn lines<'a>(
    text: &'a str,
    id: SourceId,
    mut each: impl FnMut(Line<'a>, &mut Vec<Diagnostic>),
    out: &mut Vec<Diagnostic>,
) {
    let mut start = 0;
    let mut scratch = HexField::default();
    for (raw, number) in text.split_inclusive('\n').zip(1_u32..) {
        match line(raw, start, number, &mut scratch) {
            Ok(None) => {}
            Ok(Some(line)) => each(line, out),
            Err(error) => {
                let finding = raise(raised::SYNTAX_ERROR, Level::Error, error.message, id, error.span);
                out.push(finding.with_help(error.help));
            }
        }
        start += raw.len();
    }
}

#[derive(Debug)]
struct Unread {
    message: String,
    span: Span,
    help: &'static str,
}

const FORM: &str = "write a line as `[ipv4|ipv6|vpnv4|vpnv6] NLRI [COMMUNITY...]`, all in hex";

/// One line; `field` is storage for its communities.
fn line<'a>(
    raw: &'a str,
    start: usize,
    number: u32,
    field: &mut HexField,
) -> Result<Option<Line<'a>>, Unread> {
    let (code, comment) = raw.split_once('#').unwrap_or((raw, ""));
    let mut words = code.split_whitespace().peekable();
    let Some(first) = words.peek().copied() else { return Ok(None) };
    let place = |word: &str| {
        let span = Span::of(code, word);
        Span::new(start + span.range().start, start + span.range().end)
    };
    let table = Table::by_name(&first.to_ascii_lowercase());
    if table.is_some() {
        words.next();
    }
    let Some(first_hex) = words.next() else {
        let message = format!("`{first}` stands alone, without an NLRI");
        return Err(Unread { message, span: place(first), help: FORM });
    };
    let mut nlri = HexField::default();
    hex(first_hex, place(first_hex), &mut nlri)?;
    let mut cut_off = cut_off(&nlri.octets, 0);
    while let Some(from) = cut_off
        && let Some(word) = words.next_if(|word| is_piece(word))
    {
        hex(word, place(word), &mut nlri)?;
        cut_off = self::cut_off(&nlri.octets, from);
    }
    let mut communities = Vec::new();
    let mut last = place(first_hex).to(nlri.place(Span { start: u32::MAX, end: u32::MAX }));
    for word in words {
        last = place(word);
        field.octets.clear();
        field.places.clear();
        hex(word, last, field)?;
        let Some(community) = Community::new(&field.octets) else {
            let message = format!("`{}` is no extended community", shorten(word));
            let help = "write an extended community in 16 hex digits, one for IPv6 in 40";
            return Err(Unread { message, span: last, help });
        };
        communities.push((community, last));
    }
    let name = comment.trim().strip_prefix(NAME).map(str::trim).filter(|name| !name.is_empty());
    Ok(Some(Line {
        number,
        span: place(first).to(last),
        table: table.unwrap_or(Table::Ipv4),
        nlri,
        communities,
        name,
    }))
}

/// Where the NLRI begins inside which the octets end; `from` is where one before it begins.
fn cut_off(octets: &[u8], from: usize) -> Option<usize> {
    let rest = octets.get(from..)?;
    match Frames::new(rest, 0).last()? {
        Err(error) if error.defect.is_framing() => Some(from + error.offset as usize),
        Err(_) | Ok(_) => None,
    }
}

fn is_piece(word: &str) -> bool {
    word.len() <= PIECE_DIGITS && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Reads pairs of digits, colons between them and `0x` before them, into `field`.
fn hex(word: &str, place: Span, field: &mut HexField) -> Result<(), Unread> {
    let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word);
    let mut at = place.start + Span::of(word, digits).start;
    let mut rest = digits.as_bytes();
    field.octets.reserve(rest.len() / 2);
    field.places.reserve(rest.len() / 2);
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
    while let [high, tail @ ..] = rest {
        if *high == b':' && !tail.is_empty() && rest.len() < digits.len() {
            (rest, at) = (tail, at + 1);
            continue;
        }
        let Some(high) = value(*high) else { return Err(not_hex(word, place, at)) };
        let [low, tail @ ..] = tail else {
            let message = format!("`{}` has an odd number of hex digits", shorten(word));
            return Err(Unread { message, span: place, help: "write two digits for each octet" });
        };
        let Some(low) = value(*low) else { return Err(not_hex(word, place, at + 1)) };
        field.octets.push(high << 4 | low);
        field.places.push(at);
        (rest, at) = (tail, at + 2);
    }
    if digits.is_empty() {
        return Err(not_hex(word, place, place.start));
    }
    Ok(())
}

fn not_hex(word: &str, place: Span, at: u32) -> Unread {
    let rest = word.get(at.saturating_sub(place.start) as usize..).unwrap_or("");
    let width = rest.chars().next().map_or(1, char::len_utf8);
    let at = Span::new(at as usize, at as usize + width);
    let message = format!("`{}` is not hex", shorten(word));
    Unread { message, span: at, help: FORM }
}

/// A word as messages quote it.
fn shorten(word: &str) -> String {
    if word.chars().count() <= 40 {
        return word.to_owned();
    }
    let head: String = word.chars().take(37).collect();
    format!("{head}...")
}

/// How sure the sample is of this dialect: by its lines, then by its name.
pub(super) fn recognise(sample: &Sample<'_>) -> Recognition {
    let Some(text) = sample.text else { return Recognition::No };
    let (mut rules, mut other) = (0_usize, 0_usize);
    let mut scratch = HexField::default();
    for (raw, number) in text.split_inclusive('\n').zip(1..).take(200) {
        // The sample may end inside a line.
        let is_cut = !raw.ends_with('\n') && text.len() > 60_000;
        match line(raw, 0, number, &mut scratch) {
            Ok(None) => {}
            _ if is_cut => {}
            Ok(Some(line)) if looks_like_nlri(&line) => rules += 1,
            Ok(Some(_)) | Err(_) => other += 1,
        }
    }
    let ends = |list: &[&str]| list.iter().any(|end| sample.name.ends_with(end));
    match (rules, other) {
        // Names that nothing else has: a file of which every NLRI is broken is still one of NLRIs.
        _ if rules == 0 && ends(&[".nlri", ".flowspec-hex"]) => Recognition::Possible,
        (0, 0) if ends(&[".hex"]) => Recognition::Possible,
        (0, _) => Recognition::No,
        (rules, other) if rules > other => Recognition::Certain,
        _ => Recognition::Possible,
    }
}

/// Whether a line is more than some hex: its octets hold an NLRI of the length they say.
fn looks_like_nlri(line: &Line<'_>) -> bool {
    let Some(Ok(frame)) = Frames::new(&line.nlri.octets, 0).next() else { return false };
    let skip = if line.table.is_vpn() { 8 } else { 0 };
    frame.value.get(skip).is_some_and(|number| (1..=13).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Line<'_>, Unread> {
        line(text, 0, 1, &mut HexField::default()).map(Option::unwrap)
    }

    #[test]
    fn octets_know_their_digits_whatever_stands_between() {
        let line = read("  vpnv4  0x0b:01 18 c000 02 03810604 8119 8006000000000000").unwrap();
        assert_eq!(line.table, Table::Vpnv4);
        assert_eq!(line.nlri.octets, [11, 1, 24, 192, 0, 2, 3, 0x81, 6, 4, 0x81, 0x19]);
        assert_eq!(line.nlri.place(Span::new(1, 3)), Span::new(14, 19));
        assert_eq!(line.nlri.place(Span::new(12, 12)), Span::new(39, 41));
        assert_eq!(line.communities.len(), 1);
        assert_eq!(line.span, Span::new(2, 58));
    }

    #[test]
    fn a_community_is_not_taken_for_the_rest_of_an_nlri() {
        let line = read("200118c00002 8006000000000000").unwrap();
        assert_eq!(line.nlri.octets.len(), 6);
        assert_eq!(line.communities.len(), 1);
    }

    #[test]
    fn a_comment_may_name_the_rule() {
        assert_eq!(read("020100 # name: all of it").unwrap().name, Some("all of it"));
        assert_eq!(read("020100 # other").unwrap().name, None);
        assert!(line("# nothing", 0, 1, &mut HexField::default()).unwrap().is_none());
    }

    #[test]
    fn faults_are_placed() {
        let at = |text| read(text).unwrap_err().span.start;
        assert_eq!(at("ipv4 02010g"), 10);
        assert_eq!(at("ipv5 020100"), 0);
        assert_eq!(at("ipv4 02010"), 5);
        assert_eq!(at("020100 80060000"), 7);
        assert_eq!(at("ipv6"), 0);
        assert_eq!(at("020100 0x"), 7);
    }

    #[test]
    fn content_speaks_before_the_name() {
        let sure = |name, text: &str| recognise(&Sample { name, octets: text.as_bytes(), text: Some(text) });
        assert_eq!(sure("", "# rules\n0b0118c00002038106048119 8006000000000000\n"), Recognition::Certain);
        assert_eq!(sure("a.hex", "# empty\n"), Recognition::Possible);
        assert_eq!(sure("a.txt", "dead beef\n"), Recognition::No);
        assert_eq!(sure("a.flowspec-hex", "00 8006000000000000\n"), Recognition::Possible);
        assert_eq!(sure("a.hex", ":10010000214601\n"), Recognition::No);
        assert_eq!(sure("a.txt", "set firewall family inet filter a term b then accept\n"), Recognition::No);
    }
}
