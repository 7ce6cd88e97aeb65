//! Policy evaluation: what a set of policies says about an action on a resource in a context.
//!
//! An explicit Deny wins, then an Allow, else nothing was said. Organization and resource policies other than
//! a role's trust policy are left out.

use crate::clock;
use crate::policy::several;
use crate::state::{Account, Document, Kind};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Condition keys in lower case, with their values.
pub(crate) type Context = BTreeMap<String, Vec<String>>;

/// A policy with where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// As the simulator names it.
    pub id: String,
    /// `user`, `group`, `role`, `aws-managed`, `user-managed`, `none`.
    pub kind: &'static str,
    /// The ARN of a managed policy.
    pub arn: Option<String>,
    /// Who holds it.
    pub holder: (Kind, String),
    pub document: Document,
}

/// What policies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    ImplicitDeny,
    ExplicitDeny,
}

/// One question.
pub(crate) struct Question<'a> {
    pub action: &'a str,
    pub resource: &'a str,
    pub context: &'a Context,
}

/// What a list of policies says, and which of them said it.
pub(crate) fn evaluate<'a>(sources: &'a [Source], question: &Question<'_>) -> (Decision, Vec<&'a Source>) {
    let (mut allowing, mut denying) = (vec![], vec![]);
    for source in sources {
        let document = source.document.json();
        for statement in several(document.get("Statement")).into_iter().filter_map(Value::as_object) {
            if matches_identity(statement, question) {
                if statement.get("Effect").is_some_and(|effect| effect == "Deny") {
                    denying.push(source);
                } else {
                    allowing.push(source);
                }
            }
        }
    }
    match (denying.is_empty(), allowing.is_empty()) {
        (false, _) => (Decision::ExplicitDeny, denying),
        (true, false) => (Decision::Allowed, allowing),
        (true, true) => (Decision::ImplicitDeny, vec![]),
    }
}

fn matches_identity(statement: &Map<String, Value>, question: &Question<'_>) -> bool {
    matches_action(statement, question.action)
        && matches_element(statement, "Resource", |pattern| {
            like(&variables(pattern, question.context), question.resource, true)
        })
        && matches_conditions(statement, question.context)
}

fn matches_action(statement: &Map<String, Value>, action: &str) -> bool {
    matches_element(statement, "Action", |pattern| like(pattern, action, false))
}

/// Whether an element, or its `Not…` form, matches.
fn matches_element(statement: &Map<String, Value>, name: &str, matches: impl Fn(&str) -> bool) -> bool {
    let any = |value: &Value| several(Some(value)).into_iter().filter_map(Value::as_str).any(&matches);
    match (statement.get(name), statement.get(&format!("Not{name}"))) {
        (Some(value), _) => any(value),
        (None, Some(value)) => !any(value),
        (None, None) => false,
    }
}

/// What a trust policy says about a principal that goes by any of these names: its ARN and id, or its account.
/// The second value is whether an Allow names the principal itself rather than its account.
pub(crate) fn evaluate_trust(
    trust: &Document,
    action: &str,
    names: &[String],
    account: &[String],
    context: &Context,
) -> (Decision, bool) {
    let document = trust.json();
    let (mut decision, mut by_name) = (Decision::ImplicitDeny, false);
    for statement in several(document.get("Statement")).into_iter().filter_map(Value::as_object) {
        let listed = |value: &Value, known: &[String]| {
            let names = value.as_object().map_or_else(|| several(Some(value)), |map| several(map.get("AWS")));
            names.into_iter().filter_map(Value::as_str).any(|name| known.iter().any(|known| known == name))
        };
        let anyone = |value: &Value| {
            let names = value.as_object().map_or_else(|| several(Some(value)), |map| several(map.get("AWS")));
            names.into_iter().any(|name| name == "*")
        };
        let (itself, through_account) = match (statement.get("Principal"), statement.get("NotPrincipal")) {
            (Some(value), _) => (listed(value, names), listed(value, account) || anyone(value)),
            (None, Some(value)) => (!listed(value, names) && !listed(value, account), false),
            (None, None) => (false, false),
        };
        if !(itself || through_account) || !matches_action(statement, action) || !matches_conditions(statement, context)
        {
            continue;
        }
        if statement.get("Effect").is_some_and(|effect| effect == "Deny") {
            return (Decision::ExplicitDeny, false);
        }
        decision = Decision::Allowed;
        by_name |= itself;
    }
    (decision, by_name)
}

