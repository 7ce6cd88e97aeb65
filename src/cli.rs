//! The command line.
//!
//! Turns arguments into a request, an asset and options, and a result into text and an exit code. Every way to run an
//! action goes through the same request and the same result.

use crate::Ended;
use crate::asset::{self, Asset, KEYS};
use crate::history;
use crate::manifest;
use crate::progress::{self, Format, Level};
use crate::request::{self, Bad, LARGEST, Request};
use crate::result::{Document, Item};
use crate::run::{self, Options};
use crate::runs;
use anyhow::{Context as _, anyhow, bail};
use awsiam_actions::action::{Of, Run};
use awsiam_actions::least_privilege::{self, Scope};
use awsiam_actions::{ACTIONS, Action, operations, permissions};
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use tokio::sync::watch;

/// Incident response on AWS IAM: one action request in, one proven result out.
#[derive(Debug, Parser)]
#[command(
    name = "awsiam",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  awsiam run --sandbox examples/disable_user.json      try it on a demo account in memory
  awsiam run --asset asset.json request.json           run a request
  awsiam run --asset asset.json --action 'disable user' --param username=alice --dry-run
  awsiam describe 'disable user'                       what it takes, calls and can undo
  awsiam run --asset asset.json --action iam:ListAccountAliases
  awsiam policy 'disable user'                         the IAM policy that it needs

Exit codes: 0 success, 1 the action failed, 2 bad request or asset, 130/143 cancelled."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How much to say on stderr
    #[arg(long, global = true, value_enum, default_value = "info")]
    log_level: Level,
    /// How to say it
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one action request and print its result as one line of JSON
    #[command(after_help = "\
A request is a JSON object:
  {\"action\": \"disable user\", \"config\": {…asset…}, \"parameters\": [{\"username\": \"alice\"}]}

Examples:
  awsiam run < request.json
  awsiam run --sandbox --pretty examples/disable_user.json
  awsiam run --asset asset.json --action 'list users' --param group_name=developers
  awsiam run --asset asset.json --dry-run request.json
  awsiam run --asset asset.json --action 'contain user' --parameters users.jsonl --jsonl > results.jsonl")]
    Run(RunArguments),
    /// Check that IAM can be reached, that the credentials are good, and whose they are
    TestConnectivity(Common),
    /// Tell what was run, newest first, and what became of it; also where a run was killed
    #[command(after_help = "\
Examples:
  awsiam runs
  awsiam runs --target alice --limit 3
  awsiam runs show 20261120T195713Z
  awsiam runs show 20261120T195713Z-f7d6176b --json")]
    Runs(RunsArguments),
    /// Take back exactly what one run changed, and refuse what was changed since
    #[command(after_help = "\
Look first with --dry-run. Credentials stay off unless they are asked for. A console password that
was deleted comes back only as a new one, and that belongs in a request on stdin, as the parameter
password of the action undo.

Examples:
  awsiam undo 20261120T195713Z-f7d6176b --asset asset.json --dry-run
  awsiam undo 20261120T195713Z-f7d6176b --asset asset.json --reactivate AKIAIOSFODNN7EXAMPLE")]
    Undo(UndoArguments),
    /// List every action
    Actions,
    /// List every IAM operation; each is an action as well, iam:NAME
    Operations {
        /// Only operations whose name holds this word
        #[arg(long, value_name = "WORD")]
        search: Option<String>,
    },
    /// Say what an action takes, brings, calls and can undo
    Describe {
        /// Name or identifier, such as 'disable user' or iam:DetachUserPolicy; 'asset' for the asset's keys
        action: String,
    },
    /// Print the shell's completion of commands, actions and operations
    #[command(after_help = "\
Examples:
  awsiam completions bash > ~/.local/share/bash-completion/completions/awsiam
  awsiam completions zsh > ~/.zfunc/_awsiam")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the least-privilege IAM policy for what the connector is to do
    #[command(after_help = "\
Attach it to the user or role that the asset uses. Where the asset protects principals, say them here as well: then IAM
itself refuses. Letters of names count here as they are written, in the asset they do not.

Examples:
  awsiam policy                                        for all actions
  awsiam policy 'disable user' 'test connectivity' --account 123456789012 --protect 'break-glass-*,/admins/*'")]
    Policy(PolicyArguments),
    /// Print the platform's manifest (connector.json), or write it with the schemas and the README's tables
    Manifest(ManifestArguments),
    /// Serve an IAM that lives in memory on this machine, until Ctrl-C
    #[cfg(feature = "sandbox")]
    #[command(after_help = "\
Prints, as shell exports, what reaches it as an administrator of a demo account.

Examples:
  awsiam sandbox --port 4566
  awsiam sandbox --scenario persistence-spree --enforce
  curl -s http://127.0.0.1:4566/_sandbox/state > before.json
  awsiam sandbox --seed before.json
sandbox/README.md tells of seeds, scenarios, faults and the control interface.")]
    Sandbox(SandboxArguments),
}

