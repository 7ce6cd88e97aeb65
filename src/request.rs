//! The action request: what the platform sends on stdin. Validates; makes no call and touches no file.
//!
//! Refuses everything that is not surely meant: a byte order mark, a second action, a parameter set that is no object.

use awsiam_actions::parameters::closest;
use awsiam_actions::{ACTIONS, Action, action, operations};
use serde_json::{Map, Value};

/// The largest request that is read, in bytes. Thousands of parameter sets fit; more is a mistake.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// A request whose action is known.
#[derive(Debug)]
pub struct Request {
    /// What is to be done.
    pub action: &'static Action,
    /// The asset, if the request carries it.
    pub config: Option<Map<String, Value>>,
    /// The platform's environment for the action, beside the asset.
    pub environment: Map<String, Value>,
    /// The parameter sets, not yet validated.
    pub sets: Vec<Map<String, Value>>,
    /// Whether no further parameter set is to be begun once one has failed.
    pub fail_fast: bool,
}

/// A request that cannot be run.
#[derive(Debug, Default)]
pub struct Bad {
    /// The identifier of the action, as far as it could be read.
    pub identifier: String,
    /// What to change.
    pub message: String,
    /// The parameter sets, as far as they could be read.
    pub sets: Vec<Map<String, Value>>,
}

/// Reads a request.
///
/// # Errors
/// What to change.
pub fn parse(text: &[u8]) -> Result<Request, Bad> {
    let bad = |message: &str| Bad { message: message.to_owned(), ..Bad::default() };
    if text.len() > LARGEST {
        return Err(bad("The request is larger than 4 MiB; send it in parts"));
    }
    if text.starts_with(b"\xef\xbb\xbf") || text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(bad("The request starts with a byte order mark; save it as UTF-8 without one"));
    }
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(bad("The request is empty; expected a JSON object with \"action\" and \"parameters\""));
    }
    let document: Value = serde_json::from_slice(text).map_err(|error| {
        // The error names a place and a kind of token, never the text, which may hold secrets.
        bad(&format!("The request is not JSON (line {}, column {})", error.line(), error.column()))
    })?;
    let Value::Object(mut document) = document else {
        return Err(bad("The request must be a JSON object with \"action\" and \"parameters\""));
    };
    let sets = sets(document.remove("parameters"));
    let action = find(&document);
    match (action, sets) {
        (Ok(action), Ok(sets)) => {
            let bad = |message: &str| Bad {
                identifier: action.identifier.to_owned(),
                message: message.to_owned(),
                sets: sets.clone(),
            };
            let config = match document.remove("config") {
                None | Some(Value::Null) => None,
                Some(Value::Object(config)) => Some(config),
                Some(_) => return Err(bad("\"config\" must be an object: the asset configuration")),
            };
            let environment = match document.remove("environment_variables") {
                Some(Value::Object(environment)) => environment,
                _ => Map::new(),
            };
            let fail_fast = match document.remove("fail_fast") {
                None | Some(Value::Null) => false,
                Some(Value::Bool(fail_fast)) => fail_fast,
                Some(_) => return Err(bad("\"fail_fast\" must be true or false (a JSON boolean, without quotes)")),
            };
            Ok(Request { action, config, environment, sets, fail_fast })
        }
        (Ok(action), Err(message)) => Err(Bad { identifier: action.identifier.to_owned(), message, sets: vec![] }),
        (Err(message), sets) => {
            let identifier = document.get("identifier").or_else(|| document.get("action"));
            let identifier = identifier.and_then(Value::as_str).unwrap_or_default().replace(' ', "_");
            Err(Bad { identifier, message, sets: sets.unwrap_or_default() })
        }
    }
}

fn sets(parameters: Option<Value>) -> Result<Vec<Map<String, Value>>, String> {
    match parameters {
        None | Some(Value::Null) => Ok(vec![Map::new()]),
        Some(Value::Object(one)) => Ok(vec![one]),
        // The platform sends an empty list for an action without parameters.
        Some(Value::Array(items)) if items.is_empty() => Ok(vec![Map::new()]),
        Some(Value::Array(items)) => items
            .into_iter()
            .enumerate()
            .map(|(at, item)| match item {
                Value::Object(set) => Ok(set),
                _ => Err(format!("\"parameters\" item {at} must be an object")),
            })
            .collect(),
        Some(_) => Err("\"parameters\" must be a list of objects, one for each parameter set".to_owned()),
    }
}

fn find(document: &Map<String, Value>) -> Result<&'static Action, String> {
    let named = |key: &str| match document.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => lookup(name).map(Some),
        Some(_) => Err(format!("{key:?} must be a string, such as \"disable user\"")),
    };
    match (named("action")?, named("identifier")?) {
        (Some(action), Some(identifier)) if action.identifier != identifier.identifier => {
            Err(format!("\"action\" says {:?}, but \"identifier\" says {:?}", action.name, identifier.identifier))
        }
        (Some(found), _) | (None, Some(found)) => Ok(found),
        (None, None) => Err("The request names no action; expected \"action\", such as \"disable user\"".to_owned()),
    }
}

/// The action with this name.
///
/// # Errors
/// There is none; names the most similar one.
pub fn lookup(name: &str) -> Result<&'static Action, String> {
    action(name).ok_or_else(|| {
        if let Some(operation) = name.strip_prefix(operations::PREFIX) {
            return operations::unknown(operation);
        }
        let known: Vec<_> = ACTIONS.iter().flat_map(|action| [action.name, action.identifier]).collect();
        match closest(name, &known) {
            Some(meant) => format!("Unknown action {name:?}; did you mean {meant:?}?"),
            None => format!("Unknown action {name:?}; `awsiam actions` lists them all"),
        }
    })
}
