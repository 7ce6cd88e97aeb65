//! Test connectivity: can IAM be reached, are the credentials good, and who are we?

use crate::action::{Action, Kind, Output, Run};
use crate::outcome::{Failure, Outcome};
use crate::parameters::Parameters;
use crate::reader::Reader;
use awsiam_iam::types::{GetUser, ListRoles};
use awsiam_iam::{Error, Identity, Kind as ErrorKind};
use futures_util::FutureExt;
use serde_json::json;

/// `test connectivity`
pub const ACTION: Action = Action {
    name: "test connectivity",
    identifier: "test_connectivity",
    kind: Kind::Test,
    description: "Validate the asset configuration for connectivity using supplied configuration",
    verbose: "Asks STS who the credentials belong to and IAM for one harmless read.",
    parameters: &[],
    outputs: &[
        Output::data("Account", "123456789012"),
        Output::data("Arn", "arn:aws:iam::123456789012:user/soar/awsiam-operator"),
        Output::data("Partition", "aws"),
        Output::data("CredentialSource", "access key AKIAIOSFODNN7EXAMPLE"),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
    ],
    message: "Test connectivity passed: connected to account 123456789012 (aws) as arn:aws:iam::123456789012:user/soar/awsiam-operator, with access key AKIAIOSFODNN7EXAMPLE",
    status_column: None,
    undo: None,
    calls: &["sts:GetCallerIdentity", "GetUser", "ListRoles"],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

async fn lookup(_: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    tracing::info!("asking STS who the credentials belong to ({})", reader.source());
    let identity = reader.identity().await.map_err(|error| explain(&error, reader.source(), None))?;
    tracing::info!("the credentials belong to {}; asking IAM for one read", identity.arn);
    let request_id =
        ask_iam(reader, &identity).await.map_err(|error| explain(&error, reader.source(), Some(&identity)))?;
    let row = json!({
        "Account": identity.account,
        "Arn": identity.arn,
        "Partition": identity.partition,
        "CredentialSource": reader.source(),
        "RequestId": request_id,
    });
    let message = format!(
        "Test connectivity passed: connected to account {} ({}) as {}, with {}",
        identity.account,
        identity.partition,
        identity.arn,
        reader.source()
    );
    Ok(Outcome { message: Some(message), data: vec![row], ..Outcome::default() })
}

/// One read that the original asks for as well: a user looks at itself, a role at one page of roles.
async fn ask_iam(reader: &Reader, identity: &Identity) -> Result<String, Error> {
    let mut parts = identity.arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next(), parts.nth(2).unwrap_or_default());
    let user = resource.strip_prefix("user/").filter(|_| service == Some("iam"));
    match user.and_then(|path| path.rsplit('/').next()) {
        Some(name) => Ok(reader.get(&GetUser { user_name: name.to_owned() }).await?.request_id),
        None => Ok(reader.get(&ListRoles { max_items: Some(1), ..ListRoles::default() }).await?.request_id),
    }
}

/// What a tired human should do about it.
fn explain(error: &Error, source: &str, identity: Option<&Identity>) -> Failure {
    let advice = match error.kind {
        _ if error.clock_trouble().is_some() => {
            let seconds = error.clock_trouble().unwrap_or_default();
            format!(
                "The clock of this machine is {} minutes {} that of AWS, so every signature is refused. Correct the clock.",
                seconds.abs() / 60,
                if seconds > 0 { "behind" } else { "ahead of" }
            )
        }
        ErrorKind::BadCredentials => format!(
            "AWS does not accept the credentials ({source}), or they could not be had. Check the access key, its secret and, for temporary keys, the session token and its age; for a role, that this machine has one."
        ),
        ErrorKind::Denied => match identity {
            Some(identity) => format!(
                "Connected, and the credentials are good ({}), but they are not allowed to make this call. Attach a policy that allows {}.",
                identity.arn,
                permission(error)
            ),
            None => "The endpoint refuses the call. Check the endpoint, proxy and permissions.".to_owned(),
        },
        ErrorKind::Connection | ErrorKind::TimeOut => {
            "The endpoint could not be reached or did not answer. Check the network, proxy, region and endpoint_url."
                .to_owned()
        }
        ErrorKind::MalformedReply => {
            "Something answered that is not AWS, such as a captive portal or a proxy. Check endpoint_url and the proxy."
                .to_owned()
        }
        _ => "AWS could not answer. Try again in a minute.".to_owned(),
    };
    let failure = format!("Test connectivity failed. {advice} ({error})");
    Failure::Incomplete(failure)
}

fn permission(error: &Error) -> String {
    format!("iam:{}", error.operation)
}
