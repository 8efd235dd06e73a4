//! What a rule set costs a device: table entries, memory, limits of platforms.
