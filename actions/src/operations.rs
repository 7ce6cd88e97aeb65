//! Every IAM operation as an action: `iam:DetachUserPolicy`, made of the operation table when it is asked for.
//!
//! Operations that read are lookups, the others runbooks of one change. Refuses a change whose target would be the caller
//! by omission. Names no operation but where IAM's behaviour is in no table. Source: AWS API reference.

use crate::action::{Action, Kind, Of, Output, Parameter, Run, parameter};
use crate::execute::Done;
use crate::outcome::{Failure, Outcome, Secret};
use crate::parameters::Parameters;
use crate::reader::Reader;
use crate::runbook::Runbook;
use crate::steps::{own_access, single_call};
use crate::target::{Principal, Target};
use awsiam_iam::table::{self, Kind as Type, Member, Operation, Shape};
use awsiam_iam::{Call, Error};
use serde_json::value::to_raw_value;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What the name of an action that is one operation begins with.
pub const PREFIX: &str = "iam:";
/// A parameter set may wrap the members of the request in this, as clients that are made of API descriptions do.
pub const BODY: &str = "$body";

/// The action of an operation or waiter, `iam:GetUser` or `iam:UserExists`.
#[must_use]
pub fn action(name: &str) -> Option<&'static Action> {
    // Each is made once, and lives as long as the process, as the others do.
    static MADE: Mutex<BTreeMap<&'static str, &'static Action>> = Mutex::new(BTreeMap::new());
    let bare = name.strip_prefix(PREFIX)?;
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = made.get(name) {
        return Some(known);
    }
    let waiter = table::waiters().iter().find(|waiter| waiter.name == bare || snake(waiter.name) == bare);
    let action: &'static Action = match waiter {
        Some(waiter) => Box::leak(Box::new(of_waiter(waiter)?)),
        None => Box::leak(Box::new(of_operation(table::operation(bare)?))),
    };
    made.insert(action.name, action);
    Some(action)
}

