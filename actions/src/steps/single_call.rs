//! One call of any operation that changes something: what is read before it, how it is taken back, what shows its work.
//!
//! Made of the operation table and of the names that IAM gives to opposites. Refuses to call a reversal exact where it was
//! not seen what was there before. Source: AWS API reference.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Reach, Seen, Step, optional};
use awsiam_iam::table::{self, Operation};
use awsiam_iam::{Call, Error, Kind};
use serde_json::{Map, Value, json};

/// What is read before an operation changes it: by which operation, under which name in the evidence, and the member of
/// the reply that matters.
type Before = (&'static str, &'static str, &'static str);

/// Where the read does not follow from the operation's name.
const BEFORE: &[(&[&str], Before)] = &[
    (&["AttachUserPolicy", "DetachUserPolicy"], ("ListAttachedUserPolicies", "attached_policies", "AttachedPolicies")),
    (&["AttachRolePolicy", "DetachRolePolicy"], ("ListAttachedRolePolicies", "attached_policies", "AttachedPolicies")),
    (
        &["AttachGroupPolicy", "DetachGroupPolicy"],
        ("ListAttachedGroupPolicies", "attached_policies", "AttachedPolicies"),
    ),
    (&["AddUserToGroup", "RemoveUserFromGroup"], ("ListGroupsForUser", "groups", "Groups")),
    (
        &["AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile"],
        ("GetInstanceProfile", "instance_profile", "InstanceProfile"),
    ),
    (&["UpdateAccessKey", "DeleteAccessKey"], ("ListAccessKeys", "access_keys", "AccessKeyMetadata")),
    (&["UpdateSSHPublicKey", "DeleteSSHPublicKey"], ("ListSSHPublicKeys", "ssh_public_keys", "SSHPublicKeys")),
    (
        &["UpdateSigningCertificate", "DeleteSigningCertificate"],
        ("ListSigningCertificates", "signing_certificates", "Certificates"),
    ),
    (
        &["UpdateServiceSpecificCredential", "DeleteServiceSpecificCredential", "ResetServiceSpecificCredential"],
        ("ListServiceSpecificCredentials", "service_specific_credentials", "ServiceSpecificCredentials"),
    ),
    (&["DeactivateMFADevice"], ("ListMFADevices", "mfa_devices", "MFADevices")),
    (&["SetDefaultPolicyVersion", "CreatePolicyVersion"], ("GetPolicy", "policy", "Policy")),
    (&["CreateAccountAlias", "DeleteAccountAlias"], ("ListAccountAliases", "account_aliases", "AccountAliases")),
    (&["TagPolicy", "UntagPolicy"], ("ListPolicyTags", "tags", "Tags")),
    (&["TagInstanceProfile", "UntagInstanceProfile"], ("ListInstanceProfileTags", "tags", "Tags")),
    (&["TagMFADevice", "UntagMFADevice"], ("ListMFADeviceTags", "tags", "Tags")),
    (&["TagSAMLProvider", "UntagSAMLProvider"], ("ListSAMLProviderTags", "tags", "Tags")),
    (&["TagServerCertificate", "UntagServerCertificate"], ("ListServerCertificateTags", "tags", "Tags")),
    (&["TagOpenIDConnectProvider", "UntagOpenIDConnectProvider"], ("ListOpenIDConnectProviderTags", "tags", "Tags")),
];

/// Operations that take each other back.
const OPPOSITES: &[(&str, &str)] = &[
    ("AttachUserPolicy", "DetachUserPolicy"),
    ("AttachRolePolicy", "DetachRolePolicy"),
    ("AttachGroupPolicy", "DetachGroupPolicy"),
    ("AddUserToGroup", "RemoveUserFromGroup"),
    ("AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile"),
];

/// What shows that something was created, where that is not its Get operation; and of a list, the member by which it is
/// known in it.
const SHOWN_BY: &[(&str, &str, Option<&str>)] = &[
    ("CreateServiceLinkedRole", "GetRole", None),
    ("CreateAccessKey", "ListAccessKeys", Some("AccessKeyId")),
    ("CreateServiceSpecificCredential", "ListServiceSpecificCredentials", Some("ServiceSpecificCredentialId")),
    ("CreateVirtualMFADevice", "ListVirtualMFADevices", Some("SerialNumber")),
    ("CreateAccountAlias", "ListAccountAliases", Some("AccountAlias")),
];

const LAST: Reversal = Reversal::Irreversible { why: "a reversal" };
const ALREADY: &str = "things were so already: there is nothing to take back";
const AS_BEFORE: Reversal = Reversal::Irreversible { why: ALREADY };
const UNSEEN: Reversal =
    Reversal::Lossy { by: "the opposite operation", lost: "what was there before could not be read" };
const NONE: Reversal = Reversal::Irreversible { why: "no opposite operation is known" };

/// The required members of an operation.
fn required(operation: &Operation) -> impl Iterator<Item = &'static str> {
    operation.input.iter().filter(|member| member.required).map(|member| member.name)
}

