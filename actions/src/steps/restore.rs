//! What one run changed, put back: for each change the reversal, made of its kind and of what was observed before it.
//!
//! Looks first. What is as before the run needs nothing; what is as the run left it is put back; anything else has moved
//! meanwhile and is left alone. A record is data: names, ids and documents are taken from it, calls are not.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step, optional};
use crate::steps::lag::thing;
use crate::steps::other_credentials::{self, Kind, ServiceSpecificCredentials, SigningCertificates, SshPublicKeys};
use crate::steps::{
    access_keys, attached_policies, group_membership, inline_policies, instance_profiles, login_profile, quarantine,
    role, sessions,
};
use crate::target::{Principal, Sight, Target};
use awsiam_iam::Error;
use awsiam_iam::types::{
    GetInstanceProfile, GetLoginProfile, ListAccessKeys, ListAttachedRolePolicies, ListAttachedUserPolicies,
    ListGroupsForUser, ListRolePolicies, Tag, TagRole, TagUser, UntagRole, UntagUser,
};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Every call that putting back may make.
pub const CALLS: &[&str] = &[
    "sts:GetCallerIdentity",
    "GetUser",
    "ListUsers",
    "GetRole",
    "GetLoginProfile",
    "ListAccessKeys",
    "ListGroupsForUser",
    "ListAttachedUserPolicies",
    "ListAttachedRolePolicies",
    "ListSSHPublicKeys",
    "ListSigningCertificates",
    "ListServiceSpecificCredentials",
    "GetUserPolicy",
    "GetRolePolicy",
    "CreateLoginProfile",
    "DeleteLoginProfile",
    "UpdateAccessKey",
    "UpdateSSHPublicKey",
    "UpdateSigningCertificate",
    "UpdateServiceSpecificCredential",
    "AddUserToGroup",
    "RemoveUserFromGroup",
    "AttachUserPolicy",
    "DetachUserPolicy",
    "AttachRolePolicy",
    "DetachRolePolicy",
    "PutUserPolicy",
    "DeleteUserPolicy",
    "PutRolePolicy",
    "DeleteRolePolicy",
    "PutUserPermissionsBoundary",
    "DeleteUserPermissionsBoundary",
    "PutRolePermissionsBoundary",
    "DeleteRolePermissionsBoundary",
    "UpdateAssumeRolePolicy",
    "ListRolePolicies",
    "GetInstanceProfile",
    "RemoveRoleFromInstanceProfile",
    "DeleteInstanceProfile",
    "DeleteRole",
    "TagUser",
    "UntagUser",
    "TagRole",
    "UntagRole",
];

/// The word for the sessions that existed, among the credentials that are to work again.
const SESSIONS: &str = "sessions";

/// Which credentials are to work again; the sessions that existed are credentials too.
#[derive(Debug, Clone)]
pub enum Selection {
    /// None.
    None,
    /// All that the run switched off.
    All,
    /// These ids.
    Ids(Vec<String>),
}

impl Selection {
    /// `all`, or ids and `sessions` separated by commas.
    ///
    /// # Errors
    /// An id that the run of this record did not switch off.
    pub fn of(text: Option<&str>, record: &Value) -> Result<Self, String> {
        let text = text.map(str::trim).unwrap_or_default();
        if text.is_empty() {
            return Ok(Self::None);
        }
        if text.eq_ignore_ascii_case("all") {
            return Ok(Self::All);
        }
        let ids: Vec<_> = text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
        let mut off: Vec<_> = made(record).filter(|(_, parameters)| parameters["Status"] == "Inactive").collect();
        off.retain(|(_, parameters)| id_in(parameters).is_some());
        let off: Vec<_> = off.into_iter().filter_map(|(_, parameters)| id_in(parameters)).collect();
        match ids.iter().find(|id| *id != SESSIONS && !off.contains(&id.as_str())) {
            None => Ok(Self::Ids(ids)),
            Some(id) => {
                let off = if off.is_empty() { "none".to_owned() } else { off.join(", ") };
                Err(format!(
                    "Parameter \"reactivate_credentials\" names {id:?}, which the run did not switch off. It switched off: {off}. Say all, or some of these, or {SESSIONS}, separated by commas"
                ))
            }
        }
    }

    fn has(&self, id: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Ids(ids) => ids.iter().any(|known| known == id),
        }
    }
}

