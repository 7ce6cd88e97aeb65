//! One sandbox's world: the account, the faults that are armed, and the log of what was seen.
//!
//! Executes calls; knows forms and XML, but no connections.

use crate::Key;
use crate::caller::{self, Asked, Caller};
use crate::error::{Error, Reply};
use crate::faults::{Armed, Effect, Fault};
use crate::operations::{self, Call, Handler, sts};
use crate::seed::Seed;
use crate::sigv4;
use crate::state::{Account, uuid};
use crate::{Seen, clock};
use awsiam_iam::table::{self, Operation, XML_NAMESPACE};
use awsiam_iam::wire;
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// How many seen calls are kept.
const LOG: usize = 200_000;

#[derive(Debug)]
pub(crate) struct World {
    pub account: Account,
    start: Seed,
    partition: String,
    enforce: bool,
    pub administrator: Key,
    faults: Vec<Armed>,
    /// Past states with the time until which each was the latest, kept only while reads lag.
    history: VecDeque<(i64, Account)>,
    pub log: VecDeque<Seen>,
    began: i64,
    pub connections: u64,
}

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Asking {
    pub name: String,
    service: &'static str,
    namespace: &'static str,
    operation: Option<(&'static Operation, Option<Handler>)>,
    parameters: Result<Value, Error>,
    known: bool,
}

impl Asking {
    /// What a form asks for.
    pub fn read(form: &[(String, String)], scope: Option<&str>) -> Self {
        let get = |name: &str| form.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let name = get("Action").unwrap_or_default().to_owned();
        let version = get("Version");
        let service = match version {
            Some(sts::VERSION) => "sts",
            None if scope == Some("sts") => "sts",
            _ => "iam",
        };
        let fits = matches!(version, Some(sts::VERSION | table::API_VERSION));
        let operation = match service {
            "sts" => sts::find(&name).map(|(operation, handler)| (operation, Some(handler))),
            _ => table::operation(&name).map(|operation| (operation, operations::handler(&name))),
        }
        .filter(|_| fits);
        let known = operation.is_some() || fits && service == "sts" && sts::ABSENT.contains(&name.as_str());
        let decoded = operation.map(|(operation, _)| wire::decode_request(operation, form));
        let parameters = match decoded {
            Some(Ok(parameters)) => Ok(parameters),
            Some(Err(invalid)) => Err(Error::new(400, "MalformedInput", invalid.to_string())),
            None if known => Err(Error::not_implemented(&name)),
            None if name.is_empty() => Err(Error::new(400, "MissingAction", "The request has no Action.")),
            None => Err(Error::new(
                400,
                "InvalidAction",
                format!("Could not find operation {name} for version {}", version.unwrap_or("NO_VERSION_SPECIFIED")),
            )),
        };
        let namespace = if service == "sts" { sts::NAMESPACE } else { XML_NAMESPACE };
        Self { name, service, namespace, operation, parameters, known }
    }

    /// The parameters as they may be shown.
    pub fn redacted(&self) -> Value {
        match (&self.operation, &self.parameters) {
            (Some((operation, _)), Ok(parameters)) => operation.redacted(parameters),
            _ => Map::new().into(),
        }
    }

    /// The name, where it is an operation's: anything else could be anything.
    pub fn operation_name(&self) -> &str {
        if self.known { &self.name } else { "" }
    }
}

/// How a call is executed.
#[derive(Debug, Default, Clone)]
pub(crate) struct Conditions {
    pub pages: Vec<usize>,
    pub lag: Option<i64>,
    pub skew: i64,
    pub rivals: Vec<(bool, String, Map<String, Value>)>,
}

/// A reply, before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: u16,
    pub code: Option<String>,
    pub request_id: String,
    pub body: String,
}

impl World {
    pub fn new(seed: &Seed, partition: &str, enforce: bool) -> Result<Self, String> {
        let account = seed.clone().build(partition)?;
        let administrator = administrator(&account).ok_or(
            "the seed has no administrator: a user awsiam-operator with an active access key, or another user with \
             AdministratorAccess and one",
        )?;
        Ok(Self {
            account,
            start: seed.clone(),
            partition: partition.to_owned(),
            enforce,
            administrator,
            faults: vec![],
            history: VecDeque::new(),
            log: VecDeque::new(),
            began: clock::millis(),
            connections: 0,
        })
    }

    /// Begins again, with another seed where one is given. Connections go on being counted.
    pub fn reset(&mut self, seed: Option<Seed>) -> Result<(), String> {
        let seed = seed.unwrap_or_else(|| self.start.clone());
        *self = Self { connections: self.connections, ..Self::new(&seed, &self.partition, self.enforce)? };
        Ok(())
    }

    pub fn dump(&self) -> Value {
        serde_json::to_value(Seed::of(&self.account)).unwrap_or_default()
    }

    pub fn faults(&self) -> Vec<&Fault> {
        self.faults.iter().map(|armed| &armed.fault).collect()
    }

    pub fn arm(&mut self, faults: Vec<Fault>) {
        let lags = faults.iter().any(|fault| matches!(fault.effect, Effect::Lag { .. }));
        self.history.clear();
        if lags {
            self.history.push_back((0, self.account.clone()));
        }
        self.faults = faults.into_iter().map(Armed::new).collect();
    }

    /// What is due for a call of this operation.
    pub fn due(&mut self, operation: &str) -> Vec<Effect> {
        self.faults.iter_mut().filter_map(|fault| fault.hit(operation)).collect()
    }

