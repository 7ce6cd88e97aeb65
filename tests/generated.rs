//! The declarations of actions and asset are whole, and what is generated of them is fresh and true.

#[path = "support/schema.rs"]
mod schema;

use awsiam::asset::Asset;
use awsiam::manifest::{self, COMMAND};
use awsiam::request;
use awsiam_actions::action::{Kind, Of};
use awsiam_actions::parameters::Parameters;
use awsiam_actions::{ACTIONS, action};
use schema::{check_result, unseen_outputs, validate, validate_result};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn json_files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

#[test]
fn generated_files_are_fresh() {
    let write = std::env::var_os("AWSIAM_WRITE").is_some_and(|value| value == "1");
    let current = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let readme = manifest::readme(&current).expect("README.md has the generated part");
    let files: Vec<_> = manifest::files().into_iter().chain([("README.md".to_owned(), readme)]).collect();
    let mut stale = vec![];
    for (path, text) in &files {
        let file = root().join(path);
        if std::fs::read_to_string(&file).ok().as_ref() == Some(text) {
            continue;
        }
        if write {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "stale: {stale:?}; run `{COMMAND}`");
    let known: BTreeSet<_> = files.iter().map(|(path, _)| root().join(path)).collect();
    let schemas = root().join("schemas");
    let found: BTreeSet<_> = json_files(&schemas).into_iter().chain(json_files(&schemas.join("actions"))).collect();
    let left: Vec<_> = found.difference(&known).collect();
    assert!(left.is_empty(), "of actions that there are no more: {left:?}; remove them");
}

#[test]
fn every_action_says_all_of_itself() {
    for action in ACTIONS {
        let name = action.name;
        assert!(!action.description.is_empty() && !action.message.is_empty(), "{name}");
        assert!(!action.outputs.is_empty() && !action.calls.is_empty(), "{name}");
        assert_eq!(action.read_only(), matches!(action.kind, Kind::Test | Kind::Investigate), "{name}");
        if !action.read_only() {
            assert!(!action.verbose.is_empty(), "{name}: what a responder should know before using it");
            assert!(!action.undoing.is_empty(), "{name}: what can be undone");
        }
        let mut names = BTreeSet::new();
        for parameter in action.form() {
            assert!(names.insert(parameter.name), "{name}: {} twice", parameter.name);
            assert!(!parameter.description.is_empty(), "{name}: {}", parameter.name);
            let shown = !parameter.of.is_secret() && !matches!(parameter.of, Of::Flag(_));
            assert_eq!(!parameter.example.is_empty(), shown, "{name}: example of {}", parameter.name);
        }
        let mut paths = BTreeSet::new();
        for output in action.outputs {
            assert!(paths.insert((output.summary, output.path)), "{name}: {} twice", output.path);
            assert!(!output.example.is_empty(), "{name}: {}", output.path);
            assert!(!output.summary || output.example.parse::<u64>().is_ok(), "{name}: {}", output.path);
        }
    }
}

/// Examples are what the action itself would accept.
#[test]
fn examples_of_parameters_are_valid() {
    for action in ACTIONS {
        let set: Map<_, _> = action
            .parameters
            .iter()
            .filter_map(|parameter| match parameter.of {
                Of::Flag(default) => Some((parameter.name.to_owned(), default.into())),
                Of::Secret { .. } => Some((parameter.name.to_owned(), "Correct-Horse-1".into())),
                Of::Credentials => None,
                _ => Some((parameter.name.to_owned(), parameter.example.into())),
            })
            .collect();
        assert_eq!(Parameters::validate(action, &set).err(), None, "{}", action.name);
        let schema = format!("actions/{}.json#/properties/parameters", action.identifier);
        assert_eq!(validate(&schema, &set.into()), Ok(()), "{}", action.name);
    }
}

#[test]
fn what_undoes_an_action_is_an_action_and_undone_by_it() {
    for one in ACTIONS {
        let Some(name) = one.undo else { continue };
        let other = action(name).unwrap_or_else(|| panic!("{}: no action {name}", one.name));
        assert_eq!(other.name, name, "the name and not the identifier");
        assert!(!one.read_only() && !other.read_only(), "{}", one.name);
        assert!(other.undo.is_none_or(|back| back == one.name), "{} and {name} differ", one.name);
    }
}

#[test]
fn names_identifiers_and_files_agree() {
    let identifiers: BTreeSet<_> = ACTIONS.iter().map(|action| action.identifier.to_owned()).collect();
    assert_eq!(identifiers.len(), ACTIONS.len(), "an identifier twice");
    for action in ACTIONS {
        assert_eq!(action.identifier, action.name.replace(' ', "_"));
    }
    let sources = json_files(&root().join("actions/src")).into_iter();
    let of_actions =
        sources.filter(|path| std::fs::read_to_string(path).unwrap().contains("\npub const ACTION: Action = "));
    let files: BTreeSet<_> = of_actions.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(files, identifiers);
}

#[test]
fn every_call_is_an_operation() {
    for action in ACTIONS {
        let mut calls = BTreeSet::new();
        for call in action.calls() {
            assert!(calls.insert(call), "{}: {call} twice", action.name);
            let known = match call.strip_prefix("sts:") {
                Some(operation) => operation.starts_with(char::is_uppercase),
                None => awsiam_iam::table::operation(call).is_some(),
            };
            assert!(known, "{}: {call}", action.name);
            let reads = call.strip_prefix("sts:").is_some()
                || awsiam_iam::table::operation(call).is_some_and(awsiam_iam::table::Operation::reads);
            assert!(!action.read_only() || reads, "{} only looks, but calls {call}", action.name);
        }
    }
}

#[test]
fn columns_are_numbered_without_gaps() {
    let manifest: Value = serde_json::from_str(&manifest::connector()).unwrap();
    for action in manifest["actions"].as_array().unwrap() {
        let mut paths = BTreeSet::new();
        let mut orders = vec![];
        for output in action["output"].as_array().unwrap() {
            assert!(paths.insert(output["data_path"].as_str().unwrap()), "{output}");
            orders.extend(output.get("column_order").map(|order| order.as_u64().unwrap()));
            assert_eq!(output.get("column_order").is_some(), output.get("column_name").is_some(), "{output}");
        }
        orders.sort_unstable();
        let wanted: Vec<_> = (0..orders.len() as u64).collect();
        assert_eq!(orders, wanted, "{}", action["action"]);
        if action["type"] != "test" {
            assert_eq!(action["render"]["type"], if orders.is_empty() { "json" } else { "table" });
        }
        let forms = action["parameters"].as_object().unwrap().values();
        let orders: Vec<_> = forms.map(|parameter| parameter["order"].as_u64().unwrap()).collect();
        assert_eq!(orders, (0..orders.len() as u64).collect::<Vec<_>>(), "{}", action["action"]);
    }
}

/// The schema of requests and the program agree on what can be run.
#[test]
fn the_schema_of_requests_is_what_the_program_takes() {
    let cases = [
        (true, json!({ "action": "disable user", "parameters": [{ "username": "alice" }] })),
        (true, json!({ "identifier": "disable_user", "parameters": { "username": "alice", "dry_run": true } })),
        (true, json!({ "action": "disable_user", "parameters": [{ "username": "alice", "context": { "id": 1 } }] })),
        (
            true,
            json!({ "action": "disable user", "parameters": [{ "username": "alice", "disable_access_keys": null, "credentials": "", "dry_run": "" }] }),
        ),
        (true, json!({ "action": "list users", "config": null, "asset_id": "7" })),
        (true, json!({ "action": "list users", "parameters": [] })),
        (true, json!({ "action": "list users", "parameters": [{ "user_path": "\\x\\", "group_name": "" }] })),
        (true, json!({ "action": "test connectivity", "config": { "read_only": true, "name": "ours" } })),
        (true, json!({ "action": "add role", "parameters": [{ "role_name": "r", "role_policy_document": "{}" }] })),
        (false, json!({})),
        (false, json!([])),
        (false, json!({ "action": "disable users", "parameters": [{ "username": "alice" }] })),
        (false, json!({ "action": "disable user", "parameters": "alice" })),
        (false, json!({ "action": "disable user", "parameters": [{}] })),
        (false, json!({ "action": "disable user", "parameters": [{ "username": "" }] })),
        (false, json!({ "action": "disable user", "parameters": [{ "username": 7 }] })),
        (false, json!({ "action": "disable user", "parameters": [{ "username": "a b" }] })),
        (false, json!({ "action": "disable user", "parameters": [{ "username": "x".repeat(200) }] })),
        (
            false,
            json!({ "action": "disable user", "parameters": [{ "username": "alice", "disable_access_keys": "false" }] }),
        ),
        (false, json!({ "action": "disable user", "parameters": [{ "username": "alice", "user": "bob" }] })),
        (false, json!({ "action": "list groups", "parameters": [{ "group_path": "x" }] })),
        (false, json!({ "action": "list groups", "parameters": [{ "group_path": "\\x\\" }] })),
        (false, json!({ "action": "list users", "config": "x" })),
        (false, json!({ "action": "enable user", "parameters": [{ "username": "alice", "password": "\u{20ac}" }] })),
    ];
    for (good, document) in cases {
        let read = request::parse(document.to_string().as_bytes());
        let taken =
            read.is_ok_and(|request| request.sets.iter().all(|set| Parameters::validate(request.action, set).is_ok()));
        assert_eq!(taken, good, "the program on {document}");
        let judged = validate("request.json", &document);
        assert_eq!(judged.is_ok(), good, "the schema on {document}: {judged:?}");
    }
}

/// The schema of assets and the program agree on what an asset may hold.
#[test]
fn the_schema_of_assets_is_what_the_program_takes() {
    let cases = [
        (true, json!({})),
        (true, json!({ "access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "s", "use_role": false })),
        (true, json!({ "use_role": true, "timeout": "20", "max_concurrency": 4, "region": "us-gov-west-1" })),
        (true, json!({ "use_role": "", "timeout": "", "profile": null, "external_id": "", "phantom_server": 1 })),
        (true, json!({ "protected_principals": ["admin*"], "allowed_actions": "list users, get user" })),
        (true, json!({ "account_id": "123456789012", "read_only": true, "require_journal": true })),
        (false, json!([])),
        (false, json!({ "use_role": "true" })),
        (false, json!({ "access_key": true, "secret_key": "s" })),
        (false, json!({ "access_key": "a", "secret_key": { "vault": "x" } })),
        (false, json!({ "timeout": 0 })),
        (false, json!({ "timeout": "soon" })),
        (false, json!({ "max_concurrency": 65 })),
        (false, json!({ "protected_principals": [1] })),
        (false, json!({ "region": ["us-east-1"] })),
    ];
    for (good, document) in cases {
        let taken = document.as_object().is_some_and(|asset| Asset::read(asset, &Map::new()).is_ok());
        assert_eq!(taken, good, "the program on {document}");
        let judged = validate("asset.json", &document);
        assert_eq!(judged.is_ok(), good, "the schema on {document}: {judged:?}");
    }
    let elsewhere = json!({ "access_key": { "env": "NAME" }, "secret_key": { "file": "/path" } });
    assert_eq!(validate("asset.json", &elsewhere), Ok(()));
}

#[test]
fn results_are_told_from_what_is_none() {
    let refused = printed(&["awsiam", "run", "--action", "disable usr"]);
    let refused: Value = serde_json::from_slice(&refused).unwrap();
    assert_eq!(validate("result.json", &refused), Ok(()));
    let panicked: Value = serde_json::from_str(&awsiam::result::after_panic("")).unwrap();
    assert_eq!(validate("result.json", &panicked), Ok(()));
    assert!(validate("result.json", &json!({ "status": "success" })).is_err());

    let item = |data: Value| {
        json!({
            "identifier": "list_groups",
            "result_data": [{
                "data": data, "extra_data": [{}], "summary": { "total_groups": 1 }, "status": "success",
                "message": "Total groups: 1", "parameter": {}, "context": {},
            }],
            "result_summary": { "total_objects": 1, "total_objects_successful": 1 },
            "status": "success", "message": "1 action succeeded",
            "exception_occured": false, "action_cancelled": false,
        })
    };
    let good = item(json!([{ "Arn": "a", "CreateDate": null, "More": 1 }]));
    assert!(check_result("list_groups", &item(json!([{ "Arn": 1 }]))).is_err(), "not text");
    assert!(check_result("list_groups", &item(json!(["a"]))).is_err(), "no object");
    assert!(check_result("list_users", &good).is_err(), "of another action");
    let unseen = |path: &str| unseen_outputs().contains(&("list_groups".to_owned(), path.to_owned()));
    assert!(unseen("data.*.Arn") && unseen("summary.total_groups"));
    validate_result("list_groups", &good);
    assert!(!unseen("data.*.Arn") && !unseen("summary.total_groups"));
    assert!(unseen("data.*.CreateDate") && unseen("data.*.Path"), "null is not produced");
}

#[cfg(feature = "sandbox")]
#[test]
fn nested_outputs_are_seen() {
    let run = ["awsiam", "run", "--sandbox", "--action", "get user", "--param", "username=alice"];
    validate_result("get_user", &serde_json::from_slice(&printed(&run)).unwrap());
    let unseen: Vec<_> = unseen_outputs().into_iter().filter(|(action, _)| action == "get_user").collect();
    assert_eq!(unseen, []);
}

/// What the program would write to stdout while it runs.
fn printed(arguments: &[&str]) -> Vec<u8> {
    static PRINTED: Mutex<Vec<u8>> = Mutex::new(vec![]);
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap();
    let ended = awsiam::main(arguments.iter().map(Into::into), |bytes| {
        PRINTED.lock().unwrap().extend_from_slice(bytes);
        true
    });
    assert_eq!(ended.stdout, "");
    std::mem::take(&mut PRINTED.lock().unwrap())
}

#[test]
fn a_readme_without_the_generated_part_is_left_alone() {
    assert_eq!(manifest::readme("# Another\n"), None);
    let kept = manifest::readme("before\n<!-- actions:begin -->\nold\n<!-- actions:end -->\nafter\n").unwrap();
    assert!(kept.starts_with("before\n") && kept.ends_with("\nafter\n") && !kept.contains("\nold\n"));
}

#[test]
fn the_subcommand_prints_the_manifest_or_writes_every_file() {
    let printed = awsiam::main(["awsiam", "manifest"].map(Into::into), |_| true);
    assert_eq!((printed.stdout, printed.code), (manifest::connector(), 0));
    let folder = std::env::temp_dir().join(format!("awsiam-manifest-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("README.md"), format!("{}\n{}\n", manifest::BEGIN, manifest::END)).unwrap();
    let arguments = ["awsiam", "manifest", "--write", "--dir", folder.to_str().unwrap()];
    let written = awsiam::main(arguments.map(Into::into), |_| true);
    assert_eq!((written.stdout.as_str(), written.code), ("", 0));
    for (path, text) in manifest::files() {
        assert_eq!(std::fs::read_to_string(folder.join(&path)).unwrap(), text, "{path}");
    }
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    assert!(ACTIONS.iter().all(|action| readme.contains(&format!("### {}\n", action.name))));
    std::fs::remove_dir_all(&folder).unwrap();
}