#[derive(Debug, Args)]
struct Common {
    /// File with the asset configuration (JSON); replaces the request's config
    #[arg(long, value_name = "FILE")]
    asset: Option<PathBuf>,
    /// Act on a demo account in memory instead of AWS
    #[cfg(feature = "sandbox")]
    #[arg(long)]
    sandbox: bool,
    /// Write the result to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Indent the result
    #[arg(long)]
    pretty: bool,
}

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line")]
struct RunArguments {
    /// File with the request (JSON); - or nothing for stdin
    #[arg(value_name = "REQUEST.json", conflicts_with = "action")]
    request: Option<PathBuf>,
    /// Action to run, in place of a request
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// Parameter for --action; text unless the action takes true or false
    #[arg(long, value_name = "NAME=VALUE", requires = "action")]
    param: Vec<String>,
    /// Show what would be changed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// File with one parameter set for --action on each line (JSON)
    #[arg(long, value_name = "FILE.jsonl", requires = "action", conflicts_with = "param")]
    parameters: Option<PathBuf>,
    /// Print the result of each parameter set on a line of its own as soon as it is there, and the summary last
    #[arg(long, conflicts_with_all = ["output", "pretty"])]
    jsonl: bool,
    /// Begin no further parameter set once one has failed; exit with 1 then, as with --strict
    #[arg(long)]
    fail_fast: bool,
    /// Exit with 1 when any parameter set failed, not only when all did
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct RunsArguments {
    /// Folder where runs are written down
    #[arg(long, value_name = "DIR", global = true, conflicts_with = "asset")]
    state_dir: Option<PathBuf>,
    /// File with the asset configuration (JSON), which says where runs are written down
    #[arg(long, value_name = "FILE", global = true)]
    asset: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// Only runs on this user or role: name, id or ARN
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// How many runs at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(subcommand)]
    command: Option<RunsCommand>,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// Tell all of one run: what was observed, each change, what is unknown, and what to do next
    Show {
        /// The run's id, or enough of its beginning
        id: String,
    },
}

#[derive(Debug, Args)]
struct UndoArguments {
    /// The run's id, as its result and awsiam runs tell it; enough of its beginning will do
    #[arg(value_name = "RUN_ID")]
    run: String,
    /// Name of the user or role, where the run was about several
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Credentials that are to work again; none without it. The sessions that existed are meant by "sessions"
    #[arg(long, value_name = "all|sessions|ID,…")]
    reactivate: Option<String>,
    /// Show what would be changed, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct PolicyArguments {
    /// Names or identifiers of actions; all without any
    #[arg(value_name = "ACTION")]
    actions: Vec<String>,
    /// Partition of the account, such as aws-cn or aws-us-gov
    #[arg(long, value_name = "NAME", default_value = "aws", value_parser = partition)]
    partition: String,
    /// Number of the account that protected principals are in; any without one
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<String>,
    /// Names, paths or ARNs with * of users and roles that must never be changed
    #[arg(long, value_name = "PATTERN,…", value_delimiter = ',')]
    protect: Vec<String>,
}

fn partition(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if plain && text.starts_with("aws") { Ok(text.to_owned()) } else { Err("such as aws, aws-cn or aws-us-gov".into()) }
}

fn account(text: &str) -> Result<String, String> {
    let number = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if number { Ok(text.to_owned()) } else { Err("an account has a number of twelve digits".into()) }
}

#[derive(Debug, Args)]
struct ManifestArguments {
    /// Write connector.json, schemas/ and the tables in README.md instead of printing the manifest
    #[arg(long)]
    write: bool,
    /// Folder to write below
    #[arg(long, value_name = "DIR", default_value = ".", requires = "write")]
    dir: PathBuf,
}

#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
struct SandboxArguments {
    /// Port on 127.0.0.1; 0 for any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// File with the account's state (JSON), as GET /_sandbox/state writes it
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    seed: Option<PathBuf>,
    /// What the account is like: leaked-key, persistence-spree or large (5,000 users)
    #[arg(long, value_name = "NAME", default_value = "leaked-key")]
    scenario: awsiam_sandbox::Scenario,
    /// Refuse what no policy allows, as AWS does; explicit denies and dead keys always count
    #[arg(long)]
    enforce: bool,
}

/// A bad request or asset.
const BAD: u8 = 2;

/// Writes to stdout, which is `main`'s; false where that is not possible any more.
pub(crate) type Print = fn(&[u8]) -> bool;

/// Stdout as a writer: a result is written as it is put into text, and never held as a whole.
struct Printed(Print);

impl std::io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0(bytes) { Ok(bytes.len()) } else { Err(std::io::ErrorKind::BrokenPipe.into()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) fn main(arguments: impl IntoIterator<Item = OsString>, print: Print) -> Ended {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    progress::start(cli.log_level, cli.log_format);
    match cli.command {
        Command::Run(arguments) => {
            let request = match &arguments.action {
                Some(action) => match &arguments.parameters {
                    Some(path) => in_bulk(action, path),
                    None => by_hand(action, &arguments.param),
                },
                None => read_request(arguments.request.as_deref()),
            };
            let fail_fast = arguments.fail_fast || request.as_ref().is_ok_and(|request| request.fail_fast);
            let options = Options { dry_run: arguments.dry_run, fail_fast };
            let lines = (print, arguments.jsonl);
            perform(request, &arguments.common, options, arguments.strict || fail_fast, lines)
        }
        Command::TestConnectivity(common) => {
            perform(by_hand("test connectivity", &[]), &common, Options::default(), false, (print, false))
        }
        Command::Undo(arguments) => {
            let UndoArguments { run, target, reactivate, dry_run, common } = &arguments;
            let given =
                [("run", Some(run)), ("target", target.as_ref()), ("reactivate_credentials", reactivate.as_ref())];
            let given: Vec<_> =
                given.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?))).collect();
            let options = Options { dry_run: *dry_run, ..Options::default() };
            perform(by_hand("undo", &given), common, options, false, (print, false))
        }
        Command::Runs(arguments) => match tell_runs(&arguments) {
            Ok(stdout) => Ended { stdout, ..Ended::default() },
            Err(error) => {
                tracing::error!("{error:#}");
                Ended { code: BAD, ..Ended::default() }
            }
        },
        Command::Actions => Ended { stdout: list(), ..Ended::default() },
        Command::Operations { search } => match list_operations(search.as_deref()) {
            stdout if stdout.is_empty() => {
                bad("No operation's name holds this word; `awsiam operations` lists them all")
            }
            stdout => Ended { stdout, ..Ended::default() },
        },
        Command::Completions { shell } => Ended { stdout: completions(shell), ..Ended::default() },
        Command::Describe { action } if action == "asset" => Ended { stdout: describe_asset(), ..Ended::default() },
        Command::Describe { action } => match request::lookup(&action) {
            Ok(action) => Ended { stdout: describe(action), ..Ended::default() },
            Err(message) => bad(&message),
        },
        Command::Policy(arguments) => match policy(&arguments) {
            Ok(stdout) => Ended { stdout, ..Ended::default() },
            Err(message) => bad(&message),
        },
        Command::Manifest(arguments) if !arguments.write => Ended { stdout: manifest::connector(), ..Ended::default() },
        Command::Manifest(arguments) => match write_manifest(&arguments.dir) {
            Ok(()) => Ended::default(),
            Err(error) => {
                tracing::error!("{error:#}");
                Ended { code: 1, ..Ended::default() }
            }
        },
        #[cfg(feature = "sandbox")]
        Command::Sandbox(arguments) => serve_sandbox(&arguments),
    }
}

