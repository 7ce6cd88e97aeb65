//! The generated files: `connector.json` for the platform, JSON Schemas for programs, the tables of the README.
//!
//! Everything is made of the actions' and the asset's own declarations. Refuses to know an action by name, and to touch
//! a file: the command line writes what this returns.

use crate::asset::{Holds, KEYS, Key};
use awsiam_actions::action::{Kind, Of, Output, Parameter, parameter};
use awsiam_actions::parameters::{ACCESS_KEY_ID_LENGTH, ALWAYS};
use awsiam_actions::{ACTIONS, Action};
use awsiam_iam::table::{self, MASK, Shape};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The command that writes the generated files.
pub const COMMAND: &str = "cargo run -- manifest --write";
/// What the generated part of the README starts with.
pub const BEGIN: &str = "<!-- actions:begin -->";
/// What the generated part of the README ends with.
pub const END: &str = "<!-- actions:end -->";

/// Our own, so that the platform can hold the original app and this one side by side.
const APP_ID: &str = "69d06c7c-5c46-460d-be62-7c1fce79bc6d";
/// The dialect of the schemas.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A generated file: its path below the project's folder, and its text.
pub type File = (String, String);

/// Every generated file but the README, which is only generated in part.
#[must_use]
pub fn files() -> Vec<File> {
    let mut files = vec![
        ("connector.json".to_owned(), connector()),
        ("schemas/asset.json".to_owned(), text(&asset())),
        ("schemas/request.json".to_owned(), text(&request())),
        ("schemas/result.json".to_owned(), text(&result())),
    ];
    let of_actions = ACTIONS.iter().map(|action| (action_file(action), text(&schema(action))));
    files.extend(of_actions);
    files
}

/// The README with its generated part made anew; none where it has no such part.
#[must_use]
pub fn readme(current: &str) -> Option<String> {
    let (before, rest) = current.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}{END}{after}", tables()))
}

fn action_file(action: &Action) -> String {
    format!("schemas/actions/{}.json", action.identifier)
}

fn text(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// The platform's manifest.
#[must_use]
pub fn connector() -> String {
    let configuration = KEYS.iter().enumerate().map(|(order, key)| (key.name.to_owned(), configured(order, key)));
    text(&json!({
        "appid": APP_ID,
        "name": "AWS IAM (awsiam)",
        "description": "Containment, correction and investigation of AWS IAM users, groups, roles and policies, with dry run, evidence and undo",
        "publisher": "awsiam",
        "type": "identity management",
        "license": env!("CARGO_PKG_LICENSE"),
        "package_name": "awsiam",
        "main_module": "awsiam",
        "app_version": env!("CARGO_PKG_VERSION"),
        "product_vendor": "AWS",
        "product_name": "AWS Identity Access Management",
        "product_version_regex": ".*",
        "min_phantom_version": "6.2.1",
        "configuration": configuration.collect::<Map<_, _>>(),
        "actions": ACTIONS.iter().map(entry).collect::<Vec<_>>(),
    }))
}

fn configured(order: usize, key: &Key) -> Value {
    let mut entry = json!({
        "description": key.description,
        "data_type": key.of.data_type(),
        "required": false,
    });
    if key.of == Holds::Flag {
        entry["default"] = false.into();
    }
    if key.on_premises {
        entry["visibility"] = json!(["onprem"]);
    }
    entry["order"] = order.into();
    entry
}

fn entry(action: &Action) -> Value {
    let parameters = action.form().enumerate().map(|(order, parameter)| {
        let entry = parameter_entry(order, parameter);
        (parameter.name.to_owned(), entry)
    });
    let mut entry = json!({
        "action": action.name,
        "identifier": action.identifier,
        "description": action.description,
        "verbose": action.verbose,
        "type": action.kind.name(),
        "read_only": action.read_only(),
    });
    if let Some(undo) = action.undo {
        entry["undo"] = undo.into();
    }
    entry["parameters"] = parameters.collect::<Map<_, _>>().into();
    let output = output(action);
    // A table without columns would be empty; the platform shows the data as it is instead.
    let table = output.iter().any(|path| path.get("column_order").is_some());
    entry["output"] = output.into();
    // A test is shown in the asset's form, which renders nothing.
    if action.kind != Kind::Test {
        entry["render"] = json!({ "type": if table { "table" } else { "json" } });
    }
    entry["versions"] = "EQ(*)".into();
    entry
}

fn parameter_entry(order: usize, parameter: &Parameter) -> Value {
    let mut entry = json!({
        "description": parameter.description,
        "data_type": parameter.of.data_type(),
        "required": parameter.required,
    });
    if parameter.primary {
        entry["primary"] = true.into();
    }
    if !parameter.contains.is_empty() {
        entry["contains"] = json!(parameter.contains);
    }
    if let Some(default) = default(parameter.of) {
        entry["default"] = default;
    }
    let values = match parameter.of {
        Of::Choice(words) => words,
        of => shape(of).map(|shape| shape.values).unwrap_or_default(),
    };
    if !values.is_empty() {
        entry["value_list"] = json!(values);
    }
    entry["order"] = order.into();
    entry
}

fn default(of: Of) -> Option<Value> {
    match of {
        Of::Flag(default) => Some(default.into()),
        Of::Path { .. } => Some("/".into()),
        _ => None,
    }
}

/// The limits of a parameter's text, as IAM's model has them.
fn shape(of: Of) -> Option<&'static Shape> {
    match of {
        Of::Text { operation, member } | Of::Secret { operation, member } => {
            Some(table::operation(operation)?.member(member)?.shape)
        }
        _ => None,
    }
}

