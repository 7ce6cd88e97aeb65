//! Assets: any JSON object is an asset or told what is wrong with it, and its secrets are repeated in neither.
#![no_main]

use awsiam::asset::Asset;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

const CANARY: &str = "Canary-4711-canary";

fuzz_target!(|data: &[u8]| {
    let Ok(Value::Object(mut config)) = serde_json::from_slice::<Value>(data) else { return };
    // A reference to a file would make the outcome hang on this machine.
    config.retain(|_, value| !value.is_object());
    for secret in ["secret_key", "session_token", "external_id"] {
        if config.get(secret).is_some_and(Value::is_string) {
            config.insert(secret.to_owned(), CANARY.into());
        }
    }
    let told = match Asset::read(&config, &Map::new()) {
        Ok(asset) => format!("{asset:?}").replace(&format!("external_id: Some(\"{CANARY}\")"), ""),
        Err(problem) => problem,
    };
    assert!(!told.contains(CANARY), "{told}");
});
