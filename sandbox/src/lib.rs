//! An AWS IAM that lives in memory, served on loopback, for newcomers, drills and tests.
//!
//! Holds the account and answers IAM's and some of STS's requests by AWS's rules: signatures, policies, conflicts,
//! quotas, paging. It refuses to invent: an operation that it does not have is answered with 501 `NotImplemented`.

mod authorize;
mod caller;
mod clock;
mod digest;
mod error;
mod faults;
mod managed;
mod operations;
mod policy;
mod scenario;
mod seed;
mod server;
mod service_linked;
pub mod sigv4;
pub mod state;
mod world;

pub use faults::{Effect, Fault};
pub use scenario::Scenario;
pub use seed::Seed;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use server::{Shared, lock};
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How a sandbox is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 for a free one.
    pub port: u16,
    /// The account to begin with, instead of a scenario's.
    pub seed: Option<Seed>,
    /// The scenario to begin with, where no seed is given.
    pub scenario: Scenario,
    /// Whether a call that no policy mentions is denied. An explicit Deny always counts.
    pub enforce: bool,
    /// The partition, such as `aws` or `aws-cn`; a seed that names one wins.
    pub partition: String,
    /// How long every call takes at least.
    pub latency: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            seed: None,
            scenario: Scenario::default(),
            enforce: false,
            partition: "aws".to_owned(),
            latency: Duration::ZERO,
        }
    }
}

/// An access key with its secret. All of them are made up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The id, `AKIA…`.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// `Active` or `Inactive`.
    pub status: String,
}

impl Key {
    fn of(key: &state::AccessKey) -> Self {
        Self { access_key_id: key.id.clone(), secret_access_key: key.secret.clone(), status: key.status.clone() }
    }
}

/// A request that the sandbox has seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The operation; empty where the request named none that exists.
    pub operation: String,
    /// Its parameters, secrets masked.
    pub parameters: Value,
    /// The HTTP status of the reply, sent or lost; 0 where there was none.
    pub status: u16,
    /// The error code of the reply.
    pub code: Option<String>,
    /// The request id of the reply.
    pub request_id: String,
    /// The access key that signed.
    pub access_key_id: String,
    /// The client's name for itself.
    pub user_agent: String,
    /// Which TCP connection it came on, counted from 1.
    pub connection: u64,
    /// Milliseconds after the sandbox began.
    pub at_ms: u64,
    /// Whether IAM judged the call itself, rather than a fault answering in its place.
    pub executed: bool,
}

/// A running sandbox; dropping it stops it.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    world: Shared,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox on its own thread.
    ///
    /// # Errors
    /// Where the port is taken, or the seed contradicts itself or has no administrator.
    pub fn start(options: Options) -> io::Result<Self> {
        let seed = options.seed.unwrap_or_else(|| options.scenario.seed(&options.partition));
        let world = world::World::new(&seed, &options.partition, options.enforce)
            .map_err(|problem| io::Error::new(io::ErrorKind::InvalidInput, problem))?;
        let world = Arc::new(Mutex::new(world));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let served = server::serve(listener, world.clone(), options.latency, stopped);
        let thread =
            std::thread::Builder::new().name("awsiam-sandbox".to_owned()).spawn(move || runtime.block_on(served))?;
        Ok(Self { address, world, stop: Some(stop), thread: Some(thread) })
    }

    /// The URL to call, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key of the administrator that the sandbox began with.
    #[must_use]
    pub fn administrator(&self) -> Key {
        lock(&self.world).administrator.clone()
    }

    /// The access keys of a user, none where there is no such user.
    #[must_use]
    pub fn keys(&self, user: &str) -> Vec<Key> {
        let world = lock(&self.world);
        world.account.user(user).map(|user| user.access_keys.iter().map(Key::of).collect()).unwrap_or_default()
    }

    /// The state of the account, as a seed.
    #[must_use]
    pub fn dump(&self) -> Value {
        lock(&self.world).dump()
    }

    /// The requests seen so far, oldest first.
    #[must_use]
    pub fn log(&self) -> Vec<Seen> {
        lock(&self.world).log.iter().cloned().collect()
    }

    /// Puts these faults in the place of those before; their counts begin anew.
    ///
    /// # Panics
    /// Where a fault names an operation that does not exist, or cannot be done.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        for fault in &faults {
            if let Err(problem) = fault.check() {
                panic!("{problem}");
            }
        }
        lock(&self.world).arm(faults);
    }

    /// How many connections have been accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        lock(&self.world).connections
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server's thread has been reported by its own hook.
            let _ = thread.join();
        }
    }
}
