//! The errors that the sandbox answers with: IAM's codes, statuses and recorded texts.
//!
//! Holds no decision about when an error is due; that belongs to the operations.

use std::borrow::Cow;

/// An error reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    pub status: u16,
    pub code: Cow<'static, str>,
    pub message: String,
}

/// What an operation answers.
pub(crate) type Reply = Result<serde_json::Value, Error>;

impl Error {
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    /// A thing that is not there, with the whole text.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(404, "NoSuchEntity", message)
    }

    /// A named thing that is not there, in IAM's usual words.
    pub fn not_found(kind: &str, name: &str) -> Self {
        Self::missing(format!("The {kind} with name {name} cannot be found."))
    }

    pub fn exists(message: impl Into<String>) -> Self {
        Self::new(409, "EntityAlreadyExists", message)
    }

    /// What has to go first, such as `delete access keys`.
    pub fn must_first(what: &str) -> Self {
        Self::conflict(format!("Cannot delete entity, must {what} first."))
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "DeleteConflict", message)
    }

    pub fn quota(name: &str, limit: usize) -> Self {
        Self::limit(format!("Cannot exceed quota for {name}: {limit}"))
    }

    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(409, "LimitExceeded", message)
    }

    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    /// A text that cannot be read as an ARN; the two blanks are IAM's.
    pub fn no_arn() -> Self {
        Self::validation("Invalid ARN:  Could not be parsed!")
    }

    pub fn input(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidInput", message)
    }

    pub fn malformed_policy(message: impl Into<String>) -> Self {
        Self::new(400, "MalformedPolicyDocument", message)
    }

    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }

    pub fn bad_token() -> Self {
        Self::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    }

    pub fn throttled() -> Self {
        Self::new(400, "Throttling", "Rate exceeded")
    }

    pub fn not_implemented(operation: &str) -> Self {
        Self::new(501, "NotImplemented", format!("The sandbox does not have the operation {operation}."))
    }
}
