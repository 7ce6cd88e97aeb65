//! Undo: what one run changed comes back, bit by bit, and nothing else does.

mod support;

use awsiam_sandbox::{Effect, Fault};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::World;

/// A quota that is used up for these operations.
fn over_quota(operations: &[&str]) -> Value {
    let fault = |operation: &&str| {
        let effect = Effect::Error { status: 409, code: "LimitExceeded".into(), message: "Cannot exceed quota".into() };
        Fault::every(operation, effect)
    };
    serde_json::to_value(operations.iter().map(fault).collect::<Vec<_>>()).unwrap()
}

/// Each run that has exact reversals, undone, gives the account back as it was; the calls seen over all are the calls
/// declared.
#[test]
fn every_exact_reversal_gives_back_the_observed_state() {
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let s3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
    let cases: Vec<(Vec<Value>, Value)> = vec![
        (vec![json!(["disable user", { "username": "mallory", "scope": "keys" }])], json!([])),
        (vec![json!(["disable user", { "username": "mallory", "scope": "all_credentials" }])], json!([])),
        (vec![json!(["disable access key", { "access_key_id": "AKIASANDBOXALICE0001" }])], json!([])),
        (vec![json!(["lock role trust", { "role_name": "app-role" }])], json!([])),
        (vec![json!(["revoke role sessions", { "role_name": "app-role" }])], json!([])),
        (vec![json!(["contain user", { "username": "mallory" }])], json!([])),
        (vec![json!(["contain user", { "username": "alice" }])], json!([])),
        (vec![json!(["enable access key", { "access_key_id": "AKIASANDBOXBOB000002" }])], json!([])),
        (
            vec![json!(["add role", { "role_name": "new-role", "role_policy_document": support::trials::TRUST }])],
            json!([]),
        ),
        (vec![json!(["add user", { "username": "carol", "group_name": "developers" }])], json!([])),
        (vec![json!(["remove user", { "username": "alice", "group_name": "developers" }])], json!([])),
        (vec![json!(["assign policy", { "username": "carol", "policy_arn": arn }])], json!([])),
        (vec![json!(["remove policy", { "username": "alice", "policy_arn": arn }])], json!([])),
        (vec![json!(["attach policy", { "role_name": "deploy-role", "policy_arn": s3 }])], json!([])),
        (vec![json!(["detach policy", { "role_name": "app-role", "policy_arn": s3 }])], json!([])),
        (vec![json!(["quarantine user", { "username": "alice" }])], json!([])),
        (vec![json!(["quarantine user", { "username": "alice" }])], over_quota(&["PutUserPolicy"])),
        (vec![json!(["quarantine user", { "username": "dave" }])], over_quota(&["PutUserPolicy", "AttachUserPolicy"])),
        (vec![json!(["quarantine user", { "username": "alice" }])], over_quota(&["PutUserPolicy", "AttachUserPolicy"])),
        (vec![json!(["quarantine role", { "role_name": "app-role" }])], json!([])),
        (
            vec![json!(["quarantine role", { "role_name": "deploy-role" }])],
            over_quota(&["PutRolePolicy", "AttachRolePolicy"]),
        ),
        (
            vec![json!(["quarantine role", { "role_name": "app-role" }])],
            over_quota(&["PutRolePolicy", "AttachRolePolicy"]),
        ),
        (
            vec![json!(["quarantine user", { "username": "alice" }]), json!(["release user", { "username": "alice" }])],
            json!([]),
        ),
        (
            vec![
                json!(["quarantine role", { "role_name": "app-role" }]),
                json!(["release role", { "role_name": "app-role" }]),
            ],
            json!([]),
        ),
        (vec![json!(["iam:TagUser", { "UserName": "alice", "Tags": [{ "Key": "new", "Value": "x" }] }])], json!([])),
        (vec![json!(["iam:UntagUser", { "UserName": "alice", "TagKeys": ["department"] }])], json!([])),
        (vec![json!(["iam:TagRole", { "RoleName": "app-role", "Tags": [{ "Key": "new", "Value": "x" }] }])], json!([])),
        (vec![json!(["iam:UntagRole", { "RoleName": "app-role", "TagKeys": ["owner"] }])], json!([])),
        (vec![json!(["revoke user sessions", { "username": "alice" }])], json!([])),
        (vec![json!(["contain role", { "role_name": "app-role" }])], json!([])),
        (
            vec![
                json!(["disable user", { "username": "carol" }]),
                json!(["enable user", { "username": "carol", "password": "a-new-Passw0rd!" }]),
            ],
            json!([]),
        ),
    ];
    let mut seen = BTreeSet::new();
    for (runs, faults) in cases {
        let world = World::new();
        let (last, earlier) = runs.split_last().unwrap();
        for run in earlier {
            world.run(run[0].as_str().unwrap(), run[1].clone()).expect("success", "prepared");
        }
        let before = world.state();
        let set = json!({
            "run": { "before": [last], "faults": faults },
            "reactivate_credentials": "all",
            "password": "not-a-real-Passw0rd!",
        });
        let ran = world.run("undo", set).expect("success", &last.to_string());
        let mut after = world.state();
        let mut before = before;
        if last.to_string().contains("all_credentials") || last[0] == "contain user" {
            // A password cannot come back as it was: it is given, and has to be changed.
            for state in [&mut before, &mut after] {
                let users = state["users"].as_array_mut().unwrap();
                for user in users {
                    user["login_profile"] = Value::Null;
                }
            }
        }
        assert_eq!(after, before, "{last}: {}", ran.stdout);
        assert_eq!(ran.record()["verified"]["state"], "verified", "{last}");
        seen.extend(world.calls().into_iter().map(|call| call.operation));
    }
    let declared = awsiam_actions::action("undo").unwrap().calls();
    let missing: Vec<_> = declared.iter().filter(|call| !seen.contains(call.trim_start_matches("sts:"))).collect();
    assert!(missing.is_empty(), "declared and never seen: {missing:?}");
}

