//! The frame of BGP messages (RFC 4271 §4.1), and which of them matter here.

/// Octets of the header.
pub(super) const HEADER: usize = 19;

/// Type of an UPDATE.
const UPDATE: u8 = 2;

/// What stands at the beginning of some octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Head {
    /// A message of that many octets.
    Message { length: usize, kind: u8 },
    /// Too few octets to say.
    More,
    /// No message.
    Lost,
}

/// Looks at a header: the marker, the length (extended messages included, RFC 8654) and the type.
pub(super) fn head(octets: &[u8]) -> Head {
    let marker = octets.iter().take(16);
    if marker.clone().any(|octet| *octet != 0xff) {
        return Head::Lost;
    }
    let Some(&[hi, lo, kind]) = octets.get(16..HEADER) else { return Head::More };
    let length = usize::from(u16::from_be_bytes([hi, lo]));
    if length < HEADER || !(1..=5).contains(&kind) {
        return Head::Lost;
    }
    Head::Message { length, kind }
}

/// How many octets lie before the next place where a message may begin; all of them when there is none. The
/// place itself is not looked at when `octets` begins with it and is no message.
pub(super) fn resync(octets: &[u8]) -> usize {
    let mut at = 1;
    while let Some(rest) = octets.get(at..) {
        if rest.is_empty() {
            break;
        }
        // A marker that is cut off at the end may still be one.
        let run = rest.iter().take(16).position(|octet| *octet != 0xff);
        match run {
            Some(other) => at += other + 1,
            None if head(rest) == Head::Lost => at += 1,
            None => return at,
        }
    }
    octets.len()
}

/// Whether a message is an UPDATE with a flow specification, or one whose attributes cannot be walked, so that
/// nobody can say.
pub(super) fn matters(message: &[u8], kind: u8) -> bool {
    if kind != UPDATE {
        return false;
    }
    flow_families(message).unwrap_or(true)
}

// None where the frame of the attributes is broken.
fn flow_families(message: &[u8]) -> Option<bool> {
    let body = message.get(HEADER..)?;
    let rest = skip_counted(body)?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let mut attributes = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    let mut found = false;
    while let [flags, code, tail @ ..] = attributes {
        let (length, tail) = if flags & 0x10 != 0 {
            let (length, tail) = tail.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), tail)
        } else {
            let (length, tail) = tail.split_first()?;
            (usize::from(*length), tail)
        };
        let (value, next) = tail.split_at_checked(length)?;
        if matches!(code, 14 | 15) {
            // Too short to say which family counts as one of ours.
            found |= value.get(2).is_none_or(|safi| matches!(safi, 133 | 134));
        }
        attributes = next;
    }
    attributes.is_empty().then_some(found)
}

fn skip_counted(octets: &[u8]) -> Option<&[u8]> {
    let (length, rest) = octets.split_first_chunk::<2>()?;
    rest.get(usize::from(u16::from_be_bytes(*length))..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut octets = vec![0xff; 16];
        let length = u16::try_from(HEADER + body.len()).unwrap();
        octets.extend_from_slice(&length.to_be_bytes());
        octets.push(kind);
        octets.extend_from_slice(body);
        octets
    }

    #[test]
    fn the_next_message_is_found_behind_rubbish() {
        let mut octets = vec![0xff, 0xff, 0, 7];
        octets.extend(message(4, &[]));
        assert_eq!(head(&octets), Head::Lost);
        assert_eq!(resync(&octets), 4);
        assert_eq!(head(&octets[4..]), Head::Message { length: 19, kind: 4 });
        assert_eq!(resync(&[0xff; 10]), 1);
        assert_eq!(resync(&[0; 10]), 10);
        let mut more = vec![0; 3];
        more.extend([0xff; 17]);
        assert_eq!(resync(&more), 3);
    }

    #[test]
    fn only_updates_with_flow_specifications_matter() {
        let flow = [0, 0, 0, 9, 0x80, 14, 6, 0, 1, 133, 0, 0, 0];
        let unicast = [0, 0, 0, 9, 0x80, 14, 6, 0, 2, 1, 0, 0, 0];
        assert!(matters(&message(2, &flow), 2));
        assert!(!matters(&message(2, &unicast), 2));
        assert!(!matters(&message(4, &[]), 4));
        assert!(matters(&message(2, &[0, 0, 0, 99]), 2));
    }
}
