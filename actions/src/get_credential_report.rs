//! Get the account's credential report: every user with the state of its credentials.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::keys::age_in_seconds;
use crate::outcome::{Failure, Outcome};
use crate::parameters::Parameters;
use crate::reader::Reader;
use awsiam_iam::bytes;
use awsiam_iam::types::{GenerateCredentialReport, GetCredentialReport, GetCredentialReportReply};
use awsiam_iam::{Error, Kind as ErrorKind, Reply};
use futures_util::FutureExt;
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep};

/// `get credential report`
pub const ACTION: Action = Action {
    name: "get credential report",
    identifier: "get_credential_report",
    kind: Kind::Investigate,
    description: "Get the credential report: every user of the account with the state of its credentials",
    verbose: "IAM makes a report at most every four hours and gives the last one until then: AsOf is the time at which \
              it was true, Age the seconds since. Where there is none, or only an old one, a new one is asked for and \
              waited for. Columns have the report's own names; the first row is the account's root user.",
    parameters: &[parameter::CREDENTIALS],
    outputs: &[
        Output::data("user", "alice").contains(parameter::USER),
        Output::data("arn", "arn:aws:iam::123456789012:user/alice"),
        Output::data("user_creation_time", "2026-05-02T16:44:05+00:00"),
        Output::data("password_enabled", "true"),
        Output::data("password_last_used", "2026-05-02T16:44:05+00:00"),
        Output::data("password_last_changed", "2026-05-02T16:44:05+00:00"),
        Output::data("password_next_rotation", "2026-05-02T16:44:05+00:00"),
        Output::data("mfa_active", "true"),
        Output::data("access_key_1_active", "true"),
        Output::data("access_key_1_last_rotated", "2026-05-02T16:44:05+00:00"),
        Output::data("access_key_1_last_used_date", "2026-05-02T16:44:05+00:00"),
        Output::data("access_key_1_last_used_region", "us-east-1"),
        Output::data("access_key_1_last_used_service", "iam"),
        Output::data("access_key_2_active", "true"),
        Output::data("access_key_2_last_rotated", "2026-05-02T16:44:05+00:00"),
        Output::data("access_key_2_last_used_date", "2026-05-02T16:44:05+00:00"),
        Output::data("access_key_2_last_used_region", "us-east-1"),
        Output::data("access_key_2_last_used_service", "iam"),
        Output::data("cert_1_active", "true"),
        Output::data("cert_1_last_rotated", "2026-05-02T16:44:05+00:00"),
        Output::data("cert_2_active", "true"),
        Output::data("cert_2_last_rotated", "2026-05-02T16:44:05+00:00"),
        Output::data("AsOf", "2026-11-20T16:57:13Z"),
        Output::data("Age", "10800"),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
        Output::total("total_rows"),
        Output::total("age_seconds"),
    ],
    message: "The credential report of 2026-11-20T16:57:13Z, 10800 seconds old, has 12 rows",
    status_column: None,
    undo: None,
    calls: &[&["GetCredentialReport", "GenerateCredentialReport"]],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

/// The pause before the report is asked for again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(150);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

async fn lookup(_: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let reply = report(reader).await?;
    let content = reply.data.content.as_deref().and_then(bytes);
    let rows = content.as_deref().and_then(parse).ok_or_else(|| {
        Error::local(ErrorKind::MalformedReply, "GetCredentialReport", "the report is not CSV in base64")
    })?;
    let generated = reply.data.generated_time.unwrap_or_default();
    let age = age_in_seconds(&generated, SystemTime::now());
    let total = rows.len();
    let adorn = |mut row: Map<String, Value>| {
        row.insert("AsOf".to_owned(), generated.as_str().into());
        row.insert("Age".to_owned(), age.map(|age| age.to_string()).into());
        row.insert("RequestId".to_owned(), reply.request_id.as_str().into());
        row.into()
    };
    let old = age.map_or_else(|| "of unknown age".to_owned(), |age| format!("{age} seconds old"));
    let mut outcome = Outcome {
        message: Some(format!("The credential report of {generated}, {old}, has {total} rows")),
        data: rows.into_iter().map(adorn).collect(),
        ..Outcome::default()
    };
    outcome.summary.insert("total_rows".to_owned(), total.into());
    if let Some(age) = age {
        outcome.summary.insert("age_seconds".to_owned(), age.into());
    }
    Ok(outcome)
}

/// The report, made anew where there is none, and waited for until the deadline.
async fn report(reader: &Reader) -> Result<Reply<GetCredentialReportReply>, Failure> {
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match reader.get(&GetCredentialReport {}).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        match error.code.as_deref() {
            Some("ReportNotPresent" | "ReportExpired") => {
                tracing::info!("asking IAM for a new credential report");
                reader.get(&GenerateCredentialReport {}).await?;
            }
            Some("ReportInProgress") => tracing::info!("the credential report is being made"),
            _ => return Err(error.into()),
        }
        if Instant::now() + pause >= reader.deadline() {
            return Err(Failure::Incomplete(format!(
                "The credential report was asked for, but was not ready in time. Run the action again in a minute ({error})"
            )));
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The lines of the report, by the names of its first one; none where it is not such a table.
fn parse(content: &[u8]) -> Option<Vec<Map<String, Value>>> {
    let mut reader = csv::Reader::from_reader(content);
    let columns = reader.headers().ok()?.clone();
    if !columns.iter().any(|name| name == "user") {
        return None;
    }
    let row = |record: csv::StringRecord| {
        columns.iter().zip(&record).map(|(name, value)| (name.to_owned(), value.into())).collect()
    };
    reader.records().map(|record| record.map(row).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_line_ends_of_a_report_are_read() {
        let text = "user,arn,note\r\n<root_account>,a,\"x, \"\"y\"\"\nz\"\nbob,b,\n";
        let rows = parse(text.as_bytes()).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["user"], "<root_account>");
        assert_eq!(rows[0]["note"], "x, \"y\"\nz");
        assert_eq!((&rows[1]["user"], &rows[1]["note"]), (&"bob".into(), &"".into()));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for text in ["", "<html></html>", "user,arn\nalice\n", "user,arn\n\u{ff}alice,b,c\n"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"user,arn\n\xff,b\n"), None);
        assert_eq!(parse(b"user,arn").map(|rows| rows.len()), Some(0));
    }
}
