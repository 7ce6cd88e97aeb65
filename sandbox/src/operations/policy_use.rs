//! The policies of users, groups and roles: inline ones, and managed ones attached.
//!
//! The three kinds of principals differ only in names and quotas.

use super::{Call, DONE, roles};
use crate::error::{Error, Reply};
use crate::policy;
use crate::state::{Document, Kind};
use serde_json::json;

const ATTACHED_QUOTA: usize = 10;

/// The characters that all inline policies of a principal may have together.
fn inline_quota(kind: Kind) -> usize {
    match kind {
        Kind::User => 2_048,
        Kind::Group => 5_120,
        Kind::Role => 10_240,
    }
}

fn name<'a>(call: &Call<'a>, kind: Kind) -> &'a str {
    call.text(kind.member())
}

/// Nobody but AWS changes a role that belongs to AWS.
fn changeable(call: &Call<'_>, kind: Kind) -> Result<(), Error> {
    match kind {
        Kind::Role => roles::unprotected(call.account.role(name(call, kind))?),
        _ => Ok(()),
    }
}

fn no_policy(kind: Kind, policy: &str) -> Error {
    Error::not_found(&format!("{} policy", kind.word()), policy)
}

pub(super) fn put(call: &mut Call<'_>, kind: Kind) -> Reply {
    let (name, policy, document) = (name(call, kind), call.text("PolicyName"), call.text("PolicyDocument"));
    changeable(call, kind)?;
    let inline = call.account.holder(kind, name)?.inline();
    policy::check_identity(document)?;
    let others: usize =
        inline.iter().filter(|(known, _)| *known != policy).map(|(_, document)| policy::size(&document.0)).sum();
    if others + policy::size(document) > inline_quota(kind) {
        let word = kind.word();
        return Err(Error::limit(format!(
            "Maximum policy size of {} bytes exceeded for {word} {name}",
            inline_quota(kind)
        )));
    }
    inline.insert(policy.to_owned(), Document(document.to_owned()));
    DONE
}

pub(super) fn get(call: &mut Call<'_>, kind: Kind) -> Reply {
    let (name, policy) = (name(call, kind), call.text("PolicyName"));
    let document = call.account.holder(kind, name)?.inline().get(policy).ok_or_else(|| no_policy(kind, policy))?;
    Ok(json!({ kind.member(): name, "PolicyName": policy, "PolicyDocument": document.0 }))
}

pub(super) fn list(call: &mut Call<'_>, kind: Kind) -> Reply {
    let names: Vec<_> = call.account.holder(kind, name(call, kind))?.inline().keys().cloned().collect();
    call.page("PolicyNames", names.into_iter().map(|name| (name.clone(), name)), Into::into)
}

pub(super) fn delete(call: &mut Call<'_>, kind: Kind) -> Reply {
    let policy = call.text("PolicyName");
    changeable(call, kind)?;
    let inline = call.account.holder(kind, name(call, kind))?.inline();
    inline.remove(policy).ok_or_else(|| no_policy(kind, policy))?;
    DONE
}

/// Attaching what is attached already changes nothing and succeeds.
pub(super) fn attach(call: &mut Call<'_>, kind: Kind) -> Reply {
    let (name, arn) = (name(call, kind), call.policy_arn()?);
    changeable(call, kind)?;
    call.account.holder(kind, name)?;
    if !call.account.has_policy(arn) {
        return Err(Error::missing(format!("Policy {arn} does not exist or is not attachable.")));
    }
    if arn.contains(":policy/aws-service-role/") {
        return Err(Error::new(400, "PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role."));
    }
    let attached = call.account.holder(kind, name)?.attached();
    if attached.len() >= ATTACHED_QUOTA && !attached.contains(arn) {
        let quota = match kind {
            Kind::User => "PoliciesPerUser",
            Kind::Group => "PoliciesPerGroup",
            Kind::Role => "PoliciesPerRole",
        };
        return Err(Error::quota(quota, ATTACHED_QUOTA));
    }
    attached.insert(arn.to_owned());
    DONE
}

pub(super) fn detach(call: &mut Call<'_>, kind: Kind) -> Reply {
    let arn = call.policy_arn()?;
    changeable(call, kind)?;
    let attached = call.account.holder(kind, name(call, kind))?.attached();
    if !attached.remove(arn) {
        return Err(Error::missing(format!("Policy {arn} was not found.")));
    }
    DONE
}

pub(super) fn list_attached(call: &mut Call<'_>, kind: Kind) -> Reply {
    let attached = call.account.holder(kind, name(call, kind))?.attached().clone();
    let under = |arn: &str| {
        let path = arn.find(":policy/").map_or("/", |at| &arn[at + 7..]);
        call.under(&path[..=path.rfind('/').unwrap_or(0)])
    };
    let found = attached.into_iter().filter(|arn| under(arn)).map(|arn| (arn.clone(), arn));
    call.page("AttachedPolicies", found, |arn| json!({ "PolicyName": last_part(&arn), "PolicyArn": arn }))
}

/// The name at the end of an ARN.
pub(super) fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
