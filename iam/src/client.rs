//! Calls: one attempt after the other until IAM has answered, the deadline is spent, or asking again is pointless.
//!
//! Holds the retry rules, the paging, the deadline and the bound on concurrency. Refuses to decide what an error means
//! for an action, and to repeat by itself a create whose reply was lost.

use crate::carrier::{Exchange, Failed, Seen, Watch, failure_of};
use crate::credentials::{Settings, configure};
use crate::error::{Attempt, Detail, Ending, Error, Kind};
use crate::pace::{Class, Pace};
use crate::table::{self, Operation};
use crate::transport::{Transport, is_aws};
use crate::types::{Read, Request};
use crate::wire;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

/// One call as data: an operation and its parameters, checked against the table.
#[derive(Clone)]
pub struct Call {
    operation: &'static Operation,
    parameters: Value,
    body: Arc<str>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.operation.name, self.redacted())
    }
}

impl Call {
    /// A call of any operation.
    ///
    /// # Errors
    /// The table does not allow the parameters; names the member.
    pub fn new(operation: &'static Operation, parameters: Value) -> Result<Self, Error> {
        let body = wire::encode(operation, &parameters)
            .map_err(|invalid| Error::local(Kind::InvalidRequest, operation.name, invalid.to_string()))?;
        Ok(Self { operation, parameters, body: body.into() })
    }

    /// A call of an operation that has a typed request.
    ///
    /// # Errors
    /// A value is outside IAM's limits; names the member.
    pub fn of<R: Request>(request: &R) -> Result<Self, Error> {
        let local = |problem: String| Error::local(Kind::InvalidRequest, R::NAME, problem);
        let operation = table::operation(R::NAME).ok_or_else(|| local("the table lacks this operation".to_owned()))?;
        let parameters = serde_json::to_value(request).map_err(|error| local(error.to_string()))?;
        Self::new(operation, parameters)
    }

    fn only_reads(&self) -> Result<(), Error> {
        if self.operation.reads() {
            return Ok(());
        }
        let problem = "it changes something, and is asked for as if it read";
        Err(Error::local(Kind::InvalidRequest, self.operation.name, problem))
    }

    /// The operation.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The parameters, secrets and all.
    #[must_use]
    pub fn parameters(&self) -> &Value {
        &self.parameters
    }

    /// The parameters with secrets masked.
    #[must_use]
    pub fn redacted(&self) -> Value {
        self.operation.redacted(&self.parameters)
    }
}

/// A reply.
#[derive(Debug, Clone)]
pub struct Reply<T> {
    /// The operation's output.
    pub data: T,
    /// AWS's request id; of the last page for a list.
    pub request_id: String,
    /// How many attempts it took.
    pub attempts: usize,
}

/// Who the caller is, from `GetCallerIdentity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The account's number.
    pub account: String,
    /// The caller's ARN; of an assumed role, `arn:…:assumed-role/NAME/SESSION`.
    pub arn: String,
    /// The caller's unique id; of an assumed role, `AROA…:SESSION`.
    pub user_id: String,
    /// The partition, from the ARN.
    pub partition: String,
}

/// Where replies came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Endpoints other than AWS's own, in the order of their first use.
    pub endpoints: Vec<String>,
    /// Whether any reply came from the sandbox.
    pub sandbox: bool,
    /// Seconds by which the endpoint's clock is ahead of ours, where that is more than four minutes.
    pub clock_ahead: Option<i64>,
}

/// A client of IAM and STS. Clones share connections, identity and the bound on concurrency.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
    deadline: Instant,
    last_request_id: Arc<Mutex<String>>,
}

#[derive(Debug)]
struct Shared {
    iam: aws_sdk_iam::Client,
    /// Made when it is first needed: lookups ask STS nothing.
    sts: LazyLock<aws_sdk_sts::Client, Box<dyn FnOnce() -> aws_sdk_sts::Client + Send>>,
    permits: Semaphore,
    pace: Pace,
    identity: OnceCell<Identity>,
    origin: Mutex<Origin>,
    /// By how many seconds the endpoint's clock was ahead of ours at the last answer.
    clock_ahead: AtomicI64,
}

/// One attempt of a call under way: what it brought, with its request id, and what was seen beside it.
type OneAttempt<'a, T> = Pin<Box<dyn Future<Output = (Result<(T, Option<String>), Failed>, Seen)> + Send + 'a>>;

/// How often a call is repeated, and after how long.
struct Patience {
    attempts: usize,
    first: Duration,
    longest: Duration,
}

