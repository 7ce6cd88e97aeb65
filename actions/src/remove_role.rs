//! Remove a role with everything that stands in the way.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::{attached_policies, inline_policies, instance_profiles, role};
use crate::target::Target;

/// `remove role`
pub const ACTION: Action = Action {
    name: "remove role",
    identifier: "remove_role",
    kind: Kind::Generic,
    description: "Remove role from AWS IAM account",
    verbose: "Deletes the role with its policies, and the instance profiles that it is in; with keep_instance_profiles true, the role is only taken out of them. A role that does not exist is success. Service-linked and Identity Center roles are refused. What was there is in the result.",
    parameters: &[
        parameter::ROLE_NAME.column(0, "Role Name"),
        parameter::CREDENTIALS,
        parameter::flag(
            "keep_instance_profiles",
            "Keep the instance profiles that the role is in, without the role",
            false,
        ),
        parameter::CONFIRM,
    ],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID")],
    message: "Role test-Role removed successfully along with all its associations with login instance profiles and policies",
    status_column: Some(2),
    undo: Some("add role"),
    calls: &[&[
        "sts:GetCallerIdentity",
        "GetRole",
        "ListInstanceProfilesForRole",
        "ListAttachedRolePolicies",
        "ListRolePolicies",
        "GetRolePolicy",
        "GetInstanceProfile",
        "RemoveRoleFromInstanceProfile",
        "DetachRolePolicy",
        "DeleteRolePolicy",
        "DeleteInstanceProfile",
        "DeleteRole",
    ]],
    undoing: "Not undone as it was: a role created again has another unique id. Trust policy, policies and profiles can be restored by hand from the evidence.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("role_name");
    let runbook = Runbook::takes_away_from(Target::role(name))
        .confirmed_by(p.given("confirm"))
        .missing_is_fine(format!("Role {name} does not exist in AWS IAM account and hence, can not be removed"))
        .stage(instance_profiles::without_role())
        .and(attached_policies::none())
        .and(inline_policies::absent());
    // The role last: as long as it is there, a failed removal can be gone on with.
    let profiles = !p.flag("keep_instance_profiles");
    let runbook = if profiles { runbook.stage(instance_profiles::deleted()) } else { runbook };
    let runbook = runbook.stage(role::deleted());
    runbook.says(format!(
        "Role {name} removed successfully along with all its associations with login instance profiles and policies"
    ))
}
