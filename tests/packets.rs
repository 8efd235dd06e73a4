//! Packets against other programs: decoded fields against tshark's tables, verdicts against tcpdump's filters.

#[path = "packets/bpf.rs"]
mod bpf;
#[path = "packets/corpus.rs"]
mod corpus;
#[path = "packets/random.rs"]
mod random;
#[path = "packets/samples.rs"]
mod samples;
#[path = "packets/tcpdump.rs"]
mod tcpdump;
#[path = "packets/tshark.rs"]
mod tshark;
