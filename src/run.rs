//! request → actions → result, parameter set by parameter set.
//!
//! Knows no action by name. Each set has its own deadline and its own result; one that fails does not stop the others.

use crate::asset::{Asset, Place, by_reference};
use crate::history;
use crate::journal::{Journal, OfSet};
use crate::progress::Progress;
use crate::request::Request;
use crate::result::{Document, Item, Status, Tally};
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
use awsiam_actions::runbook::Runbook;
use awsiam_actions::target::Target;
use awsiam_actions::undo;
use awsiam_iam::credentials::{Keys, Settings, Source};
use awsiam_iam::{Client, Origin, timestamp};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::time::SystemTime;
use tokio::time::Instant;

/// How to run, beside what the request and the asset say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Show plans instead of carrying them out, for every parameter set.
    pub dry_run: bool,
    /// Begin no further parameter set once one has failed.
    pub fail_fast: bool,
}

/// Takes the result of a parameter set, with its index in the request, as soon as it is there.
pub type Each<'a> = &'a mut dyn FnMut(usize, Item);

/// A parameter set that is fit to be run.
struct Work<'a> {
    index: usize,
    set: &'a Map<String, Value>,
    /// The action; of the general form, the operation that the set names.
    meant: &'static Action,
    parameters: Parameters,
    /// Whether the set brings credentials of its own.
    own: bool,
    settings: Settings,
    account: Option<String>,
    /// The earlier run that it is about.
    of_run: Option<String>,
    /// What it changes: sets about the same are worked on one after the other.
    about: Option<About>,
}

/// What a parameter set changes, as far as that is known before any call.
#[derive(Debug, Clone, PartialEq, Eq)]
struct About {
    account: Option<String>,
    kind: &'static str,
    /// Its name, or the access key whose owner it is.
    name: Result<String, String>,
}

impl About {
    fn of(target: &Target, account: Option<String>) -> Self {
        // Some calls have the ARN of what others name.
        let bare = |name: &str| {
            let name = if name.starts_with("arn:") { name.rsplit('/').next().unwrap_or(name) } else { name };
            name.to_lowercase()
        };
        let name = target.owner_of.as_deref().map_or_else(|| Ok(bare(&target.given)), |key| Err(key.to_owned()));
        Self { account, kind: target.principal.name(), name }
    }

    /// Whether both may be about the same.
    fn may_be(&self, other: &Self) -> bool {
        let account = match (&self.account, &other.account) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        // Whose a key is shows only later.
        let name = self.name == other.name || self.name.is_ok() != other.name.is_ok();
        account && self.kind == other.kind && name
    }
}

