//! The operations: what each of them checks, changes and answers, on typed parameters.
//!
//! Nothing here knows HTTP, XML or signatures. An operation that is not listed in [`handler`] is not there, and is
//! answered with `NotImplemented` rather than with an invented success.

#![allow(clippy::unnecessary_wraps, reason = "every operation has the same type")]

mod access_keys;
mod account;
mod credentials;
mod groups;
mod instance_profiles;
mod login_profiles;
mod mfa;
mod policies;
mod policy_use;
mod providers;
mod reports;
mod roles;
mod simulate;
pub(crate) mod sts;
mod tags;
mod users;

use crate::caller::Caller;
use crate::digest;
use crate::error::{Error, Reply};
use crate::state::{Account, Kind, Tags};
use awsiam_iam::table::{self, Operation, Shape};
use serde_json::{Map, Value, json};
use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

/// One call, on its way through the operation that answers it.
pub(crate) struct Call<'a> {
    pub account: &'a mut Account,
    pub parameters: &'a Map<String, Value>,
    pub caller: &'a Caller,
    pub operation: &'static Operation,
    /// The sizes of pages, where they are to be short.
    pub pages: &'a [usize],
    pub now: i64,
}

/// A part of a list, and the marker of the rest.
type Part<K, T> = (Vec<(K, T)>, Option<String>);

