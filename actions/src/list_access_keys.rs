//! List the access keys of a user, with age and last use.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::keys;
use crate::outcome::{Failure, Outcome};
use crate::parameters::Parameters;
use crate::reader::Reader;
use futures_util::FutureExt;

/// `list access keys`
pub const ACTION: Action = Action {
    name: "list access keys",
    identifier: "list_access_keys",
    kind: Kind::Investigate,
    description: "List the access keys of a user with their status, age and last use",
    verbose: "AsOf is the time at which the status was true; IAM may tell a use some hours after it. A key that was \
              never used has no LastUsedDate; where the last use could not be read, Error says why.",
    parameters: &[parameter::USERNAME, parameter::CREDENTIALS],
    outputs: &[
        Output::data("AccessKeyId", "AKIAIOSFODNN7EXAMPLE").contains(parameter::ACCESS_KEY),
        Output::data("UserName", "alice").contains(parameter::USER),
        Output::data("Status", "Active"),
        Output::data("CreateDate", "2026-05-01T16:44:05Z"),
        Output::data("AgeDays", "202"),
        Output::data("LastUsedDate", "2026-05-02T16:44:05Z"),
        Output::data("LastUsedService", "iam"),
        Output::data("LastUsedRegion", "us-east-1"),
        Output::data("Error", "AccessDenied (HTTP 403) from GetAccessKeyLastUsed: not authorized"),
        Output::data("AsOf", "2026-11-20T19:57:13.104Z"),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
        Output::total("total_access_keys"),
        Output::total("total_active"),
    ],
    message: "Total access keys: 2, Total active: 2",
    status_column: None,
    undo: None,
    calls: &[&["ListAccessKeys", "GetAccessKeyLastUsed"]],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

async fn lookup(p: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let data = keys::of_user(reader, p.text("username")).await?;
    let active = data.iter().filter(|key| key["Status"] == "Active").count();
    let mut outcome = Outcome::default();
    outcome.summary.insert("total_access_keys".to_owned(), data.len().into());
    outcome.summary.insert("total_active".to_owned(), active.into());
    outcome.data = data;
    Ok(outcome)
}
