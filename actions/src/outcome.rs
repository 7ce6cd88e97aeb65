//! What an action brings: a message, data rows, a summary; or why it failed.
//!
//! Knows nothing of the envelope that the runtime puts around it.

use secrecy::SecretString;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use std::fmt;

/// What a successful action brings.
#[derive(Debug, Default)]
pub struct Outcome {
    /// For humans; without one, the runtime writes the summary's numbers out.
    pub message: Option<String>,
    /// Rows, with the API's own names.
    pub data: Vec<Value>,
    /// Rows of a list that may be long, after those of `data`.
    pub listed: Vec<Box<RawValue>>,
    /// Numbers, in the order in which they are to be told.
    pub summary: Map<String, Value>,
    /// Secrets that IAM gave and gives only once.
    pub secrets: Vec<Secret>,
}

/// A secret that belongs into a data row, or where the asset wants such secrets to go.
#[derive(Debug)]
pub struct Secret {
    /// Its place in the first data row, as a JSON pointer.
    pub place: String,
    /// What it is.
    pub value: SecretString,
}

/// Why an action did not succeed.
#[derive(Debug, Clone)]
pub enum Failure {
    /// A call failed.
    Call(awsiam_iam::Error),
    /// A call failed, in the words of the action: that the target does not exist, what the error means here.
    Explained {
        /// The words.
        message: String,
        /// AWS's error.
        error: awsiam_iam::Error,
    },
    /// A guard refused, before anything was changed.
    Refused {
        /// The rule, for programs.
        rule: &'static str,
        /// What was refused, why, and what to do instead.
        message: String,
    },
    /// The request cannot be carried out as it is.
    Invalid(String),
    /// Changes were made or tried, and the wanted state was not reached.
    Incomplete(String),
    /// The run was told to stop.
    Cancelled(String),
}

impl Failure {
    /// A guard's refusal.
    #[must_use]
    pub fn refused(rule: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { rule, message: message.into() }
    }

    /// The failure as it stands in results and journals.
    #[must_use]
    pub fn described(&self) -> Value {
        let mut described = json!({ "kind": self.kind(), "message": self.to_string() });
        match self {
            Self::Call(error) | Self::Explained { error, .. } => described["error"] = json!(error),
            Self::Refused { rule, .. } => described["rule"] = json!(rule),
            Self::Invalid(_) | Self::Incomplete(_) | Self::Cancelled(_) => {}
        }
        described
    }

    /// A stable word for programs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Call(error) | Self::Explained { error, .. } => error.kind.name(),
            Self::Refused { .. } => "refused",
            Self::Invalid(_) => "invalid_request",
            Self::Incomplete(_) => "incomplete",
            Self::Cancelled(_) => "cancelled",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => write!(f, "{error}"),
            Self::Explained { message, error } => write!(f, "{message} ({error})"),
            Self::Refused { message, .. }
            | Self::Invalid(message)
            | Self::Incomplete(message)
            | Self::Cancelled(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Failure {}

impl From<awsiam_iam::Error> for Failure {
    fn from(error: awsiam_iam::Error) -> Self {
        Self::Call(error)
    }
}

/// A data row with every value as text, as the original app, which read XML, gave them; with its request id.
pub fn row(of: &impl Serialize, request_id: &str) -> Value {
    let mut row = texts(serde_json::to_value(of).unwrap_or_default());
    if let Some(map) = row.as_object_mut() {
        map.insert("RequestId".to_owned(), request_id.into());
    }
    row
}

/// Rows of a list, each with the request id. Takes the items, so that of a long list only one copy is held.
#[must_use]
pub fn rows<T: Serialize>(items: Vec<T>, request_id: &str) -> Vec<Value> {
    items.into_iter().map(|item| row(&item, request_id)).collect()
}

/// The rows of a list that may be long, each put into text at once: as trees they take several times the memory.
#[must_use]
pub fn listed<T: Serialize>(items: impl IntoIterator<Item = T>, request_id: &str) -> Vec<Box<RawValue>> {
    items.into_iter().filter_map(|item| to_raw_value(&row(&item, request_id)).ok()).collect()
}

fn texts(value: Value) -> Value {
    match value {
        Value::Bool(flag) => flag.to_string().into(),
        Value::Number(number) => number.to_string().into(),
        Value::Array(items) => items.into_iter().map(texts).collect(),
        Value::Object(map) => map.into_iter().map(|(name, value)| (name, texts(value))).collect::<Map<_, _>>().into(),
        other => other,
    }
}
