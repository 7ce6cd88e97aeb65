//! Managed policies: the customer's with their versions, and AWS's to read.
//!
//! Attaching them to principals is in another file.

use super::{Call, DONE, tag_list};
use crate::error::{Error, Reply};
use crate::managed::{self, Managed};
use crate::policy;
use crate::state::{Account, Document, Policy, PolicyVersion, new_id, now};
use serde_json::{Value, json};

const QUOTA: usize = 1_500;
const SIZE_QUOTA: usize = 6_144;
const VERSION_QUOTA: usize = 5;

fn not_found(arn: &str) -> Error {
    Error::missing(format!("Policy {arn} was not found."))
}

/// A customer managed policy as lists show it.
fn shown(account: &Account, policy: &Policy) -> Value {
    let arn = account.policy_arn(policy);
    let (attached, boundary) = account.usage(&arn);
    json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": boundary,
        "IsAttachable": true,
        "CreateDate": policy.create_date,
        "UpdateDate": policy.update_date,
    })
}

fn shown_managed(account: &Account, policy: &Managed) -> Value {
    let arn = policy.arn(&account.partition);
    let (attached, boundary) = account.usage(&arn);
    json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id(),
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": policy.version,
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": boundary,
        "IsAttachable": true,
        "CreateDate": managed::DATE,
        "UpdateDate": managed::DATE,
    })
}

/// The whole of a policy, of the customer or of AWS, as `GetAccountAuthorizationDetails` gives it.
pub(super) fn detail(account: &Account, arn: &str) -> Option<Value> {
    if let Some(policy) = account.policy(arn) {
        let mut detail = shown(account, policy);
        let versions: Vec<_> =
            policy.versions.iter().rev().map(|version| shown_version(policy, version, true)).collect();
        detail["PolicyVersionList"] = versions.into();
        policy.description.iter().for_each(|text| detail["Description"] = text.as_str().into());
        return Some(detail);
    }
    let policy = managed::by_arn(&account.partition, arn)?;
    let mut detail = shown_managed(account, policy);
    detail["PolicyVersionList"] = managed_version(account, policy, true).into_iter().collect();
    Some(detail)
}

fn shown_version(policy: &Policy, version: &PolicyVersion, document: bool) -> Value {
    let mut shown = json!({
        "VersionId": version.id,
        "IsDefaultVersion": version.id == policy.default_version,
        "CreateDate": version.create_date,
    });
    if document {
        shown["Document"] = version.document.0.as_str().into();
    }
    shown
}

/// The version of an AWS managed policy, where its document is known.
fn managed_version(account: &Account, policy: &Managed, document: bool) -> Option<Value> {
    let mut shown = json!({ "VersionId": policy.version, "IsDefaultVersion": true, "CreateDate": managed::DATE });
    if document {
        shown["Document"] = policy.document(&account.partition)?.0.into();
    }
    Some(shown)
}

fn check_document(document: &str) -> Result<(), Error> {
    policy::check_identity(document)?;
    if policy::size(document) > SIZE_QUOTA {
        return Err(Error::quota("PolicySize", SIZE_QUOTA));
    }
    Ok(())
}

/// The customer managed policy that a call means to change.
fn own<'c>(call: &'c mut Call<'_>) -> Result<&'c mut Policy, Error> {
    own_or(call, not_found(call.text("PolicyArn")))
}

/// The same, with the error where there is none.
fn own_or<'c>(call: &'c mut Call<'_>, absent: Error) -> Result<&'c mut Policy, Error> {
    let arn = call.policy_arn()?;
    if managed::by_arn(&call.account.partition, arn).is_some() {
        return Err(Error::denied(format!(
            "User: {} is not authorized to perform: iam:{} on resource: policy {arn}",
            call.caller.arn, call.operation.name
        )));
    }
    call.account.policy_mut(arn).ok_or(absent)
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let (name, document) = (call.text("PolicyName"), call.text("PolicyDocument"));
    if call.account.policies.contains_key(&name.to_lowercase()) {
        return Err(Error::exists(format!("A policy called {name} already exists. Duplicate names are not allowed.")));
    }
    check_document(document)?;
    if call.account.policies.len() >= QUOTA {
        return Err(Error::quota("PoliciesPerAccount", QUOTA));
    }
    let made = now();
    let policy = Policy {
        name: name.to_owned(),
        path: call.optional("Path").unwrap_or("/").to_owned(),
        id: new_id("ANPA"),
        description: call.optional("Description").map(str::to_owned),
        create_date: made.clone(),
        update_date: made.clone(),
        tags: call.tags()?,
        default_version: "v1".to_owned(),
        last_version: 1,
        versions: vec![PolicyVersion {
            id: "v1".to_owned(),
            document: Document(document.to_owned()),
            create_date: made,
        }],
    };
    let mut reply = shown(call.account, &policy);
    if !policy.tags.is_empty() {
        reply["Tags"] = tag_list(&policy.tags);
    }
    call.account.policies.insert(name.to_lowercase(), policy);
    Ok(json!({ "Policy": reply }))
}

