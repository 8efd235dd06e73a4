//! Sets of packets, exactly: emptiness, members, witnesses.