/// What answers an operation.
pub(crate) type Handler = fn(&mut Call<'_>) -> Reply;

#[allow(clippy::too_many_lines, reason = "one line for each operation")]
/// What answers the IAM operation with this name, where the sandbox has it.
pub(crate) fn handler(name: &str) -> Option<Handler> {
    use Kind::{Group, Role, User};
    Some(match name {
        "CreateUser" => users::create,
        "GetUser" => users::get,
        "ListUsers" => users::list,
        "UpdateUser" => users::update,
        "DeleteUser" => users::delete,
        "PutUserPermissionsBoundary" => users::put_boundary,
        "DeleteUserPermissionsBoundary" => users::delete_boundary,
        "CreateAccessKey" => access_keys::create,
        "ListAccessKeys" => access_keys::list,
        "UpdateAccessKey" => access_keys::update,
        "DeleteAccessKey" => access_keys::delete,
        "GetAccessKeyLastUsed" => access_keys::last_used,
        "CreateLoginProfile" => login_profiles::create,
        "GetLoginProfile" => login_profiles::get,
        "UpdateLoginProfile" => login_profiles::update,
        "DeleteLoginProfile" => login_profiles::delete,
        "ChangePassword" => login_profiles::change_password,
        "GetAccountPasswordPolicy" => login_profiles::get_policy,
        "UpdateAccountPasswordPolicy" => login_profiles::update_policy,
        "DeleteAccountPasswordPolicy" => login_profiles::delete_policy,
        "CreateVirtualMFADevice" => mfa::create_virtual,
        "DeleteVirtualMFADevice" => mfa::delete_virtual,
        "ListVirtualMFADevices" => mfa::list_virtual,
        "EnableMFADevice" => mfa::enable,
        "ResyncMFADevice" => mfa::resync,
        "DeactivateMFADevice" => mfa::deactivate,
        "ListMFADevices" => mfa::list,
        "GetMFADevice" => mfa::get,
        "UploadSSHPublicKey" => credentials::upload_ssh_key,
        "GetSSHPublicKey" => credentials::get_ssh_key,
        "ListSSHPublicKeys" => credentials::list_ssh_keys,
        "UpdateSSHPublicKey" => credentials::update_ssh_key,
        "DeleteSSHPublicKey" => credentials::delete_ssh_key,
        "UploadSigningCertificate" => credentials::upload_certificate,
        "ListSigningCertificates" => credentials::list_certificates,
        "UpdateSigningCertificate" => credentials::update_certificate,
        "DeleteSigningCertificate" => credentials::delete_certificate,
        "CreateServiceSpecificCredential" => credentials::create_service_credential,
        "ListServiceSpecificCredentials" => credentials::list_service_credentials,
        "UpdateServiceSpecificCredential" => credentials::update_service_credential,
        "ResetServiceSpecificCredential" => credentials::reset_service_credential,
        "DeleteServiceSpecificCredential" => credentials::delete_service_credential,
        "CreateGroup" => groups::create,
        "GetGroup" => groups::get,
        "ListGroups" => groups::list,
        "UpdateGroup" => groups::update,
        "DeleteGroup" => groups::delete,
        "AddUserToGroup" => groups::add_user,
        "RemoveUserFromGroup" => groups::remove_user,
        "ListGroupsForUser" => groups::list_for_user,
        "CreateRole" => roles::create,
        "GetRole" => roles::get,
        "ListRoles" => roles::list,
        "UpdateRole" => roles::update,
        "UpdateRoleDescription" => roles::update_description,
        "UpdateAssumeRolePolicy" => roles::update_trust,
        "DeleteRole" => roles::delete,
        "PutRolePermissionsBoundary" => roles::put_boundary,
        "DeleteRolePermissionsBoundary" => roles::delete_boundary,
        "CreateServiceLinkedRole" => roles::create_service_linked,
        "DeleteServiceLinkedRole" => roles::delete_service_linked,
        "GetServiceLinkedRoleDeletionStatus" => roles::deletion_status,
        "CreateInstanceProfile" => instance_profiles::create,
        "GetInstanceProfile" => instance_profiles::get,
        "ListInstanceProfiles" => instance_profiles::list,
        "ListInstanceProfilesForRole" => instance_profiles::list_for_role,
        "AddRoleToInstanceProfile" => instance_profiles::add_role,
        "RemoveRoleFromInstanceProfile" => instance_profiles::remove_role,
        "DeleteInstanceProfile" => instance_profiles::delete,
        "CreatePolicy" => policies::create,
        "GetPolicy" => policies::get,
        "ListPolicies" => policies::list,
        "DeletePolicy" => policies::delete,
        "CreatePolicyVersion" => policies::create_version,
        "GetPolicyVersion" => policies::get_version,
        "ListPolicyVersions" => policies::list_versions,
        "SetDefaultPolicyVersion" => policies::set_default,
        "DeletePolicyVersion" => policies::delete_version,
        "ListEntitiesForPolicy" => policies::list_entities,
        "PutUserPolicy" => |call| policy_use::put(call, User),
        "PutGroupPolicy" => |call| policy_use::put(call, Group),
        "PutRolePolicy" => |call| policy_use::put(call, Role),
        "GetUserPolicy" => |call| policy_use::get(call, User),
        "GetGroupPolicy" => |call| policy_use::get(call, Group),
        "GetRolePolicy" => |call| policy_use::get(call, Role),
        "ListUserPolicies" => |call| policy_use::list(call, User),
        "ListGroupPolicies" => |call| policy_use::list(call, Group),
        "ListRolePolicies" => |call| policy_use::list(call, Role),
        "DeleteUserPolicy" => |call| policy_use::delete(call, User),
        "DeleteGroupPolicy" => |call| policy_use::delete(call, Group),
        "DeleteRolePolicy" => |call| policy_use::delete(call, Role),
        "AttachUserPolicy" => |call| policy_use::attach(call, User),
        "AttachGroupPolicy" => |call| policy_use::attach(call, Group),
        "AttachRolePolicy" => |call| policy_use::attach(call, Role),
        "DetachUserPolicy" => |call| policy_use::detach(call, User),
        "DetachGroupPolicy" => |call| policy_use::detach(call, Group),
        "DetachRolePolicy" => |call| policy_use::detach(call, Role),
        "ListAttachedUserPolicies" => |call| policy_use::list_attached(call, User),
        "ListAttachedGroupPolicies" => |call| policy_use::list_attached(call, Group),
        "ListAttachedRolePolicies" => |call| policy_use::list_attached(call, Role),
        "TagUser" | "TagRole" | "TagPolicy" | "TagInstanceProfile" | "TagMFADevice" => tags::tag,
        "UntagUser" | "UntagRole" | "UntagPolicy" | "UntagInstanceProfile" | "UntagMFADevice" => tags::untag,
        "ListUserTags" | "ListRoleTags" | "ListPolicyTags" | "ListInstanceProfileTags" | "ListMFADeviceTags" => {
            tags::list
        }
        "ListSAMLProviders" => providers::list_saml,
        "GetSAMLProvider" | "DeleteSAMLProvider" => providers::no_saml,
        "ListOpenIDConnectProviders" => providers::list_openid,
        "GetOpenIDConnectProvider" => providers::get_openid,
        "DeleteOpenIDConnectProvider" => providers::delete_openid,
        "ListServerCertificates" => providers::list_certificates,
        "GetServerCertificate" | "DeleteServerCertificate" => providers::no_certificate,
        "CreateAccountAlias" => account::create_alias,
        "DeleteAccountAlias" => account::delete_alias,
        "ListAccountAliases" => account::list_aliases,
        "GetAccountSummary" => account::summary,
        "GetAccountAuthorizationDetails" => account::authorization_details,
        "SetSecurityTokenServicePreferences" => account::set_token_version,
        "GenerateCredentialReport" => reports::generate,
        "GetCredentialReport" => reports::get,
        "GenerateServiceLastAccessedDetails" => reports::generate_last_accessed,
        "GetServiceLastAccessedDetails" => reports::get_last_accessed,
        "GetServiceLastAccessedDetailsWithEntities" => reports::get_entities,
        "ListPoliciesGrantingServiceAccess" => reports::policies_granting,
        "SimulatePrincipalPolicy" => simulate::principal,
        "SimulateCustomPolicy" => simulate::custom,
        "GetContextKeysForCustomPolicy" => simulate::custom_keys,
        "GetContextKeysForPrincipalPolicy" => simulate::principal_keys,
        _ => return None,
    })
}

impl<'a> Call<'a> {
    /// The text of a parameter, where it was sent.
    pub fn optional(&self, name: &str) -> Option<&'a str> {
        self.parameters.get(name).and_then(Value::as_str)
    }

    /// The text of a required parameter; that it was sent has been checked.
    pub fn text(&self, name: &str) -> &'a str {
        self.optional(name).unwrap_or_default()
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.parameters.get(name).and_then(Value::as_bool)
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.parameters.get(name).and_then(Value::as_i64)
    }

    /// The texts of a list.
    pub fn texts(&self, name: &str) -> Vec<&'a str> {
        self.parameters.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The user that a call names, or the caller.
    pub fn user_name(&self) -> Result<String, Error> {
        self.optional("UserName")
            .or_else(|| self.caller.user())
            .map(str::to_owned)
            .ok_or_else(|| Error::validation("Must specify userName when calling with non-User credentials"))
    }

    /// The tags of a request, without duplicates.
    pub fn tags(&self) -> Result<Tags, Error> {
        let mut tags = Tags::new();
        for tag in self.parameters.get("Tags").and_then(Value::as_array).into_iter().flatten() {
            let (key, value) = (tag["Key"].as_str().unwrap_or_default(), tag["Value"].as_str().unwrap_or_default());
            if key.to_lowercase().starts_with("aws:") {
                return Err(Error::input("System tags cannot be added/updated/deleted by requester"));
            }
            if tags.keys().any(|known: &String| known.eq_ignore_ascii_case(key)) {
                return Err(Error::input("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
            }
            tags.insert(key.to_owned(), value.to_owned());
        }
        Ok(tags)
    }

    /// The ARN of the managed policy that a call is about.
    pub fn policy_arn(&self) -> Result<&'a str, Error> {
        self.arn_of("PolicyArn", "policy")
    }

    /// The text of a parameter that has to be the ARN of a certain kind of thing.
    pub fn arn_of(&self, name: &str, kind: &str) -> Result<&'a str, Error> {
        let arn = self.text(name);
        if self.is_arn_of(arn, kind)? { Ok(arn) } else { Err(Error::input(format!("ARN {arn} is not valid."))) }
    }

    /// Whether an ARN is that of a certain kind of thing. IAM tells that it is none at all, or of another partition, in
    /// other words than that it names something else.
    fn is_arn_of(&self, arn: &str, kind: &str) -> Result<bool, Error> {
        let [_, partition, service, _, _, resource] = arn_parts(arn).ok_or_else(Error::no_arn)?;
        if partition != self.account.partition {
            return Err(Error::validation("Invalid ARN partition"));
        }
        Ok(service == "iam" && resource.split_once('/').is_some_and(|(found, _)| found == kind))
    }

    /// The boundary that a call asks for, which has to be there.
    pub fn boundary(&self) -> Result<Option<String>, Error> {
        let Some(arn) = self.optional("PermissionsBoundary") else { return Ok(None) };
        if !self.is_arn_of(arn, "policy")? {
            return Err(Error::validation(format!("ARN {arn} is not valid.")));
        }
        if !self.account.has_policy(arn) {
            return Err(Error::missing(format!("Scope ARN: {arn} does not exist or is not attachable.")));
        }
        Ok(Some(arn.to_owned()))
    }

    /// A page of a list under `member`. Each item comes with the key that says where the list goes on.
    pub fn page<K: AsRef<str>, T>(
        &self,
        member: &str,
        items: impl IntoIterator<Item = (K, T)>,
        render: impl FnMut(T) -> Value,
    ) -> Reply {
        let (page, marker) = self.cut(items.into_iter().collect())?;
        let page: Vec<_> = page.into_iter().map(|(_, item)| item).map(render).collect();
        let mut reply = json!({ member: page, "IsTruncated": marker.is_some() });
        if let Some(marker) = marker {
            reply["Marker"] = marker.into();
        }
        Ok(reply)
    }

    /// The part of a list that this call asks for, and the marker of the rest.
    pub fn cut<K: AsRef<str>, T>(&self, items: Vec<(K, T)>) -> Result<Part<K, T>, Error> {
        let place = match self.optional("Marker") {
            None => Place::default(),
            Some(marker) => {
                Place::read(marker, self.operation.name).ok_or_else(|| Error::validation("Invalid Marker."))?
            }
        };
        let start = place.after(&items);
        let asked = self.number("MaxItems").and_then(|count| usize::try_from(count).ok()).unwrap_or(100);
        let short = match self.pages {
            [] => usize::MAX,
            pages if pages.iter().all(|size| *size == 0) => place.turn % 2,
            pages => pages[place.turn % pages.len()],
        };
        let left = items.len() - start;
        let size = asked.min(short).min(left);
        let more = size < left;
        let page: Vec<_> = items.into_iter().skip(start).take(size).collect();
        let marker = more.then(|| place.next(page.last().map(|(key, _)| key.as_ref())).write(self.operation.name));
        Ok((page, marker))
    }

    /// Whether something's path is under the prefix that was asked for.
    pub fn under(&self, path: &str) -> bool {
        self.optional("PathPrefix").is_none_or(|prefix| path.starts_with(prefix))
    }
}

