//! Access keys: two per user, with their status and last use.
//!
//! Whether a key's signature is accepted is decided elsewhere, from the same state.

use super::{Call, DONE, status};
use crate::error::{Error, Reply};
use crate::state::{AccessKey, new_id, new_secret, now};
use serde_json::json;

const QUOTA: usize = 2;

fn unknown(id: &str) -> Error {
    Error::missing(format!("The Access Key with id {id} cannot be found."))
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let name = call.user_name()?;
    let user = call.account.user_mut(&name)?;
    if user.access_keys.len() >= QUOTA {
        return Err(Error::quota("AccessKeysPerUser", QUOTA));
    }
    let key = AccessKey {
        id: new_id("AKIA"),
        secret: new_secret(),
        status: "Active".to_owned(),
        create_date: now(),
        last_used: None,
    };
    let shown = json!({
        "UserName": name,
        "AccessKeyId": key.id,
        "Status": key.status,
        "SecretAccessKey": key.secret,
        "CreateDate": key.create_date,
    });
    user.access_keys.push(key);
    Ok(json!({ "AccessKey": shown }))
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let name = call.user_name()?;
    let user = call.account.user(&name)?;
    call.page(
        "AccessKeyMetadata",
        user.access_keys.iter().map(|key| (&key.id, key)),
        |key| json!({ "UserName": name, "AccessKeyId": key.id, "Status": key.status, "CreateDate": key.create_date }),
    )
}

pub(super) fn update(call: &mut Call<'_>) -> Reply {
    let (name, id, status) = (call.user_name()?, call.text("AccessKeyId"), status(call)?);
    let user = call.account.user_mut(&name)?;
    user.access_keys.iter_mut().find(|key| key.id == id).ok_or_else(|| unknown(id))?.status = status;
    DONE
}

pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let (name, id) = (call.user_name()?, call.text("AccessKeyId"));
    let user = call.account.user_mut(&name)?;
    let at = user.access_keys.iter().position(|key| key.id == id).ok_or_else(|| unknown(id))?;
    user.access_keys.remove(at);
    DONE
}

pub(super) fn last_used(call: &mut Call<'_>) -> Reply {
    let id = call.text("AccessKeyId");
    let Some((user, key)) = call.account.access_key(id) else {
        // Recorded so: an unknown key is refused, in words without the usual colon.
        return Err(Error::denied(format!(
            "User: {} is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key {id}",
            call.caller.arn
        )));
    };
    let shown = match call.account.key_last_used(key) {
        Some(last) => json!({ "LastUsedDate": last.date, "ServiceName": last.service, "Region": last.region }),
        None => json!({ "ServiceName": "N/A", "Region": "N/A" }),
    };
    Ok(json!({ "UserName": user.name, "AccessKeyLastUsed": shown }))
}
