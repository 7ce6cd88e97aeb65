//! Reads one request, prints one result, sets the exit code.
//!
//! The only place that writes to stdout. A panic still prints a result, so that a playbook never waits for nothing.
#![allow(unused_crate_dependencies, reason = "the library has them")]

use std::io::Write as _;

fn main() -> std::process::ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let document = awsiam::result::after_panic(&place);
        let _ = writeln!(std::io::stdout(), "{document}");
        std::process::exit(1);
    }));
    let ended = awsiam::main(std::env::args_os(), |bytes| {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).is_ok()
    });
    if !ended.stdout.is_empty() {
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(ended.stdout.as_bytes()).and_then(|()| stdout.flush());
        if written.is_err() {
            return std::process::ExitCode::from(1);
        }
    }
    if let Some(wait) = ended.wait {
        wait();
    }
    std::process::ExitCode::from(ended.code)
}
