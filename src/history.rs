//! Reads journals back: what a run did, what it did not, and what is unknown.
//!
//! A run may have been killed at any instant, so a file may end anywhere, also in the middle of a line. Refuses to guess:
//! what was started and has no end on record is unknown, neither done nor failed. Writes nothing.

use crate::journal;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fs::{File, TryLockError};
use std::io::{self, Read as _};
use std::path::Path;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It came to its end, whatever became of its changes.
    Ended,
    /// It was killed, or its machine went down.
    Interrupted,
    /// It holds its journal still.
    UnderWay,
}

/// How far a change got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// IAM acknowledged it, or a look showed it.
    Succeeded,
    /// IAM refused it.
    Failed,
    /// It may or may not have been carried out.
    Unknown,
    /// It was not tried, because of another change or a stop.
    Skipped,
    /// It was planned, and the run ended before it was started.
    NotDone,
    /// It succeeded, and was taken back because a later change failed.
    TakenBack,
    /// A quota was used up for it, and something else was done in its place.
    Replaced,
    /// It is planned, by a run under way.
    Planned,
    /// It is being made, by a run under way.
    Started,
}

impl Status {
    const ALL: [Self; 9] = [
        Self::Succeeded,
        Self::Failed,
        Self::Unknown,
        Self::Skipped,
        Self::NotDone,
        Self::TakenBack,
        Self::Replaced,
        Self::Planned,
        Self::Started,
    ];

    /// The word for programs, as it stands in journals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
            Self::NotDone => "not_done",
            Self::TakenBack => "taken_back",
            Self::Replaced => "replaced",
            Self::Planned => "planned",
            Self::Started => "started",
        }
    }

    /// The word for humans.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Succeeded => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped | Self::NotDone => "not done",
            Self::TakenBack => "taken back",
            Self::Replaced => "replaced (quota)",
            Self::Planned => "to be done",
            Self::Started => "under way",
        }
    }

    fn of(name: &Value) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *name == status.name())
    }
}

/// A change of a run, as far as it got.
#[derive(Debug, Clone)]
pub struct Change {
    /// How far it got.
    pub status: Status,
    /// All that is on record about it.
    pub entry: Map<String, Value>,
}

impl Change {
    /// A text that is on record about it, or nothing.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.entry.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The request id of the answer, also of a refusal.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        let of_error = || self.entry.get("error").map(|error| &error["request_id"]);
        self.entry.get("request_id").or_else(of_error).and_then(Value::as_str)
    }

    /// Whether making it again needs something that is not on record: a secret.
    #[must_use]
    pub fn repeatable(&self) -> bool {
        self.entry.get("repeatable") != Some(&Value::Bool(false))
    }

    fn is(&self, entry: &Map<String, Value>) -> bool {
        ["operation", "about"].iter().all(|name| self.entry.get(*name) == entry.get(*name))
    }

    fn told(&self) -> Value {
        let mut told = Value::Object(self.entry.clone());
        told["status"] = json!(self.status);
        told
    }
}

/// One parameter set of a run.
#[derive(Debug, Default)]
pub struct Set {
    /// Its index in the request, from 0.
    pub index: u64,
    /// What it is about: kind and name, and once it was seen, id and ARN.
    pub target: Value,
    /// What was seen before it was changed.
    pub observed: Map<String, Value>,
    /// The changes, in the order in which they were planned.
    pub changes: Vec<Change>,
    /// Whether it came to its end.
    pub ended: bool,
    /// The last entry of a set that ended: whether the wanted state was seen, the failure, notes.
    pub end: Map<String, Value>,
}

impl Set {
    /// The target in words: `user alice`.
    #[must_use]
    pub fn words(&self) -> String {
        format!(
            "{} {}",
            self.target["kind"].as_str().unwrap_or_default(),
            self.target["name"].as_str().unwrap_or_default()
        )
    }

    /// Why it failed, if it ended so.
    #[must_use]
    pub fn failure(&self) -> Option<&Value> {
        self.end.get("failure")
    }

    /// Whether IAM acknowledged everything, but a look has not shown it.
    #[must_use]
    pub fn unconfirmed(&self) -> bool {
        self.end.get("verified").is_some_and(|verified| verified["state"] == "unconfirmed")
    }

