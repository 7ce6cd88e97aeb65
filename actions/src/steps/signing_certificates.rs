//! A user's signing certificates: none.
//!
//! Source: AWS API reference, `ListSigningCertificates`, `DeleteSigningCertificate`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use awsiam_iam::Error;
use awsiam_iam::types::{DeleteSigningCertificate, ListSigningCertificates, SigningCertificate};

/// None of them.
#[derive(Debug)]
pub struct Absent;

/// None of them: each is deleted.
#[must_use]
pub fn absent() -> Absent {
    Absent
}

impl Step for Absent {
    type State = Vec<SigningCertificate>;

    fn name(&self) -> &'static str {
        "signing_certificates"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        let request =
            ListSigningCertificates { user_name: look.target.name.clone(), ..ListSigningCertificates::default() };
        Ok(reader.list(&request).await?.data.certificates)
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let all = seen.state().map(Vec::as_slice).unwrap_or_default();
        let delete = |one: &SigningCertificate| {
            let id = &one.certificate_id;
            let request = DeleteSigningCertificate { user_name: look.target.name.clone(), certificate_id: id.clone() };
            let reversal = Reversal::Irreversible {
                why: "its private key was never with IAM, but the certificate can be uploaded again from the evidence",
            };
            Change::new(
                &request,
                format!("delete signing certificate {id}"),
                format!("signing certificate {id}"),
                reversal,
            )
            .removal()
        };
        all.iter().map(delete).collect()
    }
}
