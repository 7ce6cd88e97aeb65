//! The program as people and platforms use it: files and arguments, help, signals, journals, locks.

mod support;

use awsiam_sandbox::{Effect, Fault};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::{World, program, ran, run};

/// The one command of the README, on the example that it names.
#[test]
fn the_main_job_runs_with_one_command() {
    let folder = support::folder();
    let ran =
        run(&["run", "--sandbox", "examples/disable_user.json"], "", &[("XDG_STATE_HOME", folder.to_str().unwrap())]);
    assert_eq!((ran.code, ran.status(), ran.message()), (0, "success", "User alice disabled successfully"));
    assert_eq!(ran.result["sandbox"], true, "a result of the sandbox says so");
    assert_eq!(ran.record()["sandbox"], true);
    assert!(ran.result["endpoints"][0].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(ran.record()["account"], "123456789012");
    assert_eq!(ran.record()["verified"]["state"], "verified");
    assert_eq!(ran.stdout.lines().count(), 1, "one line of JSON, nothing else");
    for word in ["looking at user alice", "deactivate access key AKIASANDBOXALICE0001: done"] {
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// Every example of every action runs as it stands.
#[test]
fn every_example_runs() {
    let folder = support::folder();
    let environment = [("XDG_STATE_HOME", folder.to_str().unwrap())];
    for action in awsiam_actions::ACTIONS {
        let path = format!("examples/{}.json", action.identifier);
        let ran = run(&["run", "--sandbox", &path], "", &environment);
        assert_eq!((ran.code, ran.status()), (0, "success"), "{path}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.result["identifier"], action.identifier);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_demo_shows_the_attacker_s_key_die() {
    let world = World::new();
    let key = &world.sandbox.keys("alice")[0];
    let attacker = json!({
        "action": "list users",
        "config": { "access_key": key.access_key_id, "secret_key": key.secret_access_key, "endpoint_url": world.sandbox.endpoint() },
    })
    .to_string();
    assert_eq!(run(&["run"], &attacker, &[]).status(), "success", "the stolen key works");
    world.run("disable user", json!({ "username": "alice" })).expect("success", "disabled");
    let dead = run(&["run"], &attacker, &[]);
    assert_eq!(dead.status(), "failed");
    assert!(dead.message().contains("InvalidClientTokenId"), "{}", dead.message());
}

#[test]
fn help_is_helpful() {
    for (arguments, words) in [
        (vec!["--help"], vec!["Examples:", "Exit codes:", "test-connectivity"]),
        (vec!["run", "--help"], vec!["--dry-run", "--asset", "--sandbox", "Examples:", "awsiam run < request.json"]),
        (
            vec!["describe", "disable user"],
            vec![
                "Permissions: sts:GetCallerIdentity, iam:GetUser",
                "disable_access_keys (boolean, default true)",
                "Undoing: Access keys and the other credentials: exactly",
                "Reversed by: enable user",
            ],
        ),
        (vec!["describe", "asset"], vec!["protected_principals", "ca_bundle"]),
        (vec!["actions"], vec!["disable user", "contain", "remove policy"]),
        (vec!["--version"], vec![env!("CARGO_PKG_VERSION")]),
    ] {
        let ran = run(&arguments, "", &[]);
        assert_eq!(ran.code, 0, "{arguments:?}");
        for word in words {
            assert!(ran.stdout.contains(word), "{arguments:?} should say {word:?}:\n{}", ran.stdout);
        }
    }
}

#[test]
fn mistakes_on_the_command_line_are_told_as_a_result_too() {
    for arguments in [vec!["run", "--asett", "x"], vec!["fly"], vec!["run", "a.json", "--action", "get user"]] {
        let ran = run(&arguments, "", &[]);
        assert_eq!((ran.code, ran.result["status"].as_str()), (2, Some("failed")), "{arguments:?}: {}", ran.stdout);
        assert!(!ran.stderr.is_empty());
    }
    let ran = run(&["describe", "disble user"], "", &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("did you mean"), "{}", ran.stderr);
}

#[test]
fn manual_runs_need_no_file() {
    let world = World::new();
    let asset = world.state_dir.join("asset.json");
    std::fs::write(&asset, world.asset().to_string()).unwrap();
    let asset = asset.to_str().unwrap();
    let ran = run(
        &[
            "run",
            "--asset",
            asset,
            "--action",
            "disable user",
            "--param",
            "username=alice",
            "--param",
            "disable_access_keys=false",
            "--dry-run",
            "--pretty",
        ],
        "",
        &[],
    );
    assert_eq!((ran.code, ran.status()), (0, "success"), "{}", ran.stdout);
    assert_eq!(ran.message(), "Dry run: 1 change would be made: delete login profile (console password)");
    assert!(ran.stdout.lines().count() > 10, "--pretty indents");
    let connected = run(&["test-connectivity", "--asset", asset], "", &[]);
    assert_eq!((connected.code, connected.status()), (0, "success"), "{}", connected.stdout);
    assert!(connected.message().contains("user/soar/awsiam-operator"), "{}", connected.message());
    let output = world.state_dir.join("result.json");
    let ran = run(&["run", "--asset", asset, "--action", "list roles", "--output", output.to_str().unwrap()], "", &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    let written: Value = serde_json::from_str(&std::fs::read_to_string(output).unwrap()).unwrap();
    assert_eq!(written["status"], "success");
}

#[test]
fn progress_can_be_read_by_programs() {
    let world = World::new();
    let request = json!({ "action": "disable user", "config": world.asset(), "parameters": [{ "username": "alice" }] })
        .to_string();
    let ran = run(&["run", "--log-format", "json"], &request, &[]);
    let lines: Vec<Value> = ran.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["message"] == "looking at user alice"), "{}", ran.stderr);
    assert_eq!(run(&["run", "--log-level", "off"], &request, &[]).stderr, "");
}

/// Starts a run that is held up at a call, sends a signal once the call has arrived, and waits for the end.
fn signalled(world: &World, signal: &str, request: &Value, at: &str) -> support::Ran {
    let mut child = program(&["run", "-"], &[]).stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), request.to_string().as_bytes()).unwrap();
    let began = Instant::now();
    while !world.calls().iter().any(|seen| seen.operation == at) {
        assert!(began.elapsed() < Duration::from_secs(20), "{at} was never called");
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    ran(child.wait_with_output().unwrap())
}

#[test]
fn a_signal_lets_what_is_in_flight_finish_and_begins_nothing_new() {
    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        let world = World::new();
        // The first stage of the deletion is held up; the later ones must not begin.
        world.fault(Fault::every("DeleteLoginProfile", Effect::Delay { milliseconds: 2500 }));
        let sets = json!([{ "username": "mallory" }, { "username": "bob" }]);
        let mut request = json!({ "action": "delete user", "config": world.asset(), "parameters": sets });
        request["config"]["max_concurrency"] = 1.into();
        let ran = signalled(&world, signal, &request, "DeleteAccessKey");
        assert_eq!((ran.code, ran.result["action_cancelled"].as_bool()), (code, Some(true)), "{}", ran.stdout);
        assert!(ran.message().starts_with("Cancelled. "), "{}", ran.message());
        let statuses: Vec<_> = ran
            .changes()
            .iter()
            .map(|change| (change["operation"].as_str().unwrap(), change["status"].as_str().unwrap()))
            .collect();
        assert!(statuses.contains(&("DeleteLoginProfile", "succeeded")), "in flight: finished {statuses:?}");
        assert!(statuses.contains(&("DeleteUser", "skipped")), "{statuses:?}");
        assert!(world.calls().iter().all(|seen| seen.operation != "RemoveUserFromGroup"));
        let second = &ran.result["result_data"][1];
        assert!(second["message"].as_str().unwrap().contains("before it was begun"), "{second}");
    }
}

/// Who insists does not wait for an answer that may not come; what was under way is told as unknown.
#[test]
fn a_second_signal_ends_at_once() {
    let world = World::new();
    world.fault(Fault::every("DeleteLoginProfile", Effect::Stall { seconds: 60.0, executed: true }));
    let child = support::start(&world, "disable user", &json!([{ "username": "alice" }]));
    support::until("the change", || world.calls().iter().any(|seen| seen.operation == "DeleteLoginProfile"));
    let began = Instant::now();
    let id = child.id().to_string();
    // Signals that come while another is still to be taken are one.
    for _ in 0..2 {
        std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert!(began.elapsed() < Duration::from_secs(30), "long before the call's end");
    assert!(String::from_utf8_lossy(&output.stderr).contains("see awsiam runs"));
    let runs = run(&["runs", "--state-dir", world.state_dir.to_str().unwrap()], "", &[]);
    assert!(runs.stdout.contains("interrupted: 1 unknown"), "{}", runs.stdout);
}

#[test]
fn a_signal_while_looking_ends_at_once() {
    let world = World::new();
    world.fault(Fault::every("GetUser", Effect::Stall { seconds: 30.0, executed: false }));
    let request = json!({ "action": "disable user", "config": world.asset(), "parameters": [{ "username": "alice" }] });
    let began = Instant::now();
    let ran = signalled(&world, "-TERM", &request, "ListAccessKeys");
    assert_eq!(ran.code, 143);
    assert!(ran.message().contains("before anything was changed"), "{}", ran.message());
    assert!(began.elapsed() < Duration::from_secs(25), "before the call's end");
}

#[test]
fn the_journal_tells_what_was_seen_planned_and_done() {
    let world = World::new();
    let ran = world.run("disable user", json!({ "username": "alice" })).expect("success", "disabled");
    let id = ran.record()["run_id"].as_str().unwrap();
    let path = world.state_dir.join("runs").join(format!("{id}.jsonl"));
    let lines: Vec<Value> =
        std::fs::read_to_string(&path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events[..3], ["begun", "observed", "planned"], "{events:?}");
    assert_eq!(events.iter().filter(|event| **event == "started").count(), 3);
    assert_eq!(events.iter().filter(|event| **event == "succeeded").count(), 3);
    assert_eq!(events[events.len() - 2..], ["ended", "closed"], "{events:?}");
    for line in &lines {
        assert_eq!(line["run_id"], id);
        assert!(line["at"].is_string(), "{line}");
        assert_eq!(line["set"] == 0, line["event"] != "closed", "{line}");
        if line["event"] == "succeeded" {
            assert!(line["request_id"].is_string() && line["reversal"].is_object(), "{line}");
        }
    }
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!world.state_dir.join("unfinished").read_dir().unwrap().any(|_| true), "nothing is left unfinished");
    // Lookups and dry runs leave none.
    let before = world.state_dir.join("runs").read_dir().unwrap().count();
    world.run("get user", json!({ "username": "alice" }));
    world.run("disable user", json!({ "username": "bob", "dry_run": true }));
    assert_eq!(world.state_dir.join("runs").read_dir().unwrap().count(), before);
}

#[test]
fn without_a_place_for_the_journal_the_run_goes_on_and_says_so() {
    let world = World::new();
    let blocked = world.state_dir.join("file");
    std::fs::write(&blocked, "").unwrap();
    let ran = world.run_with("disable user", json!({ "username": "alice" }), json!({ "state_dir": blocked }));
    let ran = ran.expect("success", "containment comes first");
    assert!(ran.stderr.contains("could not be written"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\"event\":\"succeeded\""), "the entries are on stderr: {}", ran.stderr);
    let notes = ran.record()["notes"].to_string();
    assert!(notes.contains("Its entries are on stderr"), "{notes}");
    let world = World::new();
    let before = world.state();
    let ran = world.run_with(
        "disable user",
        json!({ "username": "alice" }),
        json!({ "state_dir": blocked, "require_journal": true }),
    );
    assert!(ran.expect("failed", "the journal is required").message().contains("nothing was changed"));
    assert_eq!(world.state(), before);
}

#[test]
fn two_runs_on_one_target_wait_for_each_other() {
    let world = World::new();
    world.fault(Fault::nth("DeleteLoginProfile", 1, Effect::Delay { milliseconds: 2500 }));
    let request = json!({ "action": "disable user", "config": world.asset(), "parameters": [{ "username": "alice" }] })
        .to_string();
    let first = std::thread::spawn({
        let request = request.clone();
        move || run(&["run"], &request, &[])
    });
    while !world.calls().iter().any(|seen| seen.operation == "UpdateAccessKey") {
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = run(&["run"], &request, &[]);
    let first = first.join().unwrap();
    assert_eq!((first.status(), second.status()), ("success", "success"), "{}", second.stdout);
    assert!(second.stderr.contains("waiting for another run on user alice"), "{}", second.stderr);
    assert!(second.changes().is_empty(), "it looked again after waiting: {}", second.stdout);
}

#[test]
fn the_second_run_says_who_holds_the_lock_when_its_time_is_up() {
    let world = World::new();
    world.fault(Fault::nth("DeleteLoginProfile", 1, Effect::Delay { milliseconds: 4000 }));
    let request = |more: Value| {
        let mut config = world.asset();
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "action": "disable user", "config": config, "parameters": [{ "username": "alice" }] }).to_string()
    };
    let first = request(json!({}));
    let first = std::thread::spawn(move || run(&["run"], &first, &[]));
    while !world.calls().iter().any(|seen| seen.operation == "UpdateAccessKey") {
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = run(&["run"], &request(json!({ "timeout": 1.5 })), &[]);
    assert_eq!(second.status(), "failed");
    assert!(second.message().contains("Another run is at work on user alice (run 2"), "{}", second.message());
    assert_eq!(first.join().unwrap().status(), "success");
}

/// Three dependent round trips to disable, five to delete, one more for when its keys were last used: what is called in
/// one wave arrives within one delay.
#[test]
fn round_trips_are_few() {
    const LATENCY_MS: u64 = 400;
    let waves = |action: &str, set: Value, expected: usize| {
        let options = awsiam_sandbox::Options {
            seed: Some(support::seed()),
            latency: Duration::from_millis(LATENCY_MS),
            ..Default::default()
        };
        let world = World::with(options);
        world.run(action, set).expect("success", action);
        let mut times: Vec<u64> = world.calls().iter().map(|seen| seen.at_ms).collect();
        times.sort_unstable();
        // What waits for an answer of a wave comes a whole latency after the wave's first call.
        let mut begins = vec![];
        for time in times {
            if begins.last().is_none_or(|began| time >= began + LATENCY_MS) {
                begins.push(time);
            }
        }
        let waves = begins.len();
        let seen: Vec<_> = world.calls().iter().map(|seen| (seen.operation.clone(), seen.at_ms)).collect();
        assert_eq!(waves, expected, "{action}: {seen:?}");
    };
    waves("disable user", json!({ "username": "alice" }), 3);
    waves("quarantine user", json!({ "username": "alice", "evidence": "changes" }), 3);
    waves("delete user", json!({ "username": "alice", "evidence": "changes" }), 5);
    waves("delete user", json!({ "username": "alice" }), 6);
}

#[test]
fn a_silent_endpoint_ends_with_a_failed_result() {
    let world = World::new();
    world.sandbox.set_faults(vec![Fault {
        operation: None,
        ..Fault::every("x", Effect::Stall { seconds: 60.0, executed: false })
    }]);
    let began = Instant::now();
    // The attempt's own time is up long before that of all of them.
    for (more, told) in [
        (json!({ "timeout": 3, "attempt_timeout": 15 }), "before an answer came"),
        (json!({ "timeout": 12, "attempt_timeout": 0.5 }), "GetUser"),
    ] {
        let ran = world.run_with("disable user", json!({ "username": "alice" }), more).expect("failed", "silent");
        assert_eq!(ran.record()["failure"]["kind"], "time_out", "{}", ran.stdout);
        assert!(ran.message().contains(told), "the reason is told: {}", ran.message());
    }
    assert!(began.elapsed() < Duration::from_secs(30), "long before the call's end");
}

#[test]
fn connectivity_failures_say_what_to_do() {
    let world = World::new();
    let cases = [
        (
            Some(Effect::Error { status: 403, code: "InvalidClientTokenId".into(), message: "x".into() }),
            "Check the access key",
        ),
        (
            Some(Effect::Error { status: 403, code: "SignatureDoesNotMatch".into(), message: "x".into() }),
            "Check the access key",
        ),
        (
            Some(Effect::Respond {
                status: 200,
                content_type: None,
                headers: serde_json::Map::new(),
                body: "<html/>".into(),
            }),
            "captive portal",
        ),
        (Some(Effect::Unavailable), "Try again"),
    ];
    for (effect, words) in cases {
        world.sandbox.set_faults(
            effect.clone().map(|effect| Fault { operation: None, ..Fault::every("x", effect) }).into_iter().collect(),
        );
        let ran = world.run("test connectivity", json!({})).expect("failed", words);
        assert!(ran.message().contains(words), "{effect:?}: {}", ran.message());
    }
    world.fault(Fault::every("GetUser", support::denied()));
    let ran = world.run("test connectivity", json!({})).expect("failed", "denied");
    assert!(
        ran.message().contains("the credentials are good") && ran.message().contains("iam:GetUser"),
        "{}",
        ran.message()
    );
    let nobody = world.run_with("test connectivity", json!({}), json!({ "endpoint_url": "http://127.0.0.1:9" }));
    assert!(nobody.message().contains("could not be reached"), "{}", nobody.message());
    // A clock that is off is corrected by itself; where it stays refused, the clock is named.
    world.fault(Fault { operation: None, ..Fault::every("x", Effect::Skew { seconds: 3600 }) });
    let skewed = world.run("test connectivity", json!({})).expect("success", "the clock is corrected");
    assert!(skewed.record()["clock_ahead_seconds"].as_i64().unwrap() > 3500, "{}", skewed.stdout);
}

#[test]
fn guards_refuse_before_anything_is_changed() {
    let world = World::new();
    let before = world.state();
    let operator = json!({ "username": "awsiam-operator" });
    let alice = json!({ "username": "alice" });
    for (action, set, more, rule, words) in [
        ("disable user", operator.clone(), json!({}), "yourself", "lock the connector out"),
        ("delete user", operator.clone(), json!({}), "yourself", "lock the connector out"),
        (
            "disable user",
            alice.clone(),
            json!({ "protected_principals": "bob, /engineering/*" }),
            "protected_principal",
            "protected_principals",
        ),
        (
            "disable user",
            alice.clone(),
            json!({ "protected_principals": ["arn:aws:iam::*:user/engineering/*"] }),
            "protected_principal",
            "Act on it by hand",
        ),
        (
            "disable user",
            alice.clone(),
            json!({ "account_id": "999999999999" }),
            "wrong_account",
            "account 123456789012",
        ),
        ("get user", alice.clone(), json!({ "account_id": "999999999999" }), "", "account 123456789012"),
        (
            "remove role",
            json!({ "role_name": "AWSServiceRoleForSupport" }),
            json!({}),
            "service_linked_role",
            "DeleteServiceLinkedRole",
        ),
        (
            "remove role",
            json!({ "role_name": "AWSReservedSSO_AdministratorAccess_0123456789abcdef" }),
            json!({}),
            "identity_center_role",
            "Identity Center",
        ),
    ] {
        for dry_run in [true, false] {
            let mut set = set.clone();
            if dry_run {
                set["dry_run"] = true.into();
            }
            let ran = world.run_with(action, set, more.clone()).expect("failed", action);
            assert_eq!(ran.code, 1);
            assert!(ran.message().contains(words), "{}", ran.message());
            if !rule.is_empty() {
                assert_eq!(ran.record()["failure"]["rule"], rule, "{}", ran.stdout);
            }
        }
        assert_eq!(world.state(), before, "{action}");
    }
    // The right account is no obstacle.
    world
        .run_with("disable user", alice, json!({ "account_id": "123456789012" }))
        .expect("success", "the right account");
}

/// The target is its id: a user renamed while the run is under way is followed, and the run does not take "not found"
/// for done.
#[test]
fn a_renamed_user_is_followed() {
    let world = World::new();
    let rename = json!({ "UserName": "alice", "NewUserName": "zoe" }).as_object().unwrap().clone();
    world.fault(Fault::nth(
        "DeleteLoginProfile",
        1,
        Effect::Rival { before: true, operation: "UpdateUser".into(), parameters: rename },
    ));
    let ran = world.run("disable user", json!({ "username": "alice" })).expect("success", "followed");
    assert_eq!(
        (&ran.record()["target"]["name"], &ran.record()["target"]["given"]),
        (&json!("zoe"), &json!("alice")),
        "{}",
        ran.stdout
    );
    let state = world.state();
    let zoe = state["users"].as_array().unwrap().iter().find(|user| user["name"] == "zoe").unwrap();
    assert!(zoe["login_profile"].is_null(), "{zoe}");
    assert!(zoe["access_keys"].as_array().unwrap().iter().all(|key| key["status"] == "Inactive"), "{zoe}");
}

/// A key that a rival makes while the run is under way is found by the look and dealt with.
#[test]
fn a_key_made_meanwhile_is_found() {
    let world = World::new();
    let parameters = json!({ "UserName": "carol" }).as_object().unwrap().clone();
    world.fault(Fault::nth(
        "DeleteLoginProfile",
        1,
        Effect::Rival { before: false, operation: "CreateAccessKey".into(), parameters },
    ));
    let ran = world.run("disable user", json!({ "username": "carol" })).expect("success", "found");
    assert_eq!(ran.record()["rounds"], 2, "{}", ran.stdout);
    assert!(world.sandbox.keys("carol").iter().all(|key| key.status == "Inactive"));
}

#[test]
fn reads_that_lag_make_a_result_unconfirmed_not_failed() {
    let world = World::new();
    world
        .sandbox
        .set_faults(vec![Fault { operation: None, ..Fault::every("x", Effect::Lag { milliseconds: 10_000 }) }]);
    let ran = world.run("disable user", json!({ "username": "alice" })).expect("success", "acknowledged");
    assert!(ran.message().starts_with("User alice disabled successfully (unconfirmed"), "{}", ran.message());
    assert_eq!(ran.record()["verified"]["state"], "unconfirmed");
}

/// What stands in the way only at the last moment, a key made just before the deletion, is removed, and the deletion
/// goes on.
#[test]
fn a_delete_conflict_is_looked_into() {
    let world = World::new();
    let parameters = json!({ "UserName": "carol" }).as_object().unwrap().clone();
    let rival = Effect::Rival { before: true, operation: "CreateAccessKey".into(), parameters };
    world.fault(Fault::nth("DeleteUser", 1, rival));
    let ran = world.run("delete user", json!({ "username": "carol" })).expect("success", "gone on");
    assert!(world.calls().iter().any(|seen| seen.code.as_deref() == Some("DeleteConflict")));
    assert_eq!(ran.record()["rounds"], 2, "{}", ran.stdout);
    assert!(!world.state()["users"].to_string().contains("carol"));
}

#[test]
fn a_deletion_follows_a_rename_and_keeps_the_evidence() {
    let world = World::new();
    let rename = json!({ "UserName": "mallory", "NewUserName": "zoe" }).as_object().unwrap().clone();
    let rival = Effect::Rival { before: true, operation: "UpdateUser".into(), parameters: rename };
    world.fault(Fault::nth("RemoveUserFromGroup", 1, rival));
    let ran = world.run("delete user", json!({ "username": "mallory" })).expect("success", "followed");
    let users = world.state()["users"].to_string();
    assert!(!users.contains("mallory") && !users.contains("zoe"), "{users}");
    let seen = &ran.record()["observed"];
    assert_eq!(seen["inline_policies"][0]["PolicyName"], "p", "{seen}");
    assert!(seen["inline_policies"][0]["PolicyDocument"].as_str().unwrap().contains("s3:*"), "{seen}");
    assert_eq!(seen["user"]["Tags"][0]["Key"], "team");
    assert!(seen["user"]["PermissionsBoundary"]["PermissionsBoundaryArn"].is_string(), "{seen}");
}

/// A credential that cannot be deleted keeps its permissions: no later step may re-open access.
#[test]
fn a_failed_credential_change_stops_the_permission_stage() {
    let world = World::new();
    world.fault(Fault::every("DeleteAccessKey", support::denied()));
    let ran = world.run("delete user", json!({ "username": "mallory" })).expect("failed", "stopped");
    let permissions =
        ["RemoveUserFromGroup", "DetachUserPolicy", "DeleteUserPolicy", "DeactivateMFADevice", "DeleteUser"];
    assert!(!world.calls().iter().any(|seen| permissions.contains(&seen.operation.as_str())));
    assert!(ran.message().contains("Not done: ") && ran.message().contains("delete user"), "{}", ran.message());
}

#[test]
fn instance_profiles_can_be_kept() {
    let world = World::new();
    let set = json!({ "role_name": "app-role", "keep_instance_profiles": true });
    world.run("remove role", set).expect("success", "removed");
    let state = world.state();
    assert_eq!(state["instance_profiles"][0]["name"], "app-role");
    assert!(state["instance_profiles"][0]["role"].is_null(), "{state}");
}
