//! A deny of everything on a user or role: in force, or lifted.
//!
//! Three forms, each tried where the quota of the one before is used up: an inline policy of ours, AWS's `AWSDenyAll`
//! attached, the same as permissions boundary. Ours is recognized by its document, never by its name alone: an attacker
//! may have put one there first. AWS's own `AWSCompromisedKeyQuarantine` policies leave much open and do not count.
//! Source: AWS API reference, `PutUserPolicy`, `PutRolePolicy`; IAM user guide, quotas and policy evaluation.

use crate::change::{Change, Reversal};
use crate::execute::Done;
use crate::outcome::{Outcome, row};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step, optional};
use crate::steps::sessions;
use crate::target::{Principal, Target};
use awsiam_iam::Error;
use awsiam_iam::types::{
    AttachRolePolicy, AttachUserPolicy, DeleteRolePermissionsBoundary, DeleteRolePolicy, DeleteUserPermissionsBoundary,
    DeleteUserPolicy, DetachRolePolicy, DetachUserPolicy, GetRolePolicy, GetUserPolicy, ListAttachedRolePolicies,
    ListAttachedUserPolicies, PutRolePermissionsBoundary, PutRolePolicy, PutUserPermissionsBoundary, PutUserPolicy,
};
use futures_util::future::{try_join, try_join_all};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The names of our inline deny: the second where somebody else's policy has the first.
const NAMES: [&str; 2] = ["awsiam-quarantine", "awsiam-quarantine-2"];
/// The document of our inline deny. White space would count against the quota.
pub const DENY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Sid":"AwsiamQuarantine","Effect":"Deny","Action":"*","Resource":"*"}]}"#;
/// The name of AWS's managed deny.
const DENY_ALL: &str = "AWSDenyAll";
/// What the quarantine is called in plans; of the inline forms there may be two.
pub(crate) const ABOUT: &str = "quarantine";

fn about(policy: &str) -> String {
    if policy == NAMES[0] { ABOUT.to_owned() } else { format!("{ABOUT} {policy}") }
}

/// What the reversal of a reversal would be; nothing asks.
const LAST: Reversal = Reversal::Irreversible { why: "a reversal" };

/// What is in force.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// The inline policies that have one of our names, with their documents.
    inline: Vec<(&'static str, String)>,
    /// The ARNs of all attached policies.
    attached: Vec<String>,
}

/// The deny is in force.
#[derive(Debug)]
pub struct InForce;

/// The deny is lifted.
#[derive(Debug)]
pub struct Lifted;

/// The deny is in force, in one of its forms.
#[must_use]
pub fn in_force() -> InForce {
    InForce
}

/// No form of the deny is in force; where one was, the sessions that existed were revoked before it was lifted.
#[must_use]
pub fn lifted() -> Lifted {
    Lifted
}

/// Whether two policy documents say the same, whatever their white space and order.
fn same(a: &str, b: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    parse(a).is_some_and(|a| parse(b) == Some(a))
}

