//! The sessions of a user or role: those that exist are revoked.
//!
//! An inline deny of everything to tokens that were issued before a moment, which is the endpoint's own time, not this
//! machine's. It ends temporary credentials alone: a long-term key has no token. Source: IAM user guide, "Revoke IAM
//! role temporary security credentials" (`AWSRevokeOlderSessions`).

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Reach, Seen, Step, optional};
use crate::target::{Principal, Target};
use awsiam_iam::Error;
use awsiam_iam::types::{
    DeleteRolePolicy, DeleteUserPolicy, GetRolePolicy, GetUserPolicy, PutRolePolicy, PutUserPolicy,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// The name of our inline policy.
pub const NAME: &str = "awsiam-revoke-sessions";
const ABOUT: &str = "sessions";

/// Every session issued until now is revoked.
#[derive(Debug, Default)]
pub struct Revoked {
    /// When the run first looked: only a revocation after that counts.
    since: OnceLock<String>,
}

/// What was seen.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// The document of the policy with our name.
    document: Option<String>,
    /// The endpoint's time at the look.
    now: String,
}

/// Every session issued until now is revoked.
#[must_use]
pub fn revoked() -> Revoked {
    Revoked::default()
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
        let document = optional(read)?;
        let now = reader.server_time();
        self.since.get_or_init(|| now.clone());
        Ok(State { document, now })
    }

    fn plan(&self, seen: &Seen<State>, look: &Look) -> Vec<Change> {
        let target = &look.target;
        let since = self.since.get();
        let Some(state) = seen.state() else {
            // The time of a look that was refused is not known here; ours serves, and errs by the clocks' difference.
            let now = awsiam_iam::timestamp(std::time::SystemTime::now());
            let now = format!("{}Z", &now[..now.len().min(19)]);
            return vec![put(target, &deny_before(&now), Reversal::exact(delete(target)))];
        };
        let revoked = state.document.as_deref().and_then(revokes_before);
        if !look.first && revoked.as_ref() >= since && revoked.is_some() {
            return vec![];
        }
        let back = match &state.document {
            Some(former) => put(target, former, Reversal::Irreversible { why: "a reversal" }),
            None => delete(target),
        };
        vec![put(target, &deny_before(&state.now), Reversal::exact(back))]
    }
}