/// The names of all of them.
pub fn names() -> impl Iterator<Item = String> {
    let operations = table::operations().iter().map(|operation| operation.name);
    operations.chain(table::waiters().iter().map(|waiter| waiter.name)).map(|name| format!("{PREFIX}{name}"))
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// AWS's page about an operation.
#[must_use]
pub fn page(operation: &str) -> String {
    format!("https://docs.aws.amazon.com/IAM/latest/APIReference/API_{operation}.html")
}

fn of_waiter(waiter: &'static table::Waiter) -> Option<Action> {
    let operation = table::operation(waiter.operation)?;
    Some(Action {
        name: leak(format!("{PREFIX}{}", waiter.name)),
        identifier: leak(format!("{PREFIX}{}", waiter.name)),
        description: leak(format!("Wait until {} finds what it is asked for", operation.name)),
        verbose: leak(format!(
            "Repeats {} until IAM shows what was created elsewhere, for as long as the asset's timeout allows. {}",
            operation.name,
            page(operation.name)
        )),
        run: Run::Wait(operation),
        // Without a name IAM would answer about the caller, who is there.
        parameters: Box::leak(
            of_operation(operation)
                .parameters
                .iter()
                .map(|parameter| Parameter {
                    required: parameter.required || parameter.name == "UserName",
                    ..*parameter
                })
                .collect(),
        ),
        ..of_operation(operation)
    })
}

fn of_operation(operation: &'static Operation) -> Action {
    let mut parameters: Vec<Parameter> = operation.input.iter().map(|member| of_member(operation, member)).collect();
    if operation.paging.is_some() {
        parameters.push(MAX_ITEMS);
        parameters.push(STARTING_TOKEN);
    }
    if single_call::shown_by(operation.name).is_some() {
        parameters.push(WAIT);
    }
    if !operation.returned_secrets().is_empty() {
        parameters.push(RETURN_SECRET);
    }
    if deletes(operation) {
        parameters.push(parameter::CONFIRM);
    }
    parameters.push(parameter::CREDENTIALS);
    let mut outputs = vec![Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef")];
    match rows_of(operation) {
        Some((_, of)) if matches!(of.kind, Type::Structure(_)) => paths(of, "", &mut vec![], &mut outputs),
        Some((_, of)) => outputs.push(Output::data(leak(noun(of)), "")),
        None => {
            for member in operation.output {
                paths(member.shape, member.name, &mut vec![], &mut outputs);
            }
        }
    }
    let mut calls = vec![operation.name];
    if !operation.reads() {
        calls.push("sts:GetCallerIdentity");
        calls.extend(single_call::reads(operation));
        if guards_own_access(operation) {
            calls.extend(own_access::CALLS);
        }
    }
    let reads = operation.reads();
    Action {
        name: leak(format!("{PREFIX}{}", operation.name)),
        identifier: leak(format!("{PREFIX}{}", operation.name)),
        kind: if reads { Kind::Investigate } else { Kind::Generic },
        description: leak(format!("Call IAM's {}", operation.name)),
        verbose: leak(page(operation.name)),
        parameters: Box::leak(parameters.into_boxed_slice()),
        outputs: Box::leak(outputs.into_boxed_slice()),
        message: "",
        status_column: None,
        undo: None,
        calls: Box::leak(Box::new([&*Box::leak(calls.into_boxed_slice())])),
        undoing: if reads { "" } else { single_call::undoing(operation) },
        run: Run::Operation(Some(operation)),
    }
}

fn of_member(operation: &'static Operation, member: &'static Member) -> Parameter {
    let mut description = limits(member.shape);
    if member.name == "UserName" && !member.required && !operation.reads() {
        description.push_str("; needed here: without it IAM would act on the caller");
    }
    Parameter {
        name: member.name,
        description: leak(description),
        of: Of::Member { operation: operation.name, member: member.name },
        required: member.required,
        primary: false,
        contains: &[],
        example: "",
        column: None,
    }
}

/// A type and its limits in words: `text, 1 to 64 characters, [\w+=,.@-]+`.
fn limits(shape: &Shape) -> String {
    let (what, unit) = match shape.kind {
        Type::String => ("text", " characters"),
        Type::Policy => ("policy document (JSON as text)", " characters"),
        Type::Integer => ("whole number", ""),
        Type::Boolean => ("true or false", ""),
        Type::Blob => ("bytes in base64", " bytes"),
        Type::Time => ("time (ISO 8601)", ""),
        Type::List(_) => ("list", " items"),
        Type::Map(_) | Type::Structure(_) => ("object", ""),
    };
    let mut words = vec![what.to_owned()];
    match shape.kind {
        Type::List(of) => words[0] = format!("list of {}", limits(of)),
        Type::Structure(members) => {
            let members: Vec<_> = members
                .iter()
                .map(
                    |member| {
                        if member.required { format!("{} (required)", member.name) } else { member.name.to_owned() }
                    },
                )
                .collect();
            words[0] = format!("object with {}", members.join(", "));
        }
        _ => {}
    }
    match (shape.min, shape.max) {
        (Some(least), Some(most)) => words.push(format!("{least} to {most}{unit}")),
        (Some(least), None) => words.push(format!("at least {least}{unit}")),
        (None, Some(most)) => words.push(format!("at most {most}{unit}")),
        (None, None) => {}
    }
    if !shape.values.is_empty() {
        words.push(format!("one of {}", shape.values.join(", ")));
    }
    if let Some(pattern) = shape.pattern {
        words.push(format!("matching {}", pattern.trim_start_matches("^(?:").trim_end_matches(")$")));
    }
    if shape.sensitive {
        words.push("secret: also {\"env\": NAME} or {\"file\": PATH}; never shown".to_owned());
    }
    words.join(", ")
}

/// The paths of the values below a type, as output paths.
fn paths(shape: &'static Shape, at: &str, above: &mut Vec<&'static str>, found: &mut Vec<Output>) {
    let below = |part: &str| if at.is_empty() { part.to_owned() } else { format!("{at}.{part}") };
    // A type may hold itself.
    if above.contains(&shape.name) {
        return;
    }
    above.push(shape.name);
    match shape.kind {
        Type::Structure(members) => {
            for member in members {
                paths(member.shape, &below(member.name), above, found);
            }
        }
        Type::List(of) | Type::Map(of) => paths(of, &below("*"), above, found),
        _ => found.push(Output::data(leak(at.to_owned()), "")),
    }
    above.pop();
}

pub(crate) const MAX_ITEMS: Parameter = Parameter {
    name: "max_items",
    description: "Items to bring at most; the summary then says where to go on. All of them without it",
    of: Of::Count,
    required: false,
    primary: false,
    contains: &[],
    example: "100",
    column: None,
};
pub(crate) const STARTING_TOKEN: Parameter = Parameter {
    name: "starting_token",
    description: "Where to go on: next_token of the summary of an earlier call",
    of: Of::AnyText,
    example: "AAGx4Iwn9pLg",
    ..MAX_ITEMS
};
pub(crate) const WAIT: Parameter = Parameter {
    name: "wait",
    description: "Wait until IAM shows what was created",
    of: Of::Flag(false),
    example: "",
    ..MAX_ITEMS
};
pub(crate) const RETURN_SECRET: Parameter = Parameter {
    name: "return_secret",
    description: "Bring the secret that IAM gives only once in the data, instead of the asset's secret_sink",
    of: Of::Flag(false),
    example: "",
    ..MAX_ITEMS
};

/// An action with a parameter set of its own.
pub type Meant<'a> = (&'static Action, Cow<'a, Map<String, Value>>);

/// The action and the parameter set that are meant: the general form names the operation, and `$body` wraps its members.
///
/// # Errors
/// What to change; no value is repeated.
pub fn resolve<'a>(action: &'static Action, set: &'a Map<String, Value>) -> Result<Meant<'a>, String> {
    match action.run {
        Run::Operation(None) => {
            let name = match set.get("operation") {
                Some(Value::String(name)) => name.trim().trim_start_matches(PREFIX).to_owned(),
                _ => return Err("Parameter \"operation\" is required: the name of an IAM operation".to_owned()),
            };
            let meant = self::action(&format!("{PREFIX}{name}")).ok_or_else(|| unknown(&name))?;
            let (given, body) =
                (set.get("parameters").filter(|value| !value.is_null() && **value != ""), set.get(BODY));
            if given.is_some() && body.is_some() {
                return Err(format!("The members of the request are given twice: in \"parameters\" and in {BODY}"));
            }
            let mut own = members(given.or(body), if body.is_some() { BODY } else { "parameters" })?;
            if own.len() == 1 && own.contains_key(BODY) {
                own = members(own.get(BODY), BODY)?;
            }
            for (name, value) in
                set.iter().filter(|(name, _)| !["operation", "parameters", BODY].contains(&name.as_str()))
            {
                // What the form of all operations offers and this one does not take may be left at its default.
                let idle = value.is_null() || *value == "" || *value == false;
                let of_form = action.parameter(name).is_some() || crate::parameters::ALWAYS.contains(&name.as_str());
                if idle && of_form && (own.contains_key(name) || meant.parameter(name).is_none()) {
                    continue;
                }
                if own.insert(name.clone(), value.clone()).is_some() {
                    return Err(format!("{name} is given twice: beside \"parameters\" and in it"));
                }
            }
            Ok((meant, Cow::Owned(own)))
        }
        Run::Operation(Some(_)) | Run::Wait(_) if set.contains_key(BODY) => {
            let mut own = members(set.get(BODY), BODY)?;
            for (name, value) in set.iter().filter(|(name, _)| *name != BODY) {
                if own.insert(name.clone(), value.clone()).is_some() {
                    return Err(format!("{name} is given twice: beside {BODY} and in it"));
                }
            }
            Ok((action, Cow::Owned(own)))
        }
        _ => Ok((action, Cow::Borrowed(set))),
    }
}

/// What to say of an operation that there is not.
#[must_use]
pub fn unknown(name: &str) -> String {
    let known: Vec<_> = table::operations().iter().map(|operation| operation.name).collect();
    match crate::parameters::closest(name, &known) {
        Some(meant) => format!("Unknown IAM operation {name:?}; did you mean {meant:?}?"),
        None => format!("Unknown IAM operation {name:?}; `awsiam operations` lists them all"),
    }
}

fn members(value: Option<&Value>, name: &str) -> Result<Map<String, Value>, String> {
    let wrong = || format!("Parameter {name:?} must be a JSON object with the members of the request, or its text");
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(Value::String(text)) => match serde_json::from_str(text) {
            Ok(Value::Object(map)) => Ok(map),
            _ => Err(wrong()),
        },
        Some(_) => Err(wrong()),
    }
}

/// Whether a member may be given by the name of an environment variable or file: secrets alone, since all else is shown.
#[must_use]
pub fn by_reference(of: Of) -> bool {
    matches!(of, Of::Member { .. }) && of.is_secret()
}

/// The reference that a text is the JSON of: an object with `env` or `file` and nothing else.
#[must_use]
pub fn reference(text: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) if map.len() == 1 && (map.contains_key("env") || map.contains_key("file")) => Some(map),
        _ => None,
    }
}