fn patience(kind: Kind) -> Patience {
    let of = |attempts, first, longest| Patience {
        attempts,
        first: Duration::from_millis(first),
        longest: Duration::from_millis(longest),
    };
    match kind {
        // IAM's write rates are low and shared by the whole account: waiting is the only cure.
        Kind::Throttled => of(12, 100, 5_000),
        // Terraform waits up to two minutes here; ours ends with the deadline.
        Kind::ConcurrentModification | Kind::TemporarilyUnmodifiable => of(12, 200, 5_000),
        Kind::Service => of(5, 100, 2_000),
        Kind::Connection | Kind::MalformedReply => of(3, 100, 1_000),
        Kind::TimeOut => of(3, 10, 100),
        _ => of(1, 0, 0),
    }
}

/// Calls under way at once: all that has to be known before a user is deleted takes twelve.
const CALLS_AT_ONCE: usize = 16;

/// An error code of a signature, with a clock this far off, means the clock and not the key.
const CLOCK_LEEWAY_SECONDS: i64 = 240;

impl Client {
    /// A client with these settings. Makes no call.
    pub async fn connect(settings: &Settings, transport: &Transport) -> Self {
        Self::connect_at(settings, transport, Pace::default()).await
    }

    /// A client with these settings, for the account of another one: both keep one pace. Makes no call.
    pub async fn connect_beside(settings: &Settings, transport: &Transport, other: &Self) -> Self {
        Self::connect_at(settings, transport, other.shared.pace.clone()).await
    }

    async fn connect_at(settings: &Settings, transport: &Transport, pace: Pace) -> Self {
        let sdk = configure(settings, transport).await;
        Self {
            shared: Arc::new(Shared {
                iam: aws_sdk_iam::Client::new(&sdk),
                sts: LazyLock::new(Box::new(move || aws_sdk_sts::Client::new(&sdk))),
                permits: Semaphore::new(CALLS_AT_ONCE),
                pace,
                identity: OnceCell::new(),
                origin: Mutex::default(),
                clock_ahead: AtomicI64::new(0),
            }),
            deadline: Instant::now() + Duration::from_secs(50),
            last_request_id: Arc::default(),
        }
    }

