//! What must never be done, checked after the target is known and before anything is changed.
//!
//! Every refusal names its rule and what to do instead. Refuses to be lenient where it cannot tell: a rule that needs
//! what could not be read refuses, but for the identity of the caller, whose absence makes the guard partial and is said.

use crate::outcome::Failure;
use crate::runbook::Intent;
use crate::target::{Principal, Target};
use awsiam_iam::{Error, Identity};

/// The asset's rules.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Patterns with `*` on names, paths with names, ARNs or tags (`tag:KEY=VALUE`) of principals that nothing is taken
    /// from.
    pub protected: Vec<String>,
    /// Whether a deletion must repeat the name of what it deletes.
    pub confirm_deletes: bool,
    /// The account that the asset is for.
    pub account_id: Option<String>,
    /// The access keys that the connector itself uses: the asset's, and the parameter set's.
    pub own_keys: Vec<String>,
    /// The roles that are assumed on top of the credentials, by ARN: the asset's, which may be a template for all accounts
    /// (`{account_id}`), and the parameter set's.
    pub own_roles: Vec<String>,
}

/// What the guard found beside refusals.
pub type Notes = Vec<String>;

fn refused(rule: &'static str, message: String) -> Failure {
    Failure::Refused { rule, message }
}

/// Checks a plan's target.
///
/// # Errors
/// The first rule that refuses.
pub fn check(
    rules: &Rules,
    intent: Intent,
    target: &Target,
    target_keys: &[String],
    own: &[Result<Identity, Error>],
    identity: &Result<Identity, Error>,
) -> Result<Notes, Failure> {
    let mut notes = vec![];
    account(rules, target, identity)?;
    actionable(target)?;
    if intent == Intent::TakesAway {
        yourself(rules, target, target_keys, own, identity)?;
        if let Err(error) = identity {
            notes.push(format!(
                "Who the caller is could not be told ({error}), so the guard against acting on oneself only compared the access key."
            ));
        }
        for error in own.iter().filter_map(|own| own.as_ref().err()) {
            notes.push(format!(
                "Who the credentials behind the assumed role belong to could not be told ({error}), so the guard against acting on them only compared access keys."
            ));
        }
        protected(rules, target)?;
    }
    Ok(notes)
}

/// Checks that the credentials are of the account that the asset is for.
///
/// # Errors
/// They are of another one, or of one that cannot be told.
pub fn account(rules: &Rules, target: &Target, identity: &Result<Identity, Error>) -> Result<(), Failure> {
    let Some(wanted) = &rules.account_id else { return Ok(()) };
    let from_arn = || target.pinned.as_ref().and_then(|pinned| pinned.arn.split(':').nth(4)).map(str::to_owned);
    let found = identity.as_ref().ok().map(|identity| identity.account.clone()).or_else(from_arn);
    match found {
        Some(found) if found == *wanted => Ok(()),
        Some(found) => Err(refused(
            "wrong_account",
            format!(
                "The credentials are of account {found}, but the asset is for account {wanted}. Nothing was changed. Use the asset of account {found}, or correct account_id."
            ),
        )),
        None => {
            let message = format!(
                "Whether the credentials are of account {wanted}, as the asset or the parameter set says, could not be told. Nothing was changed."
            );
            Err(match identity {
                Err(error) => Failure::Explained { message, error: error.clone() },
                Ok(_) => refused("wrong_account", message),
            })
        }
    }
}

/// Refuses what IAM or Identity Center would not let anybody change.
fn actionable(target: &Target) -> Result<(), Failure> {
    let Some(pinned) = &target.pinned else { return Ok(()) };
    if target.principal != Principal::Role {
        return Ok(());
    }
    let name = &target.name;
    if pinned.path.starts_with("/aws-service-role/") {
        return Err(refused(
            "service_linked_role",
            format!(
                "Role {name} is linked to an AWS service, which alone may change it. Nothing was changed. Remove what uses it in that service, then call DeleteServiceLinkedRole."
            ),
        ));
    }
    if pinned.path.starts_with("/aws-reserved/sso.amazonaws.com/") {
        return Err(refused(
            "identity_center_role",
            format!(
                "Role {name} belongs to IAM Identity Center and cannot be edited here. Nothing was changed. Remove the account assignment or the permission set in Identity Center, and disable the user there."
            ),
        ));
    }
    Ok(())
}

