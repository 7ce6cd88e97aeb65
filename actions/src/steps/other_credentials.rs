//! A user's credentials beside password and access keys: SSH public keys (for `CodeCommit`), signing certificates, and
//! service-specific credentials (`CodeCommit`, Keyspaces, Bedrock API keys). None of a kind, or none that works.
//!
//! One mechanism for what IAM treats alike: each has an id and a status, is listed, made inactive and deleted. Source: AWS
//! API reference, the `List…`, `Update…` and `Delete…` operations of each.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use awsiam_iam::Error;
use awsiam_iam::types::{
    DeleteSSHPublicKey, DeleteServiceSpecificCredential, DeleteSigningCertificate, ListSSHPublicKeys,
    ListServiceSpecificCredentials, ListSigningCertificates, SSHPublicKeyMetadata, ServiceSpecificCredentialMetadata,
    SigningCertificate, UpdateSSHPublicKey, UpdateServiceSpecificCredential, UpdateSigningCertificate,
};
use serde::Serialize;
use std::marker::PhantomData;

/// A kind of credential.
pub trait Kind: Send + Sync + 'static {
    /// What IAM tells of one.
    type Item: Serialize + Send + Sync;
    /// Its name in the evidence.
    const NAME: &'static str;
    /// Its name in words.
    const WORDS: &'static str;
    /// Why a deletion cannot be taken back.
    const LOST: &'static str;

    /// All that a user has.
    fn list(reader: &Reader, user: String) -> impl Future<Output = Result<Vec<Self::Item>, Error>> + Send;
    /// Id and status of one.
    fn id_and_status(item: &Self::Item) -> (&str, &str);
    /// The change that gives one a status.
    fn set(user: String, id: String, status: String, what: String, about: String, reversal: Reversal) -> Change;
    /// The change that deletes one.
    fn delete(user: String, id: String, what: String, about: String, reversal: Reversal) -> Change;
}

/// SSH public keys.
#[derive(Debug)]
pub struct SshPublicKeys;

impl Kind for SshPublicKeys {
    type Item = SSHPublicKeyMetadata;
    const NAME: &'static str = "ssh_public_keys";
    const WORDS: &'static str = "SSH public key";
    const LOST: &'static str = "a key uploaded again has another id";

    async fn list(reader: &Reader, user: String) -> Result<Vec<Self::Item>, Error> {
        let request = ListSSHPublicKeys { user_name: user, ..ListSSHPublicKeys::default() };
        Ok(reader.list(&request).await?.data.ssh_public_keys)
    }

    fn id_and_status(item: &Self::Item) -> (&str, &str) {
        (&item.ssh_public_key_id, &item.status)
    }

    fn set(user: String, id: String, status: String, what: String, about: String, reversal: Reversal) -> Change {
        let request = UpdateSSHPublicKey { user_name: user, ssh_public_key_id: id, status };
        Change::new(&request, what, about, reversal)
    }

    fn delete(user: String, id: String, what: String, about: String, reversal: Reversal) -> Change {
        Change::new(&DeleteSSHPublicKey { user_name: user, ssh_public_key_id: id }, what, about, reversal)
    }
}

/// Signing certificates.
#[derive(Debug)]
pub struct SigningCertificates;

impl Kind for SigningCertificates {
    type Item = SigningCertificate;
    const NAME: &'static str = "signing_certificates";
    const WORDS: &'static str = "signing certificate";
    const LOST: &'static str =
        "its private key was never with IAM, but the certificate can be uploaded again from the evidence";

    async fn list(reader: &Reader, user: String) -> Result<Vec<Self::Item>, Error> {
        let request = ListSigningCertificates { user_name: user, ..ListSigningCertificates::default() };
        Ok(reader.list(&request).await?.data.certificates)
    }

    fn id_and_status(item: &Self::Item) -> (&str, &str) {
        (&item.certificate_id, &item.status)
    }

    fn set(user: String, id: String, status: String, what: String, about: String, reversal: Reversal) -> Change {
        let request = UpdateSigningCertificate { user_name: user, certificate_id: id, status };
        Change::new(&request, what, about, reversal)
    }

