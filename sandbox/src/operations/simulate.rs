//! The policy simulator, on the evaluator that judges every call.
//!
//! Organization and resource policies are not simulated: a request that brings them is refused rather than answered
//! without them.

use super::{Call, reports};
use crate::authorize::{Context, Decision, Question, Source, evaluate, sources};
use crate::error::{Error, Reply};
use crate::policy::{check_identity, several};
use crate::state::{Document, Kind};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Policies that come with the request.
fn given(call: &Call<'_>, member: &str) -> Result<Vec<Source>, Error> {
    let inputs = call.texts(member).into_iter().enumerate().map(|(i, text)| {
        check_identity(text).map_err(|error| Error::input(error.message))?;
        Ok(Source {
            id: format!("{member}.{}", i + 1),
            kind: "none",
            arn: None,
            holder: (Kind::User, String::new()),
            document: Document(text.to_owned()),
        })
    });
    inputs.collect()
}

fn context(call: &Call<'_>) -> Context {
    let entries = call.parameters.get("ContextEntries").and_then(Value::as_array).into_iter().flatten();
    entries
        .map(|entry| {
            let key = entry["ContextKeyName"].as_str().unwrap_or_default().to_lowercase();
            let values = several(entry.get("ContextKeyValues")).into_iter().filter_map(Value::as_str);
            (key, values.map(str::to_owned).collect())
        })
        .collect()
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "allowed",
        Decision::ImplicitDeny => "implicitDeny",
        Decision::ExplicitDeny => "explicitDeny",
    }
}

/// The condition keys that policies ask for.
fn keys(sources: &[Source]) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for source in sources {
        let document = source.document.json();
        for statement in several(document.get("Statement")) {
            for conditions in
                statement.get("Condition").and_then(Value::as_object).into_iter().flat_map(|map| map.values())
            {
                keys.extend(conditions.as_object().into_iter().flat_map(|map| map.keys().cloned()));
            }
        }
        // Policy variables are context keys as well.
        let mut rest = source.document.0.as_str();
        while let Some(at) = rest.find("${") {
            rest = &rest[at + 2..];
            let name = rest.split(['}', ',']).next().unwrap_or_default();
            if name.contains(':') {
                keys.insert(name.to_owned());
            }
        }
    }
    keys
}

fn simulate(call: &Call<'_>, policies: &[Source], boundary: Option<&[Source]>, context: &Context) -> Reply {
    for member in ["ResourcePolicy", "OrderedOrganizationPolicyInputList"] {
        if call.parameters.contains_key(member) {
            return Err(Error::not_implemented(&format!("{} with {member}", call.operation.name)));
        }
    }
    let resources = call.texts("ResourceArns");
    let resources = if resources.is_empty() { vec!["*"] } else { resources };
    let missing: Vec<_> = keys(policies).into_iter().filter(|key| !context.contains_key(&key.to_lowercase())).collect();
    let mut results = vec![];
    for action in call.texts("ActionNames") {
        if !action.contains(':') {
            return Err(Error::input(format!("Invalid action name: {action}")));
        }
        for resource in &resources {
            let question = Question { action, resource, context };
            let (mut decision, matched) = evaluate(policies, &question);
            let matched: Vec<_> = matched
                .into_iter()
                .map(|source| json!({ "SourcePolicyId": source.id, "SourcePolicyType": policy_type(source.kind) }))
                .collect();
            let mut result = json!({
                "EvalActionName": action,
                "EvalResourceName": resource,
                "MatchedStatements": matched,
                "MissingContextValues": missing,
            });
            if let Some(boundary) = boundary {
                let bounded = evaluate(boundary, &question).0;
                result["PermissionsBoundaryDecisionDetail"] =
                    json!({ "AllowedByPermissionsBoundary": bounded == Decision::Allowed });
                decision = match (decision, bounded) {
                    (Decision::ExplicitDeny, _) | (_, Decision::ExplicitDeny) => Decision::ExplicitDeny,
                    (Decision::Allowed, Decision::Allowed) => Decision::Allowed,
                    _ => Decision::ImplicitDeny,
                };
            }
            result["EvalDecision"] = word(decision).into();
            results.push((format!("{:06}", results.len()), result));
        }
    }
    call.page("EvaluationResults", results, |result| result)
}

fn policy_type(kind: &str) -> &str {
    match kind {
        "none" => "IAM Policy",
        "user" | "group" | "role" | "aws-managed" | "user-managed" => kind,
        _ => "none",
    }
}

fn principal_sources(call: &Call<'_>) -> Result<(Vec<Source>, Option<Vec<Source>>), Error> {
    let arn = call.text("PolicySourceArn");
    if !arn.starts_with("arn:") {
        return Err(Error::input(format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.")));
    }
    let (kind, name) = reports::holder(call.account, arn)
        .ok_or_else(|| Error::missing(format!("The principal with ARN {arn} cannot be found.")))?;
    Ok(sources(call.account, kind, &name))
}

pub(super) fn principal(call: &mut Call<'_>) -> Reply {
    let (mut policies, boundary) = principal_sources(call)?;
    policies.extend(given(call, "PolicyInputList")?);
    let given_boundary = given(call, "PermissionsBoundaryPolicyInputList")?;
    let boundary = if given_boundary.is_empty() { boundary } else { Some(given_boundary) };
    let mut context = context(call);
    let arn = call.optional("CallerArn").unwrap_or(call.text("PolicySourceArn"));
    if arn.contains(":user/") {
        let name = super::policy_use::last_part(arn).to_owned();
        context.entry("aws:username".to_owned()).or_insert_with(|| vec![name]);
    }
    context.entry("aws:principalarn".to_owned()).or_insert_with(|| vec![arn.to_owned()]);
    simulate(call, &policies, boundary.as_deref(), &context)
}

pub(super) fn custom(call: &mut Call<'_>) -> Reply {
    let policies = given(call, "PolicyInputList")?;
    let boundary = given(call, "PermissionsBoundaryPolicyInputList")?;
    let boundary = if boundary.is_empty() { None } else { Some(boundary) };
    simulate(call, &policies, boundary.as_deref(), &context(call))
}

pub(super) fn custom_keys(call: &mut Call<'_>) -> Reply {
    Ok(json!({ "ContextKeyNames": keys(&given(call, "PolicyInputList")?) }))
}

pub(super) fn principal_keys(call: &mut Call<'_>) -> Reply {
    let mut policies = principal_sources(call)?.0;
    policies.extend(given(call, "PolicyInputList")?);
    Ok(json!({ "ContextKeyNames": keys(&policies) }))
}