fn yourself(
    rules: &Rules,
    target: &Target,
    keys: &[String],
    own: &[Result<Identity, Error>],
    identity: &Result<Identity, Error>,
) -> Result<(), Failure> {
    let words = target.words();
    let refuse = |who: String| {
        Err(refused(
            "yourself",
            format!(
                "The {words} {who}: acting on it would lock the connector out. Nothing was changed. Use an asset with other credentials for this target."
            ),
        ))
    };
    if let Some(own) = rules.own_keys.iter().find(|own| keys.contains(own)) {
        return refuse(format!("holds the access key {own} that this asset itself uses"));
    }
    let account = target.pinned.as_ref().and_then(|pinned| pinned.arn.split(':').nth(4));
    let is_here = |of: &str| account.is_none_or(|account| account == of);
    let assumed = |role: &String| {
        let arn = in_account(role, account.unwrap_or("*"));
        let (of, name) = (arn.split(':').nth(4).unwrap_or_default(), arn.rsplit('/').next().unwrap_or_default());
        (of == "*" || is_here(of)) && matches(name, &target.name)
    };
    if target.principal == Principal::Role && rules.own_roles.iter().any(assumed) {
        return refuse("is the role that this asset assumes".to_owned());
    }
    if let Some(caller) = identity.as_ref().ok().filter(|caller| is_behind(caller, target)) {
        return refuse(format!("is the caller itself ({})", caller.arn));
    }
    match own.iter().filter_map(|own| own.as_ref().ok()).find(|own| is_here(&own.account) && is_behind(own, target)) {
        Some(own) => refuse(format!("is whom this asset's own credentials belong to ({})", own.arn)),
        None => Ok(()),
    }
}

/// A role's ARN in an account, where it is a template for all accounts.
#[must_use]
pub fn in_account(role: &str, account: &str) -> String {
    role.replace("{account_id}", account)
}

/// Whether the target is the user or role that an identity is of.
fn is_behind(identity: &Identity, target: &Target) -> bool {
    // An assumed role's ARN lacks the path, and its user id is the role's id with the session's name.
    let id = identity.user_id.split(':').next().unwrap_or_default();
    let resource = identity.arn.splitn(6, ':').nth(5).unwrap_or_default();
    let name = match target.principal {
        Principal::User => resource.strip_prefix("user/").and_then(|rest| rest.rsplit('/').next()),
        Principal::Role => resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next()),
        Principal::Other(_) => None,
    };
    match target.id() {
        Some(of_target) => of_target == id,
        // Names are unique regardless of case.
        None => name.is_some_and(|name| name.eq_ignore_ascii_case(&target.name)),
    }
}

/// Checks that a deletion is meant: the name has been repeated where the asset demands it, and is right where it was.
///
/// # Errors
/// It has not, or it is not.
pub fn confirmed(rules: &Rules, target: &Target, repeated: Option<&str>) -> Result<(), Failure> {
    let words = target.words();
    let message = match repeated {
        Some(name) if name == target.given || name == target.name => return Ok(()),
        Some(name) => format!(
            "The parameter confirm says {name:?}, but the deletion is of {words}. Nothing was changed. Give the same name twice."
        ),
        None if rules.confirm_deletes => format!(
            "The asset demands that deletions are confirmed (confirm_deletes). Nothing was changed. To delete {words}, give the parameter confirm with the value {:?}.",
            target.given
        ),
        None => return Ok(()),
    };
    Err(refused("confirm", message))
}

/// Whether a pattern `tag:KEY` or `tag:KEY=VALUE` covers one of the tags that IAM showed with the principal.
fn tagged(pattern: &str, entity: &serde_json::Value) -> bool {
    let (key, value) = pattern.split_once('=').unwrap_or((pattern, "*"));
    let tags = entity["Tags"].as_array().into_iter().flatten();
    let text = |tag: &serde_json::Value, name: &str| tag[name].as_str().unwrap_or_default().to_owned();
    tags.into_iter().any(|tag| matches(key, &text(tag, "Key")) && matches(value, &text(tag, "Value")))
}