/// One of the platform's data paths.
fn data_path(path: &str, data_type: &str, examples: &[Value]) -> Value {
    json!({ "data_path": path, "data_type": data_type, "example_values": examples })
}

fn adorned(mut path: Value, contains: &[&str], column: Option<(u8, &str)>) -> Value {
    if !contains.is_empty() {
        path["contains"] = json!(contains);
    }
    if let Some((order, title)) = column {
        path["column_name"] = title.into();
        path["column_order"] = order.into();
    }
    path
}

fn output(action: &Action) -> Vec<Value> {
    let status = data_path("action_result.status", "string", &["success".into(), "failed".into()]);
    let mut paths = vec![adorned(status, &[], action.status_column.map(|order| (order, "Status")))];
    paths.extend(action.form().map(|parameter| {
        let path = format!("action_result.parameter.{}", parameter.name);
        let path = data_path(&path, parameter.of.data_type(), &parameter_examples(parameter));
        adorned(path, parameter.contains, parameter.column)
    }));
    let (summary, data): (Vec<_>, Vec<_>) = action.outputs.iter().partition(|output| output.summary);
    paths.extend(data.iter().map(|output| {
        let path = data_path(&format!("action_result.data.*.{}", output.path), "string", &[output.example.into()]);
        adorned(path, output.contains, output.column)
    }));
    if summary.is_empty() {
        paths.push(data_path("action_result.summary", "string", &[]));
    }
    paths.extend(summary.iter().map(|output| {
        let path = data_path(&format!("action_result.summary.{}", output.path), "numeric", &[number(output)]);
        adorned(path, output.contains, output.column)
    }));
    paths.push(data_path("action_result.message", "string", &[action.message.into()]));
    paths.push(data_path("summary.total_objects", "numeric", &[1.into()]));
    paths.push(data_path("summary.total_objects_successful", "numeric", &[1.into()]));
    paths
}

fn number(output: &Output) -> Value {
    output.example.parse::<u64>().map_or_else(|_| output.example.into(), Value::from)
}

fn parameter_examples(parameter: &Parameter) -> Vec<Value> {
    match parameter.of {
        Of::Flag(_) => vec![true.into(), false.into()],
        // What a result shows in place of it.
        of if of.is_secret() => vec![MASK.into()],
        Of::Path { .. } => vec!["/".into(), parameter.example.into()],
        _ => vec![parameter.example.into()],
    }
}

// The schemas carry no `$id`: references between them are by file, so that they work from wherever they are read.

fn asset() -> Value {
    let properties = KEYS.iter().map(|key| {
        let mut schema = held(key.of);
        schema["description"] = key.description.into();
        (key.name.to_owned(), schema)
    });
    json!({
        "$schema": DIALECT,
        "title": "Asset configuration of awsiam",
        "description": "How to reach IAM, with which credentials, and what is never to be done. A key with null or an empty text counts as not given; other keys are the platform's own and ignored.",
        "type": "object",
        "properties": properties.collect::<Map<_, _>>(),
    })
}

fn held(of: Holds) -> Value {
    match of {
        Holds::Secret => json!({
            "anyOf": [{ "type": ["string", "null"] }, elsewhere("env"), elsewhere("file")],
            "writeOnly": true,
        }),
        Holds::Text => json!({ "type": ["string", "number", "null"] }),
        Holds::List => json!({ "type": ["string", "array", "null"], "items": { "type": "string" } }),
        Holds::Flag => json!({ "enum": [true, false, null, ""], "default": false }),
        Holds::Number { least, most } => json!({
            "type": ["number", "string", "null"],
            "minimum": least,
            "maximum": most,
            "pattern": r"^\s*([0-9]+(\.[0-9]+)?)?\s*$",
        }),
    }
}