/// What a run changed, put back.
#[derive(Debug)]
pub struct Restore {
    changes: Vec<(String, Value)>,
    before: Value,
    selection: Selection,
    password: Option<SecretString>,
}

/// What was seen, and what follows for the record.
#[derive(Debug, Serialize)]
pub struct State {
    /// What is as the run left it, to be put back.
    back: Vec<Back>,
    /// What is neither as the run left it nor as it was before.
    moved: Vec<String>,
    /// What cannot or shall not be restored, and why.
    not_restored: Vec<String>,
}

/// One thing to be put back.
#[derive(Debug, Clone, Serialize)]
struct Back {
    /// The kind of thing.
    kind: &'static str,
    /// Which one: id, name or ARN.
    which: String,
    /// What it is to be again: a status, a document, an ARN; nothing for "not there".
    to: Option<String>,
}

/// The id of the credential that a call is about.
pub(super) fn id_in(parameters: &Value) -> Option<&str> {
    let ids = ["AccessKeyId", "SSHPublicKeyId", "CertificateId", "ServiceSpecificCredentialId"];
    ids.iter().find_map(|id| parameters[*id].as_str())
}

/// The changes of a record that were made, or may have been.
pub(super) fn made(record: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let changes = record["changes"].as_array().into_iter().flatten();
    let made = changes.filter(|change| matches!(change["status"].as_str(), Some("succeeded" | "unknown")));
    made.filter_map(|change| Some((change["operation"].as_str()?, &change["parameters"])))
}

/// Whether putting back may take access away, or rewrite it: then the guards of what is taken away count. The record is not
/// trusted, so that only what a containment is known to do is given back without them.
#[must_use]
pub fn takes_away(record: &Value) -> bool {
    let contains = |(operation, parameters): (&str, &Value)| {
        let ours = parameters["PolicyName"].as_str().is_some_and(|name| name.starts_with("awsiam-"));
        match operation {
            "DeleteLoginProfile" | "RemoveUserFromGroup" => true,
            "PutUserPolicy" | "PutRolePolicy" => ours,
            _ => parameters["Status"] == "Inactive",
        }
    };
    !made(record).all(contains)
}

/// Whether the run created its target.
#[must_use]
pub fn created(record: &Value) -> bool {
    made(record).any(|(operation, _)| operation == "CreateRole")
}

/// What the run of this record changed, put back.
#[must_use]
pub fn what(record: &Value, selection: Selection, password: Option<SecretString>) -> Restore {
    let all = made(record).flat_map(|(operation, parameters)| tag_by_tag(operation, parameters));
    let mut changes: Vec<(String, Value)> = vec![];
    for (operation, parameters) in all {
        // Of several changes of one thing the last one is what the run left.
        let key = thing(&operation, &parameters);
        changes.retain(|(known, of)| key.is_none() || thing(known, of) != key);
        changes.push((operation, parameters));
    }
    Restore { changes, before: record["observed"].clone(), selection, password }
}

/// A change of several tags as one for each, anything else as it is.
fn tag_by_tag(operation: &str, parameters: &Value) -> Vec<(String, Value)> {
    let list = ["Tags", "TagKeys"].into_iter().find(|list| parameters[*list].is_array());
    let Some(list) = list.filter(|_| operation.starts_with("Tag") || operation.starts_with("Untag")) else {
        return vec![(operation.to_owned(), parameters.clone())];
    };
    let each = parameters[list].as_array().into_iter().flatten();
    each.map(|one| (operation.to_owned(), json!({ list: [one] }))).collect()
}

/// What is there now, as far as the changes are about it.
#[derive(Default)]
pub(super) struct Now {
    pub statuses: Map<String, Value>,
    pub password: bool,
    pub groups: Vec<String>,
    pub attached: Vec<String>,
    pub inline: Map<String, Value>,
    /// The names of the inline policies of a role that the run created.
    pub inline_names: Vec<String>,
    /// The roles in each instance profile; none where there is no such profile.
    pub profiles: Map<String, Value>,
}

async fn statuses<K: Kind>(reader: &Reader, user: String, now: &mut Now) -> Result<(), Error> {
    let items = K::list(reader, user).await?;
    now.statuses.extend(items.iter().map(K::id_and_status).map(|(id, status)| (id.to_owned(), status.into())));
    Ok(())
}

impl Restore {
    /// These changes, to be looked at and not to be put back.
    pub(super) fn to_look_at(changes: Vec<(String, Value)>) -> Self {
        Self { changes, before: Value::Null, selection: Selection::None, password: None }
    }