/// Credentials come back only when they are asked for, and a key that was inactive before stays so.
#[test]
fn credentials_come_back_only_when_asked_for() {
    let world = World::new();
    let set = json!({ "run": { "before": [["disable user", { "username": "mallory" }]] } });
    let ran = world.run("undo", set).expect("success", "nothing asked for");
    let kept = ran.first()["data"][0]["NotRestored"].to_string();
    assert!(kept.contains("AKIASANDBOXMALLORY01") && kept.contains("console password"), "{kept}");
    assert!(world.sandbox.keys("mallory").iter().all(|key| key.status == "Inactive"));
    let world = World::new();
    let run = json!({ "before": [["disable user", { "username": "mallory" }]] });
    world.run("undo", json!({ "run": run, "reactivate_credentials": "all" })).expect("success", "asked for");
    let statuses: Vec<_> = world.sandbox.keys("mallory").into_iter().map(|key| key.status).collect();
    assert_eq!(statuses, ["Active", "Inactive"], "the one that was inactive before stays so");
}

#[test]
fn what_has_moved_is_refused() {
    let world = World::new();
    let disabled = world.run("disable user", json!({ "username": "bob" })).expect("success", "disabled");
    let run_id = disabled.record()["run_id"].clone();
    let delete = json!({ "UserName": "bob", "AccessKeyId": "AKIASANDBOXBOB000001" }).as_object().unwrap().clone();
    world.fault(Fault::nth(
        "GetUser",
        1,
        Effect::Rival { before: true, operation: "DeleteAccessKey".into(), parameters: delete },
    ));
    let before = world.state();
    let ran = world.run("undo", json!({ "run": run_id, "reactivate_credentials": "all" })).expect("failed", "moved");
    assert!(ran.message().contains("access key AKIASANDBOXBOB000001 is gone"), "{}", ran.message());
    assert_eq!(world.state()["groups"], before["groups"]);
}

#[test]
fn what_a_later_run_contained_is_refused() {
    let world = World::new();
    let disabled = world.run("disable user", json!({ "username": "bob" })).expect("success", "disabled");
    world.run("quarantine user", json!({ "username": "bob" })).expect("success", "contained later");
    let before = world.state();
    let set = json!({ "run": disabled.record()["run_id"], "reactivate_credentials": "all" });
    let ran = world.run("undo", set).expect("failed", "contained since");
    assert!(ran.message().contains("has contained user bob since"), "{}", ran.message());
    assert_eq!(world.state(), before);
}

