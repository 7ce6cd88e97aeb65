//! The parameters of one parameter set, validated against an action's declaration.
//!
//! Validation makes no call and no guess: `"false"` is not false, an unknown name is an error. Refuses to hold a secret
//! in anything but a `secrecy` type.

use crate::action::{Action, Of, Parameter};
use awsiam_iam::table;
use awsiam_iam::wire::{check as check_member, check_text};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Names beside an action's own that any parameter set may hold.
pub const ALWAYS: &[&str] = &["context", "dry_run", "account_id", "role_arn"];

/// What the original app says of a policy document that is no JSON.
const NO_JSON: &str = "Error occurred while trimming role policy document for removal of unwanted spaces. Please provide a valid json string in policy document.";

/// Validated parameters.
#[derive(Debug, Default)]
pub struct Parameters {
    texts: BTreeMap<&'static str, String>,
    flags: BTreeMap<&'static str, bool>,
    secrets: BTreeMap<&'static str, SecretString>,
    counts: BTreeMap<&'static str, usize>,
    members: BTreeMap<&'static str, Value>,
    /// Whether the plan is to be shown instead of carried out.
    pub dry_run: bool,
}

impl Parameters {
    /// Validates a parameter set.
    ///
    /// # Errors
    /// Everything that is wrong with it, one sentence each, none of which repeats a secret.
    pub fn validate(action: &Action, set: &Map<String, Value>) -> Result<Self, Vec<String>> {
        let mut valid = Self::default();
        let mut wrong = vec![];
        for name in set.keys().filter(|name| action.parameter(name).is_none() && !ALWAYS.contains(&name.as_str())) {
            let known: Vec<_> = action.parameters.iter().map(|parameter| parameter.name).collect();
            wrong.push(match closest(name, &known) {
                Some(meant) => {
                    format!("Unknown parameter {name:?} of action {:?}; did you mean {meant:?}?", action.name)
                }
                None if known.is_empty() => format!("Unknown parameter {name:?}: action {:?} takes none", action.name),
                None => format!("Unknown parameter {name:?}: action {:?} takes {}", action.name, known.join(", ")),
            });
        }
        match set.get("dry_run").filter(|value| !value.is_null() && **value != "") {
            None => {}
            Some(Value::Bool(dry_run)) => valid.dry_run = *dry_run,
            Some(other) => wrong.push(format!("Parameter \"dry_run\" must be true or false, not {}", describe(other))),
        }
        for parameter in action.parameters {
            if let (Of::Member { operation, member: "UserName" }, Some("")) =
                (parameter.of, set.get(parameter.name).and_then(Value::as_str))
                && !parameter.required
            {
                wrong.push(format!(
                    "Parameter \"UserName\" is empty. Without it, {operation} is about the caller, which is this connector: leave it out if that is meant"
                ));
                continue;
            }
            // The platform sends null or an empty text for a field that was left empty.
            let given = set.get(parameter.name).filter(|value| !value.is_null() && *value != "");
            match given {
                // The platform's playbooks know an empty document by these words too.
                None if parameter.of == Of::Document && set.get(parameter.name).is_some_and(|given| *given == "") => {
                    wrong.push(NO_JSON.to_owned());
                }
                None if parameter.required => {
                    wrong.push(format!(
                        "Parameter {:?} of action {:?} is required: {}",
                        parameter.name, action.name, parameter.description
                    ));
                }
                None => valid.default_of(parameter),
                Some(value) => {
                    if let Err(problem) = valid.take(parameter, value) {
                        wrong.push(problem);
                    }
                }
            }
        }
        if wrong.is_empty() { Ok(valid) } else { Err(wrong) }
    }

    fn default_of(&mut self, parameter: &'static Parameter) {
        match parameter.of {
            Of::Flag(default) => {
                self.flags.insert(parameter.name, default);
            }
            Of::Path { .. } => {
                self.texts.insert(parameter.name, "/".to_owned());
            }
            _ => {}
        }
    }

