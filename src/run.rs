//! request → actions → result, parameter set by parameter set.
//!
//! Knows no action by name. Each set has its own deadline and its own result; one that fails does not stop the others.

use crate::asset::{Asset, by_reference};
use crate::history;
use crate::journal::{Journal, OfSet};
use crate::request::Request;
use crate::result::{Document, Item};
use crate::secret_sink::{self, SecretSink};
use crate::session_credentials;
use awsiam_actions::Action;
use awsiam_actions::action::{Kind, Of, Run};
use awsiam_actions::execute::{Context, Stop, execute, unless_stopped};
use awsiam_actions::guard;
use awsiam_actions::operations;
use awsiam_actions::outcome::{Failure, Outcome};
use awsiam_actions::parameters::Parameters;
use awsiam_actions::reader::Reader;
use awsiam_actions::record::Recorder as _;
use awsiam_actions::target::Target;
use awsiam_iam::credentials::{Keys, Settings, Source};
use awsiam_iam::{Client, Origin, timestamp};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::path::Path;
use std::time::SystemTime;
use tokio::time::Instant;

/// How to run, beside what the request and the asset say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Show plans instead of carrying them out, for every parameter set.
    pub dry_run: bool,
}

/// Runs a request to its result.
pub async fn run(request: &Request, asset: &Asset, options: Options, stop: &Stop) -> Document {
    let action = request.action;
    let identifier = action.identifier;
    // Which operation the general form is about, each set says for itself.
    let general = matches!(action.run, Run::Operation(None));
    if let Err(message) = permitted(action, asset, general) {
        return Document::refused(identifier, Some(action), &request.sets, &message);
    }
    let journal = Journal::new(asset.state_dir.clone(), asset.require_journal).keeping(asset.retention);
    let mut items = vec![];
    let mut origin = Origin::default();
    let mut of_asset: Option<(Settings, Client)> = None;
    let mut no_credentials = None;
    for (index, set) in request.sets.iter().enumerate() {
        if *stop.borrow() {
            items.push(Item::cancelled(action, set));
            continue;
        }
        let prepared = operations::resolve(action, set).and_then(|(meant, own)| {
            if general && !allows(asset, action) {
                permitted(meant, asset, false)?;
            } else {
                changes_allowed(meant, asset)?;
            }
            let own = referenced(meant, own)?;
            let parameters = Parameters::validate(meant, &own).map_err(|wrong| wrong.join(". "))?;
            let keys: Option<Keys> = parameters.secret("credentials").map(session_credentials::parse).transpose()?;
            let mut parameters = parameters;
            let of_run = recall_runs(meant, asset, &mut parameters)?;
            Ok((meant, parameters, keys, of_run))
        });
        let (meant, mut parameters, keys, of_run) = match prepared {
            Ok(prepared) => prepared,
            Err(message) => {
                items.push(Item::invalid(Some(action), set, message));
                continue;
            }
        };
        parameters.dry_run |= options.dry_run;
        let own = keys.is_some();
        let (settings, client) = match (&of_asset, asset.settings_for(keys)) {
            (Some(known), Ok(_)) if !own => known.clone(),
            (_, Ok(settings)) => {
                let client = Client::connect(&settings, &asset.transport).await;
                if !own {
                    of_asset = Some((settings.clone(), client.clone()));
                }
                (settings, client)
            }
            (_, Err(message)) => {
                no_credentials = Some(message.clone());
                items.push(Item::invalid(Some(action), set, message));
                continue;
            }
        };
        let client = client.until(Instant::now() + asset.time_out);
        let entries = journal.for_set(index);
        let item =
            run_set((meant, request), asset, (set, &parameters, of_run), (&settings, &client), entries, stop).await;
        merge(&mut origin, client.origin());
        items.push(item);
    }
    journal.close();
    match no_credentials {
        Some(message) if items.iter().all(|item| item.invalid) => {
            Document::refused(identifier, Some(action), &request.sets, &message)
        }
        _ => Document::of(identifier, items, &origin),
    }
}