pub(super) fn get(call: &mut Call<'_>) -> Reply {
    let arn = call.policy_arn()?;
    if let Some(policy) = managed::by_arn(&call.account.partition, arn) {
        return Ok(json!({ "Policy": shown_managed(call.account, policy) }));
    }
    let policy = call.account.policy(arn).ok_or_else(|| not_found(arn))?;
    let mut reply = shown(call.account, policy);
    policy.description.iter().for_each(|text| reply["Description"] = text.as_str().into());
    reply["Tags"] = tag_list(&policy.tags);
    Ok(json!({ "Policy": reply }))
}

enum Listed<'a> {
    Own(&'a Policy),
    Aws(&'a Managed),
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let account = &*call.account;
    let (scope, usage) = (call.optional("Scope").unwrap_or("All"), call.optional("PolicyUsageFilter"));
    let attached_only = call.flag("OnlyAttached") == Some(true);
    let wanted = |arn: &str| {
        if !attached_only && usage.is_none() {
            return true;
        }
        let (attached, boundary) = account.usage(arn);
        match usage {
            Some("PermissionsBoundary") => boundary > 0,
            Some(_) => attached > 0,
            None => attached + boundary > 0,
        }
    };
    let own = account
        .policies
        .iter()
        .filter(|(_, policy)| scope != "AWS" && call.under(&policy.path) && wanted(&account.policy_arn(policy)));
    let aws = managed::all()
        .iter()
        .filter(|policy| scope != "Local" && call.under(policy.path) && wanted(&policy.arn(&account.partition)));
    let all = own
        .map(|(key, policy)| (format!("0/{key}"), Listed::Own(policy)))
        .chain(aws.map(|policy| (format!("1/{}", policy.name.to_lowercase()), Listed::Aws(policy))));
    call.page("Policies", all, |policy| match policy {
        Listed::Own(policy) => shown(account, policy),
        Listed::Aws(policy) => shown_managed(account, policy),
    })
}

pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let versions = own(call)?.versions.len();
    let arn = call.text("PolicyArn");
    let (attached, boundary) = call.account.usage(arn);
    if attached + boundary > 0 {
        return Err(Error::conflict("Cannot delete a policy attached to entities."));
    }
    if versions > 1 {
        return Err(Error::conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
             The default version is deleted with the policy.",
        ));
    }
    let key = own(call)?.name.to_lowercase();
    call.account.policies.remove(&key);
    DONE
}

pub(super) fn create_version(call: &mut Call<'_>) -> Reply {
    let (document, default) = (call.text("PolicyDocument"), call.flag("SetAsDefault") == Some(true));
    let policy = own(call)?;
    check_document(document)?;
    if policy.versions.len() >= VERSION_QUOTA {
        return Err(Error::limit(format!(
            "A managed policy can have up to {VERSION_QUOTA} versions. Before you create a new version, you must delete \
             an existing version."
        )));
    }
    policy.last_version += 1;
    let version = PolicyVersion {
        id: format!("v{}", policy.last_version),
        document: Document(document.to_owned()),
        create_date: now(),
    };
    if default {
        policy.default_version.clone_from(&version.id);
    }
    policy.update_date = now();
    let shown = shown_version(policy, &version, false);
    policy.versions.push(version);
    Ok(json!({ "PolicyVersion": shown }))
}

