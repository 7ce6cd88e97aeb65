//! List users, of the account or of a group, under a path.

use crate::action::{Action, Kind, Of, Output, Parameter, Run, parameter};
use crate::outcome::{Failure, Outcome, listed};
use crate::parameters::Parameters;
use crate::reader::Reader;
use awsiam_iam::types::{GetGroup, ListUsers};
use futures_util::FutureExt;

/// `list users`
pub const ACTION: Action = Action {
    name: "list users",
    identifier: "list_users",
    kind: Kind::Investigate,
    description: "List users of AWS IAM",
    verbose: "With a group, its members; with a path, the users below it; with both, the members below it. The path / \
              means no restriction.",
    parameters: &[
        Parameter {
            name: "user_path",
            description: "Path below which users are listed, such as /engineering/",
            of: Of::Path { of: "User", backslashes: true },
            required: false,
            primary: true,
            contains: &["aws iam user path"],
            example: "/engineering/",
            column: None,
        },
        Parameter { required: false, description: "Group whose members are listed", ..parameter::GROUP_NAME },
        parameter::CREDENTIALS,
    ],
    outputs: &[
        Output::data("Arn", "arn:aws:iam::123456789012:user/alice"),
        Output::data("CreateDate", "2026-05-01T16:44:05Z"),
        Output::data("PasswordLastUsed", "2026-05-02T16:44:05Z"),
        Output::data("Path", "/").contains(&["aws iam user path"]),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
        Output::data("UserId", "AIDAIOSFODNN7EXAMPLE"),
        Output::data("UserName", "alice").contains(parameter::USER),
        Output::total("total_users"),
    ],
    message: "Total users: 2",
    status_column: None,
    undo: None,
    calls: &[&["ListUsers", "GetGroup"]],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

async fn lookup(p: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let path = p.text("user_path");
    let restricted = Some(path).filter(|path| *path != "/").map(str::to_owned);
    let (users, request_id) = match p.given("group_name") {
        None => {
            let reply = reader.list(&ListUsers { path_prefix: restricted, ..ListUsers::default() }).await?;
            (reply.data.users, reply.request_id)
        }
        Some(group) => {
            let request = GetGroup { group_name: group.to_owned(), ..GetGroup::default() };
            let reply = reader.list(&request).await?;
            let mut users = reply.data.users;
            users.retain(|user| user.path.starts_with(path));
            (users, reply.request_id)
        }
    };
    let total = users.len();
    let mut outcome = Outcome { listed: listed(users, &request_id), ..Outcome::default() };
    outcome.summary.insert("total_users".to_owned(), total.into());
    Ok(outcome)
}
