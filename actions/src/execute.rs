//! The executor: the only code that changes anything.
//!
//! observe → plan → guard → record → execute → look again. It goes on past an independent failure, skips what depended
//! on it, and never unwinds a containment by itself. Refuses to call anything done that was neither acknowledged nor
//! seen, and anything failed that may have been carried out.

use crate::change::{Change, Reversal, Status};
use crate::guard::{self, Rules};
use crate::outcome::{Failure, Outcome};
use crate::reader::Reader;
use crate::record::{Lock, Recorder};
use crate::runbook::{Intent, Missing, Prove, Runbook};
use crate::step::{Look, Reach, Recalled, Sighting};
use crate::steps::lag;
use crate::target::{Pinned, Sight, Target};
use crate::view::{View, elsewhere, first_look, observe, unknowns};
use awsiam_iam::{Call, Client, Error, Identity, Kind, Reply, timestamp};
use futures_util::future::{MaybeDone, join, join_all, maybe_done};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;

/// How often a plan is carried out at most; after that something keeps working against it.
const ROUNDS: usize = 3;
/// The pauses before a look that should find what IAM has already acknowledged. IAM is eventually consistent.
const PAUSES: [Duration; ROUNDS] = [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(2)];

/// How long a containment waits for the reads of its later stages once it knows enough for the first one.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// For how long after a change reads may still show what was there before. Most of the time it is a second or two.
const LAG: Duration = Duration::from_secs(15);

/// Tells a run that it should stop issuing changes.
pub type Stop = watch::Receiver<bool>;

/// What a runbook runs with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The action's identifier: what is remembered of an unfinished run is for the same action alone.
    pub action: &'a str,
    /// The client; its deadline bounds everything.
    pub client: &'a Client,
    /// Clients with the credentials behind the caller that its identity does not show: those with which a role was assumed,
    /// and the asset's where a parameter set brought its own.
    pub behind: &'a [Client],
    /// The asset's rules.
    pub rules: &'a Rules,
    /// Where the run is written down.
    pub recorder: &'a dyn Recorder,
    /// How long IAM is given to let changes take hold where a later stage depends on it.
    pub pause: Duration,
    /// Whether to stop.
    pub stop: &'a Stop,
    /// Whether to show the plan instead of carrying it out.
    pub dry_run: bool,
    /// The calls that the action declares: nothing else is read for its sake.
    pub calls: &'a [&'static str],
}

/// A change that was planned, and how it ended.
#[derive(Debug)]
pub struct Made {
    /// The change.
    pub change: Change,
    /// How it ended.
    pub status: Status,
    /// In which stage, from 0.
    stage: usize,
    reply: Option<Reply<Value>>,
    error: Option<Error>,
    /// Words on how it ended, where the status alone does not tell.
    note: Option<String>,
    at: Option<SystemTime>,
}

/// Whether the wanted state was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// Read at this time, so many milliseconds after the last acknowledgement.
    At {
        /// When.
        time: String,
        /// Milliseconds since IAM's last acknowledgement of a change, if there was one.
        after_ms: Option<u64>,
    },
    /// Acknowledged, but not seen; says why.
    Unconfirmed(String),
    /// Not reached, or not looked at.
    No,
}

/// What was done, for a runbook's last words.
#[derive(Debug)]
pub struct Done {
    /// The target as it was at the end.
    pub target: Target,
    /// Every change.
    pub changes: Vec<Made>,
    /// What the first look showed, step by step.
    pub observed: Map<String, Value>,
    /// What the last look showed.
    pub latest: Map<String, Value>,
    /// Whether the wanted state was seen.
    pub verified: Verified,
    request_id: String,
}

impl Done {
    /// The request id of the last change, or where nothing had to be changed, of a read.
    #[must_use]
    pub fn request_id(&self) -> &str {
        let last = self.changes.iter().rev().find_map(|made| made.reply.as_ref());
        last.map_or(&self.request_id, |reply| &reply.request_id)
    }

    /// The reply to the change by this operation, if one was acknowledged.
    #[must_use]
    pub fn reply(&self, operation: &str) -> Option<&Reply<Value>> {
        self.changes.iter().find(|made| made.change.operation() == operation).and_then(|made| made.reply.as_ref())
    }

    /// Whether the answer to the change by this operation was lost, in one attempt at least.
    #[must_use]
    pub fn in_doubt(&self, operation: &str) -> bool {
        let mut changes = self.changes.iter().filter(|made| made.change.operation() == operation);
        changes.any(|made| made.error.as_ref().is_some_and(Error::in_doubt))
    }

    /// Whether a quota left no room for a change about this, and something else stands in for it.
    #[must_use]
    pub fn covered(&self, about: &str) -> bool {
        self.changes.iter().any(|made| made.change.about == about && made.is_covered())
    }

    /// What the changes by this operation were about, of those that were made.
    #[must_use]
    pub fn made(&self, operation: &str) -> Vec<&str> {
        let made = self.changes.iter().filter(|made| made.status == Status::Succeeded && made.reply.is_some());
        made.filter(|made| made.change.operation() == operation).map(|made| made.change.about.as_str()).collect()
    }
}

/// How a runbook ended: the outcome and the run's own record, which is there also when it failed.
#[derive(Debug)]
pub struct Conclusion {
    /// What to tell.
    pub outcome: Result<Outcome, Failure>,
    /// What was observed, planned and done.
    pub record: Value,
}

/// A run under way.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Run<'a> {
    context: Context<'a>,
    runbook: &'a Runbook,
    reader: Reader,
    /// The target as it was asked for.
    first: Target,
    /// Who the credentials behind the caller belong to.
    own: Vec<Result<Identity, Error>>,
    /// Whether anything proved that the target is there, beside its own look.
    exists: bool,
    /// What a guard refused after changes had begun.
    refused: Option<Failure>,
    target: Target,
    keys: Vec<String>,
    observed: Map<String, Value>,
    made: Vec<Made>,
    notes: Vec<String>,
    identity: Result<Identity, Error>,
    verified: Verified,
    last_acknowledged: Option<Instant>,
    /// The endpoint's time when the last change of each stage was acknowledged.
    acknowledged: BTreeMap<usize, String>,
    /// Whether the last look did not wait for all of it.
    missed: bool,
    /// Whether a later look showed something new, which is to be in the evidence too.
    something_new: bool,
    rounds: usize,
    /// The rounds in which something was sent.
    sends: usize,
    /// What runs before this one changed about the target a moment ago.
    before_us: Vec<Value>,
    /// The steps that changed what could not be read at first: what is read later is not what was there before.
    blind: HashSet<&'static str>,
    /// What an earlier run left.
    recalled: Recalled,
    /// The steps of which everything for the evidence has been read.
    gathered: HashSet<&'static str>,
    /// What the last look showed.
    latest: Map<String, Value>,
    /// Whether the last look still showed what IAM has acknowledged to be changed.
    stale: bool,
    /// What the last look showed to be unlike what IAM has acknowledged.
    still_shown: Vec<String>,
    /// What the last look could not read although an earlier one could.
    unconfirmed: Option<String>,
    /// What no look could read, and no blind change covered.
    unread: Vec<(&'static str, Error)>,
}