fn protected(rules: &Rules, target: &Target) -> Result<(), Failure> {
    if let (Principal::Other(_), Some(pattern)) = (target.principal, rules.protected.first()) {
        return Err(refused(
            "protected_principal",
            format!(
                "What this does to users and roles cannot be told, and the asset protects some ({pattern:?} and so on). Nothing was changed. Act on the users or roles themselves, or use an asset without protected_principals."
            ),
        ));
    }
    for pattern in &rules.protected {
        let of_tags = pattern.strip_prefix("tag:");
        let needs_more = of_tags.is_some() || pattern.contains('/') || pattern.starts_with("arn:");
        let hit = match &target.pinned {
            Some(pinned) if of_tags.is_some() => tagged(of_tags.unwrap_or_default(), &pinned.entity),
            Some(pinned) => {
                let with_path = format!("{}{}", pinned.path, target.name);
                let kind = target.principal.name();
                [&target.name, &target.given, &with_path, &pinned.arn, &format!("{kind}{with_path}")]
                    .iter()
                    .any(|text| matches(pattern, text))
            }
            None if needs_more => {
                return Err(refused(
                    "protected_principal",
                    format!(
                        "Whether {} is protected by {pattern:?} could not be told, because {} is not allowed or failed. Nothing was changed. Allow {}, or protect by name alone.",
                        target.words(),
                        target.read_by(),
                        target.read_by()
                    ),
                ));
            }
            None => matches(pattern, &target.name),
        };
        if hit {
            return Err(refused(
                "protected_principal",
                format!(
                    "The {} is protected by the asset's protected_principals ({pattern:?}). Nothing was changed. Act on it by hand, or remove the pattern.",
                    target.words()
                ),
            ));
        }
    }
    Ok(())
}

