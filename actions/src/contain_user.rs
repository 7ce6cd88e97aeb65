//! Contain a user: the whole thing as one runbook, and what survives it.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::execute::Done;
use crate::outcome::{Outcome, row};
use crate::parameters::Parameters;
use crate::parts::Parts;
use crate::runbook::Runbook;
use crate::steps::other_credentials::{self, ServiceSpecificCredentials, SigningCertificates, SshPublicKeys};
use crate::steps::{access_keys, assumable_roles, evidence, login_profile, quarantine, sessions};
use crate::target::Target;
use serde_json::{Map, Value, json};

/// `contain user`
pub const ACTION: Action = Action {
    name: "contain user",
    identifier: "contain_user",
    kind: Kind::Contain,
    description: "Cut a user off completely, and keep the evidence",
    verbose: "Denies everything first, then deletes the password and makes every other credential inactive, then revokes sessions by IAM's own clock after a pause, and looks again for what a rival added meanwhile. Each part is done although another one fails. The evidence holds everything: policies with documents, groups, keys with last use, MFA devices, certificates. The result lists what survives.",
    parameters: &[
        parameter::USERNAME.column(0, "Username"),
        parameter::flag("quarantine", "Deny everything to the user", true),
        parameter::flag("credentials_off", "Delete the password and make every other credential inactive", true),
        parameter::flag("sessions", "Revoke the sessions that exist", true),
        parameter::CREDENTIALS,
        parameter::FULL_EVIDENCE,
    ],
    outputs: &[
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID"),
        Output::data(
            "Survives.*",
            "Sessions of roles that the user has assumed before go on: revoke those roles' sessions",
        ),
        Output::data("AssumableRoles.*", "arn:aws:iam::123456789012:role/deploy-role"),
        Output::data("Warnings.*", "AWSCompromisedKeyQuarantineV3 is attached: it is not containment"),
    ],
    message: "User alice contained successfully",
    status_column: Some(2),
    undo: None,
    calls: &[
        &[
            "sts:GetCallerIdentity",
            "GetUser",
            "GetLoginProfile",
            "PutUserPolicy",
            "AttachUserPolicy",
            "PutUserPermissionsBoundary",
            "DeleteLoginProfile",
            "UpdateAccessKey",
            "UpdateSSHPublicKey",
            "UpdateSigningCertificate",
            "UpdateServiceSpecificCredential",
            "ListUsers",
        ],
        evidence::OF_USER,
        assumable_roles::CALLS,
    ],
    undoing: "Exactly, but for the password: a new one has to be given. Credentials and sessions come back only when asked for.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("username").to_owned();
    let parts = Parts::of(p, PARTS);
    if let Some(refusal) = parts.refusal() {
        return Runbook::refused(Target::user(&name), refusal);
    }
    let mut runbook = Runbook::takes_away_from(Target::user(&name)).regardless();
    if p.flag("quarantine") {
        runbook = runbook.stage(quarantine::in_force());
    }
    if p.flag("credentials_off") {
        runbook = runbook
            .stage(login_profile::absent())
            .and(access_keys::inactive())
            .and(other_credentials::inactive(SshPublicKeys))
            .and(other_credentials::inactive(SigningCertificates))
            .and(other_credentials::inactive(ServiceSpecificCredentials));
    }
    if p.flag("sessions") {
        let revoked = sessions::revoked();
        runbook = runbook.stage_after_pause(if p.flag("quarantine") { revoked.or_denied() } else { revoked });
    }
    runbook
        .stage(assumable_roles::assumable_roles())
        .gathers_everything_if(p.given("evidence") != Some("changes"))
        .finishes(move |done| finish(&name, &parts, done))
}

fn finish(name: &str, parts: &Parts, done: &Done) -> Outcome {
    let mut row = row(&json!({}), done.request_id());
    let (roles, unread) = assumable_roles::found(&done.observed);
    let mut warnings = quarantine::warnings(&done.observed);
    if !unread.is_empty() {
        warnings.push(format!("which roles the user may assume is not known in full: {}", unread.join("; ")));
    }
    let left: Vec<_> = parts.left_out.iter().map(|(_, survives)| (*survives).to_owned()).collect();
    let live = parts.left_out.iter().any(|(part, _)| *part == "credentials_off").then(|| live(&done.observed));
    let denied = sessions::only_denied(done).map(str::to_owned);
    let always = SURVIVES.iter().map(|text| (*text).to_owned());
    row["Survives"] = left.into_iter().chain(live.flatten()).chain(denied).chain(always).collect();
    row["AssumableRoles"] = Value::from(roles);
    row["Warnings"] = Value::from(warnings);
    let message = format!("User {name} {}", parts.words());
    Outcome { message: Some(message), data: vec![row], ..Outcome::default() }
}

/// The credentials that work still, as far as the evidence holds them.
fn live(observed: &Map<String, Value>) -> Option<String> {
    let kinds = [
        ("access_keys", "AccessKeyId"),
        ("ssh_public_keys", "SSHPublicKeyId"),
        ("signing_certificates", "CertificateId"),
        ("service_specific_credentials", "ServiceSpecificCredentialId"),
    ];
    let everything = observed.get("everything")?;
    let of = |(kind, id): (&str, &str)| -> Vec<String> {
        let all = everything[kind].as_array().into_iter().flatten();
        let active = all.filter(|one| one["Status"] == "Active");
        active.filter_map(|one| one[id].as_str()).map(str::to_owned).collect()
    };
    let ids: Vec<_> = kinds.into_iter().flat_map(of).collect();
    (!ids.is_empty()).then(|| format!("These credentials are Active: {}", ids.join(", ")))
}

/// The parts, and what survives where one is left out.
const PARTS: &[(&str, &str)] = &[
    ("quarantine", "Everything that the user was allowed is allowed still: run quarantine user"),
    (
        "credentials_off",
        "The password and every credential are as they were: run disable user with scope all_credentials",
    ),
    ("sessions", "Sessions that exist were not revoked: run revoke user sessions"),
];

/// What no call to IAM about this user stops, and what to run against it.
const SURVIVES: &[&str] = &[
    "Sessions of roles that the user has assumed before go on, because they are the roles': run revoke role sessions on those that AssumableRoles names, and lock role trust where the user could assume them again",
    "A console session that is open may show pages that were loaded before; what is denied or revoked it cannot call",
    "Credentials that other services made of the user's (presigned URLs until they expire, data keys, copies of data) are not IAM's to stop",
];
