//! Every fault does what it says, to the calls that it names and to no others.

mod common;

use awsiam_sandbox::{Effect, Fault, Options, Sandbox};
use common::{Client, http, names, start, start_with};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn list(client: &Client) -> Result<Value, (u16, String)> {
    client.iam("ListGroups", json!({})).map_err(|refused| (refused.status, refused.code))
}

fn fault(sandbox: &Sandbox, json: Value) {
    sandbox.set_faults(serde_json::from_value(json).expect("faults"));
}

const FORM: &str = "Action=CreateUser&Version=2010-05-08&UserName=eve";

fn has_eve(sandbox: &Sandbox) -> bool {
    names(&sandbox.dump()["users"], "name").contains(&"eve".to_owned())
}

#[test]
fn throttles_by_occurrence_by_turn_and_by_rate() {
    let (sandbox, client) = start();
    let throttled = Err((400, "Throttling".to_owned()));
    sandbox.set_faults(vec![Fault::nth("ListGroups", 2, Effect::Throttle)]);
    client.ok("ListUsers", json!({}));
    let replies: Vec<_> = (0..3).map(|_| list(&client)).collect();
    assert!(replies[0].is_ok() && replies[1] == throttled && replies[2].is_ok());
    fault(&sandbox, json!([{ "every": 3, "do": "throttle" }]));
    let replies: Vec<_> = (0..6).map(|_| list(&client).is_ok()).collect();
    assert_eq!(replies, [true, true, false, true, true, false]);
    // Twelve calls that took longer than a second tell nothing about a limit for each second.
    let passed = loop {
        fault(&sandbox, json!([{ "do": { "throttle-above": { "per_second": 4 } } }]));
        let began = Instant::now();
        let passed = (0..12).filter(|_| list(&client).is_ok()).count();
        if began.elapsed() < Duration::from_millis(900) {
            break passed;
        }
    };
    assert_eq!(passed, 4);
    sandbox.set_faults(vec![]);
    assert!(list(&client).is_ok());
}

#[test]
fn answers_instead_of_iam() {
    let (sandbox, client) = start();
    fault(&sandbox, json!([{ "operation": "CreateUser", "do": "unavailable" }]));
    let raw = client.send("iam", FORM).expect("a reply");
    assert_eq!((raw.status, common::refused(&raw).code.as_str()), (503, "ServiceUnavailable"));
    fault(&sandbox, json!([{ "do": { "error": { "status": 409, "code": "ConcurrentModification" } } }]));
    assert_eq!(list(&client), Err((409, "ConcurrentModification".to_owned())));
    fault(
        &sandbox,
        json!([{ "operation": "CreateUser", "do": { "respond":
        { "status": 302, "content_type": "text/html", "headers": { "Location": "http://127.0.0.1:1/" }, "body": "<p>" } } }]),
    );
    let raw = client.send("iam", FORM).expect("a reply");
    assert_eq!((raw.status, raw.body.as_str()), (302, "<p>"));
    assert!(raw.headers.contains("content-type: text/html") && raw.headers.contains("location: http://127.0.0.1:1/"));
    assert!(!has_eve(&sandbox), "what was answered instead was not done");
    assert!(sandbox.log().iter().all(|seen| !seen.executed));
}

#[test]
fn loses_replies_after_and_resets_before_the_call() {
    let (sandbox, client) = start();
    sandbox.set_faults(vec![Fault::every("CreateUser", Effect::Reset)]);
    assert_eq!(client.send("iam", FORM).expect_err("no reply").kind(), ErrorKind::ConnectionReset);
    assert!(!has_eve(&sandbox));
    sandbox.set_faults(vec![Fault::every("CreateUser", Effect::LoseReply)]);
    assert_eq!(client.send("iam", FORM).expect_err("no reply").kind(), ErrorKind::UnexpectedEof);
    assert!(has_eve(&sandbox));
    let seen = sandbox.log();
    assert_eq!((seen[0].executed, seen[0].status), (false, 0));
    assert_eq!((seen[1].executed, seen[1].status), (true, 200));
}

