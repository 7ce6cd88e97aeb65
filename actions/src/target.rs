//! What a runbook is about: a user or role, pinned by its unique id.
//!
//! A name is a handle: an attacker can rename a user while a run is under way, and "not found" would then be a lie. From
//! the first look on the id is the target. Refuses to call a pinned target gone before its id is.

use crate::outcome::Failure;
use crate::reader::Reader;
use awsiam_iam::types::{GetAccessKeyLastUsed, GetRole, GetUser, ListUsers};
use awsiam_iam::{Error, Kind};
use serde_json::Value;

/// The kind of principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
    /// Something else that a single call is about, such as a group or a policy; in words. The steps of users and roles
    /// never meet it.
    Other(&'static str),
}

impl Principal {
    /// `user` or `role`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
            Self::Other(words) => words,
        }
    }
}

/// A principal by its name, and once it has been seen, by its id.
#[derive(Debug, Clone)]
pub struct Target {
    /// User or role.
    pub principal: Principal,
    /// The name that calls address it by at the moment.
    pub name: String,
    /// The name that the request gave.
    pub given: String,
    /// What is known of it once it has been seen.
    pub pinned: Option<Pinned>,
    /// The access key whose owner it is, where no name was given.
    pub owner_of: Option<String>,
}

/// A principal that was seen.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The unique id, `AIDA…` or `AROA…`.
    pub id: String,
    /// The ARN.
    pub arn: String,
    /// The path.
    pub path: String,
    /// All that IAM said of it.
    pub entity: Value,
}

/// What a look at the target itself showed.
#[derive(Debug, Clone)]
pub enum Sight {
    /// It is there.
    There(Box<Target>),
    /// It is not, says IAM.
    Missing(Error),
    /// It could not be seen.
    Unknown(Error),
}

impl Target {
    /// The user with this name.
    #[must_use]
    pub fn user(name: &str) -> Self {
        Self { principal: Principal::User, name: name.to_owned(), given: name.to_owned(), pinned: None, owner_of: None }
    }

    /// The role with this name.
    #[must_use]
    pub fn role(name: &str) -> Self {
        Self { principal: Principal::Role, ..Self::user(name) }
    }

    /// Something that is neither user nor role, by what it is and the name, ARN or id that the call gives.
    #[must_use]
    pub fn other(what: &'static str, name: &str) -> Self {
        Self { principal: Principal::Other(what), ..Self::user(name) }
    }

    /// The user that owns an access key, by its name where that is given.
    #[must_use]
    pub fn owner_of(key: &str, name: Option<&str>) -> Self {
        let owner_of = name.is_none().then(|| key.to_owned());
        Self { owner_of, ..Self::user(name.unwrap_or_default()) }
    }

    /// Finds the name of the owner of an access key, where that is how the target was given.
    ///
    /// # Errors
    /// The key is a temporary one, is not of this account, or may not be looked up.
    pub async fn named(self, reader: &Reader) -> Result<Self, Failure> {
        let Some(key) = self.owner_of.clone() else { return Ok(self) };
        if key.starts_with("ASIA") {
            let message = format!(
                "Access key {key} is a temporary one: IAM cannot say whose it is, and it cannot be switched off by itself. Nothing was changed. Find out in CloudTrail who assumed what with it, then quarantine that user or role and revoke its sessions."
            );
            return Err(Failure::Refused { rule: "temporary_key", message });
        }
        let used = reader.get(&GetAccessKeyLastUsed { access_key_id: key.clone() }).await?;
        let unknown = || Failure::Invalid(format!("IAM does not say whose access key {key} is. Give the username."));
        let name = used.data.user_name.ok_or_else(unknown)?;
        Ok(Self { given: name.clone(), name, owner_of: None, ..self })
    }

    /// The unique id, once it is pinned.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.pinned.as_ref().map(|pinned| pinned.id.as_str())
    }

    /// The target in words: `user alice`.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} {}", self.principal.name(), self.name)
    }

    /// The operation that looks at it.
    #[must_use]
    pub fn read_by(&self) -> &'static str {
        match self.principal {
            Principal::User => "GetUser",
            Principal::Role => "GetRole",
            Principal::Other(_) => "",
        }
    }

    /// Looks at the target by its name.
    pub async fn look(&self, reader: &Reader) -> Sight {
        let seen = match self.principal {
            Principal::User => {
                let reply = reader.get(&GetUser { user_name: self.name.clone() }).await;
                reply.map(|reply| {
                    let user = reply.data.user;
                    let entity = serde_json::to_value(&user).unwrap_or_default();
                    Pinned { id: user.user_id, arn: user.arn, path: user.path, entity }
                })
            }
            Principal::Role => {
                let reply = reader.get(&GetRole { role_name: self.name.clone() }).await;
                reply.map(|reply| {
                    let role = reply.data.role;
                    let entity = serde_json::to_value(&role).unwrap_or_default();
                    Pinned { id: role.role_id, arn: role.arn, path: role.path, entity }
                })
            }
            // It has no look of its own: what a call on it changes is read by the step.
            Principal::Other(_) => return Sight::There(Box::new(self.clone())),
        };
        match seen {
            Ok(pinned) => Sight::There(Box::new(Self { pinned: Some(pinned), ..self.clone() })),
            Err(error) if error.kind == Kind::NotFound => Sight::Missing(error),
            Err(error) => Sight::Unknown(error),
        }
    }

    /// Looks for a pinned target that is no longer under its name: by the keys that it was seen with, then by asking for
    /// every user. Roles cannot be renamed.
    ///
    /// # Errors
    /// Neither way could be gone to the end, so that it is not known whether the target is gone.
    pub async fn locate(&self, reader: &Reader, access_keys: &[String]) -> Result<Option<Self>, Error> {
        if self.principal != Principal::User {
            return Ok(None);
        }
        for key in access_keys {
            let Ok(used) = reader.get(&GetAccessKeyLastUsed { access_key_id: key.clone() }).await else { continue };
            let Some(name) = used.data.user_name else { continue };
            // A key never moves to another user, so that its owner is the target also where no id was pinned.
            if let Sight::There(found) = (Self { name, ..self.clone() }).look(reader).await
                && (self.id().is_none() || found.id() == self.id())
            {
                return Ok(Some(*found));
            }
        }
        let Some(id) = self.id() else {
            return Err(Error::local(
                Kind::NotFound,
                self.read_by(),
                "it was never seen, so that it cannot be told from others",
            ));
        };
        let users = reader.list(&ListUsers::default()).await?.data.users;
        let Some(user) = users.into_iter().find(|user| user.user_id == id) else { return Ok(None) };
        match (Self { name: user.user_name, ..self.clone() }).look(reader).await {
            Sight::There(found) => Ok(Some(*found)),
            Sight::Missing(error) | Sight::Unknown(error) => Err(error),
        }
    }
}