    fn take(&mut self, parameter: &'static Parameter, value: &Value) -> Result<(), String> {
        let name = parameter.name;
        let expected = |what: &str| format!("Parameter {name:?} must be {what}, not {}", describe(value));
        match (parameter.of, value) {
            (Of::Flag(_), Value::Bool(flag)) => {
                self.flags.insert(name, *flag);
            }
            (Of::Flag(_), _) => return Err(expected("true or false (a JSON boolean, without quotes)")),
            (Of::Text { operation, member }, Value::String(text)) => {
                check(operation, member, text).map_err(|problem| format!("Parameter {name:?} {problem}"))?;
                self.texts.insert(name, text.clone());
            }
            (Of::Secret { operation, member }, Value::String(text)) => {
                check(operation, member, text).map_err(|problem| format!("Parameter {name:?} {problem}"))?;
                self.secrets.insert(name, text.as_str().into());
            }
            (Of::Path { of, backslashes }, Value::String(text)) => {
                let text = if backslashes { text.replace('\\', "/") } else { text.clone() };
                let path = check_path(of, text)?;
                self.texts.insert(name, path);
            }
            (Of::AccessKeyId, Value::String(text)) => {
                check_access_key_id(text).map_err(|problem| format!("Parameter {name:?} {problem}"))?;
                self.texts.insert(name, text.clone());
            }
            (Of::Document, Value::String(text)) => {
                let document: Value = serde_json::from_str(text).map_err(|_| NO_JSON.to_owned())?;
                if !document.is_object() {
                    return Err("The policy document must be a JSON object with Version and Statement".to_owned());
                }
                // White space counts against IAM's quota, so none is sent.
                self.texts.insert(name, document.to_string());
            }
            (Of::Member { operation, member }, value) => {
                let shape = table::operation(operation).and_then(|operation| operation.member(member));
                let shape = shape.ok_or_else(|| format!("Parameter {name:?} is no member of {operation}"))?;
                check_member(shape, value, name).map_err(|invalid| format!("Parameter {invalid}"))?;
                match value {
                    Value::String(text) if shape.shape.sensitive => {
                        self.secrets.insert(name, text.as_str().into());
                    }
                    value => {
                        self.members.insert(name, value.clone());
                    }
                }
            }
            (Of::Count, value) => {
                let number = match value {
                    Value::Number(number) => number.as_u64(),
                    Value::String(text) => text.trim().parse().ok(),
                    _ => None,
                };
                let count = number.and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0);
                self.counts.insert(name, count.ok_or_else(|| expected("a whole number from 1 on"))?);
            }
            // Resolved before it is validated.
            (Of::Members, _) => {}
            (Of::Choice(words), Value::String(text)) if words.contains(&text.as_str()) => {
                self.texts.insert(name, text.clone());
            }
            (Of::Choice(words), _) => return Err(format!("Parameter {name:?} must be one of {}", words.join(", "))),
            (Of::AnyText | Of::Record, Value::String(text)) => {
                self.texts.insert(name, text.clone());
            }
            (Of::Record, Value::Object(_)) => {
                self.texts.insert(name, value.to_string());
            }
            (Of::Record, _) => return Err(format!("Parameter {name:?} must be the id of a run, or its result")),
            (Of::Credentials, Value::String(text)) => {
                self.secrets.insert(name, text.as_str().into());
            }
            (Of::Credentials, Value::Object(_)) => {
                self.secrets.insert(name, value.to_string().into());
            }
            (Of::Credentials, _) => return Err(format!("Parameter {name:?} must be a JSON object or its text")),
            _ => return Err(expected("a string")),
        }
        Ok(())
    }

    /// A text that was given or has a default; empty otherwise.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }

    /// A text, if it was given.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// A number, if it was given.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<usize> {
        self.counts.get(name).copied()
    }

    /// A member of an operation's request, if it was given; none of a secret.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// The members of an operation's request, secrets and all: for the call alone.
    #[must_use]
    pub fn members(&self) -> Map<String, Value> {
        let members = self.members.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        // Names of members begin with a capital letter, all others do not.
        let secrets =
            self.secrets.iter().filter(|(name, _)| name.starts_with(|first: char| first.is_ascii_uppercase()));
        members.chain(secrets.map(|(name, value)| ((*name).to_owned(), value.expose_secret().into()))).collect()
    }

    /// Puts the record of a run in the place of its id.
    pub fn set_record(&mut self, name: &'static str, record: String) {
        self.texts.insert(name, record);
    }

    /// A flag, given or by default.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.flags.get(name).copied().unwrap_or_default()
    }

    /// A secret, if it was given.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&SecretString> {
        self.secrets.get(name)
    }
}

fn check(operation: &str, member: &str, text: &str) -> Result<(), String> {
    let shape = table::operation(operation).and_then(|operation| operation.member(member));
    shape.map_or(Ok(()), |member| check_text(member.shape, text))
}

/// A path must start and end with a slash.
fn check_path(of: &str, path: String) -> Result<String, String> {
    if !path.starts_with('/') || !path.ends_with('/') {
        return Err(format!(
            "{of} path always starts and ends with \"/\". Hence, given {} path is invalid.",
            of.to_lowercase()
        ));
    }
    check("CreateUser", "Path", &path).map_err(|problem| format!("{of} path {problem}"))?;
    Ok(path)
}

/// What other ids of IAM begin with, and what they are ids of.
const OTHER_IDS: &[(&str, &str)] = &[
    ("ABIA", "an STS service bearer token"),
    ("ACCA", "a service-specific credential"),
    ("AGPA", "a group"),
    ("AIDA", "a user"),
    ("AIPA", "an instance profile"),
    ("ANPA", "a managed policy"),
    ("ANVA", "a version of a managed policy"),
    ("APKA", "an SSH public key"),
    ("AROA", "a role"),
    ("ASCA", "a certificate"),
];

/// The fewest and the most characters of an access key's id.
pub const ACCESS_KEY_ID_LENGTH: (usize, usize) = (16, 128);

fn check_access_key_id(text: &str) -> Result<(), String> {
    if let Some((prefix, what)) = OTHER_IDS.iter().find(|(prefix, _)| text.starts_with(prefix)) {
        return Err(format!("must be the id of an access key (AKIA… or ASIA…); {prefix}… is that of {what}"));
    }
    let (least, most) = ACCESS_KEY_ID_LENGTH;
    let known = ["AKIA", "ASIA"].iter().any(|prefix| text.starts_with(prefix));
    let plain = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if known && plain && (least..=most).contains(&text.len()) {
        return Ok(());
    }
    // The value is not repeated: it may be a secret that was put in the wrong field.
    Err(format!(
        "must be the id of an access key: AKIA… or ASIA…, {least} to {most} characters, capital letters and digits only"
    ))
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("the boolean {flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The known word that is most like `word`, if any is like it at all.
#[must_use]
pub fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase()), *candidate));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}