/// The `Get` operation about the same thing, if its request can be made of members of this one.
fn twin(operation: &Operation) -> Option<&'static Operation> {
    let rest = ["Delete", "Update", "Put"].iter().find_map(|verb| operation.name.strip_prefix(verb))?;
    let get = table::operation(&format!("Get{rest}"))?;
    // Users and roles are looked at as targets.
    let of_target = ["GetUser", "GetRole"].contains(&get.name);
    (!of_target && required(get).all(|name| operation.member(name).is_some())).then_some(get)
}

fn before(operation: &Operation) -> Option<Before> {
    let known = BEFORE.iter().find(|(operations, _)| operations.contains(&operation.name));
    if let Some((_, before)) = known {
        return Some(*before);
    }
    let get = twin(operation)?;
    let inline = ["GetUserPolicy", "GetRolePolicy", "GetGroupPolicy"].contains(&get.name);
    Some((get.name, if inline { "inline_policies" } else { "before" }, ""))
}

/// What shows that something is there.
#[derive(Debug)]
pub struct Proof {
    /// The call that reads it.
    pub call: Call,
    /// Of a list, the text that has to be in it.
    pub holds: Option<String>,
}

/// The reads that a runbook of this operation may make, beside those of the guards.
#[must_use]
pub fn reads(operation: &Operation) -> Vec<&'static str> {
    let mut reads = vec![];
    if operation.member("UserName").is_some() && operation.name != "CreateUser" {
        reads.push("GetUser");
    } else if operation.member("RoleName").is_some()
        && !["CreateRole", "DeleteServiceLinkedRole"].contains(&operation.name)
    {
        reads.push("GetRole");
    }
    reads.extend(before(operation).map(|(read, _, _)| read));
    reads.extend(shown_by(operation.name));
    reads
}

/// The read that shows what an operation has created, if there is one.
#[must_use]
pub fn shown_by(operation: &str) -> Option<&'static str> {
    let rest = operation.strip_prefix("Create")?;
    let known = SHOWN_BY.iter().find(|(create, _, _)| *create == operation).map(|(_, read, _)| *read);
    known.or_else(|| table::operation(&format!("Get{rest}")).map(|get| get.name))
}

/// A member of a reply, at its top or one level below; the ARN of what was created goes by the name `Arn` there.
fn in_reply(reply: &Value, name: &str) -> Option<Value> {
    let inner = reply.as_object()?.values().filter(|value| value.is_object());
    let mut places = std::iter::once(reply).chain(inner);
    let short = if name.ends_with("Arn") { "Arn" } else { name };
    places.find_map(|place| place.get(name).or_else(|| place.get(short))).filter(|value| value.is_string()).cloned()
}

