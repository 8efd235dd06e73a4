//! Captures and MRT files to BGP messages with their offsets.
