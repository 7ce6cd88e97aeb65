//! A user's access keys: all inactive, all active, or none.
//!
//! Status changes are exact: the reversal of each is the status that was observed. Source: AWS API reference,
//! `UpdateAccessKey`, `DeleteAccessKey`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use crate::steps::evidence;
use crate::target::Target;
use awsiam_iam::types::{AccessKeyMetadata, DeleteAccessKey, ListAccessKeys, UpdateAccessKey};
use awsiam_iam::{Error, Kind};
use futures_util::future::join_all;
use serde_json::Value;

/// Brings every access key, or one, to one status.
#[derive(Debug)]
pub struct AccessKeys {
    wanted: &'static str,
    /// The one key that is meant; all where there is none.
    only: Option<String>,
}

/// No key works.
#[must_use]
pub fn inactive() -> AccessKeys {
    AccessKeys { wanted: "Inactive", only: None }
}

/// Every key works.
#[must_use]
pub fn active() -> AccessKeys {
    AccessKeys { wanted: "Active", only: None }
}

async fn read(reader: &Reader, target: &Target) -> Result<Vec<AccessKeyMetadata>, Error> {
    let request = ListAccessKeys { user_name: target.name.clone(), ..ListAccessKeys::default() };
    Ok(reader.list(&request).await?.data.access_key_metadata)
}

/// This key does not work. That the user has no such key is AWS's error, and told.
#[must_use]
pub fn one_inactive(id: &str) -> AccessKeys {
    AccessKeys { wanted: "Inactive", only: Some(id.to_owned()) }
}

/// This key works.
#[must_use]
pub fn one_active(id: &str) -> AccessKeys {
    AccessKeys { wanted: "Active", only: Some(id.to_owned()) }
}

/// The words by which a key is known in plans.
pub(crate) fn about(id: &str) -> String {
    format!("access key {id}")
}

pub(crate) fn set(user: &str, id: &str, status: &str) -> UpdateAccessKey {
    UpdateAccessKey { user_name: user.to_owned(), access_key_id: id.to_owned(), status: status.to_owned() }
}

pub(crate) fn words(status: &str, id: &str) -> String {
    let verb = if status == "Active" { "activate" } else { "deactivate" };
    format!("{verb} access key {id}")
}

impl Step for AccessKeys {
    type State = Vec<AccessKeyMetadata>;

    fn name(&self) -> &'static str {
        "access_keys"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let user = &look.target.name;
        let change = |id: &str, was: &str| {
            let last = Reversal::Irreversible { why: "a reversal" };
            let back = Change::new(&set(user, id, was), words(was, id), about(id), last);
            Change::new(&set(user, id, self.wanted), words(self.wanted, id), about(id), Reversal::exact(back))
        };
        let keys = seen.state().map(Vec::as_slice).unwrap_or_default();
        if let Some(only) = &self.only {
            let known = keys.iter().find(|key| key.access_key_id.as_ref() == Some(only));
            let was = known.and_then(|key| key.status.as_deref());
            // What could not be read, or is not there at the first look, is IAM's to tell.
            let blind = seen.state().is_none() || was.is_none() && look.first;
            let other = if self.wanted == "Active" { "Inactive" } else { "Active" };
            return match was {
                Some(was) if was != self.wanted => vec![change(only, was)],
                None if blind => vec![change(only, other)],
                _ => vec![],
            };
        }
        let others = keys.iter().filter(|key| key.status.as_deref() != Some(self.wanted));
        others
            .filter_map(|key| {
                let change = change(key.access_key_id.as_deref()?, key.status.as_deref().unwrap_or("Active"));
                // A key that is gone does not work either; but one that was to work again and is gone is a failure.
                Some(if self.wanted == "Inactive" { change.settled_by(&[Kind::NotFound]) } else { change })
            })
            .collect()
    }
}

/// No key at all.
#[derive(Debug)]
pub struct Absent {
    last_use: bool,
}

/// No key at all: each is deleted, whatever its status.
#[must_use]
pub fn absent() -> Absent {
    Absent { last_use: false }
}

impl Absent {
    /// With the last use of each key in the evidence: nothing tells it once the key is deleted.
    #[must_use]
    pub fn with_last_use(self, last_use: bool) -> Self {
        Self { last_use }
    }
}

impl Step for Absent {
    type State = Vec<AccessKeyMetadata>;

    fn name(&self) -> &'static str {
        "access_keys"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let keys = seen.state().map(Vec::as_slice).unwrap_or_default();
        let ids = keys.iter().filter_map(|key| key.access_key_id.as_deref());
        ids.map(|id| {
            let request = DeleteAccessKey { user_name: look.target.name.clone(), access_key_id: id.to_owned() };
            let reversal = Reversal::Irreversible { why: "a new key has another id and secret" };
            Change::new(&request, format!("delete access key {id}"), about(id), reversal).removal()
        })
        .collect()
    }

    async fn gather(&self, reader: &Reader, seen: &Value, _: &Target) -> Option<Value> {
        let keys = seen.as_array().filter(|_| self.last_use)?;
        let reader = &reader.for_a_share_of_the_time();
        let with_use = keys.iter().cloned().map(|mut key| async move {
            let used = evidence::last_use(reader, key["AccessKeyId"].as_str().unwrap_or_default()).await;
            key["LastUsed"] = used;
            key
        });
        Some(join_all(with_use).await.into())
    }
}
