//! Get a user with its groups and attached policies.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::outcome::{Failure, Outcome, row, rows};
use crate::parameters::Parameters;
use crate::reader::Reader;
use awsiam_iam::types::{GetUser, ListAttachedUserPolicies, ListGroupsForUser};
use futures_util::FutureExt;
use futures_util::future::join3;
use serde_json::json;

/// `get user`
pub const ACTION: Action = Action {
    name: "get user",
    identifier: "get_user",
    kind: Kind::Investigate,
    description: "Get details of all the groups and attached policies for the user",
    verbose: "Also brings what IAM says of the user itself, where the caller may read it.",
    parameters: &[parameter::USERNAME, parameter::CREDENTIALS],
    outputs: &[
        Output::data("AttachedPolicies.*.PolicyArn", "arn:aws:iam::123456789012:policy/testPolicy")
            .contains(parameter::POLICY),
        Output::data("AttachedPolicies.*.PolicyName", "testPolicy"),
        Output::data("AttachedPolicies.*.RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
        Output::data("Groups.*.Arn", "arn:aws:iam::123456789012:group/Test-Group"),
        Output::data("Groups.*.CreateDate", "2026-05-01T16:44:05Z"),
        Output::data("Groups.*.GroupId", "AGPAIOSFODNN7EXAMPLE"),
        Output::data("Groups.*.GroupName", "Test-Group").contains(parameter::GROUP),
        Output::data("Groups.*.Path", "/").contains(&["aws iam group path"]),
        Output::data("Groups.*.RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
        Output::data("User.Arn", "arn:aws:iam::123456789012:user/alice"),
        Output::data("User.CreateDate", "2026-05-01T16:44:05Z"),
        Output::data("User.PasswordLastUsed", "2026-05-02T16:44:05Z"),
        Output::data("User.Path", "/"),
        Output::data("User.UserId", "AIDAIOSFODNN7EXAMPLE"),
        Output::data("User.UserName", "alice").contains(parameter::USER),
        Output::data("User.RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
        Output::total("total_groups"),
        Output::total("total_policies"),
    ],
    message: "Total groups: 2, Total policies: 2",
    status_column: None,
    undo: None,
    calls: &[&["GetUser", "ListGroupsForUser", "ListAttachedUserPolicies"]],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

async fn lookup(p: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let user_name = p.text("username").to_owned();
    let groups = ListGroupsForUser { user_name: user_name.clone(), ..ListGroupsForUser::default() };
    let policies = ListAttachedUserPolicies { user_name: user_name.clone(), ..ListAttachedUserPolicies::default() };
    let (groups, policies, user) =
        join3(reader.list(&groups), reader.list(&policies), reader.get(&GetUser { user_name })).await;
    let (groups, policies) = (groups?, policies?);
    let (total_groups, total_policies) = (groups.data.groups.len(), policies.data.attached_policies.len());
    let mut data = json!({
        "Groups": rows(groups.data.groups, &groups.request_id),
        "AttachedPolicies": rows(policies.data.attached_policies, &policies.request_id),
    });
    // The original does not ask for it, so a caller with just its permissions may not read it.
    if let Ok(user) = user {
        data["User"] = row(&user.data.user, &user.request_id);
    }
    let mut outcome = Outcome { data: vec![data], ..Outcome::default() };
    outcome.summary.insert("total_groups".to_owned(), total_groups.into());
    outcome.summary.insert("total_policies".to_owned(), total_policies.into());
    Ok(outcome)
}
