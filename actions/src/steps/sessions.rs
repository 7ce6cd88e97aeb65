//! The sessions of a user or role: those that exist are revoked.
//!
//! An inline deny of everything to tokens that were issued before a moment, which is the endpoint's own time, not this
//! machine's. It ends temporary credentials alone: a long-term key has no token. Source: IAM user guide, "Revoke IAM
//! role temporary security credentials" (`AWSRevokeOlderSessions`).

use crate::change::{Change, Reversal};
use crate::execute::Done;
use crate::reader::Reader;
use crate::step::{Look, Reach, Seen, Step, optional};
use crate::steps::quarantine;
use crate::target::{Principal, Target};
use awsiam_iam::Error;
use awsiam_iam::types::{
    DeleteRolePolicy, DeleteUserPolicy, GetRolePolicy, GetUserPolicy, PutRolePolicy, PutUserPolicy,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

/// The name of our inline policy.
pub const NAME: &str = "awsiam-revoke-sessions";
const ABOUT: &str = "sessions";

/// Every session issued until now is revoked.
#[derive(Debug, Default)]
pub struct Revoked {
    /// When the run first looked: only a revocation after that counts.
    since: OnceLock<String>,
    /// Whether the quarantine stands in for it where a quota leaves no room.
    or_denied: bool,
}

/// What was seen.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// The document of the policy with our name.
    document: Option<String>,
}

/// Every session issued until now is revoked.
#[must_use]
pub fn revoked() -> Revoked {
    Revoked::default()
}

impl Revoked {
    /// Or, where a quota leaves no room for it, denied everything by the quarantine for as long as that is in force.
    #[must_use]
    pub fn or_denied(self) -> Self {
        Self { or_denied: true, ..self }
    }
}

impl Revoked {
    fn covered(&self, change: Change) -> Change {
        if self.or_denied { change.covered_by(quarantine::ABOUT) } else { change }
    }
}

/// Revokes what was issued until the look; `former` is the document that the policy with our name has.
pub(crate) fn revoke(look: &Look, former: Option<&str>) -> Change {
    let back = match former {
        Some(former) => put(&look.target, former, Reversal::Irreversible { why: "a reversal" }),
        None => delete(&look.target),
    };
    put(&look.target, &deny_before(&after(&look.now)), Reversal::exact(back))
}

/// The same where a run is undone, which can be told to leave it out.
pub(crate) fn revoke_now(look: &Look) -> Change {
    let change = put(&look.target, &deny_before(&after(&look.now)), Reversal::Irreversible { why: "a reversal" });
    let what = format!("{} (left out where reactivate_credentials says sessions)", change.what);
    Change { what, ..change }
}

/// The second after a time: tokens and the endpoint's clock tell whole seconds, and what was issued in this one counts.
fn after(time: &str) -> String {
    let next = awsiam_iam::seconds(time).and_then(|seconds| u64::try_from(seconds + 1).ok());
    let Some(next) = next else { return time.to_owned() };
    let next = awsiam_iam::timestamp(UNIX_EPOCH + Duration::from_secs(next));
    format!("{}Z", &next[..next.len().min(19)])
}

/// What to say where the quarantine stands in for a revocation.
const DENIED_ONLY: &str = "A quota leaves no room for the revocation: the sessions that exist are denied everything only for as long as the quarantine is in force";

/// What to say where the quarantine stands in for a revocation; nothing otherwise.
pub(crate) fn only_denied(done: &Done) -> Option<&'static str> {
    done.covered(ABOUT).then_some(DENIED_ONLY)
}

fn deny_before(time: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "AwsiamRevokeSessions",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": { "DateLessThan": { "aws:TokenIssueTime": time } }
        }]
    })
    .to_string()
}

/// The moment before which a document of ours revokes; none for any other document.
fn revokes_before(document: &str) -> Option<String> {
    let parsed: Value = serde_json::from_str(document).ok()?;
    let time = parsed["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"].as_str()?;
    (serde_json::from_str::<Value>(&deny_before(time)).ok()? == parsed).then(|| time.to_owned())
}

/// Whether a document is a revocation of ours.
pub(crate) fn is_ours(document: &str) -> bool {
    revokes_before(document).is_some()
}

fn put(target: &Target, document: &str, reversal: Reversal) -> Change {
    let what = match revokes_before(document) {
        Some(time) => format!("revoke sessions issued before {time}"),
        None => format!("put inline policy {NAME}"),
    };
    let (name, policy_name, policy_document) = (target.name.clone(), NAME.to_owned(), document.to_owned());
    match target.principal {
        Principal::User => {
            Change::new(&PutUserPolicy { user_name: name, policy_name, policy_document }, what, ABOUT, reversal)
        }
        Principal::Role | Principal::Other(_) => {
            Change::new(&PutRolePolicy { role_name: name, policy_name, policy_document }, what, ABOUT, reversal)
        }
    }
}

fn delete(target: &Target) -> Change {
    let (what, last) = (format!("delete inline policy {NAME}"), Reversal::Irreversible { why: "a reversal" });
    let (name, policy_name) = (target.name.clone(), NAME.to_owned());
    let change = match target.principal {
        Principal::User => Change::new(&DeleteUserPolicy { user_name: name, policy_name }, what, ABOUT, last),
        Principal::Role | Principal::Other(_) => {
            Change::new(&DeleteRolePolicy { role_name: name, policy_name }, what, ABOUT, last)
        }
    };
    change.removal()
}

impl Step for Revoked {
    type State = State;

    fn name(&self) -> &'static str {
        "revoked_sessions"
    }

    fn reach(&self) -> Reach {
        Reach::Optional
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<State, Error> {
        let (name, policy_name) = (look.target.name.clone(), NAME.to_owned());
        let read = match look.target.principal {
            Principal::User => {
                let reply = reader.get(&GetUserPolicy { user_name: name, policy_name }).await;
                reply.map(|reply| reply.data.policy_document)
            }
            Principal::Role | Principal::Other(_) => {
                let reply = reader.get(&GetRolePolicy { role_name: name, policy_name }).await;
                reply.map(|reply| reply.data.policy_document)
            }
        };
        Ok(State { document: optional(read)? })
    }

    fn plan(&self, seen: &Seen<State>, look: &Look) -> Vec<Change> {
        let first = self.since.get_or_init(|| look.now.clone());
        let Some(state) = seen.state() else {
            let lost = "whether there was a revocation before could not be read";
            let change = put(&look.target, &deny_before(&after(&look.now)), Reversal::Lossy { by: "undo", lost });
            return vec![self.covered(change)];
        };
        // A session that was made while a credential still worked is to be revoked too.
        let since = look.changed_before.as_ref().map_or(first, |changed| changed.max(first));
        let revoked = state.document.as_deref().and_then(revokes_before);
        if !look.first && revoked.is_some_and(|revoked| revoked > *since) {
            return vec![];
        }
        let change = revoke(look, state.document.as_deref());
        vec![self.covered(change)]
    }
}
