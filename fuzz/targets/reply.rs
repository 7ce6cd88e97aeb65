//! Replies: XML is a whole reply to the operation that was called, or it is refused; and what was read can be written and
//! read again.
#![no_main]

use awsiam_iam::{table, wire};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = wire::decode_error(text);
    // The root says which operation it would answer; any other must refuse it.
    let named = text.trim_start().trim_start_matches('<').split("Response").next().unwrap_or_default();
    let operation = table::operation(named).unwrap_or(&table::operations()[text.len() % table::operations().len()]);
    let Ok((read, _)) = wire::decode(operation, text) else { return };
    // XML cannot carry all that Unicode has, and its parsers fold line ends.
    if text.chars().any(|character| character.is_control() || character == '\u{fffe}' || character == '\u{ffff}') {
        return;
    }
    if text.contains("&#") || text.contains('%') {
        return;
    }
    let written = wire::encode_reply(operation, &read, "id");
    let again = wire::decode(operation, &written).expect("what was read can be written");
    assert_eq!(again.0, read, "{written}");
});
