//! Whatever the octets, reading them as a capture ends, frames are numbered without gaps, no frame exceeds the limit,
//! and an error names a frame.

use flowgate::field::Headers;
use flowgate::guard::limits;
use flowgate::packet::{self, CaptureReader};

/// The law.
pub fn run(data: &[u8]) {
    let Ok(mut reader) = CaptureReader::new(data) else { return };
    let mut headers = Headers::new();
    let mut number = 0;
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => {
                number += 1;
                assert_eq!(frame.number, number);
                assert!(frame.octets.len() as u64 <= limits::PACKET_OCTETS.value);
                packet::decode(frame.link_type, frame.octets, frame.length, &mut headers);
            }
            Ok(None) => return,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
}
