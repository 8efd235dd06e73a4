//! Whatever the text, reading it as `flowgate.toml` or as an expression ends without a panic, and an error points
//! into the text.

use flowgate::config::Config;
use flowgate::query;

/// The law.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err(error) = Config::parse(&text) {
        assert!(error.span.end as usize <= text.len(), "{error:?}");
    }
    if let Err(error) = query::parse(&text, &[]) {
        assert!(error.offset <= text.len(), "{error:?}");
    }
}
