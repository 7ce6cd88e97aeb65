//! Every action, by the same rules: what it does when all is well, when its target is missing, when it may not, when it
//! is only asked to show its plan, when it is run twice, and when any one of its calls fails.

mod support;

use awsiam_actions::action::Run;
use awsiam_actions::{ACTIONS, Action, action};
use awsiam_sandbox::{Effect, Fault};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::trials::{Trial, trials};
use support::{CANARY, World, denied};

fn declared(name: &str) -> &'static Action {
    action(name).unwrap_or_else(|| panic!("no action {name}"))
}

fn runbooks() -> impl Iterator<Item = Trial> {
    trials().into_iter().filter(|trial| matches!(declared(trial.action).run, Run::Runbook(_)))
}

fn writes(operation: &str) -> bool {
    awsiam_iam::table::operation(operation).is_some_and(|operation| !operation.reads())
}

/// The names of the calls as actions declare them.
fn called(world: &World) -> BTreeSet<String> {
    let sts = ["GetCallerIdentity", "GetAccessKeyInfo"];
    let named = |name: &str| if sts.contains(&name) { format!("sts:{name}") } else { name.to_owned() };
    world.calls().iter().map(|seen| named(&seen.operation)).collect()
}

#[test]
fn every_action_has_a_trial() {
    let tried: BTreeSet<_> = trials().iter().map(|trial| trial.action).collect();
    assert_eq!(tried, ACTIONS.iter().map(|action| action.name).collect());
}

/// The calls seen over all trials are the calls declared: no more, or a permission would be missing from the
/// documentation; no fewer, or one would be asked for in vain.
#[test]
fn success_and_the_calls_declared() {
    for trial in trials() {
        let world = World::for_trial(&trial);
        let ran = world.run(trial.action, trial.set.clone()).expect("success", trial.action);
        assert_eq!(ran.code, 0, "{}", trial.action);
        assert!(ran.message().contains(trial.says), "{}: {}", trial.action, ran.message());
        let action = declared(trial.action);
        let mut seen = called(&world);
        for change in ran.changes() {
            assert!(change["reversal"]["kind"].is_string(), "{}: {change}", trial.action);
            assert_eq!(change["status"], "succeeded", "{}: {change}", trial.action);
        }
        if matches!(action.run, Run::Runbook(_)) {
            assert!(!ran.changes().is_empty(), "{}: nothing was changed", trial.action);
            assert_eq!(ran.record()["verified"]["state"], "verified", "{}: {}", trial.action, ran.stdout);
        }
        // What is only called when something goes wrong: a rename, a taken password, a creation taken back.
        for (faults, set) in detours(&trial) {
            let world = World::for_trial(&trial);
            world.sandbox.set_faults(faults);
            world.run(trial.action, set);
            seen.extend(called(&world));
        }
        let expected: BTreeSet<_> = action.calls().iter().map(|call| (*call).to_owned()).collect();
        // What undo calls depends on what is undone: tests/undo.rs compares it.
        assert!(trial.action == "undo" || seen == expected, "{}: seen {seen:?}, declared {expected:?}", trial.action);
    }
    assert_eq!(support::schema::unseen_outputs(), vec![], "outputs declared that no action produced");
}

