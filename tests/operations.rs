//! Every IAM operation as an action: lists, waits, guards, reversals, errors, and where secrets go.

mod support;

use awsiam_iam::{example, table};
use awsiam_sandbox::{Effect, Fault, Options, Seed};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use support::{CANARY, World, denied, run};

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// Each of them once, with the least request: IAM answers, refuses with an error that the model or every operation has,
/// says that it is not implemented, or a guard refuses. Nothing is taken for done that was not.
#[test]
fn every_operation_answers_or_is_refused_cleanly() {
    let mut endings: BTreeMap<String, usize> = BTreeMap::new();
    for operation in table::operations() {
        let world = World::new();
        let before = world.state();
        let mut set = example(operation);
        if !operation.reads() && operation.member("UserName").is_some() {
            set["UserName"] = "carol".into();
        }
        if !operation.returned_secrets().is_empty() {
            set["return_secret"] = true.into();
        }
        let ran = world.run(&format!("iam:{}", operation.name), set);
        assert!([0, 1].contains(&ran.code), "{}: {}{}", operation.name, ran.stdout, ran.stderr);
        let failure = &ran.record()["failure"];
        let ending = match (ran.status(), failure["error"]["code"].as_str(), failure["rule"].as_str()) {
            ("success", _, _) => "answered",
            (_, Some("NotImplemented"), _) => {
                assert_eq!(failure["error"]["status"], 501, "{}", ran.stdout);
                assert!(ran.message().contains("does not know the operation"), "{}", ran.message());
                "not implemented"
            }
            (_, Some(code), _) => {
                let common =
                    ["ValidationError", "InvalidInput", "MalformedPolicyDocument", "NoSuchEntity", "AccessDenied"];
                let known = operation.errors.contains(&code) || common.contains(&code);
                assert!(known, "{}: {}", operation.name, ran.stdout);
                "refused by IAM"
            }
            (_, None, Some(rule)) => {
                assert!(["yourself", "no_target", "service_linked_role"].contains(&rule), "{}", ran.stdout);
                "refused by a guard"
            }
            (_, None, None) => panic!("{}: {}", operation.name, ran.stdout),
        };
        if ran.status() != "success" {
            assert_eq!(world.state(), before, "{}", operation.name);
        }
        *endings.entry(ending.to_owned()).or_default() += 1;
    }
    assert_eq!(endings.values().sum::<usize>(), table::operations().len(), "{endings:?}");
    // The least requests name mostly what does not exist.
    assert!(endings["answered"] >= 29 && endings["not implemented"] <= 50, "{endings:?}");
}

