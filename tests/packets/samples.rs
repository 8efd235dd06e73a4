//! The captures of `corpus/captures`: written by our own code, and read back as the words beside them.
//!
//! `FLOWGATE_WRITE_SAMPLES=1` writes them anew; a change of them is looked at like one of code.

use flowgate::field::{Field, Headers, ext, ip_option_bit};
use flowgate::packet::{CaptureReader, CaptureWriter, Decoded, LinkType, build, decode, words};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

#[test]
fn sample_captures_are_as_written_and_read_as_said() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/captures");
    for (name, capture) in samples() {
        let said = describe(&capture);
        let (path, words) = (folder.join(name), folder.join(format!("{name}.txt")));
        if std::env::var_os("FLOWGATE_WRITE_SAMPLES").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &capture).unwrap();
            std::fs::write(&words, &said).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), capture, "{name}");
        assert_eq!(std::fs::read_to_string(&words).unwrap(), said, "{name}");
    }
}

/// A line for each packet: its number, what decoding came to, the packet in words.
fn describe(capture: &[u8]) -> String {
    let mut reader = CaptureReader::new(capture).unwrap();
    let mut headers = Headers::new();
    let mut text = String::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        let decoded = decode(frame.link_type, frame.octets, frame.length, &mut headers);
        let status = match decoded {
            Decoded::Whole => "whole".to_owned(),
            Decoded::Truncated => "cut".to_owned(),
            Decoded::Malformed { kind, at } => format!("malformed at {at}, {}", kind.text()),
            Decoded::NotIp => "no IP".to_owned(),
            Decoded::NotDecoded => "not decoded".to_owned(),
        };
        let said = if headers.small(Field::IpVersion).is_some() {
            words::print(&headers, &[])
        } else {
            "-".to_owned()
        };
        writeln!(text, "{} {status} | {said}", frame.number).unwrap();
    }
    text
}

fn samples() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("cooked.pcap", cooked()),
        ("cut-and-malformed.pcap", cut_and_malformed()),
        ("fragments.pcap", fragments()),
        ("interfaces.pcapng", interfaces()),
        ("link-layers.pcap", link_layers()),
        ("options-and-extensions.pcap", options_and_extensions()),
        ("protocols.pcap", protocols()),
    ]
}

fn octets(text: &str) -> Vec<u8> {
    build(&words::parse(text, &[]).unwrap_or_else(|e| panic!("{text}: {e}"))).unwrap()
}

/// A capture of frames, a microsecond apart; the length as sent where it is not that of the octets.
fn capture(link_type: LinkType, frames: impl IntoIterator<Item = (Vec<u8>, Option<u32>)>) -> Vec<u8> {
    let mut writer = CaptureWriter::new(Vec::new(), link_type).unwrap();
    for (frame, number) in frames.into_iter().zip(0..) {
        let (octets, length) = frame;
        let length = length.unwrap_or(octets.len().try_into().unwrap());
        writer.write(Duration::from_micros(number), &octets, length).unwrap();
    }
    writer.finish().unwrap()
}

fn whole(packets: &[&str]) -> Vec<(Vec<u8>, Option<u32>)> {
    packets.iter().map(|text| (octets(text), None)).collect()
}

fn protocols() -> Vec<u8> {
    capture(
        LinkType::RAW,
        whole(&[
            "tcp 198.51.100.7:40000 > 192.0.2.1:179 flags S len 60",
            "tcp 198.51.100.7:40000 > 192.0.2.1:179 flags PA len 85 df dscp 48",
            "tcp [2001:db8::7]:40000 > [2001:db8::1]:443 flags SEC len 80 label 7",
            "udp 198.51.100.7:53 > 192.0.2.9:40000 len 1200",
            "udp [2001:db8::7]:123 > [2001:db8::1]:123 len 96",
            "icmp 198.51.100.7 > 192.0.2.9 type 3 code 4 len 56 icmp.mtu 1400",
            "icmp6 2001:db8::7 > 2001:db8::1 type 2 code 0 len 88",
            "igmp 198.51.100.7 > 224.0.0.22 type 34 len 36 ttl 1",
            "sctp 198.51.100.7:5000 > 192.0.2.9:5000 len 64",
            "dccp 198.51.100.7:5001 > 192.0.2.9:5001 len 44",
            "udplite 198.51.100.7:5 > 192.0.2.9:6 len 40",
            "gre 198.51.100.7 > 192.0.2.9 len 48 gre.key 77",
            "esp 198.51.100.7 > 192.0.2.9 len 100 esp.spi 4096",
            "esp 2001:db8::7 > 2001:db8::1 len 100 esp.spi 4097",
            "ah 198.51.100.7 > 192.0.2.9 len 60 ah.spi 5",
            "none 2001:db8::7 > 2001:db8::1 len 40",
            "253 198.51.100.7 > 192.0.2.9 len 20",
            "tcp 198.51.100.7:1 > 192.0.2.9:2 len 26",
            "udp 198.51.100.7 > 192.0.2.9 len 21",
        ]),
    )
}

