//! Every field of every packet against the tables tshark wrote beside the captures.

use crate::corpus;
use flowgate::field::{Field, Headers, L4Status, Reading, ext, ip_option_bit};
use flowgate::packet::{CaptureReader, Decoded, LinkType, Malformed, decode};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// One cell where the two differ.
struct Deviation<'a> {
    column: &'a str,
    ours: &'a str,
    // The first value of the cell, numbers in decimal, and the whole cell.
    theirs: &'a str,
    cell: &'a str,
    link_type: LinkType,
    decoded: Decoded,
    headers: &'a Headers,
}

/// A class of deviations: what tells it, and why both are right in their own way.
struct Class {
    name: &'static str,
    reason: &'static str,
    applies: fn(&Deviation<'_>) -> bool,
}

/// Every deviation there is. The first class that applies counts; one that explains nothing fails the test.
const CLASSES: &[Class] = &[
    Class {
        name: "link type not decoded",
        reason: "we decode the link types of the list in `decode`; tshark also ARCNET, Frame Relay, IEEE 802.15.4 ..",
        applies: |d| d.decoded == Decoded::NotDecoded && d.ours.is_empty(),
    },
    Class {
        name: "cooked ethertype",
        reason: "tshark keeps the protocol of cooked captures in a column of its own, `sll.etype`",
        applies: |d| {
            d.column == "eth.type"
                && d.theirs.is_empty()
                && matches!(d.link_type, LinkType::LINUX_SLL | LinkType::LINUX_SLL2)
        },
    },
    Class {
        name: "ethertype of the outer tag",
        reason: "`eth.type` is that of the first tag in tshark and the innermost one with us; both have it behind",
        applies: |d| {
            d.column == "eth.type"
                && d.headers.small(Field::VlanId).is_some()
                && matches!(d.theirs, "33024" | "34984" | "37120")
        },
    },
    Class {
        name: "service tag",
        reason: "tshark keeps the outer identifier of 802.1ad in `ieee8021ad.id`, we in `vlan`",
        applies: |d| d.column == "vlan.id" && is(d, Field::InnerVlanId),
    },
    Class {
        name: "other encapsulation",
        reason: "tshark looks into MACsec without encryption, NSH and switch headers; to us, and to a filter, no IP",
        applies: |d| {
            d.decoded == Decoded::NotIp
                && d.ours.is_empty()
                && matches!(d.headers.small(Field::EthType), Some(0x88e5 | 0x894f | 0xd28b))
        },
    },
    Class {
        name: "inner packet",
        reason: "tshark goes on into tunnels, AH of IPv4, flow samples and what ICMP quotes; a filter sees the outer one",
        applies: |d| {
            d.ours.is_empty()
                && matches!(
                    d.decoded,
                    Decoded::Whole | Decoded::Malformed { kind: Malformed::LengthBeyondFrame, .. }
                )
                && is_of_another_header(d)
        },
    },
    Class {
        name: "short transport header",
        reason: "tshark shows nothing of a header that is too short or says so; our fields need only their own octets",
        applies: |d| {
            let minimum = match d.headers.small(Field::Proto) {
                Some(6) => 20,
                Some(1 | 58) => 4,
                _ => 8,
            };
            let room = d.headers.small(Field::L4Room);
            d.theirs.is_empty()
                && protocol_of(d.column).is_some()
                && (room.is_some_and(|room| room < minimum)
                    || d.headers.small(Field::TcpDataOff).is_some_and(|words| words < 5))
        },
    },
    Class {
        name: "behind a mobility header",
        reason: "nothing follows one today (RFC 6275 §6.1.1), so tshark stops; it is walked as an extension header",
        applies: |d| {
            d.theirs.is_empty()
                && d.headers.small(Field::ExtHdrs).is_some_and(|bits| bits & ext::MOBILITY != 0)
        },
    },
    Class {
        name: "broken options",
        reason: "behind options that overrun the header tshark trusts the header length; to us the packet is malformed",
        applies: |d| {
            matches!(d.decoded, Decoded::Malformed { kind: Malformed::Options, .. })
                && d.ours.is_empty()
                && protocol_of(d.column).is_some()
        },
    },
    Class {
        name: "another version than announced",
        reason: "tshark goes by the nibble, or shows the wrong one; to us the packet is malformed and has no fields",
        applies: |d| {
            matches!(d.decoded, Decoded::Malformed { kind: Malformed::Version, .. }) && d.ours.is_empty()
        },
    },
    Class {
        name: "header of a wrong length",
        reason: "tshark stops at an IPv4 header whose lengths are wrong; we keep what stands in its fixed part",
        applies: |d| {
            use Malformed::{HeaderLength, LengthBeyondFrame, TotalLength};
            d.theirs.is_empty()
                && d.column.starts_with("ip.")
                && matches!(
                    d.decoded,
                    Decoded::Malformed { kind: HeaderLength | LengthBeyondFrame | TotalLength, .. }
                )
                && d.headers.small(Field::L4Status) == Some(L4Status::Unlocatable as u32)
        },
    },
    Class {
        name: "source route",
        reason: "tshark shows the last hop of a source route as destination; a filter compares the header's",
        applies: |d| {
            let routes = ip_option_bit(131) | ip_option_bit(137);
            d.column == "ip.dst" && d.headers.small(Field::IpOptions).is_some_and(|bits| bits & routes != 0)
        },
    },
    Class {
        name: "total length of zero",
        reason: "tshark takes it for segmentation offload and the frame's length in its place; to us it is malformed",
        applies: |d| {
            matches!(d.decoded, Decoded::Malformed { kind: Malformed::TotalLength, .. })
                && is_zero(d, Field::Len)
        },
    },
    Class {
        name: "jumbogram",
        reason: "its payload length says 0, which is no length (RFC 2675): absent with us",
        applies: |d| d.column == "ipv6.plen" && d.ours.is_empty() && d.theirs == "0",
    },
    Class {
        name: "captured more than was sent",
        reason: "the file contradicts itself; our length is never less than what was captured",
        applies: |d| {
            let (ours, theirs) = (d.ours.parse::<u32>(), d.theirs.parse::<u32>());
            d.column == "frame.len" && theirs.is_ok_and(|theirs| ours.is_ok_and(|ours| theirs < ours))
        },
    },
];

#[test]
fn decoded_fields_are_those_of_tshark() {
    let Some(root) = corpus::corpora("the comparison with tshark") else { return };
    let mut tally = Tally::default();
    for capture in corpus::captures(&root, &["pcap", "pcap_synthetic"]) {
        let table = PathBuf::from(format!("{}.tshark.tsv", capture.display()));
        if table.exists() {
            compare(&capture, &table, &mut tally);
        }
    }
    println!("{} captures, {} packets, {} cells", tally.captures, tally.packets, tally.cells);
    for (class, count) in CLASSES.iter().zip(&tally.explained) {
        println!("{count:6} {}: {}", class.name, class.reason);
    }
    assert!(tally.unexplained.is_empty(), "unexplained:\n{}", tally.unexplained.join("\n"));
    for (class, count) in CLASSES.iter().zip(tally.explained) {
        assert!(count > 0, "`{}` explains nothing", class.name);
    }
}

#[derive(Default)]
struct Tally {
    captures: usize,
    packets: usize,
    cells: usize,
    explained: [usize; CLASSES.len()],
    unexplained: Vec<String>,
}

fn compare(capture: &Path, table: &Path, tally: &mut Tally) {
    let table = std::fs::read_to_string(table).unwrap();
    let mut lines = table.lines();
    let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let rows: BTreeMap<u64, Vec<&str>> = lines
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|cells| (cells[0].parse().unwrap(), cells))
        .collect();
    let name = capture.file_name().unwrap().to_string_lossy().into_owned();
    let mut reader = CaptureReader::new(File::open(capture).unwrap()).unwrap();
    let mut headers = Headers::new();
    tally.captures += 1;
    let mut seen = 0;
    while let Some(frame) = reader.next_frame().unwrap_or_else(|e| panic!("{name}: {e}")) {
        let decoded = decode(frame.link_type, frame.octets, frame.length, &mut headers);
        let row = rows.get(&frame.number).unwrap_or_else(|| panic!("{name}: no row {}", frame.number));
        seen += 1;
        tally.packets += 1;
        for (column, cell) in columns.iter().zip(row).skip(1) {
            let ours = match *column {
                "frame.len" => frame.length.to_string(),
                "frame.cap_len" => frame.octets.len().to_string(),
                _ => ours(column, &headers),
            };
            let theirs = decimal(cell.split(',').next().unwrap());
            tally.cells += 1;
            if ours == theirs {
                continue;
            }
            let deviation = Deviation {
                column,
                ours: &ours,
                theirs: &theirs,
                cell,
                link_type: frame.link_type,
                decoded,
                headers: &headers,
            };
            match CLASSES.iter().position(|class| (class.applies)(&deviation)) {
                Some(class) => tally.explained[class] += 1,
                None => tally.unexplained.push(format!(
                    "{name} {} {column}: `{ours}`, tshark `{}`, {decoded:?}",
                    frame.number, deviation.cell
                )),
            }
        }
    }
    assert_eq!(seen, rows.len(), "{name}");
}

