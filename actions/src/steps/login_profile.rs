//! A user's console password: absent, or present.
//!
//! A deleted password cannot be read back, so its deletion is lossy. Source: AWS API reference, `DeleteLoginProfile`,
//! `CreateLoginProfile`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Reach, Seen, Step, optional};
use crate::target::Target;
use awsiam_iam::types::{CreateLoginProfile, DeleteLoginProfile, GetLoginProfile, LoginProfile, Sensitive};
use awsiam_iam::{Error, Kind};
use secrecy::SecretString;

const ABOUT: &str = "login profile (console password)";

async fn read(reader: &Reader, target: &Target) -> Result<Option<LoginProfile>, Error> {
    let profile = reader.get(&GetLoginProfile { user_name: target.name.clone() }).await;
    Ok(optional(profile)?.map(|reply| reply.data.login_profile))
}

/// No password.
#[derive(Debug)]
pub struct Absent;

/// A password; an existing one is kept.
#[derive(Debug)]
pub struct Present {
    password: SecretString,
}

/// No password, so that nobody can sign in to the console as this user.
#[must_use]
pub fn absent() -> Absent {
    Absent
}

/// This password, unless there is one already: that one is kept, as the original app does.
#[must_use]
pub fn present(password: SecretString) -> Present {
    Present { password }
}

pub(crate) fn delete(user: &str) -> Change {
    let request = DeleteLoginProfile { user_name: user.to_owned() };
    let reversal = Reversal::Lossy {
        by: "enable user",
        lost: "the password itself: IAM never shows it, a new one has to be given",
    };
    Change::new(&request, "delete login profile (console password)", ABOUT, reversal).removal()
}

impl Step for Absent {
    type State = Option<LoginProfile>;

    fn name(&self) -> &'static str {
        "login_profile"
    }

    fn reach(&self) -> Reach {
        Reach::Optional
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        match seen {
            Seen::State(None) => vec![],
            // Whether there is one is not known: deleting it settles that.
            Seen::State(Some(_)) | Seen::Unknown(_) => vec![delete(&look.target.name)],
        }
    }
}

impl Step for Present {
    type State = Option<LoginProfile>;

    fn name(&self) -> &'static str {
        "login_profile"
    }

    fn reach(&self) -> Reach {
        Reach::Optional
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        if let Seen::State(Some(_)) = seen {
            return vec![];
        }
        let request = CreateLoginProfile {
            user_name: look.target.name.clone(),
            password: Some(Sensitive(self.password.clone())),
            password_reset_required: Some(false),
        };
        let change = Change::new(
            &request,
            "create login profile (console password)",
            ABOUT,
            Reversal::exact(delete(&look.target.name)),
        );
        vec![change.settled_by(&[Kind::AlreadyExists])]
    }
}

/// Creates a password that has to be changed at the next sign-in.
pub(crate) fn create_to_be_reset(user: &str, password: &SecretString) -> Change {
    let request = CreateLoginProfile {
        user_name: user.to_owned(),
        password: Some(Sensitive(password.clone())),
        password_reset_required: Some(true),
    };
    Change::new(
        &request,
        "create login profile (console password, to be changed)",
        ABOUT,
        Reversal::exact(delete(user)),
    )
    .settled_by(&[Kind::AlreadyExists])
}
