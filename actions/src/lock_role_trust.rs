//! Lock a role's trust: nobody can assume it any more.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::{evidence, role};
use crate::target::Target;

/// `lock role trust`
pub const ACTION: Action = Action {
    name: "lock role trust",
    identifier: "lock_role_trust",
    kind: Kind::Contain,
    description: "Let nobody assume a role",
    verbose: "Replaces the trust policy by one that denies everybody. Sessions that exist go on: revoke them as well. What was there is in the result; where it names unique ids of entities that are gone, it cannot be put back as it was.",
    parameters: &[parameter::ROLE_NAME.column(0, "Role Name"), parameter::CREDENTIALS, parameter::EVIDENCE],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID")],
    message: "Trust of role app-role locked successfully",
    status_column: Some(2),
    undo: None,
    calls: &[&["sts:GetCallerIdentity", "GetRole", "UpdateAssumeRolePolicy"], evidence::OF_ROLE],
    undoing: "Exactly, unless the former trust policy names ids of entities that are gone.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("role_name");
    Runbook::takes_away_from(Target::role(name))
        .stage(role::trust_locked())
        .gathers_everything_if(p.given("evidence") == Some("full"))
        .says(format!("Trust of role {name} locked successfully"))
}
