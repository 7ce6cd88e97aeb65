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
    // A renamed target is looked for in a test of its own.
    seen.insert("ListUsers".to_owned());
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
    let back = json!({ "run": contained.record()["run_id"], "reactivate_credentials": "sessions" });
    world.run("undo", back).expect("success", "given back");
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

/// What a deny has stopped works again where it is lifted, so that the sessions that existed are revoked first; unless they
/// are asked for.
#[test]
fn sessions_stay_revoked_unless_they_are_asked_for() {
    for asked in [false, true] {
        for action in ["contain user", "quarantine user"] {
            let world = World::new();
            let before = user(&world, "bob");
            let contained = world.run(action, json!({ "username": "bob" })).expect("success", action);
            let mut set = json!({ "run": contained.run_id() });
            if asked {
                set["reactivate_credentials"] = "all".into();
                set["password"] = "not-a-real-Passw0rd!".into();
            }
            let mut dry = set.clone();
            dry["dry_run"] = true.into();
            let dry = world.run("undo", dry).expect("success", "dry run");
            assert_eq!(
                dry.message().contains("Left as it is:"),
                !asked && action == "contain user",
                "{}",
                dry.message()
            );
            let earlier = world.calls().len();
            let ran = world.run("undo", set).expect("success", action);
            let writes: Vec<_> = world
                .calls()
                .split_off(earlier)
                .into_iter()
                .filter(|seen| seen.operation.ends_with("UserPolicy") && !seen.operation.starts_with("Get"))
                .map(|seen| (seen.operation, seen.parameters["PolicyName"].as_str().unwrap_or_default().to_owned()))
                .collect();
            let bob = user(&world, "bob");
            assert!(bob["inline_policies"].get("awsiam-quarantine").is_none(), "{action}: {}", ran.stdout);
            let revoked = bob["inline_policies"].get("awsiam-revoke-sessions").is_some();
            assert_eq!(revoked, !asked, "{action}: {}", ran.stdout);
            if asked {
                let (mut bob, mut was) = (bob, before.clone());
                for bob in [&mut bob, &mut was] {
                    // The password is another one.
                    bob["login_profile"] = Value::Null;
                }
                assert_eq!(bob, was, "{action}");
            } else {
                assert_eq!(writes[0], ("PutUserPolicy".to_owned(), "awsiam-revoke-sessions".to_owned()), "{writes:?}");
                let told = action == "contain user";
                assert_eq!(
                    ran.message().contains("the sessions that existed: they stay revoked"),
                    told,
                    "{}",
                    ran.message()
                );
            }
        }
    }
}

fn user(world: &World, name: &str) -> Value {
    let state = world.state();
    state["users"].as_array().unwrap().iter().find(|user| user["name"] == name).unwrap().clone()
}

/// A key that was deleted meanwhile and was not to come back does not stand in the way of the rest; one that was, does.
#[test]
fn what_is_gone_and_was_not_asked_for_stops_nothing() {
    for (asked, expected) in [(None, "success"), (Some("AKIASANDBOXALICE0002"), "success"), (Some("all"), "failed")] {
        let world = World::new();
        let contained = world.run("contain user", json!({ "username": "alice" })).expect("success", "contained");
        let key = json!({ "UserName": "alice", "AccessKeyId": "AKIASANDBOXALICE0001" });
        world.run("iam:DeleteAccessKey", key).expect("success", "deleted");
        let mut set = json!({ "run": contained.run_id() });
        if let Some(asked) = asked {
            set["reactivate_credentials"] = asked.into();
        }
        let ran = world.run("undo", set).expect(expected, "one key is gone");
        assert!(ran.stdout.contains("access key AKIASANDBOXALICE0001 is gone"), "{}", ran.stdout);
        let quarantined = user(&world, "alice")["inline_policies"].get("awsiam-quarantine").is_some();
        assert_eq!(quarantined, expected == "failed");
    }
}

