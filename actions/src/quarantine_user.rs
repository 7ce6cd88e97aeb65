//! Quarantine a user: nothing is allowed any more, and all stays as evidence.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::{evidence, quarantine};
use crate::target::Target;

/// `quarantine user`
pub const ACTION: Action = Action {
    name: "quarantine user",
    identifier: "quarantine_user",
    kind: Kind::Contain,
    description: "Deny everything to a user",
    verbose: "Puts an inline policy of our own that denies everything; where the quota for inline policies is used up, attaches AWSDenyAll, and where that quota is used up, makes it the permissions boundary. It counts for long-term keys, the console and sessions of the user itself, within seconds. Sessions of roles that were assumed before are not the user's and go on. AWSCompromisedKeyQuarantine policies of AWS are not containment and do not count.",
    parameters: &[parameter::USERNAME.column(0, "Username"), parameter::CREDENTIALS, parameter::FULL_EVIDENCE],
    outputs: &[
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID"),
        Output::data("Warnings.*", "AWSCompromisedKeyQuarantineV3 is attached: it is not containment"),
    ],
    message: "User alice quarantined successfully",
    status_column: Some(2),
    undo: Some("release user"),
    calls: &[
        &[
            "sts:GetCallerIdentity",
            "GetUser",
            "GetUserPolicy",
            "ListAttachedUserPolicies",
            "PutUserPolicy",
            "AttachUserPolicy",
            "PutUserPermissionsBoundary",
            "ListUsers",
        ],
        evidence::OF_USER,
    ],
    undoing: "Exactly: what was put, attached or set is taken away again. Sessions that existed are revoked first, unless reactivate_credentials says sessions or all.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("username").to_owned();
    Runbook::takes_away_from(Target::user(&name))
        .stage(quarantine::in_force())
        .gathers_everything_if(p.given("evidence") != Some("changes"))
        .finishes(move |done| quarantine::told(format!("User {name} quarantined successfully"), done))
}
