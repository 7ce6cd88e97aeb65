//! Assign managed policy to the user.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::attached_policies;
use crate::target::Target;

/// `assign policy`
pub const ACTION: Action = Action {
    name: "assign policy",
    identifier: "assign_policy",
    kind: Kind::Correct,
    description: "Assign managed policy to the user",
    verbose: "A policy that is attached already stays so: success, and nothing is changed.",
    parameters: &[
        parameter::USERNAME.column(0, "Username"),
        parameter::POLICY_ARN.column(1, "Policy ARN"),
        parameter::CREDENTIALS,
    ],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(2, "Request ID")],
    message: "Policy with ARN arn:aws:iam::123456789012:policy/testPolicy successfully assigned to user alice",
    status_column: Some(3),
    undo: Some("remove policy"),
    calls: &[&["sts:GetCallerIdentity", "GetUser", "ListAttachedUserPolicies", "AttachUserPolicy", "ListUsers"]],
    undoing: "Exactly: the policy is detached again, if it was not attached before.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let (name, arn) = (p.text("username"), p.text("policy_arn"));
    Runbook::gives_to(Target::user(name))
        .stage(attached_policies::attached(arn))
        .says(format!("Policy with ARN {arn} successfully assigned to user {name}"))
}
