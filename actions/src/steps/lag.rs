//! What runs before this one have just changed, and whether IAM shows it yet: its reads lag behind its writes.
//!
//! Reads only. Refuses to look by calls that the action does not declare.

use crate::reader::Reader;
use crate::steps::restore::{Now, Restore, id_in, made};
use crate::target::{Sight, Target};
use awsiam_iam::timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

/// The changes in a list that were made no longer ago than this, oldest first.
#[must_use]
pub fn lately<'a>(recorded: impl IntoIterator<Item = &'a Value>, within: Duration) -> Vec<Value> {
    let since = timestamp(SystemTime::now() - within);
    let changes = recorded.into_iter();
    changes.filter(|change| change["at"].as_str().is_some_and(|at| at > since.as_str())).cloned().collect()
}

/// What changes have left that is not shown: IAM's reads lag behind its writes, or somebody has changed it since. In words:
/// `access key AKIA… was made Active`. None where all is shown, or it could not be read. Looks only by calls that are
/// declared, and at nothing that `own` changes were about.
pub async fn not_shown(
    changes: &[Value],
    own: &[Value],
    (reader, target): (&Reader, &Target),
    declared: &[&str],
) -> Option<String> {
    let record = json!({ "changes": changes });
    // Of several changes of one thing the last one counts.
    let mut last: BTreeMap<String, (String, Value)> = BTreeMap::new();
    for (operation, parameters) in made(&record) {
        if let Some(thing) = thing(operation, parameters) {
            last.insert(thing, (operation.to_owned(), parameters.clone()));
        }
    }
    for change in own {
        if let Some(thing) = change["operation"].as_str().and_then(|name| thing(name, &change["parameters"])) {
            last.remove(&thing);
        }
    }
    let by = |operation: &str| read_by(operation, target).filter(|read| declared.contains(read));
    last.retain(|_, (operation, _)| by(operation).is_some());
    let needs_entity = last.values().any(|(operation, _)| by(operation) == Some(target.read_by()));
    let entity = match needs_entity.then_some(target.look(reader)) {
        None => Value::Null,
        Some(look) => match look.await {
            Sight::There(seen) => seen.pinned.map(|pinned| pinned.entity).unwrap_or_default(),
            Sight::Missing(_) | Sight::Unknown(_) => Value::Null,
        },
    };
    // Kind by kind: one that may not be read says nothing of the others.
    let reads: BTreeSet<_> = last.values().filter_map(|(operation, _)| by(operation)).collect();
    for read in reads {
        let of_kind = last.iter().filter(|(_, (operation, _))| by(operation) == Some(read));
        let changes: Vec<_> = of_kind.clone().map(|(_, change)| change.clone()).collect();
        let Ok(now) = Restore::to_look_at(changes).read(reader, target).await else { continue };
        for (thing, (operation, parameters)) in of_kind {
            if let Some((false, words)) = as_left(operation, parameters, &now, &entity) {
                return Some(format!("{thing} was {words}"));
            }
        }
    }
    None
}

/// Whether two changes, as they are described, are about the same thing.
#[must_use]
pub fn about_the_same(one: &Value, other: &Value) -> bool {
    let of = |change: &Value| thing(change["operation"].as_str()?, &change["parameters"]);
    of(one).is_some() && of(one) == of(other)
}

/// The thing that a call changes, in words; each is changed by several calls.
pub(super) fn thing(operation: &str, parameters: &Value) -> Option<String> {
    let text = |name: &str| parameters[name].as_str().unwrap_or_default();
    Some(match operation {
        "UpdateAccessKey"
        | "UpdateSSHPublicKey"
        | "UpdateSigningCertificate"
        | "UpdateServiceSpecificCredential"
        | "DeleteAccessKey"
        | "DeleteSSHPublicKey"
        | "DeleteSigningCertificate"
        | "DeleteServiceSpecificCredential" => format!("credential {}", id_in(parameters)?),
        "CreateLoginProfile" | "DeleteLoginProfile" => "the console password".to_owned(),
        "AddUserToGroup" | "RemoveUserFromGroup" => format!("membership in group {}", text("GroupName")),
        "AttachUserPolicy" | "AttachRolePolicy" | "DetachUserPolicy" | "DetachRolePolicy" => {
            format!("policy {}", text("PolicyArn"))
        }
        "PutUserPolicy" | "PutRolePolicy" | "DeleteUserPolicy" | "DeleteRolePolicy" => {
            format!("inline policy {}", text("PolicyName"))
        }
        "PutUserPermissionsBoundary"
        | "PutRolePermissionsBoundary"
        | "DeleteUserPermissionsBoundary"
        | "DeleteRolePermissionsBoundary" => "the permissions boundary".to_owned(),
        "UpdateAssumeRolePolicy" => "the trust policy".to_owned(),
        "TagUser" | "TagRole" => format!("tag {}", parameters["Tags"][0]["Key"].as_str()?.to_lowercase()),
        "UntagUser" | "UntagRole" => format!("tag {}", parameters["TagKeys"][0].as_str()?.to_lowercase()),
        _ => return None,
    })
}

