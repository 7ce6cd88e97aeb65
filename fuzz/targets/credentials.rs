//! Credentials of a parameter set: JSON, JSON in JSON, or what a template made of it; and no word of the secret in errors.
#![no_main]

use awsiam::session_credentials::parse;
use libfuzzer_sys::fuzz_target;

const CANARY: &str = "Canary-4711-canary";

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let told = match parse(&text.replace("SECRET", CANARY).into()) {
        Ok(keys) => format!("{keys:?}"),
        Err(problem) => problem,
    };
    assert!(!told.contains(CANARY), "{told}");
});
