//! BGP flow specification on the wire (RFC 8955, RFC 8956).
//!
//! [`component`] holds one rule as typed values; text dialects that speak flowspec build the same.

pub mod component;

pub use component::{Body, Component, ComponentType, FlowSpec, Operand};
