//! Removes old journals, so that the folder does not grow for ever.
//!
//! Only of runs that came to their end: one that was interrupted is the sole word of what it left, and is kept for a year
//! at least. Quiet: what cannot be removed stays. Never looks at anything but journals.

use crate::journal::time_of_id;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long journals of interrupted runs are kept at least.
const YEAR: Duration = Duration::from_hours(365 * 24);
/// How many journals are looked at by one run: a containment does not wait for housekeeping.
const MOST: usize = 64;
/// The last entry of a run that ended is shorter.
const TAIL: u64 = 4096;

/// Removes journals of ended runs that are older than this.
pub(crate) fn apply(folder: &Path, keep: Duration, now: SystemTime) {
    let before = |age: Duration| now.checked_sub(age).map(time_of_id);
    let (Some(ended_before), Some(interrupted_before)) = (before(keep), before(keep.max(YEAR))) else { return };
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut old: Vec<String> = names.filter(|name| is_journal(name) && name[..16] < *ended_before).collect();
    if old.len() > MOST {
        // Those that stay must not stand in the way of the others for ever.
        fastrand::shuffle(&mut old);
    }
    for name in old.into_iter().take(MOST) {
        let path = folder.join(&name);
        if may_go(&path, name[..16] < *interrupted_before).unwrap_or(false) {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Whether a file's name is that of a journal: `20261120T195713Z-f7d6176b.jsonl`.
fn is_journal(name: &str) -> bool {
    let pattern = "00000000T000000Z-xxxxxxxx.jsonl";
    name.len() == pattern.len()
        && name.bytes().zip(pattern.bytes()).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            b'x' => byte.is_ascii_hexdigit(),
            form => byte == form,
        })
}

/// Whether a run is over: not under way, and ended unless it is old enough to go all the same.
fn may_go(path: &Path, whatever_became_of_it: bool) -> io::Result<bool> {
    let mut file = File::open(path)?;
    // Held until the file is closed: at once.
    if file.try_lock_shared().is_err() {
        return Ok(false);
    }
    if whatever_became_of_it {
        return Ok(true);
    }
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = vec![];
    file.read_to_end(&mut tail)?;
    let last = tail.strip_suffix(b"\n").and_then(|tail| tail.rsplit(|byte| *byte == b'\n').next()).unwrap_or_default();
    let entry: serde_json::Value = serde_json::from_slice(last).unwrap_or_default();
    Ok(entry["event"] == "closed" && entry["trouble"].is_null())
}
