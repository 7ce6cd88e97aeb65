//! List roles of AWS IAM.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::outcome::{Failure, Outcome, listed};
use crate::parameters::Parameters;
use crate::reader::Reader;
use awsiam_iam::types::ListRoles;
use futures_util::FutureExt;

/// `list roles`
pub const ACTION: Action = Action {
    name: "list roles",
    identifier: "list_roles",
    kind: Kind::Investigate,
    description: "List roles available in AWS IAM",
    verbose: "Brings all roles of the account with their trust policies.",
    parameters: &[parameter::CREDENTIALS],
    outputs: &[
        Output::data("Arn", "arn:aws:iam::123456789012:role/test-Role").column(3, "Role ARN"),
        Output::data("AssumeRolePolicyDocument", "{\"Version\":\"2012-10-17\",\"Statement\":[]}")
            .contains(&["aws iam role policy doc"])
            .column(6, "Role Policy Document"),
        Output::data("CreateDate", "2026-05-01T16:44:05Z").column(5, "Creation Date"),
        Output::data("Description", "Runs the nightly build").column(4, "Description"),
        Output::data("MaxSessionDuration", "3600"),
        Output::data("Path", "/").contains(&["aws iam role path"]).column(2, "Role Path"),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
        Output::data("RoleId", "AROAIOSFODNN7EXAMPLE").column(0, "Role ID"),
        Output::data("RoleName", "test-Role").contains(parameter::ROLE).column(1, "Role Name"),
        Output::total("total_roles"),
    ],
    message: "Total roles: 2",
    status_column: None,
    undo: None,
    calls: &[&["ListRoles"]],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

async fn lookup(_: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let reply = reader.list(&ListRoles::default()).await?;
    let roles = reply.data.roles;
    let total = roles.len();
    let mut outcome = Outcome { listed: listed(roles, &reply.request_id), ..Outcome::default() };
    outcome.summary.insert("total_roles".to_owned(), total.into());
    Ok(outcome)
}
