//! Revoke the sessions of a user.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::sessions;
use crate::target::Target;

/// `revoke user sessions`
pub const ACTION: Action = Action {
    name: "revoke user sessions",
    identifier: "revoke_user_sessions",
    kind: Kind::Contain,
    description: "Revoke the sessions of a user that exist",
    verbose: "Puts an inline policy that denies everything to temporary credentials issued before now, by IAM's own clock. Long-term access keys and the password have no token and are not stopped by it, nor are sessions of roles that the user has assumed before: revoke those roles' sessions. New sessions can be made.",
    parameters: &[parameter::USERNAME.column(0, "Username"), parameter::CREDENTIALS],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID")],
    message: "Sessions of user alice revoked successfully",
    status_column: Some(2),
    undo: None,
    calls: &["sts:GetCallerIdentity", "GetUser", "GetUserPolicy", "PutUserPolicy", "ListUsers"],
    undoing: "Exactly: the policy that was there before is put back, or none.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("username");
    Runbook::takes_away_from(Target::user(name))
        .stage(sessions::revoked())
        .says(format!("Sessions of user {name} revoked successfully"))
}
