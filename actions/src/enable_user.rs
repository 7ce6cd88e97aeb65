//! Enable a user: a console password, and every access key active again.

use crate::action::{Action, Kind, Of, Output, Parameter, Run, parameter};
use crate::execute::Done;
use crate::outcome::{Outcome, row};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::{access_keys, login_profile};
use crate::target::Target;
use serde_json::{Map, Value, json};

/// `enable user`
pub const ACTION: Action = Action {
    name: "enable user",
    identifier: "enable_user",
    kind: Kind::Correct,
    description: "Enable login profile and access keys of a user",
    verbose: "Creates a console password and makes every inactive access key active. With enable_access_keys false, \
              only the password is created. A password that exists is kept, and the result says so. All inactive keys \
              come back, also those that were inactive before the user was disabled: the result names each.",
    parameters: &[
        parameter::USERNAME.column(0, "Username"),
        Parameter {
            name: "password",
            description: "Console password to set, if the user has none",
            of: Of::Secret { operation: "CreateLoginProfile", member: "Password" },
            required: true,
            primary: false,
            contains: &[],
            example: "",
            column: None,
        },
        parameter::flag("enable_access_keys", "Enable the access keys as well", true).column(1, "Enable Access Keys"),
        parameter::CREDENTIALS,
    ],
    outputs: &[
        Output::data("CreateDate", "2026-05-01T16:44:05Z"),
        Output::data("PasswordResetRequired", "false"),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(2, "Request ID"),
        Output::data("UserName", "alice").contains(parameter::USER),
        Output::data("ActivatedAccessKeys.*", "AKIAIOSFODNN7EXAMPLE"),
        Output::data("PasswordChanged", "true"),
    ],
    message: "User alice enabled successfully",
    status_column: Some(3),
    undo: Some("disable user"),
    calls: &[&[
        "sts:GetCallerIdentity",
        "GetUser",
        "GetLoginProfile",
        "ListAccessKeys",
        "CreateLoginProfile",
        "UpdateAccessKey",
        "GetAccessKeyLastUsed",
        "ListUsers",
    ]],
    undoing: "Exactly: the password is deleted again, and each key that was activated becomes inactive.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let user = p.text("username").to_owned();
    let password = p.secret("password").cloned().unwrap_or_default();
    // The password first, in a stage of its own: IAM may refuse it, and then no key has been activated.
    let runbook = Runbook::gives_to(Target::user(&user)).stage(login_profile::present(password));
    let runbook = if p.flag("enable_access_keys") { runbook.stage(access_keys::active()) } else { runbook };
    runbook.finishes(move |done| finish(&user, done))
}

fn finish(user: &str, done: &Done) -> Outcome {
    let keys: Vec<_> =
        done.made("UpdateAccessKey").iter().map(|about| about.trim_start_matches("access key ").to_owned()).collect();
    let mut message = format!("User {user} enabled successfully");
    let profile = |seen: &Map<String, Value>| {
        seen.get("login_profile").filter(|seen| seen.is_object() && seen["unknown"].is_null()).cloned()
    };
    let (before, now) = (profile(&done.observed), profile(&done.latest));
    let reply = done.reply("CreateLoginProfile").map(|reply| reply.data["LoginProfile"].clone());
    let seen_before = done.observed.get("login_profile").is_some_and(|seen| seen["unknown"].is_null());
    // Where the answer was lost, a later look has shown the profile that was not there before.
    let lost = done.in_doubt("CreateLoginProfile") && before.is_none();
    let changed = match (reply.is_some(), lost && seen_before && now.is_some(), lost && !seen_before) {
        (true, ..) | (_, true, _) => "true",
        (.., true) => "unknown",
        _ => "false",
    };
    match changed {
        "false" => message.push_str("; the existing login profile was kept and the password was not changed"),
        "unknown" => message.push_str("; whether the password was changed or an existing one kept is not known"),
        _ => {}
    }
    let profile = reply.or(before).or(now).unwrap_or_else(|| json!({}));
    let mut row = row(&profile, done.request_id());
    row["ActivatedAccessKeys"] = Value::from(keys);
    row["PasswordChanged"] = changed.into();
    Outcome { message: Some(message), data: vec![row], ..Outcome::default() }
}
