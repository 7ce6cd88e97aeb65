//! Where secrets go that IAM gives only once: a file of the asset's choice, which its owner alone can read.
//!
//! One JSON line for each call. Refuses a file that others can read, and refuses before the call is made: afterwards it
//! would be too late.

use awsiam_actions::outcome::{Failure, Outcome};
use awsiam_iam::timestamp;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::SystemTime;

/// An opened sink.
#[derive(Debug)]
pub struct SecretSink<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> SecretSink<'a> {
    /// Opens the file, or creates it with mode 0600.
    ///
    /// # Errors
    /// It cannot be written, or others can read it.
    pub fn open(path: &'a Path) -> Result<Self, String> {
        let shown = path.display();
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let file = file.map_err(|error| format!("The secret_sink {shown} cannot be written: {error}"))?;
        let metadata = file.metadata().map_err(|error| format!("The secret_sink {shown}: {error}"))?;
        if !metadata.is_file() || metadata.mode() & 0o077 != 0 {
            return Err(format!("The secret_sink {shown} must be a file that its owner alone can read (mode 0600)"));
        }
        Ok(Self { path, file })
    }

    /// Writes an outcome's secrets down and leaves pointers in their places.
    ///
    /// # Errors
    /// They could not be written; says what that means.
    pub fn take(&mut self, entry: &str, action: &str, outcome: &mut Outcome) -> Result<(), Failure> {
        let row = outcome.data.first().cloned().unwrap_or_default();
        let secrets: Map<_, _> = outcome
            .secrets
            .iter()
            .map(|secret| (secret.place.clone(), Value::from(secret.value.expose_secret())))
            .collect();
        let line = json!({
            "entry": entry,
            "at": timestamp(SystemTime::now()),
            "action": action,
            "about": row,
            "secrets": secrets,
        });
        // One write, so that processes that share the file do not mix their lines.
        let written = self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|error| {
            Failure::Incomplete(format!(
                "IAM has made it, but its secret could not be written to {} ({error}) and cannot be had again. What was made: {row}. Delete it, mend the secret_sink, and run the action again.",
                self.path.display()
            ))
        })?;
        let pointer = json!({ "secret_sink": self.path, "entry": entry });
        put(outcome, |_| pointer.clone());
        Ok(())
    }
}

/// Puts an outcome's secrets into its data, once.
pub fn into_data(outcome: &mut Outcome) {
    put(outcome, |secret| secret.into());
}

fn put(outcome: &mut Outcome, value: impl Fn(&str) -> Value) {
    let Some(row) = outcome.data.first_mut() else { return };
    for secret in std::mem::take(&mut outcome.secrets) {
        if let Some(place) = row.pointer_mut(&secret.place) {
            *place = value(secret.value.expose_secret());
        }
    }
}
