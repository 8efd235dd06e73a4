//! Synthetic packets and rules aimed at rules.
