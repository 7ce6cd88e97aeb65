//! What lookups tell, and that the least privilege which is printed for an action is enough for it.

mod support;

use awsiam_sandbox::{Effect, Fault, Options};
use serde_json::{Value, json};
use support::{Ran, World, denied, run};

/// The policy that the program prints.
fn policy(arguments: &[&str]) -> Value {
    let ran = run(&[&["policy"], arguments].concat(), "", &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.result
}

/// An account that allows nothing but what policies allow, with users who hold one policy each.
fn enforcing(users: &[(&str, Value)]) -> World {
    let mut seed = serde_json::to_value(support::seed()).unwrap();
    for (name, policy) in users {
        let key = format!("AKIASANDBOX{:X<9}", name.to_uppercase());
        seed["users"].as_array_mut().unwrap().push(json!({
            "name": name, "path": "/soar/",
            "access_keys": [{ "id": key }],
            "inline_policies": { "least-privilege": policy },
        }));
    }
    World::with(Options { enforce: true, seed: serde_json::from_value(seed).unwrap(), ..Options::default() })
}

fn run_as(world: &World, user: &str, action: &str, set: Value) -> Ran {
    let key = &world.sandbox.keys(user)[0];
    let keys = json!({ "access_key": key.access_key_id, "secret_key": key.secret_access_key });
    world.run_with(action, set, keys)
}

/// What test connectivity says of an action.
fn may(tested: &Ran, action: &str) -> Value {
    let actions = tested.first()["data"][0]["Actions"].as_array().unwrap();
    let found = actions.iter().find(|of| of["Action"] == action).unwrap();
    json!([found["Allowed"], found["Missing"]])
}

#[test]
fn least_privilege_suffices_and_test_connectivity_tells_what_it_allows() {
    let world =
        enforcing(&[("least", policy(&["disable user"])), ("tester", policy(&["disable user", "test connectivity"]))]);
    let tested = run_as(&world, "tester", "test connectivity", json!({})).expect("success", "all that is needed");
    assert_eq!(may(&tested, "disable user"), json!(["yes", null]), "{}", tested.stdout);
    assert_eq!(may(&tested, "test connectivity"), json!(["yes", null]));
    let [allowed, missing] = [0, 1].map(|at| may(&tested, "delete user")[at].clone());
    assert_eq!(allowed, "no");
    assert!(missing.as_str().unwrap().starts_with("iam:"), "{missing}");
    assert!(tested.message().starts_with("Test connectivity passed: connected to account 123456789012"));
    assert!(tested.message().contains(", but not: ") && tested.message().contains("delete user"));

    let blind = run_as(&world, "least", "test connectivity", json!({})).expect("success", "a look is enough");
    assert_eq!(may(&blind, "disable user"), json!(["unknown", null]));
    let told = "what it may do could not be told (that needs iam:SimulatePrincipalPolicy)";
    assert!(blind.message().ends_with(told), "{}", blind.message());

    let disabled = run_as(&world, "least", "disable user", json!({ "username": "alice" }));
    let disabled = disabled.expect("success", "least privilege");
    assert_eq!(disabled.record()["verified"]["state"], "verified", "{}", disabled.stdout);
    let refused = run_as(&world, "least", "delete user", json!({ "username": "bob" })).expect("failed", "no more");
    assert!(refused.message().contains("AccessDenied"), "{}", refused.message());
}

/// Every action can be done with the policy that is printed for it, and with no other permission.
#[test]
fn least_privilege_suffices_for_every_action() {
    for trial in support::trials::trials() {
        let world = enforcing(&[("least", policy(&[trial.action]))]).prepared_for(&trial);
        let ran = run_as(&world, "least", trial.action, trial.set).expect("success", trial.action);
        assert!(!ran.stdout.contains("AccessDenied"), "{}: {}", trial.action, ran.stdout);
        let refused = world.calls().into_iter().find(|seen| seen.code.as_deref() == Some("AccessDenied"));
        assert!(refused.is_none(), "{}: {refused:?}", trial.action);
    }
}

#[test]
fn protected_principals_are_refused_by_iam_itself() {
    let printed = policy(&["disable user", "--protect", "carol,/engineering/*", "--account", "123456789012"]);
    let world = enforcing(&[("least", printed)]);
    let before = world.state();
    for user in ["carol", "alice"] {
        let ran = run_as(&world, "least", "disable user", json!({ "username": user })).expect("failed", user);
        assert!(ran.message().contains("AccessDenied"), "{}", ran.message());
    }
    assert_eq!(world.state(), before);
    run_as(&world, "least", "disable user", json!({ "username": "dave" })).expect("success", "not protected");
}

#[test]
fn policies_are_printed_for_any_partition_and_refused_for_what_there_is_not() {
    let passes = |document: &Value| document.to_string().contains("\"iam:PassRole\"");
    assert!(passes(&policy(&["add role"])) && passes(&policy(&[])), "putting a role into a profile passes it on");
    assert!(!passes(&policy(&["disable_user"])));
    let china = policy(&["disable user", "--partition", "aws-cn", "--protect", "break-glass"]);
    assert_eq!(china["Statement"][2]["Effect"], "Deny");
    assert_eq!(china["Statement"][2]["Resource"][0], "arn:aws-cn:iam::*:user/break-glass");
    for (arguments, told) in [
        (vec!["disable usr"], "did you mean \"disable user\"?"),
        (vec!["--partition", "china"], "such as aws, aws-cn or aws-us-gov"),
        (vec!["--account", "12"], "twelve digits"),
        (vec!["--protect", "glass/x"], "a path begins with /"),
    ] {
        let ran = run(&[&["policy"], arguments.as_slice()].concat(), "", &[]);
        assert_eq!(ran.code, 2, "{arguments:?}");
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
    let warned = run(&["policy", "remove user", "--protect", "break-glass"], "", &[]);
    assert!(warned.stderr.contains("iam:RemoveUserFromGroup"), "{}", warned.stderr);
    let described = run(&["describe", "add role"], "", &[]);
    assert!(described.stdout.contains("iam:AddRoleToInstanceProfile, iam:PassRole"), "{}", described.stdout);
}

#[test]
fn a_simulation_that_fails_or_stalls_does_not_fail_the_test() {
    let world = World::new();
    let stall = Effect::Stall { seconds: 60.0, executed: false };
    for (effect, told) in
        [(denied(), "(that needs iam:SimulatePrincipalPolicy)"), (stall, "(IAM's simulator did not answer in time)")]
    {
        world.fault(Fault::every("SimulatePrincipalPolicy", effect));
        let ran = world.run("test connectivity", json!({})).expect("success", told);
        assert!(ran.message().ends_with(told), "{}", ran.message());
        assert_eq!(may(&ran, "get user"), json!(["unknown", null]));
    }
}

/// A session has the permissions of its role, whose ARN has a path that the session's has not.
#[test]
fn an_assumed_role_is_simulated_by_its_own_arn() {
    let world = World::new();
    let role = json!({ "role_arn": "arn:aws:iam::123456789012:role/deploy-role" });
    let tested = world.run_with("test connectivity", json!({}), role).expect("success", "assumed");
    assert_ne!(may(&tested, "list users")[0], "unknown", "{}", tested.stdout);
}

#[test]
fn keys_that_cannot_be_found_are_explained() {
    let world = World::new();
    let find = |id: &str| world.run("find access key owner", json!({ "access_key_id": id })).expect("failed", id);
    let temporary = find("ASIASANDBOXSOMEBODY1");
    assert_eq!(temporary.record()["failure"]["kind"], "refused");
    assert!(temporary.message().contains("CloudTrail"), "{}", temporary.message());
    let unknown = find("AKIASANDBOXSOMEBODY1");
    assert_eq!(unknown.record()["failure"]["kind"], "denied");
    assert!(unknown.message().contains("could not be told"), "{}", unknown.message());
    let info = |account: &str| {
        let body = format!(
            "<GetAccessKeyInfoResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetAccessKeyInfoResult><Account>{account}</Account></GetAccessKeyInfoResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></GetAccessKeyInfoResponse>"
        );
        let effect = Effect::Respond { status: 200, content_type: None, headers: serde_json::Map::new(), body };
        world.fault(Fault::every("GetAccessKeyInfo", effect));
    };
    info("999999999999");
    let elsewhere = find("AKIASANDBOXSOMEBODY1");
    assert!(elsewhere.message().contains("another account: 999999999999"), "{}", elsewhere.message());
    info("123456789012");
    let deleted = find("AKIASANDBOXSOMEBODY1");
    assert!(deleted.message().contains("this account (123456789012)"), "{}", deleted.message());
}

/// A kind that may not be read is told; that it has none would be a lie.
#[test]
fn unread_credentials_are_not_taken_for_none() {
    let world = World::new();
    world.sandbox.set_faults(vec![
        Fault::every("ListSSHPublicKeys", denied()),
        Fault::every(
            "ListServiceSpecificCredentials",
            Effect::Error { status: 404, code: "NotSupportedService".into(), message: "x".into() },
        ),
    ]);
    let ran = world.run("list user credentials", json!({ "username": "mallory" })).expect("success", "the rest");
    let rows = ran.first()["data"].as_array().unwrap();
    let of = |kind: &str| rows.iter().filter(|row| row["Kind"] == kind).collect::<Vec<_>>();
    assert_eq!(of("SSH public key").len(), 1);
    assert_eq!(of("SSH public key")[0]["Status"], "unknown");
    assert!(of("SSH public key")[0]["Error"].as_str().unwrap().contains("AccessDenied"));
    assert_eq!(of("service-specific credential"), Vec::<&Value>::new());
    let counted: Vec<_> =
        ["password", "access key", "MFA device", "signing certificate"].iter().map(|kind| of(kind).len()).collect();
    assert_eq!(counted, [1, 2, 2, 1]);
    assert_eq!(ran.first()["summary"]["total_unread_kinds"], 1);
    assert!(rows.iter().all(|row| row["AsOf"].is_string()));
    let carol = world.run("list user credentials", json!({ "username": "carol" })).expect("success", "few");
    assert!(carol.message().contains("Total credentials: 1"), "{}", carol.message());
}

/// A report that expired is made anew; one that never comes is waited for no longer than allowed.
#[test]
fn a_credential_report_is_waited_for() {
    let world = World::new();
    let failing = |code: &str, status| Effect::Error { status, code: code.into(), message: "x".into() };
    let expired = Fault::nth("GetCredentialReport", 1, failing("ReportExpired", 410));
    world.fault(expired);
    let ran = world.run("get credential report", json!({})).expect("success", "made anew");
    let rows = ran.first()["data"].as_array().unwrap();
    assert_eq!(rows[0]["user"], "<root_account>");
    assert!(rows.iter().any(|row| row["user"] == "alice" && row["access_key_1_active"] == "true"));
    assert!(rows.iter().all(|row| row["AsOf"].is_string() && row["Age"].is_string()));
    assert!(world.calls().iter().any(|seen| seen.operation == "GenerateCredentialReport"));
    world.fault(Fault::every("GetCredentialReport", failing("ReportInProgress", 404)));
    let late = world.run_with("get credential report", json!({}), json!({ "timeout": 2 })).expect("failed", "late");
    assert!(late.message().contains("Run the action again"), "{}", late.message());
}
