//! Find the user that an access key belongs to.

use crate::action::{Action, Kind, Of, Output, Parameter, Run, parameter};
use crate::outcome::{Failure, Outcome};
use crate::parameters::Parameters;
use crate::reader::Reader;
use awsiam_iam::types::GetAccessKeyLastUsed;
use awsiam_iam::{Error, Kind as ErrorKind, timestamp};
use futures_util::FutureExt;
use serde_json::json;
use std::time::SystemTime;

/// `find access key owner`
pub const ACTION: Action = Action {
    name: "find access key owner",
    identifier: "find_access_key_owner",
    kind: Kind::Investigate,
    description: "Find the user that an access key belongs to, and when the key was last used",
    verbose: "For a long-term key (AKIA…) of this account; the key may be inactive. A key that IAM does not know here \
              is a failure that says which account it belongs to, where STS can tell. A temporary key (ASIA…) \
              belongs to a session, which no call maps to its owner: the failure says what to do instead.",
    parameters: &[
        Parameter {
            name: "access_key_id",
            description: "Id of the access key (not its secret)",
            of: Of::AccessKeyId,
            required: true,
            primary: true,
            contains: parameter::ACCESS_KEY,
            example: "AKIAIOSFODNN7EXAMPLE",
            column: None,
        },
        parameter::CREDENTIALS,
    ],
    outputs: &[
        Output::data("AccessKeyId", "AKIAIOSFODNN7EXAMPLE").contains(parameter::ACCESS_KEY),
        Output::data("UserName", "alice").contains(parameter::USER),
        Output::data("LastUsedDate", "2026-05-02T16:44:05Z"),
        Output::data("LastUsedService", "iam"),
        Output::data("LastUsedRegion", "us-east-1"),
        Output::data("AsOf", "2026-11-20T19:57:13.104Z"),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
    ],
    message: "Access key AKIAIOSFODNN7EXAMPLE belongs to user alice; last used at 2026-05-02T16:44:05Z (iam, us-east-1)",
    status_column: None,
    undo: None,
    calls: &[&["GetAccessKeyLastUsed", "sts:GetAccessKeyInfo", "sts:GetCallerIdentity"]],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

async fn lookup(p: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let id = p.text("access_key_id");
    if id.starts_with("ASIA") {
        return Err(temporary(id, &whose(reader, id).await));
    }
    let reply = match reader.get(&GetAccessKeyLastUsed { access_key_id: id.to_owned() }).await {
        Ok(reply) => reply,
        // IAM refuses an unknown key and a caller who may not ask with the same code.
        Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::NotFound) => {
            return Err(unknown(id, &whose(reader, id).await, error));
        }
        Err(error) => return Err(error.into()),
    };
    let used = reply.data.access_key_last_used.unwrap_or_default();
    let owner = match &reply.data.user_name {
        Some(name) => format!("user {name}"),
        None => "nobody whom IAM names, which the account's root user may be".to_owned(),
    };
    let last = match &used.last_used_date {
        Some(date) => format!("last used at {date} ({}, {})", used.service_name, used.region),
        None => "IAM has seen no use of it".to_owned(),
    };
    let row = json!({
        "AccessKeyId": id,
        "UserName": reply.data.user_name,
        "LastUsedDate": used.last_used_date,
        "LastUsedService": used.service_name,
        "LastUsedRegion": used.region,
        "AsOf": timestamp(SystemTime::now()),
        "RequestId": reply.request_id,
    });
    let message = format!("Access key {id} belongs to {owner}; {last}");
    Ok(Outcome { message: Some(message), data: vec![row], ..Outcome::default() })
}

/// Which account a key belongs to, as far as that can be told.
enum Whose {
    Ours(String),
    Another(String),
    /// An account that could not be compared with the caller's.
    Somebody(String),
    Unknown(Error),
}

async fn whose(reader: &Reader, id: &str) -> Whose {
    let (account, identity) = tokio::join!(reader.access_key_account(id), reader.identity());
    match (account, identity) {
        (Ok(account), Ok(identity)) if account.data == identity.account => Whose::Ours(account.data),
        (Ok(account), Ok(_)) => Whose::Another(account.data),
        (Ok(account), Err(_)) => Whose::Somebody(account.data),
        (Err(error), _) => Whose::Unknown(error),
    }
}

impl std::fmt::Display for Whose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ours(account) => write!(f, "STS says that it belongs to this account ({account})."),
            Self::Another(account) => write!(f, "STS says that it belongs to another account: {account}."),
            Self::Somebody(account) => write!(f, "STS says that it belongs to account {account}."),
            Self::Unknown(error) => write!(f, "Which account it belongs to could not be told ({error})."),
        }
    }
}

fn temporary(id: &str, whose: &Whose) -> Failure {
    Failure::Refused {
        rule: "temporary_key",
        message: format!(
            "Access key {id} is a temporary key of a session, and no call of IAM or STS says whose session it is. {whose} Look its accessKeyId up in CloudTrail: userIdentity names the role or user behind the session. Then end the sessions of that role, or deny and disable that user."
        ),
    }
}

fn unknown(id: &str, whose: &Whose, error: Error) -> Failure {
    let advice = match whose {
        Whose::Ours(_) => {
            "So it was deleted a short while ago, or the caller may not ask: allow iam:GetAccessKeyLastUsed."
        }
        Whose::Another(_) => "Ask with credentials of that account.",
        Whose::Somebody(_) | Whose::Unknown(_) => {
            "Check the id; allow iam:GetAccessKeyLastUsed and sts:GetAccessKeyInfo."
        }
    };
    Failure::Explained {
        message: format!("Access key {id} is not known in this account, or the caller may not ask. {whose} {advice}"),
        error,
    }
}
