//! Disable a user: no console password, no working access key; user, groups and policies stay.

use crate::action::{Action, Kind, Of, Output, Parameter, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::{access_keys, login_profile};
use crate::target::Target;

/// `disable user`
pub const ACTION: Action = Action {
    name: "disable user",
    identifier: "disable_user",
    kind: Kind::Contain,
    description: "Disable login profile and access keys of a user",
    verbose: "Deletes the console password and makes every active access key inactive, at once; keeps the user, its \
              groups and its policies. With disable_access_keys false, only the password goes. Sessions that were made \
              from the keys before are not ended by this.",
    parameters: &[
        parameter::USERNAME.column(0, "Username"),
        Parameter {
            name: "disable_access_keys",
            description: "Disable the access keys as well",
            of: Of::Flag(true),
            required: false,
            primary: false,
            contains: &[],
            example: "",
            column: Some((1, "Disable Access Keys")),
        },
        parameter::CREDENTIALS,
    ],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(2, "Request ID")],
    message: "User alice disabled successfully",
    status_column: Some(3),
    undo: Some("enable user"),
    calls: &[
        "sts:GetCallerIdentity",
        "GetUser",
        "GetLoginProfile",
        "ListAccessKeys",
        "DeleteLoginProfile",
        "UpdateAccessKey",
        "GetAccessKeyLastUsed",
        "ListUsers",
    ],
    undoing: "Access keys: exactly, key by key. The password: only by setting a new one.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let user = p.text("username");
    Runbook::takes_away_from(Target::user(user))
        .stage(login_profile::absent())
        .and_if(p.flag("disable_access_keys"), access_keys::inactive())
        .says(format!("User {user} disabled successfully"))
}