/// Circumstances that make an action take the ways that it seldom takes.
#[allow(clippy::too_many_lines, reason = "a table")]
fn detours(trial: &Trial) -> Vec<(Vec<Fault>, Value)> {
    let rival = |after: &str, operation: &str, parameters: Value| {
        let parameters = parameters.as_object().unwrap().clone();
        Fault::nth(after, 1, Effect::Rival { before: true, operation: operation.into(), parameters })
    };
    let renamed = |user: &str, at: &str| {
        let parameters = json!({ "UserName": user, "NewUserName": "renamed" });
        vec![rival(at, "UpdateUser", parameters)]
    };
    let user = trial.set["username"].as_str().unwrap_or_default();
    match trial.action {
        "test connectivity" => {
            let document =
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:DeleteUser","Resource":"*"}]}"#;
            let narrowed = json!({ "UserName": "awsiam-operator", "PolicyName": "narrow", "PolicyDocument": document });
            vec![
                (vec![Fault::every("GetCallerIdentity", sts_role())], json!({})),
                (vec![rival("SimulatePrincipalPolicy", "PutUserPolicy", narrowed)], json!({})),
            ]
        }
        "list users" => vec![(vec![], json!({ "user_path": "/" }))],
        "disable user" => vec![
            (renamed(user, "DeleteLoginProfile"), trial.set.clone()),
            (renamed("carol", "DeleteLoginProfile"), json!({ "username": "carol" })),
            (vec![], json!({ "username": "mallory", "scope": "all_credentials" })),
            (vec![], json!({ "username": "alice", "evidence": "full" })),
        ],
        "enable user" => vec![
            (renamed("bob", "UpdateAccessKey"), json!({ "username": "bob", "password": CANARY })),
            (
                vec![
                    rival("GetLoginProfile", "DeleteLoginProfile", json!({ "UserName": "carol" })),
                    rival("CreateLoginProfile", "UpdateUser", json!({ "UserName": "carol", "NewUserName": "renamed" })),
                ],
                json!({ "username": "carol", "password": CANARY }),
            ),
        ],
        "delete user" => vec![
            (renamed(user, "DeleteLoginProfile"), trial.set.clone()),
            (renamed(user, "DeleteUser"), trial.set.clone()),
        ],
        "add user" => vec![(renamed(user, "AddUserToGroup"), trial.set.clone())],
        "remove user" => vec![(renamed(user, "RemoveUserFromGroup"), trial.set.clone())],
        "assign policy" => vec![(renamed(user, "AttachUserPolicy"), trial.set.clone())],
        "remove policy" => vec![(renamed(user, "DetachUserPolicy"), trial.set.clone())],
        "undo" => vec![(vec![], json!({ "run": { "before": [["disable user", { "username": "bob" }]] } }))],
        "disable access key" | "enable access key" => {
            // The one key is deleted and its owner renamed at the last moment: only the list of all users is left.
            let key = json!({ "UserName": "dave", "AccessKeyId": "AKIASANDBOXDAVE00001" });
            let status = if trial.action == "enable access key" { "Inactive" } else { "Active" };
            let mut other = key.clone();
            other["Status"] = status.into();
            let mut faults = vec![rival("GetAccessKeyLastUsed", "UpdateAccessKey", other)];
            faults.push(rival("UpdateAccessKey", "DeleteAccessKey", key));
            faults.extend(renamed("dave", "UpdateAccessKey"));
            vec![(faults, json!({ "access_key_id": "AKIASANDBOXDAVE00001" }))]
        }
        "release user" | "release role" => {
            let (get, attach, name, value) = match trial.action {
                "release user" => ("ListAttachedUserPolicies", "AttachUserPolicy", "UserName", "alice"),
                _ => ("ListAttachedRolePolicies", "AttachRolePolicy", "RoleName", "app-role"),
            };
            let denied = json!({ name: value, "PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll" });
            vec![
                (vec![rival(get, attach, denied)], trial.set.clone()),
                (renamed(user, "PutUserPolicy"), trial.set.clone()),
            ]
        }
        "lock role trust" => {
            let docs = json!({ "RoleName": "app-role", "PolicyArn": "arn:aws:iam::123456789012:policy/docs/ReadDocs" });
            let faults = vec![rival("GetRole", "AttachRolePolicy", docs)];
            vec![(faults, json!({ "role_name": "app-role", "evidence": "full" }))]
        }
        "quarantine user" | "revoke user sessions" | "contain user" => vec![
            (
                vec![rival(
                    "ListAttachedUserPolicies",
                    "AttachUserPolicy",
                    json!({ "UserName": "alice", "PolicyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3" }),
                )],
                json!({ "username": "alice" }),
            ),
            (renamed(user, "PutUserPolicy"), trial.set.clone()),
            (renamed("carol", "PutUserPolicy"), json!({ "username": "carol" })),
            (vec![Fault::every("PutUserPolicy", over_quota())], trial.set.clone()),
            (
                vec![Fault::every("PutUserPolicy", over_quota()), Fault::every("AttachUserPolicy", over_quota())],
                trial.set.clone(),
            ),
        ],
        "quarantine role" | "contain role" => vec![
            (
                vec![rival(
                    "GetRole",
                    "AttachRolePolicy",
                    json!({ "RoleName": "app-role", "PolicyArn": "arn:aws:iam::123456789012:policy/docs/ReadDocs" }),
                )],
                trial.set.clone(),
            ),
            (
                vec![rival(
                    "ListAttachedRolePolicies",
                    "AttachRolePolicy",
                    json!({ "RoleName": "app-role", "PolicyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3" }),
                )],
                trial.set.clone(),
            ),
            (
                vec![Fault::every("PutRolePolicy", over_quota()), Fault::every("AttachRolePolicy", over_quota())],
                trial.set.clone(),
            ),
        ],
        "add role" => {
            // Every answer is lost, and from then on nothing can be looked at: what may have been done is taken back.
            let blind = Fault { occurrences: (3..20).collect(), ..Fault::every("GetInstanceProfile", denied()) };
            vec![(vec![Fault::every("AddRoleToInstanceProfile", Effect::LoseReply), blind], trial.set.clone())]
        }
        "find access key owner" => vec![
            (vec![], json!({ "access_key_id": "ASIASANDBOXSOMEBODY1" })),
            (vec![], json!({ "access_key_id": "AKIASANDBOXSOMEBODY1" })),
        ],
        "list access keys" => {
            vec![(vec![Fault::every("GetAccessKeyLastUsed", denied())], trial.set.clone())]
        }
        "list user credentials" => {
            let faults = ["ListSSHPublicKeys", "GetUser"].map(|operation| Fault::every(operation, denied()));
            vec![(faults.to_vec(), trial.set.clone()), (vec![], json!({ "username": "mallory" }))]
        }
        "get user"
        | "list groups"
        | "list roles"
        | "remove role"
        | "attach policy"
        | "detach policy"
        | "revoke role sessions"
        | "get role"
        | "get policy"
        | "call operation"
        | "get credential report" => vec![],
        other => panic!("no detours are known for {other}"),
    }
}

