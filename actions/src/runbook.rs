//! A runbook: a target, stages of steps, and what to say when they are done.
//!
//! Declares; the executor carries out. Changes of one stage are independent of each other; a stage waits for the one
//! before it, and is skipped when something in that one failed or is in doubt.

use crate::execute::Done;
use crate::outcome::{Failure, Outcome, row};
use crate::step::{AnyStep, Recalled, Step};
use crate::steps::evidence;
use crate::steps::single_call::Proof;
use crate::target::Target;
use serde_json::{Map, Value, json};

/// What a runbook does to its target's access; decides which guards count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Takes access away: never from the caller itself or a protected principal.
    TakesAway,
    /// Gives access, or gives it back.
    Gives,
    /// Creates: what it created is taken back when a later stage fails.
    Creates,
}

/// What it means that the target does not exist at the first look.
pub enum Missing {
    /// A failure, with AWS's error.
    Fails,
    /// A failure, in these words, with AWS's error.
    FailsSaying(String),
    /// What was wanted; with this message.
    IsFine(String),
    /// What is needed: the runbook is about to create it.
    IsNeeded,
}

/// Changes that may be made at once.
pub(crate) type Stage = Vec<Box<dyn AnyStep>>;
/// What a runbook says of its success.
pub(crate) type Finish = Box<dyn Fn(&Done) -> Outcome + Send + Sync>;

/// Why what the first look showed forbids the plan, if it does.
pub(crate) type Objection = Box<dyn Fn(&Map<String, Value>, &Recalled) -> Option<Failure> + Send + Sync>;

/// What shows what a reply says was made, and nothing where there is none.
pub(crate) type Prove = Box<dyn Fn(&Value) -> Option<Proof> + Send + Sync>;

/// What is to be done.
#[allow(clippy::struct_excessive_bools, reason = "each is a trait of its own")]
pub struct Runbook {
    pub(crate) target: Target,
    pub(crate) intent: Intent,
    pub(crate) missing: Missing,
    pub(crate) stages: Vec<Stage>,
    pub(crate) objection: Objection,
    /// The account and the unique id that the target must have.
    pub(crate) expects: Option<(String, String)>,
    /// Whether it must not begin where the target itself could not be looked at.
    pub(crate) must_be_seen: bool,
    /// Why it must not begin at all.
    pub(crate) refusal: Option<Failure>,
    /// Whether the guards of what takes access away count although it gives.
    pub(crate) guarded: bool,
    /// Whether it is one call, which is not repeated and not looked at again, but for what shows what it made.
    pub(crate) once: Option<Prove>,
    /// Access keys that it is about.
    pub(crate) keys: Vec<String>,
    /// Whether it deletes its target.
    pub(crate) deletes: bool,
    /// The name of the target once more, if it was repeated.
    pub(crate) repeated: Option<String>,
    /// Whether a stage goes on although the one before it failed.
    pub(crate) regardless: bool,
    /// The stages before which a change needs time to take hold everywhere.
    pub(crate) pauses: Vec<usize>,
    /// What of the observed it will not bring to what is wanted, in words.
    pub(crate) leaves: fn(&Map<String, Value>) -> Vec<String>,
    pub(crate) finish: Finish,
}

impl std::fmt::Debug for Runbook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runbook")
            .field("target", &self.target)
            .field("stages", &self.stages.len())
            .finish_non_exhaustive()
    }
}

impl Runbook {
    /// What it is about, as the request names it.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// A runbook that takes access away from its target.
    #[must_use]
    pub fn takes_away_from(target: Target) -> Self {
        Self::new(target, Intent::TakesAway)
    }

    /// A runbook that gives its target access.
    #[must_use]
    pub fn gives_to(target: Target) -> Self {
        Self::new(target, Intent::Gives)
    }

    /// A runbook that creates its target.
    #[must_use]
    pub fn creates(target: Target) -> Self {
        Self { missing: Missing::IsNeeded, ..Self::new(target, Intent::Creates) }
    }

    fn new(target: Target, intent: Intent) -> Self {
        let finish: Finish = Box::new(|_| Outcome::default());
        Self {
            target,
            intent,
            missing: Missing::Fails,
            stages: vec![],
            objection: Box::new(|_, _| None),
            expects: None,
            must_be_seen: false,
            refusal: None,
            guarded: false,
            once: None,
            keys: vec![],
            deletes: false,
            repeated: None,
            regardless: false,
            pauses: vec![],
            leaves: |_| vec![],
            finish,
        }
    }

    /// With a missing target being what was wanted.
    #[must_use]
    pub fn missing_is_fine(self, message: impl Into<String>) -> Self {
        Self { missing: Missing::IsFine(message.into()), ..self }
    }