#[test]
fn truncates_bodies_in_both_ways() {
    let (sandbox, client) = start();
    for full in [true, false] {
        fault(&sandbox, json!([{ "operation": "ListUsers", "do": { "truncate": { "full_length": full } } }]));
        let raw = client.send("iam", "Action=ListUsers&Version=2010-05-08").expect("a reply");
        let promised = raw.headers.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let promised: usize = promised.and_then(|length| length.trim().parse().ok()).expect("a length");
        assert!(!raw.body.is_empty() && !raw.body.contains("</ListUsersResponse>"));
        assert_eq!(raw.body.len() < promised, full);
    }
}

#[test]
fn delays_and_stalls() {
    let (sandbox, client) = start_with(Options { latency: Duration::from_millis(30), ..Options::default() });
    let took = |client: &Client| {
        let began = Instant::now();
        let done = client.send("iam", FORM).is_ok();
        (done, began.elapsed())
    };
    fault(&sandbox, json!([{ "operation": "CreateUser", "do": { "delay": { "milliseconds": 150 } } }]));
    let (done, time) = took(&client);
    assert!(done && time >= Duration::from_millis(180));
    client.ok("DeleteUser", json!({ "UserName": "eve" }));
    for executed in [false, true] {
        let stall = json!([{ "operation": "CreateUser", "do": { "stall": { "seconds": 0.2, "executed": executed } } }]);
        fault(&sandbox, stall);
        let (done, time) = took(&client);
        assert!(!done && time >= Duration::from_millis(200));
        assert_eq!(has_eve(&sandbox), executed);
    }
}

#[test]
fn reads_lag_behind_writes() {
    let (sandbox, client) = start();
    fault(&sandbox, json!([{ "operation": "GetUser", "do": { "lag": { "milliseconds": 300 } } }]));
    client.ok("CreateUser", json!({ "UserName": "eve" }));
    let eve = json!({ "UserName": "eve" });
    assert_eq!(client.no("GetUser", eve.clone()), (404, "NoSuchEntity".to_owned()));
    assert_eq!(client.no("CreateUser", eve.clone()).1, "EntityAlreadyExists", "writes do not lag");
    client.ok("ListUserTags", eve.clone());
    std::thread::sleep(Duration::from_millis(350));
    client.ok("GetUser", eve.clone());
    client.ok("DeleteUser", eve.clone());
    client.ok("GetUser", eve);
}

#[test]
fn lists_come_in_short_and_empty_pages() {
    let (sandbox, client) = start();
    let whole = client.ok("ListUsers", json!({}));
    assert_eq!(whole["IsTruncated"], false);
    for sizes in [json!([1]), json!([0, 2]), json!([0])] {
        fault(&sandbox, json!([{ "operation": "ListUsers", "do": { "short-pages": { "sizes": sizes } } }]));
        let (mut found, mut lengths, mut parameters) = (vec![], vec![], json!({}));
        loop {
            let page = client.ok("ListUsers", parameters.clone());
            let users = names(&page["Users"], "UserName");
            lengths.push(users.len());
            found.extend(users);
            assert_eq!(page["IsTruncated"] == true, page["Marker"].is_string());
            if page["IsTruncated"] == false {
                break;
            }
            parameters["Marker"] = page["Marker"].clone();
            assert!(lengths.len() < 20, "no end");
        }
        assert_eq!(found, names(&whole["Users"], "UserName"), "{sizes}");
        assert_eq!(lengths[0], usize::from(sizes[0] != 0), "{sizes}");
    }
}

#[test]
fn rivals_come_before_or_after() {
    let (sandbox, client) = start();
    let rival = |before: bool, operation: &str, parameters: Value| {
        json!({ "operation": "DeleteLoginProfile", "occurrences": [1],
            "do": { "rival": { "before": before, "operation": operation, "parameters": parameters } } })
    };
    let profile = json!({ "UserName": "carol" });
    let key = json!({ "UserName": "carol" });
    let reactivated =
        json!({ "UserName": "bob", "AccessKeyId": sandbox.keys("bob")[1].access_key_id, "Status": "Active" });
    fault(&sandbox, json!([rival(false, "CreateAccessKey", key), rival(false, "UpdateAccessKey", reactivated)]));
    client.ok("DeleteLoginProfile", profile.clone());
    assert_eq!(sandbox.keys("carol").len(), 1);
    assert_eq!(sandbox.keys("bob")[1].status, "Active");
    client.ok("CreateLoginProfile", json!({ "UserName": "carol", "Password": "Secret-123" }));
    fault(&sandbox, json!([rival(true, "UpdateUser", json!({ "UserName": "carol", "NewUserName": "caro" }))]));
    assert_eq!(client.no("DeleteLoginProfile", profile), (404, "NoSuchEntity".to_owned()));
    client.ok("GetLoginProfile", json!({ "UserName": "caro" }));
}

