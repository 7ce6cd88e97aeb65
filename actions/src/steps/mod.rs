//! The steps: one file per kind of IAM thing, each with what it reads, what it changes and how that is taken back.

pub mod access_keys;
pub mod assumable_roles;
pub mod attached_policies;
pub mod evidence;
pub mod group_membership;
pub mod inline_policies;
pub mod instance_profiles;
pub mod login_profile;
pub mod mfa_devices;
pub mod own_access;
pub mod quarantine;
pub mod restore;
pub mod role;
pub mod service_specific_credentials;
pub mod sessions;
pub mod signing_certificates;
pub mod single_call;
pub mod ssh_public_keys;
pub mod user;
