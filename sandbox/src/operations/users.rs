//! Users: making, finding, renaming and deleting them, and their boundaries.
//!
//! What belongs to a user (keys, passwords, policies) is in files of its own.

use super::{Call, DONE, boundary_of, tag_list};
use crate::error::{Error, Reply};
use crate::state::{Account, User, new_id, now};
use serde_json::{Value, json};

const QUOTA: usize = 5_000;

/// A user as lists show it: without tags and boundary.
pub(crate) fn brief(account: &Account, user: &User) -> Value {
    let mut shown = json!({
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": account.user_arn(user),
        "CreateDate": user.create_date,
    });
    if let Some(used) = &user.password_last_used {
        shown["PasswordLastUsed"] = used.as_str().into();
    }
    shown
}

fn whole(account: &Account, user: &User) -> Value {
    let mut shown = brief(account, user);
    shown["PermissionsBoundary"] = boundary_of(user.permissions_boundary.as_ref());
    if !user.tags.is_empty() {
        shown["Tags"] = tag_list(&user.tags);
    }
    shown
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let name = call.text("UserName");
    if call.account.users.contains_key(&name.to_lowercase()) {
        return Err(Error::exists(format!("User with name {name} already exists.")));
    }
    let user = User {
        name: name.to_owned(),
        path: call.optional("Path").unwrap_or("/").to_owned(),
        id: new_id("AIDA"),
        create_date: now(),
        tags: call.tags()?,
        permissions_boundary: call.boundary()?,
        ..User::default()
    };
    if call.account.users.len() >= QUOTA {
        return Err(Error::quota("UsersPerAccount", QUOTA));
    }
    let shown = whole(call.account, &user);
    call.account.users.insert(name.to_lowercase(), user);
    Ok(json!({ "User": shown }))
}

pub(super) fn get(call: &mut Call<'_>) -> Reply {
    let user = call.account.user(&call.user_name()?)?;
    Ok(json!({ "User": whole(call.account, user) }))
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let account = &*call.account;
    let users = account.users.iter().filter(|(_, user)| call.under(&user.path));
    call.page("Users", users, |user| brief(account, user))
}

pub(super) fn update(call: &mut Call<'_>) -> Reply {
    let name = call.text("UserName");
    call.account.user(name)?;
    let new = call.optional("NewUserName").unwrap_or(name);
    let (key, new_key) = (name.to_lowercase(), new.to_lowercase());
    if new_key != key && call.account.users.contains_key(&new_key) {
        return Err(Error::exists(format!("User with name {new} already exists.")));
    }
    if let Some(mut user) = call.account.users.remove(&key) {
        let before = call.account.user_arn(&user);
        new.clone_into(&mut user.name);
        call.optional("NewPath").into_iter().for_each(|path| path.clone_into(&mut user.path));
        let after = call.account.user_arn(&user);
        call.account.users.insert(new_key, user);
        // Trust policies hold ids inside and show them as the ARN of the day.
        call.account.orphan(&before, &after);
    }
    DONE
}

pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let name = call.text("UserName");
    let user = call.account.user(name)?;
    let blocks = [
        (user.login_profile.is_some(), "delete login profile"),
        (!user.access_keys.is_empty(), "delete access keys"),
        (!user.signing_certificates.is_empty(), "delete certificates"),
        (!user.ssh_public_keys.is_empty(), "remove referenced objects"),
        (!user.service_specific_credentials.is_empty(), "remove referenced objects"),
        (!user.mfa_devices.is_empty(), "delete MFA device"),
        (!user.inline_policies.is_empty(), "delete policies"),
        (!user.attached_policies.is_empty(), "detach all policies"),
        (!user.groups.is_empty(), "remove users from group"),
    ];
    if let Some((_, what)) = blocks.iter().find(|(blocks, _)| *blocks) {
        return Err(Error::must_first(what));
    }
    let (arn, id) = (call.account.user_arn(user), user.id.clone());
    call.account.users.remove(&name.to_lowercase());
    call.account.orphan(&arn, &id);
    DONE
}

pub(super) fn put_boundary(call: &mut Call<'_>) -> Reply {
    call.account.user(call.text("UserName"))?;
    let boundary = call.boundary()?;
    call.account.user_mut(call.text("UserName"))?.permissions_boundary = boundary;
    DONE
}

pub(super) fn delete_boundary(call: &mut Call<'_>) -> Reply {
    call.account.user_mut(call.text("UserName"))?.permissions_boundary = None;
    DONE
}
