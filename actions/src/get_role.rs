//! Get a role with its trust, its policies and its instance profiles.

use crate::action::{Action, Kind, Output, Run, parameter};
use crate::outcome::{Failure, Outcome, row};
use crate::parameters::Parameters;
use crate::reader::Reader;
use awsiam_iam::types::{
    GetRole, GetRolePolicy, ListAttachedRolePolicies, ListInstanceProfilesForRole, ListRolePolicies,
};
use awsiam_iam::{Error, timestamp};
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use std::time::SystemTime;

/// `get role`
pub const ACTION: Action = Action {
    name: "get role",
    identifier: "get_role",
    kind: Kind::Investigate,
    description: "Get details of a role: trust policy, permissions, instance profiles and last use",
    verbose: "Inline policies come with their documents; those of attached policies are brought by get policy. AsOf is \
              the time at which all of it was true. What may not be read fails the action: a part of a role could be \
              taken for the whole.",
    parameters: &[parameter::ROLE_NAME, parameter::CREDENTIALS],
    outputs: &[
        Output::data("Arn", "arn:aws:iam::123456789012:role/test-Role"),
        Output::data("AssumeRolePolicyDocument", "{\"Version\":\"2012-10-17\",\"Statement\":[]}")
            .contains(&["aws iam role policy doc"]),
        Output::data("AttachedPolicies.*.PolicyArn", "arn:aws:iam::123456789012:policy/testPolicy")
            .contains(parameter::POLICY),
        Output::data("AttachedPolicies.*.PolicyName", "testPolicy"),
        Output::data("CreateDate", "2026-05-01T16:44:05Z"),
        Output::data("Description", "Assumed by developers to deploy"),
        Output::data("InlinePolicies.*.PolicyDocument", "{\"Version\":\"2012-10-17\",\"Statement\":[]}"),
        Output::data("InlinePolicies.*.PolicyName", "write-logs"),
        Output::data("InstanceProfiles.*.Arn", "arn:aws:iam::123456789012:instance-profile/test-Role"),
        Output::data("InstanceProfiles.*.InstanceProfileName", "test-Role"),
        Output::data("MaxSessionDuration", "3600"),
        Output::data("Path", "/").contains(&["aws iam role path"]),
        Output::data("PermissionsBoundary.PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/boundary")
            .contains(parameter::POLICY),
        Output::data("PermissionsBoundary.PermissionsBoundaryType", "Policy"),
        Output::data("RoleId", "AROAIOSFODNN7EXAMPLE"),
        Output::data("RoleLastUsed.LastUsedDate", "2026-05-02T16:44:05Z"),
        Output::data("RoleLastUsed.Region", "us-east-1"),
        Output::data("RoleName", "test-Role").contains(parameter::ROLE),
        Output::data("Tags.*.Key", "department"),
        Output::data("Tags.*.Value", "engineering"),
        Output::data("AsOf", "2026-11-20T19:57:13.104Z"),
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef"),
        Output::total("total_attached_policies"),
        Output::total("total_inline_policies"),
        Output::total("total_instance_profiles"),
    ],
    message: "Total attached policies: 1, Total inline policies: 1, Total instance profiles: 1",
    status_column: None,
    undo: None,
    calls: &[&[
        "GetRole",
        "ListAttachedRolePolicies",
        "ListRolePolicies",
        "GetRolePolicy",
        "ListInstanceProfilesForRole",
    ]],
    undoing: "",
    run: Run::Lookup(|p, reader| lookup(p, reader).boxed()),
};

async fn lookup(p: &Parameters, reader: &Reader) -> Result<Outcome, Failure> {
    let role_name = p.text("role_name").to_owned();
    // The time before the first call: nothing was read earlier, and what was read later can only be newer.
    let at = timestamp(SystemTime::now());
    let attached = ListAttachedRolePolicies { role_name: role_name.clone(), ..ListAttachedRolePolicies::default() };
    let profiles =
        ListInstanceProfilesForRole { role_name: role_name.clone(), ..ListInstanceProfilesForRole::default() };
    let role = GetRole { role_name: role_name.clone() };
    let (role, attached, inline, profiles) = tokio::join!(
        reader.get(&role),
        reader.list(&attached),
        inline_policies(reader, &role_name),
        reader.list(&profiles),
    );
    let (role, attached, inline, profiles) = (role?, attached?, inline?, profiles?);
    let profiles = profiles.data.instance_profiles;
    let totals = [
        ("total_attached_policies", attached.data.attached_policies.len()),
        ("total_inline_policies", inline.len()),
        ("total_instance_profiles", profiles.len()),
    ];
    let profile = |profile: &awsiam_iam::types::InstanceProfile| {
        json!({
            "Arn": profile.arn,
            "InstanceProfileName": profile.instance_profile_name,
            "InstanceProfileId": profile.instance_profile_id,
            "Path": profile.path,
            "CreateDate": profile.create_date,
        })
    };
    let profiles: Vec<Value> = profiles.iter().map(profile).collect();
    let mut data = row(&role.data.role, &role.request_id);
    data["AttachedPolicies"] = json!(attached.data.attached_policies);
    data["InlinePolicies"] = inline.into();
    data["InstanceProfiles"] = profiles.into();
    data["AsOf"] = at.into();
    let mut outcome = Outcome { data: vec![data], ..Outcome::default() };
    outcome.summary.extend(totals.map(|(name, total)| (name.to_owned(), total.into())));
    Ok(outcome)
}

/// The inline policies, each with its document.
async fn inline_policies(reader: &Reader, role_name: &str) -> Result<Vec<Value>, Error> {
    let request = ListRolePolicies { role_name: role_name.to_owned(), ..ListRolePolicies::default() };
    let names = reader.list(&request).await?.data.policy_names;
    let documents = names.into_iter().map(|policy_name| async move {
        let request = GetRolePolicy { role_name: role_name.to_owned(), policy_name };
        let policy = reader.get(&request).await?.data;
        Ok(json!({ "PolicyName": policy.policy_name, "PolicyDocument": policy.policy_document }))
    });
    try_join_all(documents).await
}
