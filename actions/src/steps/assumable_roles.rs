//! The roles that a user's policies let it assume: named for the responder, changed by nobody here.
//!
//! Sessions of those roles are not the user's, so that nothing done to the user ends them. Reads policies and trust
//! policies and errs on the side of naming too many: denials, boundaries and conditions are not weighed. Source: IAM user
//! guide, "Policy evaluation logic" and "Cross-account resource access".

use crate::change::Change;
use crate::guard::matches;
use crate::reader::Reader;
use crate::step::{Look, Reach, Seen, Step};
use crate::steps::attached_policies;
use crate::target::{Pinned, Target};
use awsiam_iam::Error;
use awsiam_iam::types::{
    AttachedPolicy, GetGroupPolicy, GetUserPolicy, ListAttachedGroupPolicies, ListAttachedUserPolicies,
    ListGroupPolicies, ListGroupsForUser, ListRoles, ListUserPolicies,
};
use futures_util::future::{join, join_all, join3};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The reads of this step.
pub const CALLS: &[&str] = &[
    "ListUserPolicies",
    "GetUserPolicy",
    "ListAttachedUserPolicies",
    "GetPolicy",
    "GetPolicyVersion",
    "ListGroupsForUser",
    "ListGroupPolicies",
    "GetGroupPolicy",
    "ListAttachedGroupPolicies",
    "ListRoles",
];

const ASSUME: &str = "sts:AssumeRole";

/// The roles that the user may assume, for the evidence.
#[derive(Debug)]
pub struct AssumableRoles;

/// The roles that the user may assume.
#[must_use]
pub fn assumable_roles() -> AssumableRoles {
    AssumableRoles
}

/// The roles that were found, or patterns of ARNs where they could not be matched; and what could not be read.
#[must_use]
pub fn found(observed: &serde_json::Map<String, Value>) -> (Vec<String>, Vec<String>) {
    let of = |name: &str| {
        let list = observed.get("assumable_roles").and_then(|seen| seen[name].as_array()).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    (of("roles"), of("unread"))
}

/// Documents that were read, and why others were not.
#[derive(Default)]
struct Documents {
    read: Vec<String>,
    unread: Vec<String>,
}

impl Documents {
    fn take(&mut self, document: Result<String, Error>) {
        match document {
            Ok(document) => self.read.push(document),
            Err(error) => self.unread.push(error.to_string()),
        }
    }

    fn absorb(&mut self, other: Self) {
        self.read.extend(other.read);
        self.unread.extend(other.unread);
    }
}

/// The documents in force of attached policies.
async fn attached(reader: &Reader, listed: Result<Vec<AttachedPolicy>, Error>) -> Documents {
    let mut documents = Documents::default();
    let arns = match listed {
        Ok(listed) => listed.into_iter().filter_map(|policy| policy.policy_arn),
        Err(error) => {
            documents.take(Err(error));
            return documents;
        }
    };
    let reads = arns.map(|arn| async move { Ok(attached_policies::in_force(reader, arn).await?.1) });
    join_all(reads).await.into_iter().for_each(|document| documents.take(document));
    documents
}

async fn of_user(reader: &Reader, name: &str) -> Documents {
    let user_name = || name.to_owned();
    let inline = async {
        let mut documents = Documents::default();
        match reader.list(&ListUserPolicies { user_name: user_name(), ..ListUserPolicies::default() }).await {
            Ok(reply) => {
                let reads = reply.data.policy_names.into_iter().map(|policy_name| async {
                    let request = GetUserPolicy { user_name: user_name(), policy_name };
                    Ok(reader.get(&request).await?.data.policy_document)
                });
                join_all(reads).await.into_iter().for_each(|document| documents.take(document));
            }
            Err(error) => documents.take(Err(error)),
        }
        documents
    };
    let managed = async {
        let request = ListAttachedUserPolicies { user_name: user_name(), ..ListAttachedUserPolicies::default() };
        attached(reader, reader.list(&request).await.map(|reply| reply.data.attached_policies)).await
    };
    let groups = async {
        let mut documents = Documents::default();
        match reader.list(&ListGroupsForUser { user_name: user_name(), ..ListGroupsForUser::default() }).await {
            Ok(reply) => {
                let reads = reply.data.groups.into_iter().map(|group| of_group(reader, group.group_name));
                join_all(reads).await.into_iter().for_each(|more| documents.absorb(more));
            }
            Err(error) => documents.take(Err(error)),
        }
        documents
    };
    let (mut all, managed, groups) = join3(inline, managed, groups).await;
    all.absorb(managed);
    all.absorb(groups);
    all
}

async fn of_group(reader: &Reader, group_name: String) -> Documents {
    let request = ListAttachedGroupPolicies { group_name: group_name.clone(), ..ListAttachedGroupPolicies::default() };
    let listed = reader.list(&request).await.map(|reply| reply.data.attached_policies);
    let mut documents = attached(reader, listed).await;
    match reader.list(&ListGroupPolicies { group_name: group_name.clone(), ..ListGroupPolicies::default() }).await {
        Ok(reply) => {
            let reads = reply.data.policy_names.into_iter().map(|policy_name| {
                let request = GetGroupPolicy { group_name: group_name.clone(), policy_name };
                async move { Ok(reader.get(&request).await?.data.policy_document) }
            });
            join_all(reads).await.into_iter().for_each(|document| documents.take(document));
        }
        Err(error) => documents.take(Err(error)),
    }
    documents
}

/// One text or a list of them.
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    }
}