fn decimal(text: &str) -> String {
    match text.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).unwrap().to_string(),
        None => text.to_owned(),
    }
}

fn is(d: &Deviation<'_>, field: Field) -> bool {
    d.headers.small(field).is_some_and(|value| value.to_string() == d.theirs)
}

fn is_zero(d: &Deviation<'_>, field: Field) -> bool {
    d.headers.small(field) == Some(0)
}

/// The protocols whose header a column is of.
fn protocol_of(column: &str) -> Option<&'static [u32]> {
    match column.split_once('.')?.0 {
        "tcp" => Some(&[6]),
        "udp" => Some(&[17, 136]),
        "icmp" => Some(&[1]),
        "icmpv6" => Some(&[58]),
        "sctp" => Some(&[132]),
        _ => None,
    }
}

/// Whether the column is of a header that the outer packet does not have.
fn is_of_another_header(d: &Deviation<'_>) -> bool {
    if let Some(protocols) = protocol_of(d.column) {
        return !protocols.contains(&d.headers.small(Field::Proto).unwrap_or(0));
    }
    let version = d.headers.small(Field::IpVersion);
    match d.column.split_once('.') {
        Some(("ip", _)) => version == Some(6),
        Some(("ipv6", "fraghdr.offset" | "fraghdr.more")) => d.cell_is_inner(),
        Some(("ipv6", _)) => version == Some(4),
        Some(("vlan", _)) => matches!(d.headers.small(Field::Proto), Some(17 | 47)),
        _ => false,
    }
}

