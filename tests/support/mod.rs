//! What the end-to-end tests share: a sandboxed account, and the built program run against it as a platform would.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::needless_pass_by_value, reason = "json!(…) stands at every call")]

pub mod accounts;
pub mod schema;
pub mod trials;

use awsiam_sandbox::{Effect, Fault, Options, Sandbox, Seed, Seen};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A secret that must not show up anywhere.
pub const CANARY: &str = "Canary-Passw0rd!-4711";

/// An account in a sandbox, with a state folder of its own.
pub struct World {
    pub sandbox: Sandbox,
    pub state_dir: PathBuf,
    /// How many calls were made before what is looked at began.
    before: usize,
    /// The id of the run that prepared a trial.
    prepared: String,
}

/// One run of the program.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub result: Value,
}

impl Ran {
    /// The result of the first parameter set.
    pub fn first(&self) -> &Value {
        &self.result["result_data"][0]
    }

    pub fn message(&self) -> &str {
        self.first()["message"].as_str().unwrap_or_default()
    }

    pub fn status(&self) -> &str {
        self.first()["status"].as_str().unwrap_or_default()
    }

    /// The run's id.
    pub fn run_id(&self) -> String {
        self.record()["run_id"].as_str().unwrap_or_default().to_owned()
    }

    /// The run's own record.
    pub fn record(&self) -> &Value {
        &self.first()["extra_data"][0]
    }

    pub fn changes(&self) -> Vec<&Value> {
        self.record()["changes"].as_array().map(|changes| changes.iter().collect()).unwrap_or_default()
    }

