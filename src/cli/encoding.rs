//! Octets to text: UTF-8, UTF-16 and UTF-32 as editors and shells write them, else Latin-1.

/// What the octets of a text file were taken for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    Utf8,
    /// Two octets a unit; whether the lower comes first.
    Utf16(bool),
    /// Four octets a character; whether the lowest comes first.
    Utf32(bool),
    Latin1,
}

impl Encoding {
    /// Its name in a note to the user; none for the usual one.
    pub(super) fn note(self) -> Option<&'static str> {
        match self {
            Self::Utf8 => None,
            Self::Utf16(_) => Some("UTF-16"),
            Self::Utf32(_) => Some("UTF-32"),
            Self::Latin1 => Some("Latin-1"),
        }
    }
}

/// Units looked at where a file has no mark.
const SEEN: usize = 64;

/// Whether the beginning of a file is text in units of two or four octets: by its mark, else by the zeros that stand
/// beside every letter.
pub(super) fn wide(octets: &[u8]) -> Option<Encoding> {
    match octets {
        [0xff, 0xfe, 0, 0, ..] => return Some(Encoding::Utf32(true)),
        [0, 0, 0xfe, 0xff, ..] => return Some(Encoding::Utf32(false)),
        [0xff, 0xfe, ..] => return Some(Encoding::Utf16(true)),
        [0xfe, 0xff, ..] => return Some(Encoding::Utf16(false)),
        _ => {}
    }
    let pairs = || octets.chunks_exact(2).take(SEEN);
    let text = |octet: &u8| matches!(octet, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    let all = |test: fn(&[u8]) -> Option<(&u8, &u8)>| {
        pairs().count() >= 4
            && pairs().all(|pair| test(pair).is_some_and(|(letter, zero)| text(letter) && *zero == 0))
    };
    if all(|pair| pair.first().zip(pair.get(1))) {
        return Some(Encoding::Utf16(true));
    }
    all(|pair| pair.get(1).zip(pair.first())).then_some(Encoding::Utf16(false))
}

/// The octets as text without its mark, and what they were taken for. What stands for no character becomes the
/// replacement character, which no dialect takes for anything.
pub(super) fn text(octets: Vec<u8>) -> (String, Encoding) {
    let (mut text, encoding) = match wide(&octets) {
        Some(encoding) => (decode(&octets, encoding), encoding),
        None => match String::from_utf8(octets) {
            Ok(text) => (text, Encoding::Utf8),
            Err(error) => {
                (error.as_bytes().iter().map(|octet| char::from(*octet)).collect(), Encoding::Latin1)
            }
        },
    };
    if text.starts_with('\u{feff}') && encoding != Encoding::Latin1 {
        text.remove(0);
    }
    (text, encoding)
}

/// Text in units of two or four octets.
fn decode(octets: &[u8], encoding: Encoding) -> String {
    const NONE: char = char::REPLACEMENT_CHARACTER;
    let cut = |size: usize| (!octets.len().is_multiple_of(size)).then_some(NONE);
    match encoding {
        Encoding::Utf16(low_first) => {
            let (pairs, _) = octets.as_chunks::<2>();
            let units = pairs
                .iter()
                .map(|pair| if low_first { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) });
            char::decode_utf16(units).map(|unit| unit.unwrap_or(NONE)).chain(cut(2)).collect()
        }
        Encoding::Utf32(low_first) => {
            let (fours, _) = octets.as_chunks::<4>();
            let units = fours
                .iter()
                .map(|four| if low_first { u32::from_le_bytes(*four) } else { u32::from_be_bytes(*four) });
            units.map(|unit| char::from_u32(unit).unwrap_or(NONE)).chain(cut(4)).collect()
        }
        Encoding::Utf8 | Encoding::Latin1 => octets.iter().map(|octet| char::from(*octet)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_unicode_without_its_mark_else_latin1() {
        let of = |octets: &[u8]| text(octets.to_vec());
        let want = |text: &str, encoding| (text.to_owned(), encoding);
        assert_eq!(of(b"\xef\xbb\xbfa"), want("a", Encoding::Utf8));
        assert_eq!(of(b"\xe4b"), want("äb", Encoding::Latin1));
        assert_eq!(of(b"\xff\xfea\0\xe4\0"), want("aä", Encoding::Utf16(true)));
        assert_eq!(of(b"\xfe\xff\0a\xd8\x3d\xde\0"), want("a\u{1f600}", Encoding::Utf16(false)));
        assert_eq!(of(b"\xff\xfea\0\0\xd8b\0c"), want("a\u{fffd}b\u{fffd}", Encoding::Utf16(true)));
        assert_eq!(of(b"\xff\xfe\0\0a\0\0\0"), want("a", Encoding::Utf32(true)));
        assert_eq!(of(b"\0\0\xfe\xff\0\0\0a\0"), want("a\u{fffd}", Encoding::Utf32(false)));
        let set: Vec<u8> = "set a\r\n".bytes().flat_map(|octet| [octet, 0]).collect();
        assert_eq!(of(&set), want("set a\r\n", Encoding::Utf16(true)));
        assert_eq!(of(b"\xff"), want("\u{ff}", Encoding::Latin1));
        assert_eq!(of(b""), want("", Encoding::Utf8));
    }
}
