//! The fields a condition can test, in one table, and the values of one packet.

mod headers;
mod table;

pub use headers::{Headers, Reading};
pub(crate) use headers::{bit, set_all};
pub use table::{FIELDS, Family, Field, FieldInfo, Layer, Need};

/// Values of [`Field::L4Status`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum L4Status {
    /// The transport header was found and is not encrypted.
    Located = 0,
    /// A fragment other than the first: there is no transport header in it.
    NonFirstFragment = 1,
    /// ESP: what follows is not looked into.
    Encrypted = 2,
    /// Next header 59: nothing follows.
    None = 3,
    /// The chain of extension headers could not be walked.
    Unlocatable = 4,
}

/// Values of [`Field::CtState`]: every packet has just one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum CtState {
    /// The packet opens a connection.
    New = 0,
    /// It belongs to a connection that was seen in both directions.
    Established = 1,
    /// It opens a connection that another one announced, or is an error message about one.
    Related = 2,
    /// It belongs to no connection and can open none.
    Invalid = 3,
    /// It is exempt from tracking.
    Untracked = 4,
}

impl CtState {
    /// Every state, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::New, Self::Established, Self::Related, Self::Invalid, Self::Untracked];

    /// The word users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Established => "established",
            Self::Related => "related",
            Self::Invalid => "invalid",
            Self::Untracked => "untracked",
        }
    }

    /// The state of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Interface groups that one document can tell apart: the bits of [`Field::InGroup`].
pub const GROUPS: u32 = 128;

/// Bits of [`Field::ExtHdrs`], the extension headers of an IPv6 packet.
pub mod ext {
    /// Hop-by-hop options (0).
    pub const HOP_BY_HOP: u32 = 1 << 0;
    /// Routing (43).
    pub const ROUTING: u32 = 1 << 1;
    /// Fragment (44).
    pub const FRAGMENT: u32 = 1 << 2;
    /// Destination options (60).
    pub const DESTINATION: u32 = 1 << 3;
    /// Authentication (51).
    pub const AUTHENTICATION: u32 = 1 << 4;
    /// Encapsulating security payload (50).
    pub const ESP: u32 = 1 << 5;
    /// Mobility (135).
    pub const MOBILITY: u32 = 1 << 6;
    /// Host identity (139).
    pub const HOST_IDENTITY: u32 = 1 << 7;
    /// Shim6 (140).
    pub const SHIM6: u32 = 1 << 8;
    /// Every bit.
    pub const ALL: u32 = (1 << 9) - 1;

    /// The bit of the header that a next-header value stands for, where the walk goes on behind it: ESP hides what it
    /// carries.
    pub fn walked(number: u8) -> Option<u32> {
        Some(match number {
            0 => HOP_BY_HOP,
            43 => ROUTING,
            44 => FRAGMENT,
            51 => AUTHENTICATION,
            60 => DESTINATION,
            135 => MOBILITY,
            139 => HOST_IDENTITY,
            140 => SHIM6,
            _ => return None,
        })
    }

    /// The bit of the header that a next-header value stands for.
    pub fn of_number(number: u8) -> Option<u32> {
        if number == 50 { Some(ESP) } else { walked(number) }
    }
}

/// IPv4 option types (RFC 791, IANA registry) in the order of the bits of [`Field::IpOptions`]; the bit after
/// the last stands for any other type.
pub const IP_OPTION_TYPES: [u8; 28] = [
    0, 1, 7, 10, 11, 12, 15, 18, 25, 68, 82, 94, 130, 131, 133, 134, 136, 137, 142, 144, 145, 147, 148, 149,
    150, 151, 152, 205,
];

/// The bit of [`Field::IpOptions`] for an option type; types outside [`IP_OPTION_TYPES`] share the last bit.
pub fn ip_option_bit(option_type: u8) -> u32 {
    let index = IP_OPTION_TYPES.iter().position(|t| *t == option_type);
    1 << index.unwrap_or(IP_OPTION_TYPES.len())
}
