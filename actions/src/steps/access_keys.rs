//! A user's access keys: all inactive, or all active.
//!
//! Status changes are exact: the reversal of each is the status that was observed. Source: AWS API reference,
//! `UpdateAccessKey`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use crate::target::Target;
use awsiam_iam::types::{AccessKeyMetadata, ListAccessKeys, UpdateAccessKey};
use awsiam_iam::{Error, Kind};

/// Brings every access key to one status.
#[derive(Debug)]
pub struct AccessKeys {
    wanted: &'static str,
}

/// No key works.
#[must_use]
pub fn inactive() -> AccessKeys {
    AccessKeys { wanted: "Inactive" }
}

/// Every key works.
#[must_use]
pub fn active() -> AccessKeys {
    AccessKeys { wanted: "Active" }
}

/// The words by which a key is known in plans.
fn about(id: &str) -> String {
    format!("access key {id}")
}

fn set(user: &str, id: &str, status: &str) -> UpdateAccessKey {
    UpdateAccessKey { user_name: user.to_owned(), access_key_id: id.to_owned(), status: status.to_owned() }
}

fn words(status: &str, id: &str) -> String {
    let verb = if status == "Active" { "activate" } else { "deactivate" };
    format!("{verb} access key {id}")
}

impl Step for AccessKeys {
    type State = Vec<AccessKeyMetadata>;

    fn name(&self) -> &'static str {
        "access_keys"
    }

    async fn observe(&self, reader: &Reader, target: &Target) -> Result<Self::State, Error> {
        let request = ListAccessKeys { user_name: target.name.clone(), ..ListAccessKeys::default() };
        Ok(reader.list(&request).await?.data.access_key_metadata)
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let keys = seen.state().map(Vec::as_slice).unwrap_or_default();
        let user = &look.target.name;
        let others = keys.iter().filter(|key| key.status.as_deref() != Some(self.wanted));
        others
            .filter_map(|key| {
                let id = key.access_key_id.as_deref()?;
                let was = key.status.as_deref().unwrap_or("Active");
                let back = Change::new(
                    &set(user, id, was),
                    words(was, id),
                    about(id),
                    Reversal::Irreversible { why: "a reversal" },
                );
                let to_wanted = set(user, id, self.wanted);
                let change = Change::new(&to_wanted, words(self.wanted, id), about(id), Reversal::exact(back));
                // A key that is gone does not work either; but one that was to work again and is gone is a failure.
                Some(if self.wanted == "Inactive" { change.settled_by(&[Kind::NotFound]) } else { change })
            })
            .collect()
    }
}