/// Whether a pattern with `*` covers the whole text; letters compare regardless of case, as IAM's names are unique.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Pinned;

    fn user(name: &str, id: &str, path: &str) -> Target {
        let arn = format!("arn:aws:iam::123456789012:user{path}{name}");
        let pinned = Pinned { id: id.into(), arn, path: path.into(), entity: serde_json::Value::Null };
        Target { pinned: Some(pinned), ..Target::user(name) }
    }

    fn caller(arn: &str, user_id: &str) -> Identity {
        Identity { account: "123456789012".into(), arn: arn.into(), user_id: user_id.into(), partition: "aws".into() }
    }

    fn rule(result: Result<Notes, Failure>) -> &'static str {
        match result {
            Err(Failure::Refused { rule, .. }) => rule,
            Ok(_) => "allowed",
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn patterns_cover_names_paths_and_arns() {
        assert!(matches("break-glass-*", "Break-Glass-1"));
        assert!(matches("*", ""));
        assert!(matches("/admin/*", "/admin/x/y"));
        assert!(matches("a*b*c", "aXXbYYc"));
        assert!(!matches("a*b*c", "aXXcYYb"));
        assert!(!matches("alice", "alice2"));
        assert!(!matches("ab*ba", "aba"));
    }

    #[test]
    fn the_caller_is_never_the_target() {
        let rules = Rules { own_keys: vec!["AKIAOWN".into()], ..Rules::default() };
        let me = Ok(caller("arn:aws:iam::123456789012:user/soar/op", "AIDAME"));
        let takes = Intent::TakesAway;
        assert_eq!(rule(check(&rules, takes, &user("op", "AIDAME", "/soar/"), &[], &[], &me)), "yourself");
        assert_eq!(rule(check(&rules, takes, &user("op", "AIDAOTHER", "/x/"), &[], &[], &me)), "allowed");
        assert_eq!(rule(check(&rules, takes, &user("x", "AIDAX", "/"), &["AKIAOWN".into()], &[], &me)), "yourself");
        assert_eq!(rule(check(&rules, takes, &Target::user("OP"), &[], &[], &me)), "yourself");
        assert_eq!(rule(check(&rules, Intent::Gives, &user("op", "AIDAME", "/soar/"), &[], &[], &me)), "allowed");
        let unknown = Err(Error::local(awsiam_iam::Kind::Connection, "GetCallerIdentity", "x"));
        assert_eq!(
            rule(check(&rules, takes, &user("x", "AIDAX", "/"), &["AKIAOWN".into()], &[], &unknown)),
            "yourself"
        );
        let notes = check(&rules, takes, &user("x", "AIDAX", "/"), &[], &[], &unknown);
        assert_eq!(notes.map(|notes| notes.len()).ok(), Some(1), "a partial guard is said");
        let role = Ok(caller("arn:aws:sts::123456789012:assumed-role/Soar/s", "AROAME:s"));
        let pinned =
            Pinned { id: "AROAME".into(), arn: String::new(), path: "/deep/".into(), entity: serde_json::Value::Null };
        let target = Target { pinned: Some(pinned), ..Target::role("Soar") };
        assert_eq!(rule(check(&rules, takes, &target, &[], &[], &role)), "yourself");
    }

    #[test]
    fn protected_principals_are_left_alone() {
        let me = Ok(caller("arn:aws:iam::123456789012:user/soar/op", "AIDAME"));
        for pattern in ["break-*", "/glass/*", "arn:aws:iam::123456789012:user/glass/break-1", "user/glass/*"] {
            let rules = Rules { protected: vec![pattern.into()], ..Rules::default() };
            let target = user("break-1", "AIDAB", "/glass/");
            assert_eq!(
                rule(check(&rules, Intent::TakesAway, &target, &[], &[], &me)),
                "protected_principal",
                "{pattern}"
            );
            assert_eq!(
                rule(check(&rules, Intent::TakesAway, &user("x", "AIDAX", "/"), &[], &[], &me)),
                "allowed",
                "{pattern}"
            );
        }
        let rules = Rules { protected: vec!["/glass/*".into()], ..Rules::default() };
        assert_eq!(
            rule(check(&rules, Intent::TakesAway, &Target::user("x"), &[], &[], &me)),
            "protected_principal",
            "in doubt, no"
        );
    }

    #[test]
    fn protected_tags_are_left_alone() {
        let me = Ok(caller("arn:aws:iam::123456789012:user/soar/op", "AIDAME"));
        let mut target = user("break-1", "AIDAB", "/glass/");
        if let Some(pinned) = &mut target.pinned {
            pinned.entity =
                serde_json::json!({ "Tags": [{ "Key": "tier", "Value": "Break-Glass" }, { "Key": "x", "Value": "" }] });
        }
        for (pattern, expected) in [
            ("tag:tier=break-*", "protected_principal"),
            ("tag:tier", "protected_principal"),
            ("tag:x=", "protected_principal"),
            ("tag:x=1", "allowed"),
            ("tag:glass", "allowed"),
            ("tag:*=other", "allowed"),
        ] {
            let rules = Rules { protected: vec![pattern.into()], ..Rules::default() };
            assert_eq!(rule(check(&rules, Intent::TakesAway, &target, &[], &[], &me)), expected, "{pattern}");
            let unseen = check(&rules, Intent::TakesAway, &Target::user("x"), &[], &[], &me);
            assert_eq!(rule(unseen), "protected_principal", "in doubt, no: {pattern}");
        }
    }

    #[test]
    fn deletions_are_confirmed_where_the_asset_demands_it() {
        let strict = Rules { confirm_deletes: true, ..Rules::default() };
        let target = user("x", "AIDAX", "/");
        let rule = |rules: &Rules, repeated| rule(confirmed(rules, &target, repeated).map(|()| vec![]));
        assert_eq!(rule(&strict, None), "confirm");
        assert_eq!(rule(&strict, Some("y")), "confirm");
        assert_eq!(rule(&strict, Some("x")), "allowed");
        assert_eq!(rule(&Rules::default(), None), "allowed");
        assert_eq!(rule(&Rules::default(), Some("y")), "confirm");
    }

    #[test]
    fn another_account_is_refused() {
        let me = Ok(caller("arn:aws:iam::123456789012:user/op", "AIDAME"));
        let rules = Rules { account_id: Some("999999999999".into()), ..Rules::default() };
        assert_eq!(rule(check(&rules, Intent::Gives, &user("x", "AIDAX", "/"), &[], &[], &me)), "wrong_account");
    }
}
