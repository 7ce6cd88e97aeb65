//! Serves a sandbox until it is interrupted: `serve [PORT] [--enforce] [--scenario NAME] [--partition NAME]`.

use awsiam_sandbox::{Options, Sandbox};
use std::error::Error;
use std::io::Write;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} takes a value"));
        match argument.as_str() {
            "--enforce" => options.enforce = true,
            "--scenario" => options.scenario = value()?.parse()?,
            "--partition" => options.partition = value()?,
            port => options.port = port.parse().map_err(|_| format!("{port} is not a port"))?,
        }
    }
    let sandbox = Sandbox::start(options)?;
    let key = sandbox.administrator();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "AWS_ENDPOINT_URL={}\nAWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}\nAWS_REGION=us-east-1",
        sandbox.endpoint(),
        key.access_key_id,
        key.secret_access_key
    )?;
    out.flush()?;
    loop {
        std::thread::park();
    }
}
