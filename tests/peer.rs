//! The action suite against an independent stand-in for IAM: our own sandbox could share our mistakes.
//!
//! Opt-in, because it needs more than a Rust toolchain: `AWSIAM_PEER=moto cargo test -p awsiam --test peer`, with
//! `moto_server` on the PATH or named by `AWSIAM_MOTO_SERVER`. Where the peer is known not to behave as AWS does, the
//! deviation stands below with its reason.

mod support;

use awsiam_actions::action;
use awsiam_actions::action::Run;
use awsiam_iam::credentials::{Keys, Settings, Source};
use awsiam_iam::transport::Transport;
use awsiam_iam::{Call, Client, table};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::trials::{TRUST, trials};
use support::{Ran, run};

/// Where moto does not do what AWS does: the action, what its result then says instead of success, and why.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    (
        "delete user",
        "service specific credentials",
        "moto does not have ListServiceSpecificCredentials (HTTP 500): what is not known to be gone is not called deleted",
    ),
    (
        "contain user",
        "service specific credentials",
        "moto does not have ListServiceSpecificCredentials (HTTP 500): a user is not contained while a kind is not read",
    ),
    ("find access key owner", "AKIASANDBOXALICE0001", "moto chooses the ids of keys: this one is not there"),
];

struct Moto {
    child: Child,
    endpoint: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start() -> Moto {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let program = std::env::var("AWSIAM_MOTO_SERVER").unwrap_or_else(|_| "moto_server".to_owned());
    let mut command = Command::new(&program);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true");
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child =
        child.unwrap_or_else(|error| panic!("{program} cannot be started: {error}; pip install 'moto[server]'"));
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < Duration::from_mins(1), "moto did not come up");
        std::thread::sleep(Duration::from_millis(100));
    }
    Moto { child, endpoint: format!("http://127.0.0.1:{port}") }
}

/// An account with nothing in it.
fn reset(endpoint: &str) {
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://")).unwrap();
    stream.write_all(b"POST /moto-api/reset HTTP/1.0\r\ncontent-length: 0\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.contains(" 200 "), "{reply}");
}

/// Makes the entities that the trials are about, by our own calls.
fn seed(endpoint: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let keys = Keys { access_key_id: "AKIATEST".into(), secret_access_key: "x".into(), session_token: None };
        let settings = Settings { endpoint_url: Some(endpoint.to_owned()), ..Settings::new(Source::Keys(keys)) };
        let client = Client::connect(&settings, &Transport::default()).await;
        let call = async |operation: &str, parameters: Value| {
            let call = Call::new(table::operation(operation).unwrap(), parameters).unwrap();
            client.send(&call).await.unwrap_or_else(|error| panic!("seeding: {error}")).data
        };
        for group in ["admins", "developers"] {
            call("CreateGroup", json!({ "GroupName": group })).await;
        }
        for (user, path) in
            [("alice", "/engineering/"), ("bob", "/engineering/"), ("mallory", "/engineering/"), ("carol", "/finance/")]
        {
            call("CreateUser", json!({ "UserName": user, "Path": path })).await;
            if user != "carol" {
                call("AddUserToGroup", json!({ "UserName": user, "GroupName": "developers" })).await;
                call("CreateLoginProfile", json!({ "UserName": user, "Password": "not-a-real-Passw0rd!" })).await;
                call("CreateAccessKey", json!({ "UserName": user })).await;
            }
        }
        call("AddUserToGroup", json!({ "UserName": "alice", "GroupName": "admins" })).await;
        let read_docs =
            call("CreatePolicy", json!({ "PolicyName": "ReadDocs", "Path": "/docs/", "PolicyDocument": document() }))
                .await;
        let read_docs = read_docs["Policy"]["Arn"].as_str().unwrap().to_owned();
        for user in ["alice", "mallory"] {
            call(
                "AttachUserPolicy",
                json!({ "UserName": user, "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess" }),
            )
            .await;
            call("AttachUserPolicy", json!({ "UserName": user, "PolicyArn": read_docs })).await;
            call("PutUserPolicy", json!({ "UserName": user, "PolicyName": "p", "PolicyDocument": document() })).await;
        }
        for role in ["app-role", "deploy-role"] {
            call("CreateRole", json!({ "RoleName": role, "AssumeRolePolicyDocument": TRUST })).await;
        }
        let s3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
        call("AttachRolePolicy", json!({ "RoleName": "app-role", "PolicyArn": s3 })).await;
        call("PutRolePolicy", json!({ "RoleName": "app-role", "PolicyName": "p", "PolicyDocument": document() })).await;
        call("CreateInstanceProfile", json!({ "InstanceProfileName": "app-role" })).await;
        call("AddRoleToInstanceProfile", json!({ "InstanceProfileName": "app-role", "RoleName": "app-role" })).await;
    });
}

fn document() -> &'static str {
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#
}

fn act(endpoint: &str, name: &str, set: &Value) -> Ran {
    let folder = support::folder();
    let config = json!({ "access_key": "AKIATEST", "secret_key": "x", "endpoint_url": endpoint, "state_dir": folder });
    let ran = run(&["run"], &json!({ "action": name, "config": config, "parameters": [set] }).to_string(), &[]);
    std::fs::remove_dir_all(folder).unwrap();
    ran
}

#[test]
fn every_action_does_at_moto_what_it_does_in_the_sandbox() {
    if std::env::var("AWSIAM_PEER").as_deref() != Ok("moto") {
        return;
    }
    let moto = start();
    // Keys get ids of the peer's own, so that what names one is the sandbox's to try; so is what needs a preparation.
    for trial in
        trials().into_iter().filter(|trial| trial.prepared_by.is_none() && trial.set["access_key_id"].is_null())
    {
        reset(&moto.endpoint);
        seed(&moto.endpoint);
        if let Some((_, says, reason)) = DEVIATIONS.iter().find(|(name, ..)| *name == trial.action) {
            let ran = act(&moto.endpoint, trial.action, &trial.set).expect("failed", reason);
            assert!(ran.message().contains(says), "{}: {}", trial.action, ran.message());
            continue;
        }
        let ran = act(&moto.endpoint, trial.action, &trial.set).expect("success", trial.action);
        let counted = trial.says.starts_with("Total");
        assert!(counted || ran.message().contains(trial.says), "{}: {}", trial.action, ran.message());
        if matches!(action(trial.action).unwrap().run, Run::Runbook(_)) {
            assert_eq!(ran.record()["verified"]["state"], "verified", "{}: {}", trial.action, ran.stdout);
            let again = act(&moto.endpoint, trial.action, &trial.set);
            let expected = if trial.again_fails { "failed" } else { "success" };
            let again = again.expect(expected, trial.action);
            let changed = again.changes().iter().any(|change| change["status"] == "succeeded");
            assert!(trial.again_changes || !changed, "{} changed something again: {}", trial.action, again.stdout);
        }
        let Some(missing) = &trial.missing else { continue };
        let expected = if trial.missing_is_fine { "success" } else { "failed" };
        let ran = act(&moto.endpoint, trial.action, missing).expect(expected, trial.action);
        assert!(trial.missing_is_fine || ran.message().contains("NoSuchEntity"), "{}: {}", trial.action, ran.message());
    }
}
