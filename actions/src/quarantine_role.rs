//! Quarantine a role: nothing is allowed any more, and all stays as evidence.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::{evidence, quarantine};
use crate::target::Target;

/// `quarantine role`
pub const ACTION: Action = Action {
    name: "quarantine role",
    identifier: "quarantine_role",
    kind: Kind::Contain,
    description: "Deny everything to a role",
    verbose: "Puts an inline policy of our own that denies everything; where the quota for inline policies is used up, attaches AWSDenyAll, and where that quota is used up, makes it the permissions boundary. It counts for every session of the role, also those that exist, within seconds. Sessions of other roles that were assumed from the role's sessions are not its own and go on. AWSCompromisedKeyQuarantine policies of AWS are not containment and do not count.",
    parameters: &[parameter::ROLE_NAME.column(0, "Role Name"), parameter::CREDENTIALS, parameter::FULL_EVIDENCE],
    outputs: &[
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID"),
        Output::data("Warnings.*", "AWSCompromisedKeyQuarantineV3 is attached: it is not containment"),
    ],
    message: "Role app-role quarantined successfully",
    status_column: Some(2),
    undo: Some("release role"),
    calls: &[
        &[
            "sts:GetCallerIdentity",
            "GetRole",
            "GetRolePolicy",
            "ListAttachedRolePolicies",
            "PutRolePolicy",
            "AttachRolePolicy",
            "PutRolePermissionsBoundary",
        ],
        evidence::OF_ROLE,
    ],
    undoing: "Exactly: what was put, attached or set is taken away again. Sessions that existed are revoked first, unless reactivate_credentials says sessions or all.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("role_name").to_owned();
    Runbook::takes_away_from(Target::role(&name))
        .stage(quarantine::in_force())
        .gathers_everything_if(p.given("evidence") != Some("changes"))
        .finishes(move |done| quarantine::told(format!("Role {name} quarantined successfully"), done))
}
