//! Faults: adverse conditions that are asked for, and when they are due.
//!
//! Only says what is due for a call; the server does it.

use crate::clock;
use crate::operations::{handler, sts};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// One adverse condition: which calls it hits, and what it does to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The operation that it hits; every operation where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Which of the matching calls it hits, counted from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub occurrences: Vec<u64>,
    /// It hits each call whose number is a multiple of this. With neither, it hits every matching call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// What it does.
    #[serde(rename = "do")]
    pub effect: Effect,
}

/// What a fault does to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Effect {
    /// Refuses the call: 400 Throttling.
    Throttle,
    /// Refuses calls beyond a rate: 400 Throttling.
    ThrottleAbove {
        /// How many calls go through in any second.
        per_second: usize,
    },
    /// Waits before the call is executed.
    Delay {
        /// For how long.
        milliseconds: u64,
    },
    /// Refuses the call: 503 `ServiceUnavailable`.
    Unavailable,
    /// Refuses the call with an error of IAM's form.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error code.
        code: String,
        /// The message.
        #[serde(default)]
        message: String,
    },
    /// Answers with this, whatever was asked; the call is not executed.
    Respond {
        /// The HTTP status.
        status: u16,
        /// The content type; `text/xml` where it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_type: Option<String>,
        /// Further headers.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        headers: Map<String, Value>,
        /// The body.
        #[serde(default)]
        body: String,
    },
    /// Executes the call and closes the connection without a reply.
    LoseReply,
    /// Resets the connection before the call is executed.
    Reset,
    /// Executes the call and sends half of the reply.
    Truncate {
        /// Whether the header still promises the full length, so that the connection breaks off in the middle; without
        /// it the header tells the shortened length, and only the XML is broken.
        #[serde(default)]
        full_length: bool,
    },
    /// Says nothing for a time, then closes the connection.
    Stall {
        /// For how long.
        seconds: f64,
        /// Whether the call is executed before the silence.
        #[serde(default)]
        executed: bool,
    },
    /// Reads show the account as it was some time ago.
    Lag {
        /// By how much reads are behind.
        milliseconds: u64,
    },
    /// Lists give fewer items than asked for, with `IsTruncated` true.
    ShortPages {
        /// The sizes of the pages in turn, beginning again at the end; 0 is an empty page.
        #[serde(default = "one")]
        sizes: Vec<usize>,
    },
    /// The service's clock is ahead by this; behind where it is negative.
    Skew {
        /// By how much.
        seconds: i64,
    },
    /// Someone else makes a call of their own, unhindered by permissions.
    Rival {
        /// Whether it comes before the call that it is bound to, rather than right after.
        #[serde(default)]
        before: bool,
        /// The operation.
        operation: String,
        /// Its parameters.
        #[serde(default)]
        parameters: Map<String, Value>,
    },
}

fn one() -> Vec<usize> {
    vec![1]
}

impl Fault {
    /// A fault that hits every call of an operation.
    #[must_use]
    pub fn every(operation: &str, effect: Effect) -> Self {
        Self { operation: Some(operation.to_owned()), occurrences: vec![], every: None, effect }
    }

    /// A fault that hits the `n`-th call of an operation, counted from 1.
    #[must_use]
    pub fn nth(operation: &str, n: u64, effect: Effect) -> Self {
        Self { occurrences: vec![n], ..Self::every(operation, effect) }
    }

    /// Whether the fault can be done at all.
    pub(crate) fn check(&self) -> Result<(), String> {
        let known = |name: &str| handler(name).is_some() || sts::find(name).is_some();
        if let Some(operation) =
            self.operation.as_deref().filter(|name| awsiam_iam::table::operation(name).is_none() && !known(name))
        {
            return Err(format!("there is no operation {operation}"));
        }
        match &self.effect {
            Effect::Rival { operation, .. } if handler(operation).is_none() => {
                Err(format!("a rival cannot call {operation}: the sandbox does not have it"))
            }
            Effect::Respond { status, .. } | Effect::Error { status, .. } if !(200..=599).contains(status) => {
                Err(format!("{status} is not an HTTP status from 200 to 599"))
            }
            Effect::Stall { seconds, .. } if !(0.0..=86_400.0).contains(seconds) => {
                Err(format!("a stall of {seconds} s is not from 0 to a day"))
            }
            _ => Ok(()),
        }
    }
}

/// A fault with what it has seen.
#[derive(Debug)]
pub(crate) struct Armed {
    pub fault: Fault,
    seen: u64,
    passed: VecDeque<i64>,
}

impl Armed {
    pub fn new(fault: Fault) -> Self {
        Self { fault, seen: 0, passed: VecDeque::new() }
    }

    /// What the fault does to this call, if it hits it.
    pub fn hit(&mut self, operation: &str) -> Option<Effect> {
        let fault = &self.fault;
        if fault.operation.as_deref().is_some_and(|wanted| wanted != operation) {
            return None;
        }
        self.seen += 1;
        let due = match (fault.occurrences.is_empty(), fault.every) {
            (true, None) => true,
            (_, every) => {
                fault.occurrences.contains(&self.seen)
                    || every.is_some_and(|every| every > 0 && self.seen.is_multiple_of(every))
            }
        };
        if !due {
            return None;
        }
        if let Effect::ThrottleAbove { per_second } = fault.effect {
            let now = clock::millis();
            while self.passed.front().is_some_and(|passed| *passed <= now - 1_000) {
                self.passed.pop_front();
            }
            if self.passed.len() < per_second {
                self.passed.push_back(now);
                return None;
            }
            return Some(Effect::Throttle);
        }
        Some(fault.effect.clone())
    }
}
