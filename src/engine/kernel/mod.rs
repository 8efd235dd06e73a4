//! A Linux kernel that rules are loaded into and packets are sent through, in a namespace of its own.
//!
//! Two wires lead into it. What comes by one is for the host whatever its destination (`prerouting`, `input`); what
//! comes by the other is passed on (`prerouting`, `forward`, `postrouting`). In each of these hooks two gates stand,
//! one before every rule and one behind. A gate writes down the number of each packet, which is in the source address
//! of its frame: so of every packet it is known how far it came. Nothing that the kernel sends by itself goes further
//! than its `output` hook.

pub mod command;
mod gates;
mod namespace;
mod wire;

pub use gates::{Gates, Hook, Passage};
pub use namespace::Namespace;
pub use wire::Wire;

use super::EngineError;
use command::feed;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which way packets go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// To the host itself.
    Host,
    /// Through the host, to somewhere else.
    Through,
}

/// The programs a kernel is set up with.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `ip` of iproute2.
    pub ip: PathBuf,
    /// `nft`.
    pub nft: PathBuf,
}

/// What the devices are called.
#[derive(Clone, Copy, Debug)]
pub struct Devices<'a> {
    /// Where packets for the host come in.
    pub host: &'a str,
    /// Where packets to pass on come in.
    pub through: &'a str,
    /// Where they leave.
    pub out: &'a str,
    /// More devices that are only there.
    pub more: &'a [&'a str],
}

impl Default for Devices<'_> {
    fn default() -> Self {
        Self { host: "host0", through: "through0", out: "out0", more: &[] }
    }
}

/// A kernel with its own rules, devices and routes.
#[derive(Debug)]
pub struct Kernel {
    host: Wire,
    through: Wire,
    programs: Programs,
    gates: Gates,
    // The number of the next packet: none is used twice, so a late one is not taken for another.
    next: u32,
    // The last to be dropped: it goes when nothing of it is open.
    namespace: Namespace,
}

impl Kernel {
    /// A kernel without rules.
    pub fn new(programs: Programs, devices: &Devices<'_>) -> Result<Self, EngineError> {
        let namespace = Namespace::new(&programs.ip)?;
        for (parameter, value) in PARAMETERS {
            namespace.set(parameter, value)?;
        }
        let ip = &programs.ip;
        let host = Wire::new(&namespace, ip, devices.host)?;
        let through = Wire::new(&namespace, ip, devices.through)?;
        let (from_host, from_through, to) = (devices.host, devices.through, devices.out);
        for name in devices.more.iter().chain([&to]) {
            wire::pair(&namespace, ip, name)?;
        }
        namespace.run(|| feed(ip, ["link", "set", "lo", "up"], ""))?;
        for (family, all) in [("-4", "0.0.0.0/0"), ("-6", "::/0")] {
            // Every destination is the host's own, or lies behind the device that packets leave by; and so do sources,
            // which are looked up too.
            let routes = format!(
                "rule add iif {from_host} lookup 100\nrule add iif {from_through} lookup 200\n\
                 route add local {all} dev lo table 100\nroute add default dev {to} table 200\n\
                 route add default dev {to}\n"
            );
            namespace.run(|| feed(ip, [family, "-batch", "-"], &routes))?;
        }
        Ok(Self { host, through, programs, gates: Gates::default(), next: 0, namespace })
    }

    /// The namespace it is in.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Runs a program inside, with `input`.
    pub fn feed(&self, program: &Path, arguments: &[&str], input: &str) -> Result<String, EngineError> {
        self.namespace.run(|| feed(program, arguments, input))
    }

    /// Loads rules of nftables.
    pub fn nft(&self, text: &str) -> Result<String, EngineError> {
        self.feed(&self.programs.nft, &["-f", "-"], text)
    }

    /// Forgets all rules of nftables, the gates too.
    pub fn flush(&self) -> Result<(), EngineError> {
        self.nft("flush ruleset\n").map(drop)
    }

    /// Puts up gates around the rules that are loaded.
    pub fn gates(&mut self, gates: Gates) -> Result<(), EngineError> {
        self.nft(&format!("table {0} {{ }}\ndelete table {0}\n{1}", gates::TABLE, gates.text()))?;
        self.gates = gates;
        Ok(())
    }

