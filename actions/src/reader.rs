//! What lookups and observations may do: read.
//!
//! Wraps the client and passes on reads only; there is no way to a write from here.

use awsiam_iam::types::Read;
use awsiam_iam::{Call, Client, Error, Identity, Kind, Reply};
use futures_util::future::join_all;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// A client that can only read.
#[derive(Debug, Clone)]
pub struct Reader {
    client: Client,
    source: String,
    /// Clients with the credentials behind the caller's.
    behind: Vec<Client>,
    own_roles: Vec<String>,
}

impl Reader {
    /// A reader on this client; `source` says in words where its credentials come from.
    #[must_use]
    pub fn new(client: &Client, source: impl Into<String>) -> Self {
        Self { client: client.clone(), source: source.into(), behind: vec![], own_roles: vec![] }
    }

    /// With what the caller's identity does not show: the credentials behind it, and the roles that are assumed.
    #[must_use]
    pub fn with_behind(self, behind: &[Client], own_roles: &[String]) -> Self {
        Self { behind: behind.to_vec(), own_roles: own_roles.to_vec(), ..self }
    }

    /// The roles that the connector assumes, by ARN or template.
    #[must_use]
    pub fn own_roles(&self) -> &[String] {
        &self.own_roles
    }

    /// Who the credentials behind the caller's belong to.
    pub async fn own_identities(&self) -> Vec<Result<Identity, Error>> {
        let deadline = self.deadline();
        join_all(self.behind.iter().map(|client| async move { client.until(deadline).identity().await })).await
    }

    /// The same reader, which gives up when a third of the time that is left is gone.
    #[must_use]
    pub fn for_a_share_of_the_time(&self) -> Self {
        let left = self.client.deadline().saturating_duration_since(Instant::now());
        Self { client: self.client.sharing(Instant::now() + left / 3), ..self.clone() }
    }

    /// One reply.
    ///
    /// # Errors
    /// The call's.
    pub async fn get<R: Read>(&self, request: &R) -> Result<Reply<R::Reply>, Error> {
        self.client.read(request).await
    }

    /// A whole list.
    ///
    /// # Errors
    /// The call's; a list that could not be read to its end is an error as a whole.
    pub async fn list<R: Read>(&self, request: &R) -> Result<Reply<R::Reply>, Error> {
        self.client.read_all(request).await
    }

    /// One reply to any call that reads.
    ///
    /// # Errors
    /// The call's; and a call that changes something is refused.
    pub async fn call(&self, call: &Call) -> Result<Reply<Value>, Error> {
        self.client.ask(call).await
    }

    /// A list by any call that reads: whole, or so many items of it, with the position to go on from.
    ///
    /// # Errors
    /// As [`Reader::call`].
    pub async fn list_up_to(&self, call: &Call, most: Option<usize>) -> Result<(Reply<Value>, Option<String>), Error> {
        self.client.ask_up_to(call, most).await
    }

    /// Repeats a call that reads until what it asks for is there, with growing pauses of at most five seconds; of a list,
    /// until one of its items holds this text.
    ///
    /// # Errors
    /// The last "not found" when the time is up; any other error at once.
    pub async fn until_there(&self, call: &Call, holds: Option<&str>) -> Result<Reply<Value>, Error> {
        let mut pause = Duration::from_millis(200);
        loop {
            let answer = match holds {
                None => self.call(call).await,
                Some(text) => self.list_up_to(call, None).await.and_then(|(reply, _)| {
                    if has_text(&reply.data, text) {
                        return Ok(reply);
                    }
                    let message = format!("{text} is not in the list yet");
                    Err(Error::local(Kind::NotFound, call.operation().name, message))
                }),
            };
            match answer {
                Err(error) if error.kind == Kind::NotFound => {
                    if Instant::now() + pause >= self.client.deadline() {
                        return Err(error);
                    }
                }
                answer => return answer,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// Who the caller is.
    ///
    /// # Errors
    /// The call's.
    pub async fn identity(&self) -> Result<Identity, Error> {
        self.client.identity().await
    }

    /// The endpoint's time, whole seconds, as IAM writes times.
    #[must_use]
    pub fn server_time(&self) -> String {
        let now = awsiam_iam::timestamp(self.client.server_time());
        format!("{}Z", &now[..now.len().min(19)])
    }

    /// The number of the account that an access key belongs to.
    ///
    /// # Errors
    /// The call's.
    pub async fn access_key_account(&self, access_key_id: &str) -> Result<Reply<String>, Error> {
        self.client.access_key_account(access_key_id).await
    }

    /// Where the credentials come from, in words.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// When the reader gives up.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.client.deadline()
    }
}

/// Whether a text stands somewhere in a value.
fn has_text(value: &Value, text: &str) -> bool {
    match value {
        Value::String(one) => one == text,
        Value::Array(items) => items.iter().any(|item| has_text(item, text)),
        Value::Object(map) => map.values().any(|value| has_text(value, text)),
        _ => false,
    }
}
