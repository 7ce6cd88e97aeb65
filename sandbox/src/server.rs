//! HTTP: connections, the control interface, and what faults do to replies.
//!
//! Listens on loopback only. Knows nothing of IAM but how a request names its operation.

use crate::Seen;
use crate::clock;
use crate::error::Error;
use crate::faults::{Effect, Fault};
use crate::seed::Seed;
use crate::sigv4::{self, Signature};
use crate::world::{Answer, Asking, Conditions, World};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The header that says that no AWS answered.
const MARK: &str = "x-awsiam-sandbox";
/// More than any request of IAM's can be.
const LARGEST: usize = 16 * 1024 * 1024;

pub(crate) type Shared = Arc<Mutex<World>>;

/// The world, also after a panic elsewhere: what is in it is plain data.
pub(crate) fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A body that is sent whole, or breaks off.
struct Sent {
    data: Option<Bytes>,
    promised: u64,
    /// A moment for what was sent to leave, before the connection is broken off.
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Sent {
    fn whole(data: impl Into<Bytes>) -> Self {
        let data = data.into();
        Self { promised: data.len() as u64, data: Some(data), pause: None }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match &mut self.pause {
            None => Poll::Ready(None),
            Some(pause) => pause.as_mut().poll(cx).map(|()| Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.data.is_some() { self.promised } else { 0 })
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.pause.is_none()
    }
}

/// Accepts connections until told to stop.
pub(crate) async fn serve(
    listener: TcpListener,
    world: Shared,
    latency: Duration,
    mut stop: oneshot::Receiver<Infallible>,
) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        let number = {
            let mut world = lock(&world);
            world.connections += 1;
            world.connections
        };
        let world = world.clone();
        connections.spawn(async move {
            let reset = Arc::new(AtomicBool::new(false));
            let to_reset = reset.clone();
            let service = service_fn(move |request| answer(request, world.clone(), latency, number, reset.clone()));
            let mut connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // Clients break connections off, and so do faults: neither is worth a word.
            let _ = Pin::new(&mut connection).await;
            if to_reset.load(Ordering::Relaxed) {
                // Without lingering the peer sees a reset rather than an orderly end.
                let stream = connection.into_parts().io.into_inner();
                let _ = stream.set_zero_linger();
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// The connection is to be closed without a reply.
type Closed = io::Error;

fn closed() -> Closed {
    io::ErrorKind::ConnectionAborted.into()
}

async fn answer(
    request: Request<Incoming>,
    world: Shared,
    latency: Duration,
    connection: u64,
    reset: Arc<AtomicBool>,
) -> Result<Response<Sent>, Closed> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST).collect().await.map_err(|_| closed())?.to_bytes();
    let path = head.uri.path();
    if let Some(what) = path.strip_prefix("/_sandbox/") {
        // No page in a browser may reach the controls.
        let reply = if head.headers.contains_key("origin") {
            (StatusCode::FORBIDDEN, json!({ "error": "requests of browsers are refused" }))
        } else {
            control(&mut lock(&world), &head.method, what, &body)
        };
        return Ok(finish(reply.0, "application/json", reply.1.to_string().into(), "", 0));
    }
    let query = head.uri.query().unwrap_or_default();
    if path != "/" || ![Method::GET, Method::POST].contains(&head.method) {
        return Ok(finish(StatusCode::NOT_FOUND, "text/plain", Bytes::from_static(b"not found\n"), "", 0));
    }
    if head.method == Method::GET && query.is_empty() {
        // Whoever looks at IAM's endpoint with a browser is sent to its page.
        let mut reply = finish(StatusCode::FOUND, "text/html", Bytes::new(), "", 0);
        reply.headers_mut().insert("location", HeaderValue::from_static("https://aws.amazon.com/iam"));
        return Ok(reply);
    }
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let signed = sigv4::Request { method: head.method.as_str(), path, query, headers: &headers, body: &body };
    let form = if head.method == Method::GET { query.to_owned() } else { String::from_utf8_lossy(&body).into_owned() };
    let signature = Signature::read(&signed).ok();
    let asking = Asking::read(&sigv4::pairs(&form), signature.as_ref().map(|signature| signature.service.as_str()));
    let effects = lock(&world).due(&asking.name);
    let plan = Plan::of(effects, &asking);
    tokio::time::sleep(latency + plan.delay).await;
    let answered = match (&plan.instead, plan.executes) {
        (Some(answer), _) => Some(answer.clone()),
        (None, true) => Some(lock(&world).execute(&asking, &signed, &plan.conditions)),
        (None, false) => None,
    };
    {
        let mut world = lock(&world);
        let agent = headers.iter().find(|(name, _)| name == "user-agent").map(|(_, agent)| agent.clone());
        let seen = Seen {
            operation: asking.operation_name().to_owned(),
            parameters: asking.redacted(),
            status: answered.as_ref().map_or(0, |answer| answer.status),
            code: answered.as_ref().and_then(|answer| answer.code.clone()),
            request_id: answered.as_ref().map(|answer| answer.request_id.clone()).unwrap_or_default(),
            access_key_id: signature.map(|signature| signature.access_key_id).unwrap_or_default(),
            user_agent: agent.unwrap_or_default(),
            connection,
            at_ms: world.age(),
            executed: plan.instead.is_none() && plan.executes,
        };
        world.note(seen);
    }
    if let Some(pause) = plan.stall {
        tokio::time::sleep(pause).await;
        return Err(closed());
    }
    if plan.lost {
        reset.store(plan.reset, Ordering::Relaxed);
        return Err(closed());
    }
    let Some(answered) = answered else { return Err(closed()) };
    Ok(plan.reply(answered))
}

/// What faults make of one call.
#[derive(Default)]
struct Plan {
    delay: Duration,
    instead: Option<Answer>,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    executes: bool,
    lost: bool,
    reset: bool,
    stall: Option<Duration>,
    truncate: Option<bool>,
    conditions: Conditions,
}

impl Plan {
    fn of(effects: Vec<Effect>, asking: &Asking) -> Self {
        let mut plan = Self { executes: true, ..Self::default() };
        let refuse = |plan: &mut Self, error: Error| {
            plan.instead.get_or_insert_with(|| World::refuse(asking, &error));
        };
        for effect in effects {
            match effect {
                Effect::Throttle | Effect::ThrottleAbove { .. } => refuse(&mut plan, Error::throttled()),
                Effect::Unavailable => {
                    let text = "Service is unable to handle request.";
                    refuse(&mut plan, Error::new(503, "ServiceUnavailable", text));
                }
                Effect::Error { status, code, message } => refuse(&mut plan, Error::new(status, code, message)),
                Effect::Respond { status, content_type, headers, body } => {
                    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    plan.content_type = content_type;
                    plan.headers = headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
                    let request_id = crate::state::uuid();
                    plan.instead.get_or_insert(Answer { status, code: None, request_id, body });
                }
                Effect::Delay { milliseconds } => plan.delay += Duration::from_millis(milliseconds),
                Effect::LoseReply => plan.lost = true,
                Effect::Reset => (plan.lost, plan.reset, plan.executes) = (true, true, false),
                Effect::Truncate { full_length } => plan.truncate = Some(full_length),
                Effect::Stall { seconds, executed } => {
                    plan.stall = Some(Duration::from_secs_f64(seconds));
                    plan.executes &= executed;
                }
                Effect::Lag { milliseconds } => plan.conditions.lag = i64::try_from(milliseconds).ok(),
                Effect::ShortPages { sizes } => plan.conditions.pages = sizes,
                Effect::Skew { seconds } => plan.conditions.skew = seconds,
                Effect::Rival { before, operation, parameters } => {
                    plan.conditions.rivals.push((before, operation, parameters));
                }
            }
        }
        plan
    }

    fn reply(self, answered: Answer) -> Response<Sent> {
        let status = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = self.content_type.as_deref().unwrap_or("text/xml");
        let body = Bytes::from(answered.body);
        let mut reply = finish(status, kind, body.clone(), &answered.request_id, self.conditions.skew);
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                reply.headers_mut().insert(name, value);
            }
        }
        if let Some(full_length) = self.truncate {
            let half = body.slice(..body.len() / 2);
            let sent = reply.body_mut();
            sent.promised = if full_length { body.len() } else { half.len() } as u64;
            sent.data = Some(half);
            if full_length {
                sent.pause = Some(Box::pin(tokio::time::sleep(Duration::from_millis(30))));
            }
        }
        reply
    }
}

fn finish(status: StatusCode, kind: &str, body: Bytes, request_id: &str, skew: i64) -> Response<Sent> {
    let mut reply = Response::new(Sent::whole(body));
    *reply.status_mut() = status;
    let date = clock::http(clock::seconds() + skew);
    let headers = [
        (MARK, env!("CARGO_PKG_VERSION")),
        ("date", date.as_str()),
        ("content-type", kind),
        ("x-amzn-requestid", request_id),
    ];
    for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
        if let Ok(value) = HeaderValue::from_str(value) {
            reply.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    reply
}

/// Answers the control interface.
fn control(world: &mut World, method: &Method, what: &str, body: &[u8]) -> (StatusCode, Value) {
    let done = |result: Result<Value, String>| match result {
        Ok(value) => (StatusCode::OK, value),
        Err(error) => (StatusCode::BAD_REQUEST, json!({ "error": error })),
    };
    let show = |value: Result<Value, serde_json::Error>| done(value.map_err(|error| error.to_string()));
    match (method.as_str(), what) {
        ("GET", "state") => (StatusCode::OK, world.dump()),
        ("GET", "log") => show(serde_json::to_value(&world.log)),
        ("GET", "faults") => show(serde_json::to_value(world.faults())),
        ("PUT", "faults") => {
            let faults = serde_json::from_slice::<Vec<Fault>>(body).map_err(|error| error.to_string());
            done(faults.and_then(|faults| {
                faults.iter().try_for_each(Fault::check)?;
                let count = faults.len();
                world.arm(faults);
                Ok(json!({ "faults": count }))
            }))
        }
        ("POST", "reset") => {
            let seed = match body {
                [] => Ok(None),
                body => serde_json::from_slice::<Seed>(body).map(Some).map_err(|error| error.to_string()),
            };
            done(seed.and_then(|seed| world.reset(seed)).map(|()| json!({ "reset": true })))
        }
        (_, "state" | "log" | "faults" | "reset") => {
            (StatusCode::METHOD_NOT_ALLOWED, json!({ "error": "GET state, GET log, GET or PUT faults, POST reset" }))
        }
        _ => (StatusCode::NOT_FOUND, json!({ "error": "there is only state, log, faults and reset" })),
    }
}
