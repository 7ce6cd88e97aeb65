//! What a run says on stderr while it works: for humans by default, one JSON object a line on request.
//!
//! Only our own words are said. The SDK's are not, whatever is asked for: even its warnings quote replies, which may
//! hold secrets.

use crate::result::{Item, Status};
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, dynamic_filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// Nothing.
    Off,
    /// What went wrong.
    Error,
    /// What may be wrong.
    Warn,
    /// What is being done.
    Info,
    /// Each call.
    Debug,
}

/// How it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for humans.
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether many targets are worked on: then each step of each of them is too much.
static MANY: AtomicBool = AtomicBool::new(false);

/// Starts saying things. A second start in one process changes nothing.
pub fn start(level: Level, format: Format) {
    let ours = match level {
        Level::Off => LevelFilter::OFF,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let filter = Targets::new().with_target("awsiam", ours).with_default(LevelFilter::OFF);
    let many = dynamic_filter_fn(|of, _| {
        *of.level() <= tracing::Level::WARN
            || !of.target().starts_with("awsiam_actions")
            || !MANY.load(Ordering::Relaxed)
    });
    let filter = filter.and(many);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry();
    let _ = match format {
        Format::Text => {
            let ansi = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            registry.with(layer.without_time().with_ansi(ansi).with_filter(filter)).try_init()
        }
        Format::Json => registry.with(layer.json().flatten_event(true).with_filter(filter)).try_init(),
    };
}

/// How far a run of many parameter sets is: a bar on a terminal, otherwise a line for each.
#[derive(Debug)]
pub struct Progress {
    count: usize,
    done: usize,
    failed: usize,
    bar: bool,
}

impl Progress {
    /// Of so many parameter sets. Of a single one nothing is told beside its own steps.
    #[must_use]
    pub fn of(count: usize) -> Self {
        MANY.store(count > 1, Ordering::Relaxed);
        Self {
            count,
            done: 0,
            failed: 0,
            bar: count > 1 && std::io::stderr().is_terminal() && tracing::enabled!(tracing::Level::INFO),
        }
    }

    /// Tells of one more that is done.
    pub fn tell(&mut self, item: &Item) {
        self.done += 1;
        self.failed += usize::from(item.status == Status::Failed);
        let Self { count, done, failed, .. } = *self;
        if count < 2 {
            return;
        }
        if item.status == Status::Failed {
            self.clear();
            tracing::warn!("{done} of {count}: {}", item.message);
        } else if !self.bar {
            tracing::info!("{done} of {count}: {}", item.message);
        }
        if self.bar {
            let filled = done * 30 / count;
            let mut stderr = std::io::stderr().lock();
            let _ = write!(stderr, "\r[{:<30}] {done} of {count}, {failed} failed", "#".repeat(filled));
            let _ = stderr.flush();
            if done == count {
                let _ = writeln!(stderr);
            }
        }
    }

    fn clear(&self) {
        if self.bar {
            let _ = write!(std::io::stderr().lock(), "\r{:70}\r", "");
        }
    }
}