/// The call that shows what a call has changed.
fn read_by(operation: &str, target: &Target) -> Option<&'static str> {
    Some(match operation {
        "UpdateAccessKey" => "ListAccessKeys",
        "UpdateSSHPublicKey" => "ListSSHPublicKeys",
        "UpdateSigningCertificate" => "ListSigningCertificates",
        "UpdateServiceSpecificCredential" => "ListServiceSpecificCredentials",
        "CreateLoginProfile" | "DeleteLoginProfile" => "GetLoginProfile",
        "AddUserToGroup" | "RemoveUserFromGroup" => "ListGroupsForUser",
        "AttachUserPolicy" | "DetachUserPolicy" => "ListAttachedUserPolicies",
        "AttachRolePolicy" | "DetachRolePolicy" => "ListAttachedRolePolicies",
        "PutUserPolicy" | "DeleteUserPolicy" => "GetUserPolicy",
        "PutRolePolicy" | "DeleteRolePolicy" => "GetRolePolicy",
        "UpdateAssumeRolePolicy" => "GetRole",
        boundary if boundary.ends_with("PermissionsBoundary") => target.read_by(),
        _ => return None,
    })
}

/// Whether what a call has changed is shown as the call left it, and how that is, in words.
fn as_left(operation: &str, parameters: &Value, now: &Now, entity: &Value) -> Option<(bool, String)> {
    let text = |name: &str| parameters[name].as_str().unwrap_or_default();
    let same = |a: &str, b: &str| {
        let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
        a == b || parse(a).is_some_and(|a| parse(b) == Some(a))
    };
    Some(match operation {
        "UpdateAccessKey" | "UpdateSSHPublicKey" | "UpdateSigningCertificate" | "UpdateServiceSpecificCredential" => {
            // What is not there any more was deleted since.
            let shown = now.statuses.get(id_in(parameters)?).is_none_or(|is| *is == parameters["Status"]);
            (shown, format!("made {}", text("Status")))
        }
        "CreateLoginProfile" => (now.password, "set".to_owned()),
        "DeleteLoginProfile" => (!now.password, "deleted".to_owned()),
        "AddUserToGroup" | "RemoveUserFromGroup" => {
            let (group, adds) = (text("GroupName"), operation == "AddUserToGroup");
            let shown = now.groups.iter().any(|known| known == group) == adds;
            (shown, if adds { "given" } else { "taken away" }.to_owned())
        }
        "AttachUserPolicy" | "AttachRolePolicy" | "DetachUserPolicy" | "DetachRolePolicy" => {
            let (arn, adds) = (text("PolicyArn"), operation.starts_with("Attach"));
            let shown = now.attached.iter().any(|known| known == arn) == adds;
            (shown, if adds { "attached" } else { "detached" }.to_owned())
        }
        "PutUserPolicy" | "PutRolePolicy" | "DeleteUserPolicy" | "DeleteRolePolicy" => {
            let (policy, left) = (text("PolicyName"), parameters["PolicyDocument"].as_str());
            let shown = match (now.inline.get(policy).and_then(Value::as_str), left) {
                (Some(is), Some(left)) => same(is, left),
                (is, left) => is.is_none() && left.is_none(),
            };
            (shown, if left.is_some() { "put" } else { "deleted" }.to_owned())
        }
        "PutUserPermissionsBoundary"
        | "PutRolePermissionsBoundary"
        | "DeleteUserPermissionsBoundary"
        | "DeleteRolePermissionsBoundary" => {
            let is = &entity["PermissionsBoundary"]["PermissionsBoundaryArn"];
            (entity.is_null() || *is == parameters["PermissionsBoundary"], "changed".to_owned())
        }
        "UpdateAssumeRolePolicy" => {
            let is = entity["AssumeRolePolicyDocument"].as_str().unwrap_or_default();
            (entity.is_null() || same(is, text("PolicyDocument")), "changed".to_owned())
        }
        _ => return None,
    })
}
