//! Which permissions an action needs: the one place that knows more than `iam:` and the operation's name.
//!
//! Made of the declared calls. Refuses to guess for resources: what a permission may be limited to is said by the
//! policy that is written with it.

use crate::action::Action;
use awsiam_iam::table;

/// Permissions that an operation needs beside its own. Source: service authorization reference, IAM.
const MORE: &[(&str, &[&str])] = &[("AddRoleToInstanceProfile", &["iam:PassRole"])];

/// What nobody needs a permission for, and no policy can deny. Source: STS API reference, `GetCallerIdentity`.
const FREE: &[&str] = &["sts:GetCallerIdentity"];

/// Operations whose request names a user or role, but whose permission is about something else: a group or an instance
/// profile. A policy cannot keep them from a user or role. Source: service authorization reference, IAM.
const ABOUT_OTHERS: &[&str] =
    &["AddUserToGroup", "RemoveUserFromGroup", "AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile"];

/// Permissions to pass something on: they change nothing, but give away.
const GIVES: &[&str] = &["iam:PassRole"];

/// The permissions that a declared call needs; the first is its own.
#[must_use]
pub fn of_call(call: &str) -> Vec<String> {
    let own = if call.contains(':') { call.to_owned() } else { format!("iam:{call}") };
    let more = MORE.iter().filter(|(operation, _)| *operation == call).flat_map(|(_, more)| *more);
    std::iter::once(own).chain(more.map(|permission| (*permission).to_owned())).collect()
}

/// The permission that a creation needs as well when it brings tags; none for other calls.
#[must_use]
pub fn to_tag(operation: &str) -> Option<String> {
    let takes_tags = table::operation(operation)?.member("Tags").is_some();
    let kind = operation.strip_prefix("Create").or_else(|| operation.strip_prefix("Upload"))?;
    let kind = kind.strip_prefix("Virtual").unwrap_or(kind);
    let tag = format!("Tag{kind}");
    (takes_tags && table::operation(&tag).is_some()).then(|| format!("iam:{tag}"))
}

/// The permissions that an action needs, in the order of its calls.
#[must_use]
pub fn of_action(action: &Action) -> Vec<String> {
    let mut permissions = vec![];
    for permission in action.calls().iter().flat_map(|call| of_call(call)) {
        if !permissions.contains(&permission) {
            permissions.push(permission);
        }
    }
    permissions
}

/// Whether everybody has the permission.
#[must_use]
pub fn is_free(permission: &str) -> bool {
    FREE.contains(&permission)
}

/// Whether a permission lets look and no more.
#[must_use]
pub fn reads(permission: &str) -> bool {
    match permission.strip_prefix("iam:") {
        Some(_) if GIVES.contains(&permission) => false,
        Some(operation) => table::operation(operation).is_some_and(table::Operation::reads),
        None => permission.split(':').nth(1).is_some_and(|operation| operation.starts_with("Get")),
    }
}

/// Whether a policy can keep a permission from single users or roles.
#[must_use]
pub fn tells_principals_apart(permission: &str) -> bool {
    let Some(operation) = permission.strip_prefix("iam:") else { return false };
    let names = |member: &str| table::operation(operation).is_some_and(|operation| operation.member(member).is_some());
    GIVES.contains(&permission) || (!ABOUT_OTHERS.contains(&operation) && (names("UserName") || names("RoleName")))
}

/// Whether a permission changes a user or role that a policy cannot tell from others.
#[must_use]
pub fn is_about_others(permission: &str) -> bool {
    permission.strip_prefix("iam:").is_some_and(|operation| ABOUT_OTHERS.contains(&operation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ACTIONS, action};

    /// The table and its exceptions speak of what there is.
    #[test]
    fn every_call_that_an_action_declares_has_permissions() {
        for action in ACTIONS {
            let needed = of_action(action);
            for call in action.calls() {
                let own = if call.starts_with("sts:") { (*call).to_owned() } else { format!("iam:{call}") };
                assert!(needed.contains(&own), "{}: {call}", action.name);
            }
            for permission in &needed {
                let (service, name) = permission.split_once(':').unwrap();
                assert!(["iam", "sts"].contains(&service), "{permission}");
                let known =
                    service == "sts" || GIVES.contains(&permission.as_str()) || table::operation(name).is_some();
                assert!(known, "{permission}");
            }
            let writes = needed.iter().any(|permission| !reads(permission));
            // What the general form of all operations needs, the operation that it names says.
            let general = matches!(action.run, action::Run::Operation(None));
            assert!(general || writes != action.read_only(), "{}", action.name);
        }
        for operation in ABOUT_OTHERS.iter().chain(MORE.iter().map(|(operation, _)| operation)) {
            assert!(table::operation(operation).is_some(), "{operation}");
        }
    }

    #[test]
    fn what_is_not_in_the_name_of_a_call_is_known() {
        let add_role = of_action(action("add role").unwrap());
        assert!(add_role.contains(&"iam:PassRole".to_owned()), "{add_role:?}");
        assert!(!add_role.contains(&"iam:TagRole".to_owned()), "it brings no tags");
        assert!(!reads("iam:PassRole") && reads("iam:GetRole") && reads("sts:GetAccessKeyInfo"));
        assert!(reads("iam:GenerateCredentialReport") && !reads("iam:CreateRole"));
    }

    /// Every creation that may bring tags needs the permission to tag.
    #[test]
    fn creations_with_tags_need_another_permission() {
        assert_eq!(to_tag("CreateRole").as_deref(), Some("iam:TagRole"));
        assert_eq!(to_tag("CreateVirtualMFADevice").as_deref(), Some("iam:TagMFADevice"));
        assert_eq!(to_tag("TagRole"), None);
        assert_eq!(to_tag("DeleteRole"), None);
        for operation in table::operations().iter().filter(|operation| operation.member("Tags").is_some()) {
            let tags = operation.name.starts_with("Tag") || to_tag(operation.name).is_some();
            assert!(tags, "{}", operation.name);
        }
    }

    #[test]
    fn policies_tell_users_and_roles_apart_where_the_permission_is_about_them() {
        for permission in ["iam:DeleteUser", "iam:UpdateAccessKey", "iam:DetachRolePolicy", "iam:PassRole"] {
            assert!(tells_principals_apart(permission), "{permission}");
        }
        for permission in ["iam:RemoveUserFromGroup", "iam:DeleteInstanceProfile", "sts:GetAccessKeyInfo"] {
            assert!(!tells_principals_apart(permission), "{permission}");
        }
    }
}