fn fragments() -> Vec<u8> {
    capture(
        LinkType::RAW,
        whole(&[
            "udp 198.51.100.7:53 > 192.0.2.9:40000 len 1500 frag first",
            "udp 198.51.100.7 > 192.0.2.9 len 1500 frag middle",
            "udp 198.51.100.7 > 192.0.2.9 len 300 frag 370",
            "tcp 198.51.100.7 > 192.0.2.9 len 40 frag 1",
            "udp 198.51.100.7 > 192.0.2.9 len 28 frag 8191",
            "udp [2001:db8::7]:53 > [2001:db8::1]:40000 len 1280 frag first",
            "udp 2001:db8::7 > 2001:db8::1 len 1280 frag middle",
            "udp 2001:db8::7 > 2001:db8::1 len 100 frag last",
            "udp [2001:db8::7]:53 > [2001:db8::1]:40000 len 60 frag 0",
        ]),
    )
}

fn options_and_extensions() -> Vec<u8> {
    let v4 = [ip_option_bit(7), ip_option_bit(131) | 1, ip_option_bit(148) | 2, 1, 1 << 28];
    let v6 = [
        ext::HOP_BY_HOP,
        ext::ROUTING | ext::DESTINATION,
        ext::AUTHENTICATION,
        ext::HOP_BY_HOP | ext::FRAGMENT | ext::DESTINATION,
        ext::MOBILITY | ext::HOST_IDENTITY | ext::SHIM6,
    ];
    let frames = v4.map(|bits| format!("udp 198.51.100.7:5 > 192.0.2.9:6 ip.options {bits}"));
    let more = v6.map(|bits| format!("tcp [2001:db8::7]:5 > [2001:db8::1]:6 ip.exthdrs {bits}"));
    let frames: Vec<String> = frames.into_iter().chain(more).collect();
    let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
    capture(LinkType::RAW, whole(&frames))
}

const UDP4: &str = "udp 198.51.100.7:53 > 192.0.2.9:40000 len 60";
const TCP4: &str = "tcp 198.51.100.7:40000 > 192.0.2.1:179 flags S len 60";
const UDP6: &str = "udp [2001:db8::7]:53 > [2001:db8::1]:40000 len 60";

fn ethernet(rest: &[&[u8]]) -> (Vec<u8>, Option<u32>) {
    let addresses = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    ([&addresses[..]].iter().chain(rest).flat_map(|part| part.iter().copied()).collect(), None)
}

