//! Who calls, and may they: signatures become principals, and principals' policies are asked.
//!
//! Changes nothing but the last use of what was called with.

use crate::authorize::{Context, Decision, Question, Source, evaluate, sources};
use crate::clock;
use crate::error::Error;
use crate::sigv4::{Problem, Request, Signature};
use crate::state::{Account, Kind, LastUsed, Principal, Session, Tags};
use serde_json::{Map, Value};

/// What kind of principal calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// A user with a long-term key, by name.
    User(String),
    /// A user with temporary credentials of its own.
    UserSession(String),
    /// A role session: the role's name and the session's.
    Role(String, String),
    /// A federated user made by a user: the user's name and the federated one.
    Federated(String, String),
    /// The sandbox itself, for rivals: it asks nobody.
    Root,
}

/// The principal of one request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub who: Who,
    pub arn: String,
    /// As `GetCallerIdentity` tells it.
    pub id: String,
    pub issued: Option<i64>,
    pub mfa: bool,
    /// The session policies; none where the session is as wide as its principal.
    pub narrowed: Vec<Source>,
}

impl Caller {
    pub fn root(account: &Account) -> Self {
        let arn = format!("arn:{}:iam::{}:root", account.partition, account.id);
        Self { who: Who::Root, arn, id: account.id.clone(), issued: None, mfa: false, narrowed: vec![] }
    }

    /// The user whose long-term or own temporary credentials are used.
    pub fn user(&self) -> Option<&str> {
        match &self.who {
            Who::User(name) | Who::UserSession(name) => Some(name),
            _ => None,
        }
    }

    /// Whose policies count.
    fn holder(&self) -> Option<(Kind, &str)> {
        match &self.who {
            Who::User(name) | Who::UserSession(name) | Who::Federated(name, _) => Some((Kind::User, name)),
            Who::Role(name, _) => Some((Kind::Role, name)),
            Who::Root => None,
        }
    }
}

/// How far the clocks of caller and service may be apart, in seconds.
const WINDOW: i64 = 900;

fn mismatch(message: impl Into<String>) -> Error {
    Error::new(403, "SignatureDoesNotMatch", message)
}

/// The principal that signed a request, once key, clock and signature are right.
pub(crate) fn authenticate(
    account: &mut Account,
    request: &Request<'_>,
    service: &str,
    now: i64,
) -> Result<Caller, Error> {
    let signature = Signature::read(request).map_err(|problem| match problem {
        Problem::Missing => Error::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"),
        Problem::Incomplete(why) => Error::new(400, "IncompleteSignature", why),
    })?;
    let (secret, caller) = identify(account, &signature, service, now)?;
    let signed = clock::parse(&signature.time).unwrap_or(0);
    let (time, compact) = (signature.time.as_str(), clock::compact);
    let window = signature.seconds.unwrap_or(WINDOW);
    if signed + window < now {
        return Err(mismatch(format!(
            "Signature expired: {time} is now earlier than {} ({} - {} min.)",
            compact(now - window),
            compact(now),
            window / 60
        )));
    }
    if signed > now + WINDOW {
        return Err(mismatch(format!(
            "Signature not yet current: {time} is still later than {} ({} + 15 min.)",
            compact(now + WINDOW),
            compact(now)
        )));
    }
    if signature.service != service {
        return Err(mismatch(format!("Credential should be scoped to correct service: '{service}'. ")));
    }
    if !signature.fits(request, &secret) {
        return Err(mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.",
        ));
    }
    let used = LastUsed { date: clock::iso(now), service: service.to_owned(), region: signature.region };
    let role = match &caller.who {
        Who::Role(name, _) => account.role(name).ok().map(|role| role.id.clone()),
        _ => None,
    };
    account.running.last_used.insert(role.unwrap_or(signature.access_key_id), used);
    Ok(caller)
}

