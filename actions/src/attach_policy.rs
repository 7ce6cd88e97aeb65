//! Attach managed policy to a role.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::attached_policies;
use crate::target::Target;

/// `attach policy`
pub const ACTION: Action = Action {
    name: "attach policy",
    identifier: "attach_policy",
    kind: Kind::Correct,
    description: "Attach managed policy to a role",
    verbose: "A policy that is attached already stays so: success, and nothing is changed.",
    parameters: &[
        parameter::ROLE_NAME.column(0, "Role Name"),
        parameter::POLICY_ARN.column(1, "Policy ARN"),
        parameter::CREDENTIALS,
    ],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(2, "Request ID")],
    message: "Policy with ARN arn:aws:iam::123456789012:policy/testPolicy successfully attached with role test-Role",
    status_column: Some(3),
    undo: Some("detach policy"),
    calls: &[&["sts:GetCallerIdentity", "GetRole", "ListAttachedRolePolicies", "AttachRolePolicy"]],
    undoing: "Exactly: the policy is detached again, if it was not attached before.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let (name, arn) = (p.text("role_name"), p.text("policy_arn"));
    Runbook::gives_to(Target::role(name))
        .missing_says(format!("Role {name} does not exist. Hence, policy can not be attached."))
        .stage(attached_policies::attached(arn))
        .says(format!("Policy with ARN {arn} successfully attached with role {name}"))
}
