//! What messages that come back say: why a session was closed, and which routes came out.

use super::super::EngineError;
use super::super::bgp::{Session, fields};
use crate::dialect::flowspec::{Frames, Table};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::Duration;

/// How long the last words of a session are waited for.
const LAST: Duration = Duration::from_millis(30);

/// Why a session is closed, where an error says it or what is still to be read does.
pub(super) fn closed(session: &mut Session, error: &EngineError) -> (u8, u8) {
    match why(error) {
        (0, 0) => session.next_update(LAST).err().map_or((0, 0), |error| why(&error)),
        code => code,
    }
}

/// Whether nothing more could be sent in time.
pub(super) fn is_late(error: &EngineError) -> bool {
    let EngineError::Io { source, .. } = error else { return false };
    matches!(source.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The notification behind an error; 0/0 where the other side has merely hung up.
pub(super) fn why(error: &EngineError) -> (u8, u8) {
    match error {
        EngineError::Notification { code, subcode } => (*code, *subcode),
        _ => (0, 0),
    }
}

/// Takes the routes of an UPDATE that came out; whether the mark was among them.
pub(super) fn take(
    body: &[u8],
    mark: &(Table, Vec<u8>),
    withdraws: bool,
    shown: &mut Vec<(Table, Vec<u8>)>,
) -> bool {
    let mut passed = false;
    for (table, withdrawn, field) in fields(body) {
        let mut known = BTreeSet::new();
        for frame in Frames::new(field, 0) {
            let value = match frame {
                Ok(frame) => frame.value.to_vec(),
                // What cannot be parted is shown as it stands.
                Err(_) => field.to_vec(),
            };
            if withdrawn == withdraws && table == mark.0 && value == mark.1 {
                passed = true;
            } else if !withdrawn && !is_mark(&value) && known.insert(value.clone()) {
                shown.push((table, value));
            }
        }
    }
    passed
}

/// Whether it is a route of ours, this one or one before.
pub(super) fn is_mark(value: &[u8]) -> bool {
    matches!(*value, [1, 32, 198, 18 | 19, _, _])
}