    fn is_about(&self, name: &str) -> bool {
        ["name", "given", "id", "arn"].iter().any(|key| {
            // IAM tells names apart without regard to case.
            self.target[*key].as_str().is_some_and(|value| value.eq_ignore_ascii_case(name))
        })
    }

    /// Takes in what is on record about a change.
    fn put(&mut self, status: Status, entry: &Map<String, Value>) {
        let mut entry = entry.clone();
        entry.retain(|name, _| !["event", "run_id", "set", "status"].contains(&name.as_str()));
        match self.changes.iter_mut().find(|change| change.is(&entry)) {
            // A later plan does not tell how the change ended, and an acknowledgement is not forgotten.
            Some(_) if status == Status::Planned => {}
            Some(change) if change.status == Status::Succeeded && status == Status::Skipped => {}
            Some(change) => {
                // What an attempt before this one left would be taken for this one's.
                for name in ["error", "note"] {
                    change.entry.remove(name);
                }
                change.entry.extend(entry);
                change.status = status;
            }
            None => self.changes.push(Change { status, entry }),
        }
    }

    /// Takes in an entry of the journal.
    fn take(&mut self, event: &str, entry: &Map<String, Value>) {
        if let Some(target) = entry.get("target") {
            self.target = target.clone();
        }
        if let Some(Value::Object(observed)) = entry.get("observed") {
            self.observed.extend(observed.clone());
        }
        let changes = entry.get("changes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
        match event {
            "planned" => changes.for_each(|change| self.put(Status::Planned, change)),
            "ended" => {
                // The last word: later looks have settled what single entries left open.
                for change in changes {
                    let status = change.get("status").and_then(Status::of).unwrap_or(Status::Unknown);
                    self.put(status, change);
                }
                self.ended = true;
                self.end.clone_from(entry);
            }
            "started" => self.put(Status::Started, entry),
            event => {
                if let Some(status) = Status::of(&event.into()) {
                    self.put(status, entry);
                }
            }
        }
    }

    /// Nothing more is going to happen: what has no end on record is settled as far as it can be.
    fn settle(&mut self, complete: bool) {
        for change in &mut self.changes {
            change.status = match change.status {
                Status::Planned if complete => Status::NotDone,
                Status::Planned | Status::Started => Status::Unknown,
                status => status,
            };
        }
    }

    fn told(&self) -> Value {
        let mut told = json!({
            "set": self.index,
            "target": self.target,
            "ended": self.ended,
            "observed": self.observed,
            "changes": self.changes.iter().map(Change::told).collect::<Vec<_>>(),
        });
        for name in ["verified", "failure", "notes", "caller"] {
            if let Some(value) = self.end.get(name) {
                told[name] = value.clone();
            }
        }
        told
    }
}

/// A run, as its journal tells of it.
#[derive(Debug)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// When it began, in UTC.
    pub at: String,
    /// When the last entry was made.
    pub last_at: String,
    /// The action's identifier.
    pub action: String,
    /// The earlier run that it is about, where there is one.
    pub of_run: Option<String>,
    /// Where it is.
    pub state: State,
    /// The parameter sets that were begun.
    pub sets: Vec<Set>,
    /// How many parameter sets the request had.
    pub asked: u64,
    /// What is wrong with the journal itself.
    pub trouble: Vec<String>,
}