#[test]
fn faults_that_make_no_sense_are_refused() {
    for wrong in [
        json!([{ "do": "trottle" }]),
        json!([{ "operation": "DeleteUser", "do": "throttle", "nth": 2 }]),
        json!([{ "do": { "delay": { "seconds": 2 } } }]),
        json!([{ "operation": "DeletUser", "do": "throttle" }]),
        json!([{ "do": { "rival": { "operation": "CreateSAMLProvider" } } }]),
    ] {
        let (sandbox, client) = start();
        let reply = http(&client.host, "PUT", "/_sandbox/faults", &[], &wrong.to_string()).expect("a reply");
        assert_eq!(reply.status, 400, "{wrong}");
        assert!(reply.body.contains("\"error\""));
        assert!(list(&client).is_ok());
        drop(sandbox);
    }
}

#[test]
fn the_control_interface_does_what_the_api_does() {
    let (sandbox, client) = start();
    let control = |method: &str, what: &str, body: &str| {
        let reply = http(&client.host, method, &format!("/_sandbox/{what}"), &[], body).expect("a reply");
        (reply.status, serde_json::from_str::<Value>(&reply.body).expect("JSON"))
    };
    let before = control("GET", "state", "").1;
    assert_eq!(before, sandbox.dump());
    assert_eq!(
        control("PUT", "faults", r#"[{"operation":"ListGroups","do":"throttle"}]"#),
        (200, json!({ "faults": 1 }))
    );
    assert!(list(&client).is_err());
    client.ok("CreateUser", json!({ "UserName": "eve" }));
    client.ok("CreateLoginProfile", json!({ "UserName": "eve", "Password": "Secret-123" }));
    let log = control("GET", "log", "").1;
    assert_eq!(names(&log, "operation"), ["ListGroups", "CreateUser", "CreateLoginProfile"]);
    assert_eq!(log[2]["parameters"], json!({ "UserName": "eve", "Password": "********" }));
    assert_eq!((&log[0]["code"], &log[0]["executed"]), (&json!("Throttling"), &json!(false)));
    assert_ne!(control("GET", "state", "").1, before);
    assert_eq!(control("POST", "reset", "").0, 200);
    assert_eq!(control("GET", "state", "").1, before);
    assert!(list(&client).is_ok(), "faults are gone");
    let origin = [("origin".to_owned(), "http://example.com".to_owned())];
    assert_eq!(http(&client.host, "POST", "/_sandbox/reset", &origin, "").expect("a reply").status, 403);
    assert_eq!(control("DELETE", "state", "").0, 405);
}

#[test]
fn connections_are_kept_and_counted() {
    let (sandbox, client) = start();
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let who = (client.credentials.id.as_str(), client.credentials.secret.as_str(), None);
    let headers = awsiam_sandbox::sigv4::sign(who, "sts", &client.host, form, common::now());
    let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let lines = lines.concat();
    let request = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n{lines}\r\n{form}", form.len());
    let mut stream = TcpStream::connect(&client.host).expect("a connection");
    for _ in 0..2 {
        stream.write_all(request.as_bytes()).expect("sent");
        let mut reply = [0; 4096];
        let length = stream.read(&mut reply).expect("a reply");
        let text = String::from_utf8_lossy(&reply[..length]).to_lowercase();
        assert!(text.starts_with("http/1.1 200"), "{text}");
        for header in ["x-awsiam-sandbox: ", "date: ", "x-amzn-requestid: "] {
            assert!(text.contains(header), "{header}");
        }
    }
    assert_eq!(sandbox.connections(), 1);
    assert!(sandbox.log().iter().all(|seen| seen.connection == 1 && seen.operation == "GetCallerIdentity"));
}
