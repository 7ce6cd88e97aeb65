//! What IAM checks of a policy document before it keeps it.
//!
//! Only the form is judged here, with IAM's texts; what a document allows is decided elsewhere.

use crate::error::Error;
use crate::state::Account;
use serde_json::{Map, Value};

/// The characters of a document that count against a quota: all but white space.
pub(crate) fn size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

/// One value or a list of values, as policies write them.
pub(crate) fn several(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => vec![],
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
    }
}

fn syntax() -> Error {
    Error::malformed_policy("Syntax errors in policy.")
}

/// A document's statements, once its outer form is right.
fn statements(document: &str) -> Result<Vec<Map<String, Value>>, Error> {
    let value: Value = serde_json::from_str(document).map_err(|_| syntax())?;
    let map = value.as_object().ok_or_else(syntax)?;
    if map.keys().any(|name| !["Version", "Id", "Statement"].contains(&name.as_str())) {
        return Err(syntax());
    }
    if map.get("Version").is_some_and(|version| !["2012-10-17", "2008-10-17"].iter().any(|known| version == known)) {
        return Err(syntax());
    }
    let list: Vec<_> = several(map.get("Statement")).into_iter().map(|one| one.as_object().cloned()).collect();
    let list: Vec<_> = list.into_iter().collect::<Option<_>>().ok_or_else(syntax)?;
    if list.is_empty() {
        return Err(syntax());
    }
    let mut sids = std::collections::BTreeSet::new();
    for statement in &list {
        check_statement(statement)?;
        if let Some(sid) = statement.get("Sid").and_then(Value::as_str).filter(|sid| !sid.is_empty()) {
            if !sid.bytes().all(|c| c.is_ascii_alphanumeric()) {
                return Err(Error::malformed_policy(
                    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
                ));
            }
            if !sids.insert(sid) {
                return Err(Error::malformed_policy("Statement IDs (SID) in a single policy must be unique."));
            }
        }
    }
    Ok(list)
}

fn check_statement(statement: &Map<String, Value>) -> Result<(), Error> {
    const KNOWN: [&str; 9] =
        ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"];
    let both = |one: &str, other: &str| statement.contains_key(one) && statement.contains_key(other);
    let text = |name: &str| several(statement.get(name)).into_iter().all(Value::is_string);
    if statement.keys().any(|name| !KNOWN.contains(&name.as_str()))
        || both("Action", "NotAction")
        || both("Resource", "NotResource")
        || both("Principal", "NotPrincipal")
        || !["Sid", "Action", "NotAction", "Resource", "NotResource"].iter().all(|name| text(name))
        || !["Allow", "Deny"].iter().any(|effect| statement.get("Effect").is_some_and(|found| found == effect))
    {
        return Err(syntax());
    }
    let Some(condition) = statement.get("Condition") else { return Ok(()) };
    for (operator, keys) in condition.as_object().ok_or_else(syntax)? {
        if !crate::authorize::is_operator(operator) {
            return Err(syntax());
        }
        for values in keys.as_object().ok_or_else(syntax)?.values() {
            if several(Some(values)).iter().any(|value| value.is_object() || value.is_array() || value.is_null()) {
                return Err(syntax());
            }
        }
    }
    Ok(())
}

fn strings<'a>(statement: &'a Map<String, Value>, names: [&str; 2]) -> Vec<&'a str> {
    names.iter().flat_map(|name| several(statement.get(*name))).filter_map(Value::as_str).collect()
}

/// Checks a document that grants permissions to whoever holds it.
pub(crate) fn check_identity(document: &str) -> Result<(), Error> {
    for statement in statements(document)? {
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err(Error::malformed_policy("Policy document should not specify a principal."));
        }
        let actions = strings(&statement, ["Action", "NotAction"]);
        if actions.is_empty() {
            return Err(Error::malformed_policy("Policy statement must contain actions."));
        }
        for action in actions {
            check_action(action)?;
        }
        let resources = strings(&statement, ["Resource", "NotResource"]);
        if resources.is_empty() {
            return Err(Error::malformed_policy("Policy statement must contain resources."));
        }
        for resource in resources {
            check_resource(resource)?;
        }
    }
    Ok(())
}

fn check_action(action: &str) -> Result<(), Error> {
    if action == "*" {
        return Ok(());
    }
    let Some((vendor, name)) = action.split_once(':') else {
        return Err(Error::malformed_policy(
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ));
    };
    if vendor.is_empty() || !vendor.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-') {
        return Err(Error::malformed_policy(format!("Vendor {vendor} is not valid")));
    }
    if name.is_empty() || name.contains(':') {
        return Err(Error::malformed_policy("Actions/Condition can contain only one colon."));
    }
    Ok(())
}

