//! Packets: octets to headers, headers to octets, capture files, packets in words.
//!
//! Only this folder knows how a packet is laid out. It gives one [`Headers`](crate::field::Headers) for each packet
//! and tells apart what a packet lacks, what the capture cut off, and what is malformed.

pub mod capture;
pub mod decode;

mod link;

pub use capture::{CaptureError, CaptureReader, CaptureWriter, Frame};
pub use decode::{Counts, Decoded, Malformed, decode};
pub use link::LinkType;