/// Secret and principal of an access key. A key that is unknown, deleted or inactive is no key at all.
fn identify(account: &Account, signature: &Signature, service: &str, now: i64) -> Result<(String, Caller), Error> {
    let id = &signature.access_key_id;
    if let Some((user, key)) = account.access_key(id) {
        if key.status != "Active" || signature.token.is_some() {
            return Err(Error::bad_token());
        }
        let caller = Caller {
            who: Who::User(user.name.clone()),
            arn: account.user_arn(user),
            id: user.id.clone(),
            issued: None,
            mfa: false,
            narrowed: vec![],
        };
        return Ok((key.secret.clone(), caller));
    }
    let session = account.running.sessions.iter().find(|session| session.access_key_id == *id);
    let session =
        session.filter(|session| signature.token.as_ref() == Some(&session.token)).ok_or_else(Error::bad_token)?;
    if session.expires <= now {
        return Err(Error::new(403, "ExpiredToken", "The security token included in the request is expired"));
    }
    let caller = of_session(account, session).ok_or_else(Error::bad_token)?;
    // A user's own temporary credentials reach IAM only with MFA, a federated user's never.
    let reaches_iam = match caller.who {
        Who::UserSession(_) => session.mfa,
        Who::Federated(..) => false,
        _ => true,
    };
    if service == "iam" && !reaches_iam {
        return Err(Error::bad_token());
    }
    Ok((session.secret.clone(), caller))
}

fn of_session(account: &Account, session: &Session) -> Option<Caller> {
    let sts = |rest: String| format!("arn:{}:sts::{}:{rest}", account.partition, account.id);
    let user = |id: &str| account.users.values().find(|user| user.id == *id);
    let (who, arn, id) = match &session.principal {
        Principal::User { id } => {
            let user = user(id)?;
            (Who::UserSession(user.name.clone()), account.user_arn(user), user.id.clone())
        }
        Principal::Role { id, session } => {
            let role = account.roles.values().find(|role| role.id == *id)?;
            let arn = sts(format!("assumed-role/{}/{session}", role.name));
            (Who::Role(role.name.clone(), session.clone()), arn, format!("{}:{session}", role.id))
        }
        Principal::Federated { id, name } => {
            let user = user(id)?;
            let arn = sts(format!("federated-user/{name}"));
            (Who::Federated(user.name.clone(), name.clone()), arn, format!("{}:{name}", account.id))
        }
    };
    let narrowed = session.policies.iter().map(|document| Source {
        id: "session".to_owned(),
        kind: "none",
        arn: None,
        holder: (Kind::User, String::new()),
        document: document.clone(),
    });
    Some(Caller { who, arn, id, issued: Some(session.issued), mfa: session.mfa, narrowed: narrowed.collect() })
}

/// The ARN of what an operation acts on, as IAM's messages and policies know it.
fn resource(account: &Account, operation: &str, parameters: &Map<String, Value>, caller: &Caller) -> String {
    let text = |name: &str| parameters.get(name).and_then(Value::as_str);
    let user =
        |name: &str| account.user(name).map_or_else(|_| account.arn("user", "/", name), |user| account.user_arn(user));
    let made = |kind: &str, name: &str| account.arn(kind, text("Path").unwrap_or("/"), name);
    if operation == "CreateUser"
        || operation == "CreateGroup"
        || operation == "CreateRole"
        || operation == "CreatePolicy"
    {
        let kind = operation.trim_start_matches("Create").to_lowercase();
        let name = ["UserName", "GroupName", "RoleName", "PolicyName"].iter().find_map(|name| text(name));
        return made(&kind, name.unwrap_or_default());
    }
    if operation == "GetAccessKeyLastUsed" {
        let owner = text("AccessKeyId").and_then(|id| account.access_key(id));
        return owner.map_or_else(|| account.arn("user", "/", "*"), |(owner, _)| account.user_arn(owner));
    }
    if let Some(name) = text("GroupName") {
        return account.group(name).map_or_else(|_| made("group", name), |group| account.group_arn(group));
    }
    if let Some(name) = text("InstanceProfileName") {
        let found = account.instance_profile(name);
        return found.map_or_else(
            |_| made("instance-profile", name),
            |profile| account.arn("instance-profile", &profile.path, &profile.name),
        );
    }
    if let Some(name) = text("RoleName") {
        return account.role(name).map_or_else(|_| made("role", name), |role| account.role_arn(role));
    }
    if let Some(name) = text("VirtualMFADeviceName") {
        return made("mfa", name);
    }
    if let Some(name) = text("UserName") {
        return user(name);
    }
    if let Some(arn) =
        ["RoleArn", "PolicyArn", "PolicySourceArn", "SerialNumber", "Arn"].iter().find_map(|name| text(name))
    {
        return arn.to_owned();
    }
    match operation {
        "ListUsers" => account.arn("user", text("PathPrefix").unwrap_or("/"), ""),
        "ListGroups" => account.arn("group", text("PathPrefix").unwrap_or("/"), ""),
        "ListRoles" => account.arn("role", text("PathPrefix").unwrap_or("/"), ""),
        "ListPolicies" => account.arn("policy", text("PathPrefix").unwrap_or("/"), ""),
        "ListInstanceProfiles" => account.arn("instance-profile", text("PathPrefix").unwrap_or("/"), ""),
        "ListVirtualMFADevices" => account.arn("mfa", "/", ""),
        // What is left acts on the caller where it names nobody, or on the account.
        name if name.ends_with("AccessKey")
            || name.ends_with("AccessKeys")
            || name.contains("LoginProfile")
            || ["GetUser", "ChangePassword", "ListMFADevices", "ListSSHPublicKeys", "ListSigningCertificates"]
                .contains(&name) =>
        {
            caller.user().map_or_else(|| caller.arn.clone(), user)
        }
        _ => "*".to_owned(),
    }
}

