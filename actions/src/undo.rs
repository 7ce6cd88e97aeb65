//! Undo: reverses exactly what one run changed, and nothing else.

use crate::action::{Action, Kind, Of, Output, Parameter, Run, parameter};
use crate::execute::Done;
use crate::outcome::{Failure, Outcome, row};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::restore::{self, Selection};
use crate::target::Target;
use serde_json::{Value, json};

/// `undo`
pub const ACTION: Action = Action {
    name: "undo",
    identifier: "undo",
    kind: Kind::Correct,
    description: "Reverse exactly what one run changed",
    verbose: "Each reversal is made anew of the kind of the change and of what was observed before it, never executed as \
              found. The account and the target's unique id must match; what has moved meanwhile is refused, and so is \
              what a later run has contained. Credentials come back only when asked for, a password only when one is \
              given, to be changed at the next sign-in. What cannot be restored is listed.",
    parameters: &[
        Parameter {
            name: "run",
            description: "The run: its id (from extra_data, or awsiam runs), or its result as JSON",
            of: Of::Record,
            required: true,
            primary: true,
            contains: &["awsiam run id"],
            example: "20261120T195713Z-f7d6176b",
            column: Some((0, "Run")),
        },
        Parameter {
            name: "target",
            description: "Name of the user or role, where the run was about several",
            of: Of::Text { operation: "GetUser", member: "UserName" },
            required: false,
            primary: false,
            contains: &[],
            example: "alice",
            column: None,
        },
        Parameter {
            name: "reactivate_credentials",
            description: "Credentials that are to work again: all, or ids separated by commas; none without it",
            of: Of::Text { operation: "GetUser", member: "UserName" },
            required: false,
            primary: false,
            contains: &[],
            example: "all",
            column: None,
        },
        Parameter {
            name: "password",
            description: "Console password to set where the run deleted one; to be changed at the next sign-in",
            of: Of::Secret { operation: "CreateLoginProfile", member: "Password" },
            required: false,
            primary: false,
            contains: &[],
            example: "",
            column: None,
        },
        parameter::CREDENTIALS,
    ],
    outputs: &[
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID"),
        Output::data("NotRestored.*", "the console password: give one with the parameter password"),
    ],
    message: "Run 20261120T195713Z-f7d6176b on user alice undone",
    status_column: Some(2),
    undo: None,
    calls: &[restore::CALLS],
    undoing: "By running the action again that was undone.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    match read(p) {
        Ok(runbook) => runbook,
        Err(message) => Runbook::refused(Target::user(""), Failure::Invalid(message)),
    }
}

/// The runbook of a record.
fn read(p: &Parameters) -> Result<Runbook, String> {
    let wrong =
        || "Parameter \"run\" is neither the id of a run on record nor a result with the run's record".to_owned();
    let document: Value = serde_json::from_str(p.text("run")).map_err(|_| wrong())?;
    let record = record_of(&document, p.given("target"))?;
    let of_target = |name: &str| record["target"][name].as_str().unwrap_or_default().to_owned();
    let (kind, name, id, arn) = (of_target("kind"), of_target("name"), of_target("id"), of_target("arn"));
    let account = arn.split(':').nth(4).unwrap_or_default().to_owned();
    if !["user", "role", ""].contains(&kind.as_str()) {
        return Err(format!(
            "The run was about {kind} {name}, which is neither user nor role: make the reversal that its result names with call operation"
        ));
    }
    if name.is_empty() || id.is_empty() || account.is_empty() || !record["changes"].is_array() {
        return Err(format!("{}. It must hold target (with id and ARN), observed and changes", wrong()));
    }
    if let Some(later) = record["contained_later_by"].as_str() {
        return Err(format!(
            "Run {later} has contained {kind} {name} since: undoing this one would open what that one closed. Nothing was changed. Undo {later} first"
        ));
    }
    let target = match kind.as_str() {
        "user" => Target::user(&name),
        "role" => Target::role(&name),
        _ => return Err(wrong()),
    };
    let selection = Selection::of(p.given("reactivate_credentials"));
    let run_id = record["run_id"].as_str().unwrap_or_default().to_owned();
    let takes_away = restore::takes_away(record);
    let step = restore::what(record, selection, p.secret("password").cloned());
    // What was created goes, and with it the target itself.
    let deletes = restore::created(record);
    let runbook = if deletes { Runbook::takes_away_from(target) } else { Runbook::gives_to(target) };
    let runbook = runbook.guarded_if(takes_away);
    Ok(runbook
        .expects(account, id)
        .unless(|seen, _| {
            let moved: Vec<_> = seen["restore"]["moved"].as_array()?.iter().filter_map(Value::as_str).collect();
            (!moved.is_empty()).then(|| Failure::refused("moved", format!("What the run left has been changed since: {}. Nothing was changed. Restore by hand what is still wanted", moved.join("; "))))
        })
        .stage(step)
        .finishes(move |done| finish(&run_id, &kind, &name, done)))
}

/// The one record that is meant: of a record itself, of a result, or of the sets of a run.
fn record_of<'a>(document: &'a Value, target: Option<&str>) -> Result<&'a Value, String> {
    let sets: Vec<&Value> = if let Some(sets) = document["sets"].as_array() {
        sets.iter().collect()
    } else if let Some(items) = document["result_data"].as_array() {
        items.iter().map(|item| &item["extra_data"][0]).collect()
    } else {
        vec![document]
    };
    let meant: Vec<_> = match target {
        None => sets,
        Some(name) => {
            sets.into_iter().filter(|set| set["target"]["name"] == name || set["target"]["given"] == name).collect()
        }
    };
    match meant.as_slice() {
        [one] => Ok(one),
        [] => Err("The run was not about this target".to_owned()),
        _ => Err("The run was about several targets: name one with the parameter target".to_owned()),
    }
}

fn finish(run_id: &str, kind: &str, name: &str, done: &Done) -> Outcome {
    let mut row = row(&json!({}), done.request_id());
    row["NotRestored"] = done.observed.get("restore").map(|seen| seen["not_restored"].clone()).unwrap_or_default();
    let message = format!("Run {run_id} on {kind} {name} undone");
    Outcome { message: Some(message), data: vec![row], ..Outcome::default() }
}
