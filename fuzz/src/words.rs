//! Whatever the words, reading them as a packet ends without a panic and an error points into them; what is read is
//! printed as words that mean the same packet.

use flowgate::packet::words;

/// The law.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match words::parse(&text, &[]) {
        Ok(headers) => {
            let printed = words::print(&headers, &[]);
            let again =
                words::parse(&printed, &[]).unwrap_or_else(|e| panic!("{e}: `{text}` became `{printed}`"));
            assert_eq!(printed, words::print(&again, &[]), "`{text}` became `{printed}`");
        }
        Err(error) => assert!(error.at <= text.chars().count(), "{error:?}"),
    }
}