/// Carries a runbook out.
pub async fn execute(runbook: &Runbook, context: Context<'_>) -> Conclusion {
    let reader = Reader::new(context.client, "").with_behind(context.behind, &context.rules.own_roles);
    // A read that says nothing must not use up the time in which access could be taken away.
    let looking = reader.for_a_share_of_the_time();
    let named = match &runbook.refusal {
        Some(refusal) => Some(Err(refusal.clone())),
        None => unless_stopped(context.stop, runbook.target.clone().named(&reader)).await,
    };
    let target = match named {
        Some(Ok(target)) => target,
        Some(Err(failure)) => {
            let record = json!({
                "run_id": context.recorder.run_id(),
                "changes": [],
                "failure": failure.described(),
            });
            return Conclusion { outcome: Err(failure), record };
        }
        None => runbook.target.clone(),
    };
    tracing::info!("looking at {}", target.words());
    let look = first_look(target.clone());
    let own = async {
        match runbook.guards() {
            Intent::TakesAway => looking.own_identities().await,
            Intent::Gives | Intent::Creates => vec![],
        }
    };
    let nothing = BTreeMap::new();
    // Nothing is contained by a dry run, so that it can wait.
    let patience = (runbook.regardless && !context.dry_run).then_some(PATIENCE);
    let view = async {
        let view = observe(runbook, &looking, &look, &nothing, patience).await;
        // Where one certain entity is meant, it may be under another name by now.
        match elsewhere(runbook, &looking, &view).await {
            Some(found) => (observe(runbook, &looking, &first_look(found.clone()), &nothing, patience).await, found),
            None => (view, target.clone()),
        }
    };
    let Some(((view, target), own)) = unless_stopped(context.stop, join(view, own)).await else {
        let failure = Failure::Cancelled("Cancelled before anything was changed.".to_owned());
        if !context.dry_run {
            let failure = failure.described();
            let ended =
                json!({ "event": "ended", "changes": [], "failure": failure, "at": timestamp(SystemTime::now()) });
            let _ = context.recorder.record(ended, true);
        }
        let record = json!({ "run_id": context.recorder.run_id(), "changes": [] });
        return Conclusion { outcome: Err(failure), record };
    };
    let mut run = Run {
        context,
        runbook,
        reader,
        first: target.clone(),
        target,
        own,
        exists: false,
        refused: None,
        keys: vec![],
        observed: Map::new(),
        made: vec![],
        notes: vec![],
        identity: view.identity.clone(),
        verified: Verified::No,
        last_acknowledged: None,
        acknowledged: BTreeMap::new(),
        missed: false,
        something_new: false,
        rounds: 0,
        sends: 0,
        before_us: vec![],
        blind: HashSet::new(),
        recalled: Recalled::default(),
        gathered: HashSet::new(),
        latest: Map::new(),
        stale: false,
        still_shown: vec![],
        unconfirmed: None,
        unread: vec![],
    };
    let outcome = run.carry_out(view).await;
    let record = run.record(&outcome);
    Conclusion { outcome, record }
}

/// The future's value, or none as soon as the run is told to stop. For reads alone: a write is never dropped half-way.
pub async fn unless_stopped<T>(stop: &Stop, future: impl Future<Output = T>) -> Option<T> {
    let mut stop = stop.clone();
    tokio::select! {
        value = future => Some(value),
        Ok(_) = stop.wait_for(|stopped| *stopped) => None,
    }
}

/// Does some work, and lets what is read beside go on meanwhile.
async fn alongside<T, B: Future + Unpin>(work: impl Future<Output = T>, beside: &mut MaybeDone<B>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        // The work first: what is read beside must not take its place in line.
        let done = work.as_mut().poll(context);
        if done.is_pending() {
            let _ = Pin::new(&mut *beside).poll(context);
        }
        done
    })
    .await
}

impl<'a> Run<'a> {
    /// Reads what nothing waits for, since no change destroys it.
    fn gather_beside(&self) -> impl Future<Output = Vec<(&'static str, Value)>> + use<'a> {
        let (runbook, reader, target) = (self.runbook, self.reader.clone(), self.target.clone());
        let gathered = self.gathered.clone();
        async move {
            let steps = runbook.stages.iter().flatten().filter(|step| step.says() == Reach::Nothing);
            let missing = steps.filter(|step| !gathered.contains(step.evidence_name()));
            let reads = missing.map(|step| async {
                step.more(&reader, &Value::Null, &target).await.map(|more| (step.evidence_name(), more))
            });
            join_all(reads).await.into_iter().flatten().collect()
        }
    }
}

impl Run<'_> {
    async fn carry_out(&mut self, view: View) -> Result<Outcome, Failure> {
        if let Some(outcome) = self.take_first_look(&view)? {
            return Ok(outcome);
        }
        // Held until what is remembered of this run has been seen to.
        let (_locked, waited) = self.lock().await?;
        let outcome = self.carry_out_locked(view, waited).await;
        self.forget_if_done(outcome.is_ok());
        outcome
    }

    async fn carry_out_locked(&mut self, mut view: View, waited: bool) -> Result<Outcome, Failure> {
        // A single call is never gone on with: what it is to be is in its request alone.
        let left = self.runbook.once.is_none().then(|| self.context.recorder.recall(&self.memory())).flatten();
        self.recalled = Recalled(left.unwrap_or_default());
        let resumes = self.recalled.0.is_object();
        if resumes {
            let run = self.recalled.0["run_id"].as_str().unwrap_or_default().to_owned();
            self.notes.push(format!(
                "An earlier run ({run}) on this target did not come to its end; this one goes on from there."
            ));
        }
        // Another run was at work on this target while we waited, or did not come to its end: what was seen counts no
        // more, or not all of it was looked for.
        if waited || resumes {
            view = self.first_look_anew().await;
            if let Some(outcome) = self.take_first_look(&view)? {
                return Ok(outcome);
            }
        }
        if let Some(failure) = (self.runbook.objection)(&self.observed, &self.recalled) {
            return Err(failure);
        }
        let mut plan = view.plan();
        if self.context.dry_run {
            return Ok(self.show(plan));
        }
        self.before_us = self
            .context
            .recorder
            .lately(&self.principal())
            .map_or_else(Vec::new, |recorded| lag::lately(recorded.as_array().into_iter().flatten(), LAG));
        if plan.is_empty()
            && let Some(anew) = self.outwait_lag().await
        {
            view = anew;
            if let Some(outcome) = self.take_first_look(&view)? {
                return Ok(outcome);
            }
            if let Some(failure) = (self.runbook.objection)(&self.observed, &self.recalled) {
                return Err(failure);
            }
            plan = view.plan();
        }
        self.missed = view.missed;
        let blind = view.sightings().filter(|sighting| sighting.unknown.is_some() && !sighting.changes.is_empty());
        self.blind = blind.map(|sighting| sighting.name).collect();
        self.write_down(&plan)?;
        // What no change destroys is read beside everything: nothing waits for it but the end.
        let mut beside = maybe_done(Box::pin(self.gather_beside()));
        if plan.is_empty() {
            self.verified = match (&self.unconfirmed, view.sightings().find_map(|sighting| sighting.unknown.as_ref())) {
                (Some(why), _) => Verified::Unconfirmed(why.clone()),
                (None, Some(error)) => Verified::Unconfirmed(error.to_string()),
                (None, None) => self.verified_now(),
            };
            let more = alongside(self.gather(0), &mut beside).await;
            self.keep(more);
        }
        let mut idle = 1;
        while !self.stopped() {
            // A look that shows nothing to do costs no round of changes, and what was never made is not given up because
            // other things had to be repeated.
            let new = |(_, change): &(usize, Change)| {
                !self.made.iter().any(|made| made.reply.is_some() && made.change.same_as(change))
            };
            let goes_on = if plan.is_empty() {
                (self.stale || self.missed) && idle < ROUNDS
            } else {
                self.sends < ROUNDS || plan.iter().any(new) && self.sends < 2 * ROUNDS
            };
            if !goes_on {
                break;
            }
            *(if plan.is_empty() { &mut idle } else { &mut self.sends }) += 1;
            self.rounds += 1;
            if self.rounds > 1 && !plan.is_empty() {
                let _ = self.write_plan(&plan);
            }
            alongside(self.make(plan), &mut beside).await;
            if let Some(proof) = &self.runbook.once {
                return self.conclude_once(proof).await;
            }
            let creation_failed = self.runbook.intent == Intent::Creates && self.worst() == Some(Status::Failed);
            if self.stopped() || creation_failed {
                plan = vec![];
                break;
            }
            plan = alongside(self.look_again(), &mut beside).await;
            // What a run before this one has left counts as well, and may not be shown yet.
            while plan.is_empty() && alongside(self.lags(), &mut beside).await {
                plan = alongside(self.look_again(), &mut beside).await;
            }
        }
        let _ = unless_stopped(self.context.stop, &mut beside).await;
        self.keep(Pin::new(&mut beside).take_output().unwrap_or_default());
        if self.something_new {
            let more = unless_stopped(self.context.stop, self.gather_beside()).await;
            self.keep_as(more.unwrap_or_default(), "later");
        }
        if self.runbook.intent == Intent::Creates {
            self.pin_created();
            if self.worst().is_some() {
                self.take_back().await;
            }
        }
        self.conclude(&plan)
    }

