//! Whatever the frame, decoding ends without a panic; every field it gives has a value of its width and its needs met,
//! no field is missing whose needs are met, cutting the frame short never invents a value, and what can be built from
//! the headers decodes to them.

use flowgate::field::{FIELDS, Field, FieldInfo, Headers, Layer, Reading};
use flowgate::packet::{self, Decoded, LinkType};

const LINKS: [u16; 8] = [1, 101, 113, 276, 0, 108, 9, 228];

/// The law: the first octet chooses the link type, the second how much of the frame was captured.
pub fn run(data: &[u8]) {
    let [link, cut, frame @ ..] = data else { return };
    let link = LinkType(LINKS[usize::from(*link) % LINKS.len()]);
    let length = u32::try_from(frame.len()).expect("short input");
    let mut whole = Headers::new();
    let decoded = packet::decode(link, frame, length, &mut whole);
    fields_agree_with_the_table(&whole, decoded);
    let kept = frame.len().saturating_sub(usize::from(*cut));
    let mut part = Headers::new();
    packet::decode(link, &frame[..kept], length, &mut part);
    for (field, value) in part.values() {
        assert_eq!(whole.get(field), Reading::Value(value), "{}: cut {part:?} of {whole:?}", field.name());
    }
    let mut bare = Headers::new();
    if packet::decode_ip(frame, &mut bare) == Decoded::Whole {
        built_packets_decode_to_their_headers(&bare);
    }
}

fn met(info: &FieldInfo, headers: &Headers) -> bool {
    info.needs.iter().all(|need| match headers.get(need.field) {
        Reading::Value(v) => need.values.iter().any(|(lo, hi)| u128::from(*lo) <= v && v <= u128::from(*hi)),
        Reading::Absent | Reading::Cut => false,
    })
}

fn fields_agree_with_the_table(headers: &Headers, decoded: Decoded) {
    for info in FIELDS {
        match headers.get(info.field) {
            Reading::Value(value) => {
                assert!(value <= info.max, "{} is {value} in {headers:?}", info.name);
                assert!(met(info, headers), "{} without its needs in {headers:?}", info.name);
            }
            Reading::Absent => {
                let missing = decoded == Decoded::Whole
                    && !info.optional
                    && info.layer != Layer::Link
                    && headers.small(Field::IpVersion).is_some()
                    && met(info, headers);
                assert!(!missing, "{} is missing in {headers:?}", info.name);
            }
            Reading::Cut => {}
        }
    }
}

fn built_packets_decode_to_their_headers(headers: &Headers) {
    // A jumbogram's length stands in an option and is no field: headers without a length leave the builder free.
    if !matches!(headers.get(Field::Len), Reading::Value(_)) {
        return;
    }
    let Ok(octets) = packet::build(headers) else { return };
    let mut again = Headers::new();
    packet::decode_ip(&octets, &mut again);
    assert_eq!(*headers, again, "built {octets:02x?}");
}
