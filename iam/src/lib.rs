//! Every AWS IAM operation as data: what it takes and gives, how it is sent, retried and answered.
//!
//! Knows HTTP, XML and the SDK, and hides them. Refuses to know actions, runbooks, stdin or files of the connector.

mod carrier;
mod client;
pub mod credentials;
pub mod error;
mod example;
mod pace;
pub mod table;
pub mod transport;
pub mod types;
pub mod wire;

pub use client::{Call, Client, Identity, Origin, Reply};
pub use error::{Error, Kind};
pub use example::example;

/// A time as IAM writes it, `2026-05-06T07:08:09.123Z`.
#[must_use]
pub fn timestamp(time: std::time::SystemTime) -> String {
    aws_smithy_types::DateTime::from(time)
        .fmt(aws_smithy_types::date_time::Format::DateTimeWithOffset)
        .unwrap_or_default()
}

/// Seconds since 1970 of a time as IAM writes it; none where it is no such time.
#[must_use]
pub fn seconds(timestamp: &str) -> Option<i64> {
    let format = aws_smithy_types::date_time::Format::DateTimeWithOffset;
    aws_smithy_types::DateTime::from_str(timestamp, format).ok().map(|time| time.secs())
}

/// The bytes of a blob, which IAM writes in base64; none where it is not base64.
#[must_use]
pub fn bytes(blob: &str) -> Option<Vec<u8>> {
    aws_smithy_types::base64::decode(blob.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever error the model knows of, a human is told what it means.
    #[test]
    fn every_modelled_error_has_a_meaning() {
        for operation in table::operations() {
            for code in operation.errors {
                let mut detail = (*Error::local(Kind::Service, operation.name, "")).clone();
                detail.code = Some((*code).to_owned());
                assert!(Error::from(detail).meaning().is_some(), "{code} of {}", operation.name);
            }
        }
    }

    #[test]
    fn what_is_secret_is_taken_out_of_an_error() {
        let error = || Error::local(Kind::InvalidRequest, "CreateLoginProfile", "The password Hunter-2 is as bad as a");
        assert_eq!(error().without(&["Hunter-2"]).message, "The password ******** is as bad as a");
        assert_eq!(error().without(&["a", " "]).message, error().message, "words of the message itself stay");
    }

    #[test]
    fn times_and_blobs_are_read_as_iam_writes_them() {
        assert_eq!(seconds("1970-01-02T00:00:00Z"), Some(86_400));
        assert_eq!(seconds("1970-01-02T01:00:00.5+01:00"), Some(86_400));
        assert_eq!(seconds("N/A"), None);
        assert_eq!(bytes("YSxi\n").as_deref(), Some(&b"a,b"[..]));
        assert_eq!(bytes("!"), None);
    }
}
