//! A user's signing certificates: none, or none that works.
//!
//! Source: AWS API reference, `ListSigningCertificates`, `UpdateSigningCertificate`, `DeleteSigningCertificate`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use crate::target::Target;
use awsiam_iam::Error;
use awsiam_iam::types::{
    DeleteSigningCertificate, ListSigningCertificates, SigningCertificate, UpdateSigningCertificate,
};

async fn read(reader: &Reader, target: &Target) -> Result<Vec<SigningCertificate>, Error> {
    let request = ListSigningCertificates { user_name: target.name.clone(), ..ListSigningCertificates::default() };
    Ok(reader.list(&request).await?.data.certificates)
}

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
        read(reader, &look.target).await
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

/// None of them works.
#[derive(Debug)]
pub struct Inactive;

/// None of them works: each is made inactive, which is taken back exactly.
#[must_use]
pub fn inactive() -> Inactive {
    Inactive
}

impl Step for Inactive {
    type State = Vec<SigningCertificate>;

    fn name(&self) -> &'static str {
        "signing_certificates"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let all = seen.state().map(Vec::as_slice).unwrap_or_default();
        let set = |id: &str, status: &str, reversal: Reversal| {
            let request = UpdateSigningCertificate {
                user_name: look.target.name.clone(),
                certificate_id: id.to_owned(),
                status: status.to_owned(),
            };
            let verb = if status == "Active" { "activate" } else { "deactivate" };
            Change::new(
                &request,
                format!("{verb} signing certificate {id}"),
                format!("signing certificate {id}"),
                reversal,
            )
        };
        let active = all.iter().filter(|one| one.status == "Active");
        active
            .map(|one| {
                let back = set(&one.certificate_id, &one.status, Reversal::Irreversible { why: "a reversal" });
                set(&one.certificate_id, "Inactive", Reversal::exact(back)).removal()
            })
            .collect()
    }
}
