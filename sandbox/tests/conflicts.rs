//! What stands in the way of a deletion, each in IAM's words, and that nothing else does.

mod common;

use common::{Client, Refused, policy, start};
use serde_json::{Value, json};

const SSH_KEY: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAEG5vdC1hLXJlYWwta2V5ISE= nobody";
/// A certificate only in form.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAYCAQECAQE=\n-----END CERTIFICATE-----";
const QUARANTINE: &str = "arn:aws:iam::aws:policy/AWSDenyAll";

/// A deletion is refused while something is there, for the right reason, and succeeds once it is gone.
fn blocks(client: &Client, delete: (&str, &Value), text: &str, remove: (&str, Value)) {
    let refused = client.iam(delete.0, delete.1.clone()).expect_err(text);
    let code = "DeleteConflict".to_owned();
    assert_eq!(refused, Refused { status: 409, code, message: text.to_owned() });
    client.ok(remove.0, remove.1);
    client.ok(delete.0, delete.1.clone());
}

#[test]
fn a_user_is_kept_by_each_thing_that_belongs_to_it() {
    let (_sandbox, client) = start();
    let document = policy("Allow", "s3:*").to_string();
    let user = || {
        client.ok("CreateUser", json!({ "UserName": "eve" }));
        json!({ "UserName": "eve" })
    };
    let must = |what: &str| format!("Cannot delete entity, must {what} first.");
    let eve = user();
    client.ok("CreateLoginProfile", json!({ "UserName": "eve", "Password": "Secret-123" }));
    blocks(&client, ("DeleteUser", &eve), &must("delete login profile"), ("DeleteLoginProfile", eve.clone()));
    user();
    let id = client.ok("CreateAccessKey", eve.clone())["AccessKey"]["AccessKeyId"].clone();
    let remove = ("DeleteAccessKey", json!({ "UserName": "eve", "AccessKeyId": id }));
    blocks(&client, ("DeleteUser", &eve), &must("delete access keys"), remove);
    user();
    let parameters = json!({ "UserName": "eve", "CertificateBody": CERTIFICATE });
    let id = client.ok("UploadSigningCertificate", parameters)["Certificate"]["CertificateId"].clone();
    let remove = ("DeleteSigningCertificate", json!({ "UserName": "eve", "CertificateId": id }));
    blocks(&client, ("DeleteUser", &eve), &must("delete certificates"), remove);
    user();
    let parameters = json!({ "UserName": "eve", "SSHPublicKeyBody": SSH_KEY });
    let id = client.ok("UploadSSHPublicKey", parameters)["SSHPublicKey"]["SSHPublicKeyId"].clone();
    let remove = ("DeleteSSHPublicKey", json!({ "UserName": "eve", "SSHPublicKeyId": id }));
    blocks(&client, ("DeleteUser", &eve), &must("remove referenced objects"), remove);
    user();
    let parameters = json!({ "UserName": "eve", "ServiceName": "codecommit.amazonaws.com" });
    let made = client.ok("CreateServiceSpecificCredential", parameters);
    let id = &made["ServiceSpecificCredential"]["ServiceSpecificCredentialId"];
    let remove = ("DeleteServiceSpecificCredential", json!({ "UserName": "eve", "ServiceSpecificCredentialId": id }));
    blocks(&client, ("DeleteUser", &eve), &must("remove referenced objects"), remove);
    user();
    let device = json!({ "UserName": "eve", "SerialNumber": "GAHT12345678" });
    let mut enable = device.clone();
    enable["AuthenticationCode1"] = "123456".into();
    enable["AuthenticationCode2"] = "654321".into();
    client.ok("EnableMFADevice", enable);
    blocks(&client, ("DeleteUser", &eve), &must("delete MFA device"), ("DeactivateMFADevice", device));
    user();
    client.ok("PutUserPolicy", json!({ "UserName": "eve", "PolicyName": "p", "PolicyDocument": document }));
    let remove = ("DeleteUserPolicy", json!({ "UserName": "eve", "PolicyName": "p" }));
    blocks(&client, ("DeleteUser", &eve), &must("delete policies"), remove);
    user();
    let attachment = json!({ "UserName": "eve", "PolicyArn": QUARANTINE });
    client.ok("AttachUserPolicy", attachment.clone());
    blocks(&client, ("DeleteUser", &eve), &must("detach all policies"), ("DetachUserPolicy", attachment));
    user();
    let membership = json!({ "UserName": "eve", "GroupName": "developers" });
    client.ok("AddUserToGroup", membership.clone());
    blocks(&client, ("DeleteUser", &eve), &must("remove users from group"), ("RemoveUserFromGroup", membership));
    user();
    client.ok("PutUserPermissionsBoundary", json!({ "UserName": "eve", "PermissionsBoundary": QUARANTINE }));
    client.ok("TagUser", json!({ "UserName": "eve", "Tags": [{ "Key": "a", "Value": "b" }] }));
    client.ok("DeleteUser", eve);
}

