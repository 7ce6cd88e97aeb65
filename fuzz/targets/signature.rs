//! The sandbox's check of signatures: any request has a signature that fits, one that does not, or none; a signature made
//! with the secret fits, and none made with another.
#![no_main]

use awsiam_sandbox::sigv4::{Request, Signature, pairs, sign};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = pairs(text);
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    let (path, query) = first.split_once('?').unwrap_or((first, ""));
    let headers: Vec<(String, String)> = lines
        .by_ref()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let body = lines.collect::<Vec<_>>().join("\n");
    let request = Request { method: "POST", path, query, headers: &headers, body: body.as_bytes() };
    if let Ok(signature) = Signature::read(&request) {
        let _ = signature.fits(&request, "secret");
    }
    let signed = sign(("AKIAFUZZ", "secret", None), "iam", "localhost", &body, 1_770_000_000);
    let request = Request { method: "POST", path: "/", query: "", headers: &signed, body: body.as_bytes() };
    let signature = Signature::read(&request).expect("what we sign is signed");
    assert!(signature.fits(&request, "secret") && !signature.fits(&request, "another"));
});
