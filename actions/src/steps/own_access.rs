//! What the caller's own access hangs on: its groups, its managed policies, its boundary, the identity providers that its
//! role trusts. Changes nothing.
//!
//! A call on one of them could lock the connector out although it names neither user nor role. In doubt it is refused.
//! Inline policies are the caller's own and guarded with it.

use crate::change::Change;
use crate::guard;
use crate::outcome::Failure;
use crate::reader::Reader;
use crate::step::{Look, Reach, Seen, Step};
use crate::steps::assumable_roles::texts;
use awsiam_iam::Error;
use awsiam_iam::table::Operation;
use awsiam_iam::types::{
    GetRole, GetUser, ListAttachedGroupPolicies, ListAttachedRolePolicies, ListAttachedUserPolicies, ListGroupsForUser,
};
use futures_util::future::{join_all, join3};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The reads of this step.
pub const CALLS: &[&str] = &[
    "GetUser",
    "ListGroupsForUser",
    "ListAttachedUserPolicies",
    "ListAttachedGroupPolicies",
    "GetRole",
    "ListAttachedRolePolicies",
];

/// By which member an operation names what an access may hang on, in which list of the state it stands, and what it is.
const HANGS_ON: &[(&str, &str, &str)] = &[
    ("GroupName", "groups", "group"),
    ("PolicyArn", "policies", "policy"),
    ("OpenIDConnectProviderArn", "providers", "OpenID Connect provider"),
    ("SAMLProviderArn", "providers", "SAML provider"),
];

/// Whether an operation is about something that an access may hang on.
#[must_use]
pub fn may_concern(operation: &Operation) -> bool {
    HANGS_ON.iter().any(|(member, _, _)| operation.member(member).is_some())
}

/// Looks at the caller's own access.
#[derive(Debug)]
pub struct OwnAccess;

/// Looks at the caller's own access.
#[must_use]
pub fn own_access() -> OwnAccess {
    OwnAccess
}

/// What the caller's access hangs on.
#[derive(Debug, Default, Serialize)]
pub struct State {
    groups: Vec<String>,
    policies: Vec<String>,
    providers: Vec<String>,
    unread: Vec<String>,
}

impl State {
    fn take<T>(&mut self, read: Result<T, Error>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                self.unread.push(error.to_string());
                None
            }
        }
    }

    /// Reads what the access of a user hangs on.
    async fn read_user(&mut self, reader: &Reader, name: String) {
        let (user, groups, attached) = join3(
            async { reader.get(&GetUser { user_name: name.clone() }).await },
            async {
                let request = ListGroupsForUser { user_name: name.clone(), ..ListGroupsForUser::default() };
                reader.list(&request).await
            },
            async {
                let request =
                    ListAttachedUserPolicies { user_name: name.clone(), ..ListAttachedUserPolicies::default() };
                reader.list(&request).await
            },
        )
        .await;
        let boundary = self.take(user).and_then(|reply| reply.data.user.permissions_boundary);
        self.policies.extend(boundary.and_then(|boundary| boundary.permissions_boundary_arn));
        let attached = self.take(attached).map(|reply| reply.data.attached_policies).unwrap_or_default();
        self.policies.extend(attached.into_iter().filter_map(|policy| policy.policy_arn));
        let groups = self.take(groups).map(|reply| reply.data.groups).unwrap_or_default();
        let reads = groups.iter().map(|group| async {
            let group_name = group.group_name.clone();
            let request = ListAttachedGroupPolicies { group_name, ..ListAttachedGroupPolicies::default() };
            reader.list(&request).await
        });
        for read in join_all(reads).await {
            let attached = self.take(read).map(|reply| reply.data.attached_policies).unwrap_or_default();
            self.policies.extend(attached.into_iter().filter_map(|policy| policy.policy_arn));
        }
        self.groups.extend(groups.into_iter().map(|group| group.group_name));
    }

    /// Reads what the access of a role hangs on.
    async fn read_role(&mut self, reader: &Reader, name: String) {
        let role = reader.get(&GetRole { role_name: name.clone() }).await;
        let role = self.take(role).map(|reply| reply.data.role);
        let trust = role.as_ref().and_then(|role| role.assume_role_policy_document.as_deref());
        self.providers.extend(trust.map(providers).unwrap_or_default());
        let boundary = role.and_then(|role| role.permissions_boundary);
        self.policies.extend(boundary.and_then(|boundary| boundary.permissions_boundary_arn));
        let request = ListAttachedRolePolicies { role_name: name, ..ListAttachedRolePolicies::default() };
        let attached = self.take(reader.list(&request).await);
        let attached = attached.map(|reply| reply.data.attached_policies).unwrap_or_default();
        self.policies.extend(attached.into_iter().filter_map(|policy| policy.policy_arn));
    }
}

