//! AWS Query on the wire: JSON parameters to a form body, XML to JSON, whole or not at all.
//!
//! Pure text in and out. Refuses to guess: a request that the table does not allow is not encoded, a reply that is
//! not the whole reply to the operation that was called is not decoded.

use crate::table::{API_VERSION, Kind, Member, Operation, Shape, XML_NAMESPACE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use roxmltree::{Document, Node};
use serde_json::{Map, Value};
use std::fmt::{self, Write as _};

/// What `SigV4` leaves as it is: the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request that the operation table does not allow. The text names the member, never its value where that is
/// a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Where, such as `ListUsers.MaxItems` or `TagUser.Tags[1].Key`.
    pub path: String,
    /// What is wrong and what is expected.
    pub problem: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

impl std::error::Error for Invalid {}

/// The form body of a call, `Action=…&Version=…&…`.
///
/// # Errors
/// [`Invalid`] for an unknown, missing, ill-typed or out-of-range member, with its path.
pub fn encode(operation: &Operation, parameters: &Value) -> Result<String, Invalid> {
    let mut body = format!("Action={}&Version={API_VERSION}", operation.name);
    put_members(&mut body, "", operation.input, parameters, operation.name)?;
    Ok(body)
}

/// Checks one member of a request by itself.
///
/// # Errors
/// [`Invalid`], with the path below `at`. The text never repeats the value of a secret.
pub fn check(member: &Member, value: &Value, at: &str) -> Result<(), Invalid> {
    put(&mut String::new(), member.name, member.shape, value, at)
}

fn put_members(
    body: &mut String,
    prefix: &str,
    members: &'static [Member],
    value: &Value,
    at: &str,
) -> Result<(), Invalid> {
    let wrong = |problem: String| Invalid { path: at.to_owned(), problem };
    let map = value.as_object().ok_or_else(|| wrong(format!("expected an object, got {}", kind_of(value))))?;
    if let Some(name) = map.keys().find(|name| !members.iter().any(|member| member.name == name.as_str())) {
        let known: Vec<_> = members.iter().map(|member| member.name).collect();
        return Err(wrong(format!(
            "unknown member {name}; it takes {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        )));
    }
    for member in members {
        match map.get(member.name).filter(|value| !value.is_null()) {
            None if member.required => return Err(wrong(format!("{} is missing", member.name))),
            None => {}
            Some(value) => {
                put(body, &format!("{prefix}{}", member.name), member.shape, value, &format!("{at}.{}", member.name))?;
            }
        }
    }
    Ok(())
}

fn put(body: &mut String, key: &str, shape: &'static Shape, value: &Value, at: &str) -> Result<(), Invalid> {
    let wrong = |problem: String| Invalid { path: at.to_owned(), problem };
    match (&shape.kind, value) {
        (Kind::String | Kind::Policy | Kind::Blob | Kind::Time, Value::String(text)) => {
            check_text(shape, text).map_err(wrong)?;
            pair(body, key, text);
        }
        (Kind::Boolean, Value::Bool(yes)) => pair(body, key, if *yes { "true" } else { "false" }),
        (Kind::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {
            let n = number.as_i64().ok_or_else(|| wrong(format!("{number} is too large")))?;
            check_range(shape, n, "").map_err(wrong)?;
            pair(body, key, &n.to_string());
        }
        (Kind::List(of), Value::Array(items)) => {
            check_range(shape, i64::try_from(items.len()).unwrap_or(i64::MAX), " items").map_err(wrong)?;
            if items.is_empty() {
                // The Query protocol's way to tell an empty list from an absent one.
                pair(body, key, "");
            }
            for (i, item) in items.iter().enumerate() {
                put(body, &format!("{key}.member.{}", i + 1), of, item, &format!("{at}[{i}]"))?;
            }
        }
        (Kind::Map(of), Value::Object(map)) => {
            for (i, (name, value)) in map.iter().enumerate() {
                pair(body, &format!("{key}.entry.{}.key", i + 1), name);
                put(body, &format!("{key}.entry.{}.value", i + 1), of, value, &format!("{at}.{name}"))?;
            }
        }
        (Kind::Structure(members), Value::Object(_)) => put_members(body, &format!("{key}."), members, value, at)?,
        (kind, value) => return Err(wrong(format!("expected {}, got {}", name_of(kind), kind_of(value)))),
    }
    Ok(())
}

fn pair(body: &mut String, key: &str, value: &str) {
    body.push('&');
    body.push_str(key);
    body.push('=');
    body.extend(utf8_percent_encode(value, ESCAPED));
}

/// Whether a string is within its type's length, pattern and values. The message never repeats the text of a secret.
///
/// # Errors
/// What is wrong, in words.
pub fn check_text(shape: &Shape, text: &str) -> Result<(), String> {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    check_range(shape, length, " characters")?;
    if !shape.values.is_empty() && !shape.values.contains(&text) {
        return Err(format!("must be one of {}", shape.values.join(", ")));
    }
    let Some(pattern) = shape.pattern else { return Ok(()) };
    let matcher = regex_lite::Regex::new(pattern).map_err(|_| "the model's pattern cannot be read".to_owned())?;
    if matcher.is_match(text) {
        return Ok(());
    }
    let allowed = pattern.trim_start_matches("^(?:").trim_end_matches(")$");
    Err(format!("has characters that IAM does not allow here; it must match {allowed}"))
}

fn check_range(shape: &Shape, n: i64, unit: &str) -> Result<(), String> {
    match (shape.min, shape.max) {
        (Some(min), _) if n < min => Err(format!("must have at least {min}{unit}, has {n}")),
        (_, Some(max)) if n > max => Err(format!("must have at most {max}{unit}, has {n}")),
        _ => Ok(()),
    }
}

fn name_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::String | Kind::Policy => "a string",
        Kind::Blob => "a string of base64",
        Kind::Time => "a string with a time (ISO 8601)",
        Kind::Integer => "a whole number",
        Kind::Boolean => "true or false",
        Kind::List(_) => "a list",
        Kind::Map(_) | Kind::Structure(_) => "an object",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The parameters of a form body, as the sandbox reads them.
///
/// # Errors
/// [`Invalid`] where a value does not have the type that the table gives it. Lengths, patterns and missing members
/// are the receiver's to judge.
pub fn decode_request(operation: &Operation, form: &[(String, String)]) -> Result<Value, Invalid> {
    get_form(&Kind::Structure(operation.input), form, "", operation.name)
        .map(|value| value.unwrap_or_else(|| Map::new().into()))
}

/// The value under `key` of a form, or none where the form says nothing of it.
fn get_form(kind: &Kind, form: &[(String, String)], key: &str, at: &str) -> Result<Option<Value>, Invalid> {
    let wrong = |problem: &str| Invalid { path: at.to_owned(), problem: problem.to_owned() };
    let scalar = || form.iter().find(|(name, _)| name == key).map(|(_, text)| text.as_str());
    let below = |part: &str| if key.is_empty() { part.to_owned() } else { format!("{key}.{part}") };
    let present = |prefix: &str| {
        form.iter()
            .any(|(name, _)| name == prefix || name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')))
    };
    Ok(match kind {
        Kind::String | Kind::Policy | Kind::Blob | Kind::Time => scalar().map(Value::from),
        Kind::Integer => match scalar() {
            None => None,
            Some(text) => Some(text.parse::<i64>().map_err(|_| wrong("expected a whole number"))?.into()),
        },
        Kind::Boolean => match scalar() {
            None => None,
            Some("true") => Some(true.into()),
            Some("false") => Some(false.into()),
            Some(_) => return Err(wrong("expected true or false")),
        },
        Kind::List(of) => {
            if !present(key) {
                return Ok(None);
            }
            let mut items = vec![];
            for n in 1.. {
                let entry = below(&format!("member.{n}"));
                if !present(&entry) {
                    break;
                }
                items.extend(get_form(&of.kind, form, &entry, &format!("{at}[{}]", n - 1))?);
            }
            Some(items.into())
        }
        Kind::Map(of) => {
            if !present(key) {
                return Ok(None);
            }
            let mut map = Map::new();
            for n in 1.. {
                let entry = below(&format!("entry.{n}"));
                let Some((_, name)) = form.iter().find(|(found, _)| *found == format!("{entry}.key")) else { break };
                if let Some(value) = get_form(&of.kind, form, &format!("{entry}.value"), at)? {
                    map.insert(name.clone(), value);
                }
            }
            Some(map.into())
        }
        Kind::Structure(members) => {
            if !key.is_empty() && !present(key) {
                return Ok(None);
            }
            let mut map = Map::new();
            for member in *members {
                if let Some(value) =
                    get_form(&member.shape.kind, form, &below(member.name), &format!("{at}.{}", member.name))?
                {
                    map.insert(member.name.to_owned(), value);
                }
            }
            Some(map.into())
        }
    })
}

/// The output of an operation, with its request id, from the body of a successful reply.
///
/// # Errors
/// Why the body is not a whole reply to `operation`; it never repeats any of the body, which may hold secrets.
pub fn decode(operation: &Operation, body: &str) -> Result<(Value, Option<String>), String> {
    if body.trim().is_empty() {
        return Err("the reply is empty".to_owned());
    }
    let document =
        Document::parse(body).map_err(|error| format!("the reply is not well-formed XML ({})", at_position(&error)))?;
    let root = document.root_element();
    if root.tag_name().name().strip_suffix("Response") != Some(operation.name) {
        return Err(format!("the reply's root element is not {}Response", operation.name));
    }
    let result = elements(root).find(|node| node.tag_name().name().strip_suffix("Result") == Some(operation.name));
    let data = match result {
        Some(node) => get_members(operation.output, node)?,
        None if operation.has_result => return Err(format!("the reply has no {}Result", operation.name)),
        None => Map::new().into(),
    };
    let request_id = elements(root)
        .find(|node| node.tag_name().name() == "ResponseMetadata")
        .and_then(|meta| elements(meta).find(|node| node.tag_name().name() == "RequestId"))
        .map(text_of)
        .transpose()?;
    Ok((data, request_id))
}

fn at_position(error: &roxmltree::Error) -> String {
    let at = error.pos();
    format!("line {}, column {}", at.row, at.col)
}

fn elements<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

/// The text of a leaf. References split text into several nodes; an element inside is not text.
fn text_of(node: Node<'_, '_>) -> Result<String, String> {
    if elements(node).next().is_some() {
        return Err(format!("the reply's {} holds elements where text belongs", node.tag_name().name()));
    }
    Ok(node.children().filter(Node::is_text).filter_map(|part| part.text()).collect())
}

fn get_members(members: &'static [Member], node: Node<'_, '_>) -> Result<Value, String> {
    let mut map = Map::new();
    for child in elements(node) {
        // What a newer IAM adds is not known here and left out.
        if let Some(member) = members.iter().find(|member| member.name == child.tag_name().name()) {
            map.insert(member.name.to_owned(), get(member.shape, child)?);
        }
    }
    Ok(map.into())
}

fn get(shape: &'static Shape, node: Node<'_, '_>) -> Result<Value, String> {
    let named = |problem: &str| format!("the reply's {} is {problem}", node.tag_name().name());
    Ok(match &shape.kind {
        Kind::Structure(members) => get_members(members, node)?,
        Kind::List(of) => elements(node).map(|item| get(of, item)).collect::<Result<Vec<_>, _>>()?.into(),
        Kind::Map(of) => {
            let mut map = Map::new();
            for entry in elements(node) {
                let part = |tag: &str| elements(entry).find(|node| node.tag_name().name() == tag);
                let (Some(key), Some(value)) = (part("key"), part("value")) else {
                    return Err(named("a map with an entry that lacks key or value"));
                };
                map.insert(text_of(key)?, get(of, value)?);
            }
            map.into()
        }
        Kind::Integer => text_of(node)?.trim().parse::<i64>().map_err(|_| named("not a whole number"))?.into(),
        Kind::Boolean => text_of(node)?.trim().parse::<bool>().map_err(|_| named("neither true nor false"))?.into(),
        Kind::Policy => {
            percent_decode_str(&text_of(node)?).decode_utf8().map_err(|_| named("not UTF-8 when decoded"))?.into()
        }
        Kind::String | Kind::Blob | Kind::Time => text_of(node)?.into(),
    })
}

/// Code, message and request id of an error reply; none where the body is not one.
#[must_use]
pub fn decode_error(body: &str) -> Option<(String, String, Option<String>)> {
    let document = Document::parse(body).ok()?;
    let root = document.root_element();
    if root.tag_name().name() != "ErrorResponse" {
        return None;
    }
    let error = elements(root).find(|node| node.tag_name().name() == "Error")?;
    let text = |parent: Node<'_, '_>, tag: &str| {
        elements(parent).find(|node| node.tag_name().name() == tag).and_then(|node| text_of(node).ok())
    };
    let code = text(error, "Code").filter(|code| !code.is_empty())?;
    let message = text(error, "Message").unwrap_or_default();
    let request_id = text(root, "RequestId").or_else(|| text(root, "RequestID"));
    Some((code, message, request_id))
}

/// The XML of a successful reply, as the sandbox sends it.
///
/// # Panics
/// Where `data` does not have the types of the operation's output: a fault of the sandbox, not of its caller.
#[must_use]
pub fn encode_reply(operation: &Operation, data: &Value, request_id: &str) -> String {
    let mut xml = format!("<{}Response xmlns=\"{XML_NAMESPACE}\">\n", operation.name);
    if operation.has_result {
        _ = write!(xml, "<{}Result>", operation.name);
        put_xml(&mut xml, &Kind::Structure(operation.output), data, operation.name);
        _ = writeln!(xml, "</{}Result>", operation.name);
    }
    _ = write!(
        xml,
        "<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\n</{}Response>\n",
        operation.name
    );
    xml
}

fn put_xml(xml: &mut String, kind: &Kind, value: &Value, at: &str) {
    match (kind, value) {
        (Kind::Structure(members), Value::Object(map)) => {
            for name in map.keys() {
                assert!(members.iter().any(|member| member.name == name), "{at} has no member {name}");
            }
            for member in *members {
                if let Some(value) = map.get(member.name).filter(|value| !value.is_null()) {
                    element(xml, member.name, &member.shape.kind, value);
                }
            }
        }
        (Kind::List(of), Value::Array(items)) => items.iter().for_each(|item| element(xml, "member", &of.kind, item)),
        (Kind::Map(of), Value::Object(map)) => {
            for (name, value) in map {
                xml.push_str("<entry><key>");
                escape(xml, name);
                xml.push_str("</key>");
                element(xml, "value", &of.kind, value);
                xml.push_str("</entry>");
            }
        }
        (Kind::Policy, Value::String(text)) => xml.extend(utf8_percent_encode(text, ESCAPED)),
        (Kind::String | Kind::Blob | Kind::Time, Value::String(text)) => escape(xml, text),
        (Kind::Integer, Value::Number(_)) | (Kind::Boolean, Value::Bool(_)) => xml.push_str(&value.to_string()),
        (kind, value) => panic!("{at}: expected {}, got {}", name_of(kind), kind_of(value)),
    }
}

fn element(xml: &mut String, name: &str, kind: &Kind, value: &Value) {
    _ = write!(xml, "<{name}>");
    put_xml(xml, kind, value, name);
    _ = write!(xml, "</{name}>");
}

fn escape(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            // A parser would fold a bare carriage return into a line feed.
            '\r' => xml.push_str("&#xD;"),
            c => xml.push(c),
        }
    }
}

/// The XML of an error reply, as the sandbox sends it.
#[must_use]
pub fn encode_error(code: &str, message: &str, sender: bool, request_id: &str) -> String {
    let mut xml = format!(
        "<ErrorResponse xmlns=\"{XML_NAMESPACE}\">\n<Error><Type>{}</Type><Code>{code}</Code><Message>",
        if sender { "Sender" } else { "Receiver" }
    );
    escape(&mut xml, message);
    _ = write!(xml, "</Message></Error>\n<RequestId>{request_id}</RequestId>\n</ErrorResponse>\n");
    xml
}
