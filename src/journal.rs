//! What a run saw and did, on disk: one file a run, one JSON object a line, readable by its owner alone.
//!
//! The file is locked for as long as the run lives, so that whoever reads it can tell a run under way from one that was
//! killed. Also the locks that keep two runs off one principal. Refuses to stop a containment because a disk is full:
//! unless the asset requires the journal, the same lines then go to stderr, and the result says so.

use crate::retention;
use awsiam_actions::record::{Lock, Recorder};
use awsiam_iam::timestamp;
use serde_json::{Value, json};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

/// `$XDG_STATE_HOME/awsiam`, or `~/.local/state/awsiam`.
#[must_use]
pub fn default_dir() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|dir| dir.join("awsiam"))
}

/// The folder of the journals, in a state folder.
#[must_use]
pub fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("runs")
}

/// A new run's id: its time, so that runs sort by it, and something random. Of the eight digits at the end four are the
/// part of the second.
#[must_use]
pub fn new_run_id() -> String {
    let now = SystemTime::now();
    let nanoseconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    let part = u64::from(nanoseconds) * 0x1_0000 / 1_000_000_000;
    format!("{}-{part:04x}{:04x}", time_of_id(now), fastrand::u16(..))
}

/// The part of a run's id that is its time: `20261120T195713Z`.
pub(crate) fn time_of_id(at: SystemTime) -> String {
    let time: String = timestamp(at).chars().filter(char::is_ascii_alphanumeric).take(15).collect();
    format!("{time}Z")
}

/// The journal of one run. Its file is made when the first entry is written, so that lookups leave none.
#[derive(Debug)]
pub struct Journal {
    run_id: OnceLock<String>,
    dir: Option<PathBuf>,
    required: bool,
    keep: Option<Duration>,
    /// Whether what earlier runs left is of no concern.
    forgetful: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    trouble: Option<String>,
}

/// The journal as one parameter set writes to it: every entry carries the set's index, from 0.
#[derive(Debug, Clone, Copy)]
pub struct OfSet<'a> {
    journal: &'a Journal,
    set: usize,
}

impl OfSet<'_> {
    /// The index of the parameter set in the request, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.set
    }
}

impl Journal {
    /// A journal below this folder; without one, on stderr.
    #[must_use]
    pub fn new(dir: Option<PathBuf>, required: bool) -> Self {
        Self { run_id: OnceLock::new(), dir, required, keep: None, forgetful: false, state: Mutex::default() }
    }

    /// With journals of ended runs kept for this long; without end where it is none.
    #[must_use]
    pub fn keeping(self, keep: Option<Duration>) -> Self {
        Self { keep, ..self }
    }

    /// Without what earlier runs left, where the account is made anew for this run.
    #[must_use]
    pub fn forgetful_if(self, forgetful: bool) -> Self {
        Self { forgetful, ..self }
    }

