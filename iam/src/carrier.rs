//! Carries any operation of the table through one read-only operation of aws-sdk-iam.
//!
//! `GetAccountSummary` is the carrier: an interceptor swaps its name, request serializer and response deserializer,
//! so that credentials, `SigV4`, endpoints, clock skew and user agent stay the SDK's. Because a mistake here would send
//! one operation in the place of another, the body is checked before it is signed and the reply's root after it came.

use crate::error::{Ending, Kind};
use crate::table::Operation;
use crate::wire;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_iam::operation::get_account_summary::{GetAccountSummaryError, GetAccountSummaryOutput};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef,
    BeforeSerializationInterceptorContextMut, BeforeTransmitInterceptorContextRef, Error as ErasedError, Input, Output,
    OutputOrError,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{
    HttpRequest, HttpResponse, Metadata, OrchestratorError, SensitiveOutput,
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use serde_json::Value;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// What one attempt brought.
#[derive(Debug)]
pub(crate) struct Failed {
    pub kind: Kind,
    pub code: Option<String>,
    pub message: String,
    pub status: Option<u16>,
    pub request_id: Option<String>,
    pub ending: Ending,
}

/// What was seen of an exchange beside its outcome.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// Scheme, host and port that the request went to.
    pub endpoint: Option<String>,
    /// The endpoint's time, from the reply's `Date` header, in seconds since 1970.
    pub server_time: Option<i64>,
    /// The version of the sandbox that answered, if one did.
    pub sandbox: Option<String>,
}

/// The reply to one attempt: the output and its request id.
type Answer = Result<(Value, Option<String>), Failed>;

/// One attempt of one operation. Clones share what was seen.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    operation: &'static Operation,
    body: Arc<str>,
    answer: Arc<Mutex<Option<Answer>>>,
    seen: Arc<Mutex<Seen>>,
}

/// A lock whose holder cannot have left it half-written: every critical section is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Exchange {
    pub fn new(operation: &'static Operation, body: Arc<str>) -> Self {
        Self { operation, body, answer: Arc::default(), seen: Arc::default() }
    }

    /// Sends the attempt and waits for its reply.
    pub async fn send(self, client: &aws_sdk_iam::Client) -> (Answer, Seen) {
        let sent = client.get_account_summary().customize().interceptor(self.clone()).send().await;
        let answer = lock(&self.answer).take();
        let seen = lock(&self.seen).clone();
        let answer = match (sent, answer) {
            // A reply was read: what it says counts, whatever the SDK made of it.
            (_, Some(Err(failed))) => Err(failed),
            (Ok(_), Some(Ok(answer))) => Ok(answer),
            (Ok(_), None) => Err(Failed::lost(Kind::MalformedReply, "the reply was not read".to_owned())),
            (Err(error), _) => Err(failure_of(&error)),
        };
        (answer, seen)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Exchange {
    fn name(&self) -> &'static str {
        "Exchange"
    }

    fn modify_before_serialization(
        &self,
        _: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let layer = cfg.interceptor_state();
        layer.store_put(Metadata::new(self.operation.name, "IAM"));
        layer.store_put(SharedRequestSerializer::new(self.clone()));
        layer.store_put(SharedResponseDeserializer::new(self.clone()));
        // The carrier itself returns nothing sensitive, so the SDK would log what other operations return.
        layer.store_put(SensitiveOutput);
        Ok(())
    }

    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let meant = format!("Action={}&", self.operation.name);
        let body = request.body().bytes().unwrap_or_default();
        if request.method() != "POST" || request.uri().contains('?') || !body.starts_with(meant.as_bytes()) {
            return Err(
                format!("the request about to be signed is not the {} that was meant", self.operation.name).into()
            );
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        lock(&self.seen).endpoint = Some(context.request().uri().trim_end_matches('/').to_owned());
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        lock(&self.seen).read(context.response());
        Ok(())
    }
}

