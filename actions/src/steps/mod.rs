//! The steps: one file per kind of IAM thing, each with what it reads, what it changes and how that is taken back.

pub mod access_keys;
pub mod assumable_roles;
pub mod attached_policies;
pub mod evidence;
pub mod group_membership;
pub mod inline_policies;
pub mod instance_profiles;
pub mod lag;
pub mod login_profile;
pub mod mfa_devices;
pub mod other_credentials;
pub mod own_access;
pub mod quarantine;
pub mod restore;
pub mod role;
pub mod sessions;
pub mod single_call;
pub mod user;