/// Puts the records of runs in the place of their ids. The id of the run that the action is about, if it is about one.
fn recall_runs(action: &Action, asset: &Asset, parameters: &mut Parameters) -> Result<Option<String>, String> {
    let mut of_run = None;
    for parameter in action.parameters.iter().filter(|parameter| parameter.of == Of::Record) {
        let Some(text) = parameters.given(parameter.name).map(str::to_owned) else { continue };
        if text.trim_start().starts_with('{') {
            let record: Value = serde_json::from_str(&text).unwrap_or_default();
            let places = ["/run_id", "/sets/0/run_id", "/result_data/0/extra_data/0/run_id"];
            of_run = places.iter().find_map(|place| record.pointer(place)?.as_str()).map(str::to_owned);
            continue;
        }
        let dir = asset
            .state_dir
            .as_deref()
            .ok_or("There is no state folder in which runs are written down; set state_dir")?;
        let run = history::find(dir, &text)?;
        if run.state == history::State::UnderWay {
            return Err(format!("Run {} is still under way", run.id));
        }
        parameters.set_record(parameter.name, record(dir, &run).to_string());
        of_run = Some(run.id);
    }
    Ok(of_run)
}

/// What is on record of a run, set by set, with the later run that contained the same target and was not itself undone,
/// if there is one.
fn record(dir: &Path, run: &history::Run) -> Value {
    let contains = |action: &str| awsiam_actions::action(action).is_some_and(|action| action.kind == Kind::Contain);
    let later = history::list(dir, None, usize::MAX).unwrap_or_default();
    let later: Vec<_> = later.into_iter().filter(|other| other.id > run.id).collect();
    let about = |other: &history::Run, set: &history::Set| -> bool {
        let mut same = other.sets.iter().filter(|other| other.target["id"] == set.target["id"]);
        same.any(|same| same.changes.iter().any(|change| change.status == history::Status::Succeeded))
    };
    let undone = |other: &history::Run, set: &history::Set| {
        let mut undoing = later.iter().filter(|undo| undo.of_run.as_deref() == Some(&other.id) && undo.id > other.id);
        undoing.any(|undo| {
            let mut same = undo.sets.iter().filter(|of| of.target["id"] == set.target["id"]);
            same.any(|of| of.ended && of.failure().is_none())
        })
    };
    let sets = run.sets.iter().map(|set| {
        let mut closing = later.iter().filter(|other| contains(&other.action) && about(other, set));
        let by = closing.find(|other| !undone(other, set)).map(|other| other.id.clone());
        let changes = set.changes.iter().map(|change| {
            let mut entry = Value::Object(change.entry.clone());
            entry["status"] = json!(change.status);
            entry
        });
        json!({
            "run_id": run.id,
            "target": set.target,
            "observed": set.observed,
            "changes": changes.collect::<Vec<_>>(),
            "contained_later_by": by,
        })
    });
    json!({ "sets": sets.collect::<Vec<_>>() })
}

/// Whether the asset names the action among those that it allows.
fn allows(asset: &Asset, action: &Action) -> bool {
    let names = [action.name, action.identifier];
    let allowed = &asset.allowed_actions;
    allowed.is_empty() || allowed.iter().any(|pattern| names.iter().any(|name| guard::matches(pattern, name)))
}

/// Whether the asset allows the action at all; of the general form, whether it may allow any operation.
fn permitted(action: &Action, asset: &Asset, general: bool) -> Result<(), String> {
    let allowed = &asset.allowed_actions;
    let some = general && allowed.iter().any(|pattern| pattern.starts_with(operations::PREFIX));
    if !some && !allows(asset, action) {
        return Err(format!(
            "The asset does not allow action {:?}; its allowed_actions are {}",
            action.name,
            allowed.join(", ")
        ));
    }
    if general { Ok(()) } else { changes_allowed(action, asset) }
}

fn changes_allowed(action: &Action, asset: &Asset) -> Result<(), String> {
    if asset.read_only && !action.read_only() {
        return Err(format!(
            "The asset is read_only, but action {:?} makes changes. Use another asset, or set read_only to false",
            action.name
        ));
    }
    Ok(())
}