impl Seen {
    fn read(&mut self, response: &HttpResponse) {
        self.server_time = response
            .headers()
            .get("date")
            .and_then(|text| aws_smithy_types::DateTime::from_str(text, Format::HttpDate).ok().map(|time| time.secs()));
        self.sandbox = response.headers().get("x-awsiam-sandbox").map(str::to_owned);
    }

    /// By how many seconds the endpoint's clock is ahead of ours.
    pub fn clock_ahead(&self) -> Option<i64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(self.server_time? - i64::try_from(now.as_secs()).ok()?)
    }
}

impl SerializeRequest for Exchange {
    fn serialize_input(&self, _: Input, _: &mut ConfigBag) -> Result<HttpRequest, BoxError> {
        let mut request = HttpRequest::new(SdkBody::from(self.body.as_bytes()));
        request.set_method("POST")?;
        request.set_uri("/")?;
        request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
        request.headers_mut().insert("content-length", self.body.len().to_string());
        Ok(request)
    }
}

impl DeserializeResponse for Exchange {
    fn deserialize_nonstreaming(&self, response: &HttpResponse) -> OutputOrError {
        let answer = read_answer(self.operation, response);
        let outcome = match &answer {
            Ok(_) => Ok(Output::erase(GetAccountSummaryOutput::builder().build())),
            // The error has to be of the carrier's type: the SDK takes it apart again and panics at any other.
            Err(failed) => {
                let mut meta = ErrorMetadata::builder();
                if let Some(code) = &failed.code {
                    meta = meta.code(code);
                }
                Err(OrchestratorError::operation(ErasedError::erase(GetAccountSummaryError::generic(meta.build()))))
            }
        };
        *lock(&self.answer) = Some(answer);
        outcome
    }
}

fn read_answer(operation: &'static Operation, response: &HttpResponse) -> Answer {
    let status = response.status().as_u16();
    let header_id = response.request_id().map(str::to_owned);
    let body = response.body().bytes().map(std::str::from_utf8);
    if response.status().is_success() {
        let decoded = match body {
            Some(Ok(body)) => wire::decode(operation, body),
            Some(Err(_)) => Err("the reply is not UTF-8".to_owned()),
            None => Err("the reply has no body".to_owned()),
        };
        return match decoded {
            Ok((data, request_id)) => Ok((data, request_id.or(header_id))),
            Err(problem) => Err(Failed {
                status: Some(status),
                request_id: header_id,
                ..Failed::lost(Kind::MalformedReply, format!("{problem}; is this endpoint really IAM?"))
            }),
        };
    }
    let (code, message, body_id) = match body {
        Some(Ok(body)) => match wire::decode_error(body) {
            Some((code, message, id)) => (Some(code), message, id),
            None => (None, String::new(), None),
        },
        _ => (None, String::new(), None),
    };
    Err(Failed::answered(status, code, message, body_id.or(header_id)))
}

impl Failed {
    /// An error reply.
    pub fn answered(status: u16, code: Option<String>, message: String, request_id: Option<String>) -> Self {
        let message = match (&code, status) {
            (Some(_), _) => message,
            (None, 300..400) => "the endpoint redirects elsewhere; redirects are never followed".to_owned(),
            (None, _) => "the answer is an error, but not one of IAM's".to_owned(),
        };
        Self {
            kind: Kind::of(code.as_deref(), status),
            message,
            status: Some(status),
            request_id,
            ending: Ending::Answered { status, code: code.clone() },
            code,
        }
    }

    /// No whole reply came; the call may have been carried out.
    pub fn lost(kind: Kind, reason: String) -> Self {
        Self {
            kind,
            code: None,
            message: reason.clone(),
            status: None,
            request_id: None,
            ending: Ending::Lost { reason },
        }
    }

    /// The request never left.
    pub fn not_sent(kind: Kind, reason: String) -> Self {
        Self { ending: Ending::NotSent { reason: reason.clone() }, ..Self::lost(kind, reason) }
    }
}

