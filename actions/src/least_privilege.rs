//! The IAM policy that lets a caller do chosen actions and nothing else.
//!
//! Pure: declarations in, a policy document out. Refuses a pattern that IAM would not take.

use crate::action::Action;
use crate::permissions;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Where a policy is to hold, and whom it is to spare.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The partition, such as `aws-cn`.
    pub partition: String,
    /// The account's number; every account where there is none.
    pub account: Option<String>,
    /// Names, paths, ARNs or tags (`tag:KEY=VALUE`) with `*` of users and roles that must not be changed, as the asset's `protected_principals`.
    pub protected: Vec<String>,
}

/// A policy for chosen actions.
#[derive(Debug)]
pub struct Policy {
    /// The document.
    pub document: Value,
    /// Chosen permissions that change users or roles, but that no policy can keep from those that are protected.
    pub unguarded: Vec<String>,
}

/// The least that lets a caller do these actions.
///
/// # Errors
/// A pattern of a protected principal that IAM would not take as a resource.
pub fn policy(actions: &[&Action], scope: &Scope) -> Result<Policy, String> {
    let needed: BTreeSet<String> = actions.iter().flat_map(|action| permissions::of_action(action)).collect();
    let (reads, writes): (Vec<_>, Vec<_>) = needed.into_iter().partition(|permission| permissions::reads(permission));
    let mut statements = vec![];
    for (sid, permissions) in [("Read", &reads), ("Write", &writes)] {
        if !permissions.is_empty() {
            statements.push(json!({ "Sid": sid, "Effect": "Allow", "Action": permissions, "Resource": "*" }));
        }
    }
    let mut spared: Vec<String> = vec![];
    let mut tagged: Vec<(&str, &str)> = vec![];
    for pattern in &scope.protected {
        if let Some(tag) = pattern.strip_prefix("tag:") {
            tagged.push(condition(tag)?);
            continue;
        }
        for arn in resources(pattern, scope)? {
            if !spared.contains(&arn) {
                spared.push(arn);
            }
        }
    }
    let (guarded, rest): (Vec<_>, Vec<_>) =
        writes.into_iter().partition(|permission| permissions::tells_principals_apart(permission));
    if !guarded.is_empty() && !spared.is_empty() {
        let sid = "NeverOnProtectedPrincipals";
        statements.push(json!({ "Sid": sid, "Effect": "Deny", "Action": guarded, "Resource": spared }));
    }
    for (number, (key, value)) in tagged.into_iter().enumerate().filter(|_| !guarded.is_empty()) {
        let mut like = serde_json::Map::new();
        like.insert(format!("aws:ResourceTag/{key}"), value.into());
        statements.push(json!({
            "Sid": format!("NeverOnTaggedPrincipals{}", number + 1),
            "Effect": "Deny",
            "Action": guarded,
            "Resource": "*",
            "Condition": { "StringLike": like },
        }));
    }
    let unguarded = rest.into_iter().filter(|permission| permissions::is_about_others(permission)).collect();
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    Ok(Policy { document, unguarded })
}

/// The key and the pattern of values of a tag. Source: IAM user guide, "Controlling access to IAM users and roles using
/// tags"; a condition has no wildcard in its key.
fn condition(tag: &str) -> Result<(&str, &str), String> {
    let (key, value) = tag.split_once('=').unwrap_or((tag, "*"));
    if key.is_empty() || key.contains('*') {
        return Err(format!(
            "The protected principal \"tag:{tag}\" cannot be written into a policy: the key of a tag has no wildcard there"
        ));
    }
    Ok((key, value))
}