/// A parameter set with the texts in place of their references.
fn referenced<'a>(
    action: &Action,
    mut set: Cow<'a, Map<String, Value>>,
) -> Result<Cow<'a, Map<String, Value>>, String> {
    for parameter in action.parameters.iter().filter(|parameter| operations::by_reference(parameter.of)) {
        if let Some(Value::Object(reference)) = set.get(parameter.name) {
            let text =
                by_reference(reference).map_err(|problem| format!("Parameter {:?} {problem}", parameter.name))?;
            set.to_mut().insert(parameter.name.to_owned(), text.into());
        }
    }
    Ok(set)
}

async fn run_set(
    (meant, request): (&'static Action, &Request),
    asset: &Asset,
    (set, parameters, of_run): (&Map<String, Value>, &Parameters, Option<String>),
    (settings, client): (&Settings, &Client),
    journal: OfSet<'_>,
    stop: &Stop,
) -> Item {
    let action = request.action;
    let mut rules = asset.rules.clone();
    let entry = format!("{}-{}", journal.run_id(), journal.index());
    let mut sink = match sink(meant, parameters, asset) {
        Ok(sink) => sink,
        Err(failure) => {
            let record = failure_record(&Err(failure.clone()));
            return Item::of(action, set, Err(failure), record);
        }
    };
    // The asset's own key stays its own where a parameter set brings other credentials.
    let base = asset.settings.as_ref().map(|settings| &settings.source);
    for source in [base, Some(&settings.source)].into_iter().flatten() {
        if let Source::Keys(keys) = source
            && !rules.own_keys.contains(&keys.access_key_id)
        {
            rules.own_keys.push(keys.access_key_id.clone());
        }
    }
    rules.own_role_arn =
        asset.settings.as_ref().and_then(|settings| settings.assume.as_ref()).map(|role| role.role_arn.clone());
    rules.indirect = settings.assume.is_some() || rules.own_keys.len() > 1;
    let (mut outcome, mut record) = if meant.read_only() {
        let source = match &settings.assume {
            Some(role) => format!("role {} assumed with {}", role.role_arn, settings.source),
            None => settings.source.to_string(),
        };
        let reader = Reader::new(client, source);
        let outcome = unless_stopped(stop, async {
            if rules.account_id.is_some() {
                guard::account(&rules, &Target::user(""), &reader.identity().await)?;
            }
            look_up(meant, parameters, &reader).await
        })
        .await
        .unwrap_or_else(|| Err(Failure::Cancelled("Cancelled.".to_owned())));
        let record = failure_record(&outcome);
        (outcome, record)
    } else {
        let runbook = match &meant.run {
            Run::Runbook(plan) => plan(parameters),
            Run::Operation(Some(operation)) => operations::runbook(operation, parameters),
            // Neither is what a set is resolved to, nor does it change anything.
            Run::Operation(None) | Run::Lookup(_) | Run::Wait(_) => {
                let failure = Failure::Invalid(format!("Action {:?} is not for a runbook", meant.name));
                return Item::of(action, set, Err(failure.clone()), failure_record(&Err(failure)));
            }
        };
        let dry_run = parameters.dry_run;
        if !dry_run {
            let begun = json!({
                "event": "begun",
                "action": meant.identifier,
                "target": { "kind": runbook.target().principal.name(), "name": runbook.target().given },
                "of_run": of_run,
                "sets": request.sets.len(),
                "version": env!("CARGO_PKG_VERSION"),
                "at": timestamp(SystemTime::now()),
            });
            if let Err(message) = journal.record(begun, false) {
                let failure = Failure::Refused { rule: "require_journal", message };
                let record = failure_record(&Err(failure.clone()));
                return Item::of(action, set, Err(failure), record);
            }
        }
        let context = Context {
            action: meant.identifier,
            client,
            rules: &rules,
            recorder: &journal,
            pause: asset.propagation_pause,
            stop,
            dry_run,
        };
        let conclusion = execute(&runbook, context).await;
        (conclusion.outcome, conclusion.record)
    };
    if let Ok(done) = &mut outcome
        && !done.secrets.is_empty()
    {
        match &mut sink {
            Some(sink) => {
                if let Err(failure) = sink.take(&entry, meant.name, done) {
                    outcome = Err(failure);
                }
            }
            None => secret_sink::into_data(done),
        }
    }
    name_place(&mut record, &outcome, client, settings);
    Item::of(action, set, outcome, record)
}

async fn look_up(action: &Action, parameters: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    match action.run {
        Run::Lookup(lookup) => lookup(parameters, reader).await,
        Run::Operation(Some(operation)) => operations::read(operation, parameters, reader).await,
        Run::Wait(operation) => operations::wait(operation, parameters, reader).await,
        Run::Operation(None) | Run::Runbook(_) => {
            Err(Failure::Invalid(format!("Action {:?} is not a lookup", action.name)))
        }
    }
}

/// Where the secrets that a call is going to bring shall go: opened before the call, since they cannot be had again.
fn sink<'a>(action: &Action, parameters: &Parameters, asset: &'a Asset) -> Result<Option<SecretSink<'a>>, Failure> {
    let brings = match action.run {
        Run::Operation(Some(operation)) => !operation.returned_secrets().is_empty(),
        _ => false,
    };
    if !brings || parameters.flag("return_secret") {
        return Ok(None);
    }
    let Some(path) = &asset.secret_sink else {
        return Err(Failure::refused(
            "no_secret_sink",
            format!(
                "{} brings a secret that cannot be had again, and there is no place for it. Nothing was changed. Set secret_sink in the asset to a file, or give return_secret true to have it in the data.",
                action.name
            ),
        ));
    };
    SecretSink::open(path).map(Some).map_err(|problem| {
        Failure::refused(
            "no_secret_sink",
            format!("{problem}. Nothing was changed. Mend it, then run the action again."),
        )
    })
}