/// The statements of a document that allow assuming roles.
fn allowing(document: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let statements = match document["Statement"].clone() {
        Value::Array(statements) => statements,
        one => vec![one],
    };
    let allows = |statement: &Value| {
        let named =
            |key: &str| texts(&statement[key]).iter().any(|pattern| matches(&pattern.replace('?', "*"), ASSUME));
        let action = if statement.get("NotAction").is_some() { !named("NotAction") } else { named("Action") };
        statement["Effect"] == "Allow" && action
    };
    statements.into_iter().filter(allows).collect()
}

/// The patterns of role ARNs that identity policies let their holder assume.
fn patterns(documents: &[String]) -> BTreeSet<String> {
    let statements = documents.iter().flat_map(|document| allowing(document));
    let resources = statements.flat_map(|statement| match statement.get("NotResource") {
        Some(_) => vec!["*".to_owned()],
        None => texts(&statement["Resource"]).into_iter().map(str::to_owned).collect(),
    });
    // What stands for anything matches anything here.
    let widened = |resource: String| {
        let mut widened = String::new();
        let mut rest = resource.as_str();
        while let Some(at) = rest.find("${") {
            widened.push_str(&rest[..at]);
            widened.push('*');
            rest = rest[at..].find('}').map_or("", |end| &rest[at + end + 1..]);
        }
        (widened + rest).replace('?', "*")
    };
    resources.map(widened).collect()
}

/// How far a trust policy lets the user in.
#[derive(Debug, PartialEq)]
enum Trust {
    /// Not at all.
    No,
    /// Where the user's own policies allow it.
    WithPolicy,
    /// In any case: it names the user.
    Named,
}

fn trust(document: &str, user: &Pinned) -> Trust {
    let account = user.arn.split(':').nth(4).unwrap_or_default();
    let statements = allowing(document);
    let principals: Vec<&str> = statements
        .iter()
        .flat_map(|statement| {
            if statement.get("NotPrincipal").is_some() {
                return vec!["*"];
            }
            let principal = &statement["Principal"];
            if principal == "*" { vec!["*"] } else { texts(&principal["AWS"]) }
        })
        .collect();
    if principals.iter().any(|principal| *principal == user.arn || *principal == user.id) {
        return Trust::Named;
    }
    let root = format!(":iam::{account}:root");
    let whole = |principal: &&str| *principal == "*" || *principal == account || principal.ends_with(&root);
    if principals.iter().any(whole) { Trust::WithPolicy } else { Trust::No }
}

impl Step for AssumableRoles {
    type State = ();

