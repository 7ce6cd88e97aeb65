//! What cannot be meant is refused: exit code 2, a failed result that says what to change, and no call.

mod support;

use serde_json::{Value, json};
use support::{CANARY, World, run, run_bytes};

/// Runs a request that must be refused, and returns its message.
fn refused(world: &World, request: &str, why: &str) -> String {
    let ran = run(&["run", "-"], request, &[]);
    assert_eq!(ran.code, 2, "{why}: {}", ran.stdout);
    assert_eq!(ran.result["status"], "failed", "{why}");
    assert_eq!(ran.result["exception_occured"], false, "{why}");
    assert_eq!(world.calls().len(), 0, "{why}: a call was made");
    let of_sets = ran.result["result_data"].as_array().unwrap().iter().filter_map(|item| item["message"].as_str());
    let told: Vec<_> = of_sets.chain(ran.result["message"].as_str()).collect();
    assert!(!ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY), "{why}");
    told.join(" | ")
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn requests_that_cannot_be_meant() {
    let world = World::new();
    let with = |action: &str, parameters: Value| {
        json!({ "action": action, "config": world.asset(), "parameters": parameters }).to_string()
    };
    let cases: Vec<(&str, String, &str)> = vec![
        ("empty", String::new(), "empty"),
        ("blank", " \n".into(), "empty"),
        ("not JSON", "{".into(), "not JSON (line 1"),
        ("a list", "[]".into(), "must be a JSON object"),
        ("a secret in broken JSON", format!("{{\"password\": {CANARY}"), "not JSON"),
        ("no action", json!({ "parameters": [] }).to_string(), "names no action"),
        ("action of another type", json!({ "action": 1 }).to_string(), "must be a string"),
        ("unknown action", with("disable users", json!([{}])), "did you mean \"disable user\"?"),
        ("nothing like an action", with("fly", json!([{}])), "awsiam actions"),
        (
            "two actions",
            json!({ "action": "get user", "identifier": "delete_user" }).to_string(),
            "but \"identifier\" says",
        ),
        ("parameters of another type", with("get user", json!("alice")), "must be a list of objects"),
        ("a set of another type", with("get user", json!([1])), "item 0 must be an object"),
        (
            "config of another type",
            json!({ "action": "get user", "config": [], "parameters": [{}] }).to_string(),
            "must be an object",
        ),
        ("unknown parameter", with("disable user", json!([{ "usernam": "alice" }])), "did you mean \"username\"?"),
        (
            "missing parameter",
            with("disable user", json!([{}])),
            "Parameter \"username\" of action \"disable user\" is required",
        ),
        ("blank parameter", with("disable user", json!([{ "username": "" }])), "is required"),
        ("null parameter", with("disable user", json!([{ "username": null }])), "is required"),
        ("ill-typed parameter", with("disable user", json!([{ "username": 7 }])), "must be a string, not the number 7"),
        (
            "a string for a boolean",
            with("disable user", json!([{ "username": "alice", "disable_access_keys": "false" }])),
            "\"disable_access_keys\" must be true or false (a JSON boolean",
        ),
        (
            "a number for a boolean",
            with("disable user", json!([{ "username": "alice", "disable_access_keys": 0 }])),
            "must be true or false",
        ),
        (
            "a string for dry_run",
            with("disable user", json!([{ "username": "alice", "dry_run": "true" }])),
            "\"dry_run\" must be true or false",
        ),
        (
            "a name outside IAM's rules",
            with("get user", json!([{ "username": "al ice" }])),
            "characters that IAM does not allow",
        ),
        (
            "a name with a letter of another alphabet",
            with("get user", json!([{ "username": "älice" }])),
            "characters that IAM does not allow",
        ),
        (
            "a name that is too long",
            with("get user", json!([{ "username": "a".repeat(129) }])),
            "at most 128 characters",
        ),
        (
            "an ARN for a name",
            with("get user", json!([{ "username": "arn:aws:iam::123456789012:user/alice" }])),
            "characters that IAM does not allow",
        ),
        (
            "a user's id for an access key's",
            with("find access key owner", json!([{ "access_key_id": "AIDASANDBOXALICE0001" }])),
            "AIDA… is that of a user",
        ),
        (
            "a role's id for an access key's",
            with("find access key owner", json!([{ "access_key_id": "AROASANDBOXALICE0001" }])),
            "AROA… is that of a role",
        ),
        (
            "an access key id in small letters",
            with("find access key owner", json!([{ "access_key_id": "akiasandboxalice0001" }])),
            "must be the id of an access key",
        ),
        (
            "an access key id that is too short",
            with("find access key owner", json!([{ "access_key_id": "AKIA1" }])),
            "16 to 128 characters",
        ),
        (
            "a path without slashes",
            with("list users", json!([{ "user_path": "engineering" }])),
            "always starts and ends with \"/\"",
        ),
        (
            "a path with a blank",
            with("list users", json!([{ "user_path": "/a b/" }])),
            "characters that IAM does not allow",
        ),
        (
            "a document that is not JSON",
            with("add role", json!([{ "role_name": "x", "role_policy_document": "{" }])),
            "Please provide a valid json string in policy document.",
        ),
        (
            "a document that is a list",
            with("add role", json!([{ "role_name": "x", "role_policy_document": "[]" }])),
            "must be a JSON object",
        ),
        (
            "a password that is too long",
            with("enable user", json!([{ "username": "x", "password": CANARY.repeat(9) }])),
            "at most 128 characters",
        ),
        (
            "credentials that are none",
            with("get user", json!([{ "username": "x", "credentials": CANARY }])),
            "\"credentials\" must be",
        ),
        (
            "credentials without a secret",
            with("get user", json!([{ "username": "x", "credentials": format!("{{'AccessKeyId': '{CANARY}'}}") }])),
            "has no SecretAccessKey",
        ),
        (
            "a large request",
            format!("{{\"action\": \"get user\", \"x\": \"{}\"}}", "x".repeat(10 * 1024 * 1024)),
            "larger than 4 MiB",
        ),
    ];
    for (why, request, expected) in cases {
        let told = refused(&world, &request, why);
        assert!(told.contains(expected), "{why}: {told}");
    }
}