    /// The same client with another deadline, from which every attempt, retry and pause is paid.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { shared: self.shared.clone(), deadline, last_request_id: Arc::default() }
    }

    /// The same client, for a part of the same work, with an earlier deadline.
    #[must_use]
    pub fn sharing(&self, deadline: Instant) -> Self {
        Self { deadline: deadline.min(self.deadline), ..self.clone() }
    }

    /// AWS's request id of the last answer that this client (since [`Client::until`]) had.
    #[must_use]
    pub fn last_request_id(&self) -> String {
        self.last_request_id.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether more calls wait for IAM's pace than it lets through in a second.
    #[must_use]
    pub fn crowded(&self) -> bool {
        self.shared.pace.crowded()
    }

    /// When this client gives up.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The endpoint's time, from the `Date` of its last answer; ours before the first.
    #[must_use]
    pub fn server_time(&self) -> SystemTime {
        let ahead = self.shared.clock_ahead.load(Ordering::Relaxed);
        let offset = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 { SystemTime::now() - offset } else { SystemTime::now() + offset }
    }

    /// Where replies came from so far.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.shared.origin.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a typed read.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn read<R: Read>(&self, request: &R) -> Result<Reply<R::Reply>, Error> {
        typed::<R>(self.send(&Call::of(request)?).await?)
    }

    /// Sends a typed read of a list and reads it to its end: the reply holds all items.
    ///
    /// # Errors
    /// [`Error`]; of a list that could not be read to its end, no part is returned.
    pub async fn read_all<R: Read>(&self, request: &R) -> Result<Reply<R::Reply>, Error> {
        let call = Call::of(request)?;
        let Some(paging) = &call.operation.paging else { return typed::<R>(self.send(&call).await?) };
        // Page by page, since a typed item takes a fraction of the memory of its tree.
        let mut whole: Option<R::Reply> = None;
        let take = |page: Value| {
            let page = typed_data::<R>(page)?;
            match &mut whole {
                None => whole = Some(page),
                Some(whole) => R::append(whole, page),
            }
            Ok(())
        };
        let (reply, _) = self.pages(&call, paging, None, take).await?;
        let data = whole.ok_or_else(|| Error::local(Kind::MalformedReply, R::NAME, "the list brought no page"))?;
        Ok(Reply { data, request_id: reply.request_id, attempts: reply.attempts })
    }

    /// Sends any call once, whatever it does. Only an executor of changes has business here with an operation that
    /// writes.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn send(&self, call: &Call) -> Result<Reply<Value>, Error> {
        let operation = call.operation;
        let class = if operation.reads() { Class::Read } else { Class::Write };
        let one = || -> OneAttempt<'_, Value> {
            Box::pin(Exchange::new(operation, call.body.clone()).send(&self.shared.iam))
        };
        let outcome = self.attempts(operation.name, (class, operation.repeatable()), &one).await;
        // IAM may quote what it does not take.
        outcome.map_err(|error| error.without(&operation.secrets_in(&call.parameters)))
    }

    /// Sends any call that reads, once.
    ///
    /// # Errors
    /// [`Error`]; a call that changes something is refused.
    pub async fn ask(&self, call: &Call) -> Result<Reply<Value>, Error> {
        call.only_reads()?;
        self.send(call).await
    }

    /// Sends any call that reads, of a list until it has ended or brought this many items. With the position to go on from,
    /// where there is more.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn ask_up_to(&self, call: &Call, most: Option<usize>) -> Result<(Reply<Value>, Option<String>), Error> {
        call.only_reads()?;
        self.send_up_to(call, most).await
    }

    /// Sends a call of a list operation until the list has ended, and joins the pages.
    ///
    /// # Errors
    /// [`Error`]; [`Kind::MalformedReply`] where a page repeats its position or promises a next page without one.
    pub async fn send_all(&self, call: &Call) -> Result<Reply<Value>, Error> {
        Ok(self.send_up_to(call, None).await?.0)
    }

    /// Sends a call of a list operation until the list has ended or brought this many items, from the position that the
    /// call names on. Joins the pages. With the position to go on from, where there is more.
    ///
    /// # Errors
    /// As [`Client::send_all`].
    async fn send_up_to(&self, call: &Call, most: Option<usize>) -> Result<(Reply<Value>, Option<String>), Error> {
        let Some(paging) = &call.operation.paging else { return Ok((self.send(call).await?, None)) };
        let mut whole = Value::Null;
        let take = |page: Value| {
            if whole.is_null() {
                whole = page;
            } else {
                join(&mut whole, page, paging);
            }
            Ok(())
        };
        let (reply, next) = self.pages(call, paging, most, take).await?;
        if let Some(map) = whole.as_object_mut() {
            map.shift_remove(paging.output);
            if let Some(flag) = paging.more {
                map.insert(flag.to_owned(), next.is_some().into());
            }
        }
        Ok((Reply { data: whole, request_id: reply.request_id, attempts: reply.attempts }, next))
    }

    /// Reads the pages of a list until it has ended or brought this many items, and hands each over. With the position to
    /// go on from, where there is more.
    ///
    /// # Errors
    /// As [`Client::send_all`].
    async fn pages(
        &self,
        call: &Call,
        paging: &table::Paging,
        most: Option<usize>,
        mut take: impl FnMut(Value) -> Result<(), Error>,
    ) -> Result<(Reply<()>, Option<String>), Error> {
        let operation = call.operation;
        let broken = |problem: &str| Error::local(Kind::MalformedReply, operation.name, problem);
        let mut parameters = call.parameters.clone();
        let (mut read, mut attempts) = (0, 0);
        let mut positions = HashSet::new();
        loop {
            let wanted = most.map(|most| most.saturating_sub(read));
            if let Some(limit) = paging.limit {
                let largest = operation.member(limit).and_then(|member| member.shape.max).unwrap_or(1000);
                let wanted = wanted.map_or(largest, |wanted| i64::try_from(wanted).unwrap_or(largest).min(largest));
                parameters[limit] = wanted.into();
            }
            let page = self.send(&Call::new(operation, parameters.clone())?).await?;
            let next = page.data[paging.output].as_str().map(str::to_owned);
            let more = match paging.more {
                // IAM may answer with fewer items than asked for, even with none, and still have more.
                Some(flag) => page.data[flag].as_bool().unwrap_or(false),
                None => next.is_some(),
            };
            attempts += page.attempts;
            read += paging.results.iter().filter_map(|name| page.data[name].as_array()).map(Vec::len).sum::<usize>();
            take(page.data)?;
            if !more || most.is_some_and(|most| read >= most) {
                return Ok((Reply { data: (), request_id: page.request_id, attempts }, next.filter(|_| more)));
            }
            let next = next.ok_or_else(|| broken("the list says that it goes on, but not where"))?;
            if !positions.insert(next.clone()) {
                return Err(broken("the list repeats a page: it would never end"));
            }
            parameters[paging.input] = next.into();
        }
    }

    /// Who the caller is. Asked once per client.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn identity(&self) -> Result<Identity, Error> {
        self.shared.identity.get_or_try_init(|| self.ask_identity()).await.cloned()
    }

    async fn ask_identity(&self) -> Result<Identity, Error> {
        let one = || -> OneAttempt<'_, Identity> {
            Box::pin(async {
                let watch = Watch::default();
                let sent = self.shared.sts.get_caller_identity().customize().interceptor(watch.clone()).send().await;
                (identity_of(sent), watch.seen())
            })
        };
        let reply = self.attempts("GetCallerIdentity", (Class::Read, true), &one).await?;
        Ok(reply.data)
    }

    /// The number of the account that an access key belongs to, whichever account that is.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn access_key_account(&self, access_key_id: &str) -> Result<Reply<String>, Error> {
        let one = || -> OneAttempt<'_, String> {
            let id = access_key_id.to_owned();
            Box::pin(async move {
                let watch = Watch::default();
                let asked = self.shared.sts.get_access_key_info().access_key_id(id);
                let sent = asked.customize().interceptor(watch.clone()).send().await;
                let account = match sent {
                    Ok(output) => {
                        let request_id = output.request_id().map(str::to_owned);
                        output.account().map(|account| (account.to_owned(), request_id)).ok_or_else(not_sts)
                    }
                    Err(error) => Err(sts_failure(&error)),
                };
                (account, watch.seen())
            })
        };
        self.attempts("GetAccessKeyInfo", (Class::Read, true), &one).await
    }

    /// The loop around every call.
    async fn attempts<'a, T>(
        &'a self,
        operation: &str,
        (class, repeatable): (Class, bool),
        one: &(dyn Fn() -> OneAttempt<'a, T> + Sync),
    ) -> Result<Reply<T>, Error> {
        let started = Instant::now();
        let mut attempts: Vec<Attempt> = vec![];
        let mut clock_corrected = false;
        // How the attempt before ended: what waits for its turn until the time is up has nothing newer to tell.
        let mut before: Option<Failed> = None;
        loop {
            let began = AtomicBool::new(false);
            let attempt = async {
                self.shared.pace.turn(class).await;
                let Ok(_permit) = self.shared.permits.acquire().await else {
                    let closed = Failed::not_sent(Kind::InvalidRequest, "the client is closed".to_owned());
                    return (Err(closed), Seen::default());
                };
                began.store(true, Ordering::Relaxed);
                one().await
            };
            let answered = if Instant::now() < self.deadline {
                tokio::time::timeout_at(self.deadline, attempt).await.ok()
            } else {
                None
            };
            let never_sent = answered.is_none() && !began.load(Ordering::Relaxed);
            if let Some(failed) = before.take_if(|_| never_sent) {
                return Err(told(failed, operation, attempts, None));
            }
            let (outcome, seen) = answered.unwrap_or_else(|| {
                let reason = "the time for this parameter set ran out before an answer came".to_owned();
                // What was waiting for its turn was surely not sent.
                let failed = if began.load(Ordering::Relaxed) { Failed::lost } else { Failed::not_sent };
                (Err(failed(Kind::TimeOut, reason)), Seen::default())
            });
            self.note(&seen);
            match &outcome {
                Err(failed) if failed.kind == Kind::Throttled => {
                    self.shared.pace.throttled(self.shared.permits.available_permits() == CALLS_AT_ONCE);
                }
                Err(failed) if !matches!(failed.ending, Ending::Answered { .. }) => {}
                _ => self.shared.pace.answered(),
            }
            let failed = match outcome {
                Ok((data, request_id)) => {
                    tracing::debug!(operation, attempts = attempts.len() + 1, "answered");
                    let request_id = request_id.unwrap_or_default();
                    if !request_id.is_empty() {
                        self.last_request_id.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&request_id);
                    }
                    return Ok(Reply { data, request_id, attempts: attempts.len() + 1 });
                }
                Err(failed) => failed,
            };
            let after_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            attempts.push(Attempt { after_ms, ending: failed.ending.clone() });
            let clock_ahead = seen.clock_ahead();
            let clock_off = failed.kind == Kind::BadCredentials
                && clock_ahead.is_some_and(|seconds| seconds.abs() > CLOCK_LEEWAY_SECONDS);
            let again = if clock_off && !clock_corrected {
                // The SDK has learned the endpoint's time from this answer and signs the next attempt with it.
                clock_corrected = true;
                Some(Duration::ZERO)
            } else {
                self.pause_before_next(&failed, repeatable, &attempts)
            };
            let Some(pause) = again else {
                tracing::debug!(operation, kind = failed.kind.name(), "failed");
                return Err(told(failed, operation, attempts, clock_ahead));
            };
            tracing::info!(
                "{operation}: {}, trying again in {} ms",
                failed.code.as_deref().unwrap_or(failed.kind.name()),
                pause.as_millis()
            );
            before = Some(failed);
            tokio::time::sleep(pause).await;
        }
    }

    /// How long to wait before the next attempt; none where there should not be one.
    fn pause_before_next(&self, failed: &Failed, repeatable: bool, attempts: &[Attempt]) -> Option<Duration> {
        let last = attempts.last()?;
        // A redirect or a page of something that is not IAM stays what it is.
        let answered = matches!(last.ending, Ending::Answered { .. });
        if failed.kind == Kind::MalformedReply && answered {
            return None;
        }
        if last.in_doubt() && !repeatable {
            return None;
        }
        let patience = patience(failed.kind);
        if attempts.len() >= patience.attempts {
            return None;
        }
        let doublings = u32::try_from(attempts.len() - 1).unwrap_or(16).min(16);
        let ceiling = (patience.first * 2_u32.pow(doublings)).min(patience.longest);
        // Half fixed, half random: never at once, and not all together.
        let pause = ceiling / 2 + ceiling.mul_f64(fastrand::f64() / 2.0);
        (Instant::now() + pause < self.deadline).then_some(pause)
    }

    fn note(&self, seen: &Seen) {
        let mut origin = self.shared.origin.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(endpoint) = seen.endpoint.as_ref().filter(|endpoint| !is_aws(endpoint))
            && !origin.endpoints.contains(endpoint)
        {
            origin.endpoints.push(endpoint.clone());
        }
        if let Some(ahead) = seen.clock_ahead() {
            self.shared.clock_ahead.store(ahead, Ordering::Relaxed);
        }
        origin.sandbox |= seen.sandbox.is_some();
        if let Some(ahead) = seen.clock_ahead().filter(|seconds| seconds.abs() > CLOCK_LEEWAY_SECONDS) {
            origin.clock_ahead = Some(ahead);
        }
    }
}

