//! The thin runtime of awsiam: the process, the wire, the asset, the files. Knows no action by name.
//!
//! request → validate → credentials → action → result. Refuses to write to stdout: `main` does.

pub mod asset;
mod cli;
pub mod history;
pub mod journal;
pub mod manifest;
pub mod progress;
pub mod request;
pub mod result;
mod retention;
pub mod run;
pub mod runs;
pub mod secret_sink;
pub mod session_credentials;

/// How a process ends: what goes to stdout, what it then waits for, and the exit code.
#[derive(Default)]
pub struct Ended {
    /// All that is written to stdout.
    pub stdout: String,
    /// What is served until a signal comes, once stdout is written.
    pub wait: Option<Box<dyn FnOnce()>>,
    /// 0 success, 1 the action failed, 2 bad request or asset, 130 and 143 cancelled.
    pub code: u8,
}

/// Runs the command line. `print` takes what goes to stdout before the end, and says whether it could be written.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = std::ffi::OsString>, print: fn(&[u8]) -> bool) -> Ended {
    cli::main(arguments, print)
}
