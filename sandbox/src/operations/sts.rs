//! The little of STS that belongs to IAM's work: who calls, and temporary credentials.
//!
//! Sessions with SAML or web identities are not there; session tags and source identities are
//! refused.

use super::{Call, Handler, arn_parts, mfa, roles};
use crate::authorize::{Context, Decision, evaluate_trust};
use crate::caller::{self, Caller, Who};
use crate::error::{Error, Reply};
use crate::state::{Account, Document, Principal, Role, Session, new_id, new_secret};
use crate::{clock, policy};
use awsiam_iam::table::{Kind, Member, Operation, Shape};
use serde_json::{Value, json};

/// The namespace of STS's replies.
pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The version that requests to STS carry.
pub(crate) const VERSION: &str = "2011-06-15";

/// What STS has and the sandbox has not.
pub(crate) const ABSENT: [&str; 6] = [
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "DecodeAuthorizationMessage",
    "GetDelegatedAccessToken",
    "GetWebIdentityToken",
];

const fn shape(name: &'static str, kind: Kind, min: i64, max: i64, pattern: Option<&'static str>) -> Shape {
    Shape { name, kind, sensitive: false, min: Some(min), max: Some(max), pattern, values: &[] }
}

const fn plain(kind: Kind) -> Shape {
    Shape { name: "", kind, sensitive: false, min: None, max: None, pattern: None, values: &[] }
}

const fn member(name: &'static str, shape: &'static Shape, required: bool) -> Member {
    Member { name, shape, required }
}

static TEXT: Shape = plain(Kind::String);
static NUMBER: Shape = plain(Kind::Integer);
static SECRET: Shape = Shape { sensitive: true, ..plain(Kind::String) };
static ARN: Shape = shape("arnType", Kind::String, 20, 2_048, None);
static SESSION_NAME: Shape = shape("roleSessionNameType", Kind::String, 2, 64, Some(r"^(?:[\w+=,.@-]*)$"));
static FEDERATED_NAME: Shape = shape("userNameType", Kind::String, 2, 32, Some(r"^(?:[\w+=,.@-]*)$"));
static ROLE_SECONDS: Shape = shape("roleDurationSecondsType", Kind::Integer, 900, 43_200, None);
static SECONDS: Shape = shape("durationSecondsType", Kind::Integer, 900, 129_600, None);
static EXTERNAL_ID: Shape = shape("externalIdType", Kind::String, 2, 1_224, None);
static KEY_ID: Shape = shape("accessKeyIdType", Kind::String, 16, 128, Some(r"^(?:[\w]*)$"));
static POLICY: Shape = plain(Kind::String);
static ARNS: Shape = plain(Kind::List(&POLICY_ARN));
static POLICY_ARN: Shape = plain(Kind::Structure(&[Member { name: "arn", shape: &TEXT, required: false }]));
static TAGS: Shape = plain(Kind::List(&TAG));
static TAG: Shape = plain(Kind::Structure(&[
    Member { name: "Key", shape: &TEXT, required: true },
    Member { name: "Value", shape: &TEXT, required: true },
]));
static CREDENTIALS: Shape = plain(Kind::Structure(&[
    Member { name: "AccessKeyId", shape: &TEXT, required: true },
    Member { name: "SecretAccessKey", shape: &SECRET, required: true },
    Member { name: "SessionToken", shape: &SECRET, required: true },
    Member { name: "Expiration", shape: &TEXT, required: true },
]));
static ASSUMED: Shape = plain(Kind::Structure(&[
    Member { name: "AssumedRoleId", shape: &TEXT, required: true },
    Member { name: "Arn", shape: &TEXT, required: true },
]));
static FEDERATED: Shape = plain(Kind::Structure(&[
    Member { name: "FederatedUserId", shape: &TEXT, required: true },
    Member { name: "Arn", shape: &TEXT, required: true },
]));

const fn operation(name: &'static str, input: &'static [Member], output: &'static [Member]) -> Operation {
    Operation { name, input, output, has_result: true, errors: &[], paging: None }
}