/// The permissions that an operation needs besides its own.
fn also_needed(account: &Account, operation: &str, parameters: &Map<String, Value>) -> Vec<(String, String)> {
    let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut needed = vec![];
    if operation == "AddRoleToInstanceProfile"
        && let Ok(role) = account.role(text("RoleName"))
    {
        needed.push(("iam:PassRole".to_owned(), account.role_arn(role)));
    }
    let tagged = parameters.get("Tags").and_then(Value::as_array).is_some_and(|tags| !tags.is_empty());
    if tagged && let Some(kind) = operation.strip_prefix("Create") {
        let caller = Caller::root(account);
        let kind = kind.trim_start_matches("Virtual");
        needed.push((format!("iam:Tag{kind}"), resource(account, operation, parameters, &caller)));
    }
    needed
}

/// The condition keys of a request.
pub(crate) fn context(
    account: &Account,
    caller: &Caller,
    parameters: &Map<String, Value>,
    user_agent: &str,
    now: i64,
) -> Context {
    let mut context = Context::new();
    let mut put = |key: &str, value: String| context.entry(key.to_lowercase()).or_default().push(value);
    let (kind, principal) = match &caller.who {
        Who::Role(name, _) => {
            ("AssumedRole", account.role(name).map_or_else(|_| caller.arn.clone(), |role| account.role_arn(role)))
        }
        Who::Federated(..) => ("FederatedUser", caller.arn.clone()),
        Who::Root => ("Account", caller.arn.clone()),
        Who::User(_) | Who::UserSession(_) => ("User", caller.arn.clone()),
    };
    put("aws:PrincipalArn", principal);
    put("aws:PrincipalType", kind.to_owned());
    put("aws:PrincipalAccount", account.id.clone());
    put("aws:ResourceAccount", account.id.clone());
    put("aws:userid", caller.id.clone());
    put("aws:CurrentTime", clock::iso(now));
    put("aws:EpochTime", now.to_string());
    put("aws:SecureTransport", "false".to_owned());
    put("aws:SourceIp", "127.0.0.1".to_owned());
    put("aws:UserAgent", user_agent.to_owned());
    put("aws:RequestedRegion", "us-east-1".to_owned());
    if let Some(issued) = caller.issued {
        put("aws:TokenIssueTime", clock::iso(issued));
        put("aws:MultiFactorAuthPresent", caller.mfa.to_string());
        if caller.mfa {
            put("aws:MultiFactorAuthAge", (now - issued).to_string());
        }
    }
    let tags = match caller.holder() {
        Some((Kind::Role, name)) => account.role(name).map(|role| role.tags.clone()).unwrap_or_default(),
        Some((_, name)) => {
            if caller.user().is_some() {
                put("aws:username", name.to_owned());
            }
            account.user(name).map(|user| user.tags.clone()).unwrap_or_default()
        }
        None => Tags::default(),
    };
    for (key, value) in tags {
        put(&format!("aws:PrincipalTag/{key}"), value);
    }
    let text = |name: &str| parameters.get(name).and_then(Value::as_str);
    let resource_tags = match (text("UserName"), text("RoleName")) {
        (Some(name), _) => account.user(name).map(|user| user.tags.clone()).unwrap_or_default(),
        (None, Some(name)) => account.role(name).map(|role| role.tags.clone()).unwrap_or_default(),
        (None, None) => Tags::default(),
    };
    for (key, value) in resource_tags {
        put(&format!("iam:ResourceTag/{key}"), value.clone());
        put(&format!("aws:ResourceTag/{key}"), value);
    }
    for (key, member) in [
        ("iam:PolicyARN", "PolicyArn"),
        ("iam:PermissionsBoundary", "PermissionsBoundary"),
        ("iam:AWSServiceName", "AWSServiceName"),
        ("sts:ExternalId", "ExternalId"),
        ("sts:RoleSessionName", "RoleSessionName"),
    ] {
        if let Some(value) = text(member) {
            put(key, value.to_owned());
        }
    }
    for tag in parameters.get("Tags").and_then(Value::as_array).into_iter().flatten() {
        if let (Some(key), Some(value)) = (tag["Key"].as_str(), tag["Value"].as_str()) {
            put(&format!("aws:RequestTag/{key}"), value.to_owned());
            put("aws:TagKeys", key.to_owned());
        }
    }
    for key in parameters.get("TagKeys").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        put("aws:TagKeys", key.to_owned());
    }
    context
}

