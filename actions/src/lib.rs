//! The actions of awsiam: lookups and runbooks on AWS IAM, and the one executor that changes anything.
//!
//! Knows IAM; knows neither stdin, files nor the envelope. Each action is one file; [`ACTIONS`] is the list.

pub mod action;
pub mod change;
pub mod execute;
pub mod guard;
pub mod least_privilege;
pub mod operations;
pub mod outcome;
pub mod parameters;
pub mod permissions;
pub mod reader;
pub mod record;
pub mod runbook;
pub mod step;
pub mod steps;
pub mod target;

mod add_role;
mod add_user;
mod assign_policy;
mod attach_policy;
mod call_operation;
mod contain_role;
mod contain_user;
mod delete_user;
mod detach_policy;
mod disable_access_key;
mod disable_user;
mod enable_access_key;
mod enable_user;
mod find_access_key_owner;
mod get_credential_report;
mod get_policy;
mod get_role;
mod get_user;
mod keys;
mod list_access_keys;
mod list_groups;
mod list_roles;
mod list_user_credentials;
mod list_users;
mod lock_role_trust;
mod parts;
mod quarantine_role;
mod quarantine_user;
mod release_role;
mod release_user;
mod remove_policy;
mod remove_role;
mod remove_user;
mod revoke_role_sessions;
mod revoke_user_sessions;
mod test_connectivity;
pub mod undo;
mod view;

pub use action::Action;

/// Every action, in the order in which it is listed.
pub const ACTIONS: &[Action] = &[
    test_connectivity::ACTION,
    get_user::ACTION,
    list_groups::ACTION,
    list_users::ACTION,
    list_roles::ACTION,
    add_user::ACTION,
    remove_user::ACTION,
    delete_user::ACTION,
    disable_user::ACTION,
    enable_user::ACTION,
    add_role::ACTION,
    remove_role::ACTION,
    attach_policy::ACTION,
    detach_policy::ACTION,
    assign_policy::ACTION,
    remove_policy::ACTION,
    disable_access_key::ACTION,
    enable_access_key::ACTION,
    quarantine_user::ACTION,
    quarantine_role::ACTION,
    release_user::ACTION,
    release_role::ACTION,
    revoke_user_sessions::ACTION,
    revoke_role_sessions::ACTION,
    lock_role_trust::ACTION,
    contain_user::ACTION,
    contain_role::ACTION,
    undo::ACTION,
    find_access_key_owner::ACTION,
    list_access_keys::ACTION,
    list_user_credentials::ACTION,
    get_role::ACTION,
    get_policy::ACTION,
    get_credential_report::ACTION,
    call_operation::ACTION,
];

/// The action with this name or identifier, or of this operation: `iam:GetUser`.
#[must_use]
pub fn action(name: &str) -> Option<&'static Action> {
    let known = ACTIONS.iter().find(|action| action.name == name || action.identifier == name);
    known.or_else(|| operations::action(name))
}
