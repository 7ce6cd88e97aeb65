//! Delete a user with everything that stands in the way.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::steps::other_credentials::{self, ServiceSpecificCredentials, SigningCertificates, SshPublicKeys};
use crate::steps::{
    access_keys, attached_policies, group_membership, inline_policies, login_profile, mfa_devices, user,
};
use crate::target::Target;

/// `delete user`
pub const ACTION: Action = Action {
    name: "delete user",
    identifier: "delete_user",
    kind: Kind::Generic,
    description: "Delete user from AWS IAM account",
    verbose: "Deletes the user with its console password, access keys, signing certificates, SSH keys, service-specific credentials, MFA devices, group memberships and policies. Credentials go first: where one of them cannot be deleted, the permissions and the user stay. What was there is in the result, with the documents of inline policies, tags and boundary; keys, passwords and the user's unique id cannot be restored. Consider disable user.",
    parameters: &[
        parameter::USERNAME.column(0, "Username"),
        parameter::CREDENTIALS,
        parameter::FULL_EVIDENCE,
        parameter::CONFIRM,
    ],
    outputs: &[Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID")],
    message: "User alice deleted successfully along with all its associations with login profile, access keys, groups, and policies",
    status_column: Some(2),
    undo: None,
    calls: &[&[
        "sts:GetCallerIdentity",
        "GetUser",
        "GetLoginProfile",
        "ListAccessKeys",
        "ListSigningCertificates",
        "ListSSHPublicKeys",
        "ListServiceSpecificCredentials",
        "ListMFADevices",
        "ListVirtualMFADevices",
        "ListGroupsForUser",
        "ListAttachedUserPolicies",
        "ListUserPolicies",
        "GetUserPolicy",
        "DeleteLoginProfile",
        "DeleteAccessKey",
        "DeleteSigningCertificate",
        "DeleteSSHPublicKey",
        "DeleteServiceSpecificCredential",
        "DeactivateMFADevice",
        "DeleteVirtualMFADevice",
        "RemoveUserFromGroup",
        "DetachUserPolicy",
        "DeleteUserPolicy",
        "DeleteUser",
        "GetAccessKeyLastUsed",
        "ListUsers",
    ]],
    undoing: "Not undone: a user created again has another unique id, and its credentials are lost. Groups, policies and tags can be restored by hand from the evidence.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("username");
    Runbook::takes_away_from(Target::user(name))
        .confirmed_by(p.given("confirm"))
        .stage(login_profile::absent())
        .and(access_keys::absent().with_last_use(p.given("evidence") != Some("changes")))
        .and(other_credentials::absent(SigningCertificates))
        .and(other_credentials::absent(SshPublicKeys))
        .and(other_credentials::absent(ServiceSpecificCredentials))
        // Only now: without MFA, a password that could not be deleted would be easier to use than before.
        .stage(mfa_devices::inactive())
        .and(group_membership::none())
        .and(attached_policies::none())
        .and(inline_policies::absent())
        .stage(mfa_devices::virtual_absent())
        .stage(user::deleted())
        .says(format!(
            "User {name} deleted successfully along with all its associations with login profile, access keys, groups, and policies"
        ))
}