fn failure_record(outcome: &Result<Outcome, Failure>) -> Value {
    match outcome {
        Ok(_) => json!({}),
        Err(failure) => json!({ "failure": failure.described() }),
    }
}

/// Says in the record what was acted on: account, partition, and the endpoint where it is not AWS's own.
fn name_place(record: &mut Value, outcome: &Result<Outcome, Failure>, client: &Client, settings: &Settings) {
    let from_caller = record["caller"]["account"].as_str().map(str::to_owned);
    let in_data = || outcome.as_ref().ok().and_then(|outcome| outcome.data.iter().find_map(account_in));
    let account = from_caller.or_else(|| account_in(record)).or_else(in_data);
    record["account"] = account.into();
    record["partition"] = record["caller"]["partition"].as_str().unwrap_or(settings.region.partition()).into();
    let origin = client.origin();
    if !origin.endpoints.is_empty() {
        record["endpoints"] = json!(origin.endpoints);
    }
    if origin.sandbox {
        record["sandbox"] = true.into();
    }
    if let Some(seconds) = origin.clock_ahead {
        record["clock_ahead_seconds"] = seconds.into();
    }
}

/// The account of the first ARN in a value that has one.
fn account_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let mut parts = text.strip_prefix("arn:")?.split(':').skip(1);
            let (service, _, account) = (parts.next()?, parts.next()?, parts.next()?);
            let numbered = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
            (matches!(service, "iam" | "sts") && numbered).then(|| account.to_owned())
        }
        Value::Array(items) => items.iter().find_map(account_in),
        Value::Object(map) => map.iter().filter(|(name, _)| *name != "Tags").find_map(|(_, value)| account_in(value)),
        _ => None,
    }
}

fn merge(whole: &mut Origin, part: Origin) {
    for endpoint in part.endpoints {
        if !whole.endpoints.contains(&endpoint) {
            whole.endpoints.push(endpoint);
        }
    }
    whole.sandbox |= part.sandbox;
}
