//! `flowgate.toml`: what the user says of the network and of the gate.