    /// Sends packets, octets from their IP headers on, one after the other, and asks the gates how far each came.
    /// Packets are known by their place in the list.
    pub fn drive<P: AsRef<[u8]>>(&mut self, way: Way, packets: &[P]) -> Result<Passage, EngineError> {
        let count = u32::try_from(packets.len()).unwrap_or(u32::MAX);
        let first = self.next;
        self.next = first.wrapping_add(count);
        let all: Vec<u32> = (0..count).collect();
        self.send(way, packets, first, &all)?;
        // A frame may be lost where the queue of the device is full: what never came is sent once more.
        let mut came = self.came(first)?;
        let missing = |came: &BTreeSet<u32>| -> Vec<u32> {
            all.iter().copied().filter(|number| !came.contains(number)).collect()
        };
        if came.len() < packets.len() {
            std::thread::sleep(PATIENCE);
            came = self.came(first)?;
            let lost = missing(&came);
            if !lost.is_empty() {
                self.send(way, packets, first, &lost)?;
                std::thread::sleep(PATIENCE);
            }
        }
        let passage = gates::read(&self.nft(gates::QUESTION)?, first);
        self.nft(&self.gates.forget())?;
        Ok(passage)
    }

    /// Whether the rules that are loaded have connections tracked: then fragments are kept back to be put together.
    /// Needs gates.
    pub fn tracks(&mut self) -> Result<bool, EngineError> {
        let passage = self.drive(Way::Through, &[&LONE[..], &LONE6])?;
        Ok(passage.whole().len() < 2)
    }

    /// The frame that the packet of that place in a list driven next would go in.
    pub fn frame(&self, way: Way, place: u32, packet: &[u8]) -> Vec<u8> {
        self.wire(way).frame(self.next.wrapping_add(place), packet)
    }

    fn wire(&self, way: Way) -> &Wire {
        match way {
            Way::Host => &self.host,
            Way::Through => &self.through,
        }
    }

    fn came(&self, first: u32) -> Result<BTreeSet<u32>, EngineError> {
        let said = self.nft(&gates::question_came())?;
        Ok(gates::read(&said, first).came(Hook::Prerouting).clone())
    }

    fn send<P: AsRef<[u8]>>(
        &mut self,
        way: Way,
        packets: &[P],
        first: u32,
        places: &[u32],
    ) -> Result<(), EngineError> {
        let wire = match way {
            Way::Host => &mut self.host,
            Way::Through => &mut self.through,
        };
        for place in places {
            if let Some(packet) = packets.get(*place as usize) {
                wire.send(first.wrapping_add(*place), packet.as_ref())?;
            }
        }
        Ok(())
    }

    /// What the stack itself threw away so far, by its own counters that are not zero.
    pub fn discards(&self) -> Result<Vec<(String, u64)>, EngineError> {
        self.namespace.run(|| {
            let read = |file: &str| {
                let path = Path::new("/proc/thread-self/net").join(file);
                std::fs::read_to_string(path).map_err(|e| EngineError::io(format!("reading `{file}`"), e))
            };
            let mut list = Vec::new();
            for file in ["snmp", "netstat"] {
                let text = read(file)?;
                let mut lines = text.lines();
                while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
                    let kind = names.split(':').next().unwrap_or("");
                    let pairs = names.split(' ').zip(values.split(' ')).skip(1);
                    list.extend(
                        pairs
                            .filter_map(|(name, value)| Some((format!("{kind}{name}"), value.parse().ok()?))),
                    );
                }
            }
            list.extend(read("snmp6")?.lines().filter_map(|line| {
                let mut words = line.split_whitespace();
                Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
            }));
            let is_discard = |name: &str| {
                let ip = name.starts_with("Ip") && !name.starts_with("IpExtOut");
                ip && ["Errors", "Discards", "Trunc", "NoRoutes", "ReasmFails"]
                    .iter()
                    .any(|w| name.contains(w))
            };
            list.retain(|(name, value)| *value > 0 && is_discard(name));
            Ok(list)
        })
    }
}

/// The last fragment of a packet: protocol 253, from one address kept for documentation to another.
const LONE: [u8; 28] = [
    0x45, 0, 0, 28, 0x13, 0x37, 0, 185, 64, 253, 0xff, 0xbe, 198, 51, 100, 1, 203, 0, 113, 1, 0, 0, 0, 0, 0,
    0, 0, 0,
];

/// The same of IPv6.
const LONE6: [u8; 56] = [
    0x60, 0, 0, 0, 0, 16, 44, 64, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 1, 0x0d,
    0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 253, 0, 0x05, 0xc8, 0, 0, 0x13, 0x37, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// How long packets may be under way.
const PATIENCE: Duration = Duration::from_millis(10);

/// Kernel parameters: nothing is thrown away for where it comes from, and the kernel does not speak by itself.
const PARAMETERS: &[(&str, &str)] = &[
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/default/accept_local", "1"),
    ("ipv4/conf/default/accept_source_route", "1"),
    // Fragments are not kept to be put together with others that come much later.
    ("ipv4/ipfrag_low_thresh", "0"),
    ("ipv4/ipfrag_high_thresh", "0"),
    ("ipv6/ip6frag_low_thresh", "0"),
    ("ipv6/ip6frag_high_thresh", "0"),
    ("netfilter/nf_conntrack_frag6_low_thresh", "0"),
    ("netfilter/nf_conntrack_frag6_high_thresh", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/accept_source_route", "1"),
];