    /// Milliseconds since the sandbox began.
    pub fn age(&self) -> u64 {
        u64::try_from(clock::millis() - self.began).unwrap_or(0)
    }

    pub fn note(&mut self, seen: Seen) {
        if self.log.len() >= LOG {
            self.log.pop_front();
        }
        self.log.push_back(seen);
    }

    /// Executes a call, with the rivals that come before and after it.
    pub fn execute(&mut self, asking: &Asking, request: &sigv4::Request<'_>, conditions: &Conditions) -> Answer {
        self.rivals(conditions, true);
        let result = self.answer(asking, request, conditions);
        self.rivals(conditions, false);
        let request_id = uuid();
        match result {
            Ok(data) => {
                let data = if data.is_null() { Map::new().into() } else { data };
                let body = asking
                    .operation
                    .map_or_else(String::new, |(operation, _)| wire::encode_reply(operation, &data, &request_id));
                let body = body.replacen(XML_NAMESPACE, asking.namespace, 1);
                Answer { status: 200, code: None, request_id, body }
            }
            Err(error) => refusal(&error, request_id, asking.namespace),
        }
    }

    /// A refusal of this call, without executing it.
    pub fn refuse(asking: &Asking, error: &Error) -> Answer {
        refusal(error, uuid(), asking.namespace)
    }

    fn answer(&mut self, asking: &Asking, request: &sigv4::Request<'_>, conditions: &Conditions) -> Reply {
        let now = clock::seconds() + conditions.skew;
        let caller = caller::authenticate(&mut self.account, request, asking.service, now)?;
        let parameters = asking.parameters.as_ref().map_err(Clone::clone)?;
        let Some((operation, handler)) = asking.operation else {
            return Err(Error::not_implemented(&asking.name));
        };
        let handler = handler.ok_or_else(|| Error::not_implemented(&asking.name))?;
        operations::check(asking.service, operation, parameters)?;
        let no_parameters = Map::new();
        let parameters = parameters.as_object().unwrap_or(&no_parameters);
        let agent = request.headers.iter().find(|(name, _)| name == "user-agent").map_or("", |(_, agent)| agent);
        let context = caller::context(&self.account, &caller, parameters, agent, now);
        let asked = Asked { service: asking.service, operation: operation.name, parameters, context: &context };
        caller::authorize(&self.account, &caller, &asked, self.enforce)?;
        if self.enforce && asking.service == "sts" && operation.name == "AssumeRole" {
            let role = parameters.get("RoleArn").and_then(Value::as_str).unwrap_or_default();
            sts::may_assume(&self.account, &caller, role, &context)?;
        }
        let looks = operation.reads() && !operation.name.starts_with("Generate") && asking.service == "iam";
        let mut past = conditions.lag.filter(|_| looks).and_then(|lag| self.as_it_was(lag));
        let lagging = past.is_some();
        let account = past.as_mut().unwrap_or(&mut self.account);
        let mut call = Call { account, parameters, caller: &caller, operation, pages: &conditions.pages, now };
        let reply = handler(&mut call);
        if !looks && !lagging {
            self.remember();
        }
        reply
    }

    fn as_it_was(&self, lag: i64) -> Option<Account> {
        let then = clock::millis() - lag;
        let found = self.history.iter().rev().find(|(since, _)| *since <= then).or_else(|| self.history.front());
        found.map(|(_, account)| account.clone())
    }

    /// Keeps the state after a change, while reads lag.
    fn remember(&mut self) {
        if !self.history.is_empty() {
            self.history.push_back((clock::millis(), self.account.clone()));
        }
        let longest = self.faults.iter().filter_map(|armed| match armed.fault.effect {
            Effect::Lag { milliseconds } => i64::try_from(milliseconds).ok(),
            _ => None,
        });
        let horizon = clock::millis() - longest.max().unwrap_or(0);
        while self.history.get(1).is_some_and(|(since, _)| *since <= horizon) {
            self.history.pop_front();
        }
    }

    fn rivals(&mut self, conditions: &Conditions, before: bool) {
        for (when, name, parameters) in &conditions.rivals {
            let found = table::operation(name).zip(operations::handler(name));
            if let Some((operation, handler)) = found.filter(|_| *when == before) {
                let caller = Caller::root(&self.account);
                let now = clock::seconds();
                let mut call =
                    Call { account: &mut self.account, parameters, caller: &caller, operation, pages: &[], now };
                // A rival may come too late, as rivals do.
                if let Err(error) = handler(&mut call) {
                    tracing::warn!(operation = name, code = %error.code, "a rival's call was refused");
                }
                self.remember();
            }
        }
    }
}

fn refusal(error: &Error, request_id: String, namespace: &str) -> Answer {
    let body = wire::encode_error(&error.code, &error.message, error.status < 500, &request_id);
    let body = body.replacen(XML_NAMESPACE, namespace, 1);
    Answer { status: error.status, code: Some(error.code.to_string()), request_id, body }
}

/// The key of an administrator: of `awsiam-operator`, or of the first user who is one.
fn administrator(account: &Account) -> Option<Key> {
    let admin = format!("arn:{}:iam::aws:policy/AdministratorAccess", account.partition);
    let users = account.users.values().filter(|user| user.name == "awsiam-operator");
    let others = account.users.values().filter(|user| user.attached_policies.contains(&admin));
    users.chain(others).find_map(|user| user.access_keys.iter().find(|key| key.status == "Active")).map(Key::of)
}
