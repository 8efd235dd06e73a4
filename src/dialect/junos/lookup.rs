//! Rows of a static table by their word: every keyword of every term is looked up.

/// Where the rows of a table are, by a number made of their word.
#[derive(Debug)]
pub(super) struct Lookup {
    // Rows whose word has that number.
    buckets: Box<[Box<[u16]>]>,
}

const BUCKETS: usize = 1024;

impl Lookup {
    /// A lookup of the rows with these words, in the order of the table.
    pub(super) fn new<'w>(words: impl Iterator<Item = &'w str>) -> Self {
        let mut buckets = vec![Vec::new(); BUCKETS];
        for (row, word) in (0..).zip(words) {
            if let Some(bucket) = buckets.get_mut(number(word)) {
                bucket.push(row);
            }
        }
        Self { buckets: buckets.into_iter().map(Vec::into_boxed_slice).collect() }
    }

    /// The places of the rows that may have the word: it is to be compared.
    #[inline]
    pub(super) fn rows(&self, word: &str) -> impl Iterator<Item = usize> + '_ {
        self.buckets.get(number(word)).into_iter().flatten().map(|row| usize::from(*row))
    }
}

// Length and three letters tell nearly all keywords apart.
#[inline]
fn number(word: &str) -> usize {
    let word = word.as_bytes();
    let at = |place: usize| word.get(place).map_or(0, |octet| usize::from(*octet));
    let last = at(word.len().wrapping_sub(1));
    (word.len() * 0x1a3 + at(0) * 0x25 + at(word.len() / 2) * 0x6b + last * 0x11) % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_word() {
        let words = ["", "a", "ab", "port", "port-except", "source-port", "ä"];
        let lookup = Lookup::new(words.into_iter());
        for (place, word) in words.iter().enumerate() {
            assert!(lookup.rows(word).any(|row| row == place), "{word}");
        }
        assert!(lookup.rows("destination-port").all(|row| words[row] != "destination-port"));
    }
}
