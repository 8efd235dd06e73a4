//! Where components and operands of an NLRI stand, as far as octets say that they are any: for changing them, so that
//! what is malformed is walked too.

/// A component: its type and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The number of the type.
    pub kind: u8,
    /// Its first octet.
    pub start: usize,
    /// The octet behind its last.
    pub end: usize,
    /// Of a list, where each operator stands and how wide its value is, as the power of two that it says.
    pub operands: Vec<(usize, u8)>,
}

/// The components of the octets behind length and distinguisher, up to what cannot be parted.
pub fn walk(value: &[u8], v6: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(kind) = value.get(at).copied() {
        let Some(piece) = piece(value, kind, at, v6) else { break };
        at = piece.end;
        pieces.push(piece);
    }
    pieces
}

/// What stands behind them and is no whole component: its type, and the operands that are whole.
pub fn broken(value: &[u8], pieces: &[Piece]) -> Option<Piece> {
    let start = pieces.last().map_or(0, |piece| piece.end);
    let kind = value.get(start).copied()?;
    let mut operands = Vec::new();
    let mut at = start + 1;
    while kind > 2
        && let Some(op) = value.get(at)
    {
        let code = op >> 4 & 3;
        let next = at + 1 + (1 << code);
        if next > value.len() {
            break;
        }
        operands.push((at, code));
        at = next;
    }
    Some(Piece { kind, start, end: value.len(), operands })
}

fn piece(value: &[u8], kind: u8, start: usize, v6: bool) -> Option<Piece> {
    let mut operands = Vec::new();
    let end = if kind <= 2 {
        let length = usize::from(*value.get(start + 1)?);
        let offset = if v6 { usize::from(*value.get(start + 2)?) } else { 0 };
        start + 2 + usize::from(v6) + length.saturating_sub(offset).div_ceil(8)
    } else {
        let mut at = start + 1;
        loop {
            let op = *value.get(at)?;
            let code = op >> 4 & 3;
            operands.push((at, code));
            at += 1 + (1 << code);
            if op & 0x80 != 0 {
                break at;
            }
        }
    };
    (end <= value.len()).then_some(Piece { kind, start, end, operands })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_and_operands_are_found_up_to_the_broken_one() {
        let value = [1, 24, 192, 0, 2, 5, 0x01, 80, 0x91, 1, 187, 9, 0x91, 1];
        let pieces = walk(&value, false);
        assert_eq!(pieces.len(), 2);
        assert_eq!((pieces[0].start, pieces[0].end), (0, 5));
        assert_eq!(pieces[1].operands, [(6, 0), (8, 1)]);
        assert_eq!(walk(&[1, 40, 16, 1, 2, 3, 3, 0x81, 6], true).len(), 2);
        let last = broken(&value, &pieces).unwrap();
        assert_eq!((last.kind, last.start, last.end, last.operands), (9, 11, 14, vec![]));
        assert_eq!(broken(&[5, 1, 80, 0x91], &[]).unwrap().operands, [(1, 0)]);
        assert_eq!(broken(&[3, 0x81, 6], &walk(&[3, 0x81, 6], false)), None);
        assert_eq!(walk(&[], false), []);
    }
}