    fn name(&self) -> &'static str {
        "assumable_roles"
    }

    fn reach(&self) -> Reach {
        Reach::Nothing
    }

    async fn observe(&self, _: &Reader, _: &Look) -> Result<(), Error> {
        Ok(())
    }

    fn plan(&self, _: &Seen<()>, _: &Look) -> Vec<Change> {
        vec![]
    }

    async fn gather(&self, reader: &Reader, _: &Value, target: &Target) -> Option<Value> {
        let reader = &reader.for_a_share_of_the_time();
        let roles = async { reader.list(&ListRoles::default()).await };
        let (documents, roles) = join(of_user(reader, &target.name), roles).await;
        let patterns = patterns(&documents.read);
        let mut unread = documents.unread;
        let mut found = BTreeSet::new();
        match (roles, &target.pinned) {
            (Ok(roles), Some(user)) => {
                let account = user.arn.split(':').nth(4).unwrap_or_default();
                for role in roles.data.roles {
                    let document = role.assume_role_policy_document.unwrap_or_default();
                    let allowed = patterns.iter().any(|pattern| matches(pattern, &role.arn));
                    match trust(&document, user) {
                        Trust::Named => _ = found.insert(role.arn),
                        Trust::WithPolicy if allowed => _ = found.insert(role.arn),
                        Trust::WithPolicy | Trust::No => {}
                    }
                }
                // Roles of other accounts are known by these patterns alone.
                let elsewhere =
                    |pattern: &&String| pattern.split(':').nth(4).is_some_and(|of| of != account && of != "*");
                found.extend(patterns.iter().filter(elsewhere).cloned());
                if patterns.iter().any(|pattern| pattern.split(':').nth(4).is_none_or(|of| of == "*")) {
                    unread.push("its policies allow roles of other accounts, and which of these trust it is not to be seen here".to_owned());
                }
            }
            (roles, _) => {
                unread.extend(roles.err().map(|error| error.to_string()));
                found.extend(patterns);
            }
        }
        Some(json!({ "roles": found, "unread": unread }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Pinned {
        let arn = "arn:aws:iam::123456789012:user/x/alice".to_owned();
        Pinned { id: "AIDAALICE".into(), arn, path: "/x/".into(), entity: Value::Null }
    }

    #[test]
    fn trust_policies_let_in_whom_they_name_and_whose_account_they_name() {
        let of = |principal: Value, action: &str, effect: &str| {
            let statement = json!({ "Effect": effect, "Principal": principal, "Action": action });
            trust(&json!({ "Statement": [statement] }).to_string(), &user())
        };
        let root = "arn:aws:iam::123456789012:root";
        assert_eq!(of(json!({ "AWS": user().arn }), "sts:AssumeRole", "Allow"), Trust::Named);
        assert_eq!(of(json!({ "AWS": ["x", "AIDAALICE"] }), "sts:*", "Allow"), Trust::Named);
        assert_eq!(of(json!({ "AWS": root }), "sts:AssumeRole", "Allow"), Trust::WithPolicy);
        assert_eq!(of(json!({ "AWS": "123456789012" }), "*", "Allow"), Trust::WithPolicy);
        assert_eq!(of(json!("*"), "sts:AssumeRole", "Allow"), Trust::WithPolicy);
        assert_eq!(of(json!({ "AWS": root }), "sts:AssumeRole", "Deny"), Trust::No);
        assert_eq!(of(json!({ "AWS": root }), "sts:TagSession", "Allow"), Trust::No);
        assert_eq!(of(json!({ "Service": "ec2.amazonaws.com" }), "sts:AssumeRole", "Allow"), Trust::No);
    }

    #[test]
    fn identity_policies_name_roles_by_patterns() {
        let documents = [
            json!({ "Statement": { "Effect": "Allow", "Action": ["s3:*", "sts:Assume*"], "Resource": ["a", "b*"] } }),
            json!({ "Statement": [{ "Effect": "Allow", "NotAction": "iam:*", "Resource": "c" }] }),
            json!({ "Statement": [{ "Effect": "Allow", "NotAction": "sts:*", "Resource": "d" }] }),
            json!({ "Statement": [{ "Effect": "Deny", "Action": "sts:*", "Resource": "e" }] }),
            json!({ "Statement": [{ "Effect": "Allow", "Action": "*", "NotResource": "f" }] }),
        ];
        let found = patterns(&documents.map(|document| document.to_string()));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["*", "a", "b*", "c"]);
    }
}
