//! Release a user from quarantine, without reviving the sessions that existed.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::outcome::{Failure, Outcome, row};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::quarantine;
use crate::target::Target;
use serde_json::json;

/// `release user`
pub const ACTION: Action = Action {
    name: "release user",
    identifier: "release_user",
    kind: Kind::Correct,
    description: "Lift the quarantine of a user",
    verbose: "First revokes every session that was issued until now: without that, each one younger than 36 hours would work again. Then lifts the deny in whichever form it is in force; policies are recognized by their documents. Where AWSDenyAll is the permissions boundary, what was there before is not known here: that is refused, and undo of the quarantine's run puts it back. Who is not quarantined is left as it is, sessions included.",
    parameters: &[parameter::USERNAME.column(0, "Username"), parameter::CREDENTIALS],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID")],
    message: "User alice released successfully; sessions issued before are revoked",
    status_column: Some(2),
    undo: Some("quarantine user"),
    calls: &[&[
        "sts:GetCallerIdentity",
        "GetUser",
        "GetUserPolicy",
        "ListAttachedUserPolicies",
        "PutUserPolicy",
        "DeleteUserPolicy",
        "DetachUserPolicy",
        "ListUsers",
    ]],
    undoing: "Exactly: the deny is put back, and the revocation is taken away where reactivate_credentials says sessions or all.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("username").to_owned();
    Runbook::gives_to(Target::user(&name))
        // Its boundary is seen with it.
        .must_be_seen()
        .unless(|seen, _| {
            let bounded = seen.get("user").is_some_and(quarantine::is_boundary);
            bounded.then(|| Failure::refused("unknown_boundary", "AWSDenyAll is the permissions boundary, and what was the boundary before is not known here. Nothing was changed. Undo the run that quarantined, or set the boundary by hand."))
        })
        .stage(quarantine::lifted())
        .finishes(move |done| {
            let message = if done.changes.is_empty() {
                format!("User {name} is not quarantined: nothing was changed")
            } else {
                format!("User {name} released successfully; sessions issued before are revoked")
            };
            Outcome {
                message: Some(message),
                data: vec![row(&json!({}), done.request_id())],
                ..Outcome::default()
            }
        })
}