fn elsewhere(place: &str) -> Value {
    json!({
        "type": "object",
        "properties": { place: { "type": "string" } },
        "required": [place],
        "additionalProperties": false,
    })
}

fn request() -> Value {
    let names = |name: fn(&Action) -> &'static str| ACTIONS.iter().map(name).collect::<Vec<_>>();
    let known = [names(|action| action.name), names(|action| action.identifier)].concat();
    let by_action = ACTIONS.iter().map(|action| {
        let this = json!({ "enum": [action.name, action.identifier] });
        let by = |key: &str| json!({ "properties": { key: this }, "required": [key] });
        let set = json!({ "$ref": format!("actions/{}.json#/properties/parameters", action.identifier) });
        json!({
            "if": { "anyOf": [by("action"), by("identifier")] },
            "then": { "properties": { "parameters": {
                "if": { "type": "array" },
                "then": { "items": set },
                "else": { "anyOf": [set, { "type": "null" }] },
            } } },
        })
    });
    json!({
        "$schema": DIALECT,
        "title": "Action request of awsiam",
        "description": "One action on one or more parameter sets. Other members are the platform's own and ignored.",
        "type": "object",
        "properties": {
            "action": { "description": "The action's name or identifier", "enum": known },
            "identifier": { "description": "The same; both must mean the same action", "enum": known },
            "config": {
                "description": "The asset configuration, where it is not given otherwise",
                "anyOf": [{ "$ref": "asset.json" }, { "type": "null" }],
            },
            "parameters": {
                "description": "The parameter sets, each with a result of its own; an object counts as a list of one",
                "type": ["array", "object", "null"],
                "items": { "type": "object" },
            },
            "environment_variables": {
                "description": "The platform's environment for the action, such as HTTPS_PROXY",
                "type": ["object", "null"],
            },
        },
        "anyOf": [{ "required": ["action"] }, { "required": ["identifier"] }],
        "allOf": by_action.collect::<Vec<_>>(),
    })
}

fn result() -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "$schema": DIALECT,
        "title": "Result of awsiam",
        "description": "One line of JSON on stdout, also when everything failed.",
        "type": "object",
        "properties": {
            "identifier": { "description": "The action's; empty where the request names none", "type": "string" },
            "result_data": {
                "description": "One for each parameter set, in the request's order",
                "type": "array",
                "items": { "$ref": "#/$defs/item" },
            },
            "result_summary": {
                "type": "object",
                "properties": {
                    "total_objects": { "description": "Parameter sets", "type": "integer", "minimum": 0 },
                    "total_objects_successful": { "type": "integer", "minimum": 0 },
                },
                "required": ["total_objects", "total_objects_successful"],
            },
            "status": { "description": "failed only where every parameter set failed", "$ref": "#/$defs/status" },
            "message": { "type": "string" },
            "exception_occured": { "description": "Whether awsiam itself is at fault", "type": "boolean" },
            "action_cancelled": { "type": "boolean" },
            "endpoints": { "description": "What was asked, where it is not AWS's own", "$ref": "#/$defs/texts" },
            "sandbox": { "description": "Whether it was a sandbox instead of AWS", "type": "boolean" },
        },
        "required": [
            "identifier", "result_data", "result_summary", "status", "message", "exception_occured", "action_cancelled",
        ],
        "$defs": {
            "status": { "enum": ["success", "failed"] },
            "texts": texts,
            "item": item(),
            "record": record(),
            "change": change(),
        },
    })
}

/// The result of one parameter set.
fn item() -> Value {
    json!({
        "description": "The result of one parameter set",
        "type": "object",
        "properties": {
            "data": {
                "description": "What the schema of the action says; of a dry run, the changes that would be made",
                "type": "array",
                "items": { "type": "object" },
            },
            "extra_data": {
                "description": "First, the run's own record",
                "type": "array",
                "items": { "$ref": "#/$defs/record" },
            },
            "summary": { "type": "object" },
            "status": { "$ref": "#/$defs/status" },
            "message": { "type": "string" },
            "parameter": { "description": "As given, secrets masked", "type": "object" },
            "context": { "description": "As given", "type": "object" },
        },
        "required": ["data", "extra_data", "summary", "status", "message", "parameter", "context"],
    })
}