/// How a call failed, with all of its attempts.
fn told(failed: Failed, operation: &str, attempts: Vec<Attempt>, clock_ahead: Option<i64>) -> Error {
    let Failed { kind, code, message, status, request_id, .. } = failed;
    Detail { kind, code, message, status, request_id, operation: operation.to_owned(), attempts, clock_ahead }.into()
}

fn typed<R: Request>(reply: Reply<Value>) -> Result<Reply<R::Reply>, Error> {
    let Reply { data, request_id, attempts } = reply;
    Ok(Reply { data: typed_data::<R>(data)?, request_id, attempts })
}

fn typed_data<R: Request>(data: Value) -> Result<R::Reply, Error> {
    serde_json::from_value(data).map_err(|_| {
        Error::local(Kind::MalformedReply, R::NAME, "the reply does not have the members that IAM documents")
    })
}

/// Adds a page's items to what was read before.
fn join(whole: &mut Value, page: Value, paging: &table::Paging) {
    let Value::Object(page) = page else { return };
    for (name, value) in page {
        match (whole.get_mut(&name), value) {
            (Some(Value::Array(items)), Value::Array(more)) if paging.results.contains(&name.as_str()) => {
                items.extend(more);
            }
            (_, value) => whole[name] = value,
        }
    }
}

