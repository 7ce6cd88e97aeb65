//! List groups of AWS IAM.

use crate::action::{Action, Kind, Of, Output, Parameter, Run, parameter};
use crate::outcome::{Failure, Outcome, listed};
use crate::parameters::Parameters;
use crate::reader::Reader;
use awsiam_iam::types::ListGroups;
use futures_util::FutureExt;

/// `list groups`
pub const ACTION: Action = Action {
    name: "list groups",
    identifier: "list_groups",
    kind: Kind::Investigate,
    description: "List groups of AWS IAM",
    verbose: "The path / means no restriction.",
    parameters: &[
        Parameter {
            name: "group_path",
            description: "Path below which groups are listed, such as /engineering/",
            of: Of::Path { of: "Group", backslashes: false },
            required: false,
            primary: true,
            contains: &["aws iam group path"],
            example: "/engineering/",
            column: None,
        },
        parameter::CREDENTIALS,
    ],
    outputs: &[
        Output::data("Arn", "arn:aws:iam::123456789012:group/Test-Group").column(3, "Group ARN"),
        Output::data("CreateDate", "2026-05-01T16:44:05Z").column(4, "Creation Date"),
        Output::data("GroupId", "AGPAIOSFODNN7EXAMPLE").column(0, "Group ID"),
        Output::data("GroupName", "Test-Group").contains(parameter::GROUP).column(1, "Group Name"),
        Output::data("Path", "/").contains(&["aws iam group path"]).column(2, "Group Path"),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
        Output::total("total_groups"),
    ],
    message: "Total groups: 2",
    status_column: None,
    undo: None,
    calls: &[&["ListGroups"]],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

async fn lookup(p: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let path_prefix = Some(p.text("group_path")).filter(|path| *path != "/").map(str::to_owned);
    let reply = reader.list(&ListGroups { path_prefix, ..ListGroups::default() }).await?;
    let groups = reply.data.groups;
    let total = groups.len();
    let mut outcome = Outcome { listed: listed(groups, &reply.request_id), ..Outcome::default() };
    outcome.summary.insert("total_groups".to_owned(), total.into());
    Ok(outcome)
}