/// A containment that was itself undone closes nothing any more.
#[test]
fn what_a_later_run_contained_and_gave_back_is_undone() {
    let world = World::new();
    let before = world.state();
    let disabled =
        world.run("disable user", json!({ "username": "bob", "scope": "keys" })).expect("success", "disabled");
    let contained = world.run("quarantine user", json!({ "username": "bob" })).expect("success", "contained later");
    let first = json!({ "run": disabled.record()["run_id"], "reactivate_credentials": "all" });
    world.run("undo", first.clone()).expect("failed", "still contained");
    world.run("undo", json!({ "run": contained.record()["run_id"] })).expect("success", "given back");
    world.run("undo", first).expect("success", "nothing closes it any more");
    assert_eq!(world.state(), before);
}

/// A role that is in use by now is not deleted by undoing its creation.
#[test]
fn a_created_role_that_was_given_policies_since_is_left_alone() {
    let world = World::new();
    let set = json!({ "role_name": "new-role", "role_policy_document": support::trials::TRUST });
    let added = world.run("add role", set).expect("success", "added");
    let s3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
    world.run("attach policy", json!({ "role_name": "new-role", "policy_arn": s3 })).expect("success", "attached");
    let before = world.state();
    let ran = world.run("undo", json!({ "run": added.record()["run_id"] })).expect("failed", "in use");
    assert!(ran.message().contains("the role has been given policies: arn:aws"), "{}", ran.message());
    assert_eq!(world.state(), before);
}

#[test]
fn another_principal_or_account_is_refused() {
    let world = World::new();
    let disabled = world.run("disable user", json!({ "username": "bob" })).expect("success", "disabled");
    for (member, value) in [("id", "AIDAANOTHERONE0000000"), ("arn", "arn:aws:iam::999999999999:user/engineering/bob")]
    {
        let mut record = disabled.record().clone();
        record["target"][member] = value.into();
        let before = world.state();
        let ran = world.run("undo", json!({ "run": record, "reactivate_credentials": "all" })).expect("failed", member);
        let rule = if member == "id" { "another_principal" } else { "wrong_account" };
        assert_eq!(ran.record()["failure"]["rule"], rule, "{}", ran.stdout);
        assert_eq!(world.state(), before);
    }
    // The result itself serves in the place of an id.
    world
        .run("undo", json!({ "run": disabled.result, "reactivate_credentials": "all" }))
        .expect("success", "by result");
}

#[test]
fn what_is_no_run_is_refused() {
    let world = World::new();
    for run in [json!("20990101T000000Z-00000000"), json!("{}"), json!({ "x": 1 }), json!("not a run")] {
        let ran = world.run("undo", json!({ "run": run })).expect("failed", "no run");
        assert_eq!(world.calls().len(), 0, "{}", ran.stdout);
    }
    let ran = world.run("undo", json!({ "run": 7 }));
    assert_eq!(ran.code, 2);
}

/// By hand: the id's beginning is enough, and what is to come back is named.
#[test]
fn by_hand_a_run_is_undone_by_its_id() {
    let world = World::new();
    let disabled = world.run("disable user", json!({ "username": "bob" })).expect("success", "disabled");
    let asset = world.state_dir.join("asset.json");
    std::fs::write(&asset, world.asset().to_string()).unwrap();
    let id = disabled.run_id();
    let arguments =
        ["undo", &id[..id.len() - 2], "--asset", asset.to_str().unwrap(), "--reactivate", "AKIASANDBOXBOB000001"];
    let before = world.state();
    let planned = support::run(&[&arguments[..], &["--dry-run"]].concat(), "", &[]);
    planned.expect("success", "dry run");
    assert_eq!(world.state(), before, "a dry run changes nothing");
    support::run(&arguments, "", &[]).expect("success", "undone");
    assert_eq!(world.sandbox.keys("bob")[0].status, "Active");
}
