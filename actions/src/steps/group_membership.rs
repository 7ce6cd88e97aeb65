//! A user's membership in groups: in one, not in one, or in none.
//!
//! Source: AWS API reference, `AddUserToGroup`, `RemoveUserFromGroup`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use awsiam_iam::Error;
use awsiam_iam::types::{AddUserToGroup, GetGroup, Group, ListGroupsForUser, RemoveUserFromGroup};
use futures_util::future::try_join;

/// Brings memberships to a wanted state.
#[derive(Debug)]
pub struct Membership {
    wanted: Wanted,
}

#[derive(Debug)]
enum Wanted {
    In(String),
    NotIn(String),
    None,
}

/// Member of this group.
#[must_use]
pub fn of(group: &str) -> Membership {
    Membership { wanted: Wanted::In(group.to_owned()) }
}

/// Not a member of this group.
#[must_use]
pub fn not_of(group: &str) -> Membership {
    Membership { wanted: Wanted::NotIn(group.to_owned()) }
}

/// Member of no group.
#[must_use]
pub fn none() -> Membership {
    Membership { wanted: Wanted::None }
}

fn about(group: &str) -> String {
    format!("membership in group {group}")
}

pub(crate) fn add(user: &str, group: &str, reversal: Reversal) -> Change {
    let request = AddUserToGroup { user_name: user.to_owned(), group_name: group.to_owned() };
    Change::new(&request, format!("add to group {group}"), about(group), reversal)
}

pub(crate) fn remove(user: &str, group: &str, reversal: Reversal) -> Change {
    let request = RemoveUserFromGroup { user_name: user.to_owned(), group_name: group.to_owned() };
    Change::new(&request, format!("remove from group {group}"), about(group), reversal)
}

/// What the reversal of a reversal would be; nothing asks.
const LAST: Reversal = Reversal::Irreversible { why: "a reversal" };

impl Step for Membership {
    type State = Vec<Group>;

    fn name(&self) -> &'static str {
        "groups"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        let request = ListGroupsForUser { user_name: look.target.name.clone(), ..ListGroupsForUser::default() };
        let groups = reader.list(&request);
        match &self.wanted {
            // Removing from a group that does not exist is AWS's error, from one without this member it is not: only the
            // group itself tells the two apart.
            Wanted::NotIn(group) => {
                let exists = GetGroup { group_name: group.clone(), max_items: Some(1), ..GetGroup::default() };
                Ok(try_join(groups, reader.get(&exists)).await?.0.data.groups)
            }
            _ => Ok(groups.await?.data.groups),
        }
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let user = &look.target.name;
        let member_of = |group: &str| seen.state().map(|groups| groups.iter().any(|known| known.group_name == group));
        match &self.wanted {
            Wanted::In(group) if member_of(group) == Some(true) => vec![],
            Wanted::In(group) => vec![add(user, group, Reversal::exact(remove(user, group, LAST)))],
            Wanted::NotIn(group) if member_of(group) == Some(false) => vec![],
            Wanted::NotIn(group) => {
                let change = remove(user, group, Reversal::exact(add(user, group, LAST)));
                // Where membership could not be read, AWS's own error is what there is to tell.
                vec![if seen.state().is_some() { change.removal() } else { change }]
            }
            Wanted::None => {
                let groups = seen.state().map(Vec::as_slice).unwrap_or_default();
                let leave = |group: &Group| {
                    let group = &group.group_name;
                    remove(user, group, Reversal::exact(add(user, group, LAST))).removal()
                };
                groups.iter().map(leave).collect()
            }
        }
    }
}