#[test]
fn lists_are_whole_or_go_on_where_they_ended() {
    let world = World::new();
    let all = world.run("iam:ListUsers", json!({})).expect("success", "whole");
    let names = |ran: &support::Ran| -> Vec<String> {
        let rows = ran.first()["data"].as_array().unwrap().clone();
        rows.iter().map(|row| row["UserName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&all).len(), 6);
    assert!(all.first()["summary"]["next_token"].is_null());
    // IAM may bring fewer items than asked for, even none.
    world.fault(Fault::every("ListUsers", Effect::ShortPages { sizes: vec![1, 0, 2] }));
    let mut found = vec![];
    let mut token = Value::Null;
    for expected in [4, 2] {
        let part = world.run("iam:ListUsers", json!({ "max_items": "4", "starting_token": token }));
        let part = part.expect("success", "a part");
        assert_eq!(names(&part).len(), expected, "{}", part.stdout);
        found.extend(names(&part));
        token = part.first()["summary"]["next_token"].clone();
    }
    assert_eq!((found, token), (names(&all), Value::Null));
    world.no_faults();
    // A page that is asked for as such is brought as it is.
    let page = world.run("iam:ListUsers", json!({ "MaxItems": 2 })).expect("success", "a page");
    assert_eq!((names(&page).len(), page.first()["summary"]["next_token"].is_string()), (2, true));
    // Lists of mere texts, and members that are no lists.
    let inline = world.run("iam:ListUserPolicies", json!({ "UserName": "alice" })).expect("success", "texts");
    assert_eq!(inline.first()["data"][0]["PolicyName"], "deploy-site");
    let group =
        world.run("call operation", json!({ "operation": "GetGroup", "parameters": "{\"GroupName\":\"developers\"}" }));
    let group = group.expect("success", "group");
    assert_eq!(group.first()["data"][0]["Group"]["GroupName"], "developers");
    assert_eq!(group.first()["data"][0]["Users"].as_array().map(Vec::len), Some(3));
    let wrapped = world.run("iam:GetUser", json!({ "$body": { "UserName": "alice" } })).expect("success", "wrapped");
    assert_eq!(wrapped.first()["data"][0]["User"]["UserName"], "alice");
}

/// What was created elsewhere is waited for, and so is what the call itself created where that is asked for.
#[test]
fn what_was_created_is_waited_for() {
    let world = World::new();
    let lag = Fault { operation: None, ..Fault::every("x", Effect::Lag { milliseconds: 1_500 }) };
    world.fault(lag);
    for (operation, set) in [
        ("CreateUser", json!({ "UserName": "zoe" })),
        ("CreateRole", json!({ "RoleName": "r", "AssumeRolePolicyDocument": support::trials::TRUST })),
        ("CreateGroup", json!({ "GroupName": "g" })),
        ("CreateInstanceProfile", json!({ "InstanceProfileName": "p" })),
        ("CreateAccessKey", json!({ "UserName": "carol", "return_secret": true })),
        ("CreateVirtualMFADevice", json!({ "VirtualMFADeviceName": "m", "return_secret": true })),
        (
            "CreateServiceSpecificCredential",
            json!({ "UserName": "carol", "ServiceName": "codecommit.amazonaws.com", "return_secret": true }),
        ),
        (
            "CreatePolicy",
            json!({ "PolicyName": "q", "PolicyDocument": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}" }),
        ),
    ] {
        let mut waiting = set.clone();
        waiting["wait"] = true.into();
        let ran = world.run(&format!("iam:{operation}"), waiting).expect("success", operation);
        let verified = &ran.record()["verified"];
        assert_eq!(verified["state"], "verified", "{operation}: {}", ran.stdout);
        assert!(verified["after_ms"].as_u64().unwrap() > 1_000, "{operation}: {verified}");
    }
    let late = json!({ "timeout": 2 });
    let ran = world.run_with("iam:CreateUser", json!({ "UserName": "late", "wait": true }), json!({ "timeout": 1 }));
    let ran = ran.expect("success", "not seen in time");
    assert_eq!(ran.record()["verified"]["state"], "unconfirmed");
    assert!(ran.message().contains("does not show it yet"), "{}", ran.message());
    world.run("iam:UserExists", json!({ "UserName": "late" })).expect("success", "seen by now");
    let ran = world.run_with("iam:role_exists", json!({ "RoleName": "nothing" }), late).expect("failed", "never there");
    assert_eq!(ran.record()["failure"]["kind"], "not_found");
}

#[test]
fn guards_hold_for_single_calls() {
    let world = World::new();
    world
        .run("add user", json!({ "username": "awsiam-operator", "group_name": "developers" }))
        .expect("success", "own group");
    let before = world.state();
    let own = "AKIASANDBOXOPERATOR1";
    for (operation, set, rule) in [
        ("DeleteAccessKey", json!({ "AccessKeyId": "AKIASANDBOXALICE0001" }), "no_target"),
        ("ChangePassword", json!({ "OldPassword": "a-Passw0rd!", "NewPassword": "b-Passw0rd!" }), "yourself"),
        ("DeleteUser", json!({ "UserName": "awsiam-operator" }), "yourself"),
        ("UpdateAccessKey", json!({ "UserName": "bob", "AccessKeyId": own, "Status": "Inactive" }), "yourself"),
        (
            "PutUserPolicy",
            json!({ "UserName": "awsiam-operator", "PolicyName": "x", "PolicyDocument": "{}" }),
            "yourself",
        ),
        ("DetachGroupPolicy", json!({ "GroupName": "developers", "PolicyArn": READ_ONLY }), "yourself"),
        ("DeleteGroup", json!({ "GroupName": "developers" }), "yourself"),
        (
            "SetDefaultPolicyVersion",
            json!({ "PolicyArn": "arn:aws:iam::aws:policy/PowerUserAccess", "VersionId": "v1" }),
            "yourself",
        ),
        ("DeleteRole", json!({ "RoleName": "AWSServiceRoleForSupport" }), "service_linked_role"),
    ] {
        let ran = world.run(&format!("iam:{operation}"), set).expect("failed", operation);
        assert_eq!(ran.record()["failure"]["rule"], rule, "{operation}: {}", ran.stdout);
        assert!(ran.message().contains("Nothing was changed."), "{}", ran.message());
    }
    let protected = json!({ "protected_principals": "break-glass-*,alice" });
    for (operation, set) in [
        ("DeleteLoginProfile", json!({ "UserName": "alice" })),
        // Whom it hits cannot be told.
        ("DetachGroupPolicy", json!({ "GroupName": "admins", "PolicyArn": READ_ONLY })),
        ("UpdateAccountPasswordPolicy", json!({})),
    ] {
        let ran = world.run_with(&format!("iam:{operation}"), set, protected.clone()).expect("failed", operation);
        assert_eq!(ran.record()["failure"]["rule"], "protected_principal", "{operation}: {}", ran.stdout);
    }
    for (more, action, set) in [
        (
            json!({ "read_only": true }),
            "call operation",
            json!({ "operation": "DeleteUser", "parameters": { "UserName": "bob" } }),
        ),
        (json!({ "allowed_actions": "get user, iam:Get*" }), "iam:DeleteUser", json!({ "UserName": "bob" })),
        (
            json!({ "allowed_actions": "iam:Get*" }),
            "call operation",
            json!({ "operation": "DeleteUser", "parameters": { "UserName": "bob" } }),
        ),
        (json!({ "allowed_actions": "disable user" }), "call operation", json!({ "operation": "GetUser" })),
        (json!({ "confirm_deletes": true }), "iam:DeleteUser", json!({ "UserName": "bob" })),
        (
            json!({ "confirm_deletes": true }),
            "iam:DeletePolicy",
            json!({ "PolicyArn": "arn:aws:iam::123456789012:policy/docs/ReadDocs" }),
        ),
    ] {
        world.run_with(action, set, more).expect("failed", action);
    }
    assert_eq!(world.state(), before);
    for (more, action, set) in [
        (
            json!({ "read_only": true }),
            "call operation",
            json!({ "operation": "GetUser", "parameters": { "UserName": "bob" } }),
        ),
        (
            json!({ "allowed_actions": "iam:Get*" }),
            "call operation",
            json!({ "operation": "iam:GetUser", "parameters": { "UserName": "bob" } }),
        ),
        (protected, "iam:CreateGroup", json!({ "GroupName": "new" })),
        (
            json!({}),
            "iam:DetachGroupPolicy",
            json!({ "GroupName": "admins", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess" }),
        ),
    ] {
        let ran = world.run_with(action, set, more);
        // The operator's own access hangs on AdministratorAccess, whichever way it comes.
        let expected = if action.contains("Detach") { "failed" } else { "success" };
        ran.expect(expected, action);
    }
    // In doubt it is refused.
    let world = World::new();
    world.fault(Fault::every("ListGroupsForUser", denied()));
    let before = world.state();
    let set = json!({ "GroupName": "developers", "PolicyArn": "arn:aws:iam::aws:policy/PowerUserAccess" });
    let ran = world.run("iam:DetachGroupPolicy", set.clone()).expect("failed", "in doubt");
    assert!(ran.message().contains("could not be told (AccessDenied"), "{}", ran.message());
    assert_eq!(world.state(), before);
    world.no_faults();
    world.run("iam:DetachGroupPolicy", set).expect("success", "not its own");
}

/// Behind an assumed role there is a user, and behind a set's own keys the asset's: their groups are the connector's too.
#[test]
fn guards_see_the_credentials_behind_the_caller() {
    let world = World::new();
    world
        .run("add user", json!({ "username": "awsiam-operator", "group_name": "developers" }))
        .expect("success", "the base user's group");
    let before = world.state();
    let assumed = json!({ "role_arn": "arn:aws:iam::123456789012:role/deploy-role" });
    let group = json!({ "GroupName": "developers", "PolicyName": "own-password" });
    let user = json!({ "UserName": "awsiam-operator", "PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll" });
    let key = &world.sandbox.keys("alice")[0];
    let own = json!({ "AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret_access_key });
    for (operation, set) in [("DeleteGroupPolicy", group), ("AttachUserPolicy", user)] {
        let ran = world.run_with(&format!("iam:{operation}"), set.clone(), assumed.clone()).expect("failed", operation);
        assert_eq!(ran.record()["failure"]["rule"], "yourself", "{}", ran.stdout);
        let mut with = set;
        with["credentials"] = own.clone();
        let ran = world.run(&format!("iam:{operation}"), with).expect("failed", operation);
        assert_eq!(ran.record()["failure"]["rule"], "yourself", "{}", ran.stdout);
    }
    assert_eq!(world.state(), before);
}

/// A role that an identity provider vouches for hangs on that provider.
#[test]
fn guards_see_the_providers_that_the_own_role_trusts() {
    let provider = |name: &str| format!("arn:aws:iam::123456789012:saml-provider/{name}");
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::123456789012:root" }, "Action": "sts:AssumeRole" },
        { "Effect": "Allow", "Principal": { "Federated": [provider("okta")] }, "Action": "sts:AssumeRoleWithSAML" },
    ] });
    let mut seed = serde_json::to_value(support::seed()).unwrap();
    seed["roles"].as_array_mut().unwrap().push(json!({
        "name": "Responder", "trust": trust, "attached_policies": ["arn:aws:iam::aws:policy/AdministratorAccess"],
    }));
    let seed: Seed = serde_json::from_value(seed).unwrap();
    let world = World::with(Options { seed: Some(seed), ..Options::default() });
    // The sandbox has no providers; here they are answered for.
    let body = "<GetSAMLProviderResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetSAMLProviderResult>\
                <CreateDate>2025-01-15T09:00:00Z</CreateDate></GetSAMLProviderResult><ResponseMetadata>\
                <RequestId>made-up</RequestId></ResponseMetadata></GetSAMLProviderResponse>";
    let there = Effect::Respond { status: 200, content_type: None, headers: Map::new(), body: body.to_owned() };
    world
        .sandbox
        .set_faults(vec![Fault::every("GetSAMLProvider", there), Fault::every("DeleteSAMLProvider", denied())]);
    let assumed = json!({ "role_arn": "arn:aws:iam::123456789012:role/Responder" });
    let ran = world
        .run_with("iam:DeleteSAMLProvider", json!({ "SAMLProviderArn": provider("okta") }), assumed.clone())
        .expect("failed", "its own");
    assert_eq!(ran.record()["failure"]["rule"], "yourself", "{}", ran.stdout);
    assert!(ran.message().contains("hangs on SAML provider arn:"), "{}", ran.message());
    assert!(world.calls().iter().all(|seen| seen.operation != "DeleteSAMLProvider"));
    let other = json!({ "SAMLProviderArn": provider("another") });
    world.run_with("iam:DeleteSAMLProvider", other, assumed).expect("failed", "IAM denies it, no guard does");
    assert!(world.calls().iter().any(|seen| seen.operation == "DeleteSAMLProvider"));
}

/// What stands in the wrong place is not shown: it may be a secret.
#[test]
fn nothing_unknown_is_echoed() {
    let world = World::new();
    let key = &world.sandbox.keys("alice")[0];
    let keys = json!({ "AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret_access_key });
    for set in [
        json!({ "operation": "GetUser", "parameters": { "UserName": "bob", "credentials": keys } }),
        json!({ "operation": "CreateLoginProfile", "parameters": { "UserName": "bob", "password": CANARY } }),
        json!({ "operation": "CreateLoginProfile", "parameters": { "$body": { "Password": CANARY } } }),
        json!({ "operation": "NoSuch", "parameters": { "Password": CANARY } }),
    ] {
        let ran = world.run("call operation", set);
        assert!(!ran.stdout.contains(CANARY) && !ran.stdout.contains(&key.secret_access_key), "{}", ran.stdout);
    }
    let wrapped = json!({ "$body": { "UserName": "bob", "credentials": keys } });
    let ran = world.run("iam:GetUser", wrapped);
    assert!(!ran.stdout.contains(&key.secret_access_key), "{}", ran.stdout);
    // Only what is masked may come from a reference.
    let set = json!({ "UserName": "bob", "SSHPublicKeyBody": { "env": "PATH" }, "dry_run": true });
    assert_eq!(world.run("iam:UploadSSHPublicKey", set).code, 2);
    // Of two names, neither wins.
    let set = json!({ "operation": "DeleteUser", "UserName": "alice", "parameters": { "UserName": "bob" } });
    assert!(world.run("call operation", set).message().contains("given twice"));
    let set = json!({ "operation": "TagUser", "dry_run": false, "parameters": { "UserName": "bob", "Tags": [], "dry_run": true } });
    let ran = world.run("call operation", set);
    assert!(ran.message().starts_with("Dry run"), "{}", ran.message());
}

/// Undo asks the guards like what it undoes would, and takes nothing back that was so before or may have been.
#[test]
fn undo_is_guarded_and_takes_only_back_what_was_done() {
    let world = World::new();
    let ran = world.run("iam:RemoveUserFromGroup", json!({ "UserName": "carol", "GroupName": "admins" }));
    let ran = ran.expect("success", "no member at all");
    world.run("undo", json!({ "run": ran.run_id() })).expect("success", "nothing to take back");
    let carol = world.state()["users"].as_array().unwrap().iter().find(|user| user["name"] == "carol").unwrap().clone();
    assert_eq!(carol.get("groups"), None, "{carol}");
    for (operation, read, set) in [
        ("AddUserToGroup", "ListGroupsForUser", json!({ "UserName": "alice", "GroupName": "developers" })),
        (
            "PutUserPolicy",
            "GetUserPolicy",
            json!({ "UserName": "alice", "PolicyName": "deploy-site", "PolicyDocument": "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }),
        ),
    ] {
        let world = World::new();
        world.fault(Fault::every(read, denied()));
        let ran = world.run(&format!("iam:{operation}"), set);
        world.no_faults();
        if ran.status() != "success" {
            continue;
        }
        let before = world.state();
        let undone = world.run("undo", json!({ "run": ran.run_id() })).expect("success", operation);
        assert!(undone.stdout.contains("not on record"), "{}", undone.stdout);
        assert_eq!(world.state(), before, "{operation}");
    }
    // A record is not trusted.
    let world = World::new();
    let detached = world.run("iam:DetachUserPolicy", json!({ "UserName": "alice", "PolicyArn": READ_ONLY }));
    let record = detached.expect("success", "detached").record().clone();
    let ran = world.run_with("undo", json!({ "run": record }), json!({ "protected_principals": "alice" }));
    assert_eq!(ran.expect("failed", "protected").record()["failure"]["rule"], "protected_principal");
    // Keys of tags are unique regardless of case.
    let world = World::new();
    let before = world.state();
    let set = json!({ "UserName": "alice", "Tags": [{ "Key": "Department", "Value": "x" }] });
    let ran = world.run("iam:TagUser", set).expect("success", "tagged");
    assert_eq!(
        ran.changes()[0]["reversal"]["parameters"]["Tags"],
        json!([{ "Key": "department", "Value": "engineering" }])
    );
    world.run("undo", json!({ "run": ran.run_id() })).expect("success", "the former value");
    assert_eq!(world.state(), before);
}

/// Where the opposite is known, the reversal stands in the result, and undo makes it for users and roles.
#[test]
fn single_calls_are_undone() {
    let document =
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}";
    for (operation, set) in [
        ("AttachUserPolicy", json!({ "UserName": "carol", "PolicyArn": READ_ONLY })),
        ("AttachUserPolicy", json!({ "UserName": "alice", "PolicyArn": READ_ONLY })),
        ("DetachUserPolicy", json!({ "UserName": "alice", "PolicyArn": READ_ONLY })),
        ("AddUserToGroup", json!({ "UserName": "alice", "GroupName": "developers" })),
        ("AddUserToGroup", json!({ "UserName": "carol", "GroupName": "developers" })),
        ("RemoveUserFromGroup", json!({ "UserName": "alice", "GroupName": "developers" })),
        ("PutUserPolicy", json!({ "UserName": "alice", "PolicyName": "new", "PolicyDocument": document })),
        ("PutUserPolicy", json!({ "UserName": "alice", "PolicyName": "deploy-site", "PolicyDocument": document })),
        ("DeleteUserPolicy", json!({ "UserName": "alice", "PolicyName": "deploy-site" })),
        ("PutRolePolicy", json!({ "RoleName": "app-role", "PolicyName": "write-logs", "PolicyDocument": document })),
        (
            "UpdateAccessKey",
            json!({ "UserName": "alice", "AccessKeyId": "AKIASANDBOXALICE0001", "Status": "Inactive" }),
        ),
        (
            "UpdateSSHPublicKey",
            json!({ "UserName": "mallory", "SSHPublicKeyId": "APKASANDBOXMALLORY01", "Status": "Inactive" }),
        ),
        ("PutUserPermissionsBoundary", json!({ "UserName": "mallory", "PermissionsBoundary": READ_ONLY })),
        ("DeleteRolePermissionsBoundary", json!({ "RoleName": "app-role" })),
        (
            "UpdateAssumeRolePolicy",
            json!({ "RoleName": "app-role", "PolicyDocument": support::trials::TRUST.replace("ec2", "lambda") }),
        ),
        (
            "TagUser",
            json!({ "UserName": "alice", "Tags": [{ "Key": "department", "Value": "x" }, { "Key": "new", "Value": "" }] }),
        ),
        ("UntagUser", json!({ "UserName": "alice", "TagKeys": ["department", "none"] })),
        ("TagRole", json!({ "RoleName": "app-role", "Tags": [{ "Key": "owner", "Value": "x" }] })),
        ("UntagRole", json!({ "RoleName": "app-role", "TagKeys": ["owner"] })),
    ] {
        let world = World::new();
        let before = world.state();
        let ran = world.run(&format!("iam:{operation}"), set).expect("success", operation);
        let changes = ran.changes();
        let Some(change) = changes.first() else {
            // What was so already needs no call, and there is nothing to take back.
            assert!(ran.message().contains("was not called: things are as"), "{operation}: {}", ran.stdout);
            assert!(world.calls().iter().all(|seen| seen.operation != operation), "{operation}");
            continue;
        };
        let reversal = change["reversal"].clone();
        let undone = json!({ "run": ran.run_id(), "reactivate_credentials": "all" });
        world.run("undo", undone).expect("success", &format!("{operation}: {}", ran.stdout));
        assert_eq!(world.state(), before, "{operation}: {reversal}");
        let nothing = reversal["kind"] == "irreversible";
        assert_eq!(nothing, ran.changes()[0]["reversal"]["why"].is_string(), "{operation}: {reversal}");
    }
    // What was done to neither user nor role names the call that takes it back; made by hand, it does.
    for (operation, set) in [
        (
            "DetachGroupPolicy",
            json!({ "GroupName": "developers", "PolicyArn": "arn:aws:iam::aws:policy/PowerUserAccess" }),
        ),
        (
            "PutGroupPolicy",
            json!({ "GroupName": "developers", "PolicyName": "own-password", "PolicyDocument": document }),
        ),
        ("DeleteGroupPolicy", json!({ "GroupName": "developers", "PolicyName": "own-password" })),
        ("CreateGroup", json!({ "GroupName": "new" })),
        (
            "TagPolicy",
            json!({ "PolicyArn": "arn:aws:iam::123456789012:policy/docs/ReadDocs", "Tags": [{ "Key": "owner", "Value": "x" }] }),
        ),
        ("RemoveRoleFromInstanceProfile", json!({ "InstanceProfileName": "app-role", "RoleName": "app-role" })),
    ] {
        let world = World::new();
        let before = world.state();
        let ran = world.run(&format!("iam:{operation}"), set).expect("success", operation);
        let back = ran.changes()[0]["reversal"].clone();
        assert_eq!(back["kind"], "exact", "{operation}: {back}");
        if ran.record()["target"]["kind"] != "role" {
            let refused = world.run("undo", json!({ "run": ran.run_id() })).expect("failed", operation);
            assert!(refused.message().contains("neither user nor role"), "{}", refused.message());
        }
        let set = json!({ "operation": back["operation"], "parameters": back["parameters"] });
        world.run("call operation", set).expect("success", &format!("{operation}: {back}"));
        assert_eq!(world.state(), before, "{operation}");
    }
}

#[test]
fn dry_runs_doubts_and_errors_are_told() {
    let world = World::new();
    let before = world.state();
    let set = json!({ "UserName": "alice", "PolicyArn": READ_ONLY, "dry_run": true });
    let ran = world.run("iam:DetachUserPolicy", set).expect("success", "dry run");
    assert!(ran.message().starts_with("Dry run: 1 change would be made"), "{}", ran.message());
    assert_eq!(world.state(), before);
    world.fault(Fault::every("CreateUser", Effect::LoseReply));
    let ran = world.run("iam:CreateUser", json!({ "UserName": "zoe" })).expect("failed", "no answer");
    assert_eq!(ran.changes()[0]["status"], "unknown", "{}", ran.stdout);
    assert!(ran.message().contains("In doubt") && ran.message().contains("before calling again"), "{}", ran.message());
    world.fault(Fault::nth("DetachUserPolicy", 1, Effect::Throttle));
    let set = json!({ "UserName": "alice", "PolicyArn": READ_ONLY });
    world.run("iam:DetachUserPolicy", set.clone()).expect("success", "tried again");
    let ran = world.run("iam:DetachUserPolicy", set).expect("failed", "not attached any more");
    let error = &ran.record()["failure"]["error"];
    assert_eq!((error["code"].as_str(), error["retryable"].as_bool()), (Some("NoSuchEntity"), Some(false)), "{error}");
    assert!(error["request_id"].is_string() && ran.message().contains("does not exist"), "{}", ran.message());
    for (set, told) in [
        (json!({ "UserName": "a b" }), "UserName"),
        (json!({ "UserNam": "alice" }), "did you mean \"UserName\"?"),
        (json!({}), "is required"),
        (json!({ "UserName": "alice", "$body": { "UserName": "bob" } }), "given twice"),
    ] {
        let ran = world.run("iam:DeleteUser", set);
        assert_eq!(ran.code, 2);
        assert!(ran.message().contains(told), "{}", ran.message());
    }
    assert!(
        world.run("call operation", json!({ "operation": "GetUsr" })).message().contains("did you mean \"GetUser\"?")
    );
}

/// A secret that IAM gives once goes to the sink or, where that is asked for, into the data; nowhere else.
#[test]
fn secrets_go_where_the_asset_wants_them() {
    let world = World::new();
    let before = world.state();
    let set = json!({ "UserName": "carol" });
    let ran = world.run("iam:CreateAccessKey", set.clone()).expect("failed", "no place for the secret");
    assert_eq!(ran.record()["failure"]["rule"], "no_secret_sink");
    let sink = world.state_dir.join("secrets.jsonl");
    std::fs::write(&sink, "").unwrap();
    std::fs::set_permissions(&sink, std::fs::Permissions::from_mode(0o644)).unwrap();
    let asset = json!({ "secret_sink": sink });
    let ran = world.run_with("iam:CreateAccessKey", set.clone(), asset.clone()).expect("failed", "others can read it");
    assert!(ran.message().contains("mode 0600"), "{}", ran.message());
    assert_eq!((world.state(), world.calls().len()), (before, 0));
    std::fs::remove_file(&sink).unwrap();
    let ran = world.run_with("iam:CreateAccessKey", set.clone(), asset.clone()).expect("success", "to the sink");
    assert_eq!(std::fs::metadata(&sink).unwrap().mode() & 0o777, 0o600);
    let line: Value = serde_json::from_str(&std::fs::read_to_string(&sink).unwrap()).unwrap();
    let secret = line["secrets"]["/AccessKey/SecretAccessKey"].as_str().unwrap().to_owned();
    let key = &ran.first()["data"][0]["AccessKey"];
    assert_eq!(line["about"]["AccessKey"]["AccessKeyId"], key["AccessKeyId"]);
    assert_eq!(key["SecretAccessKey"]["entry"], line["entry"]);
    assert!(!ran.stdout.contains(&secret) && !ran.stderr.contains(&secret));
    let mut with = set;
    with["return_secret"] = true.into();
    let shown = world.run_with("iam:CreateAccessKey", with, asset).expect("success", "into the data");
    let other = shown.first()["data"][0]["AccessKey"]["SecretAccessKey"].as_str().unwrap().to_owned();
    assert_eq!(shown.stdout.matches(&other).count(), 1);
    // Secrets that are sent come from where they are kept, and show up nowhere.
    let file = world.state_dir.join("password");
    std::fs::write(&file, format!("{CANARY}\n")).unwrap();
    for reference in [json!({ "file": file }), json!(CANARY)] {
        let set =
            json!({ "operation": "UpdateLoginProfile", "parameters": { "UserName": "alice", "Password": reference } });
        let ran = world.run("call operation", set).expect("success", "password");
        assert!(!ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY), "{}", ran.stdout);
        assert_eq!(ran.first()["parameter"]["parameters"]["Password"], "********");
    }
    assert_eq!(world.state()["users"][0]["login_profile"]["password"], CANARY);
    let body = "-----BEGIN CERTIFICATE-----canary-body";
    let set = json!({ "UserName": "alice", "CertificateBody": body });
    let ran = world.run("iam:UploadSigningCertificate", set);
    assert_eq!(ran.first()["parameter"]["CertificateBody"], "********", "{}", ran.stdout);
    let missing = json!({ "UserName": "alice", "Password": { "env": "AWSIAM_NO_SUCH_VARIABLE" } });
    let ran = world.run("iam:UpdateLoginProfile", missing);
    assert!(ran.code == 2 && ran.message().contains("AWSIAM_NO_SUCH_VARIABLE, which is not set"), "{}", ran.message());
    for folder in ["runs", "unfinished"] {
        for entry in std::fs::read_dir(world.state_dir.join(folder)).into_iter().flatten() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for secret in [CANARY, &secret, &other, "canary-body"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}

#[test]
fn operations_are_listed_described_and_completed() {
    let all = run(&["operations"], "", &[]).stdout;
    assert_eq!(all.lines().count(), table::operations().len() + table::waiters().len());
    let some = run(&["operations", "--search", "SSHPublic"], "", &[]).stdout;
    assert_eq!(some.lines().count(), 5, "{some}");
    assert_eq!(run(&["operations", "--search", "nothing-like-it"], "", &[]).code, 2);
    let told = run(&["describe", "iam:DetachUserPolicy"], "", &[]).stdout;
    for part in [
        "UserName (string, required): text, 1 to 64 characters",
        "Errors: NoSuchEntity, LimitExceeded",
        "API_DetachUserPolicy.html",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let request: Value = serde_json::from_str(told.rsplit_once("Request: ").unwrap().1).unwrap();
    assert_eq!(request["parameters"][0]["UserName"], "a");
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell], "", &[]).stdout;
        assert!(script.contains("iam:DetachUserPolicy") || script.contains("iam\\:DetachUserPolicy"), "{shell}");
        assert!(script.contains("disable_user"), "{shell}");
    }
    let policy = run(&["policy", "iam:DetachUserPolicy"], "", &[]).stdout;
    assert!(policy.contains("iam:DetachUserPolicy") && policy.contains("iam:ListAttachedUserPolicies"), "{policy}");
}

/// Whatever role or keys a set brings: the role that the asset assumes in the account, also where its ARN is a template, and
/// what that role's access hangs on, are the connector's own.
#[test]
fn the_asset_s_role_is_guarded_whatever_a_set_brings() {
    let own = "123456789012";
    let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{own}:root") }, "Action": "sts:AssumeRole" }] });
    let mut seed = serde_json::to_value(support::seed()).unwrap();
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    let responder = format!("arn:aws:iam::{own}:policy/docs/ReadDocs");
    for (name, policies) in [("Responder", vec![administrator, &responder]), ("Other", vec![administrator])] {
        seed["roles"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "name": name, "trust": trust, "attached_policies": policies }));
    }
    let seed: Seed = serde_json::from_value(seed).unwrap();
    for role in ["arn:{partition}:iam::{account_id}:role/Responder", "arn:aws:iam::123456789012:role/Responder"] {
        let world = World::with(Options { seed: Some(seed.clone()), ..Options::default() });
        let asset = json!({ "role_arn": role });
        let before = world.state();
        let other = json!({ "role_arn": format!("arn:aws:iam::{own}:role/Other") });
        let key = &world.sandbox.keys("alice")[0];
        let keys =
            json!({ "credentials": { "AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret_access_key } });
        let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
        for (action, set) in [
            ("iam:UpdateAssumeRolePolicy", json!({ "RoleName": "Responder", "PolicyDocument": trust.to_string() })),
            (
                "iam:CreatePolicyVersion",
                json!({ "PolicyArn": responder, "PolicyDocument": deny, "SetAsDefault": true }),
            ),
            ("contain role", json!({ "role_name": "Responder" })),
        ] {
            for with in [&other, &keys] {
                let mut set = set.clone();
                set.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
                let ran = world.run_with(action, set, asset.clone()).expect("failed", action);
                assert_eq!(ran.record()["failure"]["rule"], "yourself", "{action} {role}: {}", ran.stdout);
            }
        }
        assert_eq!(world.state(), before);
    }
}

/// What goes by its ARN is confirmed by its ARN.
#[test]
fn a_deletion_by_arn_is_confirmed_by_arn() {
    let world = World::new();
    let strict = json!({ "confirm_deletes": true });
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    world.run("iam:CreatePolicy", json!({ "PolicyName": "p", "PolicyDocument": policy })).expect("success", "created");
    let arn = "arn:aws:iam::123456789012:policy/p";
    let set = |confirm: &str| json!({ "PolicyArn": arn, "confirm": confirm });
    world.run_with("iam:DeletePolicy", set("p"), strict.clone()).expect("failed", "another text");
    world.run_with("iam:DeletePolicy", set(arn), strict).expect("success", "the same");
    assert!(!world.state()["policies"].to_string().contains(":policy/p\""));
}

/// Some senders have texts alone: a text that is the JSON of a reference is one.
#[test]
fn a_reference_may_come_as_text() {
    let world = World::new();
    let file = world.state_dir.join("password");
    std::fs::write(&file, "not-a-real-Passw0rd!2").unwrap();
    for reference in [json!({ "file": file }), json!(format!(" {{ \"file\": {:?} }} ", file.to_str().unwrap()))] {
        let set = json!({ "UserName": "alice", "Password": reference });
        world.run("iam:UpdateLoginProfile", set).expect("success", "by reference");
        let password = &world.sandbox.dump()["users"][0]["login_profile"]["password"];
        assert_eq!(password, "not-a-real-Passw0rd!2");
    }
}

#[test]
fn a_single_call_in_doubt_is_not_called_acknowledged() {
    let world = World::new();
    world.fault(Fault::every("UpdateAccessKey", Effect::LoseReply));
    let set = json!({ "UserName": "alice", "AccessKeyId": "AKIASANDBOXALICE0001", "Status": "Inactive" });
    let ran = world.run_with("iam:UpdateAccessKey", set, json!({ "timeout": 3 })).expect("failed", "in doubt");
    assert!(ran.message().contains("In doubt"), "{}", ran.message());
    let verified = &ran.record()["verified"];
    assert!(verified["why"].as_str().unwrap().contains("is not known"), "{verified}");
    assert!(!ran.stdout.contains("IAM acknowledged"), "{}", ran.stdout);
}

/// An account has one alias: a new one takes the former one's place, and the former one is what takes it back.
#[test]
fn what_a_call_replaces_is_what_takes_it_back() {
    let world = World::new();
    let ran = world.run("iam:CreateAccountAlias", json!({ "AccountAlias": "another", "wait": true }));
    let ran = ran.expect("success", "replaced");
    let reversal = &ran.changes()[0]["reversal"];
    assert_eq!(reversal["operation"], "CreateAccountAlias", "{reversal}");
    assert_eq!(reversal["parameters"]["AccountAlias"], "example-company");
    assert_eq!(ran.record()["verified"]["state"], "verified", "{}", ran.stdout);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let arn = "arn:aws:iam::123456789012:policy/docs/ReadDocs";
    let set = json!({ "PolicyArn": arn, "PolicyDocument": policy, "SetAsDefault": true });
    let ran = world.run("iam:CreatePolicyVersion", set).expect("success", "in force");
    let reversal = &ran.changes()[0]["reversal"];
    assert_eq!(reversal["operation"], "SetDefaultPolicyVersion", "{reversal}");
    assert_eq!(reversal["parameters"]["VersionId"], "v1");
}

/// The caller is nobody's to be named by leaving a name empty.
#[test]
fn an_empty_name_is_not_the_caller() {
    let world = World::new();
    for (action, set) in [
        ("iam:GetUser", json!({ "UserName": "" })),
        ("iam:UserExists", json!({})),
        ("iam:ListUsers", json!({ "MaxItems": 2, "max_items": 1 })),
        ("call operation", json!({ "operation": "GetUser", "parameters": { "UserName": "alice" }, "$body": {} })),
    ] {
        let ran = world.run(action, set.clone()).expect("failed", action);
        assert!(world.calls().is_empty(), "{action}: {}", ran.stdout);
    }
    world.run("iam:GetUser", json!({})).expect("success", "the caller, asked for so");
    for set in [
        json!({ "operation": "GetUser", "$body": { "UserName": "alice" } }),
        json!({ "operation": "GetUser", "parameters": { "$body": { "UserName": "alice" } } }),
    ] {
        let ran = world.run("call operation", set).expect("success", "wrapped");
        assert_eq!(ran.first()["data"][0]["User"]["UserName"], "alice");
    }
    let secret = json!({ "operation": "UpdateLoginProfile", "parameters": { "$body": { "UserName": "alice", "Password": CANARY } } });
    assert!(!world.run("call operation", secret).stdout.contains(CANARY));
    let missing = world.run("iam:DeleteUser", json!({ "UserName": "nobody" })).expect("failed", "not there");
    assert!(missing.message().contains("Nothing was changed (NoSuchEntity"), "{}", missing.message());
}