/// Where a list goes on: after the last item that was given, so that removals between two pages shift nothing.
#[derive(Debug, Default)]
struct Place {
    /// How many pages there were.
    turn: usize,
    /// How the key of the last item begins; empty before the first.
    start: Vec<u8>,
    /// What tells that key from others that begin alike.
    hash: u64,
}

impl Place {
    /// As much of a key as fits into a marker: IAM takes none of more than 320 characters, and keys may be longer.
    const KEPT: usize = 128;

    fn hash(key: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        hasher.finish()
    }

    fn read(marker: &str, operation: &str) -> Option<Self> {
        let bytes = digest::from_base64(marker)?;
        let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
        let mut text = || std::str::from_utf8(parts.next()?).ok();
        (text()? == operation).then_some(())?;
        let (turn, hash) = (text()?.parse().ok()?, text()?.parse().ok()?);
        Some(Self { turn, hash, start: parts.next()?.to_vec() })
    }

    fn write(&self, operation: &str) -> String {
        let head = format!("{operation}\n{}\n{}\n", self.turn, self.hash);
        digest::base64(&[head.as_bytes(), &self.start].concat())
    }

    /// The place after a page that ended with this key; a page without items leaves it where it was.
    fn next(self, last: Option<&str>) -> Self {
        let turn = self.turn + 1;
        let Some(last) = last else { return Self { turn, ..self } };
        let start = last.as_bytes().iter().copied().take(Self::KEPT).collect();
        Self { turn, start, hash: Self::hash(last) }
    }