type StsError<E> = aws_sdk_sts::error::SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>;
type StsResult = Result<
    aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput,
    StsError<aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError>,
>;

fn not_sts() -> Failed {
    Failed::lost(Kind::MalformedReply, "the answer is not STS's; is this endpoint really AWS?".to_owned())
}

fn sts_failure<E>(error: &StsError<E>) -> Failed
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.raw_response().map(|response| response.status().as_u16()) {
        Some(200..300) => Failed { status: Some(200), ..not_sts() },
        Some(status) => Failed::answered(
            status,
            error.code().map(str::to_owned),
            error.message().unwrap_or_default().to_owned(),
            error.request_id().map(str::to_owned),
        ),
        None => failure_of(error),
    }
}

fn identity_of(sent: StsResult) -> Result<(Identity, Option<String>), Failed> {
    let output = sent.map_err(|error| sts_failure(&error))?;
    let request_id = output.request_id().map(str::to_owned);
    let (Some(account), Some(arn), Some(user_id)) = (output.account(), output.arn(), output.user_id()) else {
        return Err(not_sts());
    };
    let partition = arn.strip_prefix("arn:").and_then(|rest| rest.split(':').next()).ok_or_else(not_sts)?;
    let identity = Identity {
        account: account.to_owned(),
        arn: arn.to_owned(),
        user_id: user_id.to_owned(),
        partition: partition.to_owned(),
    };
    Ok((identity, request_id))
}
