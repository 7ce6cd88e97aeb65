//! Add a user to a group.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::group_membership;
use crate::target::Target;

/// `add user`
pub const ACTION: Action = Action {
    name: "add user",
    identifier: "add_user",
    kind: Kind::Correct,
    description: "Add user to a group",
    verbose: "A user that is a member already stays one: success, and nothing is changed.",
    parameters: &[
        parameter::USERNAME.column(0, "Username"),
        parameter::GROUP_NAME.column(1, "Group Name"),
        parameter::CREDENTIALS,
    ],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(2, "Request ID")],
    message: "User alice successfully added to the group Test-Group",
    status_column: Some(3),
    undo: Some("remove user"),
    calls: &[&["sts:GetCallerIdentity", "GetUser", "ListGroupsForUser", "AddUserToGroup", "ListUsers"]],
    undoing: "Exactly: the user is removed from the group again, if it was not a member before.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let (user, group) = (p.text("username"), p.text("group_name"));
    Runbook::gives_to(Target::user(user))
        .stage(group_membership::of(group))
        .says(format!("User {user} successfully added to the group {group}"))
}
