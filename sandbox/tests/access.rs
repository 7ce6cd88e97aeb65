//! Who gets in, and what a policy does to them.

mod common;

use awsiam_sandbox::sigv4::{self, Request, Signature};
use awsiam_sandbox::{Effect, Fault, Options};
use common::{Client, Credentials, element, http, now, policy, start, start_with};
use serde_json::{Value, json};

fn code(client: &Client) -> (u16, String) {
    client.no("ListUsers", json!({}))
}

fn bad_token() -> (u16, String) {
    (403, "InvalidClientTokenId".to_owned())
}

fn denied() -> (u16, String) {
    (403, "AccessDenied".to_owned())
}

fn enforcing() -> (awsiam_sandbox::Sandbox, Client) {
    start_with(Options { enforce: true, ..Options::default() })
}

#[test]
fn inactive_and_deleted_keys_are_dead() {
    let (_sandbox, admin) = start();
    let eve = admin.user_with("eve", &Value::Null);
    eve.ok("ListUsers", json!({}));
    let mut key = json!({ "UserName": "eve", "AccessKeyId": eve.credentials.id });
    for (status, works) in [("Inactive", false), ("Active", true)] {
        let mut update = key.clone();
        update["Status"] = status.into();
        admin.ok("UpdateAccessKey", update);
        assert_eq!(eve.iam("ListUsers", json!({})).is_ok(), works, "{status}");
    }
    admin.ok("DeleteAccessKey", key.take());
    assert_eq!(code(&eve), bad_token());
    assert_eq!(eve.sts("Action=GetCallerIdentity").expect_err("dead").code, "InvalidClientTokenId");
}

#[test]
fn signatures_are_checked() {
    let (_sandbox, admin) = start();
    let mut wrong = admin.clone();
    wrong.credentials.secret.push('x');
    assert_eq!(code(&wrong), (403, "SignatureDoesNotMatch".to_owned()));
    let mut unknown = admin.clone();
    unknown.credentials.id = "AKIAZZZZZZZZZZZZZZZZ".to_owned();
    assert_eq!(code(&unknown), bad_token());
    let form = "Action=ListUsers&Version=2010-05-08";
    let for_sts = admin.send("sts", form).expect("a reply");
    assert_eq!(common::refused(&for_sts).code, "SignatureDoesNotMatch");
    let unsigned = http(&admin.host, "POST", "/", &[], form).expect("a reply");
    assert_eq!(common::refused(&unsigned).code, "MissingAuthenticationToken");
    let who = (admin.credentials.id.as_str(), admin.credentials.secret.as_str(), None);
    let headers = sigv4::sign(who, "iam", &admin.host, form, now());
    let tampered = http(&admin.host, "POST", "/", &headers, "Action=ListRoles&Version=2010-05-08").expect("a reply");
    assert_eq!(common::refused(&tampered).code, "SignatureDoesNotMatch");
}

#[test]
fn signatures_may_be_for_any_region() {
    let (_sandbox, admin) = start();
    let form = "Action=ListUsers&Version=2010-05-08";
    let who = (admin.credentials.id.as_str(), admin.credentials.secret.as_str(), None);
    let mut headers = sigv4::sign(who, "iam", &admin.host, form, now());
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: form.as_bytes() };
    let mut signature = Signature::read(&request).expect("a signature");
    signature.region = "eu-west-1".to_owned();
    signature.hex = signature.compute(&request, &admin.credentials.secret);
    headers.retain(|(name, _)| name != "authorization");
    headers.push(("authorization".to_owned(), signature.header()));
    assert_eq!(http(&admin.host, "POST", "/", &headers, form).expect("a reply").status, 200);
}

#[test]
fn the_clock_may_be_a_quarter_of_an_hour_off() {
    let (_sandbox, admin) = start();
    for (ahead, works) in [(-880, true), (880, true), (-920, false), (920, false)] {
        let client = Client { ahead, ..admin.clone() };
        match client.iam("ListUsers", json!({})) {
            Ok(_) => assert!(works, "{ahead}"),
            Err(refused) => {
                assert!(!works, "{ahead}");
                assert_eq!((refused.status, refused.code.as_str()), (403, "SignatureDoesNotMatch"));
                let text = if ahead < 0 { "Signature expired" } else { "Signature not yet current" };
                assert!(refused.message.starts_with(text), "{}", refused.message);
            }
        }
    }
}