    fn any(&self, operations: &[&str]) -> bool {
        self.changes.iter().any(|(operation, _)| operations.contains(&operation.as_str()))
    }

    pub(super) async fn read(&self, reader: &Reader, target: &Target) -> Result<Now, Error> {
        let name = || target.name.clone();
        let mut now = Now::default();
        if self.any(&["UpdateAccessKey"]) {
            let keys = reader.list(&ListAccessKeys { user_name: name(), ..ListAccessKeys::default() }).await?.data;
            for key in keys.access_key_metadata {
                now.statuses.insert(key.access_key_id.unwrap_or_default(), key.status.into());
            }
        }
        if self.any(&["UpdateSSHPublicKey"]) {
            statuses::<SshPublicKeys>(reader, name(), &mut now).await?;
        }
        if self.any(&["UpdateSigningCertificate"]) {
            statuses::<SigningCertificates>(reader, name(), &mut now).await?;
        }
        if self.any(&["UpdateServiceSpecificCredential"]) {
            statuses::<ServiceSpecificCredentials>(reader, name(), &mut now).await?;
        }
        if self.any(&["DeleteLoginProfile", "CreateLoginProfile"]) {
            now.password = optional(reader.get(&GetLoginProfile { user_name: name() }).await)?.is_some();
        }
        if self.any(&["AddUserToGroup", "RemoveUserFromGroup"]) {
            let request = ListGroupsForUser { user_name: name(), ..ListGroupsForUser::default() };
            now.groups = reader.list(&request).await?.data.groups.into_iter().map(|group| group.group_name).collect();
        }
        if self.any(&["AttachUserPolicy", "DetachUserPolicy"]) {
            let request = ListAttachedUserPolicies { user_name: name(), ..ListAttachedUserPolicies::default() };
            let attached = reader.list(&request).await?.data.attached_policies;
            now.attached = attached.into_iter().filter_map(|policy| policy.policy_arn).collect();
        }
        if self.any(&["CreateRole"]) {
            let request = ListRolePolicies { role_name: name(), ..ListRolePolicies::default() };
            now.inline_names = reader.list(&request).await?.data.policy_names;
        }
        if self.any(&["AttachRolePolicy", "DetachRolePolicy", "CreateRole"]) {
            let request = ListAttachedRolePolicies { role_name: name(), ..ListAttachedRolePolicies::default() };
            let attached = reader.list(&request).await?.data.attached_policies;
            now.attached = attached.into_iter().filter_map(|policy| policy.policy_arn).collect();
        }
        for (operation, parameters) in &self.changes {
            if ["CreateInstanceProfile", "AddRoleToInstanceProfile"].contains(&operation.as_str()) {
                let profile = parameters["InstanceProfileName"].as_str().unwrap_or_default().to_owned();
                let request = GetInstanceProfile { instance_profile_name: profile.clone() };
                let roles = optional(reader.get(&request).await)?.map(|reply| {
                    let roles = reply.data.instance_profile.roles.into_iter();
                    roles.map(|role| role.role_name).collect::<Vec<_>>()
                });
                now.profiles.insert(profile, json!(roles));
            }
            if ["PutUserPolicy", "PutRolePolicy", "DeleteUserPolicy", "DeleteRolePolicy"].contains(&operation.as_str())
            {
                let policy = parameters["PolicyName"].as_str().unwrap_or_default();
                let document = optional(inline_policies::document(reader, target, policy).await)?;
                now.inline.insert(policy.to_owned(), document.into());
            }
        }
        Ok(now)
    }

    /// The document that an inline policy had before the run, where it is on record.
    fn document_before(&self, policy: &str) -> Option<String> {
        if policy == sessions::NAME && self.before.get("revoked_sessions").is_some() {
            return self.before["revoked_sessions"]["document"].as_str().map(str::to_owned);
        }
        // Of our own policies only what the stage itself read counts: a look for the record may come after the stage put
        // them, and would name what the run did as what was there before it.
        if let Some(ours) = self.before["quarantine"]["inline"].as_array().filter(|_| policy.starts_with("awsiam-")) {
            let pair = ours.iter().find(|pair| pair[0] == policy)?;
            return pair[1].as_str().map(str::to_owned);
        }
        let lists = [&self.before["inline_policies"], &self.before["everything"]["inline_policies"]];
        let mut all = lists.into_iter().filter_map(Value::as_array).flatten();
        let known = all.find(|known| known["PolicyName"] == policy)?;
        known["PolicyDocument"].as_str().map(str::to_owned)
    }