    /// How many items of a list have been given.
    fn after<K: AsRef<str>, T>(&self, items: &[(K, T)]) -> usize {
        let is_last = |key: &str| key.as_bytes().starts_with(&self.start) && Self::hash(key) == self.hash;
        if let Some(at) = items.iter().position(|(key, _)| is_last(key.as_ref())) {
            return at + 1;
        }
        if !items.is_sorted_by(|one, other| one.0.as_ref() <= other.0.as_ref()) {
            // An unsorted list whose last item has gone is given again: twice is better than never.
            return 0;
        }
        // The same goes for items that a shortened key cannot be told from.
        let whole = self.start.len() < Self::KEPT;
        items.partition_point(|(key, _)| match key.as_ref().as_bytes().cmp(&self.start) {
            Ordering::Less => true,
            Ordering::Equal => whole,
            Ordering::Greater => false,
        })
    }
}

/// Nothing to answer but that it was done.
pub(crate) const DONE: Reply = Ok(Value::Null);

/// The parts of an ARN: `arn`, partition, service, region, account and resource. Region and account may be empty.
pub(crate) fn arn_parts(arn: &str) -> Option<[&str; 6]> {
    let parts: [&str; 6] = arn.splitn(6, ':').collect::<Vec<_>>().try_into().ok()?;
    let [scheme, partition, service, _, _, resource] = parts;
    (scheme == "arn" && ![partition, service, resource].contains(&"")).then_some(parts)
}