/// Whether text matches a pattern with `*` and `?`.
pub(crate) fn like(pattern: &str, text: &str, case: bool) -> bool {
    let fold = |text: &str| -> Vec<char> {
        if case { text.chars().collect() } else { text.chars().flat_map(char::to_lowercase).collect() }
    };
    let (pattern, text) = (fold(pattern), fold(text));
    // The last star, and how much of the text it has taken, to come back to.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, taken)) = star {
            (p, t, star) = (at + 1, taken + 1, Some((at, taken + 1)));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// A pattern with its `${…}` variables put in. A variable without a value matches nothing.
fn variables(pattern: &str, context: &Context) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find("${") {
        text.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else { break };
        let name = &rest[at + 2..at + end];
        let (name, default) = name.split_once(',').map_or((name, None), |(name, default)| (name, Some(default)));
        match name {
            "*" | "?" | "$" => text.push_str(name),
            name => match context.get(&name.trim().to_lowercase()).and_then(|values| values.first()) {
                Some(value) => text.push_str(value),
                None => text.push_str(default.map_or("\u{0}", |default| default.trim().trim_matches('\''))),
            },
        }
        rest = &rest[at + end + 1..];
    }
    text + rest
}

/// The operators without `IfExists` and set prefixes.
const OPERATORS: [&str; 27] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// An operator's plain name, its set prefix, and whether it ends in `IfExists`.
fn parts(operator: &str) -> (&str, Option<&str>, bool) {
    let (set, name) = operator.split_once(':').map_or((None, operator), |(set, name)| (Some(set), name));
    match name.strip_suffix("IfExists") {
        Some(name) => (name, set, true),
        None => (name, set, false),
    }
}

/// Whether this is an operator of conditions.
pub(crate) fn is_operator(operator: &str) -> bool {
    let (name, set, _) = parts(operator);
    OPERATORS.iter().any(|known| known.eq_ignore_ascii_case(name))
        && set.is_none_or(|set| ["ForAllValues", "ForAnyValue"].iter().any(|known| known.eq_ignore_ascii_case(set)))
}

fn matches_conditions(statement: &Map<String, Value>, context: &Context) -> bool {
    let Some(conditions) = statement.get("Condition").and_then(Value::as_object) else { return true };
    conditions.iter().all(|(operator, keys)| {
        keys.as_object()
            .is_some_and(|keys| keys.iter().all(|(key, values)| matches_condition(operator, key, values, context)))
    })
}

fn matches_condition(operator: &str, key: &str, values: &Value, context: &Context) -> bool {
    let (name, set, if_exists) = parts(operator);
    let name = name.to_ascii_lowercase();
    let wanted: Vec<String> = several(Some(values))
        .into_iter()
        .map(|value| value.as_str().map_or_else(|| value.to_string(), |text| variables(text, context)))
        .collect();
    let found = context.get(&key.to_lowercase()).filter(|found| !found.is_empty());
    if name == "null" {
        return wanted.iter().any(|value| (value == "true") == found.is_none());
    }
    let negated = name.contains("not");
    let Some(found) = found else {
        // What is not there is not equal to anything, and all of nothing matches.
        return if_exists || negated || set.is_some_and(|set| set.eq_ignore_ascii_case("ForAllValues"));
    };
    let positive = name.replace("not", "");
    let one = |value: &String| {
        let hit = wanted.iter().any(|wanted| compare(&positive, wanted, value));
        if negated { !hit } else { hit }
    };
    match set {
        Some(set) if set.eq_ignore_ascii_case("ForAllValues") => found.iter().all(one),
        None if negated => found.iter().all(one),
        _ => found.iter().any(one),
    }
}

