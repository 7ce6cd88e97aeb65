//! Runs as text: what one reads at 3 a.m. to know what is done, what is not, and what to do next.
//!
//! Times are in UTC. Shows what the journal holds and no more: masks stay masks. What comes from elsewhere cannot move
//! the cursor.

use crate::history::{Change, Run, Set, State, Status};
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// The longest value that is shown whole.
const LONGEST: usize = 240;

/// One line for each run.
#[must_use]
pub fn lines(runs: &[Run]) -> String {
    let rows: Vec<[String; 5]> = runs
        .iter()
        .map(|run| [run.id.clone(), clock(&run.at), action(run), about(run), run.outcome()].map(|cell| plain(&cell)))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2), width(3)];
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(text, "{cell:width$}  ");
        }
        text.push_str(&row[4]);
        text.push('\n');
    }
    text
}

/// All of a run.
#[must_use]
pub fn whole(run: &Run) -> String {
    let mut text = String::new();
    let mut line = |indent: usize, words: &str| {
        let _ = writeln!(text, "{:indent$}{}", "", plain(words));
    };
    line(0, &format!("Run {}: {}", run.id, action(run)));
    line(0, &run.outcome());
    line(0, &format!("Began {}, last entry {}", clock(&run.at), clock(&run.last_at)));
    for trouble in &run.trouble {
        line(0, &format!("The journal: {}", trouble.trim_end_matches('.')));
    }
    for set in &run.sets {
        line(0, "");
        let place =
            if run.asked > 1 { format!(" (parameter set {} of {})", set.index + 1, run.asked) } else { String::new() };
        line(0, &format!("{}{place}", set.words()));
        for (name, words) in [("given", "asked for as"), ("id", "id"), ("arn", "ARN")] {
            if let Some(value) = set.target[name].as_str() {
                line(2, &format!("{words} {value}"));
            }
        }
        if !set.observed.is_empty() {
            line(2, "Observed before it was changed:");
            for (name, seen) in &set.observed {
                match seen.get("unknown") {
                    Some(error) => line(4, &format!("{}: could not be read: {}", words(name), self::error(error))),
                    None => evidence(&words(name), &opened(seen), 4, &mut line),
                }
            }
        }
        line(2, if set.changes.is_empty() { "Changes: none on record" } else { "Changes:" });
        for change in &set.changes {
            tell(change, &mut line);
        }
        end(set, &mut line);
    }
    let advice = advice(run);
    if !advice.is_empty() {
        line(0, "");
        line(0, "What to do:");
        for words in advice {
            line(2, &words);
        }
    }
    text
}

/// How a change got where it is.
fn tell(change: &Change, line: &mut impl FnMut(usize, &str)) {
    line(4, &format!("{:10}  {}", change.status.words(), change.text("change")));
    let mut call = change.text("operation").to_owned();
    let at = change.text("at");
    if !at.is_empty() && !matches!(change.status, Status::NotDone | Status::Planned) {
        let since = if matches!(change.status, Status::Unknown | Status::Started) { "last heard of at" } else { "at" };
        let _ = write!(call, " {since} {}", clock(at));
    }
    if let Some(id) = change.request_id() {
        let _ = write!(call, ", request id {id}");
    }
    line(16, &call);
    if let Some(error) = change.entry.get("error") {
        line(16, &format!("error: {}", self::error(error)));
    }
    if !change.text("note").is_empty() {
        line(16, change.text("note"));
    }
    if let Some(reversal) = change.entry.get("reversal") {
        line(16, &format!("reversal: {}", taken_back(reversal)));
    }
    if !change.repeatable() {
        line(16, "not repeatable from the journal: it carries a secret, which is not on record");
    }
}

fn taken_back(reversal: &Value) -> String {
    let text = |name: &str| reversal[name].as_str();
    match (text("kind"), text("change"), text("operation")) {
        (Some("exact"), Some(change), _) => format!("exact, {change}"),
        (Some("exact"), None, Some(operation)) => format!("exact, {operation} with what was observed"),
        (Some("lossy"), ..) => {
            format!("in part, by {}; lost: {}", text("by").unwrap_or_default(), text("lost").unwrap_or_default())
        }
        _ => format!("none, {}", text("why").unwrap_or("not on record")),
    }
}

/// How a parameter set ended.
fn end(set: &Set, line: &mut impl FnMut(usize, &str)) {
    if let Some(verified) = set.end.get("verified") {
        match (verified["state"].as_str(), verified["at"].as_str()) {
            (Some("verified"), Some(at)) => {
                line(2, &format!("Verified: everything was seen as wanted at {}", clock(at)));
            }
            (Some("unconfirmed"), _) => {
                line(2, &format!("Not confirmed: {}", verified["why"].as_str().unwrap_or_default()));
            }
            _ => {}
        }
    }
    if let Some(message) = set.failure().and_then(|failure| failure["message"].as_str()) {
        line(2, &format!("Failed: {message}"));
    }
    for note in set.end.get("notes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        line(2, &format!("Note: {note}"));
    }
}