    /// Whether the user was in the group, or the policy attached, before the run; none where that is not on record.
    fn was(&self, parameters: &Value) -> Option<bool> {
        let (list, key) = if parameters["GroupName"].is_string() {
            ("groups", "GroupName")
        } else {
            ("attached_policies", "PolicyArn")
        };
        let known = self.before[list].as_array()?;
        Some(known.iter().any(|known| known[key] == parameters[key]))
    }

    /// Whether a read before the run failed that would tell what was there.
    fn unread(&self, list: &str) -> bool {
        self.before[list].get("unknown").is_some()
    }

    /// The status that a credential had before the run.
    fn status_before(&self, id: &str) -> Option<String> {
        let kinds = ["access_keys", "ssh_public_keys", "signing_certificates", "service_specific_credentials"];
        let ids = ["AccessKeyId", "SSHPublicKeyId", "CertificateId", "ServiceSpecificCredentialId"];
        let mut all = kinds.iter().filter_map(|kind| self.before[*kind].as_array()).flatten();
        let known = all.find(|known| ids.iter().any(|name| known[*name] == id))?;
        known["Status"].as_str().map(str::to_owned)
    }

    /// Compares what is there now with what the run left and with what was before.
    #[allow(clippy::too_many_lines, reason = "one arm for each kind of change")]
    fn judge(&self, now: &Now, look: &Look) -> State {
        let mut state = State { back: vec![], moved: vec![], not_restored: vec![] };
        let entity = look.target.pinned.as_ref().map(|pinned| pinned.entity.clone()).unwrap_or_default();
        let same = |a: &str, b: &str| {
            let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
            a == b || parse(a).is_some_and(|a| parse(b) == Some(a))
        };
        for (operation, parameters) in &self.changes {
            let text = |name: &str| parameters[name].as_str().unwrap_or_default().to_owned();
            match operation.as_str() {
                "UpdateAccessKey"
                | "UpdateSSHPublicKey"
                | "UpdateSigningCertificate"
                | "UpdateServiceSpecificCredential" => {
                    let (kind, id) = match operation.as_str() {
                        "UpdateAccessKey" => ("access key", text("AccessKeyId")),
                        "UpdateSSHPublicKey" => ("SSH public key", text("SSHPublicKeyId")),
                        "UpdateSigningCertificate" => ("signing certificate", text("CertificateId")),
                        _ => ("service-specific credential", text("ServiceSpecificCredentialId")),
                    };
                    let (before, left) = (self.status_before(&id), text("Status"));
                    let is = now.statuses.get(&id).and_then(Value::as_str);
                    match (before, is) {
                        // What was not to come back needs not be there.
                        (before, None) => {
                            let wanted = before.as_deref() == Some("Active") && self.selection.has(&id);
                            let list = if wanted { &mut state.moved } else { &mut state.not_restored };
                            list.push(format!("{kind} {id} is gone"));
                        }
                        (None, _) => {
                            state.not_restored.push(format!("{kind} {id}: what it was before is not on record"));
                        }
                        (Some(before), Some(is)) if is == before => {}
                        (Some(before), Some(is)) if is == left => {
                            if before == "Active" && !self.selection.has(&id) {
                                state.not_restored.push(format!(
                                    "{kind} {id}: credentials come back only when reactivate_credentials names them"
                                ));
                            } else {
                                state.back.push(Back { kind, which: id, to: Some(before) });
                            }
                        }
                        (_, Some(is)) => state.moved.push(format!("{kind} {id} is {is}")),
                    }
                }
                "DeleteLoginProfile" if now.password => {}
                "DeleteLoginProfile" => match self.password {
                    Some(_) => {
                        state.back.push(Back { kind: "password", which: String::new(), to: Some("given".to_owned()) });
                    }
                    None => {
                        state
                            .not_restored
                            .push("the console password: give one with the parameter password".to_owned());
                    }
                },
                "CreateLoginProfile" if !now.password => {}
                "CreateLoginProfile" => state.back.push(Back { kind: "password", which: String::new(), to: None }),
                // A single call may have asked for what was so already, and what could not be read may have been so.
                "AddUserToGroup" | "AttachUserPolicy" | "AttachRolePolicy" if self.was(parameters) == Some(true) => {}
                "RemoveUserFromGroup" if self.was(parameters) == Some(false) => {}
                "AddUserToGroup" | "RemoveUserFromGroup" if self.unread("groups") => {
                    state.not_restored.push(format!("group {}: who was in it is not on record", text("GroupName")));
                }
                "AttachUserPolicy" | "AttachRolePolicy" if self.unread("attached_policies") => {
                    state
                        .not_restored
                        .push(format!("policy {}: what was attached is not on record", text("PolicyArn")));
                }
                "PutUserPolicy" | "PutRolePolicy"
                    if text("PolicyName") == sessions::NAME && !self.selection.has(SESSIONS) =>
                {
                    state.not_restored.push(format!(
                        "the sessions that existed: they stay revoked, and come back only when reactivate_credentials says {SESSIONS} or all"
                    ));
                }
                "PutUserPolicy" | "PutRolePolicy"
                    if ["inline_policies", "quarantine", "revoked_sessions"].iter().any(|list| self.unread(list)) =>
                {
                    let policy = text("PolicyName");
                    state.not_restored.push(format!("inline policy {policy}: what was there before is not on record"));
                }
                "AddUserToGroup" | "RemoveUserFromGroup" => {
                    let group = text("GroupName");
                    let wanted = operation == "RemoveUserFromGroup";
                    if now.groups.contains(&group) != wanted {
                        state.back.push(Back { kind: "group", which: group, to: wanted.then(|| "member".to_owned()) });
                    }
                }
                "AttachUserPolicy" | "AttachRolePolicy" | "DetachUserPolicy" | "DetachRolePolicy" => {
                    let arn = text("PolicyArn");
                    let wanted = operation.starts_with("Detach");
                    if now.attached.contains(&arn) != wanted {
                        state.back.push(Back {
                            kind: "attached policy",
                            which: arn,
                            to: wanted.then(|| "attached".to_owned()),
                        });
                    }
                }
                "PutUserPolicy" | "PutRolePolicy" | "DeleteUserPolicy" | "DeleteRolePolicy" => {
                    let policy = text("PolicyName");
                    let left = parameters["PolicyDocument"].as_str();
                    let before = self.document_before(&policy);
                    let is = now.inline.get(&policy).and_then(Value::as_str);
                    let alike = |a: Option<&str>, b: Option<&str>| match (a, b) {
                        (Some(a), Some(b)) => same(a, b),
                        (a, b) => a.is_none() && b.is_none(),
                    };
                    if left.is_none() && before.is_none() {
                        state.not_restored.push(format!("inline policy {policy}: its document is not on record"));
                    } else if alike(is, left) || is.is_some_and(|is| policy == sessions::NAME && sessions::is_ours(is))
                    {
                        // A later revocation, such as that of an undo that was asked for less, is ours too.
                        state.back.push(Back { kind: "inline policy", which: policy, to: before });
                    } else if !alike(is, before.as_deref()) {
                        state.moved.push(format!("inline policy {policy} has another document"));
                    }
                }
                "PutUserPermissionsBoundary"
                | "PutRolePermissionsBoundary"
                | "DeleteUserPermissionsBoundary"
                | "DeleteRolePermissionsBoundary" => {
                    let principal = look.target.principal.name();
                    let of = |entity: &Value| {
                        entity["PermissionsBoundary"]["PermissionsBoundaryArn"].as_str().map(str::to_owned)
                    };
                    if !self.before[principal].is_object() {
                        state.not_restored.push("the permissions boundary: what it was is not on record".to_owned());
                        continue;
                    }
                    let (is, before) = (of(&entity), of(&self.before[principal]));
                    let left = parameters["PermissionsBoundary"].as_str();
                    if is.as_deref() == left && is != before {
                        let which = left.unwrap_or_default().to_owned();
                        state.back.push(Back { kind: "boundary", which, to: before });
                    } else if is != before {
                        state.moved.push("the permissions boundary is another one".to_owned());
                    }
                }
                "UpdateAssumeRolePolicy" => {
                    let of = |entity: &Value| entity["AssumeRolePolicyDocument"].as_str().map(str::to_owned);
                    let (is, before, left) = (of(&entity), of(&self.before["role"]), text("PolicyDocument"));
                    let mut gone = vec![];
                    let before = before.map(|before| role::without_orphans(&before, &mut gone));
                    if !gone.is_empty() {
                        state.not_restored.push(format!(
                            "principals of the trust policy that are gone, whose ids IAM does not take back: {}",
                            gone.join(", ")
                        ));
                    }
                    match (is, before) {
                        (_, Some(before)) if before.is_empty() => {
                            state.not_restored.push("the trust policy: it named nobody who is there still".to_owned());
                        }
                        (Some(is), Some(before)) if same(&is, &before) => {}
                        (Some(is), Some(before)) if same(&is, &left) => {
                            state.back.push(Back { kind: "trust policy", which: String::new(), to: Some(before) });
                        }
                        (_, None) => {
                            state.not_restored.push("the trust policy: what it was before is not on record".to_owned());
                        }
                        _ => state.moved.push("the trust policy is another one".to_owned()),
                    }
                }
                "TagUser" | "UntagUser" | "TagRole" | "UntagRole" => {
                    // Keys of tags are unique regardless of case.
                    let of = |entity: &Value, key: &str| {
                        let mut tags = entity["Tags"].as_array().into_iter().flatten();
                        let text = |tag: &Value, name: &str| tag[name].as_str().unwrap_or_default().to_owned();
                        let tag = tags.find(|tag| text(tag, "Key").eq_ignore_ascii_case(key))?;
                        Some((text(tag, "Key"), text(tag, "Value")))
                    };
                    let set = parameters["Tags"].as_array().into_iter().flatten();
                    let set = set.filter_map(|tag| Some((tag["Key"].as_str()?, tag["Value"].as_str())));
                    let unset = parameters["TagKeys"].as_array().into_iter().flatten();
                    let unset = unset.filter_map(|key| Some((key.as_str()?, None)));
                    for (key, left) in set.chain(unset) {
                        let (is, before) = (of(&entity, key), of(&self.before[look.target.principal.name()], key));
                        if is == before {
                        } else if is.as_ref().map(|(_, value)| value.as_str()) == left {
                            // What was there comes back in its own spelling.
                            let which = before.as_ref().map_or(key, |(key, _)| key).to_owned();
                            state.back.push(Back { kind: "tag", which, to: before.map(|(_, value)| value) });
                        } else {
                            state.moved.push(format!("tag {key} has another value"));
                        }
                    }
                }
                "CreateRole" => {
                    let is = entity["AssumeRolePolicyDocument"].as_str().unwrap_or_default();
                    if !same(is, &text("AssumeRolePolicyDocument")) {
                        state.moved.push("the trust policy of the role is another one".to_owned());
                    } else if !now.attached.is_empty() || !now.inline_names.is_empty() {
                        let policies: Vec<_> =
                            now.attached.iter().chain(&now.inline_names).map(String::as_str).collect();
                        state.moved.push(format!("the role has been given policies: {}", policies.join(", ")));
                    } else {
                        state.back.push(Back { kind: "role", which: text("RoleName"), to: None });
                    }
                }
                "CreateInstanceProfile" | "AddRoleToInstanceProfile" => {
                    let (profile, role) = (text("InstanceProfileName"), look.target.name.as_str());
                    let Some(roles) = now.profiles.get(&profile).and_then(Value::as_array) else { continue };
                    let holds = roles.iter().any(|known| known == role);
                    if let Some(other) = roles.iter().find(|known| *known != role) {
                        state.moved.push(format!("instance profile {profile} holds role {other} now"));
                    } else if operation == "CreateInstanceProfile" {
                        state.back.push(Back { kind: "instance profile", which: profile, to: None });
                    } else if holds {
                        state.back.push(Back { kind: "role in instance profile", which: profile, to: None });
                    }
                }
                other => state.not_restored.push(format!("what {other} did cannot be taken back")),
            }
        }
        state
    }

