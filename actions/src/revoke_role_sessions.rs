//! Revoke the sessions of a role.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::sessions;
use crate::target::Target;

/// `revoke role sessions`
pub const ACTION: Action = Action {
    name: "revoke role sessions",
    identifier: "revoke_role_sessions",
    kind: Kind::Contain,
    description: "Revoke the sessions of a role that exist",
    verbose: "Puts an inline policy that denies everything to temporary credentials issued before now, by IAM's own clock. Whoever may assume the role can do so again: where that is the attacker, lock its trust or quarantine it.",
    parameters: &[parameter::ROLE_NAME.column(0, "Role Name"), parameter::CREDENTIALS],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID")],
    message: "Sessions of role app-role revoked successfully",
    status_column: Some(2),
    undo: None,
    calls: &["sts:GetCallerIdentity", "GetRole", "GetRolePolicy", "PutRolePolicy"],
    undoing: "Exactly: the policy that was there before is put back, or none.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("role_name");
    Runbook::takes_away_from(Target::role(name))
        .stage(sessions::revoked())
        .says(format!("Sessions of role {name} revoked successfully"))
}
