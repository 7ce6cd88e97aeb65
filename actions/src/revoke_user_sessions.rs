//! Revoke the sessions of a user.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::execute::Done;
use crate::outcome::{Outcome, row};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::{assumable_roles, sessions};
use crate::target::Target;
use serde_json::json;

/// `revoke user sessions`
pub const ACTION: Action = Action {
    name: "revoke user sessions",
    identifier: "revoke_user_sessions",
    kind: Kind::Contain,
    description: "Revoke the sessions of a user that exist",
    verbose: "Puts an inline policy that denies everything to temporary credentials issued before now, by IAM's own clock. Long-term access keys and the password have no token and are not stopped by it, nor are sessions of roles that the user has assumed before: revoke those roles' sessions; the roles that the user's policies let it assume are named. New sessions can be made.",
    parameters: &[parameter::USERNAME.column(0, "Username"), parameter::CREDENTIALS],
    outputs: &[
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID"),
        Output::data("AssumableRoles.*", "arn:aws:iam::123456789012:role/deploy-role"),
        Output::data("NotStopped.*", "Long-term access keys and the console password: they have no session to revoke"),
    ],
    message: "Sessions of user alice revoked successfully",
    status_column: Some(2),
    undo: None,
    calls: &[
        &["sts:GetCallerIdentity", "GetUser", "GetUserPolicy", "PutUserPolicy", "ListUsers"],
        assumable_roles::CALLS,
    ],
    undoing: "Only when asked for (reactivate_credentials says sessions or all): then the policy that was there before is put back, or none.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("username").to_owned();
    Runbook::takes_away_from(Target::user(&name))
        .stage(sessions::revoked())
        .stage(assumable_roles::assumable_roles())
        .finishes(move |done| finish(&name, done))
}

fn finish(name: &str, done: &Done) -> Outcome {
    let (roles, unread) = assumable_roles::found(&done.observed);
    let mut not_stopped: Vec<String> = NOT_STOPPED.iter().map(|text| (*text).to_owned()).collect();
    if !unread.is_empty() {
        not_stopped.push(format!("Which roles the user may assume is not known in full: {}", unread.join("; ")));
    }
    let mut row = row(&json!({}), done.request_id());
    row["AssumableRoles"] = roles.into();
    row["NotStopped"] = not_stopped.into();
    let message = format!("Sessions of user {name} revoked successfully");
    Outcome { message: Some(message), data: vec![row], ..Outcome::default() }
}

/// What this does not stop, and what does.
const NOT_STOPPED: &[&str] = &[
    "Long-term access keys and the console password, which have no session to revoke: run disable user",
    "Sessions of roles that the user has assumed, which are the roles': run revoke role sessions on the roles named",
    "New sessions, as long as a credential works: run contain user for all of it",
];
