//! A user's SSH public keys (for `CodeCommit`): none, or none that works.
//!
//! Source: AWS API reference, `ListSSHPublicKeys`, `UpdateSSHPublicKey`, `DeleteSSHPublicKey`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use crate::target::Target;
use awsiam_iam::Error;
use awsiam_iam::types::{DeleteSSHPublicKey, ListSSHPublicKeys, SSHPublicKeyMetadata, UpdateSSHPublicKey};

async fn read(reader: &Reader, target: &Target) -> Result<Vec<SSHPublicKeyMetadata>, Error> {
    let request = ListSSHPublicKeys { user_name: target.name.clone(), ..ListSSHPublicKeys::default() };
    Ok(reader.list(&request).await?.data.ssh_public_keys)
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
    type State = Vec<SSHPublicKeyMetadata>;

    fn name(&self) -> &'static str {
        "ssh_public_keys"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let all = seen.state().map(Vec::as_slice).unwrap_or_default();
        let delete = |one: &SSHPublicKeyMetadata| {
            let id = &one.ssh_public_key_id;
            let request = DeleteSSHPublicKey { user_name: look.target.name.clone(), ssh_public_key_id: id.clone() };
            let reversal = Reversal::Irreversible { why: "a key uploaded again has another id" };
            Change::new(&request, format!("delete SSH public key {id}"), format!("SSH public key {id}"), reversal)
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
    type State = Vec<SSHPublicKeyMetadata>;

    fn name(&self) -> &'static str {
        "ssh_public_keys"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let all = seen.state().map(Vec::as_slice).unwrap_or_default();
        let set = |id: &str, status: &str, reversal: Reversal| {
            let request = UpdateSSHPublicKey {
                user_name: look.target.name.clone(),
                ssh_public_key_id: id.to_owned(),
                status: status.to_owned(),
            };
            let verb = if status == "Active" { "activate" } else { "deactivate" };
            Change::new(&request, format!("{verb} SSH public key {id}"), format!("SSH public key {id}"), reversal)
        };
        let active = all.iter().filter(|one| one.status == "Active");
        active
            .map(|one| {
                let back = set(&one.ssh_public_key_id, &one.status, Reversal::Irreversible { why: "a reversal" });
                set(&one.ssh_public_key_id, "Inactive", Reversal::exact(back)).removal()
            })
            .collect()
    }
}
