//! The call layer against a server that follows a script: what is sent, what is taken for an answer, what is repeated.

mod support;

use awsiam_iam::credentials::{Keys, Settings, Source};
use awsiam_iam::error::Ending;
use awsiam_iam::transport::Transport;
use awsiam_iam::types::{CreateLoginProfile, DeleteAccessKey, GetUser, ListAccessKeys, ListUsers, Sensitive};
use awsiam_iam::{Call, Client, Error, Kind, table};
use serde_json::json;
use std::time::{Duration, Instant};
use support::{Act, Scripted, error, success};

const USER: &str =
    "<User><Path>/</Path><UserName>bob</UserName><UserId>AIDA1</UserId><Arn>a</Arn><CreateDate>d</CreateDate></User>";

async fn client_to(endpoint: &str) -> Client {
    let keys = Keys { access_key_id: "AKIATEST".into(), secret_access_key: "CANARYSECRET".into(), session_token: None };
    let settings = Settings {
        endpoint_url: Some(endpoint.to_owned()),
        attempt_timeout: Duration::from_millis(1_500),
        ..Settings::new(Source::Keys(keys))
    };
    Client::connect(&settings, &Transport::default()).await
}

async fn get_user(server: &Scripted) -> Result<String, Error> {
    let client = client_to(&server.endpoint).await;
    client.read(&GetUser { user_name: "bob".into() }).await.map(|reply| reply.data.user.user_name)
}

fn answer(status: u16, body: String) -> Act {
    Act::Answer(status, "", body)
}

fn found() -> Act {
    answer(200, success("GetUser", USER))
}

#[tokio::test]
async fn a_call_is_a_signed_post_of_the_operation_that_was_meant() {
    let server = Scripted::serve(vec![found()]);
    assert_eq!(get_user(&server).await.unwrap(), "bob");
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 1);
    assert!(arrived[0].head.starts_with("POST / HTTP/1.1\r\n"), "{}", arrived[0].head);
    assert_eq!(arrived[0].body, "Action=GetUser&Version=2010-05-08&UserName=bob");
    let head = arrived[0].head.to_lowercase();
    assert!(head.contains("authorization: aws4-hmac-sha256 credential=akiatest/"), "{head}");
    assert!(head.contains("/us-east-1/iam/aws4_request"), "{head}");
    assert!(head.contains("app/awsiam-"), "the user agent names us: {head}");
}

/// The carrier's swap works for every operation: whatever the SDK's version does, the body that leaves is the meant one.
#[tokio::test]
async fn every_operation_can_be_carried() {
    for operation in table::operations() {
        let sample = awsiam_iam::example(operation);
        let call = Call::new(operation, sample).unwrap_or_else(|error| panic!("{}: {error}", operation.name));
        let result =
            if operation.has_result { format!("<{0}Result></{0}Result>", operation.name) } else { String::new() };
        let body = format!("<{0}Response>{result}</{0}Response>", operation.name);
        let server = Scripted::serve(vec![answer(200, body)]);
        let reply = client_to(&server.endpoint).await.send(&call).await;
        reply.unwrap_or_else(|error| panic!("{}: {error}", operation.name));
        let sent = server.arrived();
        assert!(sent[0].body.starts_with(&format!("Action={}&Version=", operation.name)), "{}", sent[0].body);
    }
}

#[tokio::test]
async fn what_is_not_a_whole_answer_to_this_call_is_an_error() {
    let whole = success("GetUser", USER);
    let cases = [
        ("truncated", whole[..whole.len() - 20].to_owned()),
        ("another operation's", success("GetRole", "<Role/>")),
        ("html", "<html><body>Sign in</body></html>".to_owned()),
        ("json", "{\"GetUserResponse\": {}}".to_owned()),
        ("empty", String::new()),
        ("blank", "\n".to_owned()),
        ("an error with 200", error("AccessDenied", "no")),
        ("no result", "<GetUserResponse><ResponseMetadata/></GetUserResponse>".to_owned()),
        ("without its members", success("GetUser", "<Other/>")),
    ];
    for (what, body) in cases {
        let server = Scripted::serve(vec![answer(200, body.clone())]);
        let outcome = get_user(&server).await;
        let failed = outcome.err().unwrap_or_else(|| panic!("{what} was taken for an answer"));
        assert_eq!(failed.kind, Kind::MalformedReply, "{what}: {failed}");
    }
}