    fn delete(user: String, id: String, what: String, about: String, reversal: Reversal) -> Change {
        Change::new(&DeleteSigningCertificate { user_name: user, certificate_id: id }, what, about, reversal)
    }
}

/// Service-specific credentials.
#[derive(Debug)]
pub struct ServiceSpecificCredentials;

impl Kind for ServiceSpecificCredentials {
    type Item = ServiceSpecificCredentialMetadata;
    const NAME: &'static str = "service_specific_credentials";
    const WORDS: &'static str = "service-specific credential";
    const LOST: &'static str = "a new credential has another password";

    async fn list(reader: &Reader, user: String) -> Result<Vec<Self::Item>, Error> {
        // No service name: the list is then of all services.
        let request = ListServiceSpecificCredentials { user_name: user, ..ListServiceSpecificCredentials::default() };
        match reader.list(&request).await {
            Ok(reply) => Ok(reply.data.service_specific_credentials),
            // Partitions without such services answer so.
            Err(error) if error.code.as_deref() == Some("NotSupportedService") => Ok(vec![]),
            Err(error) => Err(error),
        }
    }

    fn id_and_status(item: &Self::Item) -> (&str, &str) {
        (&item.service_specific_credential_id, &item.status)
    }

    fn set(user: String, id: String, status: String, what: String, about: String, reversal: Reversal) -> Change {
        let request = UpdateServiceSpecificCredential { user_name: user, service_specific_credential_id: id, status };
        Change::new(&request, what, about, reversal)
    }

    fn delete(user: String, id: String, what: String, about: String, reversal: Reversal) -> Change {
        let request = DeleteServiceSpecificCredential { user_name: user, service_specific_credential_id: id };
        Change::new(&request, what, about, reversal)
    }
}

/// The change that gives a credential a status, in the words of plans.
pub(crate) fn set<K: Kind>(user: &str, id: &str, status: &str, reversal: Reversal) -> Change {
    let verb = if status == "Active" { "activate" } else { "deactivate" };
    let about = format!("{} {id}", K::WORDS);
    K::set(user.to_owned(), id.to_owned(), status.to_owned(), format!("{verb} {about}"), about, reversal)
}

/// None of a kind.
#[derive(Debug)]
pub struct Absent<K>(PhantomData<fn() -> K>);

/// None of this kind: each is deleted.
#[must_use]
pub fn absent<K: Kind>(_: K) -> Absent<K> {
    Absent(PhantomData)
}

impl<K: Kind> Step for Absent<K> {
    type State = Vec<K::Item>;

    fn name(&self) -> &'static str {
        K::NAME
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        K::list(reader, look.target.name.clone()).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let all = seen.state().map(Vec::as_slice).unwrap_or_default();
        let delete = |item: &K::Item| {
            let (id, _) = K::id_and_status(item);
            let about = format!("{} {id}", K::WORDS);
            let reversal = Reversal::Irreversible { why: K::LOST };
            K::delete(look.target.name.clone(), id.to_owned(), format!("delete {about}"), about, reversal).removal()
        };
        all.iter().map(delete).collect()
    }
}

/// None of a kind works.
#[derive(Debug)]
pub struct Inactive<K>(PhantomData<fn() -> K>);

/// None of this kind works: each is made inactive, which is taken back exactly.
#[must_use]
pub fn inactive<K: Kind>(_: K) -> Inactive<K> {
    Inactive(PhantomData)
}

impl<K: Kind> Step for Inactive<K> {
    type State = Vec<K::Item>;

    fn name(&self) -> &'static str {
        K::NAME
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        K::list(reader, look.target.name.clone()).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let user = &look.target.name;
        let all = seen.state().map(Vec::as_slice).unwrap_or_default();
        // Service-specific credentials may also be expired: then there is nothing to switch off.
        let active = all.iter().map(K::id_and_status).filter(|(_, status)| *status == "Active");
        let off = |(id, status): (&str, &str)| {
            let back = set::<K>(user, id, status, Reversal::Irreversible { why: "a reversal" });
            set::<K>(user, id, "Inactive", Reversal::exact(back)).removal()
        };
        active.map(off).collect()
    }
}