/// IAM's answer where a quota is used up.
fn over_quota() -> Effect {
    Effect::Error { status: 409, code: "LimitExceeded".into(), message: "Cannot exceed quota".into() }
}

/// The identity of an assumed role.
fn sts_role() -> Effect {
    let body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/Soar/s</Arn><UserId>AROAX:s</UserId><Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></GetCallerIdentityResponse>";
    Effect::Respond { status: 200, content_type: None, headers: serde_json::Map::new(), body: body.into() }
}

#[test]
fn a_missing_target_is_told_and_nothing_is_changed() {
    for trial in trials() {
        let Some(set) = trial.missing.clone() else { continue };
        let world = World::new();
        let before = world.state();
        let expected = if trial.missing_is_fine { "success" } else { "failed" };
        let ran = world.run(trial.action, set).expect(expected, trial.action);
        if !trial.missing_is_fine {
            assert!(ran.message().contains("NoSuchEntity"), "{}: {}", trial.action, ran.message());
            assert_eq!(ran.record()["failure"]["kind"], "not_found", "{}: {}", trial.action, ran.stdout);
            assert_eq!(ran.code, 1);
        }
        assert_eq!(world.state(), before, "{}", trial.action);
    }
}

#[test]
fn a_caller_without_permissions_changes_nothing_and_is_told() {
    for trial in trials() {
        let world = World::for_trial(&trial);
        let before = world.state();
        let operations = declared(trial.action).calls().into_iter().filter(|call| !call.contains(':'));
        world.sandbox.set_faults(operations.map(|operation| Fault::every(operation, denied())).collect());
        let ran = world.run(trial.action, trial.set.clone()).expect("failed", trial.action);
        assert!(ran.message().contains("AccessDenied"), "{}: {}", trial.action, ran.message());
        world.no_faults();
        assert_eq!(world.state(), before, "{}", trial.action);
    }
}

