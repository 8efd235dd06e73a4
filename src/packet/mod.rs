//! Packets: octets to headers, headers to octets, capture files, packets in words.