    /// With these words where the target is missing.
    #[must_use]
    pub fn missing_says(self, message: impl Into<String>) -> Self {
        Self { missing: Missing::FailsSaying(message.into()), ..self }
    }

    /// With a reason not to begin, found in what the first look showed.
    #[must_use]
    pub fn unless(
        self,
        objection: impl Fn(&Map<String, Value>, &Recalled) -> Option<Failure> + Send + Sync + 'static,
    ) -> Self {
        Self { objection: Box::new(objection), ..self }
    }

    /// With one more stage of one step.
    #[must_use]
    pub fn stage(mut self, step: impl Step) -> Self {
        self.stages.push(vec![Box::new(step)]);
        self
    }

    /// A runbook that must not begin, and why.
    #[must_use]
    pub fn refused(target: Target, refusal: Failure) -> Self {
        Self { refusal: Some(refusal), ..Self::new(target, Intent::Gives) }
    }

    /// With the account and unique id that the target must have.
    #[must_use]
    pub fn expects(self, account: impl Into<String>, id: impl Into<String>) -> Self {
        Self { expects: Some((account.into(), id.into())), must_be_seen: true, ..self }
    }

    /// As one that must not begin where the target itself could not be looked at.
    #[must_use]
    pub fn must_be_seen(self) -> Self {
        Self { must_be_seen: true, ..self }
    }

    /// With the guards of what takes access away, where that is wanted although it gives.
    #[must_use]
    pub fn guarded_if(self, guarded: bool) -> Self {
        Self { guarded, ..self }
    }

    /// What counts for the guards.
    pub(crate) fn guards(&self) -> Intent {
        if self.guarded { Intent::TakesAway } else { self.intent }
    }

    /// As one call that IAM's answer settles. `proof` is made of the reply and repeated until IAM shows what was made;
    /// where there is none, the answer is the last word.
    #[must_use]
    pub fn once(self, proof: impl Fn(&Value) -> Option<Proof> + Send + Sync + 'static) -> Self {
        Self { once: Some(Box::new(proof)), ..self }
    }

    /// As being about these access keys: never about the connector's own.
    #[must_use]
    pub fn about_keys(self, keys: Vec<String>) -> Self {
        Self { keys, ..self }
    }

    /// As the deletion of its target, whose name was repeated so, if at all.
    #[must_use]
    pub fn confirmed_by(self, repeated: Option<&str>) -> Self {
        Self { deletes: true, repeated: repeated.map(str::to_owned), ..self }
    }

    /// With what it will leave as it is, told also before anything is changed.
    #[must_use]
    pub fn leaves(self, leaves: fn(&Map<String, Value>) -> Vec<String>) -> Self {
        Self { leaves, ..self }
    }

    /// With stages that go on although the one before them failed: of a containment, each part counts by itself.
    #[must_use]
    pub fn regardless(self) -> Self {
        Self { regardless: true, ..self }
    }

    /// With one more stage of one step, after what was changed before it has had time to take hold everywhere.
    #[must_use]
    pub fn stage_after_pause(mut self, step: impl Step) -> Self {
        self.pauses.push(self.stages.len());
        self.stage(step)
    }

    /// With one more stage of one step where it is wanted.
    #[must_use]
    pub fn stage_if(self, wanted: bool, step: impl Step) -> Self {
        if wanted { self.stage(step) } else { self }
    }

    /// With everything that hangs on the target in the evidence where that is wanted; read beside the first stage.
    #[must_use]
    pub fn gathers_everything_if(self, wanted: bool) -> Self {
        self.stage_if(wanted, evidence::everything())
    }

    /// With one more step in the last stage.
    #[must_use]
    pub fn and(mut self, step: impl Step) -> Self {
        match self.stages.last_mut() {
            Some(stage) => stage.push(Box::new(step)),
            None => self.stages.push(vec![Box::new(step)]),
        }
        self
    }

    /// With one more step in the last stage where it is wanted.
    #[must_use]
    pub fn and_if(self, wanted: bool, step: impl Step) -> Self {
        if wanted { self.and(step) } else { self }
    }

    /// With what to say: one row with the request id, and this message.
    #[must_use]
    pub fn says(self, message: impl Into<String>) -> Self {
        let message = message.into();
        self.finishes(move |done| Outcome {
            message: Some(message.clone()),
            data: vec![row(&json!({}), done.request_id())],
            ..Outcome::default()
        })
    }

    /// With what to say, made of what was done.
    #[must_use]
    pub fn finishes(self, finish: impl Fn(&Done) -> Outcome + Send + Sync + 'static) -> Self {
        Self { finish: Box::new(finish), ..self }
    }
}
