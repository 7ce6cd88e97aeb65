//! The role itself: created, deleted last of all, or locked.
//!
//! Source: AWS API reference, `CreateRole`, `DeleteRole`, `UpdateAssumeRolePolicy`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Reach, Seen, Step, optional};
use awsiam_iam::Error;
use awsiam_iam::types::{CreateRole, DeleteRole, GetRole, Role, UpdateAssumeRolePolicy};
use serde_json::Value;

/// The role is deleted.
#[derive(Debug)]
pub struct Deleted;

/// The role is deleted.
#[must_use]
pub fn deleted() -> Deleted {
    Deleted
}

pub(crate) fn delete(name: &str, reversal: Reversal) -> Change {
    Change::new(&DeleteRole { role_name: name.to_owned() }, "delete role", "role", reversal).removal()
}

impl Step for Deleted {
    type State = ();

    fn name(&self) -> &'static str {
        "deletion"
    }

    /// Whether the role is there is the target's own look.
    fn reach(&self) -> Reach {
        Reach::Nothing
    }

    async fn observe(&self, _: &Reader, _: &Look) -> Result<(), Error> {
        Ok(())
    }

    fn plan(&self, _: &Seen<()>, look: &Look) -> Vec<Change> {
        let why = "a role created again has another unique id: trust and resource policies that named the old one stay broken";
        vec![delete(&look.target.name, Reversal::Irreversible { why })]
    }
}

/// The role is created.
#[derive(Debug)]
pub struct Created {
    path: String,
    document: String,
}

/// The role is created with this path and trust policy.
#[must_use]
pub fn created(path: &str, document: &str) -> Created {
    Created { path: path.to_owned(), document: document.to_owned() }
}

impl Step for Created {
    type State = Option<Role>;

    fn name(&self) -> &'static str {
        "role"
    }

    fn reach(&self) -> Reach {
        Reach::Optional
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        let role = reader.get(&GetRole { role_name: look.target.name.clone() }).await;
        Ok(optional(role)?.map(|reply| reply.data.role))
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        if let Seen::State(Some(_)) = seen {
            return vec![];
        }
        let name = &look.target.name;
        let request = CreateRole {
            role_name: name.clone(),
            path: Some(self.path.clone()),
            assume_role_policy_document: self.document.clone(),
            ..CreateRole::default()
        };
        let back = delete(name, Reversal::Irreversible { why: "a reversal" });
        vec![Change::new(&request, "create role", "role", Reversal::exact(back))]
    }
}

/// A trust policy under which nobody can assume the role.
const LOCKED: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"AwsiamLocked","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;

/// Nobody can assume the role.
#[derive(Debug)]
pub struct TrustLocked;

/// Nobody can assume the role.
#[must_use]
pub fn trust_locked() -> TrustLocked {
    TrustLocked
}

pub(crate) fn set_trust(name: &str, document: &str, what: &str, reversal: Reversal) -> Change {
    let request = UpdateAssumeRolePolicy { role_name: name.to_owned(), policy_document: document.to_owned() };
    Change::new(&request, what, "trust policy", reversal)
}

/// Whether a trust policy names entities by unique id: IAM writes ids in the place of principals that are gone, and does
/// not take them back.
fn names_ids(value: &Value) -> bool {
    match value {
        Value::String(text) => ["AIDA", "AROA"].iter().any(|prefix| text.starts_with(prefix)),
        Value::Array(items) => items.iter().any(names_ids),
        Value::Object(map) => map.values().any(names_ids),
        _ => false,
    }
}

impl Step for TrustLocked {
    type State = ();

    fn name(&self) -> &'static str {
        "trust"
    }

    /// The trust policy is part of the target's own look.
    fn reach(&self) -> Reach {
        Reach::Nothing
    }

    async fn observe(&self, _: &Reader, _: &Look) -> Result<(), Error> {
        Ok(())
    }

    fn plan(&self, _: &Seen<()>, look: &Look) -> Vec<Change> {
        let name = &look.target.name;
        let entity = look.target.pinned.as_ref().map(|pinned| &pinned.entity);
        let former = entity.and_then(|role| role["AssumeRolePolicyDocument"].as_str());
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        if former.is_some_and(|former| parse(former) == parse(LOCKED)) {
            return vec![];
        }
        let reversal = match former {
            Some(former) if names_ids(&parse(former)["Statement"]) => Reversal::Lossy {
                by: "undo",
                lost: "principals that are gone: IAM does not take their unique ids back",
            },
            Some(former) => {
                let last = Reversal::Irreversible { why: "a reversal" };
                Reversal::exact(set_trust(name, former, "put the former trust policy back", last))
            }
            None => Reversal::Irreversible { why: "the former trust policy could not be read" },
        };
        vec![set_trust(name, LOCKED, "lock trust policy (nobody can assume the role)", reversal)]
    }
}