/// A caller with just the permissions to change, none to read, still contains what needs no knowledge.
#[test]
fn denied_reads_do_not_stop_what_can_be_done_blindly() {
    for (action, blind) in [
        ("disable user", "DeleteLoginProfile"),
        ("remove user", "RemoveUserFromGroup"),
        ("remove policy", "DetachUserPolicy"),
        ("detach policy", "DetachRolePolicy"),
        ("add user", "AddUserToGroup"),
        ("assign policy", "AttachUserPolicy"),
        ("attach policy", "AttachRolePolicy"),
    ] {
        let trial = trials().into_iter().find(|trial| trial.action == action).unwrap();
        let world = World::new();
        let reads = declared(action).calls().into_iter().filter(|call| !call.contains(':') && !writes(call));
        world.sandbox.set_faults(reads.map(|operation| Fault::every(operation, denied())).collect());
        let ran = world.run(action, trial.set.clone());
        let done = ran.changes().iter().any(|change| change["operation"] == blind && change["status"] == "succeeded");
        assert!(done, "{action}: {}", ran.stdout);
        // Keys that nobody may list may still be alive: that is no success.
        let expected = if action == "disable user" { "failed" } else { "success" };
        let ran = ran.expect(expected, action);
        assert_ne!(ran.record()["verified"]["state"], "verified", "{action}");
    }
}

#[test]
fn a_dry_run_shows_the_plan_and_changes_nothing() {
    for trial in runbooks() {
        let world = World::for_trial(&trial);
        let before = world.state();
        let mut set = trial.set.clone();
        set["dry_run"] = true.into();
        let ran = world.run(trial.action, set).expect("success", trial.action);
        assert!(ran.message().starts_with("Dry run: "), "{}", ran.message());
        assert_eq!(world.state(), before, "{}", trial.action);
        assert!(called(&world).iter().all(|call| !writes(call)), "{}", trial.action);
        let planned: Vec<_> =
            ran.changes().iter().map(|change| (change["operation"].clone(), change["status"].clone())).collect();
        assert!(!planned.is_empty(), "{}", trial.action);
        assert!(planned.iter().all(|(_, status)| status == "planned"), "{planned:?}");
        // What is shown is what is done.
        let done = world.run(trial.action, trial.set.clone());
        let operations: Vec<_> = done.changes().iter().map(|change| change["operation"].clone()).collect();
        assert_eq!(
            planned.into_iter().map(|(operation, _)| operation).collect::<Vec<_>>(),
            operations,
            "{}",
            trial.action
        );
    }
}

#[test]
fn a_second_run_changes_nothing() {
    for trial in runbooks() {
        let world = World::for_trial(&trial);
        world.run(trial.action, trial.set.clone()).expect("success", trial.action);
        let after = world.state();
        let again = world.run(trial.action, trial.set.clone());
        let expected = if trial.again_fails { "failed" } else { "success" };
        let again = again.expect(expected, trial.action);
        assert_eq!(world.state(), after, "{}", trial.action);
        assert!(
            trial.again_changes || again.changes().iter().all(|change| change["status"] != "succeeded"),
            "{}: {}",
            trial.action,
            again.stdout
        );
    }
}