impl Run {
    /// What it was about: `user alice`.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        let mut targets: Vec<String> = vec![];
        for words in self.sets.iter().map(Set::words) {
            if !targets.contains(&words) {
                targets.push(words);
            }
        }
        targets
    }

    /// Every change with the set that it belongs to.
    pub fn changes(&self) -> impl Iterator<Item = (&Set, &Change)> {
        self.sets.iter().flat_map(|set| set.changes.iter().map(move |change| (set, change)))
    }

    /// How many changes have this status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.changes().filter(|(_, change)| change.status == status).count()
    }

    /// How many parameter sets were asked for and not begun.
    #[must_use]
    pub fn not_begun(&self) -> u64 {
        self.asked.saturating_sub(u64::try_from(self.sets.len()).unwrap_or(u64::MAX))
    }

    /// What became of it, in words: `failed: 1 of 3`.
    #[must_use]
    pub fn outcome(&self) -> String {
        let all = self.changes().count() - self.count(Status::Replaced);
        let done = self.count(Status::Succeeded);
        let not_done = self.count(Status::NotDone) + self.count(Status::Skipped);
        let mut parts = vec![];
        for (count, words) in [
            (self.count(Status::Failed), "failed"),
            (self.count(Status::Unknown), "unknown"),
            (not_done, "not done"),
            (self.count(Status::TakenBack), "taken back"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {words}"));
            }
        }
        let failure = self.sets.iter().find_map(|set| set.failure()).map(|failure| failure["kind"].as_str());
        let how = match (self.state, failure.flatten()) {
            (State::UnderWay, _) => {
                parts.insert(0, format!("{done} of {all} done"));
                "under way"
            }
            (State::Interrupted, _) => "interrupted",
            (State::Ended, Some("cancelled")) => "cancelled",
            (State::Ended, Some("refused")) => "refused",
            (State::Ended, Some(_)) => "failed",
            (State::Ended, None) if parts.is_empty() => "done",
            (State::Ended, None) => "ended",
        };
        if how == "failed" && self.count(Status::Failed) > 0 {
            parts[0] = format!("{} of {all}", self.count(Status::Failed));
        }
        if parts.is_empty() {
            parts.push(match (how, all) {
                ("done", 0) => "nothing had to be changed".to_owned(),
                ("done", _) if self.sets.iter().any(Set::unconfirmed) => "unconfirmed".to_owned(),
                ("done", _) => String::new(),
                (_, 0) => "no change on record".to_owned(),
                (_, _) => format!("all {all} done, not looked at again"),
            });
        }
        match self.not_begun() {
            0 => {}
            n if self.state == State::UnderWay => parts.push(format!("{n} of {} parameter sets to come", self.asked)),
            n => parts.push(format!("{n} of {} parameter sets not begun", self.asked)),
        }
        parts.retain(|part| !part.is_empty());
        if parts.is_empty() { how.to_owned() } else { format!("{how}: {}", parts.join(", ")) }
    }

    /// The run in short, for programs.
    #[must_use]
    pub fn summary(&self) -> Value {
        let counts = Status::ALL.into_iter().map(|status| (status, self.count(status))).filter(|(_, count)| *count > 0);
        let counts: Map<_, _> = counts.map(|(status, count)| (status.name().to_owned(), count.into())).collect();
        json!({
            "id": self.id,
            "at": self.at,
            "action": self.action,
            "targets": self.targets(),
            "state": self.state,
            "outcome": self.outcome(),
            "changes": counts,
        })
    }

    /// All of the run, for programs.
    #[must_use]
    pub fn told(&self) -> Value {
        let mut told = self.summary();
        told["last_at"] = self.last_at.clone().into();
        told["asked"] = self.asked.into();
        told["not_begun"] = self.not_begun().into();
        told["sets"] = self.sets.iter().map(Set::told).collect();
        told["trouble"] = json!(self.trouble);
        told
    }
}

/// The ids of the runs that left a journal in a state folder, newest first. A folder that is not there has none.
///
/// # Errors
/// The folder cannot be read.
pub fn ids(state_dir: &Path) -> io::Result<Vec<String>> {
    let mut ids = vec![];
    let entries = match std::fs::read_dir(journal::folder(state_dir)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ids),
        Err(error) => return Err(error),
    };
    for entry in entries {
        ids.extend(entry?.file_name().to_str().and_then(|name| name.strip_suffix(".jsonl")).map(str::to_owned));
    }
    ids.sort_unstable_by(|one, other| other.cmp(one));
    Ok(ids)
}

/// The newest runs, of those that are about this name if one is given.
///
/// # Errors
/// The folder cannot be read. A single journal that cannot is left out, with a word on stderr.
pub fn list(state_dir: &Path, target: Option<&str>, limit: usize) -> io::Result<Vec<Run>> {
    let runs = ids(state_dir)?.into_iter().filter_map(|id| match read(state_dir, &id) {
        Ok(run) => Some(run),
        // It was removed just now: its time was over.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!("The journal of run {id} cannot be read: {error}");
            None
        }
    });
    let wanted = runs.filter(|run| target.is_none_or(|name| run.sets.iter().any(|set| set.is_about(name))));
    Ok(wanted.take(limit).collect())
}

