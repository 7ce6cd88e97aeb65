//! Turns `model/iam-2010-05-08.json` into Rust: a static table of every IAM operation, and typed requests and replies
//! for the operations that runbooks use.
//!
//! It invents nothing: what the model does not say is not in the table. The few places where this project asks for
//! more than the model (a user name that must always be sent) are listed in the constants below, each with its reason.

use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const MODEL: &str = "model/iam-2010-05-08.json";

/// The operations that runbooks and lookups use; each gets a typed request and reply.
const TYPED: &[&str] = &[
    "AddRoleToInstanceProfile",
    "AddUserToGroup",
    "AttachRolePolicy",
    "AttachUserPolicy",
    "CreateInstanceProfile",
    "CreateLoginProfile",
    "CreateRole",
    "DeactivateMFADevice",
    "DeleteAccessKey",
    "DeleteInstanceProfile",
    "DeleteLoginProfile",
    "DeleteRole",
    "DeleteRolePolicy",
    "DeleteSSHPublicKey",
    "DeleteServiceSpecificCredential",
    "DeleteSigningCertificate",
    "DeleteUser",
    "DeleteUserPolicy",
    "DeleteVirtualMFADevice",
    "DetachRolePolicy",
    "DetachUserPolicy",
    "GenerateCredentialReport",
    "GetAccessKeyLastUsed",
    "GetCredentialReport",
    "GetGroup",
    "GetGroupPolicy",
    "GetInstanceProfile",
    "GetLoginProfile",
    "GetPolicy",
    "GetPolicyVersion",
    "GetRole",
    "GetRolePolicy",
    "GetUser",
    "GetUserPolicy",
    "ListAccessKeys",
    "ListAttachedGroupPolicies",
    "ListAttachedRolePolicies",
    "ListAttachedUserPolicies",
    "ListGroupPolicies",
    "ListGroups",
    "ListGroupsForUser",
    "ListInstanceProfilesForRole",
    "ListMFADevices",
    "ListRolePolicies",
    "ListRoles",
    "ListSSHPublicKeys",
    "ListServiceSpecificCredentials",
    "ListSigningCertificates",
    "ListUserPolicies",
    "ListUsers",
    "ListVirtualMFADevices",
    "RemoveRoleFromInstanceProfile",
    "RemoveUserFromGroup",
    "SimulatePrincipalPolicy",
    "UpdateAccessKey",
    "UpdateSSHPublicKey",
    "UpdateSigningCertificate",
    "UpdateServiceSpecificCredential",
    "PutUserPolicy",
    "PutRolePolicy",
    "PutUserPermissionsBoundary",
    "PutRolePermissionsBoundary",
    "DeleteUserPermissionsBoundary",
    "DeleteRolePermissionsBoundary",
    "UpdateAssumeRolePolicy",
    "TagUser",
    "UntagUser",
    "TagRole",
    "UntagRole",
];

/// IAM acts on the caller where one of these is left out. A typed request cannot leave it out.
const ALWAYS_SENT: &[&str] = &["UserName"];

/// Types that are shown nowhere in requests although the model does not call them sensitive: bodies of certificates, beside
/// which people paste private keys.
const KEPT_OUT_OF_SIGHT: &[&str] = &["certificateBodyType", "certificateChainType"];

/// Patterns that the matcher in use cannot express, and what stands for them. Never narrower than the original: what
/// is let through here IAM itself refuses.
const PATTERNS: &[(&str, &str)] = &[
    // A look-ahead that forbids two hyphens in a row.
    (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", "[a-z0-9](-?[a-z0-9])+"),
    // Unicode classes: every letter, separator and digit. ASCII exactly, the rest of Unicode as a whole.
    (r"\p{L}\p{Z}\p{N}", r"A-Za-z0-9 \x{80}-\x{10FFFF}"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={MODEL}");
    let text = std::fs::read_to_string(MODEL).expect("the API model is part of the crate");
    let model: Value = serde_json::from_str(&text).expect("the API model is JSON");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(format!("{out}/table.rs"), table(&model)).expect("OUT_DIR is writable");
    std::fs::write(format!("{out}/types.rs"), types(&model)).expect("OUT_DIR is writable");
}

fn object<'a>(value: &'a Value, key: &str) -> &'a Map<String, Value> {
    value[key].as_object().unwrap_or_else(|| panic!("the model has no object {key}"))
}

fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one],
        _ => vec![],
    }
}

fn list(items: &[&str]) -> String {
    format!("&{items:?}")
}

fn quoted(value: &Value) -> String {
    value.as_str().map_or("None".to_owned(), |text| format!("Some({text:?})"))
}

/// A whole-string pattern in the matcher's syntax.
fn pattern(text: &str) -> String {
    let mut text = text.to_owned();
    for (from, to) in PATTERNS {
        text = text.replace(from, to);
    }
    let text = text.trim_start_matches('^').trim_end_matches('$');
    let mut translated = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\u") {
        let (head, tail) = rest.split_at(at);
        write!(translated, "{head}\\x{{{}}}", &tail[2..6]).expect("a string takes all");
        rest = &tail[6..];
    }
    translated.push_str(rest);
    // Only here is a slash escaped that needs no escape.
    format!("^(?:{})$", translated.replace("\\/", "/"))
}

fn table(model: &Value) -> String {
    let mut out = String::from("// Generated by build.rs from the API model.\n");
    let shapes = object(model, "shapes");
    let used = used_shapes(model);
    for (name, shape) in shapes.iter().filter(|(name, _)| used.contains(name.as_str())) {
        let kind = match shape["type"].as_str().expect("every shape has a type") {
            "string" if name == "policyDocumentType" => "Kind::Policy".to_owned(),
            "string" => "Kind::String".to_owned(),
            "integer" => "Kind::Integer".to_owned(),
            "boolean" => "Kind::Boolean".to_owned(),
            "blob" => "Kind::Blob".to_owned(),
            "timestamp" => "Kind::Time".to_owned(),
            "list" => format!("Kind::List(&{})", ident(shape["member"].as_str().expect("a list has members"))),
            "map" => format!("Kind::Map(&{})", ident(shape["value"].as_str().expect("a map has values"))),
            "structure" => format!("Kind::Structure({})", members(shape)),
            other => panic!("shape {name} has a type that this build does not know: {other}"),
        };
        let number = |key: &str| shape[key].as_i64().map_or("None".to_owned(), |n| format!("Some({n})"));
        let pattern = shape["pattern"].as_str().map_or("None".to_owned(), |p| format!("Some({:?})", pattern(p)));
        writeln!(
            out,
            "static {}: Shape = Shape {{ name: {name:?}, kind: {kind}, sensitive: {}, min: {}, max: {}, pattern: {pattern}, values: {} }};",
            ident(name),
            shape["sensitive"] == true || KEPT_OUT_OF_SIGHT.contains(&name.as_str()),
            number("min"),
            number("max"),
            list(&strings(&shape["enum"])),
        )
        .expect("a string takes all");
    }
    out.push_str("pub(crate) static OPERATIONS: &[Operation] = &[\n");
    let operations = object(model, "operations");
    for name in operations.keys().collect::<BTreeSet<_>>() {
        let operation = &operations[name];
        let side =
            |key: &str| operation[key]["shape"].as_str().map_or("&[]".to_owned(), |shape| members(&shapes[shape]));
        let errors: Vec<_> = strings(&operation["errors"])
            .into_iter()
            .map(|error| shapes[error]["error"]["code"].as_str().unwrap_or(error))
            .collect();
        let paging = match &model["pagination"][name] {
            Value::Null => unlisted_paging(operation, shapes),
            page => format!(
                "Some(Paging {{ input: {:?}, output: {:?}, limit: {}, more: {}, results: {} }})",
                page["input_token"].as_str().expect("paging has an input token"),
                page["output_token"].as_str().expect("paging has an output token"),
                quoted(&page["limit_key"]),
                quoted(&page["more_results"]),
                list(&strings(&page["result_key"])),
            ),
        };
        writeln!(
            out,
            "Operation {{ name: {name:?}, input: {}, output: {}, has_result: {}, errors: {}, paging: {paging} }},",
            side("input"),
            side("output"),
            operation["output"].is_object(),
            list(&errors),
        )
        .expect("a string takes all");
    }
    out.push_str("];\npub(crate) static WAITERS: &[Waiter] = &[\n");
    for (name, waiter) in object(model, "waiters") {
        writeln!(
            out,
            "Waiter {{ name: {name:?}, operation: {}, delay: {}, attempts: {} }},",
            waiter["operation"], waiter["delay"], waiter["maxAttempts"]
        )
        .expect("a string takes all");
    }
    out.push_str("];\n");
    out
}

