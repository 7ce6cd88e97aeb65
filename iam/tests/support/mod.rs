//! A server on loopback that follows a script, below HTTP: it can answer, say nothing, break off or be gone.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers with this status, extra header lines and body.
    Answer(u16, &'static str, String),
    /// Reads the request and closes the connection.
    CloseAfterRead,
    /// Sends the head and half of the body, then closes.
    BreakOff(String),
    /// Reads the request and says nothing for this long.
    Stall(Duration),
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub head: String,
    pub body: String,
}

pub struct Scripted {
    pub endpoint: String,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Scripted {
    /// Serves the acts in order, one a request; the last one is repeated.
    pub fn serve(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let arrived = Arc::new(Mutex::new(vec![]));
        let (seen, acts) = (arrived.clone(), Arc::new(acts));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, acts) = (seen.clone(), acts.clone());
                std::thread::spawn(move || connection(stream, &seen, &acts));
            }
        });
        Self { endpoint, arrived }
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

fn connection(mut stream: TcpStream, seen: &Mutex<Vec<Arrived>>, acts: &[Act]) {
    while let Some(request) = read(&mut stream) {
        let nth = {
            let mut seen = seen.lock().unwrap();
            seen.push(request);
            seen.len() - 1
        };
        match &acts[nth.min(acts.len() - 1)] {
            Act::Answer(status, headers, body) => {
                let length = body.len();
                let text = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\n\r\n{body}");
                stream.write_all(text.as_bytes()).unwrap();
            }
            Act::CloseAfterRead => {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
            Act::BreakOff(body) => {
                let (length, half) = (body.len(), &body[..body.len() / 2]);
                let _ =
                    stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{half}").as_bytes());
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
            Act::Stall(time) => std::thread::sleep(*time),
        }
    }
}

fn read(stream: &mut TcpStream) -> Option<Arrived> {
    let mut bytes = vec![];
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length: usize = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse().unwrap()))
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
                return Some(Arrived { head, body });
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
        }
    }
}

/// The body of a successful reply.
pub fn success(operation: &str, result: &str) -> String {
    let result =
        if result.is_empty() { String::new() } else { format!("<{operation}Result>{result}</{operation}Result>") };
    format!(
        "<{operation}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">{result}<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></{operation}Response>"
    )
}

/// The body of an error reply.
pub fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>id-2</RequestId></ErrorResponse>"
    )
}