fn compare(operator: &str, wanted: &str, found: &str) -> bool {
    let ordered = |order: std::cmp::Ordering, how: &str| match how {
        "equals" => order.is_eq(),
        "lessthan" => order.is_lt(),
        "lessthanequals" => order.is_le(),
        "greaterthan" => order.is_gt(),
        "greaterthanequals" => order.is_ge(),
        _ => false,
    };
    match operator {
        "stringequals" | "binaryequals" => wanted == found,
        "stringequalsignorecase" => wanted.to_lowercase() == found.to_lowercase(),
        "stringlike" => like(wanted, found, true),
        "arnequals" | "arnlike" => {
            let split = |arn: &str| arn.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
            let (wanted, found) = (split(wanted), split(found));
            wanted.len() == found.len() && wanted.iter().zip(&found).all(|(wanted, found)| like(wanted, found, true))
        }
        "bool" => wanted.eq_ignore_ascii_case(found),
        "ipaddress" => in_network(wanted, found),
        _ => match (operator.strip_prefix("numeric"), operator.strip_prefix("date")) {
            (Some(how), _) => match (wanted.parse::<f64>(), found.parse::<f64>()) {
                (Ok(wanted), Ok(found)) => found.partial_cmp(&wanted).is_some_and(|order| ordered(order, how)),
                _ => false,
            },
            (_, Some(how)) => match (clock::parse(wanted), clock::parse(found)) {
                (Some(wanted), Some(found)) => ordered(found.cmp(&wanted), how),
                _ => false,
            },
            _ => false,
        },
    }
}

fn in_network(network: &str, address: &str) -> bool {
    let (base, length) = network.split_once('/').map_or((network, None), |(base, length)| (base, length.parse().ok()));
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()) << 96, 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    match (base.parse::<IpAddr>(), address.parse::<IpAddr>()) {
        (Ok(base), Ok(address)) if base.is_ipv4() == address.is_ipv4() => {
            let ((base, whole), (address, _)) = (bits(base), bits(address));
            let length: u32 = length.unwrap_or(whole);
            length == 0 || (base ^ address) >> 128_u32.saturating_sub(length).min(127) == 0
        }
        _ => false,
    }
}

/// The policies of a user with those of its groups, or of a role or group; and those of the boundary.
pub(crate) fn sources(account: &Account, kind: Kind, name: &str) -> (Vec<Source>, Option<Vec<Source>>) {
    let mut found = vec![];
    let mut take = |kind: Kind,
                    name: &str,
                    inline: &BTreeMap<String, Document>,
                    attached: &std::collections::BTreeSet<String>| {
        let holder = (kind, name.to_owned());
        for (policy, document) in inline {
            let id = format!("{}_{name}_{policy}", kind.word());
            found.push(Source { id, kind: kind.word(), arn: None, holder: holder.clone(), document: document.clone() });
        }
        found.extend(attached.iter().filter_map(|arn| managed(account, arn, holder.clone())));
    };
    let mut boundary = None;
    match kind {
        Kind::User => {
            if let Ok(user) = account.user(name) {
                take(kind, name, &user.inline_policies, &user.attached_policies);
                for group in user.groups.iter().filter_map(|group| account.group(group).ok()) {
                    take(Kind::Group, &group.name, &group.inline_policies, &group.attached_policies);
                }
                boundary.clone_from(&user.permissions_boundary);
            }
        }
        Kind::Group => {
            if let Ok(group) = account.group(name) {
                take(kind, name, &group.inline_policies, &group.attached_policies);
            }
        }
        Kind::Role => {
            if let Ok(role) = account.role(name) {
                take(kind, name, &role.inline_policies, &role.attached_policies);
                boundary.clone_from(&role.permissions_boundary);
            }
        }
    }
    let boundary = boundary.map(|arn| managed(account, &arn, (kind, name.to_owned())).into_iter().collect());
    (found, boundary)
}