/// Which changes a clean run makes: the operation, and the how-manieth of its kind.
fn changes_of(trial: &Trial) -> (Vec<(String, u64)>, Value) {
    let world = World::for_trial(trial);
    world.run(trial.action, trial.set.clone()).expect("success", trial.action);
    let mut counted: Vec<(String, u64)> = vec![];
    for seen in world.calls().iter().filter(|seen| writes(&seen.operation)) {
        let nth = 1 + counted.iter().filter(|(operation, _)| *operation == seen.operation).count() as u64;
        counted.push((seen.operation.clone(), nth));
    }
    (counted, world.state())
}

/// At every change, each way to fail once; then the action is run again. The account ends as after one clean run, and
/// the first run's record told the truth.
#[test]
fn failing_at_any_change_and_running_again_ends_as_one_clean_run() {
    let failing = || Effect::Error { status: 400, code: "InvalidInput".into(), message: "injected".into() };
    let ways: Vec<(&str, Effect)> = vec![
        ("denied", denied()),
        ("refused", failing()),
        ("throttled", Effect::Throttle),
        ("unavailable", Effect::Unavailable),
        ("reset before", Effect::Reset),
        ("lost reply", Effect::LoseReply),
        ("truncated", Effect::Truncate { full_length: true }),
        ("broken XML", Effect::Truncate { full_length: false }),
    ];
    let (all, ways): (Vec<Trial>, _) = (runbooks().collect(), &ways);
    // Most of the time they wait before they try again: a few side by side, without crowding the machine.
    std::thread::scope(|scope| {
        for part in all.chunks(all.len().div_ceil(4)) {
            scope.spawn(move || {
                for trial in part {
                    let (changes, clean) = changes_of(trial);
                    for (operation, nth) in &changes {
                        for (what, effect) in ways {
                            fail_once(trial, (operation, *nth), (what, effect), &clean);
                        }
                    }
                }
            });
        }
    });
}

/// The same with silence in the place of an answer. Each waits for a time-out, so that they wait side by side.
#[test]
fn silence_at_any_change_and_running_again_ends_as_one_clean_run() {
    std::thread::scope(|scope| {
        for trial in runbooks() {
            scope.spawn(move || {
                let (changes, clean) = changes_of(&trial);
                for (operation, nth) in &changes {
                    for executed in [false, true] {
                        let effect = Effect::Stall { seconds: 60.0, executed };
                        let what = format!("silent, executed: {executed}");
                        fail_once(&trial, (operation, *nth), (&what, &effect), &clean);
                    }
                }
            });
        }
    });
}

fn fail_once(trial: &Trial, (operation, nth): (&str, u64), (what, effect): (&str, &Effect), clean: &Value) {
    let why = format!("{}: {operation} {what}", trial.action);
    let world = World::for_trial(trial);
    world.fault(Fault::nth(operation, nth, effect.clone()));
    let patience = if matches!(effect, Effect::Stall { .. }) { json!({ "attempt_timeout": 1 }) } else { json!({}) };
    let first = world.run_with(trial.action, trial.set.clone(), patience);
    told_the_truth(&world, &first, &why);
    world.no_faults();
    if first.status() != "success" {
        let again = format!("{why}, then again after: {}", first.stdout);
        world.run(trial.action, trial.set.clone()).expect("success", &again);
    }
    assert_eq!(world.state(), *clean, "{why}");
}

/// Killed at every change, before and after it was executed; then the action is run again. The account ends as after one
/// clean run.
#[test]
fn killed_at_any_change_and_running_again_ends_as_one_clean_run() {
    for trial in runbooks() {
        let (changes, clean) = changes_of(&trial);
        for (operation, nth) in &changes {
            for executed in [false, true] {
                let why = format!("{}: killed at {operation} {nth}, executed: {executed}", trial.action);
                let world = World::for_trial(&trial);
                world.fault(Fault::nth(operation, *nth, Effect::Stall { seconds: 60.0, executed }));
                let child = support::start(&world, trial.action, &json!([world.filled(&trial.set)]));
                support::until(&why, || {
                    world.calls().iter().filter(|seen| seen.operation == *operation).count() as u64 >= *nth
                });
                support::kill(child);
                world.no_faults();
                let done = world.state() == clean;
                let again = world.run(trial.action, trial.set.clone());
                // A run that was killed after its last change has left nothing to do.
                if !done || !trial.again_fails {
                    again.expect("success", &why);
                }
                assert_eq!(world.state(), clean, "{why}");
            }
        }
    }
}

