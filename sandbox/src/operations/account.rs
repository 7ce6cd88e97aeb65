//! The account as a whole: its alias, its summary, and everything in it at once.
//!
//! What an account of the sandbox never has (SAML and `OpenID` providers, server certificates) is counted as none.

use super::{Call, DONE, boundary_of, instance_profiles, policies, roles, several_lists, tag_list, users};
use crate::error::{Error, Reply};
use crate::state::{Account, Document};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn create_alias(call: &mut Call<'_>) -> Reply {
    let alias = call.text("AccountAlias");
    if call.account.alias.as_deref() == Some(alias) {
        return Err(Error::exists(format!("The account alias {alias} already exists.")));
    }
    // An account has one alias: a new one takes the place of the old one.
    call.account.alias = Some(alias.to_owned());
    DONE
}

pub(super) fn delete_alias(call: &mut Call<'_>) -> Reply {
    let alias = call.text("AccountAlias");
    if call.account.alias.as_deref() != Some(alias) {
        return Err(Error::missing(format!("The Account Alias with name {alias} cannot be found.")));
    }
    call.account.alias = None;
    DONE
}

pub(super) fn list_aliases(call: &mut Call<'_>) -> Reply {
    call.page("AccountAliases", call.account.alias.iter().map(|alias| (alias, alias)), |alias| alias.as_str().into())
}

pub(super) fn set_token_version(call: &mut Call<'_>) -> Reply {
    call.account.token_version = Some(call.text("GlobalEndpointTokenVersion").to_owned());
    DONE
}

pub(super) fn summary(call: &mut Call<'_>) -> Reply {
    let account = &*call.account;
    let in_use: usize = account.users.values().map(|user| user.mfa_devices.len()).sum();
    let versions: usize = account.policies.values().map(|policy| policy.versions.len()).sum();
    let token_version = if account.token_version.as_deref() == Some("v2Token") { 2 } else { 1 };
    Ok(json!({ "SummaryMap": {
        "Users": account.users.len(),
        "UsersQuota": 5000,
        "Groups": account.groups.len(),
        "GroupsQuota": 300,
        "Roles": account.roles.len(),
        "RolesQuota": 1000,
        "Policies": account.policies.len(),
        "PoliciesQuota": 1500,
        "PolicyVersionsInUse": versions,
        "PolicyVersionsInUseQuota": 10000,
        "VersionsPerPolicyQuota": 5,
        "PolicySizeQuota": 6144,
        "InstanceProfiles": account.instance_profiles.len(),
        "InstanceProfilesQuota": 1000,
        "ServerCertificates": 0,
        "ServerCertificatesQuota": 20,
        "Providers": 0,
        "MFADevices": account.virtual_mfa_devices.len(),
        "MFADevicesInUse": in_use,
        "AccountMFAEnabled": 1,
        "AccountPasswordPresent": 1,
        "AccountAccessKeysPresent": 0,
        "AccountSigningCertificatesPresent": 0,
        "AccessKeysPerUserQuota": 2,
        "SigningCertificatesPerUserQuota": 2,
        "GroupsPerUserQuota": 10,
        "UserPolicySizeQuota": 2048,
        "GroupPolicySizeQuota": 5120,
        "RolePolicySizeQuota": 10240,
        "AssumeRolePolicySizeQuota": 2048,
        "AttachedPoliciesPerUserQuota": 10,
        "AttachedPoliciesPerGroupQuota": 10,
        "AttachedPoliciesPerRoleQuota": 10,
        "GlobalEndpointTokenVersion": token_version,
    } }))
}

fn inline(policies: &BTreeMap<String, Document>) -> Value {
    policies.iter().map(|(name, document)| json!({ "PolicyName": name, "PolicyDocument": document.0 })).collect()
}

fn attached(arns: &BTreeSet<String>) -> Value {
    arns.iter().map(|arn| json!({ "PolicyName": super::policy_use::last_part(arn), "PolicyArn": arn })).collect()
}

