//! The operation table: what the API model says about every IAM operation, as static data.
//!
//! Holds names, types, limits, errors and paging. Refuses to know any operation specially: rules about single
//! operations belong to the callers of the table.

use serde_json::Value;

#[allow(non_upper_case_globals, missing_docs, clippy::pedantic, reason = "generated: statics carry the model's names")]
mod generated {
    use super::{Kind, Member, Operation, Paging, Shape, Waiter};
    include!(concat!(env!("OUT_DIR"), "/table.rs"));
}
use generated::{OPERATIONS, WAITERS};

/// The IAM API version that the table describes, sent with every request.
pub const API_VERSION: &str = "2010-05-08";
/// The XML namespace of IAM's replies.
pub const XML_NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// One IAM operation.
#[derive(Debug)]
pub struct Operation {
    /// IAM's name, such as `GetUser`.
    pub name: &'static str,
    /// The request's members.
    pub input: &'static [Member],
    /// The reply's members.
    pub output: &'static [Member],
    /// Whether a reply carries a `…Result` element at all.
    pub has_result: bool,
    /// The error codes that the model lists for the operation.
    pub errors: &'static [&'static str],
    /// How a list is read to its end; none for operations that answer at once.
    pub paging: Option<Paging>,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// IAM's name, such as `UserName`.
    pub name: &'static str,
    /// Its type.
    pub shape: &'static Shape,
    /// Whether a request without it is refused.
    pub required: bool,
}

/// A type of the model with its limits.
#[derive(Debug)]
pub struct Shape {
    /// The model's name of the type, such as `userNameType`.
    pub name: &'static str,
    /// What a value looks like.
    pub kind: Kind,
    /// Whether a value is a secret.
    pub sensitive: bool,
    /// The least length of a string or list, or the least number.
    pub min: Option<i64>,
    /// The greatest length of a string or list, or the greatest number.
    pub max: Option<i64>,
    /// What a whole string must match; `\w` and `\d` are ASCII.
    pub pattern: Option<&'static str>,
    /// The values that an enumeration allows; empty for any.
    pub values: &'static [&'static str],
}

/// What a value looks like in JSON and on the wire.
#[derive(Debug)]
pub enum Kind {
    /// Text.
    String,
    /// A policy document: text, percent-encoded in replies.
    Policy,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// Bytes, in base64.
    Blob,
    /// A time, ISO 8601 in UTC.
    Time,
    /// A list.
    List(&'static Shape),
    /// Names and values.
    Map(&'static Shape),
    /// Members.
    Structure(&'static [Member]),
}

/// How a list is read to its end.
#[derive(Debug)]
pub struct Paging {
    /// The request member that carries the position.
    pub input: &'static str,
    /// The reply member that carries the next position.
    pub output: &'static str,
    /// The request member that asks for a page size, where there is one.
    pub limit: Option<&'static str>,
    /// The reply member that says whether there is more; without it the next position alone says so.
    pub more: Option<&'static str>,
    /// The reply members that hold the items.
    pub results: &'static [&'static str],
}

/// A condition that can be waited for by repeating a read.
#[derive(Debug)]
pub struct Waiter {
    /// The model's name, such as `UserExists`.
    pub name: &'static str,
    /// The read that is repeated.
    pub operation: &'static str,
    /// Seconds between two reads.
    pub delay: u64,
    /// How many reads at most.
    pub attempts: u64,
}

/// Every operation, in the order of their names.
#[must_use]
pub fn operations() -> &'static [Operation] {
    OPERATIONS
}

/// Every waiter.
#[must_use]
pub fn waiters() -> &'static [Waiter] {
    WAITERS
}

/// The operation with exactly this name.
#[must_use]
pub fn operation(name: &str) -> Option<&'static Operation> {
    OPERATIONS.binary_search_by(|candidate| candidate.name.cmp(name)).ok().map(|at| &OPERATIONS[at])
}

impl Operation {
    /// Whether the operation only reads. IAM's verbs say so; reports and jobs that it generates change no identity.
    #[must_use]
    pub fn reads(&self) -> bool {
        ["Get", "List", "Simulate", "Generate"].iter().any(|verb| self.name.starts_with(verb))
    }

    /// Whether sending the call twice may do more than sending it once: a second key, or an error about the first.
    /// Such a call is not repeated by itself after its reply was lost.
    #[must_use]
    pub fn repeatable(&self) -> bool {
        !["Create", "Upload", "Reset", "ChangePassword", "Accept", "Acquire", "Send"]
            .iter()
            .any(|verb| self.name.starts_with(verb))
    }

    /// The request member with this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.input.iter().find(|member| member.name == name)
    }

    /// Whether any member of the request is a secret, at any depth.
    #[must_use]
    pub fn takes_secrets(&self) -> bool {
        self.input.iter().any(|member| holds_secret(member.shape))
    }

    /// The secrets among a request's parameters.
    #[must_use]
    pub fn secrets_in<'a>(&self, parameters: &'a Value) -> Vec<&'a str> {
        // Those of IAM's requests are all at the top; what holds one deeper is masked as a whole where it is shown.
        let secret = self.input.iter().filter(|member| member.shape.sensitive);
        secret.filter_map(|member| parameters[member.name].as_str()).collect()
    }

    /// The paths of secrets in a reply that cannot be had again, such as `AccessKey.SecretAccessKey`.
    #[must_use]
    pub fn returned_secrets(&self) -> Vec<(&'static str, &'static str)> {
        let mut found = vec![];
        for outer in self.output.iter().filter(|_| !self.reads()) {
            if let Kind::Structure(members) = outer.shape.kind {
                // A certificate can be had again.
                let again = |member: &Member| member.name.starts_with("Certificate");
                let secret = members.iter().filter(|member| member.shape.sensitive && !again(member));
                found.extend(secret.map(|member| (outer.name, member.name)));
            }
        }
        found
    }

    /// The parameters with every sensitive value masked, fit for logs, journals and results.
    #[must_use]
    pub fn redacted(&self, parameters: &Value) -> Value {
        redact(&Kind::Structure(self.input), parameters)
    }
}

fn holds_secret(shape: &'static Shape) -> bool {
    shape.sensitive
        || match shape.kind {
            Kind::List(of) | Kind::Map(of) => holds_secret(of),
            Kind::Structure(members) => members.iter().any(|member| holds_secret(member.shape)),
            _ => false,
        }
}

/// What stands in the place of a secret.
pub const MASK: &str = "********";

fn redact(kind: &Kind, value: &Value) -> Value {
    match (kind, value) {
        (Kind::Structure(members), Value::Object(map)) => map
            .iter()
            .map(|(name, value)| {
                let member = members.iter().find(|member| member.name == name);
                let value = match member {
                    Some(member) if member.shape.sensitive => MASK.into(),
                    Some(member) => redact(&member.shape.kind, value),
                    None => value.clone(),
                };
                (name.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        (Kind::List(of), Value::Array(items)) => items.iter().map(|item| redact_as(of, item)).collect(),
        (Kind::Map(of), Value::Object(map)) => map
            .iter()
            .map(|(name, value)| (name.clone(), redact_as(of, value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => value.clone(),
    }
}

fn redact_as(shape: &'static Shape, value: &Value) -> Value {
    if shape.sensitive { MASK.into() } else { redact(&shape.kind, value) }
}