fn link_layers() -> Vec<u8> {
    let (v4, v6) = (octets(UDP4), octets(UDP6));
    capture(
        LinkType::ETHERNET,
        [
            ethernet(&[&[8, 0], &v4]),
            ethernet(&[&[0x86, 0xdd], &v6]),
            ethernet(&[&[0x81, 0, 0x60, 100, 8, 0], &v4]),
            ethernet(&[&[0x88, 0xa8, 0x20, 5, 0x81, 0, 0xe0, 6, 0x86, 0xdd], &v6]),
            ethernet(&[&[0x91, 0, 0, 5, 0x91, 0, 0, 6, 0x81, 0, 0, 7, 8, 0], &v4]),
            ethernet(&[&[0x88, 0x47, 0, 6, 0x4b, 64], &v4]),
            ethernet(&[&[0x88, 0x47, 0, 6, 0x4a, 64, 0, 0, 0x21, 64], &v6]),
            ethernet(&[&[0x88, 0x64, 0x11, 0, 0, 9, 0, 62, 0, 0x21], &v4]),
            ethernet(&[&[0x88, 0x64, 0x11, 0, 0, 9, 0, 62, 0, 0x57], &v6]),
            ethernet(&[&[0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]]),
            ethernet(&[&[0, 46, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &v4]),
        ],
    )
}

fn cooked() -> Vec<u8> {
    let header = |kind: u8, protocol: [u8; 2]| {
        [&[0, 0, 0, kind, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &protocol].concat()
    };
    capture(
        LinkType::LINUX_SLL,
        [
            ([header(1, [8, 0]), octets(UDP4)].concat(), None),
            ([header(1, [0x86, 0xdd]), octets(UDP6)].concat(), None),
            ([header(1, [8, 6]), vec![0; 28]].concat(), None),
        ],
    )
}

fn cut_and_malformed() -> Vec<u8> {
    let (v4, v6) = (octets(TCP4), octets("tcp [2001:db8::7]:1 > [2001:db8::1]:2 ip.exthdrs 1 len 80"));
    let mut frames = Vec::new();
    // Every cut that hides one more field.
    for end in [0, 1, 4, 10, 16, 19, 20, 22, 24, 33, 34, 40] {
        frames.push((v4[..end].to_vec(), Some(60)));
    }
    for end in [39, 41, 48, 50, 62] {
        frames.push((v6[..end].to_vec(), Some(80)));
    }
    let with = |octets: &[u8], changes: &[(usize, u8)]| {
        let mut changed = octets.to_vec();
        for (at, octet) in changes {
            changed[*at] = *octet;
        }
        (changed, None)
    };
    // Header length of 4 words, total length of 12, of 200; version 5; an option and a header that overrun.
    frames.push(with(&v4, &[(0, 0x44)]));
    frames.push(with(&v4, &[(3, 12)]));
    frames.push(with(&v4, &[(3, 200)]));
    frames.push(with(&v4, &[(0, 0x55)]));
    frames.push(with(&v4, &[(0, 0x46), (20, 7), (21, 9)]));
    frames.push(with(&v6, &[(41, 255)]));
    frames.push((v4[..12].to_vec(), None));
    capture(LinkType::RAW, frames)
}

/// Two interfaces of different link types, one with a name, in big-endian order; written by hand.
fn interfaces() -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let padded = body.len().next_multiple_of(4);
        let total = u32::try_from(padded + 12).unwrap();
        file.extend(kind.to_be_bytes());
        file.extend(total.to_be_bytes());
        file.extend(body);
        file.extend(vec![0; padded - body.len()]);
        file.extend(total.to_be_bytes());
    };
    let section = [&0x1a2b_3c4d_u32.to_be_bytes()[..], &[0, 1, 0, 0], &[0xff; 8]].concat();
    block(0x0a0d_0d0a, &section);
    // Ethernet, named, nanoseconds; then raw IP.
    let name = [&[0, 2, 0, 5][..], b"xe-0/", &[0; 3], &[0, 9, 0, 1, 9, 0, 0, 0], &[0; 4]].concat();
    block(1, &[&[0, 1, 0, 0, 0, 0, 0, 0][..], &name].concat());
    block(1, &[0, 101, 0, 0, 0, 0, 0, 96]);
    let enhanced = |interface: u32, ticks: u32, octets: &[u8]| {
        let length = u32::try_from(octets.len()).unwrap();
        let words = [interface, 0, ticks, length, length];
        [&words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>()[..], octets].concat()
    };
    block(6, &enhanced(0, 1, &ethernet(&[&[8, 0], &octets(UDP4)]).0));
    block(6, &enhanced(1, 2, &octets(UDP6)));
    // A name resolution block that means nothing to us, and a simple packet of the first interface.
    block(4, &[0; 4]);
    let simple = ethernet(&[&[8, 0], &octets(TCP4)]).0;
    block(3, &[&u32::try_from(simple.len()).unwrap().to_be_bytes()[..], &simple].concat());
    file
}