/// What is told on stderr alone, for humans.
fn bad(message: &str) -> Ended {
    tracing::error!("{message}");
    Ended { code: BAD, ..Ended::default() }
}

/// Help and version go to stdout. A mistake is told on stderr, and as a result on stdout for a platform that waits.
fn usage(error: &clap::Error) -> Ended {
    if !error.use_stderr() {
        return Ended { stdout: error.render().to_string(), ..Ended::default() };
    }
    progress::start(Level::Error, Format::Text);
    let text = error.render().to_string();
    tracing::error!("{}", text.trim_start_matches("error: "));
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let document = Document::refused("", None, &[], &format!("The command line cannot be used: {message}"));
    Ended { stdout: document.text(false), code: BAD, ..Ended::default() }
}

fn read_request(path: Option<&Path>) -> Result<Request, Bad> {
    let bad = |message: String| Bad { message, ..Bad::default() };
    let most = u64::try_from(LARGEST).unwrap_or(u64::MAX) + 1;
    let mut text = vec![];
    let read = match path.filter(|path| *path != Path::new("-")) {
        None => std::io::stdin()
            .lock()
            .take(most)
            .read_to_end(&mut text)
            .map_err(|error| format!("The request cannot be read from stdin: {error}")),
        Some(path) => std::fs::File::open(path)
            .and_then(|file| file.take(most).read_to_end(&mut text))
            .map_err(|error| format!("The request cannot be read from {}: {error}", path.display())),
    };
    read.map_err(bad)?;
    request::parse(&text)
}