    /// Looks anew, with what was acknowledged so far.
    async fn observe_anew(&self, look: &Look, patience: Option<Duration>) -> View {
        observe(self.runbook, &self.reader, look, &self.acknowledged, patience).await
    }

    /// The first look once more: as patient as the first was, and no longer.
    async fn first_look_anew(&self) -> View {
        let reader = self.reader.for_a_share_of_the_time();
        let patience = (self.runbook.regardless && !self.context.dry_run).then_some(PATIENCE);
        observe(self.runbook, &reader, &self.look(self.first.clone(), true), &self.acknowledged, patience).await
    }

    /// Where nothing seems to be left to do although a run has just left things otherwise: looks until IAM shows what that
    /// run has left, so that what is shown from before it is not taken for what is wanted. Or until somebody else must have
    /// changed it, for IAM lags no longer than that. What the last look showed, if there was one.
    async fn outwait_lag(&mut self) -> Option<View> {
        let mut view = None;
        while self.lags().await {
            let anew = self.first_look_anew().await;
            let found = !anew.plan().is_empty();
            view = Some(anew);
            if found {
                break;
            }
        }
        view
    }

    /// Whether IAM does not show yet what a run before this one has just left; a second later. What this run has changed
    /// itself is the plan's to tell. Where the time runs out over it, the result says so.
    async fn lags(&mut self) -> bool {
        let lately = lag::lately(&self.before_us, LAG);
        if lately.is_empty() || self.stopped() {
            return false;
        }
        let own: Vec<Value> = self.made.iter().map(Made::described).collect();
        let shown = lag::not_shown(&lately, &own, (&self.reader, &self.target), self.context.calls);
        let Some(differs) = shown.await else { return false };
        let why = format!("{differs} a moment ago, and IAM does not show it yet");
        if Instant::now() + Duration::from_secs(5) > self.context.client.deadline() {
            self.unconfirmed = Some(format!("{why}: run the action again"));
            self.verified = Verified::Unconfirmed(why);
            return false;
        }
        tracing::info!("{why}: looking again");
        tokio::time::sleep(Duration::from_secs(1)).await;
        true
    }

    /// Takes in the first look: pins the target, keeps the evidence, asks the guards. An outcome ends the run.
    fn take_first_look(&mut self, view: &View) -> Result<Option<Outcome>, Failure> {
        if let Sight::There(target) = &view.target {
            self.target = (**target).clone();
        }
        // In another account "not found" means nothing.
        guard::account(self.context.rules, &self.target, &self.identity)?;
        match &view.target {
            Sight::There(_) => {}
            Sight::Missing(error) => match &self.runbook.missing {
                Missing::Fails => return Err(self.not_found(error)),
                Missing::FailsSaying(message) => {
                    return Err(Failure::Explained { message: message.clone(), error: error.clone() });
                }
                Missing::IsFine(message) => {
                    self.verified = self.verified_now();
                    return Ok(Some(Outcome { message: Some(message.clone()), ..Outcome::default() }));
                }
                Missing::IsNeeded => {}
            },
            Sight::Unknown(error) => {
                let mut reading = view.sightings().filter(|sighting| sighting.reach != Reach::Nothing);
                let nothing_read = reading.all(|sighting| sighting.unknown.is_some());
                // A caller that may not read may still be allowed to contain; one whom nothing answers is not.
                let nobody = error.kind == Kind::BadCredentials || error.kind != Kind::Denied && nothing_read;
                // Where one certain entity is meant, its name alone is not enough.
                if nobody || self.runbook.must_be_seen {
                    return Err(error.clone().into());
                }
                self.notes.push(format!(
                    "{} could not be looked at ({error}); it is addressed by its name alone.",
                    self.target.words()
                ));
            }
        }
        // Reading the things of a target that does not exist says so as well, and so does reading another entity.
        let mut unread = view.sightings().filter_map(|sighting| sighting.unknown.as_ref());
        if let Some(missing) = unread.find(|error| error.kind == Kind::NotFound) {
            return Err(self.not_found(missing));
        }
        self.note_unread(view);
        self.keys = view.access_keys();
        self.keys.extend(self.runbook.keys.iter().cloned());
        self.observed = view.evidence();
        let notes = self.guard()?;
        self.notes.extend(notes);
        self.expected()?;
        Ok(None)
    }

    /// What to say of an error that ends the run before it has changed anything: of a single call, what it means as well.
    fn not_found(&self, error: &Error) -> Failure {
        match error.meaning().filter(|_| self.runbook.once.is_some()) {
            Some(meaning) => {
                Failure::Explained { message: format!("{meaning}. Nothing was changed"), error: error.clone() }
            }
            None => error.clone().into(),
        }
    }

    /// Whether the target is the one that is meant: the same account, the same unique id.
    fn expected(&self) -> Result<(), Failure> {
        let Some((account, id)) = &self.runbook.expects else { return Ok(()) };
        let refuse = |rule, message: String| Err(Failure::Refused { rule, message });
        let arn = self.target.pinned.as_ref().map(|pinned| pinned.arn.as_str()).unwrap_or_default();
        if arn.split(':').nth(4) != Some(account) {
            return refuse(
                "wrong_account",
                format!("The run was in account {account}, which these credentials are not of. Nothing was changed."),
            );
        }
        if self.target.id() != Some(id) {
            return refuse(
                "another_principal",
                format!(
                    "{} is not the one that the run was about: its unique id is another. Nothing was changed.",
                    self.target.words()
                ),
            );
        }
        Ok(())
    }

    /// Asks the guards about the target as it is known now.
    fn guard(&self) -> Result<guard::Notes, Failure> {
        let Self { runbook, target, keys, own, identity, .. } = self;
        if runbook.deletes {
            guard::confirmed(self.context.rules, target, runbook.repeated.as_deref())?;
        }
        guard::check(self.context.rules, runbook.guards(), target, keys, own, identity)
    }

    /// The circumstances of a look by this run.
    fn look(&self, target: Target, first: bool) -> Look {
        Look { first, recalled: self.recalled.clone(), ..first_look(target) }
    }

    /// The principal's name in locks and memories.
    fn principal(&self) -> String {
        let account = self.identity.as_ref().map_or("unknown", |identity| identity.account.as_str());
        // What is being created has no id at first, and its name is nobody else's.
        let id = self.target.id().filter(|_| self.runbook.intent != Intent::Creates);
        let (kind, name) = (self.target.principal.name(), id.unwrap_or(&self.target.name));
        // It becomes a file's name: ARNs have slashes.
        let plain =
            |character: char| if character.is_alphanumeric() || "+=,.@-".contains(character) { character } else { '_' };
        format!("{account}-{kind}-{name}").chars().map(plain).collect()
    }

    /// What an unfinished run of this action on this principal is remembered by.
    fn memory(&self) -> String {
        format!("{}-{}", self.principal(), self.context.action)
    }

    /// Keeps track of what no look could read: without a blind change it is not known whether it is as wanted.
    fn note_unread(&mut self, view: &View) {
        let mut proofs = view.sightings().filter(|sighting| sighting.reach == Reach::Proves);
        self.exists |= self.target.id().is_some() || proofs.any(|sighting| sighting.unknown.is_none());
        if self.rounds == 0 {
            let unread = view.sightings().filter(|sighting| sighting.changes.is_empty());
            self.unread = unread.filter_map(|sighting| Some((sighting.name, sighting.unknown.clone()?))).collect();
        } else {
            let still =
                |name: &str| view.sightings().any(|sighting| sighting.name == name && sighting.unknown.is_some());
            self.unread.retain(|(name, _)| still(name));
        }
    }

