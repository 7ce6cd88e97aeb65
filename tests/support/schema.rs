//! Judges results by the published schemas, and keeps in mind which declared outputs a test has produced.
//!
//! Reads the committed files below `schemas/`, as a user of them would. Refuses to look at a result in any other way.

use awsiam_actions::ACTIONS;
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// The declared outputs that were produced so far: action and path.
static SEEN: Mutex<BTreeSet<(String, String)>> = Mutex::new(BTreeSet::new());

/// The schemas that were used so far: to compile one takes longer than all that it then judges.
static COMPILED: Mutex<BTreeMap<String, (Schemas, SchemaIndex)>> = Mutex::new(BTreeMap::new());

/// What is wrong with a value by a published schema, such as `asset.json` or `actions/get_user.json#/properties/data`.
///
/// # Errors
/// Where the value breaks the schema, and how.
pub fn validate(schema: &str, value: &Value) -> Result<(), String> {
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if !compiled.contains_key(schema) {
        let mut schemas = Schemas::new();
        let location = format!("{}/schemas/{schema}", env!("CARGO_MANIFEST_DIR"));
        let index = Compiler::new().compile(&location, &mut schemas).map_err(|error| format!("{schema}: {error:#}"))?;
        compiled.insert(schema.to_owned(), (schemas, index));
    }
    let (schemas, index) = &compiled[schema];
    schemas.validate(value, *index).map_err(|error| format!("{error:#}"))
}

/// What is wrong with a result by the schemas of results and of the action.
///
/// # Errors
/// Where it breaks a schema, and how.
pub fn check_result(identifier: &str, result: &Value) -> Result<(), String> {
    validate("result.json", result)?;
    if result["identifier"] != identifier {
        return Err(format!("the result is of {}, not of {identifier}", result["identifier"]));
    }
    for item in result["result_data"].as_array().into_iter().flatten() {
        // A single operation is judged as what its general form brings.
        let identifier = if identifier.starts_with("iam:") { "call_operation" } else { identifier };
        validate(&format!("actions/{identifier}.json#/properties/data"), &item["data"])?;
        validate(&format!("actions/{identifier}.json#/properties/summary"), &item["summary"])?;
    }
    Ok(())
}

/// Validates a whole result, and notes which declared outputs it holds.
///
/// # Panics
/// The result breaks a schema.
#[track_caller]
pub fn validate_result(identifier: &str, result: &Value) {
    if let Err(problem) = check_result(identifier, result) {
        panic!("{identifier}: {problem}\n{result:#}");
    }
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    for (action, path) in declared().filter(|(action, _)| action == identifier) {
        // The rows of a dry run are planned changes, whatever their members are called.
        let ran = result["result_data"].as_array().into_iter().flatten();
        let mut ran = ran.filter(|item| item["extra_data"][0]["dry_run"] != true);
        if ran.any(|item| holds(item, &path.split('.').collect::<Vec<_>>())) {
            seen.insert((action, path));
        }
    }
}

/// The declared outputs that no validated result of this test binary has held: action, and path such as `data.*.Arn`.
pub fn unseen_outputs() -> Vec<(String, String)> {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    declared().filter(|output| !seen.contains(output)).collect()
}

fn declared() -> impl Iterator<Item = (String, String)> {
    ACTIONS.iter().flat_map(|action| {
        action.outputs.iter().map(|output| {
            let place = if output.summary { "summary" } else { "data.*" };
            (action.identifier.to_owned(), format!("{place}.{}", output.path))
        })
    })
}

/// Whether there is anything but null at the path.
fn holds(value: &Value, path: &[&str]) -> bool {
    match path {
        [] => !value.is_null(),
        ["*", rest @ ..] => value.as_array().into_iter().flatten().any(|item| holds(item, rest)),
        [name, rest @ ..] => value.get(name).is_some_and(|value| holds(value, rest)),
    }
}