    /// The journal for the parameter set with this index. Sets may write at the same time.
    #[must_use]
    pub fn for_set(&self, set: usize) -> OfSet<'_> {
        OfSet { journal: self, set }
    }

    /// Says that the run came to its end, whatever became of its changes. Without an entry there is nothing to say.
    pub fn close(&self) {
        let mut state = self.state();
        let State { file: Some(file), trouble } = &mut *state else { return };
        let mut entry = json!({ "event": "closed", "run_id": self.run_id.get(), "at": timestamp(SystemTime::now()) });
        let mut line = format!("{entry}\n");
        if let Some(trouble) = trouble {
            entry["trouble"] = trouble.clone().into();
            // What could not be written may have left half a line.
            line = format!("\n{entry}\n");
        }
        let _ = file.write_all(line.as_bytes());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run's id. It is settled with the file, so that no two runs have one.
    fn id(&self) -> &str {
        let _state = self.state();
        self.run_id.get_or_init(new_run_id)
    }

    /// Where it is remembered what a run on a principal was about to do.
    fn unfinished(&self, principal: &str) -> Option<PathBuf> {
        let dir = self.dir.as_ref().filter(|_| !self.forgetful)?;
        Some(dir.join("unfinished").join(format!("{principal}.json")))
    }

    /// The file by which a principal is locked, with what was last changed about it.
    fn lock_of(&self, principal: &str) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join("locks").join(format!("{principal}.lock")))
    }

    /// Writes one line with one call, so that entries of several parameter sets do not mix.
    fn write(&self, state: &mut State, entry: &mut Value, durable: bool) -> io::Result<()> {
        let file = if let Some(file) = &mut state.file { file } else { self.open(state)? };
        entry["run_id"] = self.run_id.get_or_init(new_run_id).clone().into();
        file.write_all(format!("{entry}\n").as_bytes())?;
        if durable { file.sync_data() } else { Ok(()) }
    }

    fn open<'a>(&self, state: &'a mut State) -> io::Result<&'a mut File> {
        let no_folder = || io::Error::other("there is no state folder; set state_dir in the asset");
        let folder = folder(self.dir.as_ref().ok_or_else(no_folder)?);
        make_dir(&folder)?;
        let (id, made) = make(&folder, || self.run_id.get().cloned().unwrap_or_else(new_run_id))?;
        let _ = self.run_id.set(id);
        let file = state.file.insert(made);
        // The name has to survive a crash as well as what is in the file.
        File::open(&folder)?.sync_all()?;
        if let Some(keep) = self.keep {
            retention::apply(&folder, keep, SystemTime::now());
        }
        Ok(file)
    }
}

