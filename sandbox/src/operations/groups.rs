//! Groups and who is in them.
//!
//! Membership is kept with the users, so that a group that is renamed keeps its members.

use super::{Call, DONE, users};
use crate::error::{Error, Reply};
use crate::state::{Account, Group, new_id, now};
use serde_json::{Value, json};

const QUOTA: usize = 300;
const QUOTA_PER_USER: usize = 10;

fn shown(account: &Account, group: &Group) -> Value {
    json!({
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": account.group_arn(group),
        "CreateDate": group.create_date,
    })
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let name = call.text("GroupName");
    if call.account.groups.contains_key(&name.to_lowercase()) {
        return Err(Error::exists(format!("Group with name {name} already exists.")));
    }
    if call.account.groups.len() >= QUOTA {
        return Err(Error::quota("GroupsPerAccount", QUOTA));
    }
    let group = Group {
        name: name.to_owned(),
        path: call.optional("Path").unwrap_or("/").to_owned(),
        id: new_id("AGPA"),
        create_date: now(),
        ..Group::default()
    };
    let reply = json!({ "Group": shown(call.account, &group) });
    call.account.groups.insert(name.to_lowercase(), group);
    Ok(reply)
}

pub(super) fn get(call: &mut Call<'_>) -> Reply {
    let account = &*call.account;
    let group = account.group(call.text("GroupName"))?;
    let members = account.users.iter().filter(|(_, user)| user.groups.contains(&group.name));
    let mut reply = call.page("Users", members, |user| users::brief(account, user))?;
    reply["Group"] = shown(account, group);
    Ok(reply)
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let account = &*call.account;
    let groups = account.groups.iter().filter(|(_, group)| call.under(&group.path));
    call.page("Groups", groups, |group| shown(account, group))
}

pub(super) fn list_for_user(call: &mut Call<'_>) -> Reply {
    let account = &*call.account;
    let user = account.user(call.text("UserName"))?;
    let groups = account.groups.iter().filter(|(_, group)| user.groups.contains(&group.name));
    call.page("Groups", groups, |group| shown(account, group))
}

pub(super) fn update(call: &mut Call<'_>) -> Reply {
    let name = call.text("GroupName");
    call.account.group(name)?;
    let new = call.optional("NewGroupName").unwrap_or(name);
    let (key, new_key) = (name.to_lowercase(), new.to_lowercase());
    if new_key != key && call.account.groups.contains_key(&new_key) {
        return Err(Error::exists(format!("Group with name {new} already exists.")));
    }
    if let Some(mut group) = call.account.groups.remove(&key) {
        new.clone_into(&mut group.name);
        call.optional("NewPath").into_iter().for_each(|path| path.clone_into(&mut group.path));
        call.account.groups.insert(new_key, group);
        for user in call.account.users.values_mut() {
            if user.groups.remove(name) {
                user.groups.insert(new.to_owned());
            }
        }
    }
    DONE
}

pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let name = call.text("GroupName");
    let group = call.account.group(name)?;
    let members = call.account.users.values().any(|user| user.groups.contains(name));
    let blocks = [
        (members, "remove users from group"),
        (!group.inline_policies.is_empty(), "delete policies"),
        (!group.attached_policies.is_empty(), "detach all policies"),
    ];
    if let Some((_, what)) = blocks.iter().find(|(blocks, _)| *blocks) {
        return Err(Error::must_first(what));
    }
    call.account.groups.remove(&name.to_lowercase());
    DONE
}

/// Refuses a membership of someone or in something that is not there; where both are missing, IAM names the user.
fn both(account: &Account, user: &str, group: &str) -> Result<(), Error> {
    account.user(user)?;
    account.group(group)?;
    Ok(())
}

pub(super) fn add_user(call: &mut Call<'_>) -> Reply {
    let (group, user) = (call.text("GroupName"), call.text("UserName"));
    both(call.account, user, group)?;
    let user = call.account.user_mut(user)?;
    if user.groups.len() >= QUOTA_PER_USER && !user.groups.contains(group) {
        return Err(Error::quota("GroupsPerUser", QUOTA_PER_USER));
    }
    user.groups.insert(group.to_owned());
    DONE
}

/// Removing someone who is not a member is a success.
pub(super) fn remove_user(call: &mut Call<'_>) -> Reply {
    let (group, user) = (call.text("GroupName"), call.text("UserName"));
    both(call.account, user, group)?;
    call.account.user_mut(user)?.groups.remove(group);
    DONE
}