/// Runs a request to its result. Where `each` takes the results, the document comes without them.
pub async fn run(
    request: &Request,
    asset: &Asset,
    options: Options,
    stop: &Stop,
    mut each: Option<Each<'_>>,
) -> Document {
    let action = request.action;
    let identifier = action.identifier;
    // Which operation the general form is about, each set says for itself.
    let general = matches!(action.run, Run::Operation(None));
    if let Err(message) = permitted(action, asset, general) {
        return Document::refused(identifier, Some(action), &request.sets, &message);
    }
    let count = request.sets.len();
    let journal = Journal::new(asset.state_dir.clone(), asset.require_journal)
        .keeping(asset.retention)
        .forgetful_if(asset.in_memory);
    let clients = Clients::default();
    let mut items: Vec<Option<Item>> = vec![];
    items.resize_with(if each.is_some() { 0 } else { count }, || None);
    let (mut tally, mut origin, mut progress) = (Tally::default(), Origin::default(), Progress::of(count));
    let mut done = |index: usize, item: Item| {
        tally.count(&item);
        progress.tell(&item);
        match &mut each {
            Some(each) => each(index, item),
            None => items[index] = Some(item),
        }
    };
    let (mut waiting, mut no_credentials, mut other_problems) = (VecDeque::new(), None, false);
    let mut failed = false;
    for (index, set) in request.sets.iter().enumerate() {
        match prepare(action, asset, (index, set), options) {
            Ok(work) => waiting.push_back(work),
            Err(problem) => {
                if let Problem::NoCredentials(message) = &problem {
                    no_credentials = Some(message.clone());
                } else {
                    other_problems = true;
                }
                failed = true;
                done(index, Item::invalid(Some(action), set, problem.message()));
            }
        }
    }
    let mut busy: Vec<About> = vec![];
    let mut under_way = FuturesUnordered::new();
    loop {
        // While IAM throttles, what is begun should come to its end within its time before more is begun.
        while under_way.len() < asset.max_concurrency
            && (under_way.is_empty() || !clients.crowded().await)
            && !*stop.borrow()
            && !(failed && options.fail_fast)
        {
            // The first whose target nobody is at work on: of several about the same, the one that was named first.
            let Some(at) = first_free(&waiting, &busy) else { break };
            let Some(work) = waiting.remove(at) else { break };
            busy.extend(work.about.clone());
            let entries = journal.for_set(work.index);
            let clients = &clients;
            under_way.push(async move {
                let client = clients.get(&work, asset).await.until(Instant::now() + asset.time_out);
                let item = run_set(request, asset, &work, (clients, &client), entries, stop).await;
                (work, item, client.origin())
            });
        }
        let Some((work, item, seen)) = under_way.next().await else { break };
        if let Some(at) = work.about.as_ref().and_then(|about| busy.iter().position(|busy| busy == about)) {
            busy.swap_remove(at);
        }
        merge(&mut origin, seen);
        failed |= item.status == Status::Failed;
        done(work.index, item);
    }
    drop(under_way);
    for work in waiting {
        let cancelled = *stop.borrow();
        let item = if cancelled { Item::cancelled } else { Item::not_begun };
        done(work.index, item(action, work.set));
    }
    journal.close();
    match no_credentials {
        Some(message) if tally.all_invalid() && !other_problems => {
            let mut document = Document::refused(identifier, Some(action), &request.sets, &message);
            if each.is_some() {
                document.take_items();
            }
            document
        }
        _ => Document::of(identifier, items.into_iter().flatten().collect(), &tally, &origin),
    }
}

/// The first that may begin: nobody is at work on what it is about, and nobody who was named before waits for that.
fn first_free(waiting: &VecDeque<Work<'_>>, busy: &[About]) -> Option<usize> {
    let free = |(at, work): &(usize, &Work<'_>)| {
        let Some(about) = &work.about else { return true };
        let before = waiting.iter().take(*at).filter_map(|work| work.about.as_ref());
        !busy.iter().chain(before).any(|other| other.may_be(about))
    };
    waiting.iter().enumerate().find(free).map(|(at, _)| at)
}

/// Why a parameter set is not fit to be run.
enum Problem {
    Invalid(String),
    NoCredentials(String),
}

impl Problem {
    fn message(self) -> String {
        match self {
            Self::Invalid(message) | Self::NoCredentials(message) => message,
        }
    }
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Self::Invalid(message)
    }
}

/// Makes a parameter set fit to be run, or says what to change. No call is made.
fn prepare<'a>(
    action: &'static Action,
    asset: &Asset,
    (index, set): (usize, &'a Map<String, Value>),
    options: Options,
) -> Result<Work<'a>, Problem> {
    let (meant, own) = operations::resolve(action, set)?;
    if matches!(action.run, Run::Operation(None)) && !allows(asset, action) {
        permitted(meant, asset, false)?;
    } else {
        changes_allowed(meant, asset)?;
    }
    let own = referenced(meant, own)?;
    let mut parameters = Parameters::validate(meant, &own).map_err(|wrong| wrong.join(". "))?;
    parameters.dry_run |= options.dry_run;
    let keys: Option<Keys> = parameters.secret("credentials").map(session_credentials::parse).transpose()?;
    let of_run = recall_runs(meant, asset, &mut parameters)?;
    let place = Place::of(&own)?;
    let own = keys.is_some();
    asset.allows_place(&place)?;
    let settings = asset.settings_for(keys, &place).map_err(Problem::NoCredentials)?;
    let account = asset.account_of(&settings, &place);
    let about = runbook(meant, &parameters).map(|runbook| About::of(runbook.target(), account.clone()));
    Ok(Work { index, set, meant, parameters, own, settings, account, of_run, about })
}