/// A run's own record. Only what is sure to stay is described.
fn record() -> Value {
    json!({
        "description": "What was acted on, what was observed before, what was changed, and how it ended",
        "type": "object",
        "properties": {
            "run_id": { "type": "string" },
            "account": { "type": ["string", "null"] },
            "partition": { "type": "string" },
            "endpoints": { "$ref": "#/$defs/texts" },
            "sandbox": { "type": "boolean" },
            "dry_run": { "type": "boolean" },
            "target": {
                "type": "object",
                "properties": {
                    "kind": { "type": "string" },
                    "name": { "type": "string" },
                    "id": { "type": "string" },
                    "arn": { "type": "string" },
                },
                "required": ["kind", "name"],
            },
            "observed": {
                "description": "What was there before the first change, by kind; {\"unknown\": error} where it could not be read",
                "type": "object",
            },
            "changes": { "type": "array", "items": { "$ref": "#/$defs/change" } },
            "verified": {
                "description": "Whether a look after the last change showed the wanted state",
                "type": "object",
                "properties": { "state": { "enum": ["verified", "unconfirmed", "no"] } },
                "required": ["state"],
            },
            "notes": { "$ref": "#/$defs/texts" },
            "failure": {
                "type": "object",
                "properties": { "kind": { "type": "string" }, "message": { "type": "string" } },
                "required": ["kind", "message"],
            },
        },
    })
}

/// A change of the record.
fn change() -> Value {
    json!({
        "type": "object",
        "properties": {
            "change": { "description": "In words", "type": "string" },
            "operation": { "description": "IAM's name for the call", "type": ["string", "null"] },
            "parameters": { "type": ["object", "null"] },
            "reversal": { "type": "object" },
            "stage": { "type": "integer", "minimum": 1 },
            "status": { "type": "string" },
            "request_id": { "type": "string" },
            "attempts": { "type": "integer", "minimum": 1 },
            "error": { "type": "object" },
            "note": { "type": "string" },
            "at": { "type": "string" },
        },
        "required": ["change", "status"],
    })
}

/// The schema of one action: a parameter set, and what its result holds.
fn schema(action: &Action) -> Value {
    let (summary, data): (Vec<_>, Vec<_>) = action.outputs.iter().partition(|output| output.summary);
    let summary = summary.iter().map(|output| (output.path.to_owned(), json!({ "type": "integer", "minimum": 0 })));
    json!({
        "$schema": DIALECT,
        "title": action.name,
        "description": action.description,
        "type": "object",
        "properties": {
            "parameters": parameter_set(action),
            "data": {
                "description": "The data rows of a result. Every value is text, as the original app, which read XML, gave it; what IAM does not tell is null or absent.",
                "type": "array",
                "items": row(&data),
            },
            "summary": {
                "type": "object",
                "properties": summary.collect::<Map<_, _>>(),
            },
        },
    })
}

