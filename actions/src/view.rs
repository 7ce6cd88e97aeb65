//! A look: everything that a runbook has to know, read at once, and what its steps would change given that.
//!
//! Reads and plans; changes nothing. Refuses to take what could not be read, or was not waited for, for "none".

use crate::change::Change;
use crate::reader::Reader;
use crate::runbook::{Intent, Runbook};
use crate::step::{Look, Observation, Reach, Recalled, Sighting};
use crate::target::{Pinned, Sight, Target};
use awsiam_iam::{Error, Identity, Kind};
use futures_util::StreamExt as _;
use futures_util::future::{join, join_all, join3};
use futures_util::stream::FuturesUnordered;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::Notify;

/// A look at the target and all its things.
pub(crate) struct View {
    pub identity: Result<Identity, Error>,
    pub target: Sight,
    pub stages: Vec<Vec<Sighting>>,
    /// Whether some of it was not waited for.
    pub missed: bool,
}

impl View {
    pub fn sightings(&self) -> impl Iterator<Item = &Sighting> {
        self.stages.iter().flatten()
    }

    pub fn evidence(&self) -> Map<String, Value> {
        let mut evidence = Map::new();
        if let Sight::There(target) = &self.target
            && let Some(pinned) = &target.pinned
        {
            evidence.insert(target.principal.name().to_owned(), pinned.entity.clone());
        }
        // A step that reads nothing has nothing to tell.
        for sighting in self.sightings().filter(|sighting| sighting.reach != Reach::Nothing) {
            let seen = match &sighting.unknown {
                None => sighting.evidence.clone(),
                Some(error) => json!({ "unknown": error }),
            };
            evidence.insert(sighting.name.to_owned(), seen);
        }
        evidence
    }

    /// Whether a read that needs the target to be there found nothing under its name.
    pub fn lost(&self) -> bool {
        let mut reads = self.sightings().filter(|sighting| sighting.reach == Reach::Proves);
        reads.any(|sighting| sighting.unknown.as_ref().is_some_and(|error| error.kind == Kind::NotFound))
    }

    /// The ids of access keys that the look showed.
    pub fn access_keys(&self) -> Vec<String> {
        let keys = self.sightings().filter(|sighting| sighting.name == "access_keys");
        let listed = keys.filter_map(|sighting| sighting.evidence.as_array()).flatten();
        listed.filter_map(|key| key["AccessKeyId"].as_str()).map(str::to_owned).collect()
    }

    /// What the changes would be now, with their stages.
    pub fn plan(&self) -> Vec<(usize, Change)> {
        let stages = self.stages.iter().enumerate();
        stages
            .flat_map(|(at, steps)| {
                steps.iter().flat_map(move |step| step.changes.iter().map(move |change| (at, change.clone())))
            })
            .collect()
    }
}

/// The circumstances of a look before anything was changed.
pub(crate) fn first_look(target: Target) -> Look {
    Look {
        target,
        first: true,
        recalled: Recalled::default(),
        gone: false,
        partition: "aws".to_owned(),
        now: String::new(),
        changed_before: None,
    }
}

/// The entity that a runbook expects, where a look has shown that it is no longer under the name that it was given by.
pub(crate) async fn elsewhere(runbook: &Runbook, reader: &Reader, view: &View) -> Option<Target> {
    let (_, id) = runbook.expects.as_ref()?;
    let moved = match &view.target {
        Sight::There(target) => target.id() != Some(id),
        Sight::Missing(_) => true,
        Sight::Unknown(_) => false,
    };
    if !moved {
        return None;
    }
    let pinned = Pinned { id: id.clone(), arn: String::new(), path: String::new(), entity: Value::Null };
    let target = Target { pinned: Some(pinned), ..runbook.target.clone() };
    let found = target.locate(reader, &[]).await.ok()??;
    tracing::warn!("{} is now called {}", target.words(), found.name);
    Some(found)
}

/// Reads everything at once, then lets the steps plan with what the target and the caller turned out to be. With patience,
/// what the later stages read is waited for only so long once all else is known. `acknowledged` says when the last change
/// of each stage was.
pub(crate) async fn observe(
    runbook: &Runbook,
    reader: &Reader,
    look: &Look,
    acknowledged: &BTreeMap<usize, String>,
    patience: Option<Duration>,
) -> View {
    let (first, later) = runbook.stages.split_at(runbook.stages.len().min(1));
    let first = first.iter().map(|steps| join_all(steps.iter().map(|step| step.observe(reader, look))));
    // What is about to be created is looked for by the step that creates it.
    let target = async {
        match runbook.intent {
            Intent::Creates => Sight::Missing(Error::local(Kind::NotFound, look.target.read_by(), "to be created")),
            _ => look.target.look(reader).await,
        }
    };
    let known = Notify::new();
    let needed = async {
        let needed = join3(reader.identity(), target, join_all(first)).await;
        known.notify_one();
        needed
    };
    let enough = async {
        known.notified().await;
        match patience {
            Some(patience) => tokio::time::sleep(patience).await,
            None => std::future::pending().await,
        }
    };
    let mut waiting: FuturesUnordered<_> = later
        .iter()
        .enumerate()
        .flat_map(|(stage, steps)| steps.iter().enumerate().map(move |(at, step)| (stage, at, step)))
        .map(|(stage, at, step)| async move { ((stage, at), step.observe(reader, look).await) })
        .collect();
    let mut read = HashMap::new();
    let later_reads = async {
        let mut enough = pin!(enough);
        loop {
            tokio::select! {
                biased;
                one = waiting.next() => match one {
                    Some((place, observation)) => drop(read.insert(place, observation)),
                    None => break,
                },
                () = &mut enough => break,
            }
        }
    };
    let (later_reads, (identity, target, mut observed)) = join(later_reads, needed).await;
    let () = later_reads;
    drop(waiting);
    let mut missed = false;
    for (stage, steps) in later.iter().enumerate() {
        let of_stage = steps.iter().enumerate().map(|(at, step)| {
            read.remove(&(stage, at)).unwrap_or_else(|| {
                missed = true;
                let message = "not waited for any longer: containment comes first";
                step.missed(Error::local(Kind::TimeOut, step.evidence_name(), message))
            })
        });
        observed.push(of_stage.collect());
    }
    let mut look = look.clone();
    look.now = reader.server_time();
    if let Sight::There(found) = &target {
        look.target = (**found).clone();
    }
    let of_target = look.target.pinned.as_ref().and_then(|pinned| pinned.arn.split(':').nth(1)).map(str::to_owned);
    let partition = identity.as_ref().ok().map(|identity| identity.partition.clone()).or(of_target);
    look.partition = partition.unwrap_or_else(|| look.partition.clone());
    let plan = |(stage, steps): (usize, Vec<Observation<'_>>)| {
        let changed_before = acknowledged.range(..stage).map(|(_, at)| at.clone()).max();
        let look = Look { changed_before, ..look.clone() };
        steps.into_iter().map(|plan| plan(&look)).collect()
    };
    View { identity, stages: observed.into_iter().enumerate().map(plan).collect(), target, missed }
}

/// What could not be read of evidence, by its place.
pub(crate) fn unknowns(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(error) = map.get("unknown") {
                let what =
                    map.get("PolicyName").and_then(Value::as_str).map_or(String::new(), |name| format!(" {name}"));
                let why = error["message"].as_str().or_else(|| error["kind"].as_str()).unwrap_or("unknown");
                found.push(format!("{}{what} ({why})", at.replace('_', " ")));
            } else {
                for (name, value) in map {
                    unknowns(value, name, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| unknowns(item, at, found)),
        _ => {}
    }
}