/// The clients of a run: one for each credential and role, so that each session is made once, and all share the connections
/// of one transport.
#[derive(Default)]
struct Clients(tokio::sync::Mutex<HashMap<String, (Option<String>, Client)>>);

impl Clients {
    async fn get(&self, work: &Work<'_>, asset: &Asset) -> Client {
        self.connected(&work.settings, work.own, asset).await
    }

    async fn connected(&self, settings: &Settings, own: bool, asset: &Asset) -> Client {
        let role = settings.assume.as_ref().map_or("", |role| role.role_arn.as_str());
        // Of a set's own keys, two with one id but other secrets are two.
        let key = match &settings.source {
            Source::Keys(keys) if own => {
                let mut hasher = DefaultHasher::new();
                keys.secret_access_key.expose_secret().hash(&mut hasher);
                keys.session_token.as_ref().map(ExposeSecret::expose_secret).hash(&mut hasher);
                format!("{} {:x} {role}", keys.access_key_id, hasher.finish())
            }
            _ => format!("asset {role}"),
        };
        let mut known = self.0.lock().await;
        if let Some((_, client)) = known.get(&key) {
            return client.clone();
        }
        // IAM's limits are the account's, whoever calls.
        let of_role = settings.assume.as_ref().and_then(|role| role.role_arn.split(':').nth(4));
        let account = of_role.map(str::to_owned).or_else(|| asset.rules.account_id.clone().filter(|_| !own));
        let beside =
            known.values().find(|(of, _)| account.is_some() && *of == account).map(|(_, client)| client.clone());
        let client = match beside {
            Some(other) => Client::connect_beside(settings, &asset.transport, &other).await,
            None => Client::connect(settings, &asset.transport).await,
        };
        known.insert(key, (account, client.clone()));
        client
    }

    /// The clients with the credentials that are behind a set's, and that its identity does not show.
    async fn behind(&self, work: &Work<'_>, asset: &Asset) -> Vec<Client> {
        let mut behind = vec![];
        let base = |settings: &Settings| Settings { assume: None, ..settings.clone() };
        if work.settings.assume.is_some() {
            behind.push(self.connected(&base(&work.settings), work.own, asset).await);
        }
        if let Some(settings) = asset.settings.as_ref().filter(|_| work.own) {
            behind.push(self.connected(&base(settings), false, asset).await);
        }
        behind
    }

    /// Whether more calls wait for IAM's pace than it lets through in a second.
    async fn crowded(&self) -> bool {
        self.0.lock().await.values().any(|(_, client)| client.crowded())
    }
}

