//! Many parameter sets in one request: at once, in order where they are about the same target, and none of them lost.

mod support;

use awsiam_sandbox::{Effect, Fault, Options, Seed, Seen};
use serde_json::{Value, json};
use support::accounts::{self, Accounts};
use support::{World, run};

/// An account with so many users, each with a password and a key.
fn crowd(count: usize) -> World {
    let mut seed = serde_json::to_value(support::seed()).unwrap();
    let users = seed["users"].as_array_mut().unwrap();
    users.extend((0..count).map(|n| {
        json!({
            "name": format!("u{n}"), "login_profile": { "password": "not-a-real-Passw0rd!" },
            "access_keys": [{ "id": format!("AKIASANDBOXCROWD{n:04}") }],
        })
    }));
    let seed: Seed = serde_json::from_value(seed).unwrap();
    World::with(Options { seed: Some(seed), ..Options::default() })
}

fn sets(count: usize) -> Value {
    (0..count).map(|n| json!({ "username": format!("u{n}") })).collect()
}

/// The users of the crowd that still have a password or a key that works.
fn alive(world: &World) -> usize {
    let state = world.state();
    let users = state["users"].as_array().unwrap().iter();
    let crowd = users.filter(|user| user["name"].as_str().unwrap().starts_with('u'));
    crowd.filter(|user| !user["login_profile"].is_null() || user["access_keys"][0]["status"] != "Inactive").count()
}

/// The calls of an operation that arrived for a user, or for anyone.
fn calls_of(world: &World, operation: &str, user: Option<&str>) -> usize {
    let about = |seen: &&Seen| user.is_none_or(|user| seen.parameters["UserName"] == user);
    world.calls().iter().filter(|seen| seen.operation == operation).filter(about).count()
}