#[tokio::test]
async fn errors_have_a_kind_a_code_and_a_request_id() {
    let cases = [
        (404, "NoSuchEntity", Kind::NotFound),
        (409, "EntityAlreadyExists", Kind::AlreadyExists),
        (409, "DeleteConflict", Kind::Conflict),
        (409, "LimitExceeded", Kind::Limit),
        (403, "AccessDenied", Kind::Denied),
        (403, "InvalidClientTokenId", Kind::BadCredentials),
        (403, "SignatureDoesNotMatch", Kind::BadCredentials),
        (403, "ExpiredToken", Kind::BadCredentials),
        (400, "ValidationError", Kind::InvalidRequest),
        (400, "PasswordPolicyViolation", Kind::InvalidRequest),
        (501, "NotImplemented", Kind::InvalidRequest),
    ];
    for (status, code, kind) in cases {
        let server =
            Scripted::serve(vec![answer(status, error(code, "In AWS's words & more".replace('&', "&amp;").as_str()))]);
        let failed = get_user(&server).await.unwrap_err();
        assert_eq!((failed.kind, failed.code.as_deref(), failed.status), (kind, Some(code), Some(status)));
        assert_eq!((failed.message.as_str(), failed.request_id.as_deref()), ("In AWS's words & more", Some("id-2")));
        assert_eq!((failed.operation.as_str(), failed.attempts.len()), ("GetUser", 1), "{code} is permanent");
        assert!(!failed.in_doubt());
        assert_eq!(server.arrived().len(), 1, "{code}");
    }
    for (status, kind) in [(403, Kind::Denied), (302, Kind::MalformedReply), (404, Kind::MalformedReply)] {
        let server = Scripted::serve(vec![Act::Answer(status, "location: http://127.0.0.1:9/\r\n", "<x/>".into())]);
        let failed = get_user(&server).await.unwrap_err();
        assert_eq!(
            (failed.kind, failed.status, server.arrived().len()),
            (kind, Some(status), 1),
            "{status} without a code"
        );
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let passing = [
        answer(400, error("Throttling", "Rate exceeded")),
        answer(429, String::new()),
        answer(503, "<html/>".into()),
        answer(500, error("ServiceFailure", "x")),
        answer(409, error("ConcurrentModification", "x")),
        answer(409, error("EntityTemporarilyUnmodifiable", "x")),
        Act::CloseAfterRead,
        Act::BreakOff(success("GetUser", USER)),
        Act::Stall(Duration::from_secs(4)),
    ];
    for act in passing {
        let server = Scripted::serve(vec![act.clone(), found()]);
        let outcome = get_user(&server).await;
        assert_eq!(outcome.ok().as_deref(), Some("bob"), "{act:?}");
        assert_eq!(server.arrived().len(), 2, "{act:?}");
    }
}

#[tokio::test]
async fn a_create_is_not_repeated_after_a_lost_reply_and_a_removal_is() {
    let create = Call::new(table::operation("CreateAccessKey").unwrap(), json!({ "UserName": "bob" })).unwrap();
    let remove =
        Call::of(&DeleteAccessKey { user_name: "bob".into(), access_key_id: "AKIA000000000000".into() }).unwrap();
    for lost in [
        Act::CloseAfterRead,
        Act::BreakOff(success("X", "y")),
        answer(200, "<html/>".into()),
        answer(500, String::new()),
    ] {
        let server = Scripted::serve(vec![lost.clone(), answer(404, error("NoSuchEntity", "gone"))]);
        let failed = client_to(&server.endpoint).await.send(&create).await.unwrap_err();
        assert!(failed.in_doubt(), "{lost:?}: it may have been created: {failed}");
        assert_eq!(server.arrived().len(), 1, "{lost:?}");
        let server = Scripted::serve(vec![lost.clone(), answer(404, error("NoSuchEntity", "gone"))]);
        let failed = client_to(&server.endpoint).await.send(&remove).await.unwrap_err();
        assert_eq!((failed.kind, failed.in_doubt(), server.arrived().len()), (Kind::NotFound, true, 2), "{lost:?}");
    }
    // What was surely not carried out is repeated even for a create.
    for refused in [answer(400, error("Throttling", "x")), answer(503, String::new())] {
        let server = Scripted::serve(vec![refused, answer(403, error("AccessDenied", "x"))]);
        let failed = client_to(&server.endpoint).await.send(&create).await.unwrap_err();
        assert_eq!((failed.kind, failed.in_doubt(), server.arrived().len()), (Kind::Denied, false, 2));
    }
}

#[tokio::test]
async fn nothing_at_the_endpoint_is_told_from_a_lost_reply() {
    let client = client_to("http://127.0.0.1:9").await;
    let failed = client.read(&GetUser { user_name: "bob".into() }).await.unwrap_err();
    assert_eq!(failed.kind, Kind::Connection, "{failed}");
    assert!(!failed.in_doubt());
    assert!(failed.attempts.iter().all(|attempt| matches!(attempt.ending, Ending::NotSent { .. })));
}

#[tokio::test]
async fn the_deadline_bounds_everything() {
    let forever = [answer(400, error("Throttling", "Rate exceeded")), Act::Stall(Duration::from_secs(50))];
    for act in forever {
        let server = Scripted::serve(vec![act.clone()]);
        let client =
            client_to(&server.endpoint).await.until(tokio::time::Instant::now() + Duration::from_millis(1_250));
        let began = Instant::now();
        let failed = client.read(&GetUser { user_name: "bob".into() }).await.unwrap_err();
        assert!(matches!(failed.kind, Kind::Throttled | Kind::TimeOut), "{failed}");
        assert!(began.elapsed() < Duration::from_secs(20), "{act:?}");
    }
}

#[tokio::test]
async fn bulk_throttling_starves_nobody() {
    // The SDK's shared budget of retries would be used up after a hundred of these.
    let mut acts = vec![];
    for _ in 0..150 {
        acts.extend([answer(400, error("Throttling", "Rate exceeded")), found()]);
    }
    let server = Scripted::serve(acts);
    let client = client_to(&server.endpoint).await;
    for n in 0..150 {
        let reply = client.read(&GetUser { user_name: "bob".into() }).await;
        assert!(reply.is_ok(), "call {n}: {reply:?}");
    }
}

fn page(operation: &str, items: &str, list: &str, more: &str) -> Act {
    answer(200, success(operation, &format!("<{list}>{items}</{list}>{more}")))
}

fn key(id: &str) -> String {
    format!("<member><UserName>bob</UserName><AccessKeyId>{id}</AccessKeyId><Status>Active</Status></member>")
}

#[tokio::test]
async fn lists_are_read_to_the_end_whatever_a_page_holds() {
    let more = |marker: &str| format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>");
    let server = Scripted::serve(vec![
        page("ListAccessKeys", &key("AKIA1"), "AccessKeyMetadata", &more("m1")),
        page("ListAccessKeys", "", "AccessKeyMetadata", &more("m2")),
        page(
            "ListAccessKeys",
            &key("AKIA2"),
            "AccessKeyMetadata",
            "<IsTruncated>false</IsTruncated><Marker>ignored</Marker>",
        ),
    ]);
    let client = client_to(&server.endpoint).await;
    let keys = client.read_all(&ListAccessKeys { user_name: "bob".into(), ..Default::default() }).await.unwrap().data;
    let ids: Vec<_> = keys.access_key_metadata.iter().map(|key| key.access_key_id.clone().unwrap()).collect();
    assert_eq!(ids, ["AKIA1", "AKIA2"]);
    let bodies: Vec<_> = server.arrived().into_iter().map(|arrived| arrived.body).collect();
    assert!(bodies.iter().all(|body| body.contains("&MaxItems=1000")), "{bodies:?}");
    assert!(bodies[1].contains("&Marker=m1") && bodies[2].contains("&Marker=m2"), "{bodies:?}");
}

#[tokio::test]
async fn a_list_that_cannot_be_read_to_its_end_is_no_list() {
    let endless = "<IsTruncated>true</IsTruncated><Marker>same</Marker>";
    for (what, acts) in [
        ("a page repeats its marker", vec![page("ListUsers", "", "Users", endless)]),
        ("more is promised without a marker", vec![page("ListUsers", "", "Users", "<IsTruncated>true</IsTruncated>")]),
        (
            "the second page is denied",
            vec![page("ListUsers", "", "Users", endless), answer(403, error("AccessDenied", "x"))],
        ),
    ] {
        let server = Scripted::serve(acts);
        let outcome = client_to(&server.endpoint).await.read_all(&ListUsers::default()).await;
        assert!(outcome.is_err(), "{what}");
    }
}

#[tokio::test]
async fn lists_that_the_paginators_leave_out_are_read_to_the_end_too() {
    let one = |id: &str, more: &str| {
        let member = format!("<member><ServiceSpecificCredentialId>{id}</ServiceSpecificCredentialId></member>");
        page("ListServiceSpecificCredentials", &member, "ServiceSpecificCredentials", more)
    };
    let more = "<IsTruncated>true</IsTruncated><Marker>m</Marker>";
    let server = Scripted::serve(vec![one("A", more), one("B", "<IsTruncated>false</IsTruncated>")]);
    let call =
        Call::new(table::operation("ListServiceSpecificCredentials").unwrap(), json!({ "UserName": "bob" })).unwrap();
    let reply = client_to(&server.endpoint).await.send_all(&call).await.unwrap();
    assert_eq!(reply.data["ServiceSpecificCredentials"].as_array().map(Vec::len), Some(2), "{}", reply.data);
    // Without a flag, the position alone says whether there is more.
    let paging = table::operation("ListDelegationRequests").unwrap().paging.as_ref().unwrap();
    assert!(paging.more.is_none());
}

#[test]
fn requests_are_checked_before_anything_is_sent() {
    let wrong = |operation: &str, parameters: serde_json::Value| {
        Call::new(table::operation(operation).unwrap(), parameters).unwrap_err().message.clone()
    };
    for (operation, parameters, expected) in [
        ("GetUser", json!({ "Username": "x" }), "GetUser: unknown member Username; it takes UserName"),
        ("DeleteUser", json!({}), "DeleteUser: UserName is missing"),
        ("DeleteUser", json!({ "UserName": null }), "DeleteUser: UserName is missing"),
        ("GetUser", json!({ "UserName": 1 }), "GetUser.UserName: expected a string, got a number"),
        ("ListUsers", json!({ "MaxItems": 1001 }), "ListUsers.MaxItems: must have at most 1000, has 1001"),
        ("ListUsers", json!({ "MaxItems": "1" }), "ListUsers.MaxItems: expected a whole number, got a string"),
        (
            "UpdateAccessKey",
            json!({ "AccessKeyId": "AKIA000000000000", "Status": "inactive" }),
            "UpdateAccessKey.Status: must be one of",
        ),
        (
            "TagUser",
            json!({ "UserName": "x", "Tags": [{ "Key": "a", "Value": "b" }, { "Value": "c" }] }),
            "TagUser.Tags[1]: Key is missing",
        ),
        ("GetUser", json!({ "UserName": "a b" }), "GetUser.UserName: has characters that IAM does not allow here"),
        ("GetUser", json!({ "UserName": "ü" }), "GetUser.UserName: has characters"),
        ("GetUser", json!([]), "GetUser: expected an object, got a list"),
    ] {
        let told = wrong(operation, parameters);
        assert!(told.starts_with(expected), "{told:?} should start with {expected:?}");
    }
    let secret = wrong("CreateLoginProfile", json!({ "UserName": "x", "Password": "CANARY\u{1}" }));
    assert!(!secret.contains("CANARY"), "{secret}");
}

#[test]
fn secrets_do_not_show() {
    let request = CreateLoginProfile {
        user_name: "x".into(),
        password: Some(Sensitive("CANARY".into())),
        password_reset_required: None,
    };
    let call = Call::of(&request).unwrap();
    assert!(!format!("{request:?} {call:?} {}", call.redacted()).contains("CANARY"));
    assert!(call.redacted()["Password"] == table::MASK);
}

/// The operation table and aws-sdk-iam know the same operations: a new one is noticed when either is updated.
#[test]
fn the_table_has_the_sdk_s_operations() {
    let output =
        std::process::Command::new(env!("CARGO")).args(["metadata", "--format-version", "1"]).output().unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let sdk = packages.iter().find(|package| package["name"] == "aws-sdk-iam").unwrap();
    let manifest = std::path::Path::new(sdk["manifest_path"].as_str().unwrap());
    let source = std::fs::read_to_string(manifest.with_file_name("src").join("operation.rs")).unwrap();
    let modules = source.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let mut theirs: Vec<_> = modules.map(|name| name.replace('_', "")).collect();
    let mut ours: Vec<_> = table::operations().iter().map(|operation| operation.name.to_lowercase()).collect();
    theirs.sort();
    ours.sort();
    assert_eq!(ours.len(), 180);
    assert_eq!(ours, theirs);
}