/// Puts the records of runs in the place of their ids. The id of the run that the action is about, if it is about one.
fn recall_runs(action: &Action, asset: &Asset, parameters: &mut Parameters) -> Result<Option<String>, String> {
    let mut of_run = None;
    for parameter in action.parameters.iter().filter(|parameter| parameter.of == Of::Record) {
        let Some(text) = parameters.given(parameter.name).map(str::to_owned) else { continue };
        if text.trim_start().starts_with('{') {
            let document: Value = serde_json::from_str(&text).unwrap_or_default();
            let mut records: Vec<Value> = undo::records(&document).into_iter().cloned().collect();
            of_run = records.iter().find_map(|record| record["run_id"].as_str()).map(str::to_owned);
            let dir = asset.state_dir.as_deref().filter(|_| !asset.in_memory);
            let later = dir.zip(of_run.as_deref()).map(|(dir, id)| later_than(dir, id));
            for record in records.iter_mut().filter(|record| record.is_object()) {
                let by = closed_by(later.as_deref().unwrap_or_default(), &record["target"]["id"]);
                record["contained_later_by"] = by.into();
            }
            parameters.set_record(parameter.name, json!({ "sets": records }).to_string());
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

/// The runs on record that began later than this one.
fn later_than(dir: &Path, id: &str) -> Vec<history::Run> {
    let all = history::list(dir, None, usize::MAX).unwrap_or_default();
    all.into_iter().filter(|other| other.id.as_str() > id).collect()
}

/// The run among these that has contained the target with this id, or may have, and was not itself undone.
fn closed_by(later: &[history::Run], target: &Value) -> Option<String> {
    use history::Status::{Started, Succeeded, Unknown};
    let contains = |action: &str| awsiam_actions::action(action).is_some_and(|action| action.kind == Kind::Contain);
    // One that found everything as wanted has said so as well as one that made it so.
    let closed = |set: &history::Set| {
        let made = set.changes.iter().any(|change| matches!(change.status, Succeeded | Unknown | Started));
        made || set.changes.is_empty() && set.ended && set.failure().is_none()
    };
    let of_target = |run: &history::Run, is: &dyn Fn(&history::Set) -> bool| {
        run.sets.iter().any(|set| set.target["id"] == *target && is(set))
    };
    let undone = |other: &history::Run| {
        let mut undoing = later.iter().filter(|undo| undo.of_run.as_deref() == Some(&other.id) && undo.id > other.id);
        undoing.any(|undo| of_target(undo, &|set| set.ended && set.failure().is_none()))
    };
    let mut closing = later.iter().filter(|other| contains(&other.action) && of_target(other, &closed));
    closing.find(|other| !undone(other)).map(|other| other.id.clone())
}

/// What is on record of a run, set by set, with the later run that contained the same target and was not itself undone,
/// if there is one.
fn record(dir: &Path, run: &history::Run) -> Value {
    let later = later_than(dir, &run.id);
    let sets = run.sets.iter().map(|set| {
        let by = closed_by(&later, &set.target["id"]);
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
        // Some senders have texts alone.
        let reference = match set.get(parameter.name) {
            Some(Value::Object(reference)) => Some(reference.clone()),
            Some(Value::String(text)) => operations::reference(text),
            _ => None,
        };
        if let Some(reference) = &reference {
            let text =
                by_reference(reference).map_err(|problem| format!("Parameter {:?} {problem}", parameter.name))?;
            set.to_mut().insert(parameter.name.to_owned(), text.into());
        }
    }
    Ok(set)
}

/// The runbook of an action that changes something.
fn runbook(action: &Action, parameters: &Parameters) -> Option<Runbook> {
    match action.run {
        Run::Runbook(plan) => Some(plan(parameters)),
        Run::Operation(Some(operation)) if !operation.reads() => Some(operations::runbook(operation, parameters)),
        Run::Operation(_) | Run::Lookup(_) | Run::Wait(_) => None,
    }
}

async fn run_set(
    request: &Request,
    asset: &Asset,
    work: &Work<'_>,
    (clients, client): (&Clients, &Client),
    journal: OfSet<'_>,
    stop: &Stop,
) -> Item {
    let Work { set, meant, parameters, settings, of_run, account, .. } = work;
    let action = request.action;
    let mut rules = asset.rules.clone();
    rules.account_id.clone_from(account);
    let entry = format!("{}-{}", journal.run_id(), journal.index());
    let mut sink = match if parameters.dry_run { Ok(None) } else { sink(meant, parameters, asset) } {
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
    let of_asset = asset.settings.as_ref().and_then(|settings| settings.assume.as_ref());
    let assumed = [of_asset, settings.assume.as_ref()].into_iter().flatten().map(|role| role.role_arn.clone());
    rules.own_roles = assumed.collect();
    let behind = clients.behind(work, asset).await;
    let (mut outcome, mut record) = if let Some(runbook) = runbook(meant, parameters) {
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
            behind: &behind,
            rules: &rules,
            recorder: &journal,
            pause: asset.propagation_pause,
            stop,
            dry_run,
            calls: &meant.calls(),
        };
        let conclusion = execute(&runbook, context).await;
        (conclusion.outcome, conclusion.record)
    } else {
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
    let in_data = || {
        let outcome = outcome.as_ref().ok()?;
        let listed = outcome.listed.first().and_then(|row| serde_json::from_str(row.get()).ok());
        outcome.data.iter().find_map(account_in).or_else(|| account_in(&listed?))
    };
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
