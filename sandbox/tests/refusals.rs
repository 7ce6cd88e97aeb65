//! In what words IAM and STS refuse, and what they refuse first.

mod common;

use common::{Client, Refused, start};
use serde_json::{Value, json};

fn says(client: &Client, operation: &str, parameters: Value, (status, code, message): (u16, &str, &str)) {
    let refused = client.iam(operation, parameters).expect_err(operation);
    assert_eq!(refused, Refused { status, code: code.to_owned(), message: message.to_owned() }, "{operation}");
}

fn missing(client: &Client, operation: &str, parameters: Value, message: &str) {
    says(client, operation, parameters, (404, "NoSuchEntity", message));
}

fn trust(service: &str) -> String {
    let statement = json!({ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

#[test]
fn what_is_not_there_is_named() {
    let (_sandbox, client) = start();
    client.ok("CreateInstanceProfile", json!({ "InstanceProfileName": "i" }));
    let both = json!({ "InstanceProfileName": "i", "RoleName": "deploy-role" });
    let text = "Role deploy-role in Instance Profile i cannot be found.";
    missing(&client, "RemoveRoleFromInstanceProfile", both, text);

    let arn = "arn:aws:iam::123456789012:policy/nope";
    let version = json!({ "PolicyArn": arn, "VersionId": "v1" });
    let text = format!("Policy {arn} version v1 does not exist or is not attachable.");
    missing(&client, "GetPolicyVersion", version.clone(), &text);
    missing(&client, "SetDefaultPolicyVersion", version, &text);
    missing(&client, "GetPolicy", json!({ "PolicyArn": arn }), &format!("Policy {arn} was not found."));

    let text = "The Password Policy with domain name 123456789012 cannot be found.";
    missing(&client, "GetAccountPasswordPolicy", json!({}), text);
    let text = "The account policy with name PasswordPolicy cannot be found.";
    missing(&client, "DeleteAccountPasswordPolicy", json!({}), text);

    for operation in ["AddUserToGroup", "RemoveUserFromGroup"] {
        let neither = json!({ "UserName": "any-user", "GroupName": "any-group" });
        missing(&client, operation, neither, "The user with name any-user cannot be found.");
        let no_group = json!({ "UserName": "bob", "GroupName": "any-group" });
        missing(&client, operation, no_group, "The group with name any-group cannot be found.");
    }
}

#[test]
fn providers_and_server_certificates_are_not_there() {
    let (_sandbox, client) = start();
    for (operation, list) in [
        ("ListSAMLProviders", "SAMLProviderList"),
        ("ListOpenIDConnectProviders", "OpenIDConnectProviderList"),
        ("ListServerCertificates", "ServerCertificateMetadataList"),
    ] {
        assert_eq!(client.ok(operation, json!({}))[list], json!([]), "{operation}");
    }
    let (saml, openid) = ("arn:aws:iam::123456789012:saml-provider/X", "arn:aws:iam::123456789012:oidc-provider/x.org");
    for operation in ["GetSAMLProvider", "DeleteSAMLProvider"] {
        missing(&client, operation, json!({ "SAMLProviderArn": saml }), &format!("Manifest not found for arn {saml}"));
        let text = format!("ARN {openid} is not valid.");
        says(&client, operation, json!({ "SAMLProviderArn": openid }), (400, "InvalidInput", &text));
    }
    let text = format!("OpenIDConnect Provider not found for arn {openid}");
    missing(&client, "GetOpenIDConnectProvider", json!({ "OpenIDConnectProviderArn": openid }), &text);
    client.ok("DeleteOpenIDConnectProvider", json!({ "OpenIDConnectProviderArn": openid }));
    let text = "Invalid ARN:  Could not be parsed!";
    let none = json!({ "OpenIDConnectProviderArn": "https://openid.example.org" });
    says(&client, "DeleteOpenIDConnectProvider", none, (400, "ValidationError", text));
    for operation in ["GetServerCertificate", "DeleteServerCertificate"] {
        let text = "The Server Certificate with name X cannot be found.";
        missing(&client, operation, json!({ "ServerCertificateName": "X" }), text);
    }
}

#[test]
fn parameters_that_break_rules_are_told_without_their_values_and_in_java_s_order() {
    let (_sandbox, client) = start();
    let text = "3 validation errors detected: Value at 'minimumPasswordLength' failed to satisfy constraint: Member \
                must have value less than or equal to 128; Value at 'passwordReusePrevention' failed to satisfy \
                constraint: Member must have value less than or equal to 24; Value at 'maxPasswordAge' failed to \
                satisfy constraint: Member must have value less than or equal to 1095";
    let form = "Action=UpdateAccountPasswordPolicy&Version=2010-05-08&MinimumPasswordLength=129&MaxPasswordAge=1096\
                &PasswordReusePrevention=25";
    let refused = common::refused(&client.send("iam", form).expect("a reply"));
    assert_eq!((refused.code.as_str(), refused.message.as_str()), ("ValidationError", text));

    let text = "1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum \
                value set";
    for status in ["Bogus", "Expired"] {
        let form = format!(
            "Action=UpdateAccessKey&Version=2010-05-08&UserName=bob&AccessKeyId=AKIASANDBOXBOB000001&Status={status}"
        );
        let refused = common::refused(&client.send("iam", &form).expect("a reply"));
        assert_eq!((refused.code.as_str(), refused.message.as_str()), ("ValidationError", text));
    }
}

#[test]
fn sts_repeats_what_was_sent() {
    let (_sandbox, client) = start();
    let role = "RoleArn=arn:aws:iam::123456789012:role/deploy-role";
    for (form, sent, rule) in [
        (
            format!("{role}&RoleSessionName=Session1:2"),
            "'Session1:2' at 'roleSessionName'",
            r"satisfy regular expression pattern: [\w+=,.@-]*",
        ),
        (format!("{role}&RoleSessionName=s"), "'s' at 'roleSessionName'", "have length greater than or equal to 2"),
        (
            format!("{role}&RoleSessionName=work&DurationSeconds=1"),
            "'1' at 'durationSeconds'",
            "have value greater than or equal to 900",
        ),
        (role.to_owned(), "null at 'roleSessionName'", "not be null"),
    ] {
        let refused = client.sts(&format!("Action=AssumeRole&{form}")).expect_err("broken");
        let message =
            format!("1 validation error detected: Value {sent} failed to satisfy constraint: Member must {rule}");
        assert_eq!(refused, Refused { status: 400, code: "ValidationError".to_owned(), message });
    }
}

#[test]
fn a_role_to_assume_is_named_by_an_arn() {
    let (_sandbox, client) = start();
    for arn in [
        "nothing-valid-in-here",
        "arn::b:::something/test-role",
        "arn:a::::something/test-role",
        "arn:a:::something/test-role",
        "arn:a:a::aaaaaaaaaa:",
    ] {
        let form = format!("Action=AssumeRole&RoleArn={arn}&RoleSessionName=work");
        let message = format!("{arn} is invalid");
        let refused = client.sts(&form).expect_err(arn);
        assert_eq!(refused, Refused { status: 400, code: "ValidationError".to_owned(), message });
    }
    let absent = "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/nope&RoleSessionName=work";
    assert_eq!(client.sts(absent).expect_err("no such role").code, "AccessDenied", "a role is not told to be missing");
}

#[test]
fn a_trusted_service_has_the_name_of_one() {
    let (_sandbox, client) = start();
    let update = |service: &str| json!({ "RoleName": "deploy-role", "PolicyDocument": trust(service) });
    for service in
        ["foo.bar.baz", "amazonaws.com", ".amazonaws.com", "ec2", "ec2.amazonaws.com.evil.org", "a b.amazonaws.com"]
    {
        let message = format!("Invalid principal in policy: \"SERVICE\":\"{service}\"");
        says(&client, "UpdateAssumeRolePolicy", update(service), (400, "MalformedPolicyDocument", &message));
        let parameters = json!({ "RoleName": "new", "AssumeRolePolicyDocument": trust(service) });
        says(&client, "CreateRole", parameters, (400, "MalformedPolicyDocument", &message));
    }
    for service in [
        "ec2.amazonaws.com",
        "ec2.amazonaws.com.cn",
        "malware-protection-plan.guardduty.amazonaws.com",
        "logs.eu-west-1.amazonaws.com",
        "resource-explorer-2.amazonaws.com",
        "transitgateway.aws.internal",
        "alexa-appkit.amazon.com",
    ] {
        client.ok("UpdateAssumeRolePolicy", update(service));
    }
}