#[test]
fn a_deny_bites_without_enforcement_and_silence_only_with_it() {
    let (_sandbox, admin) = start();
    let eve = admin.user_with("eve", &Value::Null);
    eve.ok("ListUsers", json!({}));
    let attachment = json!({ "UserName": "eve", "PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll" });
    admin.ok("AttachUserPolicy", attachment.clone());
    let refused = eve.iam("ListUsers", json!({})).expect_err("denied");
    assert!(refused.message.ends_with("with an explicit deny in an identity-based policy"), "{}", refused.message);
    admin.ok("DetachUserPolicy", attachment);
    eve.ok("ListUsers", json!({}));
    let boundary = json!({ "UserName": "eve", "PermissionsBoundary": "arn:aws:iam::aws:policy/AWSDenyAll" });
    admin.ok("PutUserPermissionsBoundary", boundary);
    let refused = eve.iam("ListUsers", json!({})).expect_err("denied");
    assert!(refused.message.ends_with("with an explicit deny in a permissions boundary"), "{}", refused.message);

    let (_sandbox, admin) = enforcing();
    let eve = admin.user_with("eve", &policy("Allow", "iam:List*"));
    eve.ok("ListUsers", json!({}));
    assert_eq!(eve.no("GetUser", json!({ "UserName": "alice" })), denied());
    let boundary =
        json!({ "UserName": "eve", "PermissionsBoundary": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" });
    admin.ok("PutUserPermissionsBoundary", boundary);
    assert_eq!(code(&eve), denied());
}

#[test]
fn groups_and_pass_role_count() {
    let (_sandbox, admin) = enforcing();
    let eve = admin.user_with("eve", &policy("Allow", "iam:AddRoleToInstanceProfile"));
    admin.ok("CreateInstanceProfile", json!({ "InstanceProfileName": "i" }));
    let add = json!({ "InstanceProfileName": "i", "RoleName": "deploy-role" });
    let refused = eve.iam("AddRoleToInstanceProfile", add.clone()).expect_err("no PassRole");
    assert!(refused.message.contains("iam:PassRole on resource: arn:aws:iam::123456789012:role/deploy-role"));
    let parameters = json!({ "GroupName": "developers", "PolicyName": "p", "PolicyDocument": policy("Allow", "iam:PassRole").to_string() });
    admin.ok("PutGroupPolicy", parameters);
    admin.ok("AddUserToGroup", json!({ "GroupName": "developers", "UserName": "eve" }));
    eve.ok("AddRoleToInstanceProfile", add);
}

#[test]
fn a_role_session_ends_with_its_issue_time() {
    let (_sandbox, admin) = enforcing();
    let trust = json!({ "Statement": { "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": { "AWS": "arn:aws:iam::123456789012:root" } } });
    admin.ok("CreateRole", json!({ "RoleName": "r", "AssumeRolePolicyDocument": trust.to_string() }));
    let admin_policy = "arn:aws:iam::aws:policy/AdministratorAccess";
    admin.ok("AttachRolePolicy", json!({ "RoleName": "r", "PolicyArn": admin_policy }));
    let assume = "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=work";
    let session = admin.session(assume);
    session.ok("ListUsers", json!({}));
    let identity = session.sts("Action=GetCallerIdentity").expect("an identity");
    assert_eq!(element(&identity, "Arn"), "arn:aws:sts::123456789012:assumed-role/r/work");
    let mut without_token = session.clone();
    without_token.credentials.token = None;
    assert_eq!(code(&without_token), bad_token());

    let revoke = |when: &str| {
        let document = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": ["*"], "Resource": ["*"],
            "Condition": { "DateLessThan": { "aws:TokenIssueTime": when } } }] });
        let parameters =
            json!({ "RoleName": "r", "PolicyName": "AWSRevokeOlderSessions", "PolicyDocument": document.to_string() });
        admin.ok("PutRolePolicy", parameters);
    };
    revoke("2020-01-01T00:00:00Z");
    session.ok("ListUsers", json!({}));
    revoke("2100-01-01T00:00:00Z");
    assert_eq!(code(&session), denied());
    // A user's long-term key has no issue time: the same Deny does nothing to it.
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": { "DateLessThan": { "aws:TokenIssueTime": "2100-01-01T00:00:00Z" } } },
    ] });
    admin.user_with("eve", &document).ok("ListUsers", json!({}));
}