/// Whether a text on a command line is the JSON of such a value: everything but plain text, and references to it.
#[must_use]
pub fn takes_json(of: Of, text: &str) -> bool {
    let Of::Member { operation, member } = of else { return false };
    let shape = table::operation(operation).and_then(|operation| operation.member(member)).map(|member| member.shape);
    by_reference(of) && reference(text).is_some()
        || shape.is_some_and(|shape| !matches!(shape.kind, Type::String | Type::Policy | Type::Blob | Type::Time))
}

/// The list of a list operation whose items are its rows; none where it has none, or several.
fn rows_of(operation: &Operation) -> Option<(&'static str, &'static Shape)> {
    let [name] = operation.paging.as_ref().filter(|_| operation.name.starts_with("List"))?.results else { return None };
    match operation.output.iter().find(|member| member.name == *name)?.shape.kind {
        Type::List(of) => Some((name, of)),
        _ => None,
    }
}

/// The name of what a list of mere texts holds: `AccountAlias` of `accountAliasType`.
fn noun(shape: &Shape) -> String {
    let name = shape.name.trim_end_matches("Type");
    let mut characters = name.chars();
    characters.next().map(|first| first.to_uppercase().collect::<String>() + characters.as_str()).unwrap_or_default()
}

fn with_request_id(data: Value, request_id: &str) -> Value {
    let mut row = match data {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    row.insert("RequestId".to_owned(), request_id.into());
    row.into()
}

/// Reads: a list whole or so much of it, anything else once.
///
/// # Errors
/// The call's, with what it means.
pub async fn read(operation: &'static Operation, p: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let call = call(operation, p)?;
    let Some(paging) = &operation.paging else {
        let reply = reader.call(&call).await.map_err(explained)?;
        let data = vec![with_request_id(reply.data, &reply.request_id)];
        return Ok(Outcome { message: Some(format!("{} answered", operation.name)), data, ..Outcome::default() });
    };
    // Who names a page size or a position wants that page.
    let by_page = [Some(paging.input), paging.limit].into_iter().flatten().any(|name| p.member(name).is_some());
    if by_page && (p.count("max_items").is_some() || p.given("starting_token").is_some()) {
        return Err(Failure::Invalid(format!(
            "max_items and starting_token read a list on, {} reads one page of it: give either",
            paging.limit.unwrap_or(paging.input)
        )));
    }
    let (reply, next) = if by_page {
        let reply = reader.call(&call).await.map_err(explained)?;
        let next = reply.data[paging.output].as_str().map(str::to_owned);
        (reply, next)
    } else {
        let mut from = p.members();
        if let Some(token) = p.given("starting_token") {
            from.insert(paging.input.to_owned(), token.into());
        }
        let call = Call::new(operation, from.into())?;
        reader.list_up_to(&call, p.count("max_items")).await.map_err(explained)?
    };
    let mut outcome = Outcome::default();
    let mut data = reply.data;
    for name in paging.results {
        let total = data[*name].as_array().map_or(0, Vec::len);
        outcome.summary.insert(format!("total_{}", snake(name)), total.into());
    }
    if let Some(next) = next {
        outcome.summary.insert("next_token".to_owned(), next.into());
    }
    match rows_of(operation) {
        Some((name, of)) => {
            let row = |item: Value| match item {
                Value::Object(_) => with_request_id(item, &reply.request_id),
                text => with_request_id(json!({ (noun(of)): text }), &reply.request_id),
            };
            let items = match data[name].take() {
                Value::Array(items) => items,
                _ => vec![],
            };
            outcome.listed = items.into_iter().filter_map(|item| to_raw_value(&row(item)).ok()).collect();
        }
        None => outcome.data = vec![with_request_id(data, &reply.request_id)],
    }
    Ok(outcome)
}

/// Reads until what is asked for is there.
///
/// # Errors
/// "Not found" when the time is up; any other error at once.
pub async fn wait(operation: &'static Operation, p: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let reply = reader.until_there(&call(operation, p)?, None).await.map_err(explained)?;
    let data = vec![with_request_id(reply.data, &reply.request_id)];
    Ok(Outcome { message: Some("It is there".to_owned()), data, ..Outcome::default() })
}

fn call(operation: &'static Operation, p: &Parameters) -> Result<Call, Error> {
    Call::new(operation, p.members().into())
}

/// An error with what it means.
fn explained(error: Error) -> Failure {
    match error.meaning() {
        Some(meaning) => Failure::Explained { message: meaning.to_owned(), error },
        None => error.into(),
    }
}

/// What a request names beside users and roles, and what that is.
const THINGS: &[(&str, &str)] = &[
    ("GroupName", "group"),
    ("PolicyArn", "policy"),
    ("InstanceProfileName", "instance profile"),
    ("SerialNumber", "MFA device"),
    ("VirtualMFADeviceName", "virtual MFA device"),
    ("ServerCertificateName", "server certificate"),
    ("SAMLProviderArn", "SAML provider"),
    ("OpenIDConnectProviderArn", "OpenID Connect provider"),
    ("AWSServiceName", "service"),
    ("PolicyName", "policy"),
    ("AccountAlias", "account alias"),
    ("Name", "entity"),
    ("Url", "OpenID Connect provider"),
];

/// What a change is about: the user or role that it names and that is there already, or what else it names.
fn target(operation: &Operation, p: &Parameters) -> Target {
    let given = |name: &str| p.member(name).and_then(Value::as_str);
    match (operation.name, given("UserName"), given("RoleName")) {
        ("CreateUser", Some(name), _) => Target::other("user", name),
        ("CreateRole", _, Some(name)) => Target::other("role", name),
        // The only call that may act on such a role.
        ("DeleteServiceLinkedRole", _, Some(name)) => Target::other("service-linked role", name),
        (_, Some(name), _) => Target::user(name),
        (_, None, Some(name)) => Target::role(name),
        _ => {
            let thing = THINGS.iter().find_map(|(member, what)| given(member).map(|name| (*what, name)));
            thing.map_or_else(|| Target::other("account", ""), |(what, name)| Target::other(what, name))
        }
    }
}

/// Whether an operation adds something and leaves all that is there as it is.
fn only_adds(operation: &Operation) -> bool {
    let adds = ["Create", "Upload", "Tag", "Untag"].iter().any(|verb| operation.name.starts_with(verb));
    // A new version may come into force at once, and an account has one alias.
    adds && !["CreatePolicyVersion", "CreateAccountAlias"].contains(&operation.name)
}

/// Whether an operation deletes what it is about, and not only something that hangs on it.
fn deletes(operation: &Operation) -> bool {
    [
        "DeleteUser",
        "DeleteRole",
        "DeleteServiceLinkedRole",
        "DeleteGroup",
        "DeletePolicy",
        "DeleteInstanceProfile",
        "DeleteServerCertificate",
        "DeleteSAMLProvider",
        "DeleteOpenIDConnectProvider",
        "DeleteVirtualMFADevice",
        "DeleteAccountAlias",
    ]
    .contains(&operation.name)
}

/// Whether an operation may take something from what the caller's own access hangs on.
fn guards_own_access(operation: &Operation) -> bool {
    let about = own_access::may_concern(operation);
    about && !only_adds(operation) && operation.member("UserName").is_none() && operation.member("RoleName").is_none()
}

/// The runbook of an operation that changes something.
#[must_use]
pub fn runbook(operation: &'static Operation, p: &Parameters) -> Runbook {
    let target = target(operation, p);
    let call = match call(operation, p) {
        Ok(call) => call,
        Err(error) => return Runbook::refused(target, Failure::Invalid(error.message.clone())),
    };
    let refuse = |rule, message: String| Runbook::refused(target.clone(), Failure::refused(rule, message));
    let name = operation.name;
    if name == "ChangePassword" {
        return refuse("yourself", "ChangePassword changes the password of the caller, which is this connector itself. Nothing was changed. For another user, call UpdateLoginProfile.".to_owned());
    }
    if operation.member("UserName").is_some() && p.member("UserName").is_none() {
        return refuse(
            "no_target",
            format!(
                "Without UserName, {name} would act on the caller, which is this connector itself. Nothing was changed. Name the user."
            ),
        );
    }
    let of_principal = !matches!(target.principal, Principal::Other(_));
    let mut runbook = if only_adds(operation) && !of_principal {
        Runbook::gives_to(target)
    } else {
        Runbook::takes_away_from(target)
    };
    if deletes(operation) {
        runbook = runbook.confirmed_by(p.given("confirm"));
    }
    if let Some(key) = p.member("AccessKeyId").and_then(Value::as_str) {
        runbook = runbook.about_keys(vec![key.to_owned()]);
    }
    let members = p.members();
    let wait = p.flag("wait");
    let proof = move |reply: &Value| single_call::proof(name, &members, reply).filter(|_| wait);
    runbook = runbook.stage(single_call::single_call(call)).once(proof);
    if guards_own_access(operation) {
        let members = p.members();
        let objection = move |seen: &Map<String, Value>, _: &_| own_access::objection(&seen["own_access"], &members);
        runbook = runbook.and(own_access::own_access()).unless(objection);
    }
    runbook.finishes(move |done| finish(operation, done))
}

fn finish(operation: &'static Operation, done: &Done) -> Outcome {
    let mut data = done.reply(operation.name).map(|reply| reply.data.clone()).unwrap_or_default();
    let mut secrets = vec![];
    for (outer, inner) in operation.returned_secrets() {
        if let Some(Value::String(text)) = data[outer].get_mut(inner).map(Value::take) {
            secrets.push(Secret { place: format!("/{outer}/{inner}"), value: text.into() });
        }
    }
    let about = match done.target.words() {
        words if words.trim() == "account" => String::new(),
        words => format!(" on {}", words.trim()),
    };
    let message = if done.changes.is_empty() {
        format!("{}{about} was not called: things are as it would have made them", operation.name)
    } else {
        format!("{}{about} done, as acknowledged by IAM", operation.name)
    };
    let data = vec![with_request_id(data, done.request_id())];
    Outcome { message: Some(message), data, secrets, ..Outcome::default() }
}

/// The members of a parameter set with secrets masked, as a result shows them.
#[must_use]
pub fn masked(name: &str, value: &Value) -> Value {
    let operation = table::operation(name.trim().trim_start_matches(PREFIX));
    match (operation, members(Some(value), "")) {
        (Some(_), Ok(members)) if members.len() == 1 && members.contains_key(BODY) => {
            json!({ BODY: masked(name, &members[BODY]) })
        }
        (Some(operation), Ok(mut members)) => {
            // A name that is no member's may be a secret's, misspelt or in the wrong place.
            for (name, value) in &mut members {
                let plain = ["dry_run", "wait", "return_secret", "max_items", "confirm", "account_id", "role_arn"];
                if operation.member(name).is_none() && !plain.contains(&name.as_str()) && !value.is_null() {
                    *value = table::MASK.into();
                }
            }
            operation.redacted(&members.into())
        }
        // Of what cannot be told apart, nothing is shown.
        _ => table::MASK.into(),
    }
}
