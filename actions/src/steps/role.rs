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

/// A trust policy without the principals that are gone, which go to `gone`: IAM writes a unique id in the place of each,
/// and does not take it back. Empty where nobody is left.
pub(crate) fn without_orphans(document: &str, gone: &mut Vec<String>) -> String {
    let is_id = |value: &Value| {
        value.as_str().is_some_and(|text| ["AIDA", "AROA"].iter().any(|prefix| text.starts_with(prefix)))
    };
    let Ok(mut parsed) = serde_json::from_str::<Value>(document) else { return document.to_owned() };
    if parsed["Statement"].is_object() {
        let one = parsed["Statement"].take();
        parsed["Statement"] = vec![one].into();
    }
    let before = gone.len();
    if let Some(statements) = parsed["Statement"].as_array_mut() {
        statements.retain_mut(|statement| {
            let Some(principals) = statement.get_mut("Principal").and_then(Value::as_object_mut) else { return true };
            let Some(named) = principals.get_mut("AWS") else { return true };
            let mut all =
                if named.is_array() { named.as_array().cloned().unwrap_or_default() } else { vec![named.take()] };
            gone.extend(all.iter().filter(|one| is_id(one)).filter_map(Value::as_str).map(str::to_owned));
            all.retain(|one| !is_id(one));
            if all.is_empty() {
                principals.remove("AWS");
            } else {
                *named = if all.len() == 1 { all.remove(0) } else { all.into() };
            }
            !principals.is_empty()
        });
    }
    if gone.len() == before {
        return document.to_owned();
    }
    let nobody = parsed["Statement"].as_array().is_none_or(Vec::is_empty);
    if nobody { String::new() } else { parsed.to_string() }
}

/// Whether a trust policy names principals that are gone.
fn names_orphans(document: &str) -> bool {
    let mut gone = vec![];
    without_orphans(document, &mut gone);
    !gone.is_empty()
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
            Some(former) if names_orphans(former) => Reversal::Lossy {
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
