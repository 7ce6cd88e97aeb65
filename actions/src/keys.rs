//! A user's access keys with their age and last use, as lookups show them.
//!
//! Reads only. Refuses to take a last use that could not be read for "never used".

use crate::reader::Reader;
use awsiam_iam::types::{AccessKeyMetadata, GetAccessKeyLastUsed, ListAccessKeys};
use awsiam_iam::{Error, seconds, timestamp};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The access keys of a user, one row each.
///
/// # Errors
/// The keys could not be listed. A last use that could not be read is told in the key's row.
pub(crate) async fn of_user(reader: &Reader, user_name: &str) -> Result<Vec<Value>, Error> {
    let request = ListAccessKeys { user_name: user_name.to_owned(), ..ListAccessKeys::default() };
    let reply = reader.list(&request).await?;
    let (request_id, at) = (reply.request_id, SystemTime::now());
    let rows = reply.data.access_key_metadata.into_iter().map(|key| row(reader, key, &request_id, at));
    Ok(join_all(rows).await)
}

async fn row(reader: &Reader, key: AccessKeyMetadata, request_id: &str, at: SystemTime) -> Value {
    let id = key.access_key_id.unwrap_or_default();
    let created = key.create_date.unwrap_or_default();
    let mut row = json!({
        "UserName": key.user_name,
        "AccessKeyId": id,
        "Status": key.status,
        "AgeDays": age_in_days(&created, at),
        "CreateDate": created,
        "AsOf": timestamp(at),
        "RequestId": request_id,
    });
    match reader.get(&GetAccessKeyLastUsed { access_key_id: id }).await {
        Ok(reply) => {
            if let Some(used) = reply.data.access_key_last_used {
                row["LastUsedDate"] = used.last_used_date.into();
                row["LastUsedService"] = used.service_name.into();
                row["LastUsedRegion"] = used.region.into();
            }
        }
        Err(error) => row["Error"] = error.to_string().into(),
    }
    row
}

/// Whole days from a time as IAM writes it; none where there is no such time.
pub(crate) fn age_in_days(date: &str, at: SystemTime) -> Option<String> {
    age_in_seconds(date, at).map(|age| (age / 86_400).to_string())
}

/// Seconds from a time as IAM writes it, never less than none: clocks differ.
pub(crate) fn age_in_seconds(date: &str, at: SystemTime) -> Option<i64> {
    let now = i64::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    seconds(date).map(|then| (now - then).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn ages_are_whole_and_never_negative() {
        let at = UNIX_EPOCH + Duration::from_secs(3 * 86_400 - 1);
        assert_eq!(age_in_days("1970-01-01T00:00:00Z", at).as_deref(), Some("2"));
        assert_eq!(age_in_seconds("1980-01-01T00:00:00Z", at), Some(0));
        assert_eq!(age_in_days("", at), None);
    }
}