fn check_resource(resource: &str) -> Result<(), Error> {
    if resource == "*" {
        return Ok(());
    }
    let wrong = || Error::malformed_policy(format!("Resource {resource} must be in ARN format or \"*\"."));
    let rest = resource.strip_prefix("arn:").ok_or_else(wrong)?;
    let parts: Vec<_> = rest.splitn(5, ':').collect();
    let wild = |part: &str| part.contains('*') || part.contains('?') || part.contains('$');
    if !parts[0].starts_with("aws") && !wild(parts[0]) {
        return Err(Error::malformed_policy(format!(
            "Partition \"{}\" is not valid for resource \"{resource}\".",
            parts[0]
        )));
    }
    if parts.len() < 5 && !parts.iter().any(|part| wild(part)) {
        return Err(Error::malformed_policy("The policy failed legacy parsing"));
    }
    Ok(())
}

/// Checks a trust policy: who may assume a role.
pub(crate) fn check_trust(document: &str, account: &Account) -> Result<(), Error> {
    if serde_json::from_str::<Value>(document).is_err() {
        return Err(Error::malformed_policy("This policy contains invalid Json"));
    }
    for statement in statements(document)? {
        for field in ["Resource", "NotResource"] {
            if statement.contains_key(field) {
                return Err(Error::malformed_policy(format!("Has prohibited field {field}")));
            }
        }
        let principal = statement.get("Principal").or_else(|| statement.get("NotPrincipal"));
        let principal = principal.ok_or_else(|| Error::malformed_policy("Missing required field Principal"))?;
        let actions = strings(&statement, ["Action", "NotAction"]);
        if actions.is_empty() {
            return Err(Error::malformed_policy("Missing required field Action"));
        }
        let sts = |action: &str| {
            let action = action.to_lowercase();
            ["sts:assumerole", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext"]
                .iter()
                .any(|known| action.starts_with(known))
                || action == "sts:*"
        };
        if !actions.into_iter().all(sts) {
            return Err(Error::malformed_policy("AssumeRole policy may only specify STS AssumeRole actions."));
        }
        check_principal(principal, account)?;
    }
    Ok(())
}

fn check_principal(principal: &Value, account: &Account) -> Result<(), Error> {
    let wrong =
        |kind: &str, name: &str| Error::malformed_policy(format!("Invalid principal in policy: \"{kind}\":\"{name}\""));
    if principal == "*" {
        return Ok(());
    }
    let map = principal.as_object().ok_or_else(syntax)?;
    if map.is_empty() {
        return Err(Error::malformed_policy("Missing required field Principal cannot be empty!"));
    }
    for (kind, names) in map {
        let names: Vec<_> = several(Some(names)).into_iter().filter_map(Value::as_str).collect();
        for name in names {
            let valid = match kind.as_str() {
                "AWS" => is_principal(name, account),
                "Service" => is_service(name),
                "Federated" => name.contains('.') || name.starts_with("arn:"),
                "CanonicalUser" => true,
                _ => return Err(syntax()),
            };
            if !valid {
                return Err(wrong(&kind.to_uppercase(), name));
            }
        }
    }
    Ok(())
}

/// Whether a name has the form of a service's. Which services there are is AWS's to know and changes; their domains are
/// few.
fn is_service(name: &str) -> bool {
    const DOMAINS: [&str; 7] = [
        ".amazonaws.com",
        ".amazonaws.com.cn",
        ".amazonaws.eu",
        ".amazon.com",
        ".aws.internal",
        ".c2s.ic.gov",
        ".sc2s.sgov.gov",
    ];
    let name = name.to_ascii_lowercase();
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
    name == "*" || DOMAINS.iter().filter_map(|domain| name.strip_suffix(domain)).any(|rest| rest.split('.').all(label))
}

/// Whether a name in a trust policy stands for someone. Principals of other accounts can't be looked up.
fn is_principal(name: &str, account: &Account) -> bool {
    let digits = |text: &str| text.len() == 12 && text.bytes().all(|c| c.is_ascii_digit());
    if name == "*" || digits(name) {
        return true;
    }
    if account.users.values().any(|user| user.id == name) || account.roles.values().any(|role| role.id == name) {
        return true;
    }
    let parts: Vec<_> = name.splitn(6, ':').collect();
    let [_, partition, "iam" | "sts", "", id, resource] = parts[..] else { return false };
    if !name.starts_with("arn:") || partition != account.partition || !digits(id) {
        return false;
    }
    resource == "root"
        || id != account.id
        || resource.starts_with("assumed-role/")
        || resource.starts_with("federated-user/")
        || account.users.values().any(|user| account.user_arn(user) == name)
        || account.roles.values().any(|role| account.role_arn(role) == name)
}
