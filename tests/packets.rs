//! Packets against other programs: decoded fields against tshark's tables, verdicts against tcpdump's filters.

#[path = "packets/corpus.rs"]
mod corpus;
#[path = "packets/tshark.rs"]
mod tshark;