#[test]
fn credentials_that_the_run_did_not_switch_off_are_refused() {
    let world = World::new();
    let disabled = world.run("disable user", json!({ "username": "bob" })).expect("success", "disabled");
    let calls = world.calls().len();
    let set = json!({ "run": disabled.run_id(), "reactivate_credentials": "AKIASANDBOXBOB00001" });
    let ran = world.run("undo", set).expect("failed", "no such id");
    assert!(ran.message().contains("It switched off: AKIASANDBOXBOB000001"), "{}", ran.message());
    assert_eq!(world.calls().len(), calls, "no call");
    let ran = world.run("undo", json!({ "run": disabled.run_id(), "reactivate_credentials": " ALL " }));
    ran.expect("success", "whatever its case");
    assert_eq!(world.sandbox.keys("bob")[0].status, "Active");
}

/// A password that IAM refuses is refused before anything is lifted.
#[test]
fn a_refused_password_lifts_nothing() {
    let world = World::new();
    let contained = world.run("contain user", json!({ "username": "bob" })).expect("success", "contained");
    let ran = world.run("undo", json!({ "run": contained.run_id(), "password": "x" })).expect("failed", "too short");
    assert!(ran.message().contains("PasswordPolicyViolation"), "{}", ran.message());
    assert!(user(&world, "bob")["inline_policies"].get("awsiam-quarantine").is_some(), "{}", ran.stdout);
}

/// Whether by id or by its result: what a later run has closed, or may have, or found closed, stays so.
#[test]
fn a_later_containment_counts_however_it_is_known() {
    let lost = Effect::LoseReply;
    for (action, fault) in [
        ("quarantine user", None),
        ("quarantine user", Some(Fault::every("PutUserPolicy", lost))),
        ("disable user", None),
    ] {
        let world = World::new();
        let disabled = world.run("disable user", json!({ "username": "bob" })).expect("success", "disabled");
        if let Some(fault) = fault {
            world.sandbox.set_faults(vec![fault, Fault::every("GetUserPolicy", support::denied())]);
        }
        let ran = world.run(action, json!({ "username": "bob" }));
        world.no_faults();
        for run in
            [json!(disabled.run_id()), disabled.result.clone(), disabled.first().clone(), disabled.record().clone()]
        {
            let undo = json!({ "run": run, "reactivate_credentials": "all" });
            let refused = world.run("undo", undo).expect("failed", action);
            assert!(refused.message().contains("has contained user bob since"), "{action}: {}", ran.stdout);
        }
        assert_eq!(world.sandbox.keys("bob")[0].status, "Inactive");
    }
}

#[test]
fn an_undo_is_not_undone() {
    let world = World::new();
    let disabled = world.run("disable user", json!({ "username": "bob" })).expect("success", "disabled");
    let set = json!({ "run": disabled.run_id(), "reactivate_credentials": "all" });
    let undone = world.run("undo", set).expect("success", "undone");
    let ran = world.run("undo", json!({ "run": undone.run_id() })).expect("failed", "an undo");
    assert!(ran.message().contains("run the action again"), "{}", ran.message());
    // Where nothing is given back, it is not called undone.
    let disabled = world.run("disable access key", json!({ "access_key_id": "AKIASANDBOXBOB000001" }));
    let ran = world.run("undo", json!({ "run": disabled.run_id() })).expect("success", "nothing asked for");
    assert!(ran.message().starts_with("Nothing was changed") && ran.changes().is_empty(), "{}", ran.message());
}

