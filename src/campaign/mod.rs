//! Packets aimed at the user's rules.

pub mod boundary;
