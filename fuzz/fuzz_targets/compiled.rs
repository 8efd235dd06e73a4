//! Feeds `compiled::run` from libFuzzer; see there for the law.
#![cfg_attr(fuzzing, no_main)]
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| flowgate_fuzz::compiled::run(data));
#[cfg(not(fuzzing))]
fn main() {}