fn no_version(arn: &str, version: &str) -> Error {
    Error::missing(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

pub(super) fn get_version(call: &mut Call<'_>) -> Reply {
    let (arn, id) = (call.policy_arn()?, call.text("VersionId"));
    if let Some(policy) = managed::by_arn(&call.account.partition, arn) {
        if id != policy.version {
            return Err(no_version(arn, id));
        }
        // The document of a policy that is only known by name is not made up.
        let shown = managed_version(call.account, policy, true);
        return Ok(
            json!({ "PolicyVersion": shown.ok_or_else(|| Error::not_implemented("GetPolicyVersion of this policy"))? }),
        );
    }
    // A version of a policy that is not there is a version that is not there.
    let policy = call.account.policy(arn).ok_or_else(|| no_version(arn, id))?;
    let version = policy.version(id).ok_or_else(|| no_version(arn, id))?;
    Ok(json!({ "PolicyVersion": shown_version(policy, version, true) }))
}

/// The newest version comes first.
pub(super) fn list_versions(call: &mut Call<'_>) -> Reply {
    let arn = call.policy_arn()?;
    if let Some(policy) = managed::by_arn(&call.account.partition, arn) {
        let version = managed_version(call.account, policy, false);
        return call.page("Versions", version.map(|version| (policy.version, version)), |version| version);
    }
    let policy = call.account.policy(arn).ok_or_else(|| not_found(arn))?;
    call.page("Versions", policy.versions.iter().rev().map(|version| (&version.id, version)), |version| {
        shown_version(policy, version, false)
    })
}

pub(super) fn set_default(call: &mut Call<'_>) -> Reply {
    let (arn, id) = (call.text("PolicyArn"), call.text("VersionId"));
    let policy = own_or(call, no_version(arn, id))?;
    policy.version(id).ok_or_else(|| no_version(arn, id))?;
    id.clone_into(&mut policy.default_version);
    policy.update_date = now();
    DONE
}

pub(super) fn delete_version(call: &mut Call<'_>) -> Reply {
    let (arn, id) = (call.text("PolicyArn"), call.text("VersionId"));
    let policy = own(call)?;
    policy.version(id).ok_or_else(|| no_version(arn, id))?;
    if policy.default_version == id {
        return Err(Error::conflict("Cannot delete the default version of a policy."));
    }
    policy.versions.retain(|version| version.id != id);
    policy.update_date = now();
    DONE
}

pub(super) fn list_entities(call: &mut Call<'_>) -> Reply {
    let arn = call.policy_arn()?;
    let account = &*call.account;
    if !account.has_policy(arn) {
        return Err(not_found(arn));
    }
    let (filter, usage) = (call.optional("EntityFilter"), call.optional("PolicyUsageFilter"));
    let kind = |kind: &str| filter.is_none_or(|filter| filter == kind);
    let uses = |attached: bool, boundary: Option<&String>| {
        let bounded = boundary.is_some_and(|boundary| boundary == arn);
        match usage {
            Some("PermissionsPolicy") => attached,
            Some(_) => bounded,
            None => attached || bounded,
        }
    };
    let mut found = vec![];
    for (key, group) in account.groups.iter().filter(|_| kind("Group")) {
        if call.under(&group.path) && uses(group.attached_policies.contains(arn), None) {
            let shown = json!({ "GroupName": group.name, "GroupId": group.id });
            found.push((format!("0/{key}"), ("PolicyGroups", shown)));
        }
    }
    for (key, role) in account.roles.iter().filter(|_| kind("Role")) {
        if call.under(&role.path) && uses(role.attached_policies.contains(arn), role.permissions_boundary.as_ref()) {
            let shown = json!({ "RoleName": role.name, "RoleId": role.id });
            found.push((format!("1/{key}"), ("PolicyRoles", shown)));
        }
    }
    for (key, user) in account.users.iter().filter(|_| kind("User")) {
        if call.under(&user.path) && uses(user.attached_policies.contains(arn), user.permissions_boundary.as_ref()) {
            let shown = json!({ "UserName": user.name, "UserId": user.id });
            found.push((format!("2/{key}"), ("PolicyUsers", shown)));
        }
    }
    super::several_lists(call, found, &["PolicyGroups", "PolicyRoles", "PolicyUsers"])
}