/// The first error of type `T` in a chain of causes.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref::<T>())
}

/// The innermost cause in words: the outer ones only say that something failed.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    std::iter::successors(Some(error), |error| (*error).source()).last().map_or_else(String::new, ToString::to_string)
}

/// What an attempt that brought no readable reply failed of. Neither body nor headers are looked at or repeated.
pub(crate) fn failure_of<E: StdError + 'static>(error: &SdkError<E, HttpResponse>) -> Failed {
    let chain: &(dyn StdError + 'static) = error;
    if let Some(credentials) = cause::<CredentialsError>(chain) {
        let reason = format!("no credentials could be had: {}", innermost(credentials));
        return Failed::not_sent(kind_of_credentials(credentials), reason);
    }
    match error {
        SdkError::TimeoutError(_) => Failed::lost(Kind::TimeOut, "no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_user() => {
            Failed::not_sent(Kind::InvalidRequest, innermost(chain))
        }
        SdkError::DispatchFailure(failure) => {
            let connecting = cause::<hyper_util::client::legacy::Error>(chain)
                .is_some_and(hyper_util::client::legacy::Error::is_connect);
            let reason = innermost(chain);
            match (connecting, failure.is_timeout()) {
                (true, true) => Failed::not_sent(Kind::TimeOut, format!("could not connect in time: {reason}")),
                (true, false) => Failed::not_sent(Kind::Connection, format!("could not connect: {reason}")),
                (false, true) => Failed::lost(Kind::TimeOut, format!("no answer in time: {reason}")),
                (false, false) => {
                    Failed::lost(Kind::Connection, format!("the connection broke before a whole answer came: {reason}"))
                }
            }
        }
        SdkError::ConstructionFailure(_) => Failed::not_sent(Kind::InvalidRequest, innermost(chain)),
        _ => Failed::lost(Kind::Connection, "the connection broke before a whole answer came".to_owned()),
    }
}

/// Why no credentials could be had: what passes is told from what is wrong with the asset.
fn kind_of_credentials(error: &CredentialsError) -> Kind {
    let chain: &(dyn StdError + 'static) = error;
    if let Some(refused) = cause::<aws_sdk_sts::operation::assume_role::AssumeRoleError>(chain) {
        return match Kind::of(refused.code(), 400) {
            // Without a code it was no answer of STS's: the service failed, or something before it.
            Kind::InvalidRequest if refused.code().is_none() => Kind::Service,
            Kind::Throttled => Kind::Throttled,
            _ if refused.code().is_some_and(|code| code.contains("Unavailable") || code.contains("Internal")) => {
                Kind::Service
            }
            _ => Kind::BadCredentials,
        };
    }
    match error {
        CredentialsError::ProviderTimedOut(_) => Kind::TimeOut,
        _ if cause::<std::io::Error>(chain).is_some() => Kind::Connection,
        _ if cause::<aws_smithy_runtime_api::client::result::ConnectorError>(chain).is_some() => Kind::Connection,
        _ => Kind::BadCredentials,
    }
}

/// Watches an STS call: notes what the carrier notes, and refuses a reply that is not a whole document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    pub seen: Arc<Mutex<Seen>>,
}

impl Watch {
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

#[dyn_dispatch_hint]
impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn modify_before_serialization(
        &self,
        _: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        cfg.interceptor_state().store_put(SensitiveOutput);
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        lock(&self.seen).endpoint = Some(context.request().uri().trim_end_matches('/').to_owned());
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        lock(&self.seen).read(response);
        let whole = || {
            let body = std::str::from_utf8(response.body().bytes()?).ok()?;
            roxmltree::Document::parse(body).ok().map(|_| ())
        };
        // The SDK's own decoder takes a truncated document for a whole one.
        if response.status().is_success() && whole().is_none() {
            return Err("the reply is not a whole XML document; is this endpoint really STS?".into());
        }
        Ok(())
    }
}