    fn change(&self, back: &Back, target: &Target) -> Option<Change> {
        let change = self.change_at_once(back, target)?;
        // A password may be refused, and what denies is lifted last of what may fail.
        let first = back.kind == "password";
        Some(if first || change.order > 0 { change } else { change.in_order(LATER) })
    }

    fn change_at_once(&self, back: &Back, target: &Target) -> Option<Change> {
        let last = || Reversal::Irreversible { why: "a reversal: run the action again that was undone" };
        let (which, to) = (back.which.as_str(), back.to.as_deref());
        Some(match back.kind {
            "access key" => Change::new(
                &access_keys::set(&target.name, which, to?),
                access_keys::words(to?, which),
                access_keys::about(which),
                last(),
            ),
            "SSH public key" => other_credentials::set::<SshPublicKeys>(&target.name, which, to?, last()),
            "signing certificate" => other_credentials::set::<SigningCertificates>(&target.name, which, to?, last()),
            "service-specific credential" => {
                other_credentials::set::<ServiceSpecificCredentials>(&target.name, which, to?, last())
            }
            "password" if to.is_none() => login_profile::delete(&target.name),
            "password" => login_profile::create_to_be_reset(&target.name, self.password.as_ref()?),
            "group" if to.is_some() => group_membership::add(&target.name, which, last()),
            "group" => group_membership::remove(&target.name, which, last()).removal(),
            "attached policy" if to.is_some() => attached_policies::attach(target, which, last()),
            "attached policy" => attached_policies::detach(target, which, last()).removal(),
            "inline policy" => inline_policies::set(target, which, to, last()),
            "boundary" => quarantine::set_boundary(target, to, last()),
            "tag" => tag(target, which, to),
            "role in instance profile" => instance_profiles::take_out(which, &target.name, last()),
            "instance profile" => instance_profiles::delete(which, last()).in_order(LATER + 1),
            // As long as the role is there, what failed can be gone on with.
            "role" => role::delete(&target.name, last()).in_order(LATER + 2),
            "trust policy" if target.principal == Principal::Role => {
                role::set_trust(&target.name, to?, "put the former trust policy back", last())
            }
            _ => return None,
        })
    }
}

