//! Roles, and those that services and IAM Identity Center keep for themselves.
//!
//! Assuming a role belongs to STS.

use super::{Call, DONE, boundary_of, tag_list};
use crate::error::{Error, Reply};
use crate::policy;
use crate::state::{Account, Document, Role, new_id, now, uuid};
use crate::{clock, managed, service_linked};
use serde_json::{Value, json};

const QUOTA: usize = 1_000;
const TRUST_QUOTA: usize = 2_048;

/// A role as it is shown when it is made or described, and inside of an instance profile.
pub(crate) fn plain(account: &Account, role: &Role) -> Value {
    let mut shown = json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": account.role_arn(role),
        "CreateDate": role.create_date,
        "AssumeRolePolicyDocument": role.trust.0,
    });
    role.description.iter().for_each(|text| shown["Description"] = text.as_str().into());
    shown
}

/// A role as lists show it.
fn brief(account: &Account, role: &Role) -> Value {
    let mut shown = plain(account, role);
    shown["MaxSessionDuration"] = role.max_session_duration.into();
    shown
}

pub(crate) fn last_used(account: &Account, role: &Role) -> Value {
    match account.role_last_used(role) {
        Some(used) => json!({ "LastUsedDate": used.date, "Region": used.region }),
        None => json!({}),
    }
}

/// What `CreateRole` and `GetRole` show of a role besides.
fn with_boundary_and_tags(mut shown: Value, role: &Role) -> Value {
    shown["PermissionsBoundary"] = boundary_of(role.permissions_boundary.as_ref());
    if !role.tags.is_empty() {
        shown["Tags"] = tag_list(&role.tags);
    }
    shown
}

/// Refuses to change what belongs to a service or to IAM Identity Center.
pub(super) fn unprotected(role: &Role) -> Result<(), Error> {
    if role.path.starts_with("/aws-service-role/") || role.path.starts_with("/aws-reserved/") {
        return Err(Error::new(
            400,
            "UnmodifiableEntity",
            format!(
                "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
                role.name
            ),
        ));
    }
    Ok(())
}

fn check_trust(document: &str, account: &Account) -> Result<(), Error> {
    policy::check_trust(document, account)?;
    if policy::size(document) > TRUST_QUOTA {
        return Err(Error::quota("ACLSizePerRole", TRUST_QUOTA));
    }
    Ok(())
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let name = call.text("RoleName");
    if call.account.roles.contains_key(&name.to_lowercase()) {
        return Err(Error::exists(format!("Role with name {name} already exists.")));
    }
    let path = call.optional("Path").unwrap_or("/");
    if path.starts_with("/aws-service-role/") || path.starts_with("/aws-reserved/") {
        return Err(Error::validation(format!("The path {path} is reserved for AWS.")));
    }
    let trust = call.text("AssumeRolePolicyDocument");
    check_trust(trust, call.account)?;
    let role = Role {
        name: name.to_owned(),
        path: path.to_owned(),
        id: new_id("AROA"),
        create_date: now(),
        trust: Document(trust.to_owned()),
        description: call.optional("Description").map(str::to_owned),
        max_session_duration: call.number("MaxSessionDuration").unwrap_or(3_600),
        permissions_boundary: call.boundary()?,
        tags: call.tags()?,
        ..Role::default()
    };
    if call.account.roles.len() >= QUOTA {
        return Err(Error::quota("RolesPerAccount", QUOTA));
    }
    let shown = with_boundary_and_tags(plain(call.account, &role), &role);
    call.account.roles.insert(name.to_lowercase(), role);
    Ok(json!({ "Role": shown }))
}

pub(super) fn get(call: &mut Call<'_>) -> Reply {
    let role = call.account.role(call.text("RoleName"))?;
    let mut shown = with_boundary_and_tags(brief(call.account, role), role);
    shown["RoleLastUsed"] = last_used(call.account, role);
    Ok(json!({ "Role": shown }))
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let account = &*call.account;
    let roles = account.roles.iter().filter(|(_, role)| call.under(&role.path));
    call.page("Roles", roles, |role| brief(account, role))
}

/// What a call leaves out goes back to its default, but for the description.
pub(super) fn update(call: &mut Call<'_>) -> Reply {
    let role = call.account.role_mut(call.text("RoleName"))?;
    if role.path.starts_with("/aws-reserved/") || call.parameters.contains_key("MaxSessionDuration") {
        unprotected(role)?;
    }
    if let Some(text) = call.parameters.get("Description").and_then(Value::as_str) {
        role.description = Some(text.to_owned());
    }
    if let Some(seconds) = call.parameters.get("MaxSessionDuration").and_then(Value::as_i64) {
        role.max_session_duration = seconds;
    }
    Ok(json!({}))
}

pub(super) fn update_description(call: &mut Call<'_>) -> Reply {
    let text = call.text("Description").to_owned();
    let role = call.account.role_mut(call.text("RoleName"))?;
    if role.path.starts_with("/aws-reserved/") {
        unprotected(role)?;
    }
    role.description = Some(text);
    let role = call.account.role(call.text("RoleName"))?;
    Ok(json!({ "Role": plain(call.account, role) }))
}