/// The identity providers that a role's trust policy names.
fn providers(trust: &str) -> Vec<String> {
    let trust: Value = serde_json::from_str(trust).unwrap_or_default();
    let statements = match &trust["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        one => vec![one],
    };
    let federated = statements.into_iter().flat_map(|statement| texts(&statement["Principal"]["Federated"]));
    federated.map(str::to_owned).collect()
}

/// Why a call with these members must not be made, if it must not.
#[must_use]
pub fn objection(seen: &Value, members: &Map<String, Value>) -> Option<Failure> {
    let found = HANGS_ON.iter().find_map(|(member, list, what)| {
        let one = members.get(*member)?.as_str()?;
        let mut known = seen[list].as_array()?.iter().filter_map(Value::as_str);
        known.find(|known| known.eq_ignore_ascii_case(one)).map(|known| format!("{what} {known}"))
    });
    let Some(words) = found else {
        let unread: Vec<_> = seen["unread"].as_array()?.iter().filter_map(Value::as_str).collect();
        return (!unread.is_empty()).then(|| {
            Failure::refused(
                "yourself",
                format!(
                    "Whether the connector's own access hangs on it could not be told ({}). Nothing was changed. Allow these reads (awsiam policy), or use an asset that may.",
                    unread.join("; ")
                ),
            )
        });
    };
    Some(Failure::refused(
        "yourself",
        format!(
            "The connector's own access hangs on {words}: acting on it could lock the connector out. Nothing was changed. Use an asset with other credentials for it."
        ),
    ))
}

impl Step for OwnAccess {
    type State = State;

    fn name(&self) -> &'static str {
        "own_access"
    }

    fn reach(&self) -> Reach {
        Reach::Optional
    }

    async fn observe(&self, reader: &Reader, _: &Look) -> Result<State, Error> {
        let mut state = State::default();
        let Some(caller) = state.take(reader.identity().await) else { return Ok(state) };
        let behind: Vec<_> = reader.own_identities().await.into_iter().filter_map(|own| state.take(own)).collect();
        // What is in another account does not hang on this one's groups and policies.
        let behind = behind.into_iter().filter(|own| own.account == caller.account).map(|own| own.arn);
        let roles = reader.own_roles().iter().map(|role| guard::in_account(role, &caller.account));
        let roles = roles.filter(|arn| arn.split(':').nth(4) == Some(&caller.account));
        let (mut users, mut own_roles) = (BTreeSet::new(), BTreeSet::new());
        for arn in std::iter::once(caller.arn.clone()).chain(behind).chain(roles) {
            let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
            let mut parts = resource.split('/');
            match (parts.next(), resource.rsplit('/').next()) {
                (Some("user"), Some(name)) => drop(users.insert(name.to_owned())),
                (Some("role"), Some(name)) => drop(own_roles.insert(name.to_owned())),
                (Some("assumed-role"), _) => own_roles.extend(parts.next().map(str::to_owned)),
                _ => {}
            }
        }
        for name in users {
            state.read_user(reader, name).await;
        }
        for name in own_roles {
            state.read_role(reader, name).await;
        }
        Ok(state)
    }

    fn plan(&self, _: &Seen<State>, _: &Look) -> Vec<Change> {
        vec![]
    }
}