fn managed(account: &Account, arn: &str, holder: (Kind, String)) -> Option<Source> {
    let kind = if account.policy(arn).is_some() { "user-managed" } else { "aws-managed" };
    let name = &arn[arn.rfind('/')? + 1..];
    Some(Source { id: name.to_owned(), kind, arn: Some(arn.to_owned()), holder, document: account.document(arn)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(document: &str, action: &str, resource: &str, context: &[(&str, &str)]) -> Decision {
        let source = Source {
            id: String::new(),
            kind: "none",
            arn: None,
            holder: (Kind::User, String::new()),
            document: Document(document.to_owned()),
        };
        let context = context.iter().map(|(key, value)| (key.to_lowercase(), vec![(*value).to_owned()])).collect();
        evaluate(&[source], &Question { action, resource, context: &context }).0
    }

    #[test]
    fn wildcards() {
        assert!(like("s3:Get*", "s3:getobject", false));
        assert!(like("a*b*c", "a-b-b-c", true));
        assert!(like("?", "x", true));
        assert!(!like("a*b", "a-b-c", true));
        assert!(!like("", "x", true));
        assert!(like("*", "", true));
    }

    #[test]
    fn deny_wins_and_silence_is_no_allow() {
        let document = r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},
            {"Effect":"Deny","NotAction":"s3:Get*","Resource":"arn:aws:s3:::b/${aws:username}/*"}]}"#;
        let context = [("aws:username", "eve")];
        assert_eq!(ask(document, "s3:PutObject", "arn:aws:s3:::b/eve/x", &context), Decision::ExplicitDeny);
        assert_eq!(ask(document, "s3:PutObject", "arn:aws:s3:::b/bob/x", &context), Decision::Allowed);
        assert_eq!(ask(document, "s3:PutObject", "arn:aws:s3:::b/eve/x", &[]), Decision::Allowed);
        assert_eq!(ask(document, "ec2:RunInstances", "*", &context), Decision::ImplicitDeny);
    }

    #[test]
    fn conditions() {
        let check = |condition: &str, context: &[(&str, &str)]| {
            let document =
                format!(r#"{{"Statement":{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{condition}}}}}"#);
            ask(&document, "s3:GetObject", "*", context) == Decision::ExplicitDeny
        };
        let revoke = r#"{"DateLessThan":{"aws:TokenIssueTime":"2026-01-01T00:00:00Z"}}"#;
        assert!(check(revoke, &[("aws:TokenIssueTime", "2025-12-31T23:59:59Z")]));
        assert!(!check(revoke, &[("aws:TokenIssueTime", "2026-01-01T00:00:00Z")]));
        assert!(!check(revoke, &[]), "a long-term key has no issue time");
        let without_mfa = r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}"#;
        assert!(check(without_mfa, &[]) && check(without_mfa, &[("aws:MultiFactorAuthPresent", "false")]));
        assert!(!check(without_mfa, &[("aws:MultiFactorAuthPresent", "true")]));
        let outside = r#"{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","192.168.1.0/24"]}}"#;
        assert!(check(outside, &[("aws:SourceIp", "11.0.0.1")]));
        assert!(!check(outside, &[("aws:SourceIp", "192.168.1.77")]));
        assert!(check(r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, &[("aws:SourceIp", "11.0.0.1")]));
        let arn = r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/ops-*"}}"#;
        assert!(check(arn, &[("aws:PrincipalArn", "arn:aws:iam::1:user/x")]));
        assert!(!check(arn, &[("aws:PrincipalArn", "arn:aws:iam::1:role/ops-1")]));
        assert!(check(r#"{"Null":{"aws:TokenIssueTime":"true"}}"#, &[]));
        assert!(!check(r#"{"Null":{"aws:TokenIssueTime":"false"}}"#, &[]));
        assert!(check(
            r#"{"NumericGreaterThan":{"aws:MultiFactorAuthAge":3600}}"#,
            &[("aws:MultiFactorAuthAge", "3601")]
        ));
        assert!(is_operator("ForAnyValue:StringLikeIfExists") && !is_operator("StringMatches"));
    }
}
