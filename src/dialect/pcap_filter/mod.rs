//! libpcap's filter expressions, written only so far: one condition as one expression.
//!
//! Traps of the vocabulary. `and` and `or` have the same precedence, so every group gets its parentheses. A load
//! beyond the captured octets makes the *whole* expression false, so every load stands behind a test that it is
//! there. `port` includes SCTP and never looks behind an extension header. `vlan` and `mpls` shift all that follows:
//! an expression is about packets right behind the link header, and [`print::Behind`] puts it behind others.

pub mod print;