/// IAM writes a unique id in the place of a principal that is gone, and does not take it back: the others come back.
#[test]
fn a_trust_policy_comes_back_without_those_who_are_gone() {
    let world = World::new();
    let role = |world: &World| {
        let state = world.state();
        state["roles"].as_array().unwrap().iter().find(|role| role["name"] == "deploy-role").unwrap()["trust"].clone()
    };
    let with = |principals: Value| {
        json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": principals }, "Action": "sts:AssumeRole",
            "Condition": { "StringLike": { "aws:userid": "AROAEXAMPLEEXAMPLE123:*" } },
        }] })
    };
    let trust = with(json!(["arn:aws:iam::123456789012:user/engineering/bob", "arn:aws:iam::123456789012:root"]));
    let set = json!({ "RoleName": "deploy-role", "PolicyDocument": trust.to_string() });
    world.run("iam:UpdateAssumeRolePolicy", set).expect("success", "trusts bob");
    world.run("delete user", json!({ "username": "bob" })).expect("success", "gone");
    assert!(role(&world).to_string().contains("AIDA"), "{}", role(&world));
    let locked = world.run("lock role trust", json!({ "role_name": "deploy-role" })).expect("success", "locked");
    assert_eq!(locked.changes()[0]["reversal"]["kind"], "lossy");
    let dry = json!({ "run": locked.run_id(), "dry_run": true });
    let dry = world.run("undo", dry).expect("success", "dry run");
    assert!(dry.message().contains("Left as it is: principals of the trust policy that are gone"), "{}", dry.message());
    let ran = world.run("undo", json!({ "run": locked.run_id() })).expect("success", "what can come back");
    assert!(
        ran.message().contains("undone, but for: principals of the trust policy that are gone"),
        "{}",
        ran.message()
    );
    assert_eq!(role(&world), with(json!("arn:aws:iam::123456789012:root")));
    // A condition may name ids of those who are there.
    let locked = world.run("lock role trust", json!({ "role_name": "deploy-role" })).expect("success", "locked");
    assert_eq!(locked.changes()[0]["reversal"]["kind"], "exact");
}

/// A user is found by its unique id where it was renamed since, and sets of one run about the same are one.
#[test]
fn a_renamed_target_is_found_and_sets_about_one_are_undone_together() {
    let world = World::new();
    let before = world.sandbox.keys("bob");
    let sets = json!([
        { "username": "bob", "disable_access_keys": false }, { "username": "bob" },
    ]);
    let disabled = world.run("disable user", sets);
    world.run("iam:UpdateUser", json!({ "UserName": "bob", "NewUserName": "robert" })).expect("success", "renamed");
    let set = json!({ "run": disabled.run_id(), "reactivate_credentials": "all", "password": "not-a-real-Passw0rd!" });
    let ran = world.run("undo", set).expect("success", "found");
    let now = world.sandbox.keys("robert");
    let statuses = |keys: &[awsiam_sandbox::Key]| keys.iter().map(|key| key.status.clone()).collect::<Vec<_>>();
    assert_eq!(statuses(&now), statuses(&before), "{}", ran.stdout);
    assert!(!user(&world, "robert")["login_profile"].is_null());
    assert!(world.calls().iter().any(|seen| seen.operation == "ListUsers"));
}

/// IAM's reads lag behind its writes: what the run before has just changed is not taken for as it was before that.
#[test]
fn what_was_changed_a_moment_ago_is_waited_for() {
    let lag = || Fault { operation: None, ..Fault::every("x", Effect::Lag { milliseconds: 4_000 }) };
    let world = World::new();
    world.fault(lag());
    let quarantined = world.run("quarantine user", json!({ "username": "bob" })).expect("success", "quarantined");
    let ran = world.run("undo", json!({ "run": quarantined.run_id() })).expect("success", "undone");
    assert!(user(&world, "bob")["inline_policies"].get("awsiam-quarantine").is_none(), "{}", ran.stdout);
    let world = World::new();
    world.fault(lag());
    let key = json!({ "access_key_id": "AKIASANDBOXBOB000002" });
    world.run("enable access key", key.clone()).expect("success", "enabled");
    for sets in [json!([key]), json!([key, key])] {
        world.run("enable access key", key.clone());
        let ran = world.run("disable access key", sets);
        let statuses: Vec<_> = world.sandbox.keys("bob").into_iter().map(|key| key.status).collect();
        assert_eq!(statuses[1], "Inactive", "{}", ran.stdout);
    }
}