/// The place of most changes: after what has to be there before any access comes back.
const LATER: u8 = 1;

/// Whether putting this back lifts a deny of ours.
fn lifts(back: &Back) -> bool {
    match back.kind {
        "inline policy" => quarantine::denies(&back.which) && back.which != sessions::NAME && back.to.is_none(),
        "attached policy" => quarantine::denies(&back.which) && back.to.is_none(),
        "boundary" => quarantine::denies(&back.which),
        _ => false,
    }
}

/// Sets a tag, or takes it away where there is no value.
fn tag(target: &Target, key: &str, value: Option<&str>) -> Change {
    let last = Reversal::Irreversible { why: "a reversal: run the action again that was undone" };
    let (name, what, about) = (target.name.clone(), format!("put tag {key} back"), format!("tag {key}"));
    let tags = || vec![Tag { key: key.to_owned(), value: value.unwrap_or_default().to_owned() }];
    let tag_keys = || vec![key.to_owned()];
    match (target.principal == Principal::User, value.is_some()) {
        (true, true) => Change::new(&TagUser { user_name: name, tags: tags() }, what, about, last),
        (true, false) => Change::new(&UntagUser { user_name: name, tag_keys: tag_keys() }, what, about, last),
        (false, true) => Change::new(&TagRole { role_name: name, tags: tags() }, what, about, last),
        (false, false) => Change::new(&UntagRole { role_name: name, tag_keys: tag_keys() }, what, about, last),
    }
}