async fn attached(reader: &Reader, target: &Target) -> Result<Vec<String>, Error> {
    let name = target.name.clone();
    let attached = if target.principal == Principal::User {
        let request = ListAttachedUserPolicies { user_name: name, ..ListAttachedUserPolicies::default() };
        reader.list(&request).await?.data.attached_policies
    } else {
        let request = ListAttachedRolePolicies { role_name: name, ..ListAttachedRolePolicies::default() };
        reader.list(&request).await?.data.attached_policies
    };
    Ok(attached.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

async fn read(reader: &Reader, target: &Target, names: &[&'static str]) -> Result<State, Error> {
    let user = target.principal == Principal::User;
    let document = |policy_name: &'static str| async move {
        let (name, policy) = (target.name.clone(), policy_name.to_owned());
        let read = if user {
            let request = GetUserPolicy { user_name: name, policy_name: policy };
            reader.get(&request).await.map(|reply| reply.data.policy_document)
        } else {
            let request = GetRolePolicy { role_name: name, policy_name: policy };
            reader.get(&request).await.map(|reply| reply.data.policy_document)
        };
        Ok::<_, Error>(optional(read)?.map(|document| (policy_name, document)))
    };
    let (inline, attached) =
        try_join(try_join_all(names.iter().copied().map(document)), attached(reader, target)).await?;
    Ok(State { inline: inline.into_iter().flatten().collect(), attached })
}

/// The target's permissions boundary, as its own look showed it.
fn boundary(target: &Target) -> Option<&str> {
    target.pinned.as_ref()?.entity["PermissionsBoundary"]["PermissionsBoundaryArn"].as_str()
}

fn put_inline(target: &Target, policy: &str, reversal: Reversal) -> Change {
    let (what, name) = (format!("put inline policy {policy} (deny everything)"), target.name.clone());
    let (policy_name, policy_document) = (policy.to_owned(), DENY.to_owned());
    match target.principal {
        Principal::User => {
            Change::new(&PutUserPolicy { user_name: name, policy_name, policy_document }, what, about(policy), reversal)
        }
        Principal::Role | Principal::Other(_) => {
            Change::new(&PutRolePolicy { role_name: name, policy_name, policy_document }, what, about(policy), reversal)
        }
    }
}

fn delete_inline(target: &Target, policy: &str, reversal: Reversal) -> Change {
    let (what, name) = (format!("delete inline policy {policy} (deny everything)"), target.name.clone());
    let policy_name = policy.to_owned();
    let change = match target.principal {
        Principal::User => {
            Change::new(&DeleteUserPolicy { user_name: name, policy_name }, what, about(policy), reversal)
        }
        Principal::Role | Principal::Other(_) => {
            Change::new(&DeleteRolePolicy { role_name: name, policy_name }, what, about(policy), reversal)
        }
    };
    change.removal()
}

fn attach(target: &Target, arn: &str, reversal: Reversal) -> Change {
    let (what, name, policy_arn) = (format!("attach policy {arn}"), target.name.clone(), arn.to_owned());
    match target.principal {
        Principal::User => Change::new(&AttachUserPolicy { user_name: name, policy_arn }, what, ABOUT, reversal),
        Principal::Role | Principal::Other(_) => {
            Change::new(&AttachRolePolicy { role_name: name, policy_arn }, what, ABOUT, reversal)
        }
    }
}

fn detach(target: &Target, arn: &str, reversal: Reversal) -> Change {
    let (what, name, policy_arn) = (format!("detach policy {arn}"), target.name.clone(), arn.to_owned());
    let change = match target.principal {
        Principal::User => Change::new(&DetachUserPolicy { user_name: name, policy_arn }, what, ABOUT, reversal),
        Principal::Role | Principal::Other(_) => {
            Change::new(&DetachRolePolicy { role_name: name, policy_arn }, what, ABOUT, reversal)
        }
    };
    change.removal()
}

/// Sets the permissions boundary, or takes it away.
pub(crate) fn set_boundary(target: &Target, arn: Option<&str>, reversal: Reversal) -> Change {
    let name = target.name.clone();
    let Some(arn) = arn else {
        let what = "delete permissions boundary";
        let change = match target.principal {
            Principal::User => Change::new(&DeleteUserPermissionsBoundary { user_name: name }, what, ABOUT, reversal),
            Principal::Role | Principal::Other(_) => {
                Change::new(&DeleteRolePermissionsBoundary { role_name: name }, what, ABOUT, reversal)
            }
        };
        return change.removal();
    };
    let (what, permissions_boundary) = (format!("set permissions boundary {arn}"), arn.to_owned());
    match target.principal {
        Principal::User => {
            let request = PutUserPermissionsBoundary { user_name: name, permissions_boundary };
            Change::new(&request, what, ABOUT, reversal)
        }
        Principal::Role | Principal::Other(_) => {
            let request = PutRolePermissionsBoundary { role_name: name, permissions_boundary };
            Change::new(&request, what, ABOUT, reversal)
        }
    }
}

impl Step for InForce {
    type State = State;

    fn name(&self) -> &'static str {
        "quarantine"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<State, Error> {
        read(reader, &look.target, &NAMES).await
    }

    fn plan(&self, seen: &Seen<State>, look: &Look) -> Vec<Change> {
        let target = &look.target;
        let deny_all = look.managed_policy(DENY_ALL);
        let state = seen.state();
        let inline = state.is_some_and(|state| state.inline.iter().any(|(_, document)| same(document, DENY)));
        let attached = state.is_some_and(|state| state.attached.contains(&deny_all));
        if inline || attached || boundary(target) == Some(&deny_all) {
            return vec![];
        }
        let taken = |name: &str| state.is_some_and(|state| state.inline.iter().any(|(known, _)| *known == name));
        let name = NAMES.into_iter().find(|name| !taken(name)).unwrap_or(NAMES[0]);
        // What could not be read comes back from nowhere.
        let back = |change: Change| match state {
            Some(_) => Reversal::exact(change),
            None => Reversal::Lossy { by: "undo", lost: "what was there before could not be read" },
        };
        let mut by_policy = attach(target, &deny_all, back(detach(target, &deny_all, LAST)));
        if target.pinned.is_some() {
            // The boundary takes no slot, and its explicit deny counts as any other. What it was comes back exactly; one
            // that could not be read is not overwritten.
            let former = set_boundary(target, boundary(target), LAST);
            by_policy = by_policy.or_over_quota(set_boundary(target, Some(&deny_all), Reversal::exact(former)));
        }
        vec![put_inline(target, name, back(delete_inline(target, name, LAST))).or_over_quota(by_policy)]
    }
}

impl Step for Lifted {
    type State = State;

    fn name(&self) -> &'static str {
        "quarantine"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<State, Error> {
        read(reader, &look.target, &[NAMES[0], NAMES[1], sessions::NAME]).await
    }

    fn plan(&self, seen: &Seen<State>, look: &Look) -> Vec<Change> {
        let target = &look.target;
        // Ours is known by its document: where that cannot be read, nothing is lifted, and the run says so.
        let Some(state) = seen.state() else { return vec![] };
        let deny_all = look.managed_policy(DENY_ALL);
        let ours = state.inline.iter().filter(|(_, document)| same(document, DENY));
        let mut changes: Vec<_> = ours
            .map(|(name, _)| delete_inline(target, name, Reversal::exact(put_inline(target, name, LAST))))
            .collect();
        if state.attached.contains(&deny_all) {
            changes.push(detach(target, &deny_all, Reversal::exact(attach(target, &deny_all, LAST))));
        }
        if changes.is_empty() {
            return changes;
        }
        // Without it each session that the deny has stopped would work again.
        let former = state.inline.iter().find(|(name, _)| *name == sessions::NAME).map(|(_, document)| document);
        let revocation = sessions::revoke(look, former.map(String::as_str));
        std::iter::once(revocation).chain(changes.into_iter().map(|change| change.in_order(1))).collect()
    }
}

/// Whether a policy, by the name or ARN that it has, is one that takes access away: it is then the last to go.
pub(crate) fn denies(policy: &str) -> bool {
    NAMES.contains(&policy) || policy == sessions::NAME || policy.ends_with(&format!(":iam::aws:policy/{DENY_ALL}"))
}

/// Whether AWS's deny is the target's permissions boundary: a release cannot know what was there before.
#[must_use]
pub fn is_boundary(entity: &Value) -> bool {
    let arn = entity["PermissionsBoundary"]["PermissionsBoundaryArn"].as_str();
    arn.is_some_and(|arn| arn.ends_with(&format!(":iam::aws:policy/{DENY_ALL}")))
}

/// One row with the request id and the warnings, and this message.
pub(crate) fn told(message: String, done: &Done) -> Outcome {
    let mut row = row(&json!({}), done.request_id());
    row["Warnings"] = warnings(&done.observed).into();
    Outcome { message: Some(message), data: vec![row], ..Outcome::default() }
}

/// What was seen that looks like containment and is none: AWS's own quarantine policies leave many actions open.
#[must_use]
pub fn warnings(observed: &Map<String, Value>) -> Vec<String> {
    let list = |step: &str, list: &str| observed.get(step).and_then(|seen| seen[list].as_array()).into_iter().flatten();
    let by_arn = list("quarantine", "attached").filter_map(Value::as_str).filter_map(|arn| arn.rsplit('/').next());
    let by_name = list("everything", "attached_policies").filter_map(|policy| policy["PolicyName"].as_str());
    let theirs = by_arn.chain(by_name).filter(|name| name.starts_with("AWSCompromisedKeyQuarantine"));
    let theirs: BTreeSet<_> = theirs.collect();
    theirs
        .into_iter()
        .map(|name| format!("{name} is attached: it is not containment, since it leaves many actions open"))
        .collect()
}