/// A request made of arguments.
fn by_hand(name: &str, parameters: &[String]) -> Result<Request, Bad> {
    let bad = |message: String| Bad { message, ..Bad::default() };
    let action = request::lookup(name).map_err(bad)?;
    let mut set = Map::new();
    for parameter in parameters {
        let (name, value) = parameter.split_once('=').ok_or_else(|| {
            bad(format!("--param must be NAME=VALUE; {:?} has no =", parameter.split(' ').next().unwrap_or_default()))
        })?;
        let known = action.parameter(name);
        let flag = known.is_none_or(|parameter| matches!(parameter.of, Of::Flag(_)));
        let value = match value {
            "true" if flag => true.into(),
            "false" if flag => false.into(),
            // Numbers, lists and objects as JSON; also where a secret is to be had.
            text if known.is_some_and(|parameter| operations::takes_json(parameter.of, text)) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
            }
            text => Value::from(text),
        };
        set.insert(name.to_owned(), value);
    }
    Ok(Request { action, config: None, environment: Map::new(), sets: vec![set], fail_fast: false })
}

/// A request of the parameter sets in a file, one on each line.
fn in_bulk(name: &str, path: &Path) -> Result<Request, Bad> {
    let bad = |message: String| Bad { message, ..Bad::default() };
    let action = request::lookup(name).map_err(bad)?;
    let shown = path.display();
    let text =
        std::fs::read(path).map_err(|error| bad(format!("The parameters cannot be read from {shown}: {error}")))?;
    let lines = text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    let sets = lines.map(|(number, line)| match serde_json::from_slice(line) {
        Ok(Value::Object(set)) => Ok(set),
        // The line itself is not repeated: it may hold a secret.
        _ => Err(bad(format!("Line {} of {shown} is not a parameter set, a JSON object", number + 1))),
    });
    let sets = sets.collect::<Result<Vec<_>, _>>()?;
    if sets.is_empty() {
        return Err(bad(format!("{shown} holds no parameter set: one JSON object on each line")));
    }
    Ok(Request { action, config: None, environment: Map::new(), sets, fail_fast: false })
}

fn read_asset(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let shown = path.display();
    let text = std::fs::read(path).with_context(|| format!("The asset cannot be read from {shown}"))?;
    // The error's own text is not repeated: it may quote a value.
    let document: Value = serde_json::from_slice(&text)
        .map_err(|error| anyhow!("The asset {shown} is not JSON (line {}, column {})", error.line(), error.column()))?;
    match document {
        Value::Object(asset) => Ok(asset),
        _ => bail!("The asset {shown} must be a JSON object"),
    }
}

/// What was run, as text or JSON.
fn tell_runs(arguments: &RunsArguments) -> anyhow::Result<String> {
    let config = arguments.asset.as_deref().map(read_asset).transpose()?.unwrap_or_default();
    let dir = match &arguments.state_dir {
        Some(dir) => dir.clone(),
        None => asset::state_dir(&config)
            .map_err(anyhow::Error::msg)?
            .context("There is no state folder: give --state-dir, or set HOME or XDG_STATE_HOME")?,
    };
    if let Some(RunsCommand::Show { id }) = &arguments.command {
        let run = history::find(&dir, id).map_err(anyhow::Error::msg)?;
        return Ok(if arguments.json { format!("{}\n", run.told()) } else { runs::whole(&run) });
    }
    let found = history::list(&dir, arguments.target.as_deref(), arguments.limit)
        .with_context(|| format!("The journals in {} cannot be read", dir.display()))?;
    if arguments.json {
        return Ok(format!("{}\n", found.iter().map(history::Run::summary).collect::<Value>()));
    }
    Ok(runs::lines(&found))
}

