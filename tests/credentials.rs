//! Where credentials come from, and how they reach IAM: roles, containers, profiles, assumed roles, proxies.

mod support;

use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use support::{World, run};

/// Serves one canned JSON answer to every request, and tells the head of each.
fn serve(body: String) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heads) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = vec![0; 8192];
            let n = stream.read(&mut bytes).unwrap_or(0);
            let _ = tell.send(String::from_utf8_lossy(&bytes[..n]).into_owned());
            let length = body.len();
            let _ = stream.write_all(
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes(),
            );
        }
    });
    (port, heads)
}

/// Keys that work at the sandbox, as a metadata service gives them.
fn keys(world: &World) -> Value {
    let key = world.sandbox.administrator();
    json!({ "AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret_access_key, "Token": null, "Expiration": "2099-01-01T00:00:00Z" })
}

/// What must never be used although it lies about.
const WRONG_KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIAFROMENVIRONMENT0"), ("AWS_SECRET_ACCESS_KEY", "wrong")];

fn used_only(world: &World, access_key_id: &str) {
    let calls = world.calls();
    assert!(!calls.is_empty());
    assert!(calls.iter().all(|seen| seen.access_key_id == access_key_id), "{calls:?}");
}

#[test]
fn a_role_is_the_container_s_and_never_a_key_of_the_environment() {
    let world = World::new();
    let mut given = keys(&world);
    given["Token"] = "".into();
    let (port, heads) = serve(given.to_string());
    let uri = format!("http://127.0.0.1:{port}/creds");
    let config = json!({ "use_role": true, "endpoint_url": world.sandbox.endpoint(), "access_key": "AKIAINTHEFORM0000000", "secret_key": "x" });
    let request = json!({ "action": "list roles", "config": config }).to_string();
    let environment = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "t"),
        WRONG_KEYS[0],
        WRONG_KEYS[1],
    ];
    let ran = run(&["run"], &request, &environment);
    assert!(heads.try_recv().unwrap().starts_with("GET /creds"), "the container service was asked");
    let used = world.calls();
    assert_eq!(used[0].access_key_id, world.sandbox.administrator().access_key_id, "{}", ran.stdout);
}