/// Makes the file of a run, locked. Where a file has the name already, another id is tried: it is never written to.
fn make(folder: &Path, mut id: impl FnMut() -> String) -> io::Result<(String, File)> {
    let mut tries = 0;
    loop {
        let id = id();
        let path = folder.join(format!("{id}.jsonl"));
        match OpenOptions::new().create_new(true).append(true).mode(0o600).open(path) {
            Ok(file) => {
                hold(&file);
                return Ok((id, file));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < 8 => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Locks a journal for the life of the run. A reader may be looking at this very moment: it lets go at once. Where files
/// cannot be locked, the run goes on without.
fn hold(file: &File) {
    for _ in 0..20 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            Ok(()) | Err(TryLockError::Error(_)) => return,
        }
    }
}

fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

impl Recorder for OfSet<'_> {
    fn run_id(&self) -> &str {
        self.journal.id()
    }

    fn record(&self, mut entry: Value, durable: bool) -> Result<(), String> {
        let journal = self.journal;
        let mut state = journal.state();
        entry["set"] = self.set.into();
        if state.trouble.is_none() {
            let Err(error) = journal.write(&mut state, &mut entry, durable) else { return Ok(()) };
            let place = journal.dir.as_ref().map_or_else(String::new, |dir| format!(" in {}", folder(dir).display()));
            let trouble = format!("The journal{place} could not be written: {error}.");
            if !journal.required {
                tracing::warn!("{trouble} Its entries go to stderr instead.");
            }
            state.trouble = Some(format!("{trouble} Its entries are on stderr: keep them."));
        }
        entry["run_id"] = journal.run_id.get_or_init(new_run_id).clone().into();
        let _ = io::stderr().lock().write_all(format!("{entry}\n").as_bytes());
        match &state.trouble {
            Some(trouble) if journal.required => Err(format!(
                "{trouble} The asset requires it, so nothing was changed. Make the folder writable, or set require_journal to false."
            )),
            _ => Ok(()),
        }
    }

    fn trouble(&self) -> Option<String> {
        self.journal.state().trouble.clone()
    }

    fn remember(&self, principal: &str, what: &Value) {
        let Some(path) = self.journal.unfinished(principal) else { return };
        let write = || {
            make_dir(path.parent().unwrap_or(&path))?;
            // Whole or not at all: a later run must not act on half of it.
            let new = path.with_extension(format!("{}.{}.new", self.run_id(), self.set));
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
        serde_json::from_slice(&std::fs::read(self.journal.unfinished(principal)?).ok()?).ok()
    }

    fn forget(&self, principal: &str) {
        if let Some(path) = self.journal.unfinished(principal) {
            let _ = std::fs::remove_file(path);
        }
    }

    fn changed(&self, principal: &str, what: &Value) {
        let write = |path| {
            let mut file = OpenOptions::new().read(true).write(true).open(path)?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            let note = text.lines().next().unwrap_or_default();
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(format!("{note}\n{what}\n").as_bytes())
        };
        // It only helps a run that comes soon: without it, that one trusts what it reads.
        let _: Option<io::Result<()>> = self.journal.lock_of(principal).map(write);
    }

    fn lately(&self, principal: &str) -> Option<Value> {
        let text =
            std::fs::read_to_string(self.journal.lock_of(principal).filter(|_| !self.journal.forgetful)?).ok()?;
        serde_json::from_str(text.lines().nth(1)?).ok()
    }

    fn lock(&self, principal: &str) -> Lock {
        let Some(path) = self.journal.lock_of(principal) else {
            return Lock::Unavailable("there is no state folder".to_owned());
        };
        let open = || {
            make_dir(path.parent().unwrap_or(&path))?;
            OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&path)
        };
        let mut file = match open() {
            Ok(file) => file,
            Err(error) => return Lock::Unavailable(format!("{}: {error}", path.display())),
        };
        match file.try_lock() {
            Ok(()) => {
                // Who holds it is for humans: a lock without the note is as good. What was changed before stays.
                let mut text = String::new();
                let _ = file.read_to_string(&mut text);
                let rest = text.lines().nth(1).unwrap_or_default();
                let note = format!("run {}, process {}\n{rest}", self.run_id(), std::process::id());
                let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
                Lock::Held(Box::new(file))
            }
            Err(TryLockError::WouldBlock) => {
                let mut who = String::new();
                let _ = file.read_to_string(&mut who);
                Lock::Busy(who.lines().next().unwrap_or_default().to_owned())
            }
            Err(TryLockError::Error(error)) => Lock::Unavailable(format!("{}: {error}", path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary() -> PathBuf {
        let path = std::env::temp_dir().join(format!("awsiam-journal-{}-{}", std::process::id(), fastrand::u64(..)));
        make_dir(&path).unwrap();
        path
    }

    #[test]
    fn a_name_that_is_taken_is_left_alone() {
        let folder = temporary();
        std::fs::write(folder.join("a.jsonl"), "kept\n").unwrap();
        let mut ids = ["a", "a", "b"].into_iter().map(str::to_owned);
        let (id, mut file) = make(&folder, || ids.next().unwrap()).unwrap();
        file.write_all(b"mine\n").unwrap();
        assert_eq!(id, "b");
        assert_eq!(std::fs::read_to_string(folder.join("a.jsonl")).unwrap(), "kept\n");
        assert!(make(&folder, || "a".to_owned()).is_err(), "it does not try for ever");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn sets_that_write_at_once_do_not_mix() {
        let dir = temporary();
        let journal = Journal::new(Some(dir.clone()), true);
        std::thread::scope(|scope| {
            for set in 0..8 {
                let entries = journal.for_set(set);
                scope.spawn(move || {
                    for number in 0..50 {
                        entries.record(json!({ "number": number, "long": "x".repeat(9_000) }), false).unwrap();
                    }
                });
            }
        });
        let id = journal.for_set(0).run_id().to_owned();
        journal.close();
        let text = std::fs::read_to_string(folder(&dir).join(format!("{id}.jsonl"))).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 8 * 50 + 1);
        for set in 0..8 {
            let own = lines.iter().filter(|line| line["set"] == set).map(|line| line["number"].as_u64().unwrap());
            assert!(own.eq(0..50), "each set's entries are in its order");
        }
        assert_eq!(lines.last().unwrap()["event"], "closed");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
