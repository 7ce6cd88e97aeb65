//! Contain a role: the whole thing as one runbook, and what survives it.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::execute::Done;
use crate::outcome::{Outcome, row};
use crate::parameters::Parameters;
use crate::parts::Parts;
use crate::runbook::Runbook;
use crate::steps::{evidence, quarantine, role, sessions};
use crate::target::Target;
use serde_json::{Value, json};

/// `contain role`
pub const ACTION: Action = Action {
    name: "contain role",
    identifier: "contain_role",
    kind: Kind::Contain,
    description: "Cut a role off completely, and keep the evidence",
    verbose: "Denies everything first, then replaces the trust policy by one that nobody can assume the role under, then revokes sessions by IAM's own clock after a pause, and looks again. Each part is done although another one fails. The evidence holds the trust policy, policies with documents, boundary, tags, instance profiles. The result lists what survives.",
    parameters: &[
        parameter::ROLE_NAME.column(0, "Role Name"),
        parameter::flag("quarantine", "Deny everything to the role", true),
        parameter::flag("lock_trust", "Let nobody assume the role", true),
        parameter::flag("sessions", "Revoke the sessions that exist", true),
        parameter::CREDENTIALS,
        parameter::FULL_EVIDENCE,
    ],
    outputs: &[
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID"),
        Output::data(
            "Survives.*",
            "Sessions of other roles that were assumed from this role's sessions go on: revoke those roles' sessions",
        ),
        Output::data("Warnings.*", "AWSCompromisedKeyQuarantineV3 is attached: it is not containment"),
    ],
    message: "Role app-role contained successfully",
    status_column: Some(2),
    undo: None,
    calls: &[
        &[
            "sts:GetCallerIdentity",
            "GetRole",
            "PutRolePolicy",
            "AttachRolePolicy",
            "PutRolePermissionsBoundary",
            "UpdateAssumeRolePolicy",
        ],
        evidence::OF_ROLE,
    ],
    undoing: "Exactly, but for principals of the former trust policy that are gone. Sessions come back only when asked for.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("role_name").to_owned();
    let parts = Parts::of(p, PARTS);
    if let Some(refusal) = parts.refusal() {
        return Runbook::refused(Target::role(&name), refusal);
    }
    let mut runbook = Runbook::takes_away_from(Target::role(&name)).regardless();
    if p.flag("quarantine") {
        runbook = runbook.stage(quarantine::in_force());
    }
    if p.flag("lock_trust") {
        runbook = runbook.stage(role::trust_locked());
    }
    if p.flag("sessions") {
        let revoked = sessions::revoked();
        runbook = runbook.stage_after_pause(if p.flag("quarantine") { revoked.or_denied() } else { revoked });
    }
    runbook
        .gathers_everything_if(p.given("evidence") != Some("changes"))
        .finishes(move |done| finish(&name, &parts, done))
}

fn finish(name: &str, parts: &Parts, done: &Done) -> Outcome {
    let mut row = row(&json!({}), done.request_id());
    let left = parts.left_out.iter().map(|(_, survives)| *survives);
    let denied = sessions::only_denied(done);
    row["Survives"] = left.chain(denied).chain(SURVIVES.iter().copied()).collect();
    row["Warnings"] = Value::from(quarantine::warnings(&done.observed));
    let message = format!("Role {name} {}", parts.words());
    Outcome { message: Some(message), data: vec![row], ..Outcome::default() }
}

/// The parts, and what survives where one is left out.
const PARTS: &[(&str, &str)] = &[
    ("quarantine", "Everything that the role was allowed is allowed still: run quarantine role"),
    ("lock_trust", "Whoever could assume the role can do so still: run lock role trust"),
    ("sessions", "Sessions that exist were not revoked: run revoke role sessions"),
];

/// What no call to IAM about this role stops, and what to run against it.
const SURVIVES: &[&str] = &[
    "Sessions of other roles that were assumed from this role's sessions go on: run revoke role sessions on those roles",
    "Instances and functions that run with this role keep running, without being allowed anything: stop or isolate them",
    "What sessions of this role have made (users, keys, other roles) is not removed: look for it in CloudTrail",
];
