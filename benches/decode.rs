//! Captures read and decoded: packets of 64 octets a second, ours beside the bare crates.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot run should say so")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use flowgate::field::{Field, Headers};
use flowgate::packet::{CaptureReader, CaptureWriter, Counts, LinkType, build, decode};
use pcap_file::pcap::PcapReader;
use pnet::packet::Packet;
use pnet::packet::ethernet::EthernetPacket;
use pnet::packet::ipv4::Ipv4Packet;
use pnet::packet::tcp::TcpPacket;
use pnet::packet::udp::UdpPacket;
use std::time::Duration;

fn main() {
    divan::main();
}

const PACKETS: usize = 200_000;

/// Ethernet frames of 64 octets, UDP and TCP over IPv4, with varying addresses and ports.
fn capture() -> Vec<u8> {
    let mut writer = CaptureWriter::new(Vec::new(), LinkType::ETHERNET).unwrap();
    let mut headers = Headers::new();
    for number in 0..u32::try_from(PACKETS).unwrap() {
        let mixed = number.wrapping_mul(0x9e37_79b9);
        headers.clear();
        headers.set(Field::Src4, mixed);
        headers.set(Field::Dst4, mixed.rotate_left(13));
        headers.set(Field::Proto, if number % 2 == 0 { 17 } else { 6 });
        headers.set(Field::Sport, mixed & 0xffff);
        headers.set(Field::Dport, mixed >> 16);
        headers.set(Field::Len, 50);
        let mut frame = vec![2; 12];
        frame.extend([8, 0]);
        frame.extend(build(&headers).unwrap());
        writer.write(Duration::from_nanos(u64::from(number)), &frame, 64).unwrap();
    }
    writer.finish().unwrap()
}

#[divan::bench]
fn read_and_decode(bencher: Bencher<'_, '_>) {
    let file = capture();
    bencher.counter(ItemsCount::new(PACKETS)).bench(|| {
        let mut reader = CaptureReader::new(&file[..]).unwrap();
        let mut headers = Headers::new();
        let mut counts = Counts::default();
        while let Some(frame) = reader.next_frame().unwrap() {
            counts.add(decode(frame.link_type, frame.octets, frame.length, &mut headers), frame.length);
            black_box(&headers);
        }
        assert_eq!(counts.whole, PACKETS as u64);
    });
}

#[divan::bench]
fn read_only(bencher: Bencher<'_, '_>) {
    let file = capture();
    bencher.counter(ItemsCount::new(PACKETS)).bench(|| {
        let mut reader = CaptureReader::new(&file[..]).unwrap();
        while let Some(frame) = reader.next_frame().unwrap() {
            black_box(frame);
        }
    });
}

/// What the crates do alone: no check of lengths, and only the five-tuple.
#[divan::bench]
fn bare_pcap_file_and_pnet(bencher: Bencher<'_, '_>) {
    let file = capture();
    bencher.counter(ItemsCount::new(PACKETS)).bench(|| {
        let mut reader = PcapReader::new(&file[..]).unwrap();
        while let Some(packet) = reader.next_raw_packet() {
            let packet = packet.unwrap();
            let ethernet = EthernetPacket::new(&packet.data).unwrap();
            let ip = Ipv4Packet::new(ethernet.payload()).unwrap();
            let ports = match ip.get_next_level_protocol().0 {
                6 => TcpPacket::new(ip.payload()).map(|t| (t.get_source(), t.get_destination())),
                _ => UdpPacket::new(ip.payload()).map(|u| (u.get_source(), u.get_destination())),
            };
            black_box((ip.get_source(), ip.get_destination(), ports));
        }
    });
}