/// Of several sets about one thing the first saw what was there before, and the last is what the run left.
#[test]
fn sets_about_one_thing_are_undone_to_what_was_before_the_first() {
    let document = |action: &str| {
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#)
    };
    let put = |policy: &str, action: &str| json!({ "UserName": "bob", "PolicyName": policy, "PolicyDocument": document(action) });
    let tag = |value: &str| json!({ "UserName": "bob", "Tags": [{ "Key": "k", "Value": value }] });
    for (operation, sets) in [
        (
            "iam:PutUserPolicy",
            json!([put("new", "s3:*"), put("old", "sqs:*"), put("old", "sns:*"), put("old", "ec2:*")]),
        ),
        ("iam:TagUser", json!([tag("1"), tag("2")])),
    ] {
        let world = World::new();
        world.run("iam:PutUserPolicy", put("old", "iam:Get*")).expect("success", "there before");
        let before = world.state();
        let ran = world.run(operation, sets);
        world.run("undo", json!({ "run": ran.run_id() })).expect("success", operation);
        assert_eq!(world.state(), before, "{operation}");
    }
}

/// An undo of a renamed user that was killed is gone on with.
#[test]
fn an_undo_of_a_renamed_user_is_gone_on_with() {
    let world = World::new();
    let contained = world.run("contain user", json!({ "username": "alice" })).expect("success", "contained");
    world.run("iam:UpdateUser", json!({ "UserName": "alice", "NewUserName": "alicia" })).expect("success", "renamed");
    world.fault(Fault::nth("UpdateAccessKey", 1, Effect::Stall { seconds: 60.0, executed: false }));
    let set = json!({ "run": contained.run_id(), "reactivate_credentials": "all" });
    let earlier = world.calls().len();
    let child = support::start(&world, "undo", &json!([set]));
    support::until("a change", || world.calls()[earlier..].iter().any(|seen| seen.operation == "UpdateAccessKey"));
    support::kill(child);
    world.no_faults();
    let ran = world.run("undo", set).expect("success", "gone on with");
    assert!(world.sandbox.keys("alicia").iter().all(|key| key.status == "Active"), "{}", ran.stdout);
}

/// What was deleted since is not waited for.
#[test]
fn what_was_deleted_since_is_not_waited_for() {
    let world = World::new();
    let off = |key: &str| json!({ "access_key_id": key });
    world.run("disable access key", off("AKIASANDBOXALICE0001")).expect("success", "off");
    let delete = json!({ "UserName": "alice", "AccessKeyId": "AKIASANDBOXALICE0001" });
    world.run("iam:DeleteAccessKey", delete).expect("success", "deleted");
    world.run("disable access key", off("AKIASANDBOXALICE0002")).expect("success", "off");
    let ran = world.run("disable access key", off("AKIASANDBOXALICE0002")).expect("success", "nothing to do");
    assert!(!ran.stderr.contains("does not show it yet"), "{}", ran.stderr);
}

/// First what was denied, later the credentials: a run may be undone in steps.
#[test]
fn a_run_is_undone_in_steps() {
    let world = World::new();
    let before = user(&world, "alice");
    let contained = world.run("contain user", json!({ "username": "alice" })).expect("success", "contained");
    let undo = |more: Value| {
        let mut set = json!({ "run": contained.run_id() });
        set.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.run("undo", set).expect("success", &more.to_string())
    };
    undo(json!({}));
    undo(json!({ "reactivate_credentials": "AKIASANDBOXALICE0001" }));
    let statuses: Vec<_> = world.sandbox.keys("alice").into_iter().map(|key| key.status).collect();
    assert_eq!(statuses, ["Active", "Inactive"]);
    undo(json!({ "reactivate_credentials": "all", "password": "not-a-real-Passw0rd!" }));
    let mut after = user(&world, "alice");
    after["login_profile"] = before["login_profile"].clone();
    assert_eq!(after, before);
}