    /// Asserts and goes on with the whole picture in the message.
    pub fn expect(self, status: &str, why: &str) -> Self {
        assert_eq!(self.status(), status, "{why}\n{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// Starts a run that is going to be held up.
pub fn start(world: &World, action: &str, sets: &Value) -> Child {
    start_with(world, action, sets, json!({}))
}

/// The same with more in the asset.
pub fn start_with(world: &World, action: &str, sets: &Value, more: Value) -> Child {
    let mut config = world.asset();
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    let request = json!({ "action": action, "config": config, "parameters": sets }).to_string();
    let mut child = program(&["run", "-"], &[]).spawn().unwrap();
    child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    child
}

/// Waits for something to come.
pub fn until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what} never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Ends a run as a crash would.
pub fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A folder of its own for a test; left behind only by a failing one.
pub fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("awsiam-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The demo account, with one more user who has everything that stands in the way of a deletion.
pub fn seed() -> Seed {
    let demo = Sandbox::start(Options::default()).unwrap().dump();
    let mut seed = demo;
    seed["users"].as_array_mut().unwrap().push(json!({
        "name": "mallory", "path": "/engineering/", "tags": { "team": "web" },
        "permissions_boundary": "arn:aws:iam::123456789012:policy/engineering-boundary",
        "groups": ["admins", "developers"],
        "login_profile": { "password": "not-a-real-Passw0rd!" },
        "access_keys": [{ "id": "AKIASANDBOXMALLORY01" }, { "id": "AKIASANDBOXMALLORY02", "status": "Inactive" }],
        "inline_policies": { "p": { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] } },
        "attached_policies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        "mfa_devices": [{ "serial": "arn:aws:iam::123456789012:mfa/mallory" }, { "serial": "GAHT12345678" }],
        "ssh_public_keys": [{ "id": "APKASANDBOXMALLORY01", "body": "ssh-rsa AAAA" }],
        "signing_certificates": [{ "id": "CERTSANDBOXMALLORY000001", "body": "-----BEGIN CERTIFICATE-----" }],
        "service_specific_credentials": [{ "id": "ACCASANDBOXMALLORY01", "service": "codecommit.amazonaws.com" }],
    }));
    let named = |entity: &&mut Value| entity["name"] == "app-role" || entity["name"] == "ReadDocs";
    seed["policies"].as_array_mut().unwrap().iter_mut().filter(named).for_each(|policy| {
        policy["tags"] = json!({ "owner": "docs" });
    });
    seed["roles"].as_array_mut().unwrap().iter_mut().filter(named).for_each(|role| {
        role["tags"] = json!({ "owner": "web" });
        role["permissions_boundary"] = "arn:aws:iam::123456789012:policy/engineering-boundary".into();
        role["last_used"] = json!({ "date": "2026-01-09T03:14:15Z", "service": "s3", "region": "us-east-1" });
    });
    seed["virtual_mfa_devices"].as_array_mut().unwrap().push(json!({ "name": "mallory" }));
    serde_json::from_value(seed).unwrap()
}

impl World {
    pub fn new() -> Self {
        Self::with(Options { seed: Some(seed()), ..Options::default() })
    }

    pub fn with(options: Options) -> Self {
        Self { sandbox: Sandbox::start(options).unwrap(), state_dir: folder(), before: 0, prepared: String::new() }
    }

    /// The asset of the sandbox's administrator.
    pub fn asset(&self) -> Value {
        let key = self.sandbox.administrator();
        json!({
            "access_key": key.access_key_id,
            "secret_key": key.secret_access_key,
            "endpoint_url": self.sandbox.endpoint(),
            "state_dir": self.state_dir,
            // The sandbox lets changes take hold at once.
            "propagation_pause": 0,
        })
    }

    /// Runs a request with the administrator's asset.
    pub fn run(&self, action: &str, set: Value) -> Ran {
        self.run_with(action, set, json!({}))
    }

    /// The same with more in the asset.
    pub fn run_with(&self, action: &str, set: Value, more: Value) -> Ran {
        let mut config = self.asset();
        for (name, value) in more.as_object().unwrap() {
            config[name] = value.clone();
        }
        let mut set = self.filled(&set);
        if let Some(before) = set["run"]["before"].as_array().cloned() {
            let faults = serde_json::from_value(set["run"]["faults"].take()).unwrap_or_default();
            set["run"] = self.prepare(&before, faults).into();
        }
        let sets = if set.is_array() { set } else { json!([set]) };
        run(&["run", "-"], &json!({ "action": action, "config": config, "parameters": sets }).to_string(), &[])
    }

    /// Parameters with the id of the run that prepared them.
    pub fn filled(&self, set: &Value) -> Value {
        let mut set = set.clone();
        if set["run"] == "the prepared one" {
            set["run"] = self.prepared.clone().into();
        }
        set
    }

    /// The account with what a trial needs.
    pub fn for_trial(trial: &trials::Trial) -> Self {
        Self::new().prepared_for(trial)
    }

    /// Lets the administrator do what has to come before a trial.
    pub fn prepared_for(mut self, trial: &trials::Trial) -> Self {
        if let Some((action, set)) = &trial.prepared_by {
            self.prepared = self.run(action, set.clone()).expect("success", action).run_id();
            self.before = self.sandbox.log().len();
        }
        self
    }

    /// Runs these actions one after the other, the last of them with faults, and returns the id of the last run.
    fn prepare(&self, before: &[Value], faults: Vec<Fault>) -> String {
        let mut id = String::new();
        for (at, step) in before.iter().enumerate() {
            if at + 1 == before.len() && !faults.is_empty() {
                self.sandbox.set_faults(faults.clone());
            }
            let action = step[0].as_str().unwrap();
            let ran = self.run(action, step[1].clone()).expect("success", action);
            id = ran.run_id();
        }
        if !faults.is_empty() {
            self.no_faults();
        }
        id
    }

    pub fn fault(&self, fault: Fault) {
        self.sandbox.set_faults(vec![fault]);
    }

    pub fn no_faults(&self) {
        self.sandbox.set_faults(vec![]);
    }

    /// What was called since the start, but for preparations.
    pub fn calls(&self) -> Vec<Seen> {
        self.sandbox.log().split_off(self.before)
    }

    /// The account as it is, without what differs from run to run: ids and dates of what was created.
    pub fn state(&self) -> Value {
        let mut state = self.sandbox.dump();
        normalize(&mut state);
        state
    }
}

fn normalize(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|name, _| {
                !["create_date", "update_date", "last_used", "password_last_used"].contains(&name.as_str())
            });
            // The id of an access key is its name; that of an entity is not.
            // The moment from which sessions are revoked is the run's own.
            map.remove("aws:TokenIssueTime");
            if map.contains_key("name") {
                map.remove("id");
            }
            map.values_mut().for_each(normalize);
        }
        Value::Array(items) => items.iter_mut().for_each(normalize),
        _ => {}
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.state_dir);
        }
    }
}

/// The program with a clean environment.
pub fn program(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_awsiam"));
    command.args(arguments).env_clear();
    for name in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("HOME", "/nonexistent").env("AWS_EC2_METADATA_DISABLED", "true").envs(environment.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
pub fn run(arguments: &[&str], stdin: &str, environment: &[(&str, &str)]) -> Ran {
    run_bytes(arguments, stdin.as_bytes(), environment)
}

pub fn run_bytes(arguments: &[&str], stdin: &[u8], environment: &[(&str, &str)]) -> Ran {
    let mut child = program(arguments, environment).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let text = stdin.to_vec();
    // A program that refuses a large request stops reading it.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&text)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    ran(output)
}

pub fn ran(output: Output) -> Ran {
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let result: Value = serde_json::from_str(&stdout).unwrap_or_default();
    // Whatever a test is about, its results keep to the published schemas.
    if let Some(action) = result["identifier"].as_str().and_then(awsiam_actions::action) {
        schema::validate_result(action.identifier, &result);
    }
    Ran { code: output.status.code().unwrap_or(-1), stdout, stderr, result }
}

/// IAM's answer to a caller who may not.
pub fn denied() -> Effect {
    Effect::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "User: x is not authorized to perform: iam:Y".into(),
    }
}
