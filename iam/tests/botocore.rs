//! What is sent and read is what botocore sends and reads: random requests and replies of every operation.
//!
//! Needs a Python with botocore, named by `AWSIAM_BOTOCORE_PYTHON`; without one it does nothing. `.ci/run` names one.
//! `AWSIAM_BOTOCORE_SEED` and `AWSIAM_BOTOCORE_COUNT` choose other cases, and how many there are for each operation.

use awsiam_iam::{table, wire};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::process::Command;

/// The pairs of a form body, in their order by name.
fn pairs(body: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value))).unwrap();
    let mut pairs: Vec<_> = body.split('&').map(pair).collect();
    pairs.sort();
    pairs
}

/// botocore leaves lists out that are empty, or absent, as it finds them.
fn normalized(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let parts = map.iter().map(|(name, part)| (name.clone(), normalized(part)));
            let there =
                parts.filter(|(_, part)| !part.is_null() && part.as_array().is_none_or(|list| !list.is_empty()));
            there.collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(normalized).collect(),
        other => other.clone(),
    }
}

#[test]
fn requests_and_replies_are_botocore_s() {
    let Ok(python) = std::env::var("AWSIAM_BOTOCORE_PYTHON") else { return };
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/botocore/cases.py");
    let arguments = [setting("AWSIAM_BOTOCORE_SEED", "1"), setting("AWSIAM_BOTOCORE_COUNT", "20")];
    let made = Command::new(python).arg(script).args(arguments).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = String::from_utf8(made.stdout).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let head = lines.next().unwrap();
    let theirs: Vec<_> = head["operations"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let ours: Vec<_> = table::operations().iter().map(|operation| operation.name).collect();
    assert_eq!(theirs, ours, "operations of botocore {}", head["botocore"]);
    let mut count = 0;
    let mut wrong = vec![];
    for case in lines {
        let name = case["operation"].as_str().unwrap();
        let operation = table::operation(name).unwrap();
        match wire::encode(operation, &case["parameters"]) {
            Err(problem) => wrong.push(format!("{name}: {problem}: {}", case["parameters"])),
            Ok(body) => {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let pair = |pair: &Value| (text(&pair[0]), text(&pair[1]));
                let mut expected: Vec<_> = case["body"].as_array().unwrap().iter().map(pair).collect();
                expected.sort();
                if pairs(&body) != expected {
                    wrong.push(format!("{name}: sent {:?}, botocore {expected:?}", pairs(&body)));
                }
            }
        }
        match wire::decode(operation, case["reply"].as_str().unwrap()) {
            Err(problem) => wrong.push(format!("{name}: {problem}: {}", case["reply"])),
            Ok((read, request_id)) => {
                if normalized(&read) != normalized(&case["read"])
                    || request_id.as_deref() != case["request_id"].as_str()
                {
                    wrong.push(format!("{name}: read {read}, botocore {}", case["read"]));
                }
            }
        }
        count += 1;
    }
    assert!(count >= theirs.len(), "{count} cases");
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}