/// What is unknown, and what to do next; nothing where all is done.
fn advice(run: &Run) -> Vec<String> {
    let mut advice = vec![];
    for (set, change) in run.changes().filter(|(_, change)| change.status == Status::Unknown) {
        let (what, operation) = (change.text("change"), change.text("operation"));
        advice.push(format!(
            "Unknown: {what} ({}). No answer to it is on record, so IAM may or may not have carried it out. CloudTrail has {operation} around {} if it did.",
            set.words(),
            clock(change.text("at")),
        ));
    }
    if run.state == State::UnderWay {
        advice.push("The run is under way: wait for its end, then look again.".to_owned());
        return advice;
    }
    let refused = |set: &Set| set.failure().is_some_and(|failure| failure["kind"] == "refused");
    let open = |set: &&Set| {
        !refused(set)
            && (!set.ended
                || set.failure().is_some()
                || set.changes.iter().any(|change| change.status == Status::Unknown))
    };
    let open: Vec<&Set> = run.sets.iter().filter(open).collect();
    let names: Vec<String> = open.iter().map(|set| set.words()).collect();
    if !names.is_empty() {
        advice.push(format!(
            "Run {:?} on {} again: it looks at what is there, does what is left, and so settles what is unknown.",
            action(run),
            names.join(", ")
        ));
    }
    if open.iter().flat_map(|set| &set.changes).any(|change| !change.repeatable() && change.status != Status::Succeeded)
    {
        advice.push("It needs its secret again, which is not on record.".to_owned());
    }
    if let Some(set) = run.sets.iter().find(|set| refused(set)) {
        advice.push(format!(
            "{} was refused before anything was changed; the reason above says what to do.",
            set.words()
        ));
    }
    if run.sets.iter().any(Set::unconfirmed) {
        advice.push("IAM acknowledged every change, but a look did not show all of it yet: look again.".to_owned());
    }
    match run.not_begun() {
        0 => {}
        n => advice.push(format!("{n} of {} parameter sets were not begun: nothing was done for them.", run.asked)),
    }
    if run.state == State::Interrupted && run.sets.is_empty() {
        advice.push("No change is on record: run the action again.".to_owned());
    }
    advice
}

/// What was observed, as indented lines.
fn evidence(name: &str, seen: &Value, indent: usize, line: &mut impl FnMut(usize, &str)) {
    match seen {
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            line(indent, &format!("{name}:"));
            for item in items {
                match item {
                    Value::Object(members) if members.values().all(|value| !value.is_object() && !value.is_array()) => {
                        line(indent + 2, &format!("- {}", in_one_line(members)));
                    }
                    Value::Object(members) => {
                        line(indent + 2, "-");
                        members.iter().for_each(|(name, value)| evidence(name, value, indent + 4, line));
                    }
                    other => evidence("-", other, indent + 2, line),
                }
            }
        }
        Value::Object(members) if !members.is_empty() => {
            line(indent, &format!("{name}:"));
            members.iter().for_each(|(name, value)| evidence(name, value, indent + 2, line));
        }
        other => line(indent, &format!("{name}: {}", scalar(other))),
    }
}

/// The same with documents that are text, such as policies, as what they hold.
fn opened(seen: &Value) -> Value {
    match seen {
        Value::String(text) if text.starts_with('{') => serde_json::from_str(text).unwrap_or_else(|_| seen.clone()),
        Value::Array(items) => items.iter().map(opened).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), opened(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn in_one_line(members: &Map<String, Value>) -> String {
    members.iter().map(|(name, value)| format!("{name} {}", scalar(value))).collect::<Vec<_>>().join(", ")
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.chars().count() > LONGEST => {
            format!(
                "{}… ({} characters; --json shows all)",
                text.chars().take(LONGEST).collect::<String>(),
                text.chars().count()
            )
        }
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(scalar).collect::<Vec<_>>().join(", "),
        Value::Object(members) if members.is_empty() => "none".to_owned(),
        other => other.to_string(),
    }
}

/// An error of a call in words.
fn error(error: &Value) -> String {
    let text = |name: &str| error[name].as_str();
    let code = text("code").or(text("kind")).unwrap_or("error");
    let status = error["status"].as_u64().map_or_else(String::new, |status| format!(" (HTTP {status})"));
    format!("{code}{status}: {}", text("message").unwrap_or_default())
}

fn action(run: &Run) -> String {
    match awsiam_actions::action(&run.action) {
        Some(action) => action.name.to_owned(),
        None if run.action.is_empty() => "action not on record".to_owned(),
        None => run.action.clone(),
    }
}

fn about(run: &Run) -> String {
    let targets = run.targets();
    match targets.as_slice() {
        [] => "-".to_owned(),
        [one] => one.clone(),
        [one, other] => format!("{one}, {other}"),
        [one, rest @ ..] => format!("{one} and {} more", rest.len()),
    }
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// `2026-11-20 19:57:13 UTC`.
fn clock(at: &str) -> String {
    match at.get(..19) {
        Some(time) => format!("{} UTC", time.replace('T', " ")),
        None => "at a time not on record".to_owned(),
    }
}

/// The text without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
