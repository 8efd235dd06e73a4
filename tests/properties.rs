//! Laws that hold for all input, tried on generated input.

#[path = "properties/cost.rs"]
mod cost;
#[path = "properties/flowspec.rs"]
mod flowspec;
#[path = "support/packet.rs"]
#[expect(dead_code, reason = "each binary uses its part of what is shared")]
mod packet;
#[path = "properties/packets.rs"]
mod packets;
#[path = "properties/symbolic.rs"]
mod symbolic;
