//! Scenarios: accounts to begin with.
//!
//! Everything in them is the same at every start: names, ids, keys. The secrets say themselves that they are not real.

use crate::seed::Seed;
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;

/// An account to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scenario {
    /// A small company one of whose users, `alice`, has lost an access key.
    #[default]
    LeakedKey,
    /// The same, after the attacker has dug in.
    PersistenceSpree,
    /// The same, among 5,000 users.
    Large,
}

impl Scenario {
    /// The names of all scenarios.
    pub const NAMES: [&str; 3] = ["leaked-key", "persistence-spree", "large"];

    /// The scenario's account.
    #[must_use]
    pub fn seed(self, partition: &str) -> Seed {
        let account = match self {
            Self::LeakedKey => leaked_key(partition),
            Self::PersistenceSpree => persistence_spree(partition),
            Self::Large => large(partition),
        };
        // The scenarios are written here and read back by a test: they cannot be wrong at run time.
        serde_json::from_value(account).unwrap_or_default()
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES[*self as usize])
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::LeakedKey, Self::PersistenceSpree, Self::Large]
            .into_iter()
            .find(|scenario| scenario.to_string() == name)
            .ok_or_else(|| format!("there is no scenario {name}; there is {}", Self::NAMES.join(", ")))
    }
}

/// The id of a scenario's access key: `AKIASANDBOX`, the user's name, and a number.
fn key_id(user: &str, number: u32) -> String {
    let name: String = user.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_uppercase();
    let name = name.strip_prefix("AWSIAM").unwrap_or(&name);
    let width = 20 - "AKIASANDBOX".len() - name.len().min(8);
    format!("AKIASANDBOX{}{number:0width$}", &name[..name.len().min(8)])
}

fn key(user: &str, number: u32, status: &str, made: &str) -> Value {
    json!({ "id": key_id(user, number), "status": status, "create_date": made })
}

fn allow(actions: &[&str], resource: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": resource }] })
}

fn trust(kind: &str, principal: &str) -> Value {
    let action =
        if kind == "Federated" { json!(["sts:AssumeRoleWithSAML", "sts:TagSession"]) } else { json!("sts:AssumeRole") };
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { kind: principal }, "Action": action },
    ] })
}

const ACCOUNT: &str = "123456789012";

