//! List everything that a user can sign in or sign requests with.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::keys::{self, age_in_days};
use crate::outcome::{Failure, Outcome};
use crate::parameters::Parameters;
use crate::reader::Reader;
use awsiam_iam::types::{
    GetLoginProfile, GetUser, ListMFADevices, ListSSHPublicKeys, ListServiceSpecificCredentials,
    ListSigningCertificates,
};
use awsiam_iam::{Error, Kind as ErrorKind, timestamp};
use futures_util::FutureExt;
use serde_json::{Value, json};
use std::time::SystemTime;

/// `list user credentials`
pub const ACTION: Action = Action {
    name: "list user credentials",
    identifier: "list_user_credentials",
    kind: Kind::Investigate,
    description: "List the credentials of a user, of every kind, with their status and age",
    verbose: "Password, access keys, MFA devices, SSH public keys, signing certificates and service-specific \
              credentials, one row each, with the time (AsOf) at which it was true. A kind that could not be read is \
              a row with the status unknown and the reason, and counts as unread: never take it for none. Sessions \
              that were started with a credential are not told by IAM.",
    parameters: &[parameter::USERNAME, parameter::CREDENTIALS],
    outputs: &[
        Output::data("Kind", "access key"),
        Output::data("Id", "AKIAIOSFODNN7EXAMPLE"),
        Output::data("UserName", "alice").contains(parameter::USER),
        Output::data("Status", "Active"),
        Output::data("CreateDate", "2026-05-01T16:44:05Z"),
        Output::data("AgeDays", "202"),
        Output::data("LastUsedDate", "2026-05-02T16:44:05Z"),
        Output::data("LastUsedService", "iam"),
        Output::data("LastUsedRegion", "us-east-1"),
        Output::data("ServiceName", "codecommit.amazonaws.com"),
        Output::data("Error", "AccessDenied (HTTP 403) from ListSSHPublicKeys: not authorized"),
        Output::data("AsOf", "2026-11-20T19:57:13.104Z"),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
        Output::total("total_credentials"),
        Output::total("total_active"),
        Output::total("total_unread_kinds"),
    ],
    message: "Total credentials: 4, Total active: 3, Total unread kinds: 0",
    status_column: None,
    undo: None,
    calls: &[&[
        "GetUser",
        "GetLoginProfile",
        "ListAccessKeys",
        "GetAccessKeyLastUsed",
        "ListMFADevices",
        "ListSSHPublicKeys",
        "ListSigningCertificates",
        "ListServiceSpecificCredentials",
    ]],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

/// A password, from its login profile, counts as active: IAM has no inactive ones.
const ACTIVE: &str = "Active";

async fn lookup(p: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let user = p.text("username");
    let (password, keys, mfa, ssh, certificates, services) = tokio::join!(
        password(reader, user),
        access_keys(reader, user),
        mfa_devices(reader, user),
        ssh_public_keys(reader, user),
        signing_certificates(reader, user),
        service_specific_credentials(reader, user),
    );
    let kinds = [
        ("password", password),
        ("access key", keys),
        ("MFA device", mfa),
        ("SSH public key", ssh),
        ("signing certificate", certificates),
        ("service-specific credential", services),
    ];
    let errors = || kinds.iter().filter_map(|(_, rows)| rows.as_ref().err());
    let missing = errors().find(|error| error.kind == ErrorKind::NotFound);
    let nothing_known = errors().next().filter(|_| errors().count() == kinds.len());
    if let Some(error) = missing.or(nothing_known) {
        return Err(error.clone().into());
    }
    let mut outcome = Outcome::default();
    let mut unread = 0_usize;
    for (kind, rows) in kinds {
        match rows {
            Ok(rows) => outcome.data.extend(rows.into_iter().map(|row| of_kind(kind, user, row))),
            Err(error) => {
                unread += 1;
                let row = json!({
                    "Status": "unknown",
                    "Error": error.to_string(),
                    "AsOf": timestamp(SystemTime::now()),
                    "RequestId": error.request_id,
                });
                outcome.data.push(of_kind(kind, user, row));
            }
        }
    }
    let active = outcome.data.iter().filter(|row| row["Status"] == ACTIVE).count();
    let total = outcome.data.len() - unread;
    for (name, number) in [("total_credentials", total), ("total_active", active), ("total_unread_kinds", unread)] {
        outcome.summary.insert(name.to_owned(), number.into());
    }
    Ok(outcome)
}

fn of_kind(kind: &str, user: &str, mut row: Value) -> Value {
    row["Kind"] = kind.into();
    row["UserName"] = user.into();
    row
}

/// A row of a credential with an id, a status and a date.
fn credential(id: &str, status: &str, created: Option<&str>, at: SystemTime, request_id: &str) -> Value {
    json!({
        "Id": id,
        "Status": status,
        "CreateDate": created,
        "AgeDays": created.and_then(|created| age_in_days(created, at)),
        "AsOf": timestamp(at),
        "RequestId": request_id,
    })
}

/// The password, if there is one. Its last use is in what IAM says of the user.
async fn password(reader: &Reader, user: &str) -> Result<Vec<Value>, Error> {
    let (profile, entity) = (GetLoginProfile { user_name: user.into() }, GetUser { user_name: user.into() });
    let (profile, entity) = tokio::join!(reader.get(&profile), reader.get(&entity));
    let at = SystemTime::now();
    let last_use = match entity {
        Ok(entity) => Ok(entity.data.user.password_last_used),
        Err(error) if error.kind == ErrorKind::NotFound => return Err(error),
        Err(error) => Err(error),
    };
    let profile = match profile {
        Ok(profile) => profile,
        // The user is there, or could not be asked for: then the other kinds tell.
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(error),
    };
    let created = &profile.data.login_profile.create_date;
    let mut row = credential(user, ACTIVE, Some(created), at, &profile.request_id);
    match last_use {
        Ok(date) => row["LastUsedDate"] = date.into(),
        Err(error) => row["Error"] = format!("when it was last used could not be read: {error}").into(),
    }
    Ok(vec![row])
}

async fn access_keys(reader: &Reader, user: &str) -> Result<Vec<Value>, Error> {
    let mut rows = keys::of_user(reader, user).await?;
    for row in &mut rows {
        if let Some(id) = row.as_object_mut().and_then(|row| row.shift_remove("AccessKeyId")) {
            row["Id"] = id;
        }
    }
    Ok(rows)
}

async fn mfa_devices(reader: &Reader, user: &str) -> Result<Vec<Value>, Error> {
    let reply = reader.list(&ListMFADevices { user_name: user.into(), ..ListMFADevices::default() }).await?;
    let at = SystemTime::now();
    let row = |device: &awsiam_iam::types::MFADevice| {
        credential(&device.serial_number, ACTIVE, Some(&device.enable_date), at, &reply.request_id)
    };
    Ok(reply.data.mfa_devices.iter().map(row).collect())
}

async fn ssh_public_keys(reader: &Reader, user: &str) -> Result<Vec<Value>, Error> {
    let reply = reader.list(&ListSSHPublicKeys { user_name: user.into(), ..ListSSHPublicKeys::default() }).await?;
    let at = SystemTime::now();
    let row = |key: &awsiam_iam::types::SSHPublicKeyMetadata| {
        credential(&key.ssh_public_key_id, &key.status, Some(&key.upload_date), at, &reply.request_id)
    };
    Ok(reply.data.ssh_public_keys.iter().map(row).collect())
}

async fn signing_certificates(reader: &Reader, user: &str) -> Result<Vec<Value>, Error> {
    let request = ListSigningCertificates { user_name: user.into(), ..ListSigningCertificates::default() };
    let reply = reader.list(&request).await?;
    let at = SystemTime::now();
    let row = |one: &awsiam_iam::types::SigningCertificate| {
        credential(&one.certificate_id, &one.status, one.upload_date.as_deref(), at, &reply.request_id)
    };
    Ok(reply.data.certificates.iter().map(row).collect())
}

/// Of all services. The model does not say how this list goes on, so that is done here.
async fn service_specific_credentials(reader: &Reader, user: &str) -> Result<Vec<Value>, Error> {
    let mut rows = vec![];
    let mut request = ListServiceSpecificCredentials { user_name: user.into(), ..Default::default() };
    loop {
        let reply = match reader.get(&request).await {
            Ok(reply) => reply,
            // Partitions without such services answer so.
            Err(error) if error.code.as_deref() == Some("NotSupportedService") => return Ok(rows),
            Err(error) => return Err(error),
        };
        let at = SystemTime::now();
        rows.extend(reply.data.service_specific_credentials.iter().map(|one| {
            let id = &one.service_specific_credential_id;
            let mut row = credential(id, &one.status, Some(&one.create_date), at, &reply.request_id);
            row["ServiceName"] = one.service_name.as_str().into();
            if let Some(expires) = &one.expiration_date {
                row["ExpirationDate"] = expires.as_str().into();
            }
            row
        }));
        if reply.data.is_truncated != Some(true) {
            return Ok(rows);
        }
        let repeats = reply.data.marker.is_none() || reply.data.marker == request.marker;
        if repeats {
            let problem = "the list says that it goes on, but not where";
            return Err(Error::local(ErrorKind::MalformedReply, "ListServiceSpecificCredentials", problem));
        }
        request.marker = reply.data.marker;
    }
}
