//! Packets: octets to headers, headers to octets, capture files, packets in words.
//!
//! Only this folder knows how a packet is laid out. It gives one [`Headers`](crate::field::Headers) for each packet
//! and tells apart what a packet lacks, what the capture cut off, and what is malformed.

pub mod build;
pub mod capture;
pub mod decode;
pub mod words;

mod link;

pub use build::{NotBuildable, build, complete};
pub use capture::{CaptureError, CaptureReader, CaptureWriter, Frame};
pub use decode::{Counts, Decoded, Malformed, Tuple, decode, decode_ip, tuple};
pub use link::LinkType;
