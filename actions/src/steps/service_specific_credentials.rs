//! A user's service-specific credentials (`CodeCommit`, Keyspaces, Bedrock API keys): none.
//!
//! Source: AWS API reference, `ListServiceSpecificCredentials`, `DeleteServiceSpecificCredential`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use awsiam_iam::Error;
use awsiam_iam::types::{
    DeleteServiceSpecificCredential, ListServiceSpecificCredentials, ServiceSpecificCredentialMetadata,
};

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
        let request = ListServiceSpecificCredentials {
            user_name: look.target.name.clone(),
            ..ListServiceSpecificCredentials::default()
        };
        // No service name: the list is then of all services.
        match reader.list(&request).await {
            Ok(reply) => Ok(reply.data.service_specific_credentials),
            // Partitions without such services answer so.
            Err(error) if error.code.as_deref() == Some("NotSupportedService") => Ok(vec![]),
            Err(error) => Err(error),
        }
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
