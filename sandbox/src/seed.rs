//! Seeds: the whole state of an account as a JSON document, read at the start and written by a dump.
//!
//! Sessions, reports and last uses seen while running are no part of it. A seed that contradicts itself is refused.

use crate::digest;
use crate::state::{Account, Group, InstanceProfile, PasswordPolicy, Policy, Role, User, VirtualMfa, steady_id};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An account, as JSON. Lists are in the order of names when dumped.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The account's twelve digits.
    #[serde(default = "demo_account")]
    pub account_id: String,
    /// `aws`, `aws-cn`, `aws-us-gov`; where it is left out, the one that the sandbox was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// When the account was made; the date of everything that has none.
    #[serde(default = "demo_date")]
    pub create_date: String,
    /// The account's alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The version of tokens of the global STS endpoint, `v1Token` or `v2Token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_version: Option<String>,
    /// The account's password policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<PasswordPolicy>,
    /// Users with their credentials.
    #[serde(default)]
    pub users: Vec<User>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Customer managed policies.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// Instance profiles.
    #[serde(default)]
    pub instance_profiles: Vec<InstanceProfile>,
    /// Virtual MFA devices.
    #[serde(default)]
    pub virtual_mfa_devices: Vec<VirtualMfa>,
}

fn demo_account() -> String {
    "123456789012".to_owned()
}

fn demo_date() -> String {
    "2025-01-15T09:00:00Z".to_owned()
}

/// The secret that belongs to a seeded access key; obviously not a real one.
pub(crate) fn seeded_secret(key_id: &str) -> String {
    format!("{:x<40}", format!("not-a-real-secret/{key_id}/"))
}

fn fill(text: &mut String, default: impl FnOnce() -> String) {
    if text.is_empty() {
        *text = default();
    }
}

/// Entities by lower-case name, with ids and dates filled in.
macro_rules! by_name {
    ($list:expr, $prefix:literal, $date:expr) => {{
        let mut map = BTreeMap::new();
        for mut one in $list {
            fill(&mut one.id, || steady_id($prefix, &one.name));
            fill(&mut one.create_date, || $date.clone());
            if !one.path.starts_with('/') || !one.path.ends_with('/') {
                return Err(format!("the path of {} does not begin and end with /", one.name));
            }
            let name = one.name.clone();
            if let Some(former) = map.insert(name.to_lowercase(), one) {
                return Err(format!("{name} and {} are one name; names are unique regardless of case", former.name));
            }
        }
        map
    }};
}

