//! Test connectivity: can IAM be reached, are the credentials good, who are we, and what may we do?

use crate::action::{Action, Kind, Output, Run};
use crate::outcome::{Failure, Outcome};
use crate::parameters::Parameters;
use crate::reader::Reader;
use crate::{ACTIONS, permissions};
use awsiam_iam::types::{EvaluationResult, GetRole, GetUser, ListRoles, SimulatePrincipalPolicy};
use awsiam_iam::{Error, Identity, Kind as ErrorKind};
use futures_util::FutureExt;
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::timeout;

/// `test connectivity`
pub const ACTION: Action = Action {
    name: "test connectivity",
    identifier: "test_connectivity",
    kind: Kind::Test,
    description: "Validate the asset configuration for connectivity using supplied configuration",
    verbose: "Asks STS who the credentials belong to, IAM for one harmless read, and IAM's policy simulator which of the \
              connector's actions the caller may perform. An action is allowed when every permission is that it may \
              need. It is simulated for all resources (*) and without conditions: a policy that is limited to some \
              resources counts as not allowing, one that depends on conditions as unknown; policies of the \
              organization and of the session are not seen. Who may not simulate (iam:SimulatePrincipalPolicy) is not \
              worse off: then it says that it cannot know.",
    parameters: &[],
    outputs: &[
        Output::data("Account", "123456789012"),
        Output::data("Arn", "arn:aws:iam::123456789012:user/soar/awsiam-operator"),
        Output::data("Partition", "aws"),
        Output::data("CredentialSource", "access key AKIAIOSFODNN7EXAMPLE"),
        Output::data("Actions.*.Action", "disable user"),
        Output::data("Actions.*.Allowed", "yes"),
        Output::data("Actions.*.Missing", "iam:DeleteLoginProfile"),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
    ],
    message: "Test connectivity passed: connected to account 123456789012 (aws) as arn:aws:iam::123456789012:user/soar/awsiam-operator, with access key AKIAIOSFODNN7EXAMPLE; may perform 21 of 22 actions, but not: delete user",
    status_column: None,
    undo: None,
    calls: &[&["sts:GetCallerIdentity", "GetUser", "ListRoles", "GetRole", "SimulatePrincipalPolicy"]],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

async fn lookup(_: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    tracing::info!("asking STS who the credentials belong to ({})", reader.source());
    let identity = reader.identity().await.map_err(|error| explain(&error, reader.source(), None))?;
    tracing::info!("the credentials belong to {}; asking IAM for one read", identity.arn);
    // The simulation runs beside the read, and neither fails nor holds up what is asked.
    let simulated = timeout(SIMULATION, decisions(reader, &identity));
    let (request_id, simulated) = tokio::try_join!(ask_iam(reader, &identity), async { Ok(simulated.await) })
        .map_err(|error| explain(&error, reader.source(), Some(&identity)))?;
    let decisions = simulated.unwrap_or_else(|_| Err("IAM's simulator did not answer in time".to_owned()));
    let abilities: Vec<Ability> = ACTIONS
        .iter()
        .filter(|action| action.calls_in_words().is_none())
        .map(|action| ability(action, decisions.as_ref().ok()))
        .collect();
    let row = json!({
        "Account": identity.account,
        "Arn": identity.arn,
        "Partition": identity.partition,
        "CredentialSource": reader.source(),
        "Actions": abilities,
        "RequestId": request_id,
    });
    let message = format!(
        "Test connectivity passed: connected to account {} ({}) as {}, with {}; {}",
        identity.account,
        identity.partition,
        identity.arn,
        reader.source(),
        told(&abilities, decisions.as_ref().err())
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

/// How long the simulation may take: a connection that works is not called slow for it.
const SIMULATION: Duration = Duration::from_secs(5);

/// What the simulator says of a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Yes,
    No,
    /// Not allowed as far as could be seen, but conditions were asked for that could not be simulated.
    Depends,
}

/// Whether the caller may perform an action.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ability {
    action: &'static str,
    allowed: &'static str,
    /// The first permission that is missing, or that could not be told.
    missing: Option<String>,
}

/// What IAM's simulator says of every permission that any action needs.
///
/// # Errors
/// Why it could not be asked, in words.
async fn decisions(reader: &Reader, identity: &Identity) -> Result<BTreeMap<String, Decision>, String> {
    let request = SimulatePrincipalPolicy {
        policy_source_arn: principal(reader, identity).await?,
        action_names: simulated_permissions(),
        ..SimulatePrincipalPolicy::default()
    };
    let denied = |error: Error| refused(&error, "iam:SimulatePrincipalPolicy");
    let results = reader.list(&request).await.map_err(denied)?.data.evaluation_results;
    let decision = |result: EvaluationResult| {
        let decision = match result.eval_decision.as_str() {
            "allowed" => Decision::Yes,
            _ if result.missing_context_values.is_empty() => Decision::No,
            _ => Decision::Depends,
        };
        (result.eval_action_name.to_lowercase(), decision)
    };
    Ok(results.into_iter().map(decision).collect())
}

fn simulated_permissions() -> Vec<String> {
    let all: BTreeSet<String> = ACTIONS.iter().flat_map(permissions::of_action).collect();
    all.into_iter().filter(|permission| !permissions::is_free(permission)).collect()
}

fn refused(error: &Error, needed: &str) -> String {
    if error.kind == ErrorKind::Denied { format!("that needs {needed}") } else { error.to_string() }
}

/// The ARN of the user or role whose policies count. That of an assumed role lacks the role's path.
async fn principal(reader: &Reader, identity: &Identity) -> Result<String, String> {
    let resource = identity.arn.splitn(6, ':').nth(5).unwrap_or_default();
    if resource.starts_with("user/") {
        return Ok(identity.arn.clone());
    }
    let Some(role) = resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next()) else {
        return Err("IAM simulates users and roles only".to_owned());
    };
    let role = reader.get(&GetRole { role_name: role.to_owned() }).await;
    role.map(|role| role.data.role.arn).map_err(|error| refused(&error, "iam:GetRole"))
}