pub(super) fn update_trust(call: &mut Call<'_>) -> Reply {
    let document = call.text("PolicyDocument");
    unprotected(call.account.role(call.text("RoleName"))?)?;
    check_trust(document, call.account)?;
    call.account.role_mut(call.text("RoleName"))?.trust = Document(document.to_owned());
    DONE
}

pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let name = call.text("RoleName");
    let role = call.account.role(name)?;
    unprotected(role)?;
    let in_profile = call.account.instance_profiles.values().any(|profile| profile.role.as_deref() == Some(name));
    let blocks = [
        (in_profile, "remove roles from instance profile"),
        (!role.inline_policies.is_empty(), "delete policies"),
        (!role.attached_policies.is_empty(), "detach all policies"),
    ];
    if let Some((_, what)) = blocks.iter().find(|(blocks, _)| *blocks) {
        return Err(Error::must_first(what));
    }
    remove(call.account, name);
    DONE
}

fn remove(account: &mut Account, name: &str) {
    if let Some(role) = account.roles.remove(&name.to_lowercase()) {
        let arn = account.role_arn(&role);
        account.orphan(&arn, &role.id);
    }
}

pub(super) fn put_boundary(call: &mut Call<'_>) -> Reply {
    unprotected(call.account.role(call.text("RoleName"))?)?;
    let boundary = call.boundary()?;
    call.account.role_mut(call.text("RoleName"))?.permissions_boundary = boundary;
    DONE
}

pub(super) fn delete_boundary(call: &mut Call<'_>) -> Reply {
    let role = call.account.role_mut(call.text("RoleName"))?;
    unprotected(role)?;
    role.permissions_boundary = None;
    DONE
}

/// The name of a service without its domain.
fn service_name(principal: &str) -> Option<&str> {
    let name = principal.strip_suffix(".amazonaws.com").or_else(|| principal.strip_suffix(".amazonaws.com.cn"))?;
    name.split('.').all(|label| !label.is_empty()).then_some(name)
}

/// What the role of a service is called that the table of them does not have: `Ops-One` for `ops-one`, `OpsOne` for
/// `ops.one`.
fn title(service: &str) -> String {
    let upper = |word: &str| {
        let mut letters = word.trim_end_matches('.').chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
    };
    service.split_inclusive(['.', '-']).map(upper).collect()
}

pub(super) fn create_service_linked(call: &mut Call<'_>) -> Reply {
    let principal = call.text("AWSServiceName");
    let service = service_name(principal)
        .ok_or_else(|| Error::input(format!("Service Role name {principal} is not a valid service name")))?;
    let known = service_linked::of(service);
    let suffix = call.optional("CustomSuffix").map(|suffix| format!("_{suffix}"));
    if suffix.is_some() && known.is_none_or(|known| !known.suffix) {
        return Err(Error::input(format!("Custom suffix is not allowed for {principal}")));
    }
    let title = known.map_or_else(|| title(service), |known| known.name.to_owned());
    let name = format!("AWSServiceRoleFor{title}{}", suffix.unwrap_or_default());
    if call.account.roles.contains_key(&name.to_lowercase()) {
        return Err(Error::input(format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        )));
    }
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": principal }, "Action": "sts:AssumeRole" },
    ] });
    let description = call.optional("Description").or_else(|| known.and_then(|known| known.description));
    let mut role = Role {
        name: name.clone(),
        path: format!("/aws-service-role/{principal}/"),
        id: new_id("AROA"),
        create_date: now(),
        trust: Document(trust.to_string()),
        description: description.map(str::to_owned),
        max_session_duration: 3_600,
        ..Role::default()
    };
    let policy = known.map_or_else(|| format!("{title}ServiceRolePolicy"), |known| known.policy.to_owned());
    let arn = format!("arn:{}:iam::aws:policy/aws-service-role/{policy}", call.account.partition);
    role.attached_policies.extend(managed::by_arn(&call.account.partition, &arn).map(|_| arn.clone()));
    let shown = plain(call.account, &role);
    call.account.roles.insert(name.to_lowercase(), role);
    Ok(json!({ "Role": shown }))
}

pub(super) fn delete_service_linked(call: &mut Call<'_>) -> Reply {
    let role = call.account.role(call.text("RoleName"))?;
    if !role.path.starts_with("/aws-service-role/") {
        return Err(Error::input(format!("The role {} is not a service-linked role.", role.name)));
    }
    let task = format!("task{}{}/{}", role.path, role.name, uuid());
    remove(call.account, call.text("RoleName"));
    call.account.running.deletion_tasks.insert(task.clone());
    Ok(json!({ "DeletionTaskId": task }))
}

/// Nothing uses a role here, so that every deletion is done at once.
pub(super) fn deletion_status(call: &mut Call<'_>) -> Reply {
    let task = call.text("DeletionTaskId");
    if !call.account.running.deletion_tasks.contains(task) {
        return Err(Error::missing(format!("Deletion task {task} cannot be found.")));
    }
    Ok(json!({ "Status": "SUCCEEDED" }))
}

/// The service and time of a session's end, for STS.
pub(super) fn session_end(role: &Role, asked: Option<i64>, now: i64) -> Result<i64, Error> {
    let seconds = asked.unwrap_or(3_600);
    if seconds > role.max_session_duration {
        return Err(Error::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(clock::parse(&clock::iso(now)).unwrap_or(now) + seconds)
}