impl Seed {
    /// The account that the seed describes.
    pub(crate) fn build(self, partition: &str) -> Result<Account, String> {
        if self.account_id.len() != 12 || !self.account_id.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(format!("account_id {} is not twelve digits", self.account_id));
        }
        let date = self.create_date;
        let mut account = Account {
            id: self.account_id,
            partition: self.partition.unwrap_or_else(|| partition.to_owned()),
            alias: self.alias,
            token_version: self.token_version,
            password_policy: self.password_policy,
            users: by_name!(self.users, "AIDA", date),
            groups: by_name!(self.groups, "AGPA", date),
            roles: by_name!(self.roles, "AROA", date),
            policies: by_name!(self.policies, "ANPA", date),
            instance_profiles: by_name!(self.instance_profiles, "AIPA", date),
            create_date: date.clone(),
            ..Account::default()
        };
        for mut device in self.virtual_mfa_devices {
            // One-time passwords take a base32 secret of any length; 32 letters are 20 bytes.
            fill(&mut device.secret, || {
                steady_id("", &device.name) + &steady_id("", &steady_id("", &device.name))[..15]
            });
            if digest::from_base32(&device.secret).is_none() {
                return Err(format!("the secret of the MFA device {} is not base32", device.name));
            }
            account.virtual_mfa_devices.insert(device.name.to_lowercase(), device);
        }
        for policy in account.policies.values_mut() {
            fill(&mut policy.update_date, || policy.create_date.clone());
            for version in &mut policy.versions {
                fill(&mut version.create_date, || policy.create_date.clone());
                let number = version.id.strip_prefix('v').and_then(|number| number.parse().ok());
                let number =
                    number.ok_or_else(|| format!("{} is not a version of a policy, such as v1", version.id))?;
                policy.last_version = policy.last_version.max(number);
            }
            if policy.version(&policy.default_version).is_none() {
                return Err(format!("policy {} has no version {}", policy.name, policy.default_version));
            }
        }
        let mut key_ids = std::collections::BTreeSet::new();
        for user in account.users.values_mut() {
            let made = user.create_date.clone();
            let (id, name) = (&account.id, &user.name);
            for key in &mut user.access_keys {
                fill(&mut key.secret, || seeded_secret(&key.id));
                fill(&mut key.create_date, || made.clone());
                if !key_ids.insert(key.id.clone()) {
                    return Err(format!("the access key {} is there twice", key.id));
                }
            }
            user.login_profile.iter_mut().for_each(|login| fill(&mut login.create_date, || made.clone()));
            user.mfa_devices.iter_mut().for_each(|device| fill(&mut device.enable_date, || made.clone()));
            let uploads = user.ssh_public_keys.iter_mut().chain(&mut user.signing_certificates);
            uploads.for_each(|upload| fill(&mut upload.upload_date, || made.clone()));
            for credential in &mut user.service_specific_credentials {
                fill(&mut credential.create_date, || made.clone());
                fill(&mut credential.user_name, || format!("{name}-at-{id}"));
                fill(&mut credential.password, || seeded_secret(&credential.id));
            }
        }
        check(&account)?;
        Ok(account)
    }

    /// The seed that an account can be built of again.
    pub(crate) fn of(account: &Account) -> Self {
        fn list<T: Clone>(map: &BTreeMap<String, T>) -> Vec<T> {
            map.values().cloned().collect()
        }
        Self {
            account_id: account.id.clone(),
            partition: Some(account.partition.clone()),
            create_date: account.create_date.clone(),
            alias: account.alias.clone(),
            token_version: account.token_version.clone(),
            password_policy: account.password_policy.clone(),
            users: list(&account.users),
            groups: list(&account.groups),
            roles: list(&account.roles),
            policies: list(&account.policies),
            instance_profiles: list(&account.instance_profiles),
            virtual_mfa_devices: list(&account.virtual_mfa_devices),
        }
    }
}

/// Everything that is referred to is there.
fn check(account: &Account) -> Result<(), String> {
    let known = |owner: &str, arn: &str| {
        if account.has_policy(arn) {
            Ok(())
        } else {
            Err(format!("{owner} refers to the policy {arn}, which is not there"))
        }
    };
    for user in account.users.values() {
        user.attached_policies.iter().chain(&user.permissions_boundary).try_for_each(|arn| known(&user.name, arn))?;
        if let Some(group) = user.groups.iter().find(|group| account.group(group).is_err()) {
            return Err(format!("{} is in the group {group}, which is not there", user.name));
        }
        for device in &user.mfa_devices {
            if device.serial.contains(":mfa/") && account.virtual_mfa(&device.serial).is_none() {
                return Err(format!("{} has the MFA device {}, which is not there", user.name, device.serial));
            }
        }
    }
    for group in account.groups.values() {
        group.attached_policies.iter().try_for_each(|arn| known(&group.name, arn))?;
    }
    for role in account.roles.values() {
        role.attached_policies.iter().chain(&role.permissions_boundary).try_for_each(|arn| known(&role.name, arn))?;
    }
    for profile in account.instance_profiles.values() {
        if let Some(role) = profile.role.as_ref().filter(|role| account.role(role).is_err()) {
            return Err(format!("the instance profile {} holds the role {role}, which is not there", profile.name));
        }
    }
    Ok(())
}
