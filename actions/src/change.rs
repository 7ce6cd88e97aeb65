//! One mutating call with its reversal: the unit that is planned, journaled, executed and undone.
//!
//! Holds data. Refuses to send anything: only the executor does.

use awsiam_iam::types::Write;
use awsiam_iam::{Call, Error, Kind};
use serde::Serialize;
use serde_json::{Value, json};

/// A change to be made.
#[derive(Debug, Clone)]
pub struct Change {
    /// The call, or why it cannot be made.
    pub call: Result<Call, Error>,
    /// What it does, for humans: `deactivate access key AKIA…`.
    pub what: String,
    /// What it is about: the same thing has the same words in every look, also after a rename.
    pub about: String,
    /// Errors that mean that things are as wanted already.
    pub settled_by: &'static [Kind],
    /// How to take it back.
    pub reversal: Reversal,
    /// Whether it is about something that this run has just created, which IAM may not show everywhere yet.
    pub after_creation: bool,
    /// Its place within its stage: it waits for those with a lower one. A policy that denies goes when those that allow
    /// are gone.
    pub order: u8,
    /// What is done in its place where a quota is used up.
    pub over_quota: Option<Box<Change>>,
    /// What stands in for it where a quota is used up: the words of what other changes are about, all of which are made.
    pub covered_by: Option<&'static str>,
}

/// How a change is taken back.
#[derive(Debug, Clone)]
pub enum Reversal {
    /// A call that restores what was observed, bit by bit.
    Exact(Box<Change>),
    /// A call that restores what was there, made of what the evidence holds.
    FromEvidence {
        /// The operation.
        operation: &'static str,
    },
    /// Something can be restored, but not all.
    Lossy {
        /// The action that restores what can be restored.
        by: &'static str,
        /// What stays lost.
        lost: &'static str,
    },
    /// Nothing brings it back.
    Irreversible {
        /// Why.
        why: &'static str,
    },
}

impl Change {
    /// A change by a typed request.
    pub fn new<R: Write>(request: &R, what: impl Into<String>, about: impl Into<String>, reversal: Reversal) -> Self {
        Self::of_call(Call::of(request), what, about, reversal)
    }

    /// A change by any call.
    pub fn of_call(
        call: Result<Call, Error>,
        what: impl Into<String>,
        about: impl Into<String>,
        reversal: Reversal,
    ) -> Self {
        Self {
            call,
            what: what.into(),
            about: about.into(),
            settled_by: &[],
            reversal,
            after_creation: false,
            order: 0,
            over_quota: None,
            covered_by: None,
        }
    }

    /// With errors that mean that things are as wanted already.
    #[must_use]
    pub fn settled_by(self, kinds: &'static [Kind]) -> Self {
        Self { settled_by: kinds, ..self }
    }

    /// About something that this run has just created: "not found" is then only too early.
    #[must_use]
    pub fn after_creation(self) -> Self {
        Self { after_creation: true, ..self }
    }

    /// With its place within its stage.
    #[must_use]
    pub fn in_order(self, order: u8) -> Self {
        Self { order, ..self }
    }

    /// With another change to be made in its place where a quota is used up.
    #[must_use]
    pub fn or_over_quota(self, other: Change) -> Self {
        Self { over_quota: Some(Box::new(other)), ..self }
    }

    /// A removal: what is not there needs no removing.
    #[must_use]
    pub fn removal(self) -> Self {
        self.settled_by(&[Kind::NotFound])
    }

    /// With other changes that stand in for it where a quota is used up, by the words of what they are about.
    #[must_use]
    pub fn covered_by(self, about: &'static str) -> Self {
        Self { covered_by: Some(about), ..self }
    }

    /// IAM's name of the operation.
    #[must_use]
    pub fn operation(&self) -> &str {
        match &self.call {
            Ok(call) => call.operation().name,
            Err(error) => &error.operation,
        }
    }

    /// Whether both are the same change of the same thing.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.operation() == other.operation() && self.about == other.about
    }

    /// The change as it stands in plans, journals and results; secrets masked.
    #[must_use]
    pub fn described(&self) -> Value {
        let mut described = json!({ "change": self.what, "about": self.about, "operation": self.operation() });
        if let Ok(call) = &self.call {
            described["parameters"] = call.redacted();
            if call.operation().takes_secrets() {
                described["repeatable"] = false.into();
            }
        }
        described["reversal"] = self.reversal.described();
        described
    }

    /// The same with its stage, which is counted from 0 and shown from 1.
    #[must_use]
    pub fn described_in(&self, stage: usize) -> Value {
        let mut described = self.described();
        described["stage"] = (stage + 1).into();
        described
    }
}

impl Reversal {
    /// Restores exactly, by this change.
    #[must_use]
    pub fn exact(by: Change) -> Self {
        Self::Exact(Box::new(by))
    }

    /// The reversal as it stands in plans and results.
    #[must_use]
    pub fn described(&self) -> Value {
        match self {
            Self::Exact(by) => {
                let parameters = by.call.as_ref().map(Call::redacted).unwrap_or_default();
                json!({ "kind": "exact", "change": by.what, "operation": by.operation(), "parameters": parameters })
            }
            Self::FromEvidence { operation } => json!({ "kind": "exact", "operation": operation, "from": "evidence" }),
            Self::Lossy { by, lost } => json!({ "kind": "lossy", "by": by, "lost": lost }),
            Self::Irreversible { why } => json!({ "kind": "irreversible", "why": why }),
        }
    }
}

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is in the plan of a dry run.
    Planned,
    /// IAM acknowledged it, or said that things are as wanted already, or a look showed it.
    Succeeded,
    /// IAM refused it; nothing was changed by it.
    Failed,
    /// It was not tried, because of another change or a stop.
    Skipped,
    /// No whole answer came: it may or may not have been carried out.
    Unknown,
    /// It succeeded, and was taken back because a later change failed.
    TakenBack,
}
