//! What journals tell afterwards: of runs that ended, that are under way, and that were killed at any instant.

mod support;

use awsiam::history::{self, State, Status};
use awsiam_sandbox::{Effect, Fault};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use support::{CANARY, Ran, World, kill, run, start, until};

fn journals(world: &World) -> Vec<PathBuf> {
    let folder = fs::read_dir(world.state_dir.join("runs"));
    folder.map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

/// How many entries of this event there are in all journals.
fn events(world: &World, event: &str) -> usize {
    let text: String = journals(world).iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect();
    text.lines().filter(|line| line.contains(&format!("\"event\":\"{event}\""))).count()
}

/// `awsiam runs …` on the world's folder.
fn runs(world: &World, arguments: &[&str]) -> Ran {
    let dir = world.state_dir.to_str().unwrap();
    run(&[&["runs", "--state-dir", dir], arguments].concat(), "", &[])
}

/// The newest run, in words and as data.
fn newest(world: &World) -> (String, String, Value) {
    let line = runs(world, &["--limit", "1"]);
    assert_eq!((line.code, line.stdout.lines().count()), (0, 1), "{}{}", line.stdout, line.stderr);
    let id = line.stdout.split(' ').next().unwrap();
    let text = runs(world, &["show", id]);
    assert_eq!((text.code, text.stderr.as_str()), (0, ""), "{}", text.stdout);
    let json = runs(world, &["show", id, "--json"]);
    assert_eq!(json.code, 0);
    (line.stdout.clone(), text.stdout, json.result)
}

/// The changes of a run with this status, set by set.
fn of_status(told: &Value, status: &str) -> Vec<String> {
    let sets = told["sets"].as_array().unwrap().iter();
    let changes = sets.flat_map(|set| set["changes"].as_array().unwrap());
    changes
        .filter(|change| change["status"] == status)
        .map(|change| change["change"].as_str().unwrap().into())
        .collect()
}

/// An instant at which a run is killed.
struct Kill {
    action: &'static str,
    set: Value,
    /// What holds the run up.
    held: Fault,
    /// Whether it is held up there.
    there: fn(&World) -> bool,
    /// How many changes are then done and unknown; all others are not done.
    done: usize,
    unknown: usize,
    /// What the list says.
    says: &'static str,
}

fn kills() -> Vec<Kill> {
    let stall = |executed| Effect::Stall { seconds: 60.0, executed };
    let alice = json!({ "username": "alice" });
    vec![
        Kill {
            action: "disable user",
            set: alice.clone(),
            held: Fault::every("ListAccessKeys", stall(false)),
            there: |world| events(world, "begun") == 1,
            done: 0,
            unknown: 0,
            says: "interrupted: no change on record",
        },
        Kill {
            action: "remove role",
            set: json!({ "role_name": "app-role" }),
            // The policies' documents are read between the plan and the first change.
            held: Fault::every("GetRolePolicy", stall(false)),
            there: |world| events(world, "planned") == 1,
            done: 0,
            unknown: 0,
            says: "interrupted: 5 not done",
        },
        Kill {
            action: "disable user",
            set: alice.clone(),
            held: Fault::every("DeleteLoginProfile", stall(false)),
            there: |world| events(world, "succeeded") == 2,
            done: 2,
            unknown: 1,
            says: "interrupted: 1 unknown",
        },
        Kill {
            action: "disable user",
            set: alice,
            held: Fault::every("DeleteLoginProfile", stall(true)),
            there: |world| {
                let state = world.state();
                let alice = state["users"].as_array().unwrap().iter().find(|user| user["name"] == "alice").unwrap();
                events(world, "succeeded") == 2 && alice["login_profile"].is_null()
            },
            done: 2,
            unknown: 1,
            says: "interrupted: 1 unknown",
        },
        Kill {
            action: "delete user",
            set: json!({ "username": "mallory" }),
            // The documents of what the second stage deletes are read beside the first.
            held: Fault::every("GetUserPolicy", stall(false)),
            there: |world| events(world, "started") == 6 && events(world, "succeeded") == 6,
            done: 6,
            unknown: 0,
            says: "interrupted: 8 not done",
        },
        Kill {
            action: "add role",
            set: json!({ "role_name": "new-role", "role_policy_document": support::trials::TRUST }),
            held: Fault::nth("CreateRole", 1, stall(true)),
            there: |world| world.state()["roles"].to_string().contains("new-role"),
            done: 0,
            unknown: 1,
            says: "interrupted: 1 unknown",
        },
    ]
}

#[test]
fn a_run_killed_at_any_instant_can_be_told_and_gone_on_with() {
    for case in kills() {
        let what = format!("{} held up at {:?}", case.action, case.held);
        let clean = World::new();
        clean.run(case.action, case.set.clone()).expect("success", &what);
        let world = World::new();
        world.fault(case.held);
        let child = start(&world, case.action, &json!([case.set]));
        until(&what, || (case.there)(&world));
        let (line, text, told) = newest(&world);
        assert!(line.contains("  under way: "), "{what}: {line}");
        assert_eq!(told["state"], "under_way", "{what}");
        assert!(text.contains("wait for its end"), "{what}\n{text}");
        kill(child);

        let (line, text, told) = newest(&world);
        assert!(line.contains(case.says), "{what}: {line}");
        assert!(line.contains(case.action) && line.contains(" UTC  "), "{what}: {line}");
        assert_eq!(told["state"], "interrupted", "{what}");
        assert_eq!(of_status(&told, "succeeded").len(), case.done, "{what}\n{text}");
        assert_eq!(of_status(&told, "unknown").len(), case.unknown, "{what}\n{text}");
        let all = told["sets"][0]["changes"].as_array().unwrap().len();
        assert_eq!(of_status(&told, "not_done").len(), all - case.done - case.unknown, "{what}\n{text}");
        for change in of_status(&told, "unknown") {
            assert!(text.contains(&format!("Unknown: {change}")), "{what}\n{text}");
            assert!(text.contains("may or may not have carried it out"), "{what}\n{text}");
        }
        for change in told["sets"][0]["changes"].as_array().unwrap() {
            if change["status"] == "succeeded" {
                assert!(text.contains(change["request_id"].as_str().unwrap()), "{what}\n{text}");
            }
            assert!(change["reversal"].is_object() && change["stage"].is_u64(), "{what}: {change}");
        }
        assert!(text.contains("What to do:") && text.contains("again: it looks at what is there"), "{what}\n{text}");
        assert!(!text.contains("{\""), "no JSON for humans\n{text}");

        world.no_faults();
        world.run(case.action, case.set).expect("success", &what);
        assert_eq!(world.state(), clean.state(), "{what}: as after one clean run");
        let (line, text, _) = newest(&world);
        assert!(line.contains("  done"), "{what}: {line}");
        assert!(!text.contains("What to do"), "{what}\n{text}");
        assert!(!world.state_dir.join("unfinished").read_dir().unwrap().any(|_| true), "{what}: nothing is left");
    }
}

#[test]
fn parameter_sets_are_told_apart() {
    let world = World::new();
    // The second deletion of a password is held up: the first set ends, the third is not begun.
    world.fault(Fault::nth("DeleteLoginProfile", 2, Effect::Stall { seconds: 60.0, executed: false }));
    let sets = json!([{ "username": "mallory" }, { "username": "alice" }, { "username": "bob" }]);
    let child = support::start_with(&world, "disable user", &sets, json!({ "max_concurrency": 1 }));
    until("the second set", || events(&world, "ended") == 1 && events(&world, "succeeded") == 4);
    assert!(
        runs(&world, &[])
            .stdout
            .contains("user mallory, user alice  under way: 4 of 5 done, 1 of 3 parameter sets to come")
    );
    kill(child);
    let (line, text, told) = newest(&world);
    assert!(line.contains("interrupted: 1 unknown, 1 of 3 parameter sets not begun"), "{line}");
    let ended: Vec<_> = told["sets"].as_array().unwrap().iter().map(|set| (&set["set"], &set["ended"])).collect();
    assert_eq!(ended, [(&json!(0), &json!(true)), (&json!(1), &json!(false))]);
    assert_eq!((told["asked"].as_u64(), told["not_begun"].as_u64()), (Some(3), Some(1)));
    assert!(text.contains("user alice (parameter set 2 of 3)"), "{text}");
    assert!(text.contains("Run \"disable user\" on user alice again"), "only what is open is run again\n{text}");

    // The same target twice: only the index tells whose an entry is.
    let world = World::new();
    let twice = json!([{ "username": "alice", "disable_access_keys": false }, { "username": "alice" }]);
    world.run("disable user", twice).expect("success", "twice");
    let (line, _, told) = newest(&world);
    assert!(line.ends_with("user alice  done\n"), "{line}");
    let counts: Vec<_> =
        told["sets"].as_array().unwrap().iter().map(|set| set["changes"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [1, 2]);
}

#[test]
fn runs_that_ended_are_told_in_words() {
    let world = World::new();
    for (fault, action, set, words, advice) in [
        (None, "disable user", json!({ "username": "alice" }), "user alice  done", ""),
        (None, "disable user", json!({ "username": "alice" }), "done: nothing had to be changed", ""),
        (
            Some(Fault::every("DeleteAccessKey", support::denied())),
            "delete user",
            json!({ "username": "mallory" }),
            "failed: 2 of ",
            "Run \"delete user\" on user mallory again",
        ),
        (
            None,
            "disable user",
            json!({ "username": "awsiam-operator" }),
            "refused: no change on record",
            "the reason above says what to do",
        ),
        (None, "disable user", json!({ "username": "nobody" }), "failed: no change on record", "Run"),
    ] {
        world.sandbox.set_faults(fault.into_iter().collect());
        world.run(action, set);
        let (line, text, _) = newest(&world);
        assert!(line.contains(words), "{words}: {line}");
        assert!(text.contains(advice) && text.contains("What to do") != advice.is_empty(), "{text}");
    }
    assert!(runs(&world, &["--target", "ALICE"]).stdout.lines().count() >= 2);
    assert_eq!(runs(&world, &["--target", "zoe"]).stdout, "");
    let all: Vec<_> = runs(&world, &[]).stdout.lines().map(str::to_owned).collect();
    assert_eq!(all.len(), 5);
    assert!(all.windows(2).all(|pair| pair[0][..16] >= pair[1][..16]), "newest first: {all:?}");
    let json = runs(&world, &["--json", "--limit", "2"]).result;
    assert_eq!(json.as_array().unwrap().len(), 2);
    assert_eq!(json[0]["action"], "disable_user");
}

/// What a quota did not allow and something else was done in its place is no failure.
#[test]
fn a_quarantine_over_quota_is_told_as_done() {
    let world = World::new();
    let quota = Effect::Error { status: 409, code: "LimitExceeded".into(), message: "Cannot exceed quota".into() };
    world
        .sandbox
        .set_faults(vec![Fault::every("PutUserPolicy", quota.clone()), Fault::every("AttachUserPolicy", quota)]);
    world.run("quarantine user", json!({ "username": "alice" })).expect("success", "the third form");
    let (line, text, told) = newest(&world);
    assert!(line.ends_with("user alice  done\n"), "{line}");
    assert!(text.contains("replaced (quota)"), "{text}");
    assert_eq!(of_status(&told, "replaced").len(), 2, "{told}");
}

/// However much of a journal reached the disk: nothing is called done that has no end on record.
#[test]
fn a_journal_may_end_anywhere() {
    let world = World::new();
    world.run("disable user", json!({ "username": "alice" })).expect("success", "disabled");
    let path = journals(&world).remove(0);
    let id = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let whole = fs::read(&path).unwrap();
    let succeeded = |text: &[u8]| String::from_utf8_lossy(text).matches("\"status\":\"succeeded\"").count();
    for length in (0..whole.len()).step_by(53) {
        fs::write(&path, &whole[..length]).unwrap();
        let run = history::read(&world.state_dir, &id).unwrap();
        assert!(run.count(Status::Succeeded) <= succeeded(&whole[..length]), "{length}");
        assert_eq!(run.count(Status::Planned) + run.count(Status::Started), 0, "it is not under way: {length}");
        let torn = length > 0 && whole[length - 1] != b'\n' && whole[length] != b'\n';
        assert_eq!(run.trouble.len(), usize::from(torn), "{length}: {:?}", run.trouble);
    }
    // The last word was cut off: all was done, but not that it was seen.
    let last = whole.windows(15).position(|part| part == b"\"event\":\"ended\"").unwrap();
    fs::write(&path, &whole[..last]).unwrap();
    let (line, text, told) = newest(&world);
    assert!(line.contains("interrupted: all 3 done, not looked at again"), "{line}");
    assert!(text.contains("The journal: the last line was cut off in the middle and is left out"), "{text}");
    assert_eq!(of_status(&told, "succeeded").len(), 3);
    assert!(text.contains("again: it looks at what is there"), "{text}");
}

#[test]
fn where_there_are_no_runs_nothing_is_printed() {
    let world = World::new();
    let empty = support::folder();
    fs::create_dir(empty.join("runs")).unwrap();
    for dir in [&world.state_dir, &empty, &empty.join("missing")] {
        let ran = run(&["runs", "--state-dir", dir.to_str().unwrap()], "", &[]);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
    }
    let ran = run(&["runs"], "", &[("XDG_STATE_HOME", empty.to_str().unwrap())]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(run(&["runs", "--json", "--state-dir", empty.to_str().unwrap()], "", &[]).stdout, "[]\n");
    let unknown = runs(&world, &["show", "2026"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
    assert!(unknown.stderr.contains("There is no run 2026"), "{}", unknown.stderr);
    fs::remove_dir_all(empty).unwrap();
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_id() {
    let world = World::new();
    for username in ["alice", "bob"] {
        world.run("disable user", json!({ "username": username })).expect("success", username);
    }
    let asset = world.state_dir.join("asset.json");
    // Who reads journals need not have the credentials.
    fs::write(&asset, json!({ "state_dir": world.state_dir, "secret_key": { "env": "NOT_SET" } }).to_string()).unwrap();
    let listed = run(&["runs", "--asset", asset.to_str().unwrap()], "", &[]);
    let id = listed.stdout.split(' ').next().unwrap();
    let shown = run(&["runs", "show", &id[..20], "--asset", asset.to_str().unwrap()], "", &[]);
    assert!(shown.stdout.starts_with(&format!("Run {id}: disable user\ndone\n")), "{}{}", shown.stdout, shown.stderr);
    let several = runs(&world, &["show", "20"]);
    assert_eq!(several.code, 2);
    assert!(several.stderr.contains("give more of the id"), "{}", several.stderr);
}

/// A journal of a run so many days ago.
fn leave(world: &World, days: u64, number: u32, end: &str) -> PathBuf {
    let at = awsiam_iam::timestamp(SystemTime::now() - Duration::from_hours(24 * days));
    let time: String = at.chars().filter(char::is_ascii_alphanumeric).take(15).collect();
    let path = world.state_dir.join("runs").join(format!("{time}Z-{number:08x}.jsonl"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let begun = json!({ "event": "begun", "action": "disable_user", "sets": 1, "at": at, "set": 0 });
    fs::write(&path, format!("{begun}\n{end}")).unwrap();
    path
}

#[test]
fn retention_removes_old_journals_of_ended_runs_alone() {
    let closed = "{\"event\":\"closed\"}\n";
    let world = World::new();
    let old = leave(&world, 91, 1, closed);
    let recent = leave(&world, 89, 2, closed);
    let interrupted = leave(&world, 300, 3, "{\"event\":\"started\"}\n");
    let torn = leave(&world, 300, 4, &closed[..10]);
    let troubled = leave(&world, 300, 5, "{\"event\":\"closed\",\"trouble\":\"disk full\"}\n");
    let ancient = leave(&world, 366, 6, "");
    let live = leave(&world, 400, 7, "");
    let held = fs::File::open(&live).unwrap();
    held.lock().unwrap();
    let note = world.state_dir.join("runs/20010101T000000Z-notes.txt");
    fs::write(&note, "mine").unwrap();
    let memory = world.state_dir.join("unfinished/123456789012-user-AIDAOLD.json");
    fs::create_dir_all(memory.parent().unwrap()).unwrap();
    fs::write(&memory, "{}").unwrap();
    let there = |paths: &[&Path]| paths.iter().map(|path| path.exists()).collect::<Vec<_>>();
    let all: Vec<&Path> = vec![&old, &ancient, &recent, &interrupted, &torn, &troubled, &live, &note, &memory];

    world.run("get user", json!({ "username": "alice" })).expect("success", "a lookup");
    world.run("disable user", json!({ "username": "bob", "dry_run": true })).expect("success", "a dry run");
    let for_ever = json!({ "retention_days": "0" });
    world.run_with("disable user", json!({ "username": "carol" }), for_ever).expect("success", "kept for ever");
    assert_eq!(there(&all), [true; 9], "lookups and dry runs leave all, and so does 0");

    let ran = world.run("disable user", json!({ "username": "bob" })).expect("success", "the default");
    assert_eq!(there(&all[..2]), [false; 2], "what is over is removed");
    assert_eq!(there(&all[2..]), [true; 7], "all else stays");
    assert!(!ran.stderr.contains("journal"), "quietly: {}", ran.stderr);

    let ran = world.run_with("disable user", json!({ "username": "dave" }), json!({ "retention_days": 30 }));
    ran.expect("success", "shorter");
    assert_eq!(there(&all[2..]), [false, true, true, true, true, true, true]);
    let wrong = world.run_with("disable user", json!({ "username": "dave" }), json!({ "retention_days": -1 }));
    assert_eq!(wrong.code, 2);
}

/// Looks for the canary in every file below a folder.
fn search(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path);
        } else {
            let text = fs::read(&path).unwrap();
            let found = text.windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}

#[test]
fn secrets_are_neither_in_the_folder_nor_shown() {
    let world = World::new();
    world.run("disable user", json!({ "username": "alice" })).expect("success", "disabled");
    let set = json!({ "username": "alice", "password": CANARY });
    world.fault(Fault::every("CreateLoginProfile", Effect::Stall { seconds: 60.0, executed: true }));
    let child = start(&world, "enable user", &json!([set]));
    until("the password", || events(&world, "started") == 3 + 1);
    search(&world.state_dir);
    kill(child);
    let killed = newest(&world);
    assert!(killed.1.contains("It needs its secret again"), "{}", killed.1);
    assert!(killed.1.contains("not repeatable from the journal"), "{}", killed.1);
    world.no_faults();
    world.run("enable user", set).expect("success", "enabled");
    let done = newest(&world);
    for (line, text, told) in [killed, done] {
        assert!(![line, text, told.to_string()].concat().contains(CANARY));
    }
    assert!(!runs(&world, &["--json"]).stdout.contains(CANARY));
    search(&world.state_dir);
}

/// Where the disk gives out half-way, what is on stderr instead is not called "not done".
#[test]
fn a_journal_with_holes_says_so() {
    let world = World::new();
    world.run("disable user", json!({ "username": "alice" })).expect("success", "disabled");
    let path = journals(&world).remove(0);
    let text = fs::read_to_string(&path).unwrap();
    let planned: String = text.split_inclusive('\n').take(3).collect();
    let closed = json!({ "event": "closed", "trouble": "The journal could not be written: disk full." });
    fs::write(&path, format!("{planned}{{\"event\":\"sta\n{closed}\n")).unwrap();
    let id = path.file_stem().unwrap().to_str().unwrap();
    let run = history::read(&world.state_dir, id).unwrap();
    assert_eq!((run.state, run.count(Status::Unknown)), (State::Ended, 3));
    let (line, text, _) = newest(&world);
    assert!(line.contains("ended: 3 unknown"), "{line}");
    assert!(text.contains("line 4 is damaged") && text.contains("disk full"), "{text}");
}