static OPERATIONS: [(Operation, Handler); 5] = [
    (
        operation(
            "GetCallerIdentity",
            &[],
            &[member("UserId", &TEXT, false), member("Account", &TEXT, false), member("Arn", &TEXT, false)],
        ),
        identity,
    ),
    (
        operation(
            "AssumeRole",
            &[
                member("RoleArn", &ARN, true),
                member("RoleSessionName", &SESSION_NAME, true),
                member("PolicyArns", &ARNS, false),
                member("Policy", &POLICY, false),
                member("DurationSeconds", &ROLE_SECONDS, false),
                member("Tags", &TAGS, false),
                member("ExternalId", &EXTERNAL_ID, false),
                member("SerialNumber", &TEXT, false),
                member("TokenCode", &TEXT, false),
                member("SourceIdentity", &TEXT, false),
            ],
            &[
                member("Credentials", &CREDENTIALS, false),
                member("AssumedRoleUser", &ASSUMED, false),
                member("PackedPolicySize", &NUMBER, false),
            ],
        ),
        assume_role,
    ),
    (
        operation(
            "GetSessionToken",
            &[
                member("DurationSeconds", &SECONDS, false),
                member("SerialNumber", &TEXT, false),
                member("TokenCode", &TEXT, false),
            ],
            &[member("Credentials", &CREDENTIALS, false)],
        ),
        session_token,
    ),
    (
        operation(
            "GetFederationToken",
            &[
                member("Name", &FEDERATED_NAME, true),
                member("Policy", &POLICY, false),
                member("PolicyArns", &ARNS, false),
                member("DurationSeconds", &SECONDS, false),
                member("Tags", &TAGS, false),
            ],
            &[
                member("Credentials", &CREDENTIALS, false),
                member("FederatedUser", &FEDERATED, false),
                member("PackedPolicySize", &NUMBER, false),
            ],
        ),
        federation_token,
    ),
    (
        operation("GetAccessKeyInfo", &[member("AccessKeyId", &KEY_ID, true)], &[member("Account", &TEXT, false)]),
        access_key_info,
    ),
];

/// The STS operation with this name, and what answers it.
pub(crate) fn find(name: &str) -> Option<(&'static Operation, Handler)> {
    OPERATIONS.iter().find(|(operation, _)| operation.name == name).map(|(operation, handler)| (operation, *handler))
}

fn identity(call: &mut Call<'_>) -> Reply {
    Ok(json!({ "UserId": call.caller.id, "Account": call.account.id, "Arn": call.caller.arn }))
}

/// Any well-formed key id is told to belong to this account only if it does.
fn access_key_info(call: &mut Call<'_>) -> Reply {
    let id = call.text("AccessKeyId");
    let session = call.account.running.sessions.iter().any(|session| session.access_key_id == id);
    if !session && call.account.access_key(id).is_none() {
        return Err(Error::validation("The provided access key id is invalid"));
    }
    Ok(json!({ "Account": call.account.id }))
}

/// Starts a session and shows its credentials.
fn begin(
    account: &mut Account,
    principal: Principal,
    (issued, expires): (i64, i64),
    mfa: bool,
    policies: Vec<Document>,
) -> Value {
    let session = Session {
        access_key_id: new_id("ASIA"),
        secret: new_secret(),
        token: format!("IQoJb3JpZ2luX2Vj{}{}{}{}", new_secret(), new_secret(), new_secret(), new_secret()),
        principal,
        issued,
        expires,
        mfa,
        policies,
    };
    let shown = json!({
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret,
        "SessionToken": session.token,
        "Expiration": clock::iso(session.expires),
    });
    account.running.sessions.retain(|session| session.expires > issued);
    account.running.sessions.push(session);
    shown
}

/// Whether the call proves a second factor; a wrong code is an error.
fn second_factor(call: &Call<'_>) -> Result<bool, Error> {
    let (Some(serial), Some(code)) = (call.optional("SerialNumber"), call.optional("TokenCode")) else {
        return Ok(false);
    };
    let user = call.caller.user().and_then(|name| call.account.user(name).ok());
    let has = user.is_some_and(|user| user.mfa_devices.iter().any(|device| device.serial == serial));
    if !has || !mfa::is_current(call.account, serial, code, call.now) {
        return Err(Error::denied("MultiFactorAuthentication failed with invalid MFA one time pass code. "));
    }
    Ok(true)
}

/// The policies that are to narrow a session.
fn session_policies(call: &Call<'_>) -> Result<Vec<Document>, Error> {
    for member in ["Tags", "SourceIdentity"] {
        if call.parameters.contains_key(member) {
            return Err(Error::not_implemented(&format!("{} with {member}", call.operation.name)));
        }
    }
    let mut policies = vec![];
    if let Some(text) = call.optional("Policy") {
        policy::check_identity(text)?;
        policies.push(Document(text.to_owned()));
    }
    for item in call.parameters.get("PolicyArns").and_then(Value::as_array).into_iter().flatten() {
        let arn = item["arn"].as_str().unwrap_or_default();
        let absent = || Error::validation(format!("The session policy {arn} does not exist or is not attachable."));
        policies.push(call.account.document(arn).ok_or_else(absent)?);
    }
    Ok(policies)
}