/// Every shape that a member, a list or a map refers to. Requests and replies themselves are written in place.
fn used_shapes(model: &Value) -> BTreeSet<&str> {
    let shapes = object(model, "shapes");
    let parts = |shape: &'_ Value| -> Vec<String> {
        let mut parts: Vec<String> = shape["members"]
            .as_object()
            .into_iter()
            .flat_map(Map::values)
            .flat_map(strings)
            .map(str::to_owned)
            .collect();
        parts.extend(["member", "value"].iter().filter_map(|key| shape[*key].as_str()).map(str::to_owned));
        parts
    };
    let mut queue: Vec<String> = vec![];
    for operation in object(model, "operations").values() {
        for side in ["input", "output"] {
            if let Some(shape) = operation[side]["shape"].as_str() {
                queue.extend(parts(&shapes[shape]));
            }
        }
    }
    let mut used = BTreeSet::new();
    while let Some(name) = queue.pop() {
        let (name, shape) = shapes.get_key_value(&name).unwrap_or_else(|| panic!("no shape {name}"));
        if used.insert(name.as_str()) {
            queue.extend(parts(shape));
        }
    }
    used
}

/// The paging of an operation of which the model's list of paginators says nothing, but whose members do:
/// `ListServiceSpecificCredentials` is one.
fn unlisted_paging(operation: &Value, shapes: &Map<String, Value>) -> String {
    let side = |key: &str| operation[key]["shape"].as_str().and_then(|shape| shapes[shape]["members"].as_object());
    let (Some(input), Some(output)) = (side("input"), side("output")) else { return "None".to_owned() };
    if !input.contains_key("Marker") || !output.contains_key("Marker") {
        return "None".to_owned();
    }
    let optional = |members: &Map<String, Value>, name: &str| {
        if members.contains_key(name) { format!("Some({name:?})") } else { "None".to_owned() }
    };
    let is_list = |of: &Value| of.as_str().is_some_and(|of| shapes[of]["type"] == "list");
    let results: Vec<_> = output.iter().filter(|(_, of)| is_list(of)).map(|(name, _)| name.as_str()).collect();
    format!(
        "Some(Paging {{ input: \"Marker\", output: \"Marker\", limit: {}, more: {}, results: {} }})",
        optional(input, "MaxItems"),
        optional(output, "IsTruncated"),
        list(&results),
    )
}

/// The lists of a reply that comes in pages.
fn listed<'a>(operation: &Value, shapes: &'a Map<String, Value>) -> Vec<&'a str> {
    let output = operation["output"]["shape"].as_str().and_then(|shape| shapes[shape]["members"].as_object());
    let Some(output) = output.filter(|output| output.contains_key("Marker")) else { return vec![] };
    let is_list = |of: &Value| of.as_str().is_some_and(|of| shapes[of]["type"] == "list");
    output.iter().filter(|(_, of)| is_list(of)).map(|(name, _)| name.as_str()).collect()
}

fn ident(shape: &str) -> String {
    format!("S_{shape}")
}

fn members(shape: &Value) -> String {
    let required = strings(&shape["required"]);
    let mut out = String::from("&[");
    for (name, of) in object(shape, "members") {
        let of = of.as_str().expect("a member names its shape");
        write!(
            out,
            "Member {{ name: {name:?}, shape: &{}, required: {} }},",
            ident(of),
            required.contains(&name.as_str())
        )
        .expect("a string takes all");
    }
    out.push(']');
    out
}

