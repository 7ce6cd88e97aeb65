//! Add a role, with an instance profile of the same name that holds it.

use crate::action::{Action, Kind, Of, Output, Parameter, Run, parameter};
use crate::execute::Done;
use crate::outcome::{Failure, Outcome, row};
use crate::parameters::Parameters;
use crate::runbook::Runbook;
use crate::step::Recalled;
use crate::steps::{instance_profiles, role};
use crate::target::Target;
use serde_json::{Map, Value};

const DOCUMENT: &[&str] = &["aws iam role policy doc"];
const PATH: &[&str] = &["aws iam role path"];
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// `add role`
pub const ACTION: Action = Action {
    name: "add role",
    identifier: "add_role",
    kind: Kind::Generic,
    description: "Add new role in AWS IAM account",
    verbose: "Creates the role, then an instance profile of the same name, and puts the role into it. If a later call \
              fails, what was created is taken back, so that a retry works.",
    parameters: &[
        parameter::ROLE_NAME.column(1, "Role Name"),
        Parameter {
            name: "role_policy_document",
            description: "Trust policy of the role: a JSON document as text",
            of: Of::Document,
            required: true,
            primary: true,
            contains: DOCUMENT,
            example: TRUST,
            column: Some((5, "Role Policy Document")),
        },
        Parameter {
            name: "role_path",
            description: "Path of the role and its instance profile, such as /engineering/",
            of: Of::Path { of: "Role", backslashes: true },
            required: false,
            primary: true,
            contains: PATH,
            example: "/engineering/",
            column: Some((2, "Role Path")),
        },
        parameter::CREDENTIALS,
    ],
    outputs: &[
        Output::data("Arn", "arn:aws:iam::123456789012:role/test-Role").column(3, "Role ARN"),
        Output::data("AssumeRolePolicyDocument", TRUST).contains(DOCUMENT),
        Output::data("CreateDate", "2026-05-01T16:44:05Z").column(4, "Creation Date"),
        Output::data("MaxSessionDuration", "3600"),
        Output::data("Path", "/").contains(PATH),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(6, "Request ID"),
        Output::data("RoleId", "AROAIOSFODNN7EXAMPLE").column(0, "Role ID"),
        Output::data("RoleName", "test-Role").contains(parameter::ROLE),
    ],
    message: "Role test-Role successfully added in AWS account",
    status_column: None,
    undo: Some("remove role"),
    calls: &[&[
        "sts:GetCallerIdentity",
        "GetRole",
        "GetInstanceProfile",
        "CreateRole",
        "CreateInstanceProfile",
        "AddRoleToInstanceProfile",
        "RemoveRoleFromInstanceProfile",
        "DeleteInstanceProfile",
        "DeleteRole",
    ]],
    undoing: "Exactly: the role is taken out of the instance profile, and both are deleted.",
    run: Run::Runbook(runbook),
};

fn runbook(p: &Parameters) -> Runbook {
    let name = p.text("role_name").to_owned();
    let (path, document) = (p.text("role_path"), p.text("role_policy_document"));
    let wanted = serde_json::from_str(document).unwrap_or_default();
    let at = path.to_owned();
    let message = format!("Role {name} successfully added in AWS account");
    Runbook::creates(Target::role(&name))
        .unless(move |seen, recalled| {
            taken(&name, (&wanted, &at), seen, recalled).map(|message| Failure::refused("already_exists", message))
        })
        // The role first: it is the one that IAM may refuse, and then nothing has been created.
        .stage(role::created(path, document))
        .stage(instance_profiles::created(path))
        .stage(instance_profiles::holds_role())
        .finishes(move |done| finish(&message, done))
}

/// Why the name cannot be had, in the original's words. What an interrupted run of ours created is not in the way: it was
/// made after that run began, and the role has the trust policy that is wanted.
fn taken(
    name: &str,
    (wanted, path): (&Value, &String),
    seen: &Map<String, Value>,
    recalled: &Recalled,
) -> Option<String> {
    let ours = |entity: &Value, operation: &str| {
        let created = entity["CreateDate"].as_str().unwrap_or_default();
        // Creation dates have whole seconds.
        let since = recalled.planned(operation).is_some_and(|began| created >= &began[..began.len().min(19)]);
        let document = entity["AssumeRolePolicyDocument"].as_str();
        let since = since && entity["Path"] == path.as_str();
        since
            && document.is_none_or(|text| serde_json::from_str::<Value>(text).is_ok_and(|document| document == *wanted))
    };
    let there = |what: &str, operation: &str| {
        let entity = seen.get(what).filter(|value| value.is_object() && value.get("unknown").is_none());
        entity.is_some_and(|entity| !ours(entity, operation))
    };
    match (there("role", "CreateRole"), there("instance_profile", "CreateInstanceProfile")) {
        (true, true) => Some(format!(
            "Both role as well as instance profile already exist with the given name {name}. Please provide a valid and distinct role name."
        )),
        (true, false) => Some(format!(
            "Role {name} already exists in AWS IAM account. Please provide a valid and distinct role name."
        )),
        (false, true) => Some(format!(
            "Error occurred while creation of instance profile with name {name} because it already exists in AWS IAM account"
        )),
        (false, false) => None,
    }
}

fn finish(message: &str, done: &Done) -> Outcome {
    // Where the answer to the creation was lost, a later look has brought the role.
    let role = match done.reply("CreateRole") {
        Some(reply) => reply.data["Role"].clone(),
        None => done.latest.get("role").or_else(|| done.observed.get("role")).cloned().unwrap_or_default(),
    };
    Outcome { message: Some(message.to_owned()), data: vec![row(&role, done.request_id())], ..Outcome::default() }
}
