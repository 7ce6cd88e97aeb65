//! Tags of users, roles, policies, instance profiles and virtual MFA devices.
//!
//! Keys keep the case in which they were first written and are one regardless of it.

use super::{Call, DONE};
use crate::error::{Error, Reply};
use crate::state::Tags;
use serde_json::json;

const QUOTA: usize = 50;

/// The tags that an operation is about, by what its name ends in.
fn tags<'c>(call: &'c mut Call<'_>) -> Result<&'c mut Tags, Error> {
    let name = call.operation.name.trim_end_matches("Tags");
    if name.ends_with("User") {
        return Ok(&mut call.account.user_mut(call.text("UserName"))?.tags);
    }
    if name.ends_with("Role") {
        return Ok(&mut call.account.role_mut(call.text("RoleName"))?.tags);
    }
    if name.ends_with("InstanceProfile") {
        return Ok(&mut call.account.instance_profile_mut(call.text("InstanceProfileName"))?.tags);
    }
    if name.ends_with("Policy") {
        let arn = call.policy_arn()?;
        let policy = call.account.policy_mut(arn);
        return Ok(&mut policy.ok_or_else(|| Error::missing(format!("Policy {arn} was not found.")))?.tags);
    }
    let serial = call.text("SerialNumber");
    let absent = || Error::missing(format!("MFA Device with serial number {serial} does not exist."));
    let name = call.account.virtual_mfa(serial).ok_or_else(absent)?.name.to_lowercase();
    Ok(&mut call.account.virtual_mfa_devices.get_mut(&name).ok_or_else(absent)?.tags)
}

pub(super) fn tag(call: &mut Call<'_>) -> Reply {
    let new = call.tags()?;
    let kept = tags(call)?;
    let mut changed = kept.clone();
    for (key, value) in new {
        changed.retain(|known, _| !known.eq_ignore_ascii_case(&key));
        changed.insert(key, value);
    }
    if changed.len() > QUOTA {
        return Err(Error::limit("The number of tags has reached the maximum limit."));
    }
    *kept = changed;
    DONE
}

/// Removing a tag that is not there changes nothing and succeeds.
pub(super) fn untag(call: &mut Call<'_>) -> Reply {
    let keys = call.texts("TagKeys");
    tags(call)?.retain(|known, _| !keys.iter().any(|key| known.eq_ignore_ascii_case(key)));
    DONE
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let tags = tags(call)?.clone();
    let items = tags.into_iter().map(|(key, value)| (key.clone(), (key, value)));
    call.page("Tags", items, |(key, value)| json!({ "Key": key, "Value": value }))
}