/// With reads that lag behind writes, what IAM acknowledged is neither failed nor verified, but unconfirmed.
#[test]
fn reads_that_lag_leave_every_runbook_unconfirmed() {
    std::thread::scope(|scope| {
        for trial in runbooks() {
            scope.spawn(move || {
                let (_, clean) = changes_of(&trial);
                let world = World::for_trial(&trial);
                let lag = Fault { operation: None, ..Fault::every("x", Effect::Lag { milliseconds: 10_000 }) };
                world.sandbox.set_faults(vec![lag]);
                let ran = world.run(trial.action, trial.set.clone()).expect("success", trial.action);
                let verified = &ran.record()["verified"];
                assert_eq!(verified["state"], "unconfirmed", "{}: {}", trial.action, ran.stdout);
                assert!(ran.message().contains("unconfirmed"), "{}: {}", trial.action, ran.message());
                world.no_faults();
                assert_eq!(world.state(), clean, "{}", trial.action);
            });
        }
    });
}

/// Each change that a record calls succeeded was executed; each that it calls failed or skipped was not.
fn told_the_truth(world: &World, ran: &support::Ran, why: &str) {
    let log = world.calls();
    for change in ran.changes() {
        let parameters = &change["parameters"];
        let same = log.iter().filter(|seen| seen.operation == change["operation"] && seen.parameters == *parameters);
        let executed = same.clone().any(|seen| seen.executed && seen.code.is_none());
        let status = change["status"].as_str().unwrap();
        match status {
            "succeeded" | "taken_back" => assert!(executed || change["note"].is_string(), "{why}: {change}"),
            "failed" | "skipped" => assert!(!executed, "{why}: {change}"),
            "unknown" => {
                assert!(same.clone().any(|seen| seen.status != 200 || !seen.executed) || executed, "{why}: {change}");
            }
            other => panic!("{why}: {other}"),
        }
    }
    let all_done = ran.changes().iter().all(|change| change["status"] == "succeeded");
    assert_eq!(ran.status() == "success", all_done, "{why}: {}", ran.stdout);
}

#[test]
fn secrets_show_up_nowhere() {
    let world = World::new();
    let secret = world.sandbox.administrator().secret_access_key;
    for trial in trials() {
        for effect in [None, Some(Effect::Throttle), Some(denied()), Some(Effect::LoseReply)] {
            world.no_faults();
            if let Some(effect) = effect {
                world.fault(Fault::nth("CreateLoginProfile", 1, effect));
            }
            let mut config = world.asset();
            config["proxy"] = Value::Null;
            let request = json!({ "action": trial.action, "config": config, "parameters": [trial.set] }).to_string();
            let environment = [("RUST_LOG", "trace"), ("LOG_SENSITIVE_BODIES", "true"), ("RUST_BACKTRACE", "1")];
            let ran = support::run(&["run", "-", "--log-level", "debug"], &request, &environment);
            for text in [&ran.stdout, &ran.stderr] {
                assert!(!text.contains(CANARY) && !text.contains(&secret), "{}: {text}", trial.action);
            }
        }
    }
    for entry in std::fs::read_dir(world.state_dir.join("runs")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains(CANARY) && !text.contains(&secret), "{text}");
    }
    let in_urls = world.calls().iter().any(|seen| format!("{seen:?}").contains(CANARY));
    assert!(!in_urls);
}
