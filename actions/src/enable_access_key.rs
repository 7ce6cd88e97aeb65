//! Enable one access key, whoever owns it.

use crate::action::{Action, Kind, Of, Output, Parameter, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::access_keys;
use crate::target::Target;

/// `enable access key`
pub const ACTION: Action = Action {
    name: "enable access key",
    identifier: "enable_access_key",
    kind: Kind::Correct,
    description: "Make one access key active",
    verbose: "Finds the key's owner where it is not given. The user's other keys and its password stay as they are. A temporary key (ASIA…) cannot be switched off by itself: the message says what to do instead.",
    parameters: &[
        Parameter {
            name: "access_key_id",
            description: "Id of the access key (AKIA…)",
            of: Of::Text { operation: "UpdateAccessKey", member: "AccessKeyId" },
            required: true,
            primary: true,
            contains: &["aws access key id"],
            example: "AKIAIOSFODNN7EXAMPLE",
            column: Some((0, "Access Key")),
        },
        Parameter {
            required: false,
            description: "Name of the key's owner, found out where it is not given",
            ..parameter::USERNAME
        },
        parameter::CREDENTIALS,
    ],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID")],
    message: "Access key AKIAIOSFODNN7EXAMPLE enabled successfully",
    status_column: Some(2),
    undo: Some("disable access key"),
    calls: &[&[
        "sts:GetCallerIdentity",
        "GetAccessKeyLastUsed",
        "GetUser",
        "ListAccessKeys",
        "UpdateAccessKey",
        "ListUsers",
    ]],
    undoing: "Exactly: the key is deactivated again.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let key = p.text("access_key_id");
    Runbook::gives_to(Target::owner_of(key, p.given("username")))
        .stage(access_keys::one_active(key))
        .says(format!("Access key {key} enabled successfully"))
}
