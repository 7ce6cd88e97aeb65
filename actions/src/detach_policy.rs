//! Detach managed policy from a role.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::attached_policies;
use crate::target::Target;

/// `detach policy`
pub const ACTION: Action = Action {
    name: "detach policy",
    identifier: "detach_policy",
    kind: Kind::Contain,
    description: "Detach managed policy from a role",
    verbose: "A policy that is not attached is a failure, with AWS's error.",
    parameters: &[
        parameter::ROLE_NAME.column(0, "Role Name"),
        parameter::POLICY_ARN.column(1, "Policy ARN"),
        parameter::CREDENTIALS,
    ],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(2, "Request ID")],
    message: "Policy with ARN arn:aws:iam::123456789012:policy/testPolicy successfully detached from role test-Role",
    status_column: Some(3),
    undo: Some("attach policy"),
    calls: &[&["sts:GetCallerIdentity", "GetRole", "ListAttachedRolePolicies", "DetachRolePolicy"]],
    undoing: "Exactly: the policy is attached again.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let (name, arn) = (p.text("role_name"), p.text("policy_arn"));
    Runbook::takes_away_from(Target::role(name))
        .missing_says(format!("Role {name} does not exist. Hence, policy can not be detached."))
        .stage(attached_policies::detached(arn))
        .says(format!("Policy with ARN {arn} successfully detached from role {name}"))
}
