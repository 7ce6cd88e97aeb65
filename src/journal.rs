//! What a run saw and did, on disk: one file a run, one JSON object a line, readable by its owner alone.
//!
//! Also the locks that keep two runs off one principal. Refuses to stop a containment because a disk is full: unless the
//! asset requires the journal, the same lines then go to stderr, and the result says so.

use awsiam_actions::record::{Lock, Recorder};
use serde_json::Value;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// `$XDG_STATE_HOME/awsiam`, or `~/.local/state/awsiam`.
#[must_use]
pub fn default_dir() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|dir| dir.join("awsiam"))
}

/// A new run's id: its time, so that runs sort by it, and something random.
#[must_use]
pub fn new_run_id() -> String {
    let time: String =
        awsiam_iam::timestamp(SystemTime::now()).chars().filter(char::is_ascii_alphanumeric).take(15).collect();
    format!("{time}Z-{:08x}", fastrand::u32(..))
}

/// The journal of one run. Its file is made when the first entry is written, so that lookups leave none.
#[derive(Debug)]
pub struct Journal {
    run_id: String,
    dir: Option<PathBuf>,
    required: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    trouble: Option<String>,
    /// Whether a durable entry has reached the disk: a plan, after which changes may be under way.
    committed: bool,
}

impl Journal {
    /// A journal below this folder; without one, on stderr.
    #[must_use]
    pub fn new(dir: Option<PathBuf>, required: bool) -> Self {
        Self { run_id: new_run_id(), dir, required, state: Mutex::default() }
    }

    /// The file that the entries go to.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join("runs").join(format!("{}.jsonl", self.run_id)))
    }

    /// Where it is remembered what a run on a principal was about to do.
    fn unfinished(&self, principal: &str) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join("unfinished").join(format!("{principal}.json")))
    }

    fn write(&self, file: &mut Option<File>, line: &str, durable: bool) -> io::Result<()> {
        let path =
            self.path().ok_or_else(|| io::Error::other("there is no state folder; set state_dir in the asset"))?;
        let file = if let Some(file) = file {
            file
        } else {
            let folder = path.parent().unwrap_or(&path);
            make_dir(folder)?;
            let made = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&path)?;
            // The name has to survive a crash as well as what is in the file.
            File::open(folder)?.sync_all()?;
            file.insert(made)
        };
        file.write_all(line.as_bytes())?;
        if durable { file.sync_data() } else { Ok(()) }
    }
}

fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

impl Recorder for Journal {
    fn run_id(&self) -> &str {
        &self.run_id
    }

    fn record(&self, mut entry: Value, durable: bool) -> Result<(), String> {
        entry["run_id"] = self.run_id.clone().into();
        let line = format!("{entry}\n");
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.trouble.is_none() {
            let Err(error) = self.write(&mut state.file, &line, durable) else {
                state.committed |= durable;
                return Ok(());
            };
            let place = self.path().map_or_else(String::new, |path| format!(" {}", path.display()));
            let trouble = format!("The journal{place} could not be written: {error}.");
            // Once changes are under way there is no going back: then the lines go to stderr, whatever the asset asks.
            if self.required && !state.committed {
                return Err(format!(
                    "{trouble} The asset requires it, so nothing was changed. Make the folder writable, or set require_journal to false."
                ));
            }
            tracing::warn!("{trouble} Its entries go to stderr instead.");
            state.trouble = Some(format!("{trouble} Its entries are on stderr: keep them."));
        }
        let _ = io::stderr().lock().write_all(line.as_bytes());
        Ok(())
    }

    fn trouble(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }

    fn remember(&self, principal: &str, what: &Value) {
        let Some(path) = self.unfinished(principal) else { return };
        let write = || {
            make_dir(path.parent().unwrap_or(&path))?;
            // Whole or not at all: a later run must not act on half of it.
            let new = path.with_extension(format!("{}.new", self.run_id));
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
            file.write_all(what.to_string().as_bytes())?;
            file.sync_data()?;
            std::fs::rename(new, &path)
        };
        if let Err(error) = write() {
            tracing::warn!("What is about to be done could not be remembered in {}: {error}", path.display());
        }
    }

    fn recall(&self, principal: &str) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(self.unfinished(principal)?).ok()?).ok()
    }

    fn forget(&self, principal: &str) {
        if let Some(path) = self.unfinished(principal) {
            let _ = std::fs::remove_file(path);
        }
    }

    fn lock(&self, principal: &str) -> Lock {
        let Some(dir) = self.dir.as_ref().map(|dir| dir.join("locks")) else {
            return Lock::Unavailable("there is no state folder".to_owned());
        };
        let path = dir.join(format!("{principal}.lock"));
        let open = || {
            make_dir(&dir)?;
            OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&path)
        };
        let mut file = match open() {
            Ok(file) => file,
            Err(error) => return Lock::Unavailable(format!("{}: {error}", path.display())),
        };
        match file.try_lock() {
            Ok(()) => {
                // Who holds it is for humans: a lock without the note is as good.
                let note = format!("run {}, process {}", self.run_id, std::process::id());
                let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
                Lock::Held(Box::new(file))
            }
            Err(TryLockError::WouldBlock) => {
                let mut who = String::new();
                let _ = file.read_to_string(&mut who);
                Lock::Busy(who)
            }
            Err(TryLockError::Error(error)) => Lock::Unavailable(format!("{}: {error}", path.display())),
        }
    }
}
