//! Get a managed policy with the document of its default version.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::outcome::{Failure, Outcome, row};
use crate::parameters::Parameters;
use crate::reader::Reader;
use awsiam_iam::types::{GetPolicy, GetPolicyVersion};
use awsiam_iam::{Error, Kind as ErrorKind, timestamp};
use futures_util::FutureExt;
use std::time::SystemTime;

/// `get policy`
pub const ACTION: Action = Action {
    name: "get policy",
    identifier: "get_policy",
    kind: Kind::Investigate,
    description: "Get a managed policy with the document that is in force",
    verbose: "The document is that of the default version, which alone counts. AttachmentCount tells how many users, \
              groups and roles have the policy, PermissionsBoundaryUsageCount how many have it as a boundary. AsOf is \
              the time at which it was true.",
    parameters: &[parameter::POLICY_ARN, parameter::CREDENTIALS],
    outputs: &[
        Output::data("Arn", "arn:aws:iam::123456789012:policy/testPolicy").contains(parameter::POLICY),
        Output::data("AttachmentCount", "2"),
        Output::data("CreateDate", "2026-05-01T16:44:05Z"),
        Output::data("DefaultVersionId", "v1"),
        Output::data("Description", "Read the documents"),
        Output::data("Document", "{\"Version\":\"2012-10-17\",\"Statement\":[]}"),
        Output::data("DocumentCreateDate", "2026-05-01T16:44:05Z"),
        Output::data("IsAttachable", "true"),
        Output::data("Path", "/"),
        Output::data("PermissionsBoundaryUsageCount", "0"),
        Output::data("PolicyId", "ANPAIOSFODNN7EXAMPLE"),
        Output::data("PolicyName", "testPolicy"),
        Output::data("Tags.*.Key", "department"),
        Output::data("Tags.*.Value", "engineering"),
        Output::data("UpdateDate", "2026-05-01T16:44:05Z"),
        Output::data("AsOf", "2026-11-20T19:57:13.104Z"),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
    ],
    message: "Policy arn:aws:iam::123456789012:policy/testPolicy has v1 in force and is attached 2 times",
    status_column: None,
    undo: None,
    calls: &[&["GetPolicy", "GetPolicyVersion"]],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

async fn lookup(p: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let policy_arn = p.text("policy_arn").to_owned();
    let reply = reader.get(&GetPolicy { policy_arn: policy_arn.clone() }).await?;
    let at = timestamp(SystemTime::now());
    let malformed = |what| Error::local(ErrorKind::MalformedReply, "GetPolicy", format!("the reply has no {what}"));
    let policy = reply.data.policy.ok_or_else(|| malformed("policy"))?;
    let version_id = policy.default_version_id.clone().ok_or_else(|| malformed("default version"))?;
    let request = GetPolicyVersion { policy_arn: policy_arn.clone(), version_id: version_id.clone() };
    let version = reader.get(&request).await?.data.policy_version.unwrap_or_default();
    let mut data = row(&policy, &reply.request_id);
    data["Document"] = version.document.into();
    data["DocumentCreateDate"] = version.create_date.into();
    data["AsOf"] = at.into();
    let times = policy.attachment_count.unwrap_or_default();
    let message = format!(
        "Policy {policy_arn} has {version_id} in force and is attached {times} {}",
        if times == 1 { "time" } else { "times" }
    );
    Ok(Outcome { message: Some(message), data: vec![data], ..Outcome::default() })
}
