//! Release a role from quarantine, without reviving the sessions that existed.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::outcome::{Failure, Outcome, row};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::quarantine;
use crate::target::Target;
use serde_json::json;

/// `release role`
pub const ACTION: Action = Action {
    name: "release role",
    identifier: "release_role",
    kind: Kind::Correct,
    description: "Lift the quarantine of a role",
    verbose: "First revokes every session that was issued until now: without that, each one younger than 36 hours would work again. Then lifts the deny in whichever form it is in force; policies are recognized by their documents. Where AWSDenyAll is the permissions boundary, what was there before is not known here: that is refused, and undo of the quarantine's run puts it back. Who is not quarantined is left as it is, sessions included.",
    parameters: &[parameter::ROLE_NAME.column(0, "Role Name"), parameter::CREDENTIALS],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID")],
    message: "Role app-role released successfully; sessions issued before are revoked",
    status_column: Some(2),
    undo: Some("quarantine role"),
    calls: &[&[
        "sts:GetCallerIdentity",
        "GetRole",
        "GetRolePolicy",
        "ListAttachedRolePolicies",
        "PutRolePolicy",
        "DeleteRolePolicy",
        "DetachRolePolicy",
    ]],
    undoing: "Exactly: the deny is put back, and the revocation is taken away where reactivate_credentials says sessions or all.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("role_name").to_owned();
    Runbook::gives_to(Target::role(&name))
        // Its boundary is seen with it.
        .must_be_seen()
        .unless(|seen, _| {
            let bounded = seen.get("role").is_some_and(quarantine::is_boundary);
            bounded.then(|| Failure::refused("unknown_boundary", "AWSDenyAll is the permissions boundary, and what was the boundary before is not known here. Nothing was changed. Undo the run that quarantined, or set the boundary by hand."))
        })
        .stage(quarantine::lifted())
        .finishes(move |done| {
            let message = if done.changes.is_empty() {
                format!("Role {name} is not quarantined: nothing was changed")
            } else {
                format!("Role {name} released successfully; sessions issued before are revoked")
            };
            Outcome {
                message: Some(message),
                data: vec![row(&json!({}), done.request_id())],
                ..Outcome::default()
            }
        })
}
