//! The user itself: deleted, last of all.
//!
//! Source: AWS API reference, `DeleteUser`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Reach, Seen, Step};
use awsiam_iam::Error;
use awsiam_iam::types::DeleteUser;

/// The user is deleted.
#[derive(Debug)]
pub struct Deleted;

/// The user is deleted.
#[must_use]
pub fn deleted() -> Deleted {
    Deleted
}

impl Step for Deleted {
    type State = ();

    fn name(&self) -> &'static str {
        "deletion"
    }

    /// Whether the user is there is the target's own look.
    fn reach(&self) -> Reach {
        Reach::Nothing
    }

    async fn observe(&self, _: &Reader, _: &Look) -> Result<(), Error> {
        Ok(())
    }

    fn plan(&self, _: &Seen<()>, look: &Look) -> Vec<Change> {
        let reversal = Reversal::Irreversible {
            why: "a user created again has another unique id: policies that named the old one stay broken",
        };
        let request = DeleteUser { user_name: look.target.name.clone() };
        vec![Change::new(&request, "delete user", "user", reversal).removal()]
    }
}