#[test]
fn a_byte_order_mark_is_named() {
    let world = World::new();
    let text = json!({ "action": "list roles", "config": world.asset() }).to_string();
    let ran = run_bytes(&["run"], &[b"\xef\xbb\xbf", text.as_bytes()].concat(), &[]);
    assert_eq!((ran.code, world.calls().len()), (2, 0));
    assert!(ran.result["message"].as_str().unwrap().contains("byte order mark"), "{}", ran.stdout);
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn assets_that_cannot_be_meant() {
    let world = World::new();
    let cases: Vec<(&str, Value, &str)> = vec![
        ("no credentials", json!({}), "Please provide access keys or select assume role check box"),
        ("a key without its secret", json!({ "access_key": "AKIAX" }), "access_key is given without secret_key"),
        ("a secret without its key", json!({ "secret_key": CANARY }), "secret_key is given without access_key"),
        ("blank keys", json!({ "access_key": "", "secret_key": null }), "Please provide access keys"),
        ("a token alone", json!({ "session_token": CANARY }), "session_token needs access_key"),
        ("a key with a blank", json!({ "access_key": format!("A {CANARY}"), "secret_key": "x" }), "blanks"),
        ("use_role as text", json!({ "use_role": "false" }), "use_role must be true or false"),
        (
            "a variable that is not set",
            json!({ "access_key": { "env": "AWSIAM_NOT_SET" }, "secret_key": "x" }),
            "AWSIAM_NOT_SET, which is not set",
        ),
        (
            "a file that is not there",
            json!({ "access_key": "A", "secret_key": { "file": "/nonexistent/x" } }),
            "/nonexistent/x",
        ),
        (
            "a secret of another kind",
            json!({ "access_key": "A", "secret_key": { "vault": CANARY } }),
            "{\"env\": NAME}",
        ),
        (
            "an unknown region",
            json!({ "access_key": "A", "secret_key": "x", "region": "us-esat-1" }),
            "is not an AWS region",
        ),
        ("a short account", json!({ "access_key": "A", "secret_key": "x", "account_id": "123" }), "12 digits"),
        (
            "http to elsewhere",
            json!({ "access_key": "A", "secret_key": "x", "endpoint_url": "http://10.0.0.1" }),
            "http is only allowed to this machine",
        ),
        ("no URL", json!({ "access_key": "A", "secret_key": "x", "endpoint_url": "iam" }), "must be a URL"),
        (
            "a role that is no ARN",
            json!({ "access_key": "A", "secret_key": "x", "role_arn": "admin" }),
            "must be the ARN of a role",
        ),
        (
            "an external id alone",
            json!({ "access_key": "A", "secret_key": "x", "external_id": CANARY }),
            "external_id needs role_arn",
        ),
        (
            "a time-out of zero",
            json!({ "access_key": "A", "secret_key": "x", "timeout": 0 }),
            "timeout must be a number from",
        ),
        (
            "a time-out in words",
            json!({ "access_key": "A", "secret_key": "x", "attempt_timeout": "soon" }),
            "attempt_timeout must be a number",
        ),
        (
            "a bundle that is not there",
            json!({ "access_key": "A", "secret_key": "x", "ca_bundle": "/nonexistent" }),
            "is not a file",
        ),
        (
            "a proxy that is no URL",
            json!({ "access_key": "A", "secret_key": "x", "proxy": CANARY }),
            "the proxy is not a URL",
        ),
        (
            "a list of numbers",
            json!({ "access_key": "A", "secret_key": "x", "protected_principals": [1] }),
            "must be a list of strings",
        ),
        ("keys and a profile", json!({ "access_key": "A", "secret_key": "x", "profile": "p" }), "not both"),
        (
            "an action that is not allowed",
            json!({ "access_key": "A", "secret_key": "x", "allowed_actions": "list roles" }),
            "does not allow action \"disable user\"",
        ),
        ("a read-only asset", json!({ "access_key": "A", "secret_key": "x", "read_only": true }), "read_only"),
    ];
    for (why, config, expected) in cases {
        let request = json!({ "action": "disable user", "config": config, "parameters": [{ "username": "alice" }] });
        let told = refused(&world, &request.to_string(), why);
        assert!(told.contains(expected), "{why}: {told}");
    }
}

#[test]
fn asset_files_that_cannot_be_read() {
    let folder = support::folder();
    let broken = folder.join("asset.json");
    std::fs::write(&broken, format!("{{\"secret_key\": {CANARY}")).unwrap();
    let list = folder.join("list.json");
    std::fs::write(&list, "[]").unwrap();
    for (path, expected) in
        [(folder.join("missing.json"), "cannot be read"), (broken, "is not JSON"), (list, "must be a JSON object")]
    {
        let ran = run(&["run", "--asset", path.to_str().unwrap()], r#"{"action": "list roles"}"#, &[]);
        assert_eq!(ran.code, 2);
        assert!(ran.result["message"].as_str().unwrap().contains(expected), "{}", ran.stdout);
        assert!(!ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY));
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// An endpoint in the environment is held to the same rule as one in the asset.
#[test]
fn a_plain_endpoint_in_the_environment_is_refused() {
    let request = json!({ "action": "list roles", "config": { "access_key": "A", "secret_key": "x" } }).to_string();
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS"] {
        let ran = run(&["run"], &request, &[(name, "http://192.0.2.1:80")]);
        assert_eq!(ran.code, 2, "{}", ran.stdout);
        assert!(ran.stdout.contains(name), "{}", ran.stdout);
    }
}

#[test]
fn one_faulty_set_fails_alone() {
    let world = World::new();
    let ran = world.run("get user", json!([{ "username": "alice" }, { "usernam": "bob" }, { "username": "bob" }]));
    assert_eq!(ran.code, 0);
    let status: Vec<_> =
        ran.result["result_data"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
    assert_eq!(status, ["success", "failed", "success"]);
    assert_eq!(ran.result["message"], "2 actions succeeded, 1 action failed");
    assert_eq!(ran.result["result_summary"], json!({ "total_objects": 3, "total_objects_successful": 2 }));
    assert!(ran.stderr.contains("1 of the parameter sets failed"), "{}", ran.stderr);
    let request = json!({ "action": "get user", "config": world.asset(), "parameters": [{ "username": "alice" }, {}] })
        .to_string();
    assert_eq!(run(&["run", "--strict"], &request, &[]).code, 1);
}

#[test]
fn secrets_from_environment_and_file_are_used() {
    let world = World::new();
    let key = world.sandbox.administrator();
    let file = world.state_dir.join("secret");
    std::fs::write(&file, format!("{}\n", key.secret_access_key)).unwrap();
    let mut config = world.asset();
    config["access_key"] = json!({ "env": "SOAR_KEY" });
    config["secret_key"] = json!({ "file": file });
    config["app_version"] = json!("2.1.9");
    let request = json!({ "action": "test connectivity", "config": config }).to_string();
    let ran = run(
        &["run"],
        &request,
        &[("SOAR_KEY", &key.access_key_id), ("AWS_ACCESS_KEY_ID", "AKIAWRONG"), ("AWS_SECRET_ACCESS_KEY", "x")],
    );
    assert_eq!(ran.status(), "success", "{}", ran.stdout);
    assert!(world.calls().iter().all(|seen| seen.access_key_id == key.access_key_id));
}
