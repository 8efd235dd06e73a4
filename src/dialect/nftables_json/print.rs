//! Rule sets as JSON: what is written is decided with the text, and only the last step differs.

use super::super::print::{Form, print as print_as};
use crate::dialect::Lost;
use crate::ir::Document;
use std::fmt;

/// Writes a document; says what is lost.
pub(super) fn print(document: &Document, out: &mut dyn fmt::Write) -> Result<Vec<Lost>, fmt::Error> {
    print_as(document, Form::Json, out)
}
