//! Instance profiles, each holding at most one role.
//!
//! There are no instances; a profile is only a name that a role is in.

use super::{Call, DONE, roles, tag_list};
use crate::error::{Error, Reply};
use crate::state::{Account, InstanceProfile, new_id, now};
use serde_json::{Value, json};

const QUOTA: usize = 1_000;

/// An instance profile as lists show it: without tags.
pub(crate) fn shown(account: &Account, profile: &InstanceProfile) -> Value {
    let roles: Vec<_> = profile
        .role
        .iter()
        .filter_map(|role| account.role(role).ok())
        .map(|role| roles::plain(account, role))
        .collect();
    json!({
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": account.arn("instance-profile", &profile.path, &profile.name),
        "CreateDate": profile.create_date,
        "Roles": roles,
    })
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let name = call.text("InstanceProfileName");
    if call.account.instance_profiles.contains_key(&name.to_lowercase()) {
        return Err(Error::exists(format!("Instance Profile {name} already exists.")));
    }
    if call.account.instance_profiles.len() >= QUOTA {
        return Err(Error::quota("InstanceProfilesPerAccount", QUOTA));
    }
    let profile = InstanceProfile {
        name: name.to_owned(),
        path: call.optional("Path").unwrap_or("/").to_owned(),
        id: new_id("AIPA"),
        create_date: now(),
        role: None,
        tags: call.tags()?,
    };
    let mut shown = shown(call.account, &profile);
    if !profile.tags.is_empty() {
        shown["Tags"] = tag_list(&profile.tags);
    }
    call.account.instance_profiles.insert(name.to_lowercase(), profile);
    Ok(json!({ "InstanceProfile": shown }))
}

pub(super) fn get(call: &mut Call<'_>) -> Reply {
    let profile = call.account.instance_profile(call.text("InstanceProfileName"))?;
    let mut shown = shown(call.account, profile);
    shown["Tags"] = tag_list(&profile.tags);
    Ok(json!({ "InstanceProfile": shown }))
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let account = &*call.account;
    let profiles = account.instance_profiles.iter().filter(|(_, profile)| call.under(&profile.path));
    call.page("InstanceProfiles", profiles, |profile| shown(account, profile))
}

pub(super) fn list_for_role(call: &mut Call<'_>) -> Reply {
    let account = &*call.account;
    let role = account.role(call.text("RoleName"))?;
    let profiles = account.instance_profiles.iter().filter(|(_, profile)| profile.role.as_ref() == Some(&role.name));
    call.page("InstanceProfiles", profiles, |profile| shown(account, profile))
}

pub(super) fn add_role(call: &mut Call<'_>) -> Reply {
    let (name, role) = (call.text("InstanceProfileName"), call.text("RoleName"));
    call.account.instance_profile(name)?;
    roles::unprotected(call.account.role(role)?)?;
    let profile = call.account.instance_profile_mut(name)?;
    if profile.role.is_some() {
        return Err(Error::quota("InstanceSessionsPerInstanceProfile", 1));
    }
    profile.role = Some(role.to_owned());
    DONE
}

pub(super) fn remove_role(call: &mut Call<'_>) -> Reply {
    let (name, role) = (call.text("InstanceProfileName"), call.text("RoleName"));
    call.account.instance_profile(name)?;
    call.account.role(role)?;
    let profile = call.account.instance_profile_mut(name)?;
    if profile.role.as_deref() != Some(role) {
        return Err(Error::missing(format!("Role {role} in Instance Profile {name} cannot be found.")));
    }
    profile.role = None;
    DONE
}

pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let name = call.text("InstanceProfileName");
    if call.account.instance_profile(name)?.role.is_some() {
        return Err(Error::must_first("remove roles from instance profile"));
    }
    call.account.instance_profiles.remove(&name.to_lowercase());
    DONE
}