/// Runs a request, whatever became of it, to what the process prints and its exit code.
fn perform(
    request: Result<Request, Bad>,
    common: &Common,
    options: Options,
    strict: bool,
    (print, in_lines): (Print, bool),
) -> Ended {
    let (document, signal) = match request {
        Ok(request) => match prepare(&request, common) {
            Ok((asset, _sandbox)) => run_to_end(&request, &asset, options, in_lines.then_some(print)),
            Err(error) => {
                let message = format!("{error:#}");
                (Document::refused(request.action.identifier, Some(request.action), &request.sets, &message), None)
            }
        },
        Err(bad) => (Document::refused(&bad.identifier, None, &bad.sets, &bad.message), None),
    };
    if document.code() == BAD {
        tracing::error!("{}", document.message);
    }
    let mut code = document.code();
    if code == 0 && document.failed() > 0 {
        tracing::warn!("{} of the parameter sets failed; the result says which and why", document.failed());
        code = u8::from(strict);
    }
    let code = signal.unwrap_or(code);
    let written_out = || {
        let mut stdout = std::io::BufWriter::with_capacity(1 << 16, Printed(print));
        document.write(common.pretty, &mut stdout).and_then(|()| std::io::Write::flush(&mut stdout)).is_ok()
    };
    let code = match &common.output {
        None if written_out() => code,
        None => code.max(1),
        Some(path) => match std::fs::write(path, document.text(common.pretty)) {
            Ok(()) => code,
            Err(error) => {
                // What was done must not be lost with the file.
                tracing::error!("The result cannot be written to {}: {error}; here it is instead", path.display());
                written_out();
                code.max(1)
            }
        },
    };
    Ended { code, ..Ended::default() }
}

#[cfg(feature = "sandbox")]
type HeldSandbox = Option<awsiam_sandbox::Sandbox>;
#[cfg(not(feature = "sandbox"))]
type HeldSandbox = ();

fn prepare(request: &Request, common: &Common) -> anyhow::Result<(Asset, HeldSandbox)> {
    let config = match &common.asset {
        Some(path) => read_asset(path)?,
        None => request.config.clone().unwrap_or_default(),
    };
    let asset = Asset::read(&config, &request.environment).map_err(anyhow::Error::msg)?;
    #[cfg(feature = "sandbox")]
    {
        if !common.sandbox {
            return Ok((asset, None));
        }
        let sandbox = awsiam_sandbox::Sandbox::start(awsiam_sandbox::Options::default())
            .context("The sandbox cannot be started")?;
        let key = sandbox.administrator();
        let asset = asset.on_sandbox(sandbox.endpoint(), key.access_key_id, &key.secret_access_key);
        Ok((asset, Some(sandbox)))
    }
    #[cfg(not(feature = "sandbox"))]
    Ok((asset, ()))
}

/// Runs a request until its end or a signal; with the exit code that the signal asks for.
fn run_to_end(request: &Request, asset: &Asset, options: Options, lines: Option<Print>) -> (Document, Option<u8>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let message = format!("The process cannot be set up: {error}");
            return (Document::refused(request.action.identifier, Some(request.action), &request.sets, &message), None);
        }
    };
    runtime.block_on(async {
        let (tell, stop) = watch::channel(false);
        let signals = tokio::spawn(async move {
            first_signal().await;
            tracing::warn!("told to stop: finishing what is under way, beginning nothing new");
            tell.send_replace(true);
            // Whoever insists does not want to wait for an answer that may not come.
            first_signal().await;
            tracing::error!(
                "told to stop again: ending at once; what was under way may or may not have happened, see awsiam runs"
            );
            std::process::exit(SIGNAL.load(std::sync::atomic::Ordering::Relaxed).into());
        });
        let document = match lines {
            None => run::run(request, asset, options, &stop, None).await,
            Some(print) => {
                // On a thread of its own: who reads slowly must not hold up what is under way, nor signals.
                let (lines, take) = mpsc::channel::<String>();
                let writer = std::thread::spawn(move || {
                    if !take.iter().all(|line| print(line.as_bytes())) {
                        tracing::error!("the results cannot be written any more; what is done is told by awsiam runs");
                    }
                });
                let mut each = |index: usize, item: Item| {
                    let _ = mpsc::Sender::send(&lines, item.line(request.action.identifier, index));
                };
                let document = run::run(request, asset, options, &stop, Some(&mut each)).await;
                drop(lines);
                let _ = writer.join();
                document
            }
        };
        let stopped = *stop.borrow();
        signals.abort();
        let code = stopped.then(|| SIGNAL.load(std::sync::atomic::Ordering::Relaxed));
        (document, code)
    })
}

