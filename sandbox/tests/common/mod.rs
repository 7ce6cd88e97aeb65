//! A small signed client for the tests: one connection per call, no SDK, no retries.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::needless_pass_by_value, reason = "calls are written with json! in place")]

use awsiam_iam::{table, wire};
use awsiam_sandbox::{Key, Options, Sandbox, sigv4};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

/// A reply as it came.
#[derive(Debug)]
pub struct Raw {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

/// Credentials to sign with.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

impl From<Key> for Credentials {
    fn from(key: Key) -> Self {
        Self { id: key.access_key_id, secret: key.secret_access_key, token: None }
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("a time")
}

/// A client with somebody's credentials.
#[derive(Debug, Clone)]
pub struct Client {
    pub host: String,
    pub credentials: Credentials,
    /// How far the client's clock is ahead.
    pub ahead: i64,
}

/// What an error reply says.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: u16,
    pub code: String,
    pub message: String,
}

pub fn start() -> (Sandbox, Client) {
    start_with(Options::default())
}

pub fn start_with(options: Options) -> (Sandbox, Client) {
    let sandbox = Sandbox::start(options).expect("a sandbox");
    let client = Client::new(&sandbox, sandbox.administrator().into());
    (sandbox, client)
}

/// Sends bytes and reads to the end of the connection.
pub fn exchange(host: &str, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(request)?;
    let mut reply = vec![];
    stream.read_to_end(&mut reply)?;
    Ok(reply)
}

pub fn http(host: &str, method: &str, path: &str, headers: &[(String, String)], body: &str) -> std::io::Result<Raw> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name == "host") {
        request.extend(["host: ", host, "\r\n"]);
    }
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    let reply = exchange(host, format!("{request}\r\n{body}").as_bytes())?;
    let text = String::from_utf8(reply).expect("UTF-8");
    let (headers, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = headers[9..12].parse().expect("a status");
    Ok(Raw { status, headers: headers.to_lowercase(), body: body.to_owned() })
}

impl Client {
    pub fn new(sandbox: &Sandbox, credentials: Credentials) -> Self {
        Self { host: sandbox.endpoint().replace("http://", ""), credentials, ahead: 0 }
    }

    pub fn with(&self, credentials: Credentials) -> Self {
        Self { credentials, ..self.clone() }
    }

    /// Sends a form, signed for a service.
    pub fn send(&self, service: &str, form: &str) -> std::io::Result<Raw> {
        let who = (self.credentials.id.as_str(), self.credentials.secret.as_str(), self.credentials.token.as_deref());
        let headers = sigv4::sign(who, service, &self.host, form, now() + self.ahead);
        http(&self.host, "POST", "/", &headers, form)
    }

    /// Calls IAM.
    pub fn iam(&self, operation: &str, parameters: Value) -> Result<Value, Refused> {
        let operation = table::operation(operation).expect("an operation");
        let form = wire::encode(operation, &parameters).expect("parameters");
        let raw = self.send("iam", &form).expect("a reply");
        if raw.status == 200 { Ok(wire::decode(operation, &raw.body).expect("XML").0) } else { Err(refused(&raw)) }
    }

    /// Calls IAM, which has to agree.
    pub fn ok(&self, operation: &str, parameters: Value) -> Value {
        self.iam(operation, parameters).unwrap_or_else(|refused| panic!("{operation}: {refused:?}"))
    }

    /// Calls IAM, which has to refuse: its status and code.
    pub fn no(&self, operation: &str, parameters: Value) -> (u16, String) {
        let refused = self.iam(operation, parameters).expect_err(operation);
        (refused.status, refused.code)
    }

    /// Calls STS: the reply's body.
    pub fn sts(&self, form: &str) -> Result<String, Refused> {
        let raw = self.send("sts", &format!("Version=2011-06-15&{form}")).expect("a reply");
        if raw.status == 200 { Ok(raw.body) } else { Err(refused(&raw)) }
    }

    /// The session that an STS call begins.
    pub fn session(&self, form: &str) -> Self {
        let body = self.sts(form).expect("a session");
        self.with(Credentials {
            id: element(&body, "AccessKeyId"),
            secret: element(&body, "SecretAccessKey"),
            token: Some(element(&body, "SessionToken")),
        })
    }

    /// A new user with a key and an inline policy.
    pub fn user_with(&self, name: &str, policy: &Value) -> Self {
        self.ok("CreateUser", json!({ "UserName": name }));
        if policy.is_object() {
            let parameters = json!({ "UserName": name, "PolicyName": "own", "PolicyDocument": policy.to_string() });
            self.ok("PutUserPolicy", parameters);
        }
        let key = self.ok("CreateAccessKey", json!({ "UserName": name }));
        self.with(Credentials {
            id: key["AccessKey"]["AccessKeyId"].as_str().expect("an id").to_owned(),
            secret: key["AccessKey"]["SecretAccessKey"].as_str().expect("a secret").to_owned(),
            token: None,
        })
    }
}

pub fn refused(raw: &Raw) -> Refused {
    let (code, message, request_id) = wire::decode_error(&raw.body).unwrap_or_else(|| panic!("no error: {raw:?}"));
    assert!(raw.headers.contains(&format!("x-amzn-requestid: {}", request_id.expect("a request id"))));
    Refused { status: raw.status, code, message }
}

/// The text of the first element with this name.
pub fn element(xml: &str, name: &str) -> String {
    let from = xml.find(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}")) + name.len() + 2;
    xml[from..].split('<').next().unwrap_or_default().to_owned()
}

/// A policy with one statement.
pub fn policy(effect: &str, action: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": effect, "Action": action, "Resource": "*" }] })
}

/// What every name of a list is.
pub fn names(list: &Value, member: &str) -> Vec<String> {
    let items = list.as_array().expect("a list");
    items.iter().map(|item| item[member].as_str().expect(member).to_owned()).collect()
}
