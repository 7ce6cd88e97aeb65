//! The managed policies attached to a user or role: one attached, one detached, or none.
//!
//! Source: AWS API reference, `AttachUserPolicy`, `DetachRolePolicy` and their kin.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use crate::steps::quarantine;
use crate::target::{Principal, Target};
use awsiam_iam::Error;
use awsiam_iam::types::{
    AttachRolePolicy, AttachUserPolicy, AttachedPolicy, DetachRolePolicy, DetachUserPolicy, GetPolicy,
    GetPolicyVersion, ListAttachedRolePolicies, ListAttachedUserPolicies,
};

/// Brings attached policies to a wanted state.
#[derive(Debug)]
pub struct Attached {
    wanted: Wanted,
}

#[derive(Debug)]
enum Wanted {
    Attached(String),
    Detached(String),
    None,
}

/// This policy is attached.
#[must_use]
pub fn attached(arn: &str) -> Attached {
    Attached { wanted: Wanted::Attached(arn.to_owned()) }
}

/// This policy is not attached. That it never was is AWS's error, and told.
#[must_use]
pub fn detached(arn: &str) -> Attached {
    Attached { wanted: Wanted::Detached(arn.to_owned()) }
}

/// No policy is attached.
#[must_use]
pub fn none() -> Attached {
    Attached { wanted: Wanted::None }
}

/// The document of a managed policy that is in force, with its version.
pub(crate) async fn in_force(reader: &Reader, policy_arn: String) -> Result<(String, String), Error> {
    let policy = reader.get(&GetPolicy { policy_arn: policy_arn.clone() }).await?.data.policy;
    let version_id = policy.and_then(|policy| policy.default_version_id).unwrap_or_else(|| "v1".to_owned());
    let request = GetPolicyVersion { policy_arn, version_id: version_id.clone() };
    let version = reader.get(&request).await?.data.policy_version;
    Ok((version_id, version.and_then(|version| version.document).unwrap_or_default()))
}

fn about(arn: &str) -> String {
    format!("attached policy {arn}")
}

pub(crate) fn attach(target: &Target, arn: &str, reversal: Reversal) -> Change {
    let (what, about, policy_arn) = (format!("attach policy {arn}"), about(arn), arn.to_owned());
    let name = target.name.clone();
    match target.principal {
        Principal::User => Change::new(&AttachUserPolicy { user_name: name, policy_arn }, what, about, reversal),
        Principal::Role | Principal::Other(_) => {
            Change::new(&AttachRolePolicy { role_name: name, policy_arn }, what, about, reversal)
        }
    }
}

pub(crate) fn detach(target: &Target, arn: &str, reversal: Reversal) -> Change {
    let (what, about, policy_arn) = (format!("detach policy {arn}"), about(arn), arn.to_owned());
    let name = target.name.clone();
    match target.principal {
        Principal::User => Change::new(&DetachUserPolicy { user_name: name, policy_arn }, what, about, reversal),
        Principal::Role | Principal::Other(_) => {
            Change::new(&DetachRolePolicy { role_name: name, policy_arn }, what, about, reversal)
        }
    }
}

/// What the reversal of a reversal would be; nothing asks.
const LAST: Reversal = Reversal::Irreversible { why: "a reversal" };

impl Step for Attached {
    type State = Vec<AttachedPolicy>;

    fn name(&self) -> &'static str {
        "attached_policies"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        let name = look.target.name.clone();
        match look.target.principal {
            Principal::User => {
                let request = ListAttachedUserPolicies { user_name: name, ..ListAttachedUserPolicies::default() };
                Ok(reader.list(&request).await?.data.attached_policies)
            }
            Principal::Role | Principal::Other(_) => {
                let request = ListAttachedRolePolicies { role_name: name, ..ListAttachedRolePolicies::default() };
                Ok(reader.list(&request).await?.data.attached_policies)
            }
        }
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let target = &look.target;
        let has = |arn: &str| {
            seen.state().map(|policies| policies.iter().any(|policy| policy.policy_arn.as_deref() == Some(arn)))
        };
        match &self.wanted {
            Wanted::Attached(arn) if has(arn) == Some(true) => vec![],
            Wanted::Attached(arn) => vec![attach(target, arn, Reversal::exact(detach(target, arn, LAST)))],
            Wanted::Detached(arn) if has(arn) == Some(false) && !look.first => vec![],
            Wanted::Detached(arn) => {
                let change = detach(target, arn, Reversal::exact(attach(target, arn, LAST)));
                // Seen attached and gone since is as wanted; never seen is AWS's error, and told.
                vec![if has(arn) == Some(true) { change.removal() } else { change }]
            }
            Wanted::None => {
                let policies = seen.state().map(Vec::as_slice).unwrap_or_default();
                let arns = policies.iter().filter_map(|policy| policy.policy_arn.as_deref());
                let gone = |arn| detach(target, arn, Reversal::exact(attach(target, arn, LAST))).removal();
                arns.map(|arn| gone(arn).in_order(quarantine::denies(arn).into())).collect()
            }
        }
    }
}