/// The exit code that the first signal asks for: 130 or 143.
static SIGNAL: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

async fn first_signal() {
    // Listens anew each time: signals before that are another's.
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    let code = tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
    };
    SIGNAL.store(code, std::sync::atomic::Ordering::Relaxed);
}

#[cfg(feature = "sandbox")]
fn serve_sandbox(arguments: &SandboxArguments) -> Ended {
    let sandbox = match start_sandbox(arguments) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            tracing::error!("{error:#}");
            return Ended { code: BAD, ..Ended::default() };
        }
    };
    let key = sandbox.administrator();
    let stdout = format!(
        "export AWS_ENDPOINT_URL={}\nexport AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\nexport AWS_REGION=us-east-1\n",
        sandbox.endpoint(),
        key.access_key_id,
        key.secret_access_key,
    );
    let wait = move || {
        tracing::info!("serving a demo account on {} until Ctrl-C", sandbox.endpoint());
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(first_signal());
        }
    };
    Ended { stdout, wait: Some(Box::new(wait)), code: 0 }
}

/// Writes the generated files. A README without the generated part is left as it is.
fn write_manifest(dir: &Path) -> anyhow::Result<()> {
    let mut files = manifest::files();
    match std::fs::read_to_string(dir.join("README.md")).map(|current| manifest::readme(&current)) {
        Ok(Some(readme)) => files.push(("README.md".to_owned(), readme)),
        Ok(None) => tracing::warn!("README.md has no part between {} and {}", manifest::BEGIN, manifest::END),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).context("README.md cannot be read"),
    }
    for (path, text) in files {
        let path = dir.join(path);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        written.with_context(|| format!("{} cannot be written", path.display()))?;
        tracing::info!("wrote {}", path.display());
    }
    Ok(())
}

#[cfg(feature = "sandbox")]
fn start_sandbox(arguments: &SandboxArguments) -> anyhow::Result<awsiam_sandbox::Sandbox> {
    let seed = match &arguments.seed {
        None => None,
        Some(path) => {
            let shown = path.display();
            let text = std::fs::read(path).with_context(|| format!("The seed cannot be read from {shown}"))?;
            Some(serde_json::from_slice(&text).with_context(|| format!("The seed {shown} cannot be used"))?)
        }
    };
    let options = awsiam_sandbox::Options {
        port: arguments.port,
        seed,
        scenario: arguments.scenario,
        enforce: arguments.enforce,
        ..awsiam_sandbox::Options::default()
    };
    let port = arguments.port;
    awsiam_sandbox::Sandbox::start(options).with_context(|| format!("The sandbox cannot be started on port {port}"))
}

fn list() -> String {
    let width = ACTIONS.iter().map(|action| action.name.len()).max().unwrap_or_default();
    ACTIONS.iter().fold(String::new(), |mut text, action| {
        let _ = writeln!(text, "{:width$}  {:11}  {}", action.name, action.kind.name(), action.description);
        text
    })
}

fn list_operations(word: Option<&str>) -> String {
    let word = word.unwrap_or_default().to_lowercase();
    let names = operations::names().filter(|name| name.to_lowercase().contains(&word));
    let found: Vec<&Action> = names.filter_map(|name| operations::action(&name)).collect();
    let width = found.iter().map(|action| action.name.len()).max().unwrap_or_default();
    found.iter().fold(String::new(), |mut text, action| {
        let what = if action.read_only() { "reads" } else { "changes" };
        let required = action.parameters.iter().filter(|parameter| parameter.required);
        let required: Vec<_> = required.map(|parameter| parameter.name).collect();
        let _ = writeln!(text, "{:width$}  {what:7}  {}", action.name, required.join(", "));
        text
    })
}