#[test]
fn a_profile_is_the_profile_s_and_never_a_key_of_the_environment() {
    let world = World::new();
    let key = world.sandbox.administrator();
    let file = world.state_dir.join("credentials");
    let text = format!(
        "[default]\naws_access_key_id = AKIADEFAULT000000000\naws_secret_access_key = x\n[soar]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.access_key_id, key.secret_access_key
    );
    std::fs::write(&file, text).unwrap();
    let request = json!({ "action": "test connectivity", "config": { "profile": "soar", "endpoint_url": world.sandbox.endpoint() } }).to_string();
    let ran = run(
        &["run"],
        &request,
        &[("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap()), WRONG_KEYS[0], WRONG_KEYS[1]],
    );
    assert_eq!(ran.status(), "success", "{}", ran.stdout);
    assert!(ran.message().contains(", with profile soar; may perform"), "{}", ran.message());
    used_only(&world, &key.access_key_id);
}

#[test]
fn a_role_is_assumed_on_top() {
    let world = World::new();
    let role = "arn:aws:iam::123456789012:role/deploy-role";
    let ran = world.run_with("list roles", json!({}), json!({ "role_arn": role })).expect("success", "assumed");
    let calls = world.calls();
    assert_eq!(calls[0].operation, "AssumeRole", "{}", ran.stdout);
    assert!(calls[1..].iter().all(|seen| seen.access_key_id.starts_with("ASIA")), "{calls:?}");
    let connected =
        world.run_with("test connectivity", json!({}), json!({ "role_arn": role })).expect("success", "assumed");
    assert!(connected.message().contains("assumed-role/deploy-role/"), "{}", connected.message());
    // The hop is guarded: the role that the caller is must not be removed by itself.
    let refused = world
        .run_with("remove role", json!({ "role_name": "deploy-role" }), json!({ "role_arn": role }))
        .expect("failed", "itself");
    assert_eq!(refused.record()["failure"]["rule"], "yourself", "{}", refused.stdout);
    // And so is the user whose key made the first hop.
    let refused = world
        .run_with("disable user", json!({ "username": "awsiam-operator" }), json!({ "role_arn": role }))
        .expect("failed", "hop");
    assert_eq!(refused.record()["failure"]["rule"], "yourself", "{}", refused.stdout);
    let wrong = world
        .run_with("list roles", json!({}), json!({ "role_arn": "arn:aws:iam::123456789012:role/app-role" }))
        .expect("failed", "trust");
    assert!(wrong.message().contains("no credentials could be had"), "{}", wrong.message());
}

#[test]
fn credentials_of_a_parameter_set_count_for_it_alone() {
    let world = World::new();
    let key = world.sandbox.administrator();
    let own = format!(
        "{{u'AccessKeyId': u'{}', u'SecretAccessKey': u'{}', u'SessionToken': None}}",
        key.access_key_id, key.secret_access_key
    );
    let bob = &world.sandbox.keys("bob")[0];
    let config = json!({ "access_key": bob.access_key_id, "secret_key": bob.secret_access_key, "endpoint_url": world.sandbox.endpoint() });
    let sets = json!([{ "username": "alice" }, { "username": "alice", "credentials": own }, { "username": "alice" }]);
    let ran = run(&["run"], &json!({ "action": "get user", "config": config, "parameters": sets }).to_string(), &[]);
    assert_eq!(ran.result["result_summary"]["total_objects_successful"], 3, "{}", ran.stdout);
    let by_key: Vec<_> = world.calls().iter().map(|seen| seen.access_key_id.clone()).collect();
    assert_eq!(by_key.iter().filter(|id| **id == key.access_key_id).count(), 3, "{by_key:?}");
    assert_eq!(ran.result["result_data"][1]["parameter"]["credentials"], "********");
}

#[test]
fn https_goes_through_the_proxy_and_this_machine_does_not() {
    let world = World::new();
    let (port, heads) = serve(String::new());
    let proxy = format!("http://soar:CANARY@127.0.0.1:{port}");
    let of = |config: Value| json!({ "action": "list roles", "config": config }).to_string();
    let https =
        json!({ "access_key": "A", "secret_key": "x", "endpoint_url": "https://iam.example.com", "timeout": 2 });
    let with = |more: Value| {
        let mut config = https.clone();
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        of(config)
    };
    let platform = json!({ "HTTPS_PROXY": { "value": proxy, "is_encrypted": false } });
    let ways = [
        (with(json!({ "proxy": proxy })), vec![]),
        (with(json!({ "_reserved_environment_variables": platform })), vec![]),
        (with(json!({})), vec![("HTTPS_PROXY", proxy.as_str())]),
    ];
    for (request, environment) in ways {
        let ran = run(&["run"], &request, &environment);
        assert_eq!(ran.status(), "failed");
        let head = heads.try_recv().unwrap_or_else(|_| panic!("the proxy was not asked: {}", ran.stdout));
        assert!(head.starts_with("CONNECT iam.example.com:443 "), "{head}");
        assert!(!ran.stdout.contains("CANARY") && !ran.stderr.contains("CANARY"), "{}", ran.stdout);
        while heads.try_recv().is_ok() {}
    }
    // A host that is excepted is not asked for through the proxy; nor is the sandbox on this machine.
    run(&["run"], &with(json!({ "proxy": proxy })), &[("NO_PROXY", "iam.example.com")]);
    assert!(heads.try_recv().is_err());
    let request = of(world.asset());
    let ran = run(&["run"], &request, &[("HTTP_PROXY", &proxy), ("http_proxy", &proxy), ("ALL_PROXY", &proxy)]);
    assert_eq!(ran.status(), "success", "{}", ran.stdout);
    assert!(heads.try_recv().is_err());
}

#[test]
fn a_bundle_without_certificates_is_named() {
    let world = World::new();
    let bundle = world.state_dir.join("bundle.pem");
    std::fs::write(&bundle, "nothing").unwrap();
    let config =
        json!({ "access_key": "A", "secret_key": "x", "endpoint_url": "https://127.0.0.1:9", "ca_bundle": bundle });
    let ran = run(&["run"], &json!({ "action": "list roles", "config": config }).to_string(), &[]);
    assert!(ran.message().contains("holds no PEM certificate"), "{}", ran.stdout);
}