/// The status that a call sets; only service-specific credentials can be set to Expired.
pub(crate) fn status(call: &Call<'_>) -> Result<String, Error> {
    let status = call.text("Status");
    if status == "Expired" {
        return Err(Error::validation(Broken::of("iam").one("status", &call.parameters["Status"], NOT_A_VALUE)));
    }
    Ok(status.to_owned())
}

/// Tags as a reply lists them.
pub(crate) fn tag_list(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// A boundary as a reply shows it.
pub(crate) fn boundary_of(arn: Option<&String>) -> Value {
    arn.map_or(Value::Null, |arn| json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn }))
}

const NOT_A_VALUE: &str = "Member must satisfy enum value set";

/// Checks parameters against the table: presence, length, values and characters, in the words of the service.
pub(crate) fn check(service: &str, operation: &Operation, parameters: &Value) -> Result<(), Error> {
    let mut broken = Broken::of(service);
    broken.members(operation.input, parameters, "");
    if broken.rules.is_empty() {
        return broken.odd.map_or(Ok(()), Err);
    }
    // Several are told in the order in which a hash map in Java gives the members.
    let buckets = (operation.input.len() * 4 / 3).next_power_of_two().max(16);
    broken.rules.sort_by_key(|(path, _)| {
        let hash = path.split('.').next().unwrap_or_default().bytes();
        let hash = hash.fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        (hash ^ hash >> 16) as usize & (buckets - 1)
    });
    let texts: Vec<_> = broken.rules.into_iter().map(|(_, text)| text).collect();
    let errors = if texts.len() == 1 { "error" } else { "errors" };
    Err(Error::validation(format!("{} validation {errors} detected: {}", texts.len(), texts.join("; "))))
}

/// IAM's messages begin member names with a small letter.
fn lower_first(name: &str) -> String {
    let upper = name.chars().take_while(char::is_ascii_uppercase).count();
    let count = if upper > 1 && upper < name.len() { upper - 1 } else { upper };
    name[..count].to_lowercase() + &name[count..]
}

/// The rules of the table that a call's parameters break.
struct Broken {
    /// Whether the service repeats what was sent: STS does, IAM does not.
    quotes: bool,
    /// The members, and what is told of them.
    rules: Vec<(String, String)>,
    /// What IAM tells in words of its own, where no other rule is broken.
    odd: Option<Error>,
}

impl Broken {
    fn of(service: &str) -> Self {
        Self { quotes: service == "sts", rules: vec![], odd: None }
    }

