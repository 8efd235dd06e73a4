//! The support ledger: what is supported of the text is supported of the JSON.

pub(super) use super::super::support::LEDGER;
