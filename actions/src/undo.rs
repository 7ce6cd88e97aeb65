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
              what a later run has contained. Credentials come back only when asked for, and so do sessions: where a \
              deny is lifted, those that existed are revoked first. A password comes back only when one is given, to be \
              changed at the next sign-in. What cannot be restored is listed.",
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
            description: "Credentials that are to work again: all, or ids separated by commas, or sessions (those that \
                          existed); none without it",
            of: Of::AnyText,
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
    let record = &record_of(&document, p.given("target"))?;
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
    if record["observed"]["restore"].is_object() {
        return Err(format!(
            "Run {} was an undo itself. Nothing was changed. To have again what it took back, run the action again that it undid",
            record["run_id"].as_str().unwrap_or_default()
        ));
    }
    let selection = Selection::of(p.given("reactivate_credentials"), record)?;
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
        .leaves(|seen| seen.get("restore").map(|seen| texts(&seen["not_restored"])).unwrap_or_default())
        .stage(step)
        .finishes(move |done| finish(&run_id, &kind, &name, done)))
}

/// The one record that is meant: of a record itself, of a result, or of the sets of a run.
fn record_of(document: &Value, target: Option<&str>) -> Result<Value, String> {
    let sets: Vec<&Value> = records(document);
    let meant: Vec<_> = match target {
        None => sets,
        Some(name) => {
            sets.into_iter().filter(|set| set["target"]["name"] == name || set["target"]["given"] == name).collect()
        }
    };
    let Some((first, more)) = meant.split_first() else {
        return Err("The run was not about this target".to_owned());
    };
    if more.iter().any(|other| other["target"]["id"] != first["target"]["id"] || first["target"]["id"].is_null()) {
        return Err("The run was about several targets: name one with the parameter target".to_owned());
    }
    // Of several sets about one target the first saw what was there before.
    let mut whole = (*first).clone();
    for other in more {
        let changes = other["changes"].as_array().into_iter().flatten();
        if let Some(all) = whole["changes"].as_array_mut() {
            all.extend(changes.cloned());
        }
        for (name, seen) in other["observed"].as_object().into_iter().flatten() {
            match whole["observed"].get_mut(name) {
                None => whole["observed"][name] = seen.clone(),
                // Of inline policies a single call saw its own alone.
                Some(Value::Array(known)) if name == "inline_policies" => {
                    let new = seen.as_array().into_iter().flatten();
                    let is_known = |one: &&Value| known.iter().any(|of| of["PolicyName"] == one["PolicyName"]);
                    let new: Vec<Value> = new.filter(|one| !is_known(one)).cloned().collect();
                    known.extend(new);
                }
                Some(_) => {}
            }
        }
        if whole["contained_later_by"].is_null() {
            whole["contained_later_by"] = other["contained_later_by"].clone();
        }
    }
    Ok(whole)
}

/// The records in a document: the sets of a run, a result, one item of it, or a record itself.
#[must_use]
pub fn records(document: &Value) -> Vec<&Value> {
    fn of_item(item: &Value) -> &Value {
        &item["extra_data"][0]
    }
    if let Some(sets) = document["sets"].as_array() {
        return sets.iter().collect();
    }
    match document["result_data"].as_array() {
        Some(items) => items.iter().map(of_item).collect(),
        None if document["extra_data"].is_array() => vec![of_item(document)],
        None => vec![document],
    }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn finish(run_id: &str, kind: &str, name: &str, done: &Done) -> Outcome {
    let mut row = row(&json!({}), done.request_id());
    let left = done.observed.get("restore").map(|seen| texts(&seen["not_restored"])).unwrap_or_default();
    let message = match (done.changes.is_empty(), left.is_empty()) {
        (_, true) => format!("Run {run_id} on {kind} {name} undone"),
        (false, false) => format!("Run {run_id} on {kind} {name} undone, but for: {}", left.join("; ")),
        (true, false) => {
            format!(
                "Nothing was changed: run {run_id} on {kind} {name} left nothing else to take back, but: {}",
                left.join("; ")
            )
        }
    };
    row["NotRestored"] = left.into();
    Outcome { message: Some(message), data: vec![row], ..Outcome::default() }
}
