//! The instance profiles of a role: the role taken out, the profiles deleted; or one of its name created and filled.
//!
//! Source: AWS API reference, `RemoveRoleFromInstanceProfile`, `DeleteInstanceProfile`, `AddRoleToInstanceProfile`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Reach, Seen, Step, optional};
use crate::target::Target;
use awsiam_iam::Error;
use awsiam_iam::types::{
    AddRoleToInstanceProfile, CreateInstanceProfile, DeleteInstanceProfile, GetInstanceProfile, InstanceProfile,
    ListInstanceProfilesForRole, RemoveRoleFromInstanceProfile,
};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// What the reversal of a reversal would be; nothing asks.
const LAST: Reversal = Reversal::Irreversible { why: "a reversal" };

fn add(profile: &str, role: &str, reversal: Reversal) -> Change {
    let request = AddRoleToInstanceProfile { instance_profile_name: profile.to_owned(), role_name: role.to_owned() };
    Change::new(&request, format!("add role to instance profile {profile}"), about_role(profile), reversal)
}

pub(crate) fn take_out(profile: &str, role: &str, reversal: Reversal) -> Change {
    let request =
        RemoveRoleFromInstanceProfile { instance_profile_name: profile.to_owned(), role_name: role.to_owned() };
    Change::new(&request, format!("take role out of instance profile {profile}"), about_role(profile), reversal)
        .removal()
}

pub(crate) fn delete(profile: &str, reversal: Reversal) -> Change {
    let request = DeleteInstanceProfile { instance_profile_name: profile.to_owned() };
    Change::new(&request, format!("delete instance profile {profile}"), about(profile), reversal).removal()
}

fn about(profile: &str) -> String {
    format!("instance profile {profile}")
}

fn about_role(profile: &str) -> String {
    format!("role in instance profile {profile}")
}

async fn read(reader: &Reader, target: &Target) -> Result<Vec<InstanceProfile>, Error> {
    let request =
        ListInstanceProfilesForRole { role_name: target.name.clone(), ..ListInstanceProfilesForRole::default() };
    Ok(reader.list(&request).await?.data.instance_profiles)
}

/// The role is in no profile.
#[derive(Debug)]
pub struct WithoutRole;

/// The role is in no profile.
#[must_use]
pub fn without_role() -> WithoutRole {
    WithoutRole
}

impl Step for WithoutRole {
    type State = Vec<InstanceProfile>;

    fn name(&self) -> &'static str {
        "instance_profiles"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let profiles = seen.state().map(Vec::as_slice).unwrap_or_default();
        let role = &look.target.name;
        let names = profiles.iter().map(|profile| profile.instance_profile_name.as_str());
        names.map(|profile| take_out(profile, role, Reversal::exact(add(profile, role, LAST)))).collect()
    }
}

/// The profiles that the role was in are deleted.
#[derive(Debug, Default)]
pub struct Deleted {
    /// What was seen to hold the role: once it is taken out, a profile no longer says so.
    mine: Mutex<BTreeSet<String>>,
}

/// The profiles that the role was in are deleted; after [`without_role`], in a later stage.
#[must_use]
pub fn deleted() -> Deleted {
    Deleted::default()
}

impl Step for Deleted {
    type State = Vec<String>;

    fn name(&self) -> &'static str {
        "instance_profiles_to_delete"
    }

    fn reach(&self) -> Reach {
        Reach::Outlives
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        let known: BTreeSet<String> = {
            let mut mine = self.mine.lock().unwrap_or_else(PoisonError::into_inner);
            mine.extend(look.recalled.texts(self.name()));
            mine.clone()
        };
        let mut names: BTreeSet<String> = if look.gone {
            BTreeSet::new()
        } else {
            let profiles = read(reader, &look.target).await?;
            profiles.into_iter().map(|profile| profile.instance_profile_name).collect()
        };
        self.mine.lock().unwrap_or_else(PoisonError::into_inner).extend(names.iter().cloned());
        for name in known {
            let profile = reader.get(&GetInstanceProfile { instance_profile_name: name.clone() }).await;
            // One that holds another role by now is no longer what was left behind.
            if optional(profile)?.is_some_and(|reply| reply.data.instance_profile.roles.is_empty()) {
                names.insert(name);
            }
        }
        Ok(names.into_iter().collect())
    }

    fn plan(&self, seen: &Seen<Self::State>, _: &Look) -> Vec<Change> {
        let names = seen.state().map(Vec::as_slice).unwrap_or_default();
        let why = "a profile created again has another unique id, and instances that use it have to be associated anew";
        names.iter().map(|name| delete(name, Reversal::Irreversible { why })).collect()
    }
}

/// A profile of the role's name exists.
#[derive(Debug)]
pub struct Created {
    path: String,
}

/// A profile of the role's name is created, with this path.
#[must_use]
pub fn created(path: &str) -> Created {
    Created { path: path.to_owned() }
}

async fn read_own(reader: &Reader, target: &Target) -> Result<Option<InstanceProfile>, Error> {
    let profile = reader.get(&GetInstanceProfile { instance_profile_name: target.name.clone() }).await;
    Ok(optional(profile)?.map(|reply| reply.data.instance_profile))
}

impl Step for Created {
    type State = Option<InstanceProfile>;

    fn name(&self) -> &'static str {
        "instance_profile"
    }

    fn reach(&self) -> Reach {
        Reach::Optional
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read_own(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        if let Seen::State(Some(_)) = seen {
            return vec![];
        }
        let name = &look.target.name;
        let request = CreateInstanceProfile {
            instance_profile_name: name.clone(),
            path: Some(self.path.clone()),
            ..CreateInstanceProfile::default()
        };
        vec![Change::new(
            &request,
            format!("create instance profile {name}"),
            about(name),
            Reversal::exact(delete(name, LAST)),
        )]
    }
}

/// The profile of the role's name holds the role.
#[derive(Debug)]
pub struct HoldsRole;

/// The profile of the role's name holds the role.
#[must_use]
pub fn holds_role() -> HoldsRole {
    HoldsRole
}

impl Step for HoldsRole {
    type State = Option<Vec<String>>;

    fn name(&self) -> &'static str {
        "roles_in_instance_profile"
    }

    fn reach(&self) -> Reach {
        Reach::Optional
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        let profile = read_own(reader, &look.target).await?;
        Ok(profile.map(|profile| profile.roles.into_iter().map(|role| role.role_name).collect()))
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let name = &look.target.name;
        match seen {
            Seen::State(Some(roles)) if roles.contains(name) => vec![],
            _ => vec![add(name, name, Reversal::exact(take_out(name, name, LAST))).after_creation()],
        }
    }
}