fn ability(action: &Action, decisions: Option<&BTreeMap<String, Decision>>) -> Ability {
    let unknown = Ability { action: action.name, allowed: "unknown", missing: None };
    let Some(decisions) = decisions else { return unknown };
    let needed = permissions::of_action(action);
    let needed = || needed.iter().filter(|permission| !permissions::is_free(permission));
    let decided = |permission: &String| decisions.get(&permission.to_lowercase()).copied();
    let first = |wanted: Option<Decision>| needed().find(|permission| decided(permission) == wanted).cloned();
    if let Some(missing) = first(Some(Decision::No)) {
        return Ability { allowed: "no", missing: Some(missing), ..unknown };
    }
    match first(Some(Decision::Depends)).or_else(|| first(None)) {
        Some(missing) => Ability { missing: Some(missing), ..unknown },
        None => Ability { allowed: "yes", ..unknown },
    }
}

/// What the caller may do, in words.
fn told(abilities: &[Ability], trouble: Option<&String>) -> String {
    if let Some(trouble) = trouble {
        return format!("what it may do could not be told ({trouble})");
    }
    let names = |allowed: &str| {
        let found = abilities.iter().filter(|ability| ability.allowed == allowed).map(|ability| ability.action);
        found.collect::<Vec<_>>()
    };
    let mut text = format!("may perform {} of {} actions", names("yes").len(), abilities.len());
    for (allowed, words) in [("no", "but not"), ("unknown", "could not be told")] {
        let names = names(allowed);
        if !names.is_empty() {
            let _ = write!(text, "{} {words}: {}", if allowed == "no" { "," } else { ";" }, names.join(", "));
        }
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action;

    #[test]
    fn an_action_is_allowed_when_all_that_it_needs_is() {
        let add_role = action("add role").unwrap();
        let allowed = |changed: &[(&str, Option<Decision>)]| {
            let mut decisions: BTreeMap<_, _> =
                simulated_permissions().into_iter().map(|name| (name.to_lowercase(), Decision::Yes)).collect();
            for (permission, decision) in changed {
                match decision {
                    Some(decision) => decisions.insert((*permission).to_lowercase(), *decision),
                    None => decisions.remove(&permission.to_lowercase()),
                };
            }
            let ability = ability(add_role, Some(&decisions));
            (ability.allowed, ability.missing)
        };
        let of = |allowed, missing: &str| (allowed, Some(missing.to_owned()));
        assert_eq!(allowed(&[]), ("yes", None));
        assert_eq!(allowed(&[("iam:PassRole", Some(Decision::No))]), of("no", "iam:PassRole"));
        assert_eq!(allowed(&[("iam:PassRole", Some(Decision::Depends))]), of("unknown", "iam:PassRole"));
        assert_eq!(
            allowed(&[("iam:PassRole", None)]),
            of("unknown", "iam:PassRole"),
            "an answer left out is no answer"
        );
        let both = [("iam:GetRole", Some(Decision::Depends)), ("iam:CreateRole", Some(Decision::No))];
        assert_eq!(allowed(&both), of("no", "iam:CreateRole"));
        assert_eq!(ability(add_role, None).allowed, "unknown");
    }
}