fn assume_role(call: &mut Call<'_>) -> Reply {
    let policies = session_policies(call)?;
    let (arn, session) = (call.text("RoleArn"), call.text("RoleSessionName"));
    arn_parts(arn).ok_or_else(|| Error::validation(format!("{arn} is invalid")))?;
    let refused = || caller::not_authorized(call.caller, "sts:AssumeRole", arn, "");
    // IAM does not tell a role that is not there from one that may not be assumed.
    let role = call.account.roles.values().find(|role| call.account.role_arn(role) == arn).ok_or_else(refused)?;
    let mfa = second_factor(call)? || call.caller.mfa;
    let mut context = caller::context(call.account, call.caller, call.parameters, "", call.now);
    context.insert("aws:multifactorauthpresent".to_owned(), vec![mfa.to_string()]);
    let (trusted, _) = trust(call.account, call.caller, role, &context);
    if trusted == Decision::ExplicitDeny {
        return Err(caller::not_authorized(
            call.caller,
            "sts:AssumeRole",
            arn,
            "with an explicit deny in a resource-based policy",
        ));
    }
    if trusted != Decision::Allowed {
        return Err(refused());
    }
    // A role that is assumed by a role's session cannot last longer than an hour.
    let asked = call.number("DurationSeconds");
    if matches!(call.caller.who, Who::Role(..)) && asked.is_some_and(|seconds| seconds > 3_600) {
        return Err(Error::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    let expires = roles::session_end(role, asked, call.now)?;
    let (id, path) = (role.id.clone(), format!("assumed-role/{}/{session}", role.name));
    let user = json!({
        "AssumedRoleId": format!("{id}:{session}"),
        "Arn": format!("arn:{}:sts::{}:{path}", call.account.partition, call.account.id),
    });
    let principal = Principal::Role { id, session: session.to_owned() };
    let credentials = begin(call.account, principal, (call.now, expires), mfa, policies);
    Ok(json!({ "Credentials": credentials, "AssumedRoleUser": user }))
}

/// The user who asks for a session of its own; sessions cannot ask.
fn asking_user(call: &Call<'_>) -> Result<String, Error> {
    match &call.caller.who {
        Who::User(name) => Ok(call.account.user(name)?.id.clone()),
        _ => Err(Error::denied(format!("Cannot call {} with session credentials", call.operation.name))),
    }
}

fn session_token(call: &mut Call<'_>) -> Reply {
    let id = asking_user(call)?;
    let mfa = second_factor(call)?;
    let expires = call.now + call.number("DurationSeconds").unwrap_or(43_200);
    Ok(json!({ "Credentials": begin(call.account, Principal::User { id }, (call.now, expires), mfa, vec![]) }))
}

fn federation_token(call: &mut Call<'_>) -> Reply {
    let policies = session_policies(call)?;
    let id = asking_user(call)?;
    let name = call.text("Name");
    let expires = call.now + call.number("DurationSeconds").unwrap_or(43_200);
    let user = json!({
        "FederatedUserId": format!("{}:{name}", call.account.id),
        "Arn": format!("arn:{}:sts::{}:federated-user/{name}", call.account.partition, call.account.id),
    });
    let principal = Principal::Federated { id, name: name.to_owned() };
    let credentials = begin(call.account, principal, (call.now, expires), false, policies);
    Ok(json!({ "Credentials": credentials, "FederatedUser": user }))
}

/// What a role's trust policy says about a caller, and whether it names the caller itself.
fn trust(account: &Account, caller: &Caller, role: &Role, context: &Context) -> (Decision, bool) {
    let mut own = vec![caller.arn.clone(), caller.id.split(':').next().unwrap_or_default().to_owned()];
    own.extend(context.get("aws:principalarn").into_iter().flatten().cloned());
    let root = format!("arn:{}:iam::{}:root", account.partition, account.id);
    evaluate_trust(&role.trust, "sts:AssumeRole", &own, &[root, account.id.clone()], context)
}

/// Whether the identity-based side of `AssumeRole` lets the caller through: a role in the same account that trusts
/// its caller by name needs no more, one that trusts the account does.
pub(crate) fn may_assume(account: &Account, caller: &Caller, arn: &str, context: &Context) -> Result<(), Error> {
    let Some(role) = account.roles.values().find(|role| account.role_arn(role) == arn) else { return Ok(()) };
    let (_, by_name) = trust(account, caller, role, context);
    if by_name || caller::decide(account, caller, "sts:AssumeRole", arn, context).0 == Decision::Allowed {
        return Ok(());
    }
    Err(caller::not_authorized(
        caller,
        "sts:AssumeRole",
        arn,
        "because no identity-based policy allows the sts:AssumeRole action",
    ))
}
