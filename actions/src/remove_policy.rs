//! Remove managed policy association with the user.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::attached_policies;
use crate::target::Target;

/// `remove policy`
pub const ACTION: Action = Action {
    name: "remove policy",
    identifier: "remove_policy",
    kind: Kind::Contain,
    description: "Remove managed policy association with the user",
    verbose: "A policy that is not attached is a failure, with AWS's error.",
    parameters: &[
        parameter::USERNAME.column(0, "Username"),
        parameter::POLICY_ARN.column(1, "Policy ARN"),
        parameter::CREDENTIALS,
    ],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(2, "Request ID")],
    message: "Policy with ARN arn:aws:iam::123456789012:policy/testPolicy successfully removed from user alice",
    status_column: Some(3),
    undo: Some("assign policy"),
    calls: &[&["sts:GetCallerIdentity", "GetUser", "ListAttachedUserPolicies", "DetachUserPolicy", "ListUsers"]],
    undoing: "Exactly: the policy is attached again.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let (name, arn) = (p.text("username"), p.text("policy_arn"));
    Runbook::takes_away_from(Target::user(name))
        .stage(attached_policies::detached(arn))
        .says(format!("Policy with ARN {arn} successfully removed from user {name}"))
}