    /// What is told of one broken rule; the value is null where none was sent.
    fn text(&self, path: &str, value: &Value, rule: &str) -> String {
        let sent = match value {
            _ if !self.quotes => String::new(),
            Value::Null => " null".to_owned(),
            Value::String(text) => format!(" '{text}'"),
            other => format!(" '{other}'"),
        };
        format!("Value{sent} at '{path}' failed to satisfy constraint: {rule}")
    }

    /// The message for a rule that is the only one broken.
    fn one(&self, path: &str, value: &Value, rule: &str) -> String {
        format!("1 validation error detected: {}", self.text(path, value, rule))
    }

    fn add(&mut self, path: &str, value: &Value, rule: &str) {
        let text = self.text(path, value, rule);
        self.rules.push((path.to_owned(), text));
    }

    fn members(&mut self, members: &[table::Member], values: &Value, above: &str) {
        for member in members {
            let path = format!("{above}{}", lower_first(member.name));
            match values.get(member.name) {
                None if member.required => self.add(&path, &Value::Null, "Member must not be null"),
                None => {}
                Some(value) => self.value(member.shape, value, &path),
            }
        }
    }

    fn value(&mut self, shape: &Shape, value: &Value, path: &str) {
        let (size, unit) = match value {
            Value::String(text) => (i64::try_from(text.chars().count()).unwrap_or(i64::MAX), "have length"),
            Value::Array(items) => (i64::try_from(items.len()).unwrap_or(i64::MAX), "have length"),
            Value::Number(number) => (number.as_i64().unwrap_or(i64::MAX), "have value"),
            _ => (0, ""),
        };
        if !unit.is_empty() {
            if let Some(min) = shape.min.filter(|min| size < *min) {
                self.add(path, value, &format!("Member must {unit} greater than or equal to {min}"));
            }
            if let Some(max) = shape.max.filter(|max| size > *max) {
                self.add(path, value, &format!("Member must {unit} less than or equal to {max}"));
            }
        }
        match (value, &shape.kind) {
            (Value::String(text), _) => {
                if !shape.values.is_empty() && !shape.values.contains(&text.as_str()) {
                    self.add(path, value, NOT_A_VALUE);
                } else if self.rules.is_empty() && table_pattern_fails(shape, text) && self.odd.is_none() {
                    self.odd = Some(Error::validation(self.wrong_characters(shape, value, path)));
                }
            }
            (Value::Array(items), table::Kind::List(of)) => {
                for (i, item) in items.iter().enumerate() {
                    self.value(of, item, &format!("{path}.{}.member", i + 1));
                }
            }
            (Value::Object(_), table::Kind::Structure(members)) => self.members(members, value, &format!("{path}.")),
            _ => {}
        }
    }

    fn wrong_characters(&self, shape: &Shape, value: &Value, path: &str) -> String {
        let rule = match shape.name {
            "pathType" | "policyPathType" | "pathPrefixType" => {
                "It must begin and end with / and contain only alphanumeric characters and/or / characters."
            }
            name if !self.quotes && name.to_lowercase().contains("name") => {
                "It must contain only alphanumeric characters and/or the following: +=,.@_-"
            }
            _ => {
                let pattern = shape.pattern.unwrap_or_default().trim_start_matches("^(?:").trim_end_matches(")$");
                return self.one(path, value, &format!("Member must satisfy regular expression pattern: {pattern}"));
            }
        };
        format!("The specified value for {path} is invalid. {rule}")
    }
}

fn table_pattern_fails(shape: &Shape, text: &str) -> bool {
    shape.pattern.is_some() && awsiam_iam::wire::check_text(shape, text).is_err()
}

/// A page that is cut across several lists; each item comes with the member that it belongs to.
fn several_lists(call: &Call<'_>, items: Vec<(String, (&'static str, Value))>, members: &[&str]) -> Reply {
    let (page, marker) = call.cut(items)?;
    let mut reply = json!({ "IsTruncated": marker.is_some() });
    for member in members {
        reply[*member] = json!([]);
    }
    for (_, (member, item)) in page {
        if let Some(list) = reply[member].as_array_mut() {
            list.push(item);
        }
    }
    if let Some(marker) = marker {
        reply["Marker"] = marker.into();
    }
    Ok(reply)
}
