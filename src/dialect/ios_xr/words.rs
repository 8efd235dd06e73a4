//! The words of a line. Lines and words are all the structure the language has, so they are split by hand.

/// What is left of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    rest: &'a str,
}

fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r')
}

impl<'a> Words<'a> {
    /// The words of a line.
    pub(super) fn new(line: &'a str) -> Self {
        Self { rest: line }
    }

    /// The next word; empty, and standing at the end, when there is none.
    #[inline]
    pub(super) fn next(&mut self) -> &'a str {
        let bytes = self.rest.as_bytes();
        let start = bytes.iter().position(|octet| !is_blank(*octet)).unwrap_or(bytes.len());
        let length = bytes.iter().skip(start).position(|octet| is_blank(*octet));
        let end = length.map_or(bytes.len(), |length| start + length);
        let (head, tail) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = tail;
        head.get(start..).unwrap_or("")
    }

    /// The next word, which stays.
    pub(super) fn peek(&self) -> &'a str {
        let mut copy = *self;
        copy.next()
    }

    /// Takes the next word when it is this one.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == word;
        if found {
            self.next();
        }
        found
    }

    /// What is left, without blanks around it.
    pub(super) fn rest(&self) -> &'a str {
        self.rest.trim_matches([' ', '\t', '\r'])
    }

    /// Whether no word is left.
    pub(super) fn is_empty(&self) -> bool {
        self.peek().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_by_blanks_and_end_in_an_empty_one() {
        let mut words = Words::new(" permit\ttcp  any é\r");
        assert_eq!([words.next(), words.next(), words.peek()], ["permit", "tcp", "any"]);
        assert!(words.take("any") && !words.take("any"));
        assert_eq!((words.next(), words.is_empty(), words.next(), words.rest()), ("é", true, "", ""));
    }
}