    /// Locks the target; true where another run had to be waited for.
    async fn lock(&mut self) -> Result<(Option<Box<dyn Send>>, bool), Failure> {
        if self.context.dry_run {
            return Ok((None, false));
        }
        let principal = self.principal();
        let mut waited = false;
        loop {
            match self.context.recorder.lock(&principal) {
                Lock::Held(lock) => return Ok((Some(lock), waited)),
                Lock::Unavailable(why) => {
                    self.notes
                        .push(format!("No lock against other runs on {} could be had: {why}", self.target.words()));
                    return Ok((None, waited));
                }
                Lock::Busy(who) => {
                    if !waited {
                        tracing::info!("waiting for another run on {} ({who})", self.target.words());
                    }
                    waited = true;
                    if self.stopped() || Instant::now() + Duration::from_secs(1) > self.context.client.deadline() {
                        return Err(Failure::Refused {
                            rule: "locked",
                            message: format!(
                                "Another run is at work on {} ({who}). Nothing was changed. Try again when it has ended.",
                                self.target.words()
                            ),
                        });
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn show(&mut self, plan: Vec<(usize, Change)>) -> Outcome {
        let unread: Vec<_> =
            self.unread.iter().map(|(name, error)| format!("{} ({error})", name.replace('_', " "))).collect();
        let mut message = match plan.len() {
            0 if !unread.is_empty() => "Dry run: nothing that could be read would be changed".to_owned(),
            0 => "Dry run: everything is as wanted already, nothing would be changed".to_owned(),
            1 => format!("Dry run: 1 change would be made: {}", plan[0].1.what),
            n => format!(
                "Dry run: {n} changes would be made: {}",
                plan.iter().map(|(_, change)| change.what.as_str()).collect::<Vec<_>>().join(", ")
            ),
        };
        if !unread.is_empty() {
            _ = write!(message, ". Not known, because it could not be read: {}", unread.join(", "));
        }
        let left = (self.runbook.leaves)(&self.observed);
        if !left.is_empty() {
            _ = write!(message, ". Left as it is: {}", left.join("; "));
        }
        let rows = plan.iter().map(|(stage, change)| change.described_in(*stage));
        let outcome = Outcome { message: Some(message), data: rows.collect(), ..Outcome::default() };
        self.made.extend(plan.into_iter().map(|(stage, change)| Made::planned(stage, change)));
        outcome
    }

    /// Writes down what was seen and what is planned, before the first write.
    fn write_down(&mut self, plan: &[(usize, Change)]) -> Result<(), Failure> {
        let refuse = |message: String| Failure::Refused { rule: "require_journal", message };
        self.entry(json!({ "event": "observed", "target": self.target_json(), "observed": self.observed }), false)
            .map_err(refuse)?;
        self.write_plan(plan).map_err(refuse)?;
        if !plan.is_empty() && self.runbook.once.is_none() {
            self.remember(plan.iter().map(|(_, change)| change.described()).collect());
        }
        Ok(())
    }

    /// Writes down what is about to be made, before any of it is.
    fn write_plan(&self, plan: &[(usize, Change)]) -> Result<(), String> {
        let planned: Vec<_> = plan.iter().map(|(stage, change)| change.described_in(*stage)).collect();
        let entry = json!({ "event": "planned", "target": self.target_json(), "changes": planned });
        self.entry(entry, !plan.is_empty())
    }

    /// Leaves word for a later run, should this one not come to its end.
    fn remember(&self, mut changes: Vec<Value>) {
        let mut began = timestamp(SystemTime::now()).into();
        let mut observed = self.observed.clone();
        // What an earlier run was about, and this one finds half done, belongs to the work that is unfinished.
        if let Some(before) = self.recalled.0["changes"].as_array() {
            changes.extend(before.iter().cloned());
            began = self.recalled.0["at"].clone();
            for (name, seen) in self.recalled.0["observed"].as_object().into_iter().flatten() {
                observed.insert(name.clone(), seen.clone());
            }
        }
        let memory = json!({
            "run_id": self.context.recorder.run_id(),
            "at": began,
            "target": self.target_json(),
            "observed": observed,
            "changes": changes,
        });
        self.context.recorder.remember(&self.memory(), &memory);
    }

    fn entry(&self, mut entry: Value, durable: bool) -> Result<(), String> {
        entry["at"] = timestamp(SystemTime::now()).into();
        self.context.recorder.record(entry, durable)
    }

    /// Carries out a plan, stage by stage.
    async fn make(&mut self, plan: Vec<(usize, Change)>) {
        let new = |change: &Change| !self.made.iter().any(|made| made.change.same_as(change));
        if self.rounds > 1 && plan.iter().any(|(_, change)| new(change)) {
            // Something appeared meanwhile: it is evidence as much as what was there before.
            self.gathered.clear();
            self.something_new = true;
            let more = self.gather_in(0..=self.runbook.stages.len()).await;
            let renamed =
                more.into_iter().map(|(name, value)| (name, json!({ "round": self.rounds, "seen": value }))).collect();
            self.keep_as(renamed, "later");
        }
        if let Some((first, _)) = plan.first() {
            let more = self.gather_in(*first..=*first).await;
            self.keep(more);
        }
        self.leave_word(&plan);
        self.make_stages(plan).await;
        self.leave_word(&[]);
    }

    /// Leaves word of what was changed, for a run that comes while IAM does not show it everywhere yet. What is about to be
    /// changed, or may have been, is not expected to be shown in any way.
    fn leave_word(&self, about_to_be_made: &[(usize, Change)]) {
        let acknowledged = |made: &&Made| made.reply.is_some() && made.status == Status::Succeeded;
        let own: Vec<Value> = self.made.iter().map(Made::described).collect();
        let planned: Vec<Value> = about_to_be_made.iter().map(|(_, change)| change.described()).collect();
        let touched = |change: &Value, by: &[Value]| by.iter().any(|other| lag::about_the_same(change, other));
        let mut word = lag::lately(&self.before_us, LAG);
        word.retain(|change| !touched(change, &own));
        word.extend(self.made.iter().filter(acknowledged).map(Made::described));
        word.retain(|change| !touched(change, &planned));
        if !word.is_empty() || !self.before_us.is_empty() {
            self.context.recorder.changed(&self.principal(), &word.into());
        }
    }

    async fn make_stages(&mut self, plan: Vec<(usize, Change)>) {
        let mut places: BTreeSet<_> = plan.iter().map(|(stage, change)| (*stage, change.order)).collect();
        // What depends on the moment is planned anew after every change before it, in each round.
        if let Some(first) = plan.iter().map(|(stage, _)| *stage).min() {
            places.extend(self.runbook.pauses.iter().filter(|stage| **stage > first).map(|stage| (*stage, 0)));
        }
        for (stage, order) in places {
            let mut changes: Vec<Change> = plan
                .iter()
                .filter(|(at, change)| (*at, change.order) == (stage, order))
                .map(|(_, change)| change.clone())
                .collect();
            if self.pause_before(stage).await {
                changes = self.plan_of(stage).await;
                changes.retain(|change| change.order == order);
            }
            let blocked = self.obstacle((stage, order), &[]);
            let reason = if self.stopped() { Some("the run was told to stop".to_owned()) } else { blocked };
            if let Some(reason) = reason {
                for change in changes {
                    self.skip(stage, change, &reason);
                }
                continue;
            }
            let sends = join_all(changes.into_iter().map(|change| self.send(stage, change)));
            // What later stages destroy is read beside the first one, so that it does not delay it.
            let (ended, more) = join(sends, self.gather(stage + 1)).await;
            self.keep(more);
            for made in ended {
                if made.reply.is_some() {
                    self.last_acknowledged = Some(Instant::now());
                    self.acknowledged.insert(stage, self.reader.server_time());
                }
                self.put(made);
            }
        }
    }

    /// Gives what was changed before a stage the time that it needs to take hold everywhere; whether it did.
    async fn pause_before(&self, stage: usize) -> bool {
        let changed = self.made.iter().any(|made| made.stage < stage && made.reply.is_some());
        if !changed || !self.runbook.pauses.contains(&stage) {
            return false;
        }
        let most = self.context.client.deadline().saturating_duration_since(Instant::now()) / 4;
        tokio::time::sleep(self.context.pause.min(most)).await;
        true
    }

    /// What a stage is to change, made anew: after a pause the moment counts, not that of the first look.
    async fn plan_of(&self, stage: usize) -> Vec<Change> {
        let look = self.look(self.target.clone(), false);
        let steps = self.runbook.stages.get(stage).into_iter().flatten();
        let observed = join_all(steps.map(|step| step.observe(&self.reader, &look))).await;
        let look = Look {
            now: self.reader.server_time(),
            changed_before: self.acknowledged.range(..stage).map(|(_, at)| at.clone()).max(),
            partition: self.partition(),
            ..look.clone()
        };
        observed.into_iter().flat_map(|plan| plan(&look).changes).collect()
    }

    /// The partition that the caller is of, or else the target.
    fn partition(&self) -> String {
        let of_target = self.target.pinned.as_ref().and_then(|pinned| pinned.arn.split(':').nth(1));
        let of_caller = self.identity.as_ref().ok().map(|identity| identity.partition.as_str());
        of_caller.or(of_target).unwrap_or("aws").to_owned()
    }

    /// Reads what the steps from this stage on would destroy, where that was not done yet.
    async fn gather(&self, from: usize) -> Vec<(&'static str, Value)> {
        self.gather_in(from..=self.runbook.stages.len()).await
    }

    async fn gather_in(&self, stages: std::ops::RangeInclusive<usize>) -> Vec<(&'static str, Value)> {
        let steps =
            self.runbook.stages.iter().enumerate().filter(|(at, _)| stages.contains(at)).flat_map(|(_, steps)| steps);
        let missing = steps.filter(|step| !self.gathered.contains(step.evidence_name()));
        // What no change destroys is read beside all of them: nothing waits for it.
        let reads = missing.filter(|step| step.says() != Reach::Nothing).map(|step| async {
            let source = if self.rounds > 1 { &self.latest } else { &self.observed };
            let seen = source.get(step.evidence_name()).unwrap_or(&Value::Null);
            step.more(&self.reader, seen, &self.target).await.map(|more| (step.evidence_name(), more))
        });
        join_all(reads).await.into_iter().flatten().collect()
    }

    /// Takes more evidence in, and has it on the disk before the stage that destroys it begins.
    fn keep(&mut self, more: Vec<(&'static str, Value)>) {
        self.keep_as(more, "");
    }

    fn keep_as(&mut self, more: Vec<(&'static str, Value)>, prefix: &str) {
        if more.is_empty() {
            return;
        }
        let mut observed = Map::new();
        for (name, value) in more {
            self.gathered.insert(name);
            let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}_{name}") };
            let mut missing = vec![];
            unknowns(&value, &name, &mut missing);
            if !missing.is_empty() {
                let missing = format!("The evidence lacks what could not be read: {}", missing.join("; "));
                tracing::warn!("{missing}");
                self.notes.push(missing);
            }
            observed.insert(name.clone(), value.clone());
            self.observed.insert(name, value);
        }
        let _ = self.entry(json!({ "event": "observed", "target": self.target_json(), "observed": observed }), true);
    }

    /// What stands in the way of a stage: something before it that failed or is in doubt, and is not about to be tried
    /// again.
    fn obstacle(&self, (stage, order): (usize, u8), about_to_be_made: &[(usize, Change)]) -> Option<String> {
        if self.runbook.regardless {
            return None;
        }
        // A read that is refused is no reason: what depends on it is tried, and IAM itself refuses to delete what is not
        // empty. But what denies goes last, when nothing is left that it holds down.
        let unread = self.unread.iter().find(|(_, error)| stage > 0 && (error.kind != Kind::Denied || order > 0));
        if let Some((name, error)) = unread {
            return Some(format!("{} could not be read: {error}", name.replace('_', " ")));
        }
        let open = |made: &&Made| {
            (made.stage, made.change.order) < (stage, order)
                && matches!(made.status, Status::Failed | Status::Unknown)
                && !about_to_be_made.iter().any(|(_, change)| change.same_as(&made.change))
        };
        let obstacle = self.made.iter().find(open)?;
        let how = if obstacle.status == Status::Unknown { "is in doubt" } else { "failed" };
        Some(format!("it depends on {:?}, which {how}", obstacle.change.what))
    }

    /// Sends a change; where a quota is used up, what is to be done in its place.
    async fn send(&self, stage: usize, change: Change) -> Made {
        let mut made = self.send_one(stage, change).await;
        let mut instead_of = vec![];
        while made.status == Status::Failed && made.error.as_ref().is_some_and(|error| error.kind == Kind::Limit) {
            let Some(other) = made.change.over_quota.take() else { break };
            instead_of.push(made.change.what.clone());
            let mut replaced = made.described();
            replaced["event"] = "replaced".into();
            let _ = self.entry(replaced, false);
            made = self.send_one(stage, *other).await;
        }
        if !instead_of.is_empty() {
            made.note = Some(format!("instead of {:?}, for which a quota is used up", instead_of.join(", ")));
        }
        made
    }

    async fn send_one(&self, stage: usize, change: Change) -> Made {
        let mut started = change.described_in(stage);
        started["event"] = "started".into();
        // The plan is on the disk already; that a change was begun need not be waited for.
        let _ = self.entry(started, false);
        let outcome = match &change.call {
            Ok(call) => self.send_patiently(call, change.after_creation).await,
            Err(error) => Err(error.clone()),
        };
        let (status, reply, error, note) = match outcome {
            Ok(reply) => (Status::Succeeded, Some(reply), None, None),
            // Of a target that was never seen, "not found" may mean that it is under another name.
            Err(error)
                if error.kind == Kind::NotFound
                    && !self.exists
                    && self.runbook.intent != Intent::Creates
                    && change.settled_by.contains(&error.kind) =>
            {
                (Status::Unknown, None, Some(error), None)
            }
            Err(error) if change.settled_by.contains(&error.kind) => {
                let note = if error.in_doubt() {
                    "as wanted already, or by a first attempt whose answer was lost"
                } else {
                    "as wanted already"
                };
                (Status::Succeeded, None, Some(error), Some(note.to_owned()))
            }
            Err(error) if error.kind == Kind::Limit && change.covered_by.is_some_and(|by| self.is_in_force(by)) => {
                let by = change.covered_by.unwrap_or_default();
                let note = format!("a quota is used up for it; the {by} covers it for as long as it is in force");
                (Status::Succeeded, None, Some(error), Some(note))
            }
            Err(error) if error.in_doubt() => (Status::Unknown, None, Some(error), None),
            Err(error) => (Status::Failed, None, Some(error), None),
        };
        let made = Made { change, status, stage, reply, error, note, at: Some(SystemTime::now()) };
        if status == Status::Succeeded {
            tracing::info!("{}: done", made.change.what);
        } else {
            tracing::warn!("{}: {}", made.change.what, made.ended());
        }
        let mut ended = made.described();
        ended["event"] = serde_json::to_value(status).unwrap_or_default();
        let _ = self.entry(ended, false);
        made
    }

    /// Whether what changes of this kind bring was seen at the first look, or they were made.
    fn is_in_force(&self, about: &str) -> bool {
        let mut made = self.made.iter().filter(|made| made.change.about.starts_with(about)).peekable();
        let any = made.peek().is_some();
        let seen = self.observed.get(about).is_some_and(|seen| seen["unknown"].is_null());
        (any || seen) && made.all(|made| made.status == Status::Succeeded)
    }

    /// Sends a call; where it is about something just created, "not found" is waited out for a while.
    async fn send_patiently(&self, call: &Call, after_creation: bool) -> Result<Reply<Value>, Error> {
        let mut pause = Duration::from_millis(250);
        loop {
            let sent = self.context.client.send(call).await;
            match sent {
                Err(error) if after_creation && error.kind == Kind::NotFound && pause < Duration::from_secs(8) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                sent => return sent,
            }
        }
    }

    fn skip(&mut self, stage: usize, change: Change, reason: &str) {
        tracing::warn!("{}: skipped, because {reason}", change.what);
        let mut made = Made::planned(stage, change);
        made.status = Status::Skipped;
        made.note = Some(reason.to_owned());
        let mut entry = made.described();
        entry["event"] = "skipped".into();
        let _ = self.entry(entry, false);
        self.put(made);
    }

    /// Keeps the latest ending of a change; an acknowledgement is not forgotten.
    fn put(&mut self, made: Made) {
        match self.made.iter_mut().find(|known| known.change.same_as(&made.change)) {
            Some(known) if known.status == Status::Succeeded && made.status == Status::Skipped => {}
            // A repetition for which there was no time any more has nothing newer to tell.
            Some(known) if known.status == Status::Failed && made.was_never_sent() => {}
            Some(known) => {
                let reply = made.reply.clone().or(known.reply.take());
                *known = Made { reply, ..made };
            }
            None => self.made.push(made),
        }
    }

    /// Looks again, settles what was in doubt, and returns what is still to be done.
    async fn look_again(&mut self) -> Vec<(usize, Change)> {
        let pause = PAUSES[self.rounds.saturating_sub(1).min(ROUNDS - 1)];
        if Instant::now() + pause < self.context.client.deadline() {
            tokio::time::sleep(pause).await;
        }
        if self.deleted_by_us() && matches!(self.target.look(&self.reader).await, Sight::Missing(_)) {
            return self.gone().await;
        }
        // One look at least has to be patient while there is a round left for what it shows.
        let patience = (self.runbook.regardless && self.rounds + 1 < ROUNDS).then_some(PATIENCE);
        let mut view = self.observe_anew(&self.look(self.target.clone(), false), patience).await;
        match self.follow(&view).await {
            Whereabouts::Here => {}
            Whereabouts::Moved(target) => {
                self.notes.push(format!(
                    "{} was renamed to {} while the run was under way; it was followed by its id.",
                    self.target.words(),
                    target.name
                ));
                tracing::warn!("{} is now called {}; following it", self.target.words(), target.name);
                self.target = *target;
                // What was not found under the old name was never tried on the target.
                for made in &mut self.made {
                    let not_found = made.error.as_ref().is_some_and(|error| error.kind == Kind::NotFound);
                    if matches!(made.status, Status::Failed | Status::Unknown) && not_found {
                        made.status = Status::Skipped;
                        made.note = Some("it went to a name that the target no longer had".to_owned());
                    }
                }
                view = self.observe_anew(&self.look(self.target.clone(), false), patience).await;
            }
            Whereabouts::Gone => return self.gone().await,
            Whereabouts::Unknown(why) => {
                // What was not found was perhaps not the target's any more.
                for made in self.made.iter_mut().filter(|made| made.status == Status::Succeeded && made.reply.is_none())
                {
                    made.status = Status::Unknown;
                    made.note =
                        Some(format!("not found under this name, and where the target is could not be told: {why}"));
                }
                self.stale = true;
                self.verified = Verified::Unconfirmed(why);
                return vec![];
            }
        }
        self.keys.extend(view.access_keys());
        self.latest = view.evidence();
        self.missed = view.missed;
        self.make_up_for_what_was_missed();
        self.note_unread(&view);
        if let Err(refused) = self.guard() {
            // A look showed what the first one could not: that the target is the connector itself, or protected.
            self.refused = Some(refused);
            return vec![];
        }
        let mut plan = view.plan();
        // What is covered by something else is not missing.
        plan.retain(|(_, change)| !self.made.iter().any(|made| made.is_covered() && made.change.same_as(change)));
        // What could not be read proves nothing about what is in doubt.
        let blind: Vec<&Sighting> = view.sightings().filter(|sighting| sighting.unknown.is_some()).collect();
        if blind.is_empty() {
            self.settle(&plan);
        }
        let unseen = blind.iter().find_map(|sighting| sighting.unknown.as_ref()).map(ToString::to_string);
        let blind_changes: Vec<&Change> = blind.iter().flat_map(|sighting| &sighting.changes).collect();
        let repeat = |change: &Change| match self.made.iter().find(|made| made.change.same_as(change)) {
            // Something new: a rival is at work, or a conflict has shown what was not seen before.
            None => true,
            // Nobody works against a creation: IAM only lags, and would refuse the second time.
            Some(made) if made.status == Status::Succeeded && self.runbook.intent == Intent::Creates => false,
            Some(made) if made.status == Status::Succeeded => {
                let blind = blind_changes.iter().any(|blind| blind.same_as(change));
                !blind && made.change.call.as_ref().is_ok_and(|call| call.operation().repeatable())
            }
            Some(made) => made.may_be_tried_again(),
        };
        let shown = plan.iter().filter(|(_, change)| !blind_changes.iter().any(|blind| blind.same_as(change)));
        let shown: Vec<_> = shown.map(|(_, change)| format!("still to {}", change.what)).collect();
        let unread = blind.iter().find(|sighting| sighting.changes.is_empty() && sighting.reach != Reach::Nothing);
        let unconfirmed = unread.and_then(|sighting| {
            let error = sighting.unknown.as_ref()?;
            Some(format!("{} could not be read again: {error}", sighting.name.replace('_', " ")))
        });
        let wanted: Vec<_> = plan.iter().filter(|(_, change)| repeat(change)).cloned().collect();
        let todo = wanted
            .iter()
            .filter(|(stage, change)| self.obstacle((*stage, change.order), &wanted).is_none())
            .cloned()
            .collect();
        self.stale = !shown.is_empty();
        self.still_shown = shown;
        self.unconfirmed = unconfirmed;
        self.verified = match (self.stale, unseen) {
            (false, None) => self.verified_now(),
            (false, Some(why)) => Verified::Unconfirmed(why),
            (true, _) => Verified::Unconfirmed("not everything was seen as wanted yet".to_owned()),
        };
        // Where only what failed for good is left, looking again would show nothing new; what is in doubt may show yet.
        self.stale &= matches!(self.worst(), None | Some(Status::Unknown));
        todo
    }

    /// Takes into the evidence what the first look could not read and this one could, where nothing of it was changed yet.
    fn make_up_for_what_was_missed(&mut self) {
        let unknown = |seen: &Value| seen.get("unknown").is_some();
        let missing = self.observed.iter().filter(|(name, seen)| unknown(seen) && !self.blind.contains(name.as_str()));
        let names: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
        let read = names.into_iter().filter_map(|name| {
            let seen = self.latest.get(&name).filter(|seen| !unknown(seen))?.clone();
            Some((name, seen))
        });
        let read: Map<String, Value> = read.collect();
        if !read.is_empty() {
            let entry = json!({ "event": "observed", "target": self.target_json(), "observed": read });
            let _ = self.entry(entry, true);
            self.observed.extend(read);
        }
    }

    /// The target is gone. What was its own is gone with it; what only hung on it is looked for without its name, which
    /// may be somebody else's by now.
    async fn gone(&mut self) -> Vec<(usize, Change)> {
        if self.runbook.intent == Intent::Gives {
            for made in self.made.iter_mut().filter(|made| made.status == Status::Succeeded) {
                made.status = Status::Unknown;
                made.note = Some(format!("{} with this id is gone", self.target.principal.name()));
            }
            self.verified = Verified::Unconfirmed("the target is gone".to_owned());
            self.stale = false;
            return vec![];
        }
        let look = Look { gone: true, ..self.look(self.target.clone(), false) };
        let mut left = vec![];
        for (stage, steps) in self.runbook.stages.iter().enumerate() {
            for step in steps.iter().filter(|step| step.says() == Reach::Outlives) {
                let sighting = step.observe(&self.reader, &look).await(&look);
                left.extend(sighting.changes.into_iter().map(|change| (stage, change)));
            }
        }
        self.moot(&left);
        self.stale = false;
        self.verified = if left.is_empty() { self.verified_now() } else { Verified::No };
        left.retain(|(_, change)| {
            self.made.iter().all(|made| !made.change.same_as(change) || made.may_be_tried_again())
        });
        left
    }

    /// Where the target is at a later look.
    async fn follow(&self, view: &View) -> Whereabouts {
        match &view.target {
            Sight::There(target) if self.target.id().is_none() || target.id() == self.target.id() => Whereabouts::Here,
            // Reading the things of a target that is no longer under its name says so as well.
            Sight::Unknown(_) if view.lost() && self.deleted_by_us() => Whereabouts::Gone,
            Sight::Unknown(_) if view.lost() => {
                Whereabouts::Unknown(format!("{} is no longer there under this name", self.target.words()))
            }
            Sight::Unknown(_) if self.target.id().is_none() => Whereabouts::Here,
            Sight::Unknown(error) if error.kind == Kind::Denied => Whereabouts::Here,
            Sight::Unknown(error) => Whereabouts::Unknown(error.to_string()),
            // The name is free, or somebody else's now.
            Sight::There(_) | Sight::Missing(_) => {
                if self.runbook.intent == Intent::Creates {
                    return Whereabouts::Here;
                }
                if self.deleted_by_us() {
                    return Whereabouts::Gone;
                }
                match self.target.locate(&self.reader, &self.keys).await {
                    Ok(Some(found)) => Whereabouts::Moved(Box::new(found)),
                    Ok(None) => Whereabouts::Gone,
                    Err(error) => Whereabouts::Unknown(format!(
                        "{} is no longer there under this name, and whether it was renamed could not be told: {error}",
                        self.target.words()
                    )),
                }
            }
        }
    }

    /// Pins what this run created, so that its record says by which id it can be known again.
    fn pin_created(&mut self) {
        let shown = self.latest.get("role").filter(|role| role["RoleId"].is_string()).cloned();
        let answered = self.made.iter().filter_map(|made| made.reply.as_ref()).map(|reply| reply.data["Role"].clone());
        let Some(entity) = shown.or_else(|| answered.into_iter().find(|role| role["RoleId"].is_string())) else {
            return;
        };
        let text = |name: &str| entity[name].as_str().unwrap_or_default().to_owned();
        self.target.pinned = Some(Pinned { id: text("RoleId"), arn: text("Arn"), path: text("Path"), entity });
    }

    /// Whether IAM acknowledged our own deletion of the target, and nothing before it was missing: then the name that
    /// was deleted was the target's.
    fn deleted_by_us(&self) -> bool {
        let acknowledged = |made: &&Made| made.status == Status::Succeeded && made.reply.is_some();
        let deletes = |made: &Made| matches!(made.change.operation(), "DeleteUser" | "DeleteRole");
        self.made.iter().filter(acknowledged).any(deletes) && self.made.iter().all(|made| made.note.is_none())
    }

    /// A look settles what was in doubt: a change that is no longer planned has been carried out, by whomever.
    fn settle(&mut self, plan: &[(usize, Change)]) {
        let planned = |made: &Made| plan.iter().any(|(_, change)| change.same_as(&made.change));
        for made in self.made.iter_mut().filter(|made| !planned(made)) {
            let note = match (made.status, &made.error) {
                (Status::Unknown, _) => "its answer was lost; a later look showed that it was carried out",
                (Status::Skipped, _) => "not needed any more, a later look showed",
                (Status::Failed, Some(error)) if error.kind.passes() || error.kind == Kind::Denied => {
                    "refused, but a later look showed things as wanted"
                }
                // What IAM says of a thing that was named explicitly stays said.
                _ => continue,
            };
            made.status = Status::Succeeded;
            made.note = Some(note.to_owned());
        }
    }

    /// The target itself is gone: nothing needs changing any more but what is left.
    fn moot(&mut self, left: &[(usize, Change)]) {
        let gone = format!("{} with this id is gone", self.target.principal.name());
        let is_left = |made: &Made| left.iter().any(|(_, change)| change.same_as(&made.change));
        for made in self.made.iter_mut().filter(|made| made.status != Status::Succeeded && !is_left(made)) {
            made.status = Status::Succeeded;
            made.note = Some(gone.clone());
        }
        self.unread.clear();
    }

    /// Takes back what this run created, last first.
    async fn take_back(&mut self) {
        for at in (0..self.made.len()).rev() {
            let ours = self.made[at].reply.is_some() || self.made[at].error.as_ref().is_some_and(Error::in_doubt);
            if !ours || !matches!(self.made[at].status, Status::Succeeded | Status::Unknown) {
                continue;
            }
            let Reversal::Exact(back) = self.made[at].change.reversal.clone() else { continue };
            let made = self.send(self.made[at].stage, *back).await;
            match made.status {
                Status::Succeeded => {
                    self.made[at].status = Status::TakenBack;
                    self.made[at].note = Some("taken back, so that a retry starts clean".to_owned());
                }
                _ => self.made[at].note = Some(format!("left behind: taking it back {}", made.ended())),
            }
        }
    }

    /// The end of a single call: IAM's answer, and where there is something that shows what it made, a look at that.
    async fn conclude_once(&mut self, proof: &Prove) -> Result<Outcome, Failure> {
        let made = self.made.first();
        if let Some(error) = made.filter(|made| made.status == Status::Unknown).and_then(|made| made.error.as_ref()) {
            self.verified = Verified::Unconfirmed(format!("whether IAM has carried it out is not known: {error}"));
            return self.conclude(&[]);
        }
        if let Some(error) = made.filter(|made| made.status == Status::Failed).and_then(|made| made.error.clone()) {
            let meaning = error.meaning().map_or_else(String::new, |meaning| format!("{meaning}. "));
            return Err(Failure::Explained { message: format!("{meaning}Nothing was changed"), error });
        }
        let proof = made.and_then(|made| made.reply.as_ref()).and_then(|reply| proof(&reply.data));
        self.verified = match proof {
            None => Verified::Unconfirmed("IAM acknowledged it; a single call is not looked at again".to_owned()),
            Some(proof) => {
                match unless_stopped(self.context.stop, self.reader.until_there(&proof.call, proof.holds.as_deref()))
                    .await
                {
                    None => Verified::Unconfirmed("the run was told to stop".to_owned()),
                    Some(answer) => match answer {
                        Ok(_) => self.verified_now(),
                        Err(error) => {
                            self.unconfirmed = Some(format!("IAM acknowledged it, but does not show it yet: {error}"));
                            Verified::Unconfirmed(error.to_string())
                        }
                    },
                }
            }
        };
        self.conclude(&[])
    }

    fn conclude(&mut self, rest: &[(usize, Change)]) -> Result<Outcome, Failure> {
        let unfinished = !rest.is_empty() || self.worst().is_some() || self.verified == Verified::No;
        if self.stopped() && unfinished {
            return Err(Failure::Cancelled(format!("Cancelled. {}", self.account(rest))));
        }
        if let Some(Failure::Refused { rule, message }) = self.refused.take() {
            return Err(Failure::Refused {
                rule,
                message: format!("{message} Before that was known: {}", self.account(rest)),
            });
        }
        let acknowledged = self.made.iter().any(|made| made.reply.is_some());
        let real = self.exists
            || acknowledged
            || self.runbook.intent == Intent::Creates
            || matches!(self.verified, Verified::At { .. }) && self.target.id().is_some();
        let taken_back = self.made.iter().any(|made| made.status == Status::TakenBack);
        if self.worst().is_some() || taken_back || !self.unread.is_empty() || !self.all_acknowledged(rest) || !real {
            return Err(Failure::Incomplete(self.account(rest)));
        }
        let done = Done {
            target: self.target.clone(),
            changes: std::mem::take(&mut self.made),
            observed: self.observed.clone(),
            latest: self.latest.clone(),
            verified: self.verified.clone(),
            request_id: self.context.client.last_request_id(),
        };
        let mut outcome = (self.runbook.finish)(&done);
        self.made = done.changes;
        if let Some(message) = &mut outcome.message {
            if self.stale {
                let shown: Vec<_> = self.still_shown.iter().map(String::as_str).collect();
                let shown = if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) };
                _ = write!(
                    message,
                    " (unconfirmed: IAM acknowledged every change, but later looks did not show all of it{shown}; IAM lags, or somebody undoes it: look again in a minute)"
                );
            } else if let Some(why) = &self.unconfirmed {
                _ = write!(message, " (unconfirmed: {why})");
            } else if let (Verified::Unconfirmed(why), true) = (&self.verified, self.runbook.regardless) {
                _ = write!(
                    message,
                    " (unconfirmed: IAM acknowledged every change, but not all could be read again: {why})"
                );
            }
        }
        Ok(outcome)
    }

    fn all_acknowledged(&self, rest: &[(usize, Change)]) -> bool {
        rest.iter().all(|(_, change)| {
            self.made
                .iter()
                .any(|made| made.status == Status::Succeeded && made.reply.is_some() && made.change.same_as(change))
        })
    }

    /// The worst ending of any change, if any did not succeed.
    fn worst(&self) -> Option<Status> {
        let of = |status: Status| self.made.iter().any(|made| made.status == status).then_some(status);
        of(Status::Unknown).or(of(Status::Failed)).or(of(Status::Skipped))
    }

    /// Nothing is left to be remembered when all was done, or when all that was created was taken back.
    fn forget_if_done(&self, done: bool) {
        let open = |made: &Made| matches!(made.status, Status::Succeeded | Status::Unknown);
        let undone = self.runbook.intent == Intent::Creates && !self.made.iter().any(open);
        if !self.context.dry_run && (done || undone) && self.worst() != Some(Status::Unknown) {
            self.context.recorder.forget(&self.memory());
        }
    }

    /// What was done and what was not, in words, for a tired human.
    fn account(&self, rest: &[(usize, Change)]) -> String {
        let list = |status: Status| -> Vec<String> {
            let some = self.made.iter().filter(|made| made.status == status);
            some.map(|made| {
                let shown = !matches!(status, Status::Succeeded | Status::TakenBack);
                let error = made.error.as_ref().filter(|_| shown).map(ToString::to_string);
                let why: Vec<_> = made.note.clone().into_iter().chain(error).collect();
                let what = &made.change.what;
                if why.is_empty() { what.clone() } else { format!("{what} ({})", why.join("; ")) }
            })
            .collect()
        };
        let mut told = vec![];
        for (words, status) in [
            ("Failed", Status::Failed),
            ("In doubt (may or may not have happened)", Status::Unknown),
            ("Done", Status::Succeeded),
            ("Taken back", Status::TakenBack),
            ("Not done", Status::Skipped),
        ] {
            let changes = list(status);
            if !changes.is_empty() {
                told.push(format!("{words}: {}", changes.join("; ")));
            }
        }
        if !self.exists && self.target.id().is_none() && self.runbook.intent != Intent::Creates {
            told.push(format!(
                "Whether {} is there at all could not be told, because {} is not allowed",
                self.target.words(),
                self.target.read_by()
            ));
        }
        for (name, error) in &self.unread {
            told.push(format!("Not known, because it could not be read: {} ({error})", name.replace('_', " ")));
        }
        if !rest.is_empty() {
            let rest: Vec<_> = rest.iter().map(|(_, change)| change.what.as_str()).collect();
            told.push(format!("Still to be done at the last look: {}", rest.join("; ")));
        }
        if self.made.is_empty() {
            told.push("Nothing was changed".to_owned());
        }
        if self.worst().is_none() && self.sends >= ROUNDS {
            told.push(format!("Something undid or added to what was done in each of {} rounds", self.sends));
        }
        let limited = |made: &Made| made.error.as_ref().is_some_and(|error| error.kind == Kind::Limit);
        if self.made.iter().any(|made| made.status == Status::Failed && limited(made)) {
            told.push(
                "A quota stands in the way: make room first, by taking away what is not needed (inline policies, attached policies, versions), or ask AWS for more"
                    .to_owned(),
            );
        }
        match self.runbook.intent {
            _ if self.runbook.once.is_some() => {
                told.push("Look whether it was made before calling again".to_owned());
            }
            Intent::TakesAway => told.push(format!(
                "{} is NOT fully contained; what was done stays done, and running the action again goes on from here",
                self.target.words()
            )),
            _ => told.push("Running the action again goes on from here".to_owned()),
        }
        told.join(". ") + "."
    }

    fn stopped(&self) -> bool {
        *self.context.stop.borrow()
    }

    fn verified_now(&self) -> Verified {
        let after_ms = self.last_acknowledged.map(|at| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX));
        Verified::At { time: timestamp(SystemTime::now()), after_ms }
    }

    fn target_json(&self) -> Value {
        let mut target = json!({ "kind": self.target.principal.name(), "name": self.target.name });
        if self.target.given != self.target.name {
            target["given"] = self.target.given.clone().into();
        }
        if let Some(pinned) = &self.target.pinned {
            target["id"] = pinned.id.clone().into();
            target["arn"] = pinned.arn.clone().into();
        }
        target
    }

    /// The run's own record, the first of the result's extra data.
    fn record(&self, outcome: &Result<Outcome, Failure>) -> Value {
        let verified = match &self.verified {
            Verified::At { time, after_ms } => json!({ "state": "verified", "at": time, "after_ms": after_ms }),
            Verified::Unconfirmed(why) => json!({ "state": "unconfirmed", "why": why }),
            Verified::No => json!({ "state": "no" }),
        };
        let mut record = json!({
            "run_id": self.context.recorder.run_id(),
            "target": self.target_json(),
            "dry_run": self.context.dry_run,
            "observed": self.observed,
            "changes": self.made.iter().map(Made::described).collect::<Vec<_>>(),
            "rounds": self.rounds,
            "verified": verified,
        });
        if let Ok(identity) = &self.identity {
            record["caller"] = json!(identity);
        }
        let mut notes: Vec<String> = vec![];
        for note in self.notes.iter().cloned().chain(self.context.recorder.trouble()) {
            // A look that was made again says the same again.
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        if !notes.is_empty() {
            record["notes"] = json!(notes);
        }
        if let Err(failure) = outcome {
            record["failure"] = failure.described();
        }
        let mut end = record.clone();
        end["event"] = "ended".into();
        if !self.context.dry_run {
            let _ = self.entry(end, true);
        }
        record
    }
}

/// Where a target is at a later look.
enum Whereabouts {
    Here,
    Moved(Box<Target>),
    Gone,
    Unknown(String),
}

impl Made {
    fn planned(stage: usize, change: Change) -> Self {
        Self { change, status: Status::Planned, stage, reply: None, error: None, note: None, at: None }
    }

    /// Whether something else stands in for it, since a quota is used up.
    fn is_covered(&self) -> bool {
        let limited = self.error.as_ref().is_some_and(|error| error.kind == Kind::Limit);
        limited && self.status == Status::Succeeded && self.reply.is_none()
    }

    /// Whether the time was up before it could be sent at all.
    fn was_never_sent(&self) -> bool {
        let error = self.error.as_ref().filter(|_| self.status == Status::Failed);
        error.is_some_and(|error| error.kind == Kind::TimeOut && !error.in_doubt())
    }

    /// Whether the next round should try again what did not succeed: not what IAM refuses for good.
    fn may_be_tried_again(&self) -> bool {
        // A creation that may have been carried out is looked for, never made again.
        if self.status == Status::Unknown && !self.change.call.as_ref().is_ok_and(|call| call.operation().repeatable())
        {
            return false;
        }
        match (&self.status, &self.error) {
            (Status::Skipped, _) => true,
            (_, Some(error)) => error.kind.passes() || matches!(error.kind, Kind::Conflict | Kind::MalformedReply),
            (_, None) => false,
        }
    }

    fn ended(&self) -> String {
        let error = self.error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
        match self.status {
            Status::Failed => format!("failed{error}"),
            Status::Unknown => format!("is in doubt{error}"),
            _ => format!("ended{error}"),
        }
    }

    fn described(&self) -> Value {
        let mut described = self.change.described_in(self.stage);
        described["status"] = json!(self.status);
        if let Some(reply) = &self.reply {
            described["request_id"] = reply.request_id.clone().into();
            described["attempts"] = reply.attempts.into();
        }
        if let Some(error) = &self.error {
            described["error"] = json!(error);
        }
        if let Some(note) = &self.note {
            described["note"] = note.clone().into();
        }
        if let Some(at) = self.at {
            described["at"] = timestamp(at).into();
        }
        described
    }
}