fn types(model: &Value) -> String {
    let mut out = String::from("// Generated by build.rs from the API model.\n");
    let shapes = object(model, "shapes");
    let mut shared = BTreeSet::new();
    for name in TYPED {
        let operation = &object(model, "operations")[*name];
        let reply = format!("{name}Reply");
        for (side, rust, request) in [("input", *name, true), ("output", reply.as_str(), false)] {
            let what = if request { "request of" } else { "reply to" };
            writeln!(out, "/// The {what} `{name}`.").expect("a string takes all");
            match operation[side]["shape"].as_str() {
                Some(shape) => structure(&mut out, rust, &shapes[shape], shapes, request, &mut shared),
                None => {
                    writeln!(out, "#[derive(Debug, Clone, Default, Serialize, Deserialize)]\npub struct {rust} {{}}")
                        .expect("a string takes all");
                }
            }
        }
        let reads = ["Get", "List", "Simulate", "Generate"].iter().any(|verb| name.starts_with(verb));
        let mut items = String::new();
        for list in listed(operation, shapes) {
            write!(items, "whole.{0}.extend(page.{0});", snake(list)).expect("a string takes all");
        }
        let append = match items.as_str() {
            "" => "fn append(_: &mut Self::Reply, _: Self::Reply) {}".to_owned(),
            items => format!("fn append(whole: &mut Self::Reply, page: Self::Reply) {{ {items} }}"),
        };
        writeln!(
            out,
            "impl Request for {name} {{ const NAME: &'static str = {name:?}; type Reply = {reply}; {append} }}"
        )
        .expect("a string takes all");
        writeln!(out, "impl {} for {name} {{}}", if reads { "Read" } else { "Write" }).expect("a string takes all");
    }
    let mut done = BTreeSet::new();
    while let Some(name) = shared.difference(&done).next().cloned() {
        writeln!(out, "/// IAM's `{name}`.").expect("a string takes all");
        let mut more = BTreeSet::new();
        structure(&mut out, &name, &shapes[&name], shapes, false, &mut more);
        done.insert(name);
        shared.extend(more);
    }
    out
}

/// A struct with the API's own member names for serde. A reply without a text or structure that the model requires is
/// no reply; an empty list or a false flag may be left out.
fn structure(
    out: &mut String,
    name: &str,
    shape: &Value,
    shapes: &Map<String, Value>,
    request: bool,
    shared: &mut BTreeSet<String>,
) {
    let required = strings(&shape["required"]);
    out.push_str("#[derive(Debug, Clone, Default, Serialize, Deserialize)]\n");
    writeln!(out, "pub struct {name} {{").expect("a string takes all");
    for (member, of) in object(shape, "members") {
        let of = of.as_str().expect("a member names its shape");
        let must = required.contains(&member.as_str()) || (request && ALWAYS_SENT.contains(&member.as_str()));
        let rust = rust_type(of, shapes, shared);
        let (rust, skip) = match (must, rust.starts_with("Vec<")) {
            (true, true) => (rust, ", default"),
            (true, false) if rust == "bool" => (rust, ", default"),
            (true, false) => (rust, ""),
            (false, true) => (rust, ", default, skip_serializing_if = \"Vec::is_empty\""),
            (false, false) => (format!("Option<{rust}>"), ", skip_serializing_if = \"Option::is_none\""),
        };
        writeln!(out, "/// IAM's `{member}`.\n#[serde(rename = {member:?}{skip})]\npub {}: {rust},", snake(member))
            .expect("a string takes all");
    }
    out.push_str("}\n");
}

fn rust_type(shape: &str, shapes: &Map<String, Value>, shared: &mut BTreeSet<String>) -> String {
    let of = &shapes[shape];
    match of["type"].as_str().expect("every shape has a type") {
        "string" if of["sensitive"] == true => "Sensitive".to_owned(),
        "string" | "timestamp" | "blob" => "String".to_owned(),
        "integer" => "i64".to_owned(),
        "boolean" => "bool".to_owned(),
        "list" => format!("Vec<{}>", rust_type(of["member"].as_str().expect("a list has members"), shapes, shared)),
        "map" => {
            let of = rust_type(of["value"].as_str().expect("a map has values"), shapes, shared);
            format!("std::collections::BTreeMap<String, {of}>")
        }
        "structure" => {
            shared.insert(shape.to_owned());
            shape.to_owned()
        }
        other => panic!("{shape}: typed operations do not use {other}"),
    }
}

/// `SSHPublicKeyId` to `ssh_public_key_id`, `MFADevices` to `mfa_devices`.
fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, &c) in chars.iter().enumerate() {
        let after_lower = i > 0 && (chars[i - 1].is_lowercase() || chars[i - 1].is_ascii_digit());
        let ends_acronym = i > 0 && chars.get(i + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && i > 0 && (after_lower || ends_acronym) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    if out == "type" { "r#type".to_owned() } else { out }
}
