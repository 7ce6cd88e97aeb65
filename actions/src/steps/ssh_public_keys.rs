//! A user's SSH public keys (for `CodeCommit`): none.
//!
//! Source: AWS API reference, `ListSSHPublicKeys`, `DeleteSSHPublicKey`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Seen, Step};
use awsiam_iam::Error;
use awsiam_iam::types::{DeleteSSHPublicKey, ListSSHPublicKeys, SSHPublicKeyMetadata};

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
        let request = ListSSHPublicKeys { user_name: look.target.name.clone(), ..ListSSHPublicKeys::default() };
        Ok(reader.list(&request).await?.data.ssh_public_keys)
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