/// The shell's completion. Actions go by their identifiers, which need no quotes.
fn completions(shell: clap_complete::Shell) -> String {
    use clap::builder::PossibleValuesParser;
    let operations = operations::names().filter_map(|name| operations::action(&name));
    let names: Vec<&'static str> = ACTIONS.iter().chain(operations).map(|action| action.identifier).collect();
    let known = |argument: clap::Arg| argument.value_parser(PossibleValuesParser::new(names.clone()));
    let mut command = Cli::command();
    for (of, argument) in [("describe", "action"), ("policy", "actions"), ("run", "action")] {
        command = command.mut_subcommand(of, |command| command.mut_arg(argument, known));
    }
    let mut text = vec![];
    clap_complete::generate(shell, &mut command, "awsiam", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn describe(action: &Action) -> String {
    let mut text = format!("{} ({}, {})\n{}\n", action.name, action.identifier, action.kind.name(), action.description);
    if !action.verbose.is_empty() {
        let _ = writeln!(text, "\n{}", action.verbose);
    }
    text.push_str("\nParameters:\n");
    for parameter in action.form() {
        let need = match parameter.of {
            Of::Flag(default) => format!("default {default}"),
            Of::Path { .. } => "default /".to_owned(),
            _ if parameter.required => "required".to_owned(),
            _ => "optional".to_owned(),
        };
        let _ =
            writeln!(text, "  {} ({}, {need}): {}", parameter.name, parameter.of.data_type(), parameter.description);
    }
    text.push_str("\nOutputs:\n");
    for output in action.outputs {
        let place = if output.summary { "summary" } else { "data.*" };
        let example = if output.example.is_empty() { String::new() } else { format!("  e.g. {}", output.example) };
        let _ = writeln!(text, "  {place}.{}{example}", output.path);
    }
    if let Run::Operation(Some(operation)) | Run::Wait(operation) = action.run {
        let _ = writeln!(text, "\nErrors: {}", operation.errors.join(", "));
    }
    if let Some(words) = action.calls_in_words() {
        let _ = writeln!(text, "\nCalls: {words}");
    } else {
        let _ = writeln!(text, "\nCalls: {}", action.calls().join(", "));
        let _ = writeln!(text, "Permissions: {}", permissions::of_action(action).join(", "));
    }
    if !action.undoing.is_empty() {
        let _ = writeln!(text, "\nUndoing: {}", action.undoing);
    }
    if let Some(undo) = action.undo {
        let _ = writeln!(text, "Reversed by: {undo}");
    }
    if let Run::Operation(Some(operation)) | Run::Wait(operation) = action.run {
        let parameters = awsiam_iam::example(operation);
        let _ = writeln!(text, "\nRequest: {}", json!({ "action": action.name, "parameters": [parameters] }));
        return text;
    }
    let example = action
        .parameters
        .iter()
        .filter(|parameter| parameter.required)
        .map(|parameter| (parameter.name.to_owned(), Value::from("…")));
    let _ = writeln!(
        text,
        "\nRequest: {}",
        json!({ "action": action.name, "parameters": [example.collect::<Map<_, _>>()] })
    );
    text
}

/// The policy for the actions that were named, or for all.
fn policy(arguments: &PolicyArguments) -> Result<String, String> {
    let named = arguments.actions.iter().map(|name| request::lookup(name)).collect::<Result<Vec<_>, _>>()?;
    let actions = if named.is_empty() { ACTIONS.iter().collect() } else { named };
    let protected: Vec<_> = arguments.protect.iter().map(|pattern| pattern.trim().to_owned()).collect();
    let scope = Scope {
        partition: arguments.partition.clone(),
        account: arguments.account.clone(),
        protected: protected.into_iter().filter(|pattern| !pattern.is_empty()).collect(),
    };
    let policy = least_privilege::policy(&actions, &scope)?;
    if !scope.protected.is_empty() && !policy.unguarded.is_empty() {
        tracing::warn!(
            "IAM cannot tell users and roles apart in {}: there, protected_principals of the asset alone protects them",
            policy.unguarded.join(", ")
        );
    }
    Ok(serde_json::to_string_pretty(&policy.document).unwrap_or_default() + "\n")
}

fn describe_asset() -> String {
    KEYS.iter().fold("Keys of the asset configuration:\n".to_owned(), |mut text, key| {
        let _ = writeln!(text, "  {} ({}): {}", key.name, key.of.data_type(), key.description);
        text
    })
}