impl Step for Restore {
    type State = Map<String, Value>;

    fn name(&self) -> &'static str {
        "restore"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        // Boundary and trust policy are the target's own, and are looked at with it.
        let seen = look.target.look(reader).await;
        let mut here = look.clone();
        if let Sight::There(target) = seen {
            here.target = *target;
        }
        let now = self.read(reader, &look.target).await?;
        let judged = self.judge(&now, &here);
        let state = json!(judged);
        Ok(state.as_object().cloned().unwrap_or_default())
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let back = seen.state().and_then(|state| state["back"].as_array()).into_iter().flatten();
        let kinds = [
            "access key",
            "SSH public key",
            "signing certificate",
            "service-specific credential",
            "password",
            "group",
            "attached policy",
            "inline policy",
            "boundary",
            "trust policy",
            "role in instance profile",
            "instance profile",
            "role",
            "tag",
        ];
        let back: Vec<_> = back
            .filter_map(|back| {
                let kind = kinds.into_iter().find(|kind| back["kind"] == *kind)?;
                let which = back["which"].as_str()?.to_owned();
                Some(Back { kind, which, to: back["to"].as_str().map(str::to_owned) })
            })
            .collect();
        // Without it each session that the deny has stopped would work again.
        let revocation = back.iter().any(lifts) && !self.selection.has(SESSIONS);
        let revocation = revocation.then(|| sessions::revoke_now(look));
        let changes = back.iter().filter_map(|back| self.change(back, &look.target));
        revocation.into_iter().chain(changes).collect()
    }
}
