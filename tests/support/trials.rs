//! What every action is tried with, against the sandbox and against its peers.

use super::CANARY;
use serde_json::{Value, json};

/// A trust policy that IAM takes.
pub const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// What an action is tried with.
pub struct Trial {
    pub action: &'static str,
    pub set: Value,
    /// The same about something that does not exist, where there is such a thing.
    pub missing: Option<Value>,
    /// Whether a missing target is what was wanted.
    pub missing_is_fine: bool,
    /// Whether running it again is AWS's error.
    pub again_fails: bool,
    /// Parts of the message of success.
    pub says: &'static str,
    /// What has to be done before, so that there is something to do.
    pub prepared_by: Option<(&'static str, Value)>,
    /// Whether running it again changes something anew: a revocation counts from its own moment.
    pub again_changes: bool,
}

fn trial(action: &'static str, set: Value, missing: Option<Value>, says: &'static str) -> Trial {
    Trial {
        action,
        set,
        missing,
        missing_is_fine: false,
        again_fails: false,
        says,
        prepared_by: None,
        again_changes: false,
    }
}

#[allow(clippy::too_many_lines, reason = "a table")]
pub fn trials() -> Vec<Trial> {
    originals().into_iter().chain(investigations()).collect()
}

/// The actions that the original app has as well.
#[allow(clippy::too_many_lines, reason = "a table")]
fn originals() -> Vec<Trial> {
    let read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let s3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
    vec![
        trial("test connectivity", json!({}), None, "Test connectivity passed: connected to account 123456789012"),
        trial(
            "get user",
            json!({ "username": "alice" }),
            Some(json!({ "username": "nobody" })),
            "Total groups: 2, Total policies: 2",
        ),
        trial("list groups", json!({ "group_path": "/" }), None, "Total groups: 2"),
        trial(
            "list users",
            json!({ "user_path": "/engineering/", "group_name": "developers" }),
            Some(json!({ "group_name": "nobody" })),
            "Total users: 3",
        ),
        trial("list roles", json!({}), None, "Total roles: 4"),
        trial(
            "add user",
            json!({ "username": "carol", "group_name": "developers" }),
            Some(json!({ "username": "nobody", "group_name": "developers" })),
            "User carol successfully added to the group developers",
        ),
        trial(
            "remove user",
            json!({ "username": "alice", "group_name": "developers" }),
            Some(json!({ "username": "nobody", "group_name": "developers" })),
            "User alice successfully removed from the group developers",
        ),
        Trial {
            again_fails: true,
            ..trial(
                "delete user",
                json!({ "username": "mallory" }),
                Some(json!({ "username": "nobody" })),
                "User mallory deleted successfully along with all its associations",
            )
        },
        trial(
            "disable user",
            json!({ "username": "mallory" }),
            Some(json!({ "username": "nobody" })),
            "User mallory disabled successfully",
        ),
        trial(
            "enable user",
            json!({ "username": "mallory", "password": CANARY }),
            Some(json!({ "username": "nobody", "password": CANARY })),
            "User mallory enabled successfully; the existing login profile was kept",
        ),
        Trial {
            again_fails: true,
            ..trial(
                "add role",
                json!({ "role_name": "new-role", "role_policy_document": TRUST, "role_path": "/x/" }),
                None,
                "Role new-role successfully added in AWS account",
            )
        },
        Trial {
            missing_is_fine: true,
            ..trial(
                "remove role",
                json!({ "role_name": "app-role" }),
                Some(json!({ "role_name": "nothing" })),
                "Role app-role removed successfully along with all its associations",
            )
        },
        trial(
            "attach policy",
            json!({ "role_name": "deploy-role", "policy_arn": s3 }),
            Some(json!({ "role_name": "nothing", "policy_arn": s3 })),
            "successfully attached with role deploy-role",
        ),
        Trial {
            again_fails: true,
            ..trial(
                "detach policy",
                json!({ "role_name": "app-role", "policy_arn": s3 }),
                Some(json!({ "role_name": "nothing", "policy_arn": s3 })),
                "successfully detached from role app-role",
            )
        },
        trial(
            "assign policy",
            json!({ "username": "carol", "policy_arn": read_only }),
            Some(json!({ "username": "nobody", "policy_arn": read_only })),
            "successfully assigned to user carol",
        ),
        Trial {
            again_fails: true,
            ..trial(
                "remove policy",
                json!({ "username": "alice", "policy_arn": read_only }),
                Some(json!({ "username": "nobody", "policy_arn": read_only })),
                "successfully removed from user alice",
            )
        },
        trial(
            "disable access key",
            json!({ "access_key_id": "AKIASANDBOXALICE0001" }),
            Some(json!({ "access_key_id": "AKIASANDBOXALICE0001", "username": "nobody" })),
            "Access key AKIASANDBOXALICE0001 disabled successfully",
        ),
        trial(
            "enable access key",
            json!({ "access_key_id": "AKIASANDBOXBOB000002" }),
            Some(json!({ "access_key_id": "AKIASANDBOXBOB000002", "username": "nobody" })),
            "Access key AKIASANDBOXBOB000002 enabled successfully",
        ),
        trial(
            "quarantine user",
            json!({ "username": "alice" }),
            Some(json!({ "username": "nobody" })),
            "User alice quarantined successfully",
        ),
        trial(
            "quarantine role",
            json!({ "role_name": "app-role" }),
            Some(json!({ "role_name": "nothing" })),
            "Role app-role quarantined successfully",
        ),
        Trial {
            prepared_by: Some(("quarantine user", json!({ "username": "alice" }))),
            again_changes: true,
            ..trial(
                "release user",
                json!({ "username": "alice" }),
                Some(json!({ "username": "nobody" })),
                "User alice released successfully",
            )
        },
        Trial {
            prepared_by: Some(("quarantine role", json!({ "role_name": "app-role" }))),
            again_changes: true,
            ..trial(
                "release role",
                json!({ "role_name": "app-role" }),
                Some(json!({ "role_name": "nothing" })),
                "Role app-role released successfully",
            )
        },
        Trial {
            again_changes: true,
            ..trial(
                "revoke user sessions",
                json!({ "username": "alice" }),
                Some(json!({ "username": "nobody" })),
                "Sessions of user alice revoked successfully",
            )
        },
        Trial {
            again_changes: true,
            ..trial(
                "revoke role sessions",
                json!({ "role_name": "app-role" }),
                Some(json!({ "role_name": "nothing" })),
                "Sessions of role app-role revoked successfully",
            )
        },
        trial(
            "lock role trust",
            json!({ "role_name": "app-role" }),
            Some(json!({ "role_name": "nothing" })),
            "Trust of role app-role locked successfully",
        ),
        Trial {
            again_changes: true,
            ..trial(
                "contain user",
                json!({ "username": "mallory" }),
                Some(json!({ "username": "nobody" })),
                "User mallory contained successfully",
            )
        },
        Trial {
            again_changes: true,
            ..trial(
                "contain role",
                json!({ "role_name": "app-role" }),
                Some(json!({ "role_name": "nothing" })),
                "Role app-role contained successfully",
            )
        },
        Trial {
            prepared_by: Some(("quarantine user", json!({ "username": "alice" }))),
            ..trial("undo", json!({ "run": "the prepared one" }), None, "on user alice undone")
        },
    ]
}

/// Lookups beyond those of the original app.
fn investigations() -> Vec<Trial> {
    vec![
        trial(
            "find access key owner",
            json!({ "access_key_id": "AKIASANDBOXALICE0001" }),
            None,
            "Access key AKIASANDBOXALICE0001 belongs to user alice; last used at 2026-01-09T03:14:15Z (iam, us-east-1)",
        ),
        trial(
            "list access keys",
            json!({ "username": "alice" }),
            Some(json!({ "username": "nobody" })),
            "Total access keys: 2, Total active: 2",
        ),
        trial(
            "list user credentials",
            json!({ "username": "alice" }),
            Some(json!({ "username": "nobody" })),
            "Total credentials: 3, Total active: 3, Total unread kinds: 0",
        ),
        trial(
            "get role",
            json!({ "role_name": "app-role" }),
            Some(json!({ "role_name": "nothing" })),
            "Total attached policies: 1, Total inline policies: 1, Total instance profiles: 1",
        ),
        trial(
            "get policy",
            json!({ "policy_arn": "arn:aws:iam::123456789012:policy/docs/ReadDocs" }),
            Some(json!({ "policy_arn": "arn:aws:iam::123456789012:policy/docs/Nothing" })),
            "Policy arn:aws:iam::123456789012:policy/docs/ReadDocs has v1 in force and is attached ",
        ),
        trial("get credential report", json!({}), None, "The credential report of "),
        trial(
            "call operation",
            json!({ "operation": "ListAccountAliases" }),
            Some(json!({ "operation": "GetUser", "parameters": { "UserName": "nobody" } })),
            "Total account aliases: 1",
        ),
    ]
}
