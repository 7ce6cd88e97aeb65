//! Remove a user from a group.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::group_membership;
use crate::target::Target;

/// `remove user`
pub const ACTION: Action = Action {
    name: "remove user",
    identifier: "remove_user",
    kind: Kind::Contain,
    description: "Remove user from a group",
    verbose: "A user that is no member is left as it is: success, and nothing is changed.",
    parameters: &[
        parameter::USERNAME.column(0, "Username"),
        parameter::GROUP_NAME.column(1, "Group Name"),
        parameter::CREDENTIALS,
    ],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(2, "Request ID")],
    message: "User alice successfully removed from the group Test-Group",
    status_column: Some(3),
    undo: Some("add user"),
    calls: &[&[
        "sts:GetCallerIdentity",
        "GetUser",
        "ListGroupsForUser",
        "GetGroup",
        "RemoveUserFromGroup",
        "ListUsers",
    ]],
    undoing: "Exactly: the user is added to the group again.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let (user, group) = (p.text("username"), p.text("group_name"));
    Runbook::takes_away_from(Target::user(user))
        .stage(group_membership::not_of(group))
        .says(format!("User {user} successfully removed from the group {group}"))
}