/// The call that shows what was created, made of the request and of the reply, and what has to be in its answer.
#[must_use]
pub fn proof(operation: &str, members: &Map<String, Value>, reply: &Value) -> Option<Proof> {
    let read = table::operation(shown_by(operation)?)?;
    // Some names may be left out where the caller is meant; here something certain is.
    let needed = read.input.iter().filter(|member| member.required || member.name == "UserName");
    let parameters: Option<Map<_, _>> = needed
        .map(|member| {
            let value = members.get(member.name).cloned().or_else(|| in_reply(reply, member.name));
            // A list that can be of one user is read whole where none is named.
            if value.is_none() && !member.required && read.paging.is_some() {
                return Some((member.name.to_owned(), Value::Null));
            }
            Some((member.name.to_owned(), value?))
        })
        .collect();
    let holds = match SHOWN_BY.iter().find(|(create, _, _)| *create == operation) {
        Some((_, _, Some(member))) => {
            let value = in_reply(reply, member).or_else(|| members.get(*member).cloned())?;
            Some(value.as_str()?.to_owned())
        }
        _ => None,
    };
    let mut parameters = parameters?;
    parameters.retain(|_, value| !value.is_null());
    Some(Proof { call: Call::new(read, parameters.into()).ok()?, holds })
}

/// What can be undone, in words.
#[must_use]
pub fn undoing(operation: &Operation) -> &'static str {
    let name = operation.name;
    let opposite = OPPOSITES.iter().any(|(one, other)| *one == name || *other == name);
    let status = name.starts_with("Update") && operation.member("Status").is_some();
    let document = name.ends_with("Policy")
        && (name.starts_with("Put") || name.starts_with("Delete"))
        && before(operation).is_some_and(|(_, evidence, _)| evidence == "inline_policies");
    let tags = name.starts_with("Tag") || name.starts_with("Untag");
    let others = name.ends_with("PermissionsBoundary")
        || ["UpdateAssumeRolePolicy", "SetDefaultPolicyVersion", "CreateAccountAlias", "DeleteAccountAlias"]
            .contains(&name);
    if opposite || status || document || tags || others {
        "Exactly, made of what was observed before: the reversal stands in the result, and undo makes it for users and roles."
    } else if delete_twin(operation).is_some() {
        "By deleting what was created: the call stands in the result."
    } else {
        "Not undone: no opposite operation is known. What was read before it is in the result."
    }
}

/// The operation that deletes what this one creates, if its request can be made of members of this one.
fn delete_twin(operation: &Operation) -> Option<&'static Operation> {
    let delete = table::operation(&format!("Delete{}", operation.name.strip_prefix("Create")?))?;
    let mut needed = required(delete).chain(delete.member("UserName").map(|member| member.name));
    needed.all(|name| operation.member(name).is_some_and(|member| member.required)).then_some(delete)
}

/// One call.
#[derive(Debug)]
pub struct SingleCall {
    call: Call,
    before: Option<Before>,
}

/// One call of an operation that changes something.
#[must_use]
pub fn single_call(call: Call) -> SingleCall {
    let before = before(call.operation());
    SingleCall { call, before }
}

impl SingleCall {
    fn given(&self, name: &str) -> Option<&str> {
        self.call.parameters()[name].as_str()
    }