#[test]
fn trust_is_asked_and_a_new_user_of_an_old_name_is_not_trusted() {
    let (sandbox, admin) = start();
    let eve = admin.user_with("eve", &Value::Null);
    let bob = admin.with(Credentials {
        id: "AKIASANDBOXBOB000001".to_owned(),
        secret: sandbox.keys("bob")[0].secret_access_key.clone(),
        token: None,
    });
    let arn = "arn:aws:iam::123456789012:user/eve";
    let trust = json!({ "Statement": { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": arn } } })
        .to_string();
    admin.ok("CreateRole", json!({ "RoleName": "r", "AssumeRolePolicyDocument": trust }));
    let assume = "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=work";
    eve.session(assume);
    assert_eq!(bob.sts(assume).expect_err("not trusted").code, "AccessDenied");
    let id = admin.ok("GetUser", json!({ "UserName": "eve" }))["User"]["UserId"].clone();
    admin.ok("DeleteAccessKey", json!({ "UserName": "eve", "AccessKeyId": eve.credentials.id }));
    admin.ok("DeleteUser", json!({ "UserName": "eve" }));
    let kept = admin.ok("GetRole", json!({ "RoleName": "r" }))["Role"]["AssumeRolePolicyDocument"].clone();
    assert!(kept.as_str().is_some_and(|text| text.contains(id.as_str().expect("an id")) && !text.contains(arn)));
    let again = admin.user_with("eve", &Value::Null);
    assert_eq!(again.sts(assume).expect_err("another eve").code, "AccessDenied");
    let put_back = json!({ "RoleName": "r", "PolicyDocument": kept });
    assert_eq!(admin.no("UpdateAssumeRolePolicy", put_back).1, "MalformedPolicyDocument");
}

#[test]
fn sessions_of_users_reach_sts_and_end() {
    let (sandbox, admin) = start();
    let session = admin.session("Action=GetSessionToken");
    let identity = session.sts("Action=GetCallerIdentity").expect("an identity");
    assert_eq!(element(&identity, "Arn"), "arn:aws:iam::123456789012:user/soar/awsiam-operator");
    assert_eq!(code(&session), bad_token(), "without MFA IAM is out of reach");
    let federated = admin.session("Action=GetFederationToken&Name=guest");
    let identity = federated.sts("Action=GetCallerIdentity").expect("an identity");
    assert_eq!(element(&identity, "Arn"), "arn:aws:sts::123456789012:federated-user/guest");
    sandbox.set_faults(vec![Fault {
        operation: None,
        occurrences: vec![],
        every: None,
        effect: Effect::Skew { seconds: 43_300 },
    }]);
    let late = Client { ahead: 43_300, ..session.clone() };
    assert_eq!(late.sts("Action=GetCallerIdentity").expect_err("it has ended").code, "ExpiredToken");
    let late = Client { ahead: 43_300, ..admin.clone() };
    late.ok("ListUsers", json!({}));
}

#[test]
fn a_session_policy_narrows() {
    let (_sandbox, admin) = enforcing();
    let trust = json!({ "Statement": { "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": { "AWS": "arn:aws:iam::123456789012:root" } } });
    admin.ok("CreateRole", json!({ "RoleName": "r", "AssumeRolePolicyDocument": trust.to_string() }));
    let admin_policy = "arn:aws:iam::aws:policy/AdministratorAccess";
    admin.ok("AttachRolePolicy", json!({ "RoleName": "r", "PolicyArn": admin_policy }));
    let narrow = policy("Allow", "iam:ListUsers").to_string().replace('{', "%7B").replace('}', "%7D");
    let form =
        format!("Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=work&Policy={narrow}");
    let session = admin.session(&form);
    session.ok("ListUsers", json!({}));
    assert_eq!(session.no("ListRoles", json!({})), denied());
}
