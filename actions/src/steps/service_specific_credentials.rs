//! A user's service-specific credentials (`CodeCommit`, Keyspaces, Bedrock API keys): none, or none that works.
//!
//! Source: AWS API reference, `ListServiceSpecificCredentials`, `UpdateServiceSpecificCredential`, `DeleteServiceSpecificCredential`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use crate::target::Target;
use awsiam_iam::Error;
use awsiam_iam::types::{
    DeleteServiceSpecificCredential, ListServiceSpecificCredentials, ServiceSpecificCredentialMetadata,
    UpdateServiceSpecificCredential,
};

async fn read(reader: &Reader, target: &Target) -> Result<Vec<ServiceSpecificCredentialMetadata>, Error> {
    let request =
        ListServiceSpecificCredentials { user_name: target.name.clone(), ..ListServiceSpecificCredentials::default() };
    // No service name: the list is then of all services.
    match reader.list(&request).await {
        Ok(reply) => Ok(reply.data.service_specific_credentials),
        // Partitions without such services answer so.
        Err(error) if error.code.as_deref() == Some("NotSupportedService") => Ok(vec![]),
        Err(error) => Err(error),
    }
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
    type State = Vec<ServiceSpecificCredentialMetadata>;

    fn name(&self) -> &'static str {
        "service_specific_credentials"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let all = seen.state().map(Vec::as_slice).unwrap_or_default();
        let delete = |one: &ServiceSpecificCredentialMetadata| {
            let id = &one.service_specific_credential_id;
            let request = DeleteServiceSpecificCredential {
                user_name: look.target.name.clone(),
                service_specific_credential_id: id.clone(),
            };
            let reversal = Reversal::Irreversible { why: "a new credential has another password" };
            Change::new(
                &request,
                format!("delete service-specific credential {id}"),
                format!("service-specific credential {id}"),
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
    type State = Vec<ServiceSpecificCredentialMetadata>;

    fn name(&self) -> &'static str {
        "service_specific_credentials"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let all = seen.state().map(Vec::as_slice).unwrap_or_default();
        let set = |id: &str, status: &str, reversal: Reversal| {
            let request = UpdateServiceSpecificCredential {
                user_name: look.target.name.clone(),
                service_specific_credential_id: id.to_owned(),
                status: status.to_owned(),
            };
            let verb = if status == "Active" { "activate" } else { "deactivate" };
            Change::new(
                &request,
                format!("{verb} service-specific credential {id}"),
                format!("service-specific credential {id}"),
                reversal,
            )
        };
        let active = all.iter().filter(|one| one.status == "Active");
        active
            .map(|one| {
                let back =
                    set(&one.service_specific_credential_id, &one.status, Reversal::Irreversible { why: "a reversal" });
                set(&one.service_specific_credential_id, "Inactive", Reversal::exact(back)).removal()
            })
            .collect()
    }
}