/// What is asked of a caller's policies before a call.
pub(crate) struct Asked<'a> {
    pub service: &'a str,
    pub operation: &'a str,
    pub parameters: &'a Map<String, Value>,
    pub context: &'a Context,
}

/// Refuses a call that the caller's policies forbid; one that they do not mention only where `enforce` says so.
pub(crate) fn authorize(account: &Account, caller: &Caller, asked: &Asked<'_>, enforce: bool) -> Result<(), Error> {
    let operation = asked.operation;
    // Nobody can be kept from asking who they are or from taking a session of their own.
    if ["GetCallerIdentity", "GetSessionToken", "GetAccessKeyInfo"].contains(&operation) && asked.service == "sts" {
        return Ok(());
    }
    let mut needed =
        vec![(format!("{}:{operation}", asked.service), resource(account, operation, asked.parameters, caller))];
    needed.extend(also_needed(account, operation, asked.parameters));
    for (action, resource) in needed {
        // AssumeRole is settled together with the trust policy; here only a Deny counts.
        let enforce = enforce && action != "sts:AssumeRole";
        permit(account, caller, &action, &resource, asked.context, enforce)?;
    }
    Ok(())
}

/// Whether the caller's policies allow, forbid, or do not mention an action.
pub(crate) fn decide(
    account: &Account,
    caller: &Caller,
    action: &str,
    resource: &str,
    context: &Context,
) -> (Decision, &'static str) {
    let Some((kind, name)) = caller.holder() else { return (Decision::Allowed, "") };
    let (own, boundary) = sources(account, kind, name);
    let question = Question { action, resource, context };
    let said = evaluate(&own, &question).0;
    let bounded = boundary.map(|boundary| evaluate(&boundary, &question).0);
    let narrowed = (!caller.narrowed.is_empty()).then(|| evaluate(&caller.narrowed, &question).0);
    match (said, bounded) {
        (Decision::ExplicitDeny, _) => (Decision::ExplicitDeny, "identity-based policy"),
        (_, Some(Decision::ExplicitDeny)) => (Decision::ExplicitDeny, "permissions boundary"),
        _ if narrowed == Some(Decision::ExplicitDeny) => (Decision::ExplicitDeny, "session policy"),
        _ if narrowed == Some(Decision::ImplicitDeny) => (Decision::ImplicitDeny, "session policy"),
        // Without a session policy a federated user has no permissions.
        _ if narrowed.is_none() && matches!(caller.who, Who::Federated(..)) => {
            (Decision::ImplicitDeny, "session policy")
        }
        (Decision::ImplicitDeny, _) => (Decision::ImplicitDeny, "identity-based policy"),
        (_, Some(Decision::ImplicitDeny)) => (Decision::ImplicitDeny, "permissions boundary"),
        _ => (Decision::Allowed, ""),
    }
}

fn permit(
    account: &Account,
    caller: &Caller,
    action: &str,
    resource: &str,
    context: &Context,
    enforce: bool,
) -> Result<(), Error> {
    let (decision, by) = decide(account, caller, action, resource, context);
    let because = match decision {
        Decision::ExplicitDeny if by.starts_with('i') => format!("with an explicit deny in an {by}"),
        Decision::ExplicitDeny => format!("with an explicit deny in a {by}"),
        Decision::ImplicitDeny if enforce => format!("because no {by} allows the {action} action"),
        _ => return Ok(()),
    };
    Err(not_authorized(caller, action, resource, &because))
}

/// The text of a refusal.
pub(crate) fn not_authorized(caller: &Caller, action: &str, resource: &str, because: &str) -> Error {
    let text = format!("User: {} is not authorized to perform: {action} on resource: {resource} {because}", caller.arn);
    Error::denied(text.trim_end())
}