/// The run with this id, or with the only id that begins so.
///
/// # Errors
/// There is no such run, or more than one; or its journal cannot be read.
pub fn find(state_dir: &Path, id: &str) -> Result<Run, String> {
    let shown = journal::folder(state_dir).display().to_string();
    let ids = ids(state_dir).map_err(|error| format!("The journals in {shown} cannot be read: {error}"))?;
    let found: Vec<&String> = match ids.iter().find(|known| *known == id) {
        Some(exact) => vec![exact],
        None => ids.iter().filter(|known| known.starts_with(id)).collect(),
    };
    match found.as_slice() {
        [only] => read(state_dir, only).map_err(|error| format!("The journal of run {only} cannot be read: {error}")),
        [] => Err(format!("There is no run {id} in {shown}; `awsiam runs` lists those that there are")),
        [one, other, ..] => {
            Err(format!("{} runs in {shown} begin with {id}: {one}, {other}, …; give more of the id", found.len()))
        }
    }
}

/// Reads the journal of a run.
///
/// # Errors
/// The file cannot be read.
pub fn read(state_dir: &Path, id: &str) -> io::Result<Run> {
    let mut file = File::open(journal::folder(state_dir).join(format!("{id}.jsonl")))?;
    let mut trouble = vec![];
    // The lock first: a run that ends while its journal is being read is then still told as under way, and not as
    // interrupted.
    let live = match file.try_lock_shared() {
        Ok(()) => {
            file.unlock()?;
            false
        }
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(error)) => {
            trouble.push(format!("whether the run is still under way cannot be told here: {error}"));
            false
        }
    };
    let mut text = vec![];
    file.read_to_end(&mut text)?;
    Ok(parse(id, &text, live, trouble))
}

fn parse(id: &str, text: &[u8], live: bool, mut trouble: Vec<String>) -> Run {
    let mut run = Run {
        id: id.to_owned(),
        at: time_of(id),
        last_at: time_of(id),
        action: String::new(),
        of_run: None,
        state: State::Interrupted,
        sets: vec![],
        asked: 0,
        trouble: vec![],
    };
    let (mut closed, mut complete) = (false, true);
    let last = text.split(|byte| *byte == b'\n').count();
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let Ok(entry) = serde_json::from_slice::<Map<String, Value>>(line) else {
            match number + 1 == last {
                true if live => {}
                true => trouble.push("the last line was cut off in the middle and is left out".to_owned()),
                false => trouble.push(format!("line {} is damaged and is left out", number + 1)),
            }
            continue;
        };
        let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        let event = text("event").unwrap_or_default();
        if let Some(at) = text("at") {
            run.last_at = at;
        }
        if event == "closed" {
            closed = true;
            if let Some(why) = text("trouble") {
                complete = false;
                trouble.push(why);
            }
            continue;
        }
        if event == "begun" && run.action.is_empty() {
            run.action = text("action").unwrap_or_default();
            run.of_run = text("of_run");
            run.at.clone_from(&run.last_at);
            run.asked = entry.get("sets").and_then(Value::as_u64).unwrap_or_default();
        }
        let index = entry.get("set").and_then(Value::as_u64).unwrap_or_default();
        let at = run.sets.iter().position(|set| set.index == index).unwrap_or_else(|| {
            run.sets.push(Set { index, ..Set::default() });
            run.sets.len() - 1
        });
        run.sets[at].take(&event, &entry);
    }
    run.sets.sort_by_key(|set| set.index);
    let all_ended = run.asked > 0 && run.not_begun() == 0 && run.sets.iter().all(|set| set.ended);
    run.state = match (closed || all_ended, live) {
        (true, _) => State::Ended,
        (false, true) => State::UnderWay,
        (false, false) => State::Interrupted,
    };
    for set in &mut run.sets {
        if set.ended || run.state != State::UnderWay {
            set.settle(set.ended || complete);
        }
    }
    run.trouble = trouble;
    run
}

/// The time that an id begins with, `20261120T195713Z-f7d6176b`, as a time.
fn time_of(id: &str) -> String {
    match (id.get(..4), id.get(4..6), id.get(6..8), id.get(9..11), id.get(11..13), id.get(13..15)) {
        (Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)) => {
            format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")
        }
        _ => String::new(),
    }
}
