//! Packets aimed at the user's rules, and at those who read packets carelessly.

pub mod boundary;
pub mod cases;
pub mod odd;
pub mod shapes;
pub mod starting;