fn leaked_key(partition: &str) -> Value {
    let aws = |name: &str| format!("arn:{partition}:iam::aws:policy/{name}");
    let own = |rest: &str| format!("arn:{partition}:iam::{ACCOUNT}:{rest}");
    let s3 = |rest: &str| format!("arn:{partition}:s3:::{rest}");
    json!({
        "account_id": ACCOUNT,
        "create_date": "2025-01-15T09:00:00Z",
        "alias": "example-company",
        "users": [
            {
                "name": "awsiam-operator", "path": "/soar/",
                "attached_policies": [aws("AdministratorAccess")],
                "access_keys": [key("awsiam-operator", 1, "Active", "2025-02-01T08:00:00Z")],
                "tags": { "purpose": "incident response" },
            },
            {
                "name": "alice", "path": "/engineering/",
                "create_date": "2025-02-03T10:12:00Z",
                "groups": ["admins", "developers"],
                "login_profile": { "password": "not-a-real-Passw0rd!", "create_date": "2025-02-03T10:15:00Z" },
                "password_last_used": "2026-01-09T07:55:12Z",
                "access_keys": [
                    {
                        "id": key_id("alice", 1), "create_date": "2025-02-03T10:20:00Z",
                        "last_used": { "date": "2026-01-09T03:14:15Z", "service": "iam", "region": "us-east-1" },
                    },
                    key("alice", 2, "Active", "2025-08-20T16:40:00Z"),
                ],
                "attached_policies": [own("policy/docs/ReadDocs"), aws("ReadOnlyAccess")],
                "inline_policies": { "deploy-site": allow(&["s3:PutObject", "s3:DeleteObject"], &s3("example-site/*")) },
                "tags": { "department": "engineering", "employee": "1001" },
            },
            {
                "name": "bob", "path": "/engineering/",
                "groups": ["developers"],
                "login_profile": { "password": "not-a-real-Passw0rd?" },
                "access_keys": [
                    key("bob", 1, "Active", "2025-03-01T09:00:00Z"),
                    key("bob", 2, "Inactive", "2025-03-02T09:00:00Z"),
                ],
            },
            { "name": "carol", "path": "/finance/", "login_profile": { "password": "not-a-real-Passw0rd#" } },
            {
                "name": "dave", "path": "/operations/",
                "groups": ["admins"],
                "login_profile": { "password": "not-a-real-Passw0rd$" },
                "mfa_devices": [{ "serial": own("mfa/dave") }],
                "access_keys": [key("dave", 1, "Active", "2025-03-05T09:00:00Z")],
                "permissions_boundary": own("policy/engineering-boundary"),
                "service_specific_credentials": [
                    { "id": "ACCASANDBOXDAVE000001", "service": "codecommit.amazonaws.com" },
                ],
            },
        ],
        "groups": [
            { "name": "admins", "attached_policies": [aws("AdministratorAccess")] },
            {
                "name": "developers", "path": "/engineering/",
                "attached_policies": [aws("PowerUserAccess")],
                "inline_policies": { "own-password": allow(&["iam:ChangePassword", "iam:GetUser"], &own("user/*/${aws:username}")) },
            },
        ],
        "roles": [
            {
                "name": "app-role", "path": "/app/",
                "description": "The web application's instances",
                "trust": trust("Service", "ec2.amazonaws.com"),
                "attached_policies": [aws("AmazonS3ReadOnlyAccess")],
                "inline_policies": { "write-logs": allow(&["logs:CreateLogStream", "logs:PutLogEvents"], "*") },
            },
            {
                "name": "deploy-role",
                "description": "Assumed by developers to deploy",
                "trust": trust("AWS", &own("root")),
                "attached_policies": [aws("PowerUserAccess")],
                "max_session_duration": 14400,
            },
            {
                "name": "AWSServiceRoleForSupport", "path": "/aws-service-role/support.amazonaws.com/",
                "trust": trust("Service", "support.amazonaws.com"),
                "attached_policies": [aws("aws-service-role/AWSSupportServiceRolePolicy")],
            },
            {
                "name": "AWSReservedSSO_AdministratorAccess_0123456789abcdef",
                "path": "/aws-reserved/sso.amazonaws.com/",
                "trust": trust("Federated", &own("saml-provider/AWSSSO_0123456789abcdef_DO_NOT_DELETE")),
                "attached_policies": [aws("AdministratorAccess")],
                "max_session_duration": 43200,
            },
        ],
        "policies": [
            {
                "name": "ReadDocs", "path": "/docs/",
                "description": "Read the company's documents",
                "versions": [{ "id": "v1", "document": allow(&["s3:GetObject", "s3:ListBucket"], &s3("example-docs*")) }],
            },
            {
                "name": "engineering-boundary",
                "versions": [{ "id": "v1", "document": allow(&["*"], "*") }],
            },
        ],
        "instance_profiles": [{ "name": "app-role", "path": "/app/", "role": "app-role" }],
        "virtual_mfa_devices": [{ "name": "dave" }],
    })
}

