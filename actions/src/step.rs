//! A step brings one kind of thing to a wanted state: it says what it reads, and what it changes given what was read.
//!
//! Observing reads and never plans; planning is pure and never reads. Both are the step's; sending is not.

use crate::change::Change;
use crate::reader::Reader;
use crate::target::Target;
use awsiam_iam::{Error, Kind};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use std::future::Future;

/// The circumstances of a look.
#[derive(Debug, Clone)]
pub struct Look {
    /// The target as it is addressed at the moment.
    pub target: Target,
    /// Whether nothing was changed yet. A step that must be told AWS's error about a thing that is not there plans its
    /// change in the first look regardless.
    pub first: bool,
    /// What an earlier run on the same target saw that did not come to its end; empty where there was none.
    pub recalled: Recalled,
    /// Whether the target itself is known to be gone. Its name may be somebody else's by now, so that a step must not
    /// read by it any more.
    pub gone: bool,
    /// The partition that ARNs are of; `aws` where neither the caller nor the target told.
    pub partition: String,
    /// The endpoint's time once everything was read, whole seconds, as IAM writes times.
    pub now: String,
    /// The endpoint's time when the last change by a stage before the step's own was acknowledged.
    pub changed_before: Option<String>,
}

impl Look {
    /// The ARN of a policy that AWS manages.
    #[must_use]
    pub fn managed_policy(&self, name: &str) -> String {
        format!("arn:{}:iam::aws:policy/{name}", self.partition)
    }
}

/// What is remembered of an earlier run on the same target that did not come to its end: what it saw, what it was about
/// to do, and when it began. Some things no longer say whose they were once half of the work is done.
#[derive(Debug, Clone, Default)]
pub struct Recalled(pub Value);

impl Recalled {
    /// The texts that a step's observation held.
    #[must_use]
    pub fn texts(&self, step: &str) -> Vec<String> {
        let seen = self.0["observed"][step].as_array().into_iter().flatten();
        seen.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Whether the earlier run was about to make a change by this operation, and when it began.
    #[must_use]
    pub fn planned(&self, operation: &str) -> Option<&str> {
        let mut planned = self.0["changes"].as_array().into_iter().flatten();
        planned.find(|change| change["operation"] == operation)?;
        self.0["at"].as_str()
    }
}

/// What a step's reads showed.
#[derive(Debug, Clone)]
pub enum Seen<T> {
    /// The state.
    State(T),
    /// It could not be read: unknown, which is never taken for "none".
    Unknown(Error),
}

impl<T> Seen<T> {
    /// The state, if it could be read.
    pub fn state(&self) -> Option<&T> {
        match self {
            Self::State(state) => Some(state),
            Self::Unknown(_) => None,
        }
    }
}

/// Brings one kind of thing to a wanted state.
pub trait Step: Send + Sync + 'static {
    /// What its reads bring.
    type State: Serialize + Send + Sync;

    /// The name under which its observation stands in the evidence, such as `access_keys`.
    fn name(&self) -> &'static str;

    /// What its reads say beside their result.
    fn reach(&self) -> Reach {
        Reach::Proves
    }

    /// Reads.
    fn observe(&self, reader: &Reader, look: &Look) -> impl Future<Output = Result<Self::State, Error>> + Send;

    /// The changes that bring what was seen to the wanted state; none where it is there already.
    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change>;

    /// Reads more of what was seen, for the evidence alone: what the step's changes would destroy. Done beside earlier
    /// stages, so that it does not delay them, and before the step's own changes.
    fn gather(&self, _reader: &Reader, _seen: &Value, _target: &Target) -> impl Future<Output = Option<Value>> + Send {
        async { None }
    }
}

/// What a step's reads say of the target itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// That they succeed proves that the target is there.
    Proves,
    /// They say nothing of the target: "not found" may be the thing or the target.
    Optional,
    /// It reads nothing.
    Nothing,
    /// They are about things that are there still when the target is gone.
    Outlives,
}

/// What one step saw and would do about it.
#[derive(Debug)]
pub struct Sighting {
    /// The step's name.
    pub name: &'static str,
    /// What was seen; null where it could not be read.
    pub evidence: Value,
    /// Why it could not be read.
    pub unknown: Option<Error>,
    /// What is to be changed.
    pub changes: Vec<Change>,
    /// What the reads say of the target.
    pub reach: Reach,
}

/// What a step saw, waiting to be made a plan of.
pub type Observation<'a> = Box<dyn FnOnce(&Look) -> Sighting + Send + 'a>;

/// A step whose type of state is of no concern to its caller.
pub trait AnyStep: Send + Sync {
    /// The name under which its observation stands in the evidence.
    fn evidence_name(&self) -> &'static str;

    /// What its reads say of the target.
    fn says(&self) -> Reach;

    /// Observes. What comes of it plans, once it is known what the target is.
    fn observe<'a>(&'a self, reader: &'a Reader, look: &'a Look) -> BoxFuture<'a, Observation<'a>>;

    /// What an observation is that was not waited for.
    fn missed(&self, error: Error) -> Observation<'_>;

    /// Reads more of what was seen, for the evidence.
    fn more<'a>(&'a self, reader: &'a Reader, seen: &'a Value, target: &'a Target) -> BoxFuture<'a, Option<Value>>;
}

fn observation<S: Step>(step: &S, read: Result<S::State, Error>) -> Observation<'_> {
    let seen = match read {
        Ok(state) => Seen::State(state),
        Err(error) => Seen::Unknown(error),
    };
    Box::new(move |look: &Look| {
        let evidence = seen.state().and_then(|state| serde_json::to_value(state).ok()).unwrap_or_default();
        let changes = step.plan(&seen, look);
        let unknown = match seen {
            Seen::State(_) => None,
            Seen::Unknown(error) => Some(error),
        };
        Sighting { name: step.name(), evidence, unknown, changes, reach: step.reach() }
    })
}

impl<S: Step> AnyStep for S {
    fn evidence_name(&self) -> &'static str {
        self.name()
    }

    fn says(&self) -> Reach {
        self.reach()
    }

    fn observe<'a>(&'a self, reader: &'a Reader, look: &'a Look) -> BoxFuture<'a, Observation<'a>> {
        Box::pin(async move { observation(self, Step::observe(self, reader, look).await) })
    }

    fn missed(&self, error: Error) -> Observation<'_> {
        observation(self, Err(error))
    }

    fn more<'a>(&'a self, reader: &'a Reader, seen: &'a Value, target: &'a Target) -> BoxFuture<'a, Option<Value>> {
        Box::pin(self.gather(reader, seen, target))
    }
}

/// None for what IAM says is not there, where that is a state and not a failure.
///
/// # Errors
/// Every other error of the read.
pub fn optional<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
