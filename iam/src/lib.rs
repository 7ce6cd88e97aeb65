//! Every AWS IAM operation as data: what it takes and gives, how it is sent, retried and answered.
//!
//! Knows HTTP, XML and the SDK, and hides them. Refuses to know actions, runbooks, stdin or files of the connector.

pub mod table;
pub mod types;
pub mod wire;
