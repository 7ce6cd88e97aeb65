//! Requests: whatever comes on stdin is taken or refused, and a parameter set is valid or told what is wrong with it.
#![no_main]

use awsiam::request;
use awsiam_actions::operations;
use awsiam_actions::parameters::Parameters;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(request) = request::parse(data) else { return };
    for set in &request.sets {
        let Ok((meant, own)) = operations::resolve(request.action, set) else { continue };
        match Parameters::validate(meant, &own) {
            // What is valid makes a call, or the table says why not.
            Ok(parameters) => _ = parameters.members(),
            Err(wrong) => assert!(!wrong.is_empty() && wrong.iter().all(|problem| !problem.is_empty())),
        }
    }
});
