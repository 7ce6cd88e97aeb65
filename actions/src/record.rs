//! Where a run writes down what it saw and did, and how it keeps others off its target.
//!
//! A trait only: the files are the runtime's. Entries never hold secrets.

use serde_json::Value;

/// Takes what a run writes down, and its locks.
pub trait Recorder: Send + Sync {
    /// The run's id.
    fn run_id(&self) -> &str;

    /// Writes an entry down; with `durable`, it has reached the disk when this returns.
    ///
    /// # Errors
    /// The run must not go on without a record. A recorder that can do without says so in [`Recorder::trouble`].
    fn record(&self, entry: Value, durable: bool) -> Result<(), String>;

    /// What went wrong with the record so far, if anything did.
    fn trouble(&self) -> Option<String>;

    /// Remembers about a principal what a run saw and is about to do, until [`Recorder::forget`]: so that a later run can
    /// finish what this one could not.
    fn remember(&self, principal: &str, what: &Value);

    /// What an earlier run that did not come to its end left about a principal.
    fn recall(&self, principal: &str) -> Option<Value>;

    /// The work on a principal came to its end.
    fn forget(&self, principal: &str);

    /// What was changed about a principal that this run has locked, and when: for runs that come soon after, since IAM's
    /// reads lag behind its writes.
    fn changed(&self, principal: &str, what: &Value);

    /// What runs before this one changed about a principal that this run has locked.
    fn lately(&self, principal: &str) -> Option<Value>;

    /// Tries to lock a principal against other runs.
    fn lock(&self, principal: &str) -> Lock;
}

/// The outcome of trying to lock a principal.
pub enum Lock {
    /// Locked until this is dropped.
    Held(Box<dyn Send>),
    /// Another run holds it; says which.
    Busy(String),
    /// Locks cannot be had here; says why.
    Unavailable(String),
}