/// The ARNs that a pattern covers. Where an ARN cannot say exactly what the pattern says, it covers more, never less,
/// but for the case of letters, which IAM regards in ARNs.
fn resources(pattern: &str, scope: &Scope) -> Result<Vec<String>, String> {
    let account = scope.account.as_deref().unwrap_or("*");
    let own = |resource: &str| format!("arn:{}:iam::{account}:{resource}", scope.partition);
    if pattern.starts_with("arn:") {
        let parts: Vec<_> = pattern.splitn(6, ':').collect();
        return match parts.as_slice() {
            // IAM takes no wildcard for the partition and the service.
            ["arn", partition, "iam", "", account, resource] if !resource.is_empty() => {
                let partition = if partition.contains('*') { &scope.partition } else { *partition };
                Ok(vec![format!("arn:{partition}:iam::{account}:{resource}")])
            }
            _ => Err(format!(
                "The protected principal {pattern:?} cannot be written into a policy; say it as a name, a path or a whole ARN, arn:PARTITION:iam::ACCOUNT:user/NAME"
            )),
        };
    }
    let head = pattern.split('*').next().unwrap_or_default();
    let mut found = vec![];
    for kind in ["user/", "role/"] {
        // A leading wildcard takes the path as well.
        if pattern.starts_with(['/', '*']) {
            found.push(own(&format!("{}{pattern}", kind.trim_end_matches('/'))));
        } else if head.starts_with(kind) {
            found.push(own(pattern));
        } else {
            if !pattern.contains('/') {
                found.extend([own(&format!("{kind}{pattern}")), own(&format!("{kind}*/{pattern}"))]);
            }
            // As `us*`, which covers user/ as well.
            if pattern.contains('*') && kind.starts_with(head) {
                found.push(own(pattern));
            }
        }
    }
    if found.is_empty() {
        return Err(format!(
            "The protected principal {pattern:?} covers nothing; a path begins with /, and a name has none"
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action;

    fn scope(protected: &[&str]) -> Scope {
        Scope {
            partition: "aws-cn".into(),
            account: Some("123456789012".into()),
            protected: protected.iter().map(|pattern| (*pattern).to_owned()).collect(),
        }
    }

    fn arns(pattern: &str) -> Vec<String> {
        let arns = resources(pattern, &scope(&[])).unwrap();
        arns.iter().map(|arn| arn.strip_prefix("arn:aws-cn:iam::123456789012:").unwrap().to_owned()).collect()
    }

    #[test]
    fn reads_and_writes_are_apart_and_protected_principals_are_denied() {
        let actions = [action("get user").unwrap(), action("add role").unwrap()];
        let policy = policy(&actions, &scope(&["break-glass"])).unwrap();
        let statements = policy.document["Statement"].as_array().unwrap();
        let sids: Vec<_> = statements.iter().map(|statement| statement["Sid"].as_str().unwrap()).collect();
        assert_eq!(sids, ["Read", "Write", "NeverOnProtectedPrincipals"]);
        let has =
            |at: usize, permission: &str| statements[at]["Action"].as_array().unwrap().contains(&permission.into());
        assert!(has(0, "iam:GetUser") && !has(0, "iam:CreateRole"));
        assert!(has(1, "iam:PassRole") && has(1, "iam:CreateRole") && !has(1, "iam:GetUser"));
        assert!(has(2, "iam:PassRole") && has(2, "iam:DeleteRole") && !has(2, "iam:GetRole"));
        assert_eq!(policy.unguarded, ["iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile"]);
        let reading = super::policy(&actions[..1], &scope(&["x"])).unwrap();
        assert_eq!(reading.document["Statement"].as_array().map(Vec::len), Some(1), "nothing to deny");
    }

    #[test]
    fn tags_become_conditions() {
        let actions = [action("disable user").unwrap()];
        let policy = policy(&actions, &scope(&["tag:tier=break-*", "tag:x"])).unwrap();
        let denied = policy.document["Statement"].as_array().unwrap()[2..].to_vec();
        let conditions: Vec<_> = denied.iter().map(|statement| statement["Condition"]["StringLike"].clone()).collect();
        assert_eq!(conditions, [json!({ "aws:ResourceTag/tier": "break-*" }), json!({ "aws:ResourceTag/x": "*" })]);
        assert!(super::policy(&actions, &scope(&["tag:*=x"])).is_err());
    }

    #[test]
    fn names_paths_and_arns_become_resources() {
        assert_eq!(arns("break-*"), ["user/break-*", "user/*/break-*", "role/break-*", "role/*/break-*"]);
        assert_eq!(arns("*admin"), ["user*admin", "role*admin"]);
        assert_eq!(arns("/glass/*"), ["user/glass/*", "role/glass/*"]);
        assert_eq!(arns("user/glass/*"), ["user/glass/*"]);
        assert!(arns("us*").contains(&"us*".to_owned()));
        assert_eq!(arns("*/glass/*"), ["user*/glass/*", "role*/glass/*"]);
        assert_eq!(arns("arn:*:iam::123456789012:role/x"), ["role/x"]);
        for wrong in ["arn:*", "arn:aws:s3:::bucket", "glass/x"] {
            assert!(resources(wrong, &scope(&[])).is_err(), "{wrong}");
        }
        let anywhere = Scope { partition: "aws".into(), ..Scope::default() };
        assert_eq!(resources("/x/y", &anywhere).unwrap()[0], "arn:aws:iam::*:user/x/y");
    }
}