fn parameter_set(action: &Action) -> Value {
    let own = action.parameters.iter().map(|parameter| {
        let mut schema = taken(parameter.of);
        if !parameter.required {
            // The platform sends null or an empty text for a field that was left empty.
            schema = json!({ "anyOf": [{ "enum": [null, ""] }, schema] });
        }
        schema["description"] = parameter.description.into();
        if let Some(default) = default(parameter.of) {
            schema["default"] = default;
        }
        (parameter.name.to_owned(), schema)
    });
    let mut properties: Map<_, _> = own.collect();
    for name in ALWAYS {
        let schema = match *name {
            "dry_run" => {
                json!({ "enum": [true, false, null, ""], "description": parameter::DRY_RUN.description })
            }
            "account_id" => {
                json!({ "type": ["string", "null"], "pattern": "^([0-9]{12})?$", "description": "Account to act in, where the asset's role_arn is a template; credentials of another one are refused" })
            }
            "role_arn" => {
                json!({ "type": ["string", "null"], "description": "ARN of a role to assume in place of the asset's" })
            }
            // The platform's, and echoed as it is.
            _ => json!({}),
        };
        properties.insert((*name).to_owned(), schema);
    }
    let required: Vec<_> = action.parameters.iter().filter(|p| p.required).map(|p| p.name).collect();
    json!({
        "description": "A parameter set",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn taken(of: Of) -> Value {
    let limits = |mut schema: Value, shape: Option<&Shape>| {
        let Some(shape) = shape else { return schema };
        for (name, limit) in [("minLength", shape.min), ("maxLength", shape.max)] {
            if let Some(limit) = limit {
                schema[name] = limit.into();
            }
        }
        if let Some(pattern) = shape.pattern {
            schema["pattern"] = portable(pattern).into();
        }
        if !shape.values.is_empty() {
            schema["enum"] = json!(shape.values);
        }
        schema
    };
    match of {
        Of::Text { .. } => limits(json!({ "type": "string" }), shape(of)),
        Of::Secret { .. } => limits(json!({ "type": "string", "writeOnly": true }), shape(of)),
        Of::Path { backslashes: false, .. } => {
            json!({ "type": "string", "maxLength": LONGEST_PATH, "pattern": "^/([!-~]*/)?$" })
        }
        Of::Path { backslashes: true, .. } => {
            json!({ "type": "string", "maxLength": LONGEST_PATH, "pattern": r"^[/\\]([!-~]*[/\\])?$" })
        }
        Of::AccessKeyId => {
            let (least, most) = ACCESS_KEY_ID_LENGTH;
            json!({ "type": "string", "minLength": least, "maxLength": most, "pattern": "^A[KS]IA[A-Z0-9]*$" })
        }
        Of::Document => json!({ "type": "string", "minLength": 2, "contentMediaType": "application/json" }),
        Of::Flag(_) => json!({ "type": "boolean" }),
        Of::Choice(words) => json!({ "enum": words }),
        // What the operation table says of it is checked before the call.
        Of::Member { .. } => json!({}),
        Of::AnyText => json!({ "type": "string" }),
        Of::Count => json!({ "type": ["integer", "string"] }),
        Of::Record | Of::Members => json!({ "type": ["string", "object"] }),
        Of::Credentials => json!({ "type": ["string", "object"], "writeOnly": true }),
    }
}

/// IAM's limit for the path of anything.
const LONGEST_PATH: u16 = 512;

/// A pattern in the syntax of JSON Schema, where a character by number is `\u0020` and not `\x{0020}`.
fn portable(pattern: &str) -> String {
    let mut portable = String::new();
    let mut parts = pattern.split(r"\x{");
    portable.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (number, rest) = part.split_once('}').unwrap_or((part, ""));
        let _ = write!(portable, "\\u{number:0>4}{rest}");
    }
    portable
}

/// The schema of a data row. None of its members must be there: a dry run brings planned changes instead.
fn row(outputs: &[&Output]) -> Value {
    let mut row = json!({ "type": "object" });
    for output in outputs {
        let mut at = &mut row;
        for part in output.path.split('.') {
            if part == "*" {
                at["type"] = "array".into();
                at = &mut at["items"];
            } else {
                at["type"] = "object".into();
                at = &mut at["properties"][part];
            }
        }
        *at = json!({ "type": ["string", "null"], "examples": [output.example] });
    }
    row
}

/// The generated part of the README.
fn tables() -> String {
    let mut text = "\n| action | type | what it does | reversed by |\n|---|---|---|---|\n".to_owned();
    for action in ACTIONS {
        let undo = action.undo.map(link).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {undo} |",
            link(action.name),
            action.kind.name(),
            cell(action.description)
        );
    }
    for action in ACTIONS {
        let _ = write!(text, "\n### {}\n\n{}. {}\n", action.name, action.description, action.verbose);
        if !action.undoing.is_empty() {
            let _ = write!(text, "\nUndoing: {}\n", action.undoing);
        }
        let mut rows = action.form().peekable();
        if rows.peek().is_some() {
            text.push_str("\n| parameter | type | | description | holds |\n|---|---|---|---|---|\n");
        }
        for parameter in rows {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} |",
                parameter.name,
                parameter.of.data_type(),
                need(parameter),
                cell(parameter.description),
                quoted(parameter.contains),
            );
        }
        let paths = action.outputs.iter().map(|output| {
            let place = if output.summary { "summary" } else { "data.*" };
            format!("`{place}.{}`", output.path)
        });
        let _ = write!(text, "\nOutput: {}\n", paths.collect::<Vec<_>>().join(", "));
        let calls = action.calls_in_words().map_or_else(|| quoted(&action.calls()), str::to_owned);
        let _ = write!(text, "\nCalls: {calls}\n");
    }
    text.push('\n');
    text
}

fn need(parameter: &Parameter) -> String {
    match default(parameter.of) {
        _ if parameter.required => "required".to_owned(),
        Some(Value::String(text)) => format!("default `{text}`"),
        Some(default) => format!("default `{default}`"),
        None => "optional".to_owned(),
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// A link to the action's heading.
fn link(action: &str) -> String {
    format!("[{action}](#{})", action.replace(' ', "-"))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
