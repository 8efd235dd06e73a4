//! What rules of one list share: networks inside networks, ports, protocols.

use super::below;
use arbitrary::Unstructured;

/// Networks and ports from which the rules of one campaign are drawn, so that they meet.
#[derive(Clone, Debug)]
pub struct Pools {
    pub(super) networks: Vec<(u32, u8)>,
    pub(super) networks6: Vec<(u128, u8)>,
    pub(super) ports: Vec<u64>,
}

/// Networks of each family.
const NETWORKS: u32 = 48;
/// Ports, those at borders not counted.
const PORTS: u32 = 24;

impl Pools {
    /// Draws them. Most networks lie inside one drawn before.
    pub fn new(u: &mut Unstructured<'_>) -> Self {
        let mut networks: Vec<(u32, u8)> = Vec::new();
        let mut networks6: Vec<(u128, u8)> = Vec::new();
        for number in 0..NETWORKS {
            let outer = below(u, number + number / 3 + 1) as usize;
            let more = 1 + below(u, 12);
            let bits: u128 = u128::from(u.arbitrary::<u64>().unwrap_or(0)) << 64;
            let (base, len) = networks.get(outer).copied().unwrap_or((first_octet(bits) << 24, 8));
            let new = (u32::from(len) + more).min(32);
            let fresh = (u32::try_from(bits >> 96).unwrap_or(0)) & !mask4(u32::from(len)) & mask4(new);
            networks.push((base | fresh, u8::try_from(new).unwrap_or(32)));
            // 2001:db8::/32 and behind: addresses kept for documentation.
            let (base, len) = networks6.get(outer).copied().unwrap_or((0x2001_0db8 << 96, 32));
            let new = (u32::from(len) + more).min(128);
            networks6
                .push((base | bits & !mask6(u32::from(len)) & mask6(new), u8::try_from(new).unwrap_or(128)));
        }
        let ports = (0..PORTS).map(|_| u64::from(u.arbitrary::<u16>().unwrap_or(0))).collect();
        Self { networks, networks6, ports }
    }
}

/// A first octet of an address that a host may have.
fn first_octet(bits: u128) -> u32 {
    1 + u32::try_from(bits >> 120).unwrap_or(0) % 126
}

/// The bits of a network of `len` bits.
pub(super) fn mask4(len: u32) -> u32 {
    u32::MAX.checked_shl(32_u32.saturating_sub(len)).unwrap_or(0)
}

/// The same for IPv6.
pub(super) fn mask6(len: u32) -> u128 {
    u128::MAX.checked_shl(128_u32.saturating_sub(len)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::octets;
    use super::*;

    #[test]
    fn many_networks_lie_inside_others() {
        let octets = octets(3, 4096);
        let pools = Pools::new(&mut Unstructured::new(&octets));
        let inside = |(a, la): (u32, u8), (b, lb): (u32, u8)| lb < la && a & mask4(lb.into()) == b;
        let nested = pools.networks.iter().filter(|a| pools.networks.iter().any(|b| inside(**a, *b))).count();
        assert!(nested * 2 > pools.networks.len(), "{nested}");
        assert!(pools.networks.iter().all(|(addr, len)| addr & !mask4(u32::from(*len)) == 0));
        assert!(pools.networks6.iter().all(|(addr, len)| addr & !mask6(u32::from(*len)) == 0));
    }
}