#[test]
fn a_role_is_kept_by_profiles_and_policies() {
    let (_sandbox, client) = start();
    let document = policy("Allow", "s3:*").to_string();
    let trust = json!({ "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" },
    ] });
    let role = json!({ "RoleName": "r" });
    let create = || client.ok("CreateRole", json!({ "RoleName": "r", "AssumeRolePolicyDocument": trust.to_string() }));
    create();
    let profile = json!({ "InstanceProfileName": "i" });
    let both = json!({ "InstanceProfileName": "i", "RoleName": "r" });
    client.ok("CreateInstanceProfile", profile.clone());
    client.ok("AddRoleToInstanceProfile", both.clone());
    let text = "Cannot delete entity, must remove roles from instance profile first.";
    let refused = client.iam("DeleteInstanceProfile", profile).expect_err("it holds a role");
    assert_eq!(refused.message, text);
    blocks(&client, ("DeleteRole", &role), text, ("RemoveRoleFromInstanceProfile", both));
    create();
    client.ok("PutRolePolicy", json!({ "RoleName": "r", "PolicyName": "p", "PolicyDocument": document }));
    let remove = ("DeleteRolePolicy", json!({ "RoleName": "r", "PolicyName": "p" }));
    blocks(&client, ("DeleteRole", &role), "Cannot delete entity, must delete policies first.", remove);
    create();
    let attachment = json!({ "RoleName": "r", "PolicyArn": QUARANTINE });
    client.ok("AttachRolePolicy", attachment.clone());
    let text = "Cannot delete entity, must detach all policies first.";
    blocks(&client, ("DeleteRole", &role), text, ("DetachRolePolicy", attachment));
}

#[test]
fn groups_policies_and_devices_are_kept_by_their_use() {
    let (_sandbox, client) = start();
    let document = policy("Allow", "s3:*").to_string();
    let group = json!({ "GroupName": "g" });
    client.ok("CreateGroup", group.clone());
    let membership = json!({ "GroupName": "g", "UserName": "bob" });
    client.ok("AddUserToGroup", membership.clone());
    let text = "Cannot delete entity, must remove users from group first.";
    blocks(&client, ("DeleteGroup", &group), text, ("RemoveUserFromGroup", membership));

    let made = client.ok("CreatePolicy", json!({ "PolicyName": "p", "PolicyDocument": document }));
    let policy = json!({ "PolicyArn": made["Policy"]["Arn"] });
    client.ok("CreatePolicyVersion", json!({ "PolicyArn": policy["PolicyArn"], "PolicyDocument": document }));
    let mut version = policy.clone();
    version["VersionId"] = "v1".into();
    let refused = client.iam("DeletePolicyVersion", version.clone()).expect_err("it is the default");
    assert_eq!(refused.message, "Cannot delete the default version of a policy.");
    version["VersionId"] = "v2".into();
    let text = "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                versions. The default version is deleted with the policy.";
    blocks(&client, ("DeletePolicy", &policy), text, ("DeletePolicyVersion", version));
    client.ok("CreatePolicy", json!({ "PolicyName": "p", "PolicyDocument": document }));
    client.ok("PutUserPermissionsBoundary", json!({ "UserName": "bob", "PermissionsBoundary": policy["PolicyArn"] }));
    let text = "Cannot delete a policy attached to entities.";
    blocks(&client, ("DeletePolicy", &policy), text, ("DeleteUserPermissionsBoundary", json!({ "UserName": "bob" })));

    let device = json!({ "SerialNumber": "arn:aws:iam::123456789012:mfa/dave" });
    let mut assigned = device.clone();
    assigned["UserName"] = "dave".into();
    let text = "MFA VirtualDevice in use. Must deactivate first.";
    blocks(&client, ("DeleteVirtualMFADevice", &device), text, ("DeactivateMFADevice", assigned));
}

#[test]
fn roles_of_aws_cannot_be_changed() {
    let (_sandbox, client) = start();
    for role in ["AWSServiceRoleForSupport", "AWSReservedSSO_AdministratorAccess_0123456789abcdef"] {
        let unmodifiable = (400, "UnmodifiableEntity".to_owned());
        assert_eq!(client.no("DeleteRole", json!({ "RoleName": role })), unmodifiable);
        assert_eq!(client.no("AttachRolePolicy", json!({ "RoleName": role, "PolicyArn": QUARANTINE })), unmodifiable);
        let parameters =
            json!({ "RoleName": role, "PolicyName": "x", "PolicyDocument": policy("Deny", "*").to_string() });
        assert_eq!(client.no("PutRolePolicy", parameters), unmodifiable);
    }
}
