//! The actions of awsiam: lookups and runbooks on AWS IAM, and the one executor that changes anything.
//!
//! Knows IAM; knows neither stdin, files nor the envelope. Each action is one file; [`ACTIONS`] is the list.

pub mod action;
pub mod change;
pub mod execute;
pub mod guard;
pub mod outcome;
pub mod parameters;
pub mod reader;
pub mod record;
pub mod runbook;
pub mod step;
pub mod steps;
pub mod target;

mod disable_user;
mod enable_user;
mod get_user;
mod list_users;
mod test_connectivity;

pub use action::Action;

/// Every action, in the order in which it is listed.
pub const ACTIONS: &[Action] =
    &[test_connectivity::ACTION, get_user::ACTION, list_users::ACTION, disable_user::ACTION, enable_user::ACTION];

/// The action with this name or identifier.
#[must_use]
pub fn action(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name || action.identifier == name)
}
