//! What a run says on stderr while it works: for humans by default, one JSON object a line on request.
//!
//! Only our own words are said. The SDK's are not, whatever is asked for: even its warnings quote replies, which may
//! hold secrets.

use std::io::IsTerminal as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
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
