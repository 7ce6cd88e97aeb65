//! The inline policies of a user or role: none.
//!
//! Their documents are read for the evidence, since nothing else brings them back. Source: AWS API reference,
//! `DeleteUserPolicy`, `DeleteRolePolicy`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use crate::steps::quarantine;
use crate::target::{Principal, Target};
use awsiam_iam::Error;
use awsiam_iam::types::{
    DeleteRolePolicy, DeleteUserPolicy, GetRolePolicy, GetUserPolicy, ListRolePolicies, ListUserPolicies,
    PutRolePolicy, PutUserPolicy,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// No inline policy.
#[derive(Debug)]
pub struct Absent;

/// No inline policy: each is deleted.
#[must_use]
pub fn absent() -> Absent {
    Absent
}

/// Puts an inline policy, or deletes it where there is no document.
pub(crate) fn set(target: &Target, policy: &str, document: Option<&str>, reversal: Reversal) -> Change {
    let about = format!("inline policy {policy}");
    let (name, policy_name) = (target.name.clone(), policy.to_owned());
    let Some(document) = document else {
        let what = format!("delete inline policy {policy}");
        let change = match target.principal {
            Principal::User => Change::new(&DeleteUserPolicy { user_name: name, policy_name }, what, about, reversal),
            Principal::Role | Principal::Other(_) => {
                Change::new(&DeleteRolePolicy { role_name: name, policy_name }, what, about, reversal)
            }
        };
        return change.removal();
    };
    let (what, policy_document) = (format!("put inline policy {policy}"), document.to_owned());
    match target.principal {
        Principal::User => {
            Change::new(&PutUserPolicy { user_name: name, policy_name, policy_document }, what, about, reversal)
        }
        Principal::Role | Principal::Other(_) => {
            Change::new(&PutRolePolicy { role_name: name, policy_name, policy_document }, what, about, reversal)
        }
    }
}

pub(crate) async fn document(reader: &Reader, target: &Target, policy: &str) -> Result<String, Error> {
    let (name, policy_name) = (target.name.clone(), policy.to_owned());
    match target.principal {
        Principal::User => Ok(reader.get(&GetUserPolicy { user_name: name, policy_name }).await?.data.policy_document),
        Principal::Role | Principal::Other(_) => {
            Ok(reader.get(&GetRolePolicy { role_name: name, policy_name }).await?.data.policy_document)
        }
    }
}

impl Step for Absent {
    type State = Vec<String>;

    fn name(&self) -> &'static str {
        "inline_policies"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        let name = look.target.name.clone();
        match look.target.principal {
            Principal::User => {
                let request = ListUserPolicies { user_name: name, ..ListUserPolicies::default() };
                Ok(reader.list(&request).await?.data.policy_names)
            }
            Principal::Role | Principal::Other(_) => {
                let request = ListRolePolicies { role_name: name, ..ListRolePolicies::default() };
                Ok(reader.list(&request).await?.data.policy_names)
            }
        }
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let names = seen.state().map(Vec::as_slice).unwrap_or_default();
        let delete = |policy: &String| {
            let (what, about) = (format!("delete inline policy {policy}"), format!("inline policy {policy}"));
            let (name, policy_name) = (look.target.name.clone(), policy.clone());
            let change = match look.target.principal {
                Principal::User => {
                    let reversal = Reversal::FromEvidence { operation: "PutUserPolicy" };
                    Change::new(&DeleteUserPolicy { user_name: name, policy_name }, what, about, reversal)
                }
                Principal::Role | Principal::Other(_) => {
                    let reversal = Reversal::FromEvidence { operation: "PutRolePolicy" };
                    Change::new(&DeleteRolePolicy { role_name: name, policy_name }, what, about, reversal)
                }
            };
            change.removal().in_order(quarantine::denies(policy).into())
        };
        names.iter().map(delete).collect()
    }

    async fn gather(&self, reader: &Reader, seen: &Value, target: &Target) -> Option<Value> {
        let names: Vec<&str> = seen.as_array()?.iter().filter_map(Value::as_str).collect();
        let documents = names.into_iter().map(|name| async move {
            match document(reader, target, name).await {
                Ok(text) => json!({ "PolicyName": name, "PolicyDocument": text }),
                Err(error) => json!({ "PolicyName": name, "unknown": error }),
            }
        });
        Some(join_all(documents).await.into())
    }
}
