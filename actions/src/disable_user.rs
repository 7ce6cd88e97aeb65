//! Disable a user: no console password, no working access key; user, groups and policies stay.

use crate::action::{Action, Kind, Of, Output, Parameter, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::other_credentials::{self, ServiceSpecificCredentials, SigningCertificates, SshPublicKeys};
use crate::steps::{access_keys, evidence, login_profile};
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
        parameter::flag("disable_access_keys", "Disable the access keys as well", true)
            .column(1, "Disable Access Keys"),
        parameter::CREDENTIALS,
        Parameter {
            name: "scope",
            description: "What is disabled: console (the password), keys (access keys), or all_credentials (also SSH keys, \
                          signing certificates and service-specific credentials); without it, password and access keys",
            of: Of::Choice(&["console", "keys", "all_credentials"]),
            required: false,
            primary: false,
            contains: &[],
            example: "all_credentials",
            column: None,
        },
        parameter::EVIDENCE,
    ],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(2, "Request ID")],
    message: "User alice disabled successfully",
    status_column: Some(3),
    undo: Some("enable user"),
    calls: &[
        &[
            "sts:GetCallerIdentity",
            "GetUser",
            "GetLoginProfile",
            "ListAccessKeys",
            "DeleteLoginProfile",
            "UpdateAccessKey",
            "ListSSHPublicKeys",
            "UpdateSSHPublicKey",
            "ListSigningCertificates",
            "UpdateSigningCertificate",
            "ListServiceSpecificCredentials",
            "UpdateServiceSpecificCredential",
            "GetAccessKeyLastUsed",
            "ListUsers",
        ],
        evidence::OF_USER,
    ],
    undoing: "Access keys and the other credentials: exactly, one by one. The password: only by setting a new one.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let user = p.text("username");
    let (console, keys, others) = match p.given("scope") {
        None => (true, p.flag("disable_access_keys"), false),
        Some("console") => (true, false, false),
        Some("keys") => (false, true, false),
        Some(_) => (true, true, true),
    };
    Runbook::takes_away_from(Target::user(user))
        .and_if(console, login_profile::absent())
        .and_if(keys, access_keys::inactive())
        .and_if(others, other_credentials::inactive(SshPublicKeys))
        .and_if(others, other_credentials::inactive(SigningCertificates))
        .and_if(others, other_credentials::inactive(ServiceSpecificCredentials))
        .gathers_everything_if(p.given("evidence") == Some("full"))
        .says(format!("User {user} disabled successfully"))
}
