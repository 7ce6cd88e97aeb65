//! Everything that hangs on a user or role, for the evidence alone: changes nothing.
//!
//! Read beside the first stage, so that it does not delay it. What may not be read is said to be unknown.

use crate::change::Change;
use crate::reader::Reader;
use crate::step::{Look, Reach, Seen, Step};
use crate::steps::attached_policies;
use crate::target::{Principal, Target};
use awsiam_iam::types::{
    GetAccessKeyLastUsed, GetRolePolicy, GetUserPolicy, ListAccessKeys, ListAttachedRolePolicies,
    ListAttachedUserPolicies, ListGroupsForUser, ListInstanceProfilesForRole, ListMFADevices, ListRolePolicies,
    ListSSHPublicKeys, ListServiceSpecificCredentials, ListSigningCertificates, ListUserPolicies, Read,
};
use awsiam_iam::{Error, Reply};
use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The reads of everything that hangs on a user, beside the look at the user itself.
pub const OF_USER: &[&str] = &[
    "ListAccessKeys",
    "GetAccessKeyLastUsed",
    "ListUserPolicies",
    "GetUserPolicy",
    "ListGroupsForUser",
    "ListAttachedUserPolicies",
    "GetPolicy",
    "GetPolicyVersion",
    "ListMFADevices",
    "ListSSHPublicKeys",
    "ListSigningCertificates",
    "ListServiceSpecificCredentials",
];

/// The reads of everything that hangs on a role, beside the look at the role itself.
pub const OF_ROLE: &[&str] = &[
    "ListRolePolicies",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "GetPolicy",
    "GetPolicyVersion",
    "ListInstanceProfilesForRole",
];

/// Everything, for the evidence.
#[derive(Debug)]
pub struct Everything;

/// Everything that hangs on the target.
#[must_use]
pub fn everything() -> Everything {
    Everything
}

