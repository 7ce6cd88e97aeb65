//! Several accounts behind one endpoint, as AWS has them: a session that is assumed in an account is that account's.
//!
//! Passes bytes on as they are, so that signatures stay what they are. Each account knows the operator by the same key.

use awsiam_sandbox::{Options, Sandbox, Seed};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The accounts by their numbers.
pub type Accounts = HashMap<String, Sandbox>;

/// An account with this number, in which a role `Responder` may be assumed.
pub fn account(number: &str) -> Sandbox {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{number}:root") }, "Action": "sts:AssumeRole",
    }] });
    let mut seed = serde_json::to_value(super::seed()).unwrap();
    seed["roles"].as_array_mut().unwrap().push(json!({
        "name": "Responder", "trust": trust, "attached_policies": ["arn:aws:iam::aws:policy/AdministratorAccess"],
    }));
    let seed: Seed = serde_json::from_str(&seed.to_string().replace("123456789012", number)).unwrap();
    Sandbox::start(Options { seed: Some(seed), ..Options::default() }).unwrap()
}

/// Serves them on one endpoint; what names no account goes to the first.
pub fn serve(accounts: &Accounts, first: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let places: HashMap<String, String> = accounts
        .iter()
        .map(|(number, sandbox)| (number.clone(), sandbox.endpoint().trim_start_matches("http://").to_owned()))
        .collect();
    let (places, sessions) = (Arc::new(places), Arc::new(Mutex::new(HashMap::new())));
    let first = first.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (places, sessions, first) = (places.clone(), sessions.clone(), first.clone());
            std::thread::spawn(move || while pass_on(&client, &places, &sessions, &first).is_some() {});
        }
    });
    endpoint
}

/// One message: its head, with the empty line, and its body.
fn message(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn pass_on(
    mut client: &TcpStream,
    places: &HashMap<String, String>,
    sessions: &Mutex<HashMap<String, String>>,
    first: &str,
) -> Option<()> {
    let (head, body) = message(client)?;
    let form = String::from_utf8_lossy(&body).into_owned();
    let assumed = form.split("RoleArn=arn%3Aaws%3Aiam%3A%3A").nth(1).map(|rest| rest[..12].to_owned());
    let key = head.split("Credential=").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned();
    let session = || sessions.lock().unwrap().get(&key).cloned();
    let account = assumed.clone().or_else(session).unwrap_or_else(|| first.to_owned());
    let mut server = TcpStream::connect(&places[&account]).ok()?;
    server.write_all(head.as_bytes()).and_then(|()| server.write_all(&body)).ok()?;
    let (head, body) = message(&server)?;
    if assumed.is_some() {
        let text = String::from_utf8_lossy(&body).into_owned();
        let id = text.split("<AccessKeyId>").nth(1).and_then(|rest| rest.split('<').next());
        if let Some(id) = id {
            sessions.lock().unwrap().insert(id.to_owned(), account);
        }
    }
    client.write_all(head.as_bytes()).and_then(|()| client.write_all(&body)).ok()
}

/// The users of an account, by name.
pub fn user(sandbox: &Sandbox, name: &str) -> Value {
    let state = sandbox.dump();
    state["users"].as_array().unwrap().iter().find(|user| user["name"] == name).unwrap().clone()
}
