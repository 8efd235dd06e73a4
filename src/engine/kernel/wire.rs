//! A pair of devices: frames put on one end come out of the other, into the kernel's stack.

use super::super::EngineError;
use super::command::feed;
use super::namespace::Namespace;
use pnet::datalink::{self, Channel, Config, DataLinkSender, NetworkInterface};
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// The first two octets of the source addresses of our frames (locally administered); the number of the packet
/// stands behind them.
const OWN: [u8; 2] = [0x02, 0xf6];
const HEADER: usize = 14;

/// A pair of devices, one to send on and one where the kernel receives.
pub struct Wire {
    sender: Box<dyn DataLinkSender>,
    destination: [u8; 6],
    frame: Vec<u8>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("destination", &self.destination).finish_non_exhaustive()
    }
}

impl Wire {
    /// Makes the pair in a namespace; the kernel receives on the device `name`.
    pub fn new(namespace: &Namespace, ip: &Path, name: &str) -> Result<Self, EngineError> {
        let end = end_of(name);
        pair(namespace, ip, name)?;
        namespace.run(|| {
            let find = |wanted: &str| -> Result<NetworkInterface, EngineError> {
                let found = datalink::interfaces().into_iter().find(|device| device.name == wanted);
                found.ok_or_else(|| EngineError::Kernel(format!("there is no device `{wanted}`")))
            };
            let mac =
                find(name)?.mac.ok_or_else(|| EngineError::Kernel(format!("`{name}` has no address")))?;
            let config = Config {
                read_timeout: Some(Duration::ZERO),
                write_timeout: Some(Duration::from_secs(5)),
                promiscuous: false,
                ..Config::default()
            };
            let channel = datalink::channel(&find(&end)?, config);
            match channel.map_err(|error| EngineError::io(format!("opening `{end}`"), error))? {
                Channel::Ethernet(sender, _) => {
                    Ok(Self { sender, destination: mac.octets(), frame: Vec::new() })
                }
                _ => Err(EngineError::Kernel(format!("`{end}` takes no Ethernet frames"))),
            }
        })
    }

    /// The frame that carries a packet: its number is the source address.
    pub fn frame(&self, number: u32, packet: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(HEADER + packet.len());
        frame.extend_from_slice(&self.destination);
        frame.extend_from_slice(&OWN);
        frame.extend_from_slice(&number.to_be_bytes());
        let is_six = packet.first().is_some_and(|octet| octet >> 4 == 6);
        frame.extend_from_slice(if is_six { &[0x86, 0xdd] } else { &[0x08, 0x00] });
        frame.extend_from_slice(packet);
        frame
    }

    /// Sends one packet, octets from its IP header on.
    pub fn send(&mut self, number: u32, packet: &[u8]) -> Result<(), EngineError> {
        self.frame = self.frame(number, packet);
        match self.sender.send_to(&self.frame, None) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(EngineError::io("sending a frame", error)),
            None => Err(EngineError::Kernel("a frame found no room".to_owned())),
        }
    }
}

/// Makes a device with its other end. What the kernel says on it by itself nobody listens to at the other.
pub(super) fn pair(namespace: &Namespace, ip: &Path, name: &str) -> Result<(), EngineError> {
    let end = end_of(name);
    let made = format!(
        "link add {end} type veth peer name {name}\nlink set {end} addrgenmode none\n\
         link set {name} addrgenmode none\n"
    );
    namespace.run(|| feed(ip, ["-batch", "-"], &made))?;
    namespace.set(&format!("ipv6/conf/{end}/disable_ipv6"), "1")?;
    let up = format!("link set {end} arp off up\nlink set {name} arp off up\n");
    namespace.run(|| feed(ip, ["-batch", "-"], &up)).map(drop)
}

/// The name of a device's other end: at most 15 letters, and none that a rule set uses.
fn end_of(name: &str) -> String {
    format!("~{}", name.chars().rev().take(14).collect::<String>())
}

/// The number of the packet whose frame has that source address, as nft writes it.
pub(super) fn number_of(address: &str) -> Option<u32> {
    let mut octets = address.split(':').map(|part| u8::from_str_radix(part, 16));
    let mut next = || octets.next()?.ok();
    if [next()?, next()?] != OWN {
        return None;
    }
    Some(u32::from_be_bytes([next()?, next()?, next()?, next()?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_addresses() {
        assert_eq!(number_of("02:f6:00:00:01:02"), Some(258));
        assert_eq!(number_of("02:00:00:00:01:02"), None);
        assert_eq!(number_of("02:f6:00:00:01"), None);
    }
}