#[test]
fn sets_run_at_once_and_results_come_in_order() {
    let world = crowd(24);
    let delay = Fault { operation: None, ..Fault::every("x", Effect::Delay { milliseconds: 100 }) };
    world.fault(delay);
    let ran = world.run("disable user", sets(24));
    assert_eq!(ran.result["result_summary"]["total_objects_successful"], 24, "{}", ran.stdout);
    // One after the other, the second user would be looked at when the first is done with.
    let calls = world.calls();
    let looked_at: std::collections::BTreeSet<_> = calls
        .iter()
        .take_while(|seen| !["DeleteLoginProfile", "UpdateAccessKey"].contains(&seen.operation.as_str()))
        .filter_map(|seen| seen.parameters["UserName"].as_str())
        .collect();
    assert!((4..=8).contains(&looked_at.len()), "before the first change: {looked_at:?}");
    let results = ran.result["result_data"].as_array().unwrap();
    for (n, item) in results.iter().enumerate() {
        assert_eq!(item["parameter"]["username"], format!("u{n}"));
    }
    assert_eq!(alive(&world), 0);
    assert_eq!(calls_of(&world, "GetCallerIdentity", None), 1, "one client for all");
    let ids: std::collections::BTreeSet<_> =
        results.iter().map(|item| item["extra_data"][0]["run_id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    assert!(ran.stderr.contains("24 of 24: User u"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("deactivate access key"), "a line for each target: {}", ran.stderr);
}

/// Throttled far below what it could do, a run slows down, comes to its end and loses nothing.
#[test]
fn throttling_loses_nothing() {
    let world = crowd(30);
    world.fault(Fault { operation: None, ..Fault::every("x", Effect::ThrottleAbove { per_second: 60 }) });
    let ran = world.run("disable user", sets(30));
    assert_eq!(ran.result["result_summary"]["total_objects_successful"], 30, "{}", ran.stdout);
    assert_eq!(alive(&world), 0);
    let (all, throttled) = (world.calls().len(), world.calls().iter().filter(|seen| seen.status == 400).count());
    assert!(throttled > 0 && throttled < all / 3, "{throttled} of {all} calls throttled");
    // Again, nothing is left to do: it looks first.
    world.no_faults();
    let before = world.calls().len();
    let again = world.run("disable user", sets(30));
    assert_eq!(again.result["result_summary"]["total_objects_successful"], 30);
    let calls = world.calls().split_off(before);
    assert!(calls.iter().all(|seen| seen.operation.starts_with("Get") || seen.operation.starts_with("List")));
}

#[test]
fn sets_about_the_same_target_run_in_order() {
    let world = World::new();
    let sets = json!([
        { "username": "alice", "policy_arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" },
        { "username": "ALICE", "policy_arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "dry_run": true },
        { "username": "bob", "policy_arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" },
        { "username": "alice", "policy_arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" },
    ]);
    world.fault(Fault { operation: None, ..Fault::every("x", Effect::Delay { milliseconds: 50 }) });
    let ran = world.run("assign policy", sets);
    let results = ran.result["result_data"].as_array().unwrap();
    let changes: Vec<_> =
        results.iter().map(|item| item["extra_data"][0]["changes"].as_array().map_or(0, Vec::len)).collect();
    // The second about alice finds what the first has done; bob does not wait for either.
    assert_eq!((changes[0], changes[2], changes[3]), (1, 1, 0), "{}", ran.stdout);
}

#[test]
fn fail_fast_begins_nothing_more() {
    let world = crowd(20);
    let mut sets = sets(20);
    sets[3]["username"] = "nobody".into();
    let config = world.asset();
    let mut request = json!({ "action": "disable user", "config": config, "parameters": sets, "fail_fast": true });
    request["config"]["max_concurrency"] = 1.into();
    let ran = run(&["run", "-"], &request.to_string(), &[]);
    let results = ran.result["result_data"].as_array().unwrap();
    assert_eq!(results.len(), 20);
    let not_begun = results.iter().filter(|item| item["message"].as_str().unwrap().starts_with("Not begun")).count();
    assert_eq!(not_begun, 16, "{}", ran.stdout);
    // The user whose place the missing one has is there still.
    assert_eq!(alive(&world), not_begun + 1);
    request["fail_fast"] = false.into();
    let ran = run(&["run", "-"], &request.to_string(), &[]);
    assert_eq!(ran.result["result_summary"]["total_objects_successful"], 19);
    assert_eq!(run(&["run", "-"], &json!({ "action": "get user", "fail_fast": 1 }).to_string(), &[]).code, 2);
}

/// Sets may be about the same although they name it in other ways, and then they run in the order of the request.
#[test]
fn sets_about_the_same_run_in_order_however_they_name_it() {
    let (key, own) = ("AKIASANDBOXALICE0001", "123456789012");
    let status = |status: &str| json!({ "UserName": "alice", "AccessKeyId": key, "Status": status });
    let mut with_account = status("Inactive");
    with_account["account_id"] = own.into();
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    for (action, sets) in [
        ("iam:UpdateAccessKey", json!([with_account, status("Active")])),
        (
            "disable access key",
            json!([{ "access_key_id": key }, { "access_key_id": "AKIASANDBOXALICE0002", "username": "alice" }]),
        ),
        (
            "call operation",
            json!([
                { "operation": "CreatePolicy", "parameters": { "PolicyName": "pp", "PolicyDocument": document } },
                { "operation": "CreatePolicyVersion", "parameters": {
                    "PolicyArn": format!("arn:aws:iam::{own}:policy/pp"), "PolicyDocument": document } },
            ]),
        ),
    ] {
        let world = World::new();
        let slow = |operation: &str| Fault::nth(operation, 1, Effect::Delay { milliseconds: 300 });
        world.sandbox.set_faults(vec![slow("GetUser"), slow("CreatePolicy"), slow("GetAccessKeyLastUsed")]);
        let ran = world.run(action, sets);
        assert_eq!(ran.result["result_summary"]["total_objects_successful"], 2, "{}", ran.stdout);
        let writes: Vec<_> = world.calls().into_iter().filter(|seen| !seen.operation.starts_with("Get")).collect();
        let writes: Vec<_> = writes.iter().filter(|seen| !seen.operation.starts_with("List")).collect();
        let text = |at: usize| writes[at].parameters.to_string() + &writes[at].operation;
        match action {
            "iam:UpdateAccessKey" => {
                assert!(text(0).contains("Inactive") && text(1).contains("\"Active"), "{writes:?}");
            }
            "disable access key" => assert!(text(0).contains(key), "{writes:?}"),
            _ => assert!(text(1).contains("CreatePolicyVersion"), "{writes:?}"),
        }
    }
}

/// By hand: parameter sets from a file, results line by line.
#[test]
fn sets_come_from_a_file_and_results_in_lines() {
    let world = crowd(12);
    let asset = world.state_dir.join("asset.json");
    std::fs::write(&asset, world.asset().to_string()).unwrap();
    let file = world.state_dir.join("users.jsonl");
    let lines = (0..12).map(|n| json!({ "username": format!("u{n}"), "context": { "n": n } }).to_string());
    let lines: Vec<_> = lines.chain(["{\"username\": \"nobody\"}".to_owned()]).collect();
    std::fs::write(&file, lines.join("\n\n")).unwrap();
    let arguments =
        ["run", "--action", "disable user", "--asset", asset.to_str().unwrap(), "--parameters", file.to_str().unwrap()];
    let ran = run(&[&arguments[..], &["--jsonl"]].concat(), "", &[]);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 14, "{}", ran.stdout);
    let (summary, items) = lines.split_last().unwrap();
    assert_eq!(summary["result_summary"], json!({ "total_objects": 13, "total_objects_successful": 12 }));
    assert_eq!(summary["result_data"], json!([]));
    let mut indexes: Vec<_> = items.iter().map(|item| item["index"].as_u64().unwrap()).collect();
    for item in items.iter().filter(|item| item["index"] != 12) {
        assert_eq!((&item["identifier"], &item["context"]["n"]), (&json!("disable_user"), &item["index"]));
        assert_eq!(item["status"], "success");
    }
    indexes.sort_unstable();
    assert_eq!(indexes, (0..13).collect::<Vec<_>>());
    assert_eq!(alive(&world), 0);
    // The whole in one document, as ever.
    let whole = run(&arguments, "", &[]);
    assert_eq!(whole.result["result_data"].as_array().map(Vec::len), Some(13));
    for (text, told) in [("{\"username\": \"a\"}\nsecret-word\n", "Line 2 of"), ("\n", "holds no parameter set")] {
        std::fs::write(&file, text).unwrap();
        let ran = run(&arguments, "", &[]);
        assert!(ran.code == 2 && ran.stdout.contains(told) && !ran.stdout.contains("secret-word"), "{}", ran.stdout);
    }
}

/// A run that was killed in the middle of many targets is run again, and repeats nothing.
#[test]
fn a_killed_bulk_run_is_gone_on_with() {
    let world = crowd(40);
    world.fault(Fault { operation: None, ..Fault::every("x", Effect::Delay { milliseconds: 20 }) });
    let child = support::start(&world, "disable user", &sets(40));
    support::until("some done", || alive(&world) < 30);
    support::kill(child);
    let state = world.state();
    let done = |user: &str| {
        let found = state["users"].as_array().unwrap().iter().find(|found| found["name"] == user).unwrap();
        found["login_profile"].is_null() && found["access_keys"][0]["status"] == "Inactive"
    };
    let done: Vec<_> = (0..40).map(|n| format!("u{n}")).filter(|user| done(user)).collect();
    assert!((1..40).contains(&done.len()), "{done:?}");
    let ran = world.run("disable user", sets(40));
    assert_eq!(ran.result["result_summary"]["total_objects_successful"], 40, "{}", ran.stdout);
    // Calls that were on their way when the run was killed arrive still, but not about who was done with.
    for user in &done {
        let changes = ["DeleteLoginProfile", "UpdateAccessKey"].map(|change| calls_of(&world, change, Some(user)));
        assert_eq!(changes, [1, 1], "{user}");
    }
    assert_eq!(alive(&world), 0);
}

/// A parameter set may name its account or role; one session is made for each, and guards count for each.
#[test]
fn sets_may_be_about_other_accounts() {
    let mut seed = serde_json::to_value(support::seed()).unwrap();
    let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::123456789012:root" }, "Action": "sts:AssumeRole" }] });
    for name in ["Responder", "Other"] {
        seed["roles"].as_array_mut().unwrap().push(json!({
            "name": name, "trust": trust, "attached_policies": ["arn:aws:iam::aws:policy/AdministratorAccess"],
        }));
    }
    let seed: Seed = serde_json::from_value(seed).unwrap();
    let world = World::with(Options { seed: Some(seed), ..Options::default() });
    let template = json!({ "role_arn": "arn:{partition}:iam::{account_id}:role/Responder" });
    let own = "123456789012";
    let users = json!([
        { "username": "alice", "account_id": own },
        { "username": "bob", "account_id": own },
        { "username": "carol", "account_id": "210987654321" },
        { "username": "carol" },
        { "username": "carol", "account_id": "12" },
        { "username": "dave", "role_arn": "arn:aws:iam::123456789012:role/Other" },
        { "username": "dave", "account_id": "210987654321", "role_arn": "arn:aws:iam::123456789012:role/Other" },
    ]);
    let ran = world.run_with("disable user", users, template.clone());
    let results = ran.result["result_data"].as_array().unwrap();
    let told = |n: usize| (results[n]["status"].as_str().unwrap(), results[n]["message"].as_str().unwrap());
    for n in [0, 1, 5] {
        assert_eq!(told(n).0, "success", "{}", ran.stdout);
    }
    let caller = &results[0]["extra_data"][0]["caller"]["arn"];
    assert!(caller.as_str().unwrap().contains("assumed-role/Responder/"), "{caller}");
    let caller = &results[5]["extra_data"][0]["caller"]["arn"];
    assert!(caller.as_str().unwrap().contains("assumed-role/Other/"), "{caller}");
    assert_eq!(told(2).0, "failed", "the role of another account cannot be assumed");
    assert!(told(2).1.contains("AssumeRole") && told(2).1.contains("210987654321"), "{}", told(2).1);
    assert!(told(3).1.contains("is a template: give account_id"), "{}", told(3).1);
    assert!(told(4).1.contains("must have 12 digits"), "{}", told(4).1);
    assert!(told(6).1.contains("but \"role_arn\" is of account 123456789012"), "{}", told(6).1);
    let assumed = world.calls().iter().filter(|seen| seen.operation == "AssumeRole" && seen.status == 200).count();
    assert_eq!(assumed, 2, "one session for each role");
    // The role that is assumed is the connector itself.
    let set = json!({ "role_name": "Responder", "account_id": own });
    let ran = world.run_with("contain role", set, template).expect("failed", "itself");
    assert_eq!(ran.record()["failure"]["rule"], "yourself", "{}", ran.stdout);
    // The asset's own account is its safety rail.
    let set = json!([
        { "username": "carol", "role_arn": "arn:aws:iam::210987654321:role/X" },
        { "username": "carol", "account_id": "210987654321" },
    ]);
    let ran = world.run_with("disable user", set, json!({ "account_id": own }));
    assert!(
        ran.code == 2 && ran.stdout.matches("The asset is for account 123456789012").count() >= 2,
        "{}",
        ran.stdout
    );
    // Without a template, the account is made sure of.
    let ran = world.run("disable user", json!({ "username": "carol", "account_id": "210987654321" }));
    assert_eq!(ran.expect("failed", "another account").record()["failure"]["rule"], "wrong_account");
}

/// One request about the same user in many accounts: one session for each, the right user in each, and guards for each.
#[test]
fn one_request_contains_a_user_in_many_accounts() {
    let numbers: Vec<String> = (1..=6).map(|n| format!("{n}").repeat(12)).collect();
    let accounts: Accounts = numbers.iter().map(|number| (number.clone(), accounts::account(number))).collect();
    let endpoint = accounts::serve(&accounts, &numbers[0]);
    let world = World::new();
    let mut sets: Vec<_> = numbers.iter().map(|number| json!({ "username": "alice", "account_id": number })).collect();
    sets.extend(numbers.iter().map(|number| json!({ "username": "bob", "account_id": number })));
    let protected = format!("arn:aws:iam::{}:user/*/bob", numbers[3]);
    let more = json!({
        "endpoint_url": endpoint,
        "role_arn": "arn:{partition}:iam::{account_id}:role/Responder",
        "protected_principals": [protected],
    });
    let ran = world.run_with("contain user", sets.into(), more.clone());
    let results = ran.result["result_data"].as_array().unwrap();
    for (n, item) in results.iter().enumerate() {
        let (number, name) = (&numbers[n % 6], if n < 6 { "alice" } else { "bob" });
        let record = &item["extra_data"][0];
        if (n, name) == (9, "bob") {
            assert_eq!(record["failure"]["rule"], "protected_principal", "{item}");
            continue;
        }
        assert_eq!(item["status"], "success", "{item}");
        assert_eq!(record["account"], **number);
        assert_eq!(record["target"]["arn"].as_str().unwrap().split(':').nth(4), Some(number.as_str()));
        let user = accounts::user(&accounts[number], name);
        let keys = user["access_keys"].as_array().unwrap();
        assert!(user["login_profile"].is_null() && keys.iter().all(|key| key["status"] == "Inactive"), "{user}");
    }
    let spared = accounts::user(&accounts[&numbers[3]], "bob");
    assert!(!spared["login_profile"].is_null(), "{spared}");
    for number in &numbers {
        let assumed = accounts[number].log().into_iter().filter(|seen| seen.operation == "AssumeRole").count();
        assert_eq!(assumed, 1, "one session in {number}");
    }
    // The role that is assumed is the connector itself, in each of them.
    let set = json!({ "role_name": "Responder", "account_id": numbers[4] });
    let ran = world.run_with("contain role", set, more).expect("failed", "itself");
    assert_eq!(ran.record()["failure"]["rule"], "yourself", "{}", ran.stdout);
}