/// What the details of a principal add to what a list shows of it, without what the details leave out.
fn with(shown: Value, without: &[&str], more: Value) -> Value {
    let (Value::Object(mut shown), Value::Object(more)) = (shown, more) else { return Value::Null };
    for name in without {
        shown.remove(*name);
    }
    shown.extend(more);
    let kept: Map<String, Value> = shown.into_iter().filter(|(_, value)| !value.is_null()).collect();
    kept.into()
}

fn tags_of(tags: &crate::state::Tags) -> Value {
    if tags.is_empty() { Value::Null } else { tag_list(tags) }
}

fn policies_in_use(account: &Account) -> BTreeSet<&String> {
    let users = account.users.values().flat_map(|user| user.attached_policies.iter().chain(&user.permissions_boundary));
    let groups = account.groups.values().flat_map(|group| &group.attached_policies);
    let roles = account.roles.values().flat_map(|role| role.attached_policies.iter().chain(&role.permissions_boundary));
    users.chain(groups).chain(roles).collect()
}

pub(super) fn authorization_details(call: &mut Call<'_>) -> Reply {
    const LISTS: [&str; 4] = ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"];
    let account = &*call.account;
    let filter = call.texts("Filter");
    let wanted = |kind: &str| filter.is_empty() || filter.contains(&kind);
    let mut found = vec![];
    for (key, user) in account.users.iter().filter(|_| wanted("User")) {
        let more = json!({
            "UserPolicyList": inline(&user.inline_policies),
            "GroupList": user.groups,
            "AttachedManagedPolicies": attached(&user.attached_policies),
            "PermissionsBoundary": boundary_of(user.permissions_boundary.as_ref()),
            "Tags": tags_of(&user.tags),
        });
        found.push((format!("0/{key}"), (LISTS[0], with(users::brief(account, user), &["PasswordLastUsed"], more))));
    }
    for (key, group) in account.groups.iter().filter(|_| wanted("Group")) {
        let detail = json!({
            "Path": group.path,
            "GroupName": group.name,
            "GroupId": group.id,
            "Arn": account.group_arn(group),
            "CreateDate": group.create_date,
            "GroupPolicyList": inline(&group.inline_policies),
            "AttachedManagedPolicies": attached(&group.attached_policies),
        });
        found.push((format!("1/{key}"), (LISTS[1], detail)));
    }
    for (key, role) in account.roles.iter().filter(|_| wanted("Role")) {
        let profiles = account.instance_profiles.values().filter(|profile| profile.role.as_ref() == Some(&role.name));
        let profiles: Vec<_> = profiles.map(|profile| instance_profiles::shown(account, profile)).collect();
        let more = json!({
            "InstanceProfileList": profiles,
            "RolePolicyList": inline(&role.inline_policies),
            "AttachedManagedPolicies": attached(&role.attached_policies),
            "PermissionsBoundary": boundary_of(role.permissions_boundary.as_ref()),
            "Tags": tags_of(&role.tags),
            "RoleLastUsed": roles::last_used(account, role),
        });
        found.push((format!("2/{key}"), (LISTS[2], with(roles::plain(account, role), &["Description"], more))));
    }
    if wanted("LocalManagedPolicy") {
        for (key, policy) in &account.policies {
            let detail = policies::detail(account, &account.policy_arn(policy));
            found.extend(detail.map(|detail| (format!("3/{key}"), (LISTS[3], detail))));
        }
    }
    if wanted("AWSManagedPolicy") {
        let aws = format!("arn:{}:iam::aws:policy/", account.partition);
        for arn in policies_in_use(account).into_iter().filter(|arn| arn.starts_with(&aws)) {
            found.extend(policies::detail(account, arn).map(|detail| (format!("4/{arn}"), (LISTS[3], detail))));
        }
    }
    several_lists(call, found, &LISTS)
}
