//! The role itself: created, or deleted last of all.
//!
//! Source: AWS API reference, `CreateRole`, `DeleteRole`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step, optional};
use awsiam_iam::Error;
use awsiam_iam::types::{CreateRole, DeleteRole, GetRole, Role};

/// The role is deleted.
#[derive(Debug)]
pub struct Deleted;

/// The role is deleted.
#[must_use]
pub fn deleted() -> Deleted {
    Deleted
}

fn delete(name: &str, reversal: Reversal) -> Change {
    Change::new(&DeleteRole { role_name: name.to_owned() }, "delete role", "role", reversal).removal()
}

impl Step for Deleted {
    type State = ();

    fn name(&self) -> &'static str {
        "deletion"
    }

    /// Whether the role is there is the target's own look.
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
