//! The steps: one file per kind of IAM thing, each with what it reads, what it changes and how that is taken back.

pub mod access_keys;
pub mod login_profile;