/// What an attacker with alice's key does to stay.
fn persistence_spree(partition: &str) -> Value {
    let aws = |name: &str| format!("arn:{partition}:iam::aws:policy/{name}");
    let mut account = leaked_key(partition);
    let attack = "2026-01-10T02:30:00Z";
    let user = |account: &mut Value, name: &str, change: &dyn Fn(&mut Value)| {
        account["users"].as_array_mut().into_iter().flatten().filter(|user| user["name"] == name).for_each(change);
    };
    user(&mut account, "alice", &|alice| {
        // AWS saw the key on the Internet and attached its quarantine, which leaves much open.
        push(&mut alice["attached_policies"], aws("AWSCompromisedKeyQuarantineV3").into());
        alice["inline_policies"]["site-metrics"] = allow(&["*"], "*");
        alice["ssh_public_keys"] = json!([{ "id": "APKASANDBOXALICE00001", "body": SSH_KEY, "upload_date": attack }]);
        alice["service_specific_credentials"] = json!([
            { "id": "ACCASANDBOXALICE00001", "service": "codecommit.amazonaws.com", "create_date": attack },
        ]);
    });
    user(&mut account, "bob", &|bob| bob["access_keys"][1]["status"] = "Active".into());
    user(&mut account, "carol", &|carol| {
        carol["access_keys"] = json!([key("carol", 1, "Active", attack)]);
        carol["attached_policies"] = json!([aws("AdministratorAccess")]);
        carol["login_profile"] = json!({ "password": "not-a-real-Passw0rd%", "create_date": attack });
    });
    push(
        &mut account["users"],
        json!({
            "name": "support-backup", "create_date": attack,
            "attached_policies": [aws("IAMFullAccess")],
            "login_profile": { "password": "not-a-real-Passw0rd&", "create_date": attack },
            "access_keys": [key("support-backup", 1, "Active", attack)],
        }),
    );
    push(
        &mut account["roles"],
        json!({
            "name": "OrganizationAuditRole", "create_date": attack,
            "trust": trust("AWS", &format!("arn:{partition}:iam::999999999999:root")),
            "attached_policies": [aws("AdministratorAccess")],
        }),
    );
    for policy in account["policies"].as_array_mut().into_iter().flatten().filter(|policy| policy["name"] == "ReadDocs")
    {
        push(&mut policy["versions"], json!({ "id": "v2", "document": allow(&["*"], "*"), "create_date": attack }));
        policy["default_version"] = "v2".into();
        policy["update_date"] = attack.into();
    }
    account
}

const SSH_KEY: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAEG5vdC1hLXJlYWwta2V5ISE= attacker";

fn push(list: &mut Value, item: Value) {
    if let Some(list) = list.as_array_mut() {
        list.push(item);
    }
}

/// As many users as an account may have.
fn large(partition: &str) -> Value {
    let mut account = leaked_key(partition);
    let count = 5_000 - account["users"].as_array().map_or(0, Vec::len);
    for number in 1..=count {
        let mut user =
            json!({ "name": format!("employee-{number:04}"), "path": "/employees/", "groups": ["developers"] });
        if number % 3 == 0 {
            user["access_keys"] = json!([{ "id": format!("AKIASANDBOXLARGE{number:04}") }]);
        }
        if number % 2 == 0 {
            user["login_profile"] = json!({ "password": "not-a-real-Passw0rd*" });
        }
        push(&mut account["users"], user);
    }
    account
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_can_be_built() {
        for name in Scenario::NAMES {
            for partition in ["aws", "aws-cn", "aws-us-gov"] {
                let scenario: Scenario = name.parse().expect("a name of the list");
                let seed = scenario.seed(partition);
                assert!(seed.users.len() >= 5, "{name} was not read");
                let account = seed.build(partition).expect(name);
                assert!(account.users.values().flat_map(|user| &user.access_keys).all(|key| key.id.len() == 20));
                let text = serde_json::to_string(&Seed::of(&account)).expect("JSON");
                assert!(partition == "aws" || !text.contains("arn:aws:"), "{name} in {partition}");
            }
        }
        assert_eq!(Scenario::Large.seed("aws").users.len(), 5_000);
        assert_eq!(key_id("awsiam-operator", 1), "AKIASANDBOXOPERATOR1");
        assert_eq!(key_id("alice", 2), "AKIASANDBOXALICE0002");
    }

    #[test]
    fn unknown_scenarios_are_refused() {
        assert!("leaked-keys".parse::<Scenario>().is_err());
    }
}
