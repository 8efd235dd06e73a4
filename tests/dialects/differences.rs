//! Where we refuse otherwise than the program does, and stay so.

/// A difference, with a witness that fails the test when it differs no more.
pub(crate) struct Difference<W> {
    pub(crate) name: &'static str,
    pub(crate) why: &'static str,
    /// What the program refuses, or takes where `taken`.
    pub(crate) witness: W,
    pub(crate) taken: bool,
    /// What the program says, or we where it takes it.
    pub(crate) says: &'static [&'static str],
}

/// The difference that these words are of.
pub(crate) fn covered<W>(
    list: &'static [Difference<W>],
    said: &str,
    taken: bool,
) -> Option<&'static Difference<W>> {
    list.iter().find(|d| d.taken == taken && d.says.iter().any(|says| said.contains(says)))
}