/// One read of the evidence under way: its name and what came of it.
type Piece<'a> = BoxFuture<'a, (&'static str, Value)>;

fn told<T: Serialize>(read: Result<T, Error>) -> Value {
    match read {
        Ok(value) => serde_json::to_value(value).unwrap_or_default(),
        Err(error) => json!({ "unknown": error }),
    }
}

fn list<'a, R, T>(reader: &'a Reader, name: &'static str, request: R, items: fn(R::Reply) -> T) -> Piece<'a>
where
    R: Read + 'a,
    T: Serialize + Send + 'a,
    R::Reply: 'a,
{
    Box::pin(async move {
        let read: Result<Reply<R::Reply>, Error> = reader.list(&request).await;
        (name, told(read.map(|reply| items(reply.data))))
    })
}

/// When and for what an access key was last used, or why that is not known.
pub(crate) async fn last_use(reader: &Reader, id: &str) -> Value {
    let used = reader.get(&GetAccessKeyLastUsed { access_key_id: id.to_owned() }).await;
    told(used.map(|reply| reply.data.access_key_last_used))
}

/// Access keys, each with its last use.
async fn keys(reader: &Reader, name: String) -> Value {
    let listed = reader.list(&ListAccessKeys { user_name: name, ..ListAccessKeys::default() }).await;
    let keys = match listed {
        Ok(reply) => reply.data.access_key_metadata,
        Err(error) => return json!({ "unknown": error }),
    };
    let with_use = keys.into_iter().map(|key| async move {
        let mut told_of = serde_json::to_value(&key).unwrap_or_default();
        if let Some(id) = key.access_key_id {
            told_of["LastUsed"] = last_use(reader, &id).await;
        }
        told_of
    });
    join_all(with_use).await.into()
}

/// Inline policies, each with its document.
async fn inline(reader: &Reader, target: &Target) -> Value {
    let name = target.name.clone();
    let names = match target.principal {
        Principal::User => {
            let request = ListUserPolicies { user_name: name, ..ListUserPolicies::default() };
            reader.list(&request).await.map(|reply| reply.data.policy_names)
        }
        Principal::Role | Principal::Other(_) => {
            let request = ListRolePolicies { role_name: name, ..ListRolePolicies::default() };
            reader.list(&request).await.map(|reply| reply.data.policy_names)
        }
    };
    let names = match names {
        Ok(names) => names,
        Err(error) => return json!({ "unknown": error }),
    };
    let documents = names.into_iter().map(|policy| async move {
        let (name, policy_name) = (target.name.clone(), policy.clone());
        let document = match target.principal {
            Principal::User => {
                let reply = reader.get(&GetUserPolicy { user_name: name, policy_name }).await;
                told(reply.map(|reply| reply.data.policy_document))
            }
            Principal::Role | Principal::Other(_) => {
                let reply = reader.get(&GetRolePolicy { role_name: name, policy_name }).await;
                told(reply.map(|reply| reply.data.policy_document))
            }
        };
        json!({ "PolicyName": policy, "PolicyDocument": document })
    });
    join_all(documents).await.into()
}

/// Managed policies, each with the document in force; those of AWS are everybody's and go by their ARN.
async fn attached(reader: &Reader, target: &Target) -> Value {
    let name = target.name.clone();
    let listed = match target.principal {
        Principal::User => {
            let request = ListAttachedUserPolicies { user_name: name, ..ListAttachedUserPolicies::default() };
            reader.list(&request).await.map(|reply| reply.data.attached_policies)
        }
        Principal::Role | Principal::Other(_) => {
            let request = ListAttachedRolePolicies { role_name: name, ..ListAttachedRolePolicies::default() };
            reader.list(&request).await.map(|reply| reply.data.attached_policies)
        }
    };
    let policies = match listed {
        Ok(policies) => policies,
        Err(error) => return json!({ "unknown": error }),
    };
    let with_documents = policies.into_iter().map(|policy| async move {
        let mut told_of = serde_json::to_value(&policy).unwrap_or_default();
        let arn = policy.policy_arn.unwrap_or_default();
        if arn.split(':').nth(4) != Some("aws") {
            match attached_policies::in_force(reader, arn).await {
                Ok((version, document)) => {
                    told_of["DefaultVersionId"] = version.into();
                    told_of["PolicyDocument"] = document.into();
                }
                Err(error) => told_of["PolicyDocument"] = json!({ "unknown": error }),
            }
        }
        told_of
    });
    join_all(with_documents).await.into()
}

fn of_user<'a>(reader: &'a Reader, target: &'a Target) -> Vec<Piece<'a>> {
    let name = || target.name.clone();
    vec![
        Box::pin(async move { ("access_keys", keys(reader, name()).await) }),
        Box::pin(async move { ("inline_policies", inline(reader, target).await) }),
        list(reader, "groups", ListGroupsForUser { user_name: name(), ..ListGroupsForUser::default() }, |r| r.groups),
        Box::pin(async move { ("attached_policies", attached(reader, target).await) }),
        list(reader, "mfa_devices", ListMFADevices { user_name: name(), ..ListMFADevices::default() }, |r| {
            r.mfa_devices
        }),
        list(reader, "ssh_public_keys", ListSSHPublicKeys { user_name: name(), ..ListSSHPublicKeys::default() }, |r| {
            r.ssh_public_keys
        }),
        list(
            reader,
            "signing_certificates",
            ListSigningCertificates { user_name: name(), ..ListSigningCertificates::default() },
            |r| r.certificates,
        ),
        list(
            reader,
            "service_specific_credentials",
            ListServiceSpecificCredentials { user_name: name(), ..ListServiceSpecificCredentials::default() },
            |r| r.service_specific_credentials,
        ),
    ]
}

fn of_role<'a>(reader: &'a Reader, target: &'a Target) -> Vec<Piece<'a>> {
    let name = || target.name.clone();
    vec![
        Box::pin(async move { ("inline_policies", inline(reader, target).await) }),
        Box::pin(async move { ("attached_policies", attached(reader, target).await) }),
        list(
            reader,
            "instance_profiles",
            ListInstanceProfilesForRole { role_name: name(), ..ListInstanceProfilesForRole::default() },
            |r| r.instance_profiles,
        ),
    ]
}

impl Step for Everything {
    type State = ();

    fn name(&self) -> &'static str {
        "everything"
    }

    fn reach(&self) -> Reach {
        Reach::Nothing
    }

    async fn observe(&self, _: &Reader, _: &Look) -> Result<(), Error> {
        Ok(())
    }

    fn plan(&self, _: &Seen<()>, _: &Look) -> Vec<Change> {
        vec![]
    }

    async fn gather(&self, reader: &Reader, _: &Value, target: &Target) -> Option<Value> {
        // Reads that say nothing must not use up the time in which access could be taken away.
        let reader = &reader.for_a_share_of_the_time();
        let pieces = match target.principal {
            Principal::User => of_user(reader, target),
            Principal::Role | Principal::Other(_) => of_role(reader, target),
        };
        let gathered: Map<_, _> =
            join_all(pieces).await.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Some(gathered.into())
    }
}