impl Deviation<'_> {
    /// Whether the outer packet has no fragment header at all.
    fn cell_is_inner(&self) -> bool {
        self.headers.small(Field::ExtHdrs).is_none_or(|bits| bits & ext::FRAGMENT == 0)
    }
}

/// The cell as we would write it; empty where the field is not there.
fn ours(column: &str, headers: &Headers) -> String {
    let protocols = protocol_of(column);
    let version = headers.small(Field::IpVersion);
    let inet6 = column.starts_with("ipv6.");
    let of_this_header = match protocols {
        Some(protocols) => headers.small(Field::Proto).is_some_and(|p| protocols.contains(&p)),
        None if inet6 => version == Some(6),
        None => column == "ip.version" || !column.starts_with("ip.") || version == Some(4),
    };
    let fragment_header = headers.small(Field::IsFragHeader) == Some(1);
    if !of_this_header || (column.starts_with("ipv6.fraghdr") && !fragment_header) {
        return String::new();
    }
    let field = match column {
        "eth.type" => Field::EthType,
        "vlan.id" => Field::VlanId,
        "ip.version" => Field::IpVersion,
        "ip.src" => Field::Src4,
        "ip.dst" => Field::Dst4,
        "ip.hdr_len" => Field::HdrLen,
        "ip.len" | "ipv6.plen" => Field::Len,
        "ip.id" => Field::IpId,
        "ip.dsfield.dscp" | "ipv6.tclass.dscp" => Field::Dscp,
        "ip.flags.df" => Field::Df,
        "ip.flags.mf" | "ipv6.fraghdr.more" => Field::Mf,
        "ip.frag_offset" | "ipv6.fraghdr.offset" => Field::FragOff,
        "ip.ttl" | "ipv6.hlim" => Field::Ttl,
        "ip.proto" => Field::Proto,
        "ipv6.src" => Field::Src6,
        "ipv6.dst" => Field::Dst6,
        "ipv6.flow" => Field::FlowLabel,
        "ipv6.nxt" => Field::ProtoField,
        "tcp.srcport" | "udp.srcport" | "sctp.srcport" => Field::Sport,
        "tcp.dstport" | "udp.dstport" | "sctp.dstport" => Field::Dport,
        "tcp.flags" => Field::TcpFlags,
        "icmp.type" => Field::IcmpType,
        "icmp.code" => Field::IcmpCode,
        "icmpv6.type" => Field::Icmp6Type,
        "icmpv6.code" => Field::Icmp6Code,
        other => panic!("a column nobody compares: {other}"),
    };
    let Reading::Value(value) = headers.get(field) else { return String::new() };
    match (column, field) {
        ("ipv6.plen", _) => (value - 40).to_string(),
        (_, Field::HdrLen) => (value * 4).to_string(),
        (_, Field::Src4 | Field::Dst4) => Ipv4Addr::from_bits(u32::try_from(value).unwrap()).to_string(),
        (_, Field::Src6 | Field::Dst6) => Ipv6Addr::from_bits(value).to_string(),
        _ => value.to_string(),
    }
}