    /// The members of the request that another operation takes as well.
    fn shared_with(&self, other: &Operation) -> Map<String, Value> {
        let given = self.call.parameters().as_object().into_iter().flatten();
        let shared = given.filter(|(name, value)| other.member(name).is_some() && !value.is_null());
        shared.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn back(&self, operation: &str, with: &[(&str, Value)]) -> Reversal {
        let Some(operation) = table::operation(operation) else { return NONE };
        let mut parameters = self.shared_with(operation);
        parameters.extend(with.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Reversal::exact(Change::of_call(Call::new(operation, parameters.into()), operation.name, "call", LAST))
    }

    /// How the call is taken back, given what was there before. `entity` is the user or role that it is about.
    fn reversal(&self, seen: Option<&Value>, entity: &Value) -> Reversal {
        let name = self.call.operation().name;
        let opposite = OPPOSITES.iter().find_map(|(one, other)| match name {
            name if name == *one => Some((*other, true)),
            name if name == *other => Some((*one, false)),
            _ => None,
        });
        if let Some((opposite, adds)) = opposite {
            let (list, key) = match self.before {
                Some((_, "instance_profile", _)) => (seen.map(|seen| &seen["Roles"]), "RoleName"),
                Some((_, "groups", _)) => (seen, "GroupName"),
                _ => (seen, "PolicyArn"),
            };
            let Some(list) = list.and_then(Value::as_array) else { return UNSEEN };
            let was = list.iter().any(|one| one[key].as_str() == self.given(key));
            return if was == adds { AS_BEFORE } else { self.back(opposite, &[]) };
        }
        let of_text = |value: &Value| value.as_str().map(|text| Value::from(text.to_owned()));
        match (name, self.before) {
            (_, Some((_, "inline_policies", _))) => {
                let of = name.trim_start_matches("Put").trim_start_matches("Delete");
                let one = seen.and_then(Value::as_array).map(|list| list.first());
                match one.map(|one| one.filter(|one| one["PolicyDocument"].is_string())) {
                    None => UNSEEN,
                    Some(None) if name.starts_with("Put") => self.back(&format!("Delete{of}"), &[]),
                    Some(None) => AS_BEFORE,
                    Some(Some(was)) => {
                        self.back(&format!("Put{of}"), &[("PolicyDocument", was["PolicyDocument"].clone())])
                    }
                }
            }
            (
                _,
                Some((_, _, "AccessKeyMetadata" | "SSHPublicKeys" | "Certificates" | "ServiceSpecificCredentials")),
            ) if name.starts_with("Update") => {
                let ids = ["AccessKeyId", "SSHPublicKeyId", "CertificateId", "ServiceSpecificCredentialId"];
                let Some(key) = ids.into_iter().find(|id| self.given(id).is_some()) else { return NONE };
                let list = seen.and_then(Value::as_array);
                let was = list.and_then(|list| list.iter().find(|one| one[key].as_str() == self.given(key)));
                match was.and_then(|was| of_text(&was["Status"])) {
                    None => UNSEEN,
                    Some(was) if was.as_str() == self.given("Status") => AS_BEFORE,
                    Some(was) => self.back(name, &[("Status", was)]),
                }
            }
            ("UpdateAssumeRolePolicy", _) => match of_text(&entity["AssumeRolePolicyDocument"]) {
                Some(was) => self.back(name, &[("PolicyDocument", was)]),
                None => UNSEEN,
            },
            (_, _) if name.ends_with("PermissionsBoundary") => {
                let of = name.trim_start_matches("Put").trim_start_matches("Delete");
                match of_text(&entity["PermissionsBoundary"]["PermissionsBoundaryArn"]) {
                    _ if entity.is_null() => UNSEEN,
                    Some(was) => self.back(&format!("Put{of}"), &[("PermissionsBoundary", was)]),
                    None => self.back(&format!("Delete{of}"), &[]),
                }
            }
            ("CreatePolicyVersion", _) if self.call.parameters()["SetAsDefault"] != true => NONE,
            ("SetDefaultPolicyVersion" | "CreatePolicyVersion", _) => {
                match seen.and_then(|seen| of_text(&seen["DefaultVersionId"])) {
                    Some(was) => self.back("SetDefaultPolicyVersion", &[("VersionId", was)]),
                    None => UNSEEN,
                }
            }
            // An account has one alias: a new one takes the former one's place.
            ("CreateAccountAlias" | "DeleteAccountAlias", _) => {
                match seen.and_then(Value::as_array).map(|aliases| aliases.first().and_then(of_text)) {
                    None => UNSEEN,
                    Some(Some(was)) => self.back("CreateAccountAlias", &[("AccountAlias", was)]),
                    Some(None) if name == "CreateAccountAlias" => self.back("DeleteAccountAlias", &[]),
                    Some(None) => AS_BEFORE,
                }
            }
            (_, _) if name.starts_with("Tag") || name.starts_with("Untag") => self.tags_back(seen, entity),
            _ => match delete_twin(self.call.operation()) {
                Some(delete) => self.back(delete.name, &[]),
                None => NONE,
            },
        }
    }

    /// The tags as they were: those that are there already are set to what they were, new ones are taken away.
    fn tags_back(&self, seen: Option<&Value>, entity: &Value) -> Reversal {
        let name = self.call.operation().name;
        let of = name.trim_start_matches("Tag").trim_start_matches("Untag");
        if entity.is_null() && seen.is_none_or(Value::is_null) {
            return UNSEEN;
        }
        let none = vec![];
        let was = seen.and_then(Value::as_array).or_else(|| entity["Tags"].as_array()).unwrap_or(&none);
        let parameters = self.call.parameters();
        let tagged = parameters["Tags"].as_array().into_iter().flatten().map(|tag| &tag["Key"]);
        let keys: Vec<&Value> = tagged.chain(parameters["TagKeys"].as_array().into_iter().flatten()).collect();
        // Keys of tags are unique regardless of case; what comes back has the former spelling.
        let alike = |key: &Value, tag: &Value| match (key.as_str(), tag["Key"].as_str()) {
            (Some(key), Some(known)) => key.eq_ignore_ascii_case(known),
            _ => false,
        };
        let former: Vec<&Value> = was.iter().filter(|tag| keys.iter().any(|key| alike(key, tag))).collect();
        match (former.len(), keys.len()) {
            (0, _) if name.starts_with("Untag") => AS_BEFORE,
            (0, _) => self.back(&format!("Untag{of}"), &[("TagKeys", json!(keys))]),
            (some, all) if some == all || name.starts_with("Untag") => {
                self.back(&format!("Tag{of}"), &[("Tags", json!(former))])
            }
            _ => Reversal::FromEvidence { operation: self.call.operation().name },
        }
    }
}

impl Step for SingleCall {
    type State = Value;

    fn name(&self) -> &'static str {
        self.before.map_or("call", |(_, evidence, _)| evidence)
    }

    fn reach(&self) -> Reach {
        if self.before.is_some() { Reach::Optional } else { Reach::Nothing }
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Value, Error> {
        // The answer is the last word on a single call: nothing is read after it.
        let Some((read, evidence, member)) = self.before.filter(|_| look.first) else { return Ok(Value::Null) };
        let operation = table::operation(read)
            .ok_or_else(|| Error::local(Kind::InvalidRequest, read, "the table lacks this operation"))?;
        let call = Call::new(operation, self.shared_with(operation).into())?;
        let reply = reader.list_up_to(&call, None).await.map(|(reply, _)| reply.data);
        // What is about to be put need not be there; nor need what an account has one of.
        let may_be_missing = self.call.operation().name.starts_with("Put") || required(operation).next().is_none();
        let reply = if may_be_missing { optional(reply)? } else { Some(reply?) };
        Ok(match (evidence, reply) {
            // That it was not there is on record too.
            ("inline_policies", None) => json!([{ "PolicyName": self.given("PolicyName"), "PolicyDocument": null }]),
            ("inline_policies", Some(reply)) => {
                json!([{ "PolicyName": reply["PolicyName"], "PolicyDocument": reply["PolicyDocument"] }])
            }
            (_, None) => Value::Null,
            (_, Some(reply)) if member.is_empty() => reply,
            (_, Some(mut reply)) => reply[member].take(),
        })
    }

    fn plan(&self, seen: &Seen<Value>, look: &Look) -> Vec<Change> {
        if !look.first {
            return vec![];
        }
        let entity = look.target.pinned.as_ref().map_or(&Value::Null, |pinned| &pinned.entity);
        let reversal = self.reversal(seen.state(), entity);
        // What adds or sets what is there already is not repeated. What takes away is IAM's to judge: a name that is not
        // there may be a wrong one.
        let name = self.call.operation().name;
        let adds = name.starts_with("Update") || OPPOSITES.iter().any(|(adds, _)| *adds == name);
        let of_principal = look.target.pinned.is_some();
        if adds && of_principal && matches!(reversal, Reversal::Irreversible { why } if why == ALREADY) {
            return vec![];
        }
        let words = look.target.words();
        let what = format!("{} on {}", self.call.operation().name, words.trim());
        vec![Change::of_call(Ok(self.call.clone()), what, "call", reversal)]
    }
}
