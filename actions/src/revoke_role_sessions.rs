//! Revoke the sessions of a role.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::execute::Done;
use crate::outcome::{Outcome, row};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::sessions;
use crate::target::Target;
use serde_json::{Value, json};

/// `revoke role sessions`
pub const ACTION: Action = Action {
    name: "revoke role sessions",
    identifier: "revoke_role_sessions",
    kind: Kind::Contain,
    description: "Revoke the sessions of a role that exist",
    verbose: "Puts an inline policy that denies everything to temporary credentials issued before now, by IAM's own clock. Whoever may assume the role can do so again: where that is the attacker, lock its trust or quarantine it.",
    parameters: &[parameter::ROLE_NAME.column(0, "Role Name"), parameter::CREDENTIALS],
    outputs: &[
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID"),
        Output::data("NotStopped.*", "New sessions of whoever may assume the role: run lock role trust"),
    ],
    message: "Sessions of role app-role revoked successfully",
    status_column: Some(2),
    undo: None,
    calls: &[&["sts:GetCallerIdentity", "GetRole", "GetRolePolicy", "PutRolePolicy"]],
    undoing: "Only when asked for (reactivate_credentials says sessions or all): then the policy that was there before is put back, or none.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("role_name").to_owned();
    Runbook::takes_away_from(Target::role(&name)).stage(sessions::revoked()).finishes(move |done| finish(&name, done))
}

fn finish(name: &str, done: &Done) -> Outcome {
    let mut row = row(&json!({}), done.request_id());
    row["NotStopped"] = Value::from(NOT_STOPPED.to_vec());
    let message = format!("Sessions of role {name} revoked successfully");
    Outcome { message: Some(message), data: vec![row], ..Outcome::default() }
}

/// What this does not stop, and what does.
const NOT_STOPPED: &[&str] = &[
    "New sessions of whoever may assume the role, instances that it belongs to among them: run lock role trust, or contain role",
    "Sessions of other roles that were assumed from this role's sessions: run revoke role sessions on those roles",
];
