//! Every AWS IAM operation as data: what it takes and gives, how it is sent, retried and answered.
//!
//! Knows HTTP, XML and the SDK, and hides them. Refuses to know actions, runbooks, stdin or files of the connector.

mod carrier;
mod client;
pub mod credentials;
pub mod error;
pub mod table;
pub mod transport;
pub mod types;
pub mod wire;

pub use client::{Call, Client, Identity, Origin, Reply};
pub use error::{Error, Kind};

/// A time as IAM writes it, `2026-05-06T07:08:09.123Z`.
#[must_use]
pub fn timestamp(time: std::time::SystemTime) -> String {
    aws_smithy_types::DateTime::from(time)
        .fmt(aws_smithy_types::date_time::Format::DateTimeWithOffset)
        .unwrap_or_default()
}
