//! The credential report, what was last accessed, and which policies grant access to a service.
//!
//! Reports are ready after a moment rather than after minutes, and are made anew at each request.

use super::Call;
use crate::authorize::{Source, sources};
use crate::clock;
use crate::digest::base64;
use crate::error::{Error, Reply};
use crate::policy::several;
use crate::state::{Account, Kind, LastUsed, User, now, uuid};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const COLUMNS: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// How long a first report takes.
const MILLISECONDS: i64 = 100;

fn long(date: &str) -> String {
    date.replace('Z', "+00:00")
}

fn report(account: &Account) -> String {
    let root = format!("arn:{}:iam::{}:root", account.partition, account.id);
    let made = long(&account.create_date);
    let mut csv = format!(
        "{COLUMNS}\n<root_account>,{root},{made},not_supported,no_information,not_supported,not_supported,true,false,\
         N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
    );
    for user in account.users.values() {
        csv.push('\n');
        csv.push_str(&line(account, user).join(","));
    }
    csv
}

fn line(account: &Account, user: &User) -> Vec<String> {
    let none = || "N/A".to_owned();
    let mut cells = vec![user.name.clone(), account.user_arn(user), long(&user.create_date)];
    cells.push(user.login_profile.is_some().to_string());
    match &user.login_profile {
        Some(login) => {
            cells.push(user.password_last_used.as_deref().map_or_else(|| "no_information".to_owned(), long));
            cells.push(long(&login.create_date));
            let days = account.password_policy.as_ref().and_then(|policy| policy.max_age);
            let end = days.zip(clock::parse(&login.create_date)).map(|(days, made)| clock::iso(made + days * 86_400));
            cells.push(end.map_or_else(none, |end| long(&end)));
        }
        None => cells.extend([none(), none(), none()]),
    }
    cells.push((!user.mfa_devices.is_empty()).to_string());
    for i in 0..2 {
        match user.access_keys.get(i) {
            Some(key) => {
                cells.extend([(key.status == "Active").to_string(), long(&key.create_date)]);
                match account.key_last_used(key) {
                    Some(last) => cells.extend([long(&last.date), last.region, last.service]),
                    None => cells.extend([none(), none(), none()]),
                }
            }
            None => cells.extend(["false".to_owned(), none(), none(), none(), none()]),
        }
    }
    for i in 0..2 {
        match user.signing_certificates.get(i) {
            Some(one) => cells.extend([(one.status == "Active").to_string(), long(&one.upload_date)]),
            None => cells.extend(["false".to_owned(), none()]),
        }
    }
    cells
}

pub(super) fn generate(call: &mut Call<'_>) -> Reply {
    let at = clock::millis();
    match &call.account.running.report {
        Some((_, ready)) if *ready > at => Ok(json!({ "State": "INPROGRESS" })),
        Some(_) => {
            call.account.running.report = Some((report(call.account), at));
            Ok(json!({ "State": "COMPLETE" }))
        }
        None => {
            call.account.running.report = Some((report(call.account), at + MILLISECONDS));
            Ok(json!({ "State": "STARTED", "Description": "No report exists. Starting a new report generation task" }))
        }
    }
}

pub(super) fn get(call: &mut Call<'_>) -> Reply {
    match &call.account.running.report {
        None => Err(Error::new(
            410,
            "ReportNotPresent",
            "No report is present. Use GenerateCredentialReport to generate a report.",
        )),
        Some((_, ready)) if *ready > clock::millis() => {
            Err(Error::new(404, "ReportInProgress", "The credential report is still being generated."))
        }
        Some((csv, ready)) => Ok(json!({
            "Content": base64(csv.as_bytes()),
            "ReportFormat": "text/csv",
            "GeneratedTime": clock::iso(ready / 1000),
        })),
    }
}

/// The user, group or role with this ARN.
pub(super) fn holder(account: &Account, arn: &str) -> Option<(Kind, String)> {
    let user = account.users.values().find(|user| account.user_arn(user) == arn);
    let group = account.groups.values().find(|group| account.group_arn(group) == arn);
    let role = account.roles.values().find(|role| account.role_arn(role) == arn);
    user.map(|user| (Kind::User, user.name.clone()))
        .or_else(|| group.map(|group| (Kind::Group, group.name.clone())))
        .or_else(|| role.map(|role| (Kind::Role, role.name.clone())))
}

fn no_entity(arn: &str) -> Error {
    Error::missing(format!("The entity with ARN {arn} cannot be found."))
}

/// The namespaces that policies allow something in; `*` stands for all.
fn namespaces(sources: &[Source]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in sources {
        for statement in several(source.document.json().get("Statement")) {
            if statement["Effect"] == "Allow" {
                for action in several(statement.get("Action")).into_iter().filter_map(Value::as_str) {
                    found.insert(action.split(':').next().unwrap_or(action).to_lowercase());
                }
                if statement.get("NotAction").is_some() {
                    found.insert("*".to_owned());
                }
            }
        }
    }
    found
}

pub(super) fn generate_last_accessed(call: &mut Call<'_>) -> Reply {
    let arn = call.text("Arn");
    if holder(call.account, arn).is_none() && !call.account.has_policy(arn) {
        return Err(no_entity(arn));
    }
    let job = uuid();
    call.account.running.jobs.insert(job.clone(), (arn.to_owned(), now()));
    Ok(json!({ "JobId": job }))
}

/// The last uses of a principal's keys or sessions.
fn uses(account: &Account, kind: Kind, name: &str) -> Result<Vec<LastUsed>, Error> {
    Ok(match kind {
        Kind::User => account.user(name)?.access_keys.iter().filter_map(|key| account.key_last_used(key)).collect(),
        Kind::Role => account.role_last_used(account.role(name)?).into_iter().collect(),
        Kind::Group => vec![],
    })
}

/// The latest of several uses that was of this service.
fn latest<'a>(used: &'a [LastUsed], service: &str) -> Option<&'a LastUsed> {
    used.iter().filter(|used| used.service == service).max_by(|one, other| one.date.cmp(&other.date))
}

/// The services that a principal may use, with the last use of IAM and STS, the only services here.
pub(super) fn get_last_accessed(call: &mut Call<'_>) -> Reply {
    let job = call.text("JobId");
    let account = &*call.account;
    let (arn, made) =
        account.running.jobs.get(job).ok_or_else(|| Error::missing(format!("Job {job} cannot be found.")))?;
    let (sources, used) = if let Some((kind, name)) = holder(account, arn) {
        (sources(account, kind, &name).0, uses(account, kind, &name)?)
    } else {
        let document = account.document(arn).unwrap_or_default();
        let source =
            Source { id: String::new(), kind: "none", arn: None, holder: (Kind::User, String::new()), document };
        (vec![source], vec![])
    };
    let mut names = namespaces(&sources);
    if names.remove("*") {
        names.extend(["iam", "sts", "s3", "ec2", "kms", "lambda", "logs", "cloudtrail"].map(str::to_owned));
    }
    let services = names.into_iter().map(|name| {
        let last = latest(&used, &name);
        let mut shown = json!({
            "ServiceName": name.to_uppercase(),
            "ServiceNamespace": name,
            "TotalAuthenticatedEntities": i32::from(last.is_some()),
        });
        if let Some(last) = last {
            shown["LastAuthenticated"] = last.date.as_str().into();
            shown["LastAuthenticatedEntity"] = arn.as_str().into();
            shown["LastAuthenticatedRegion"] = last.region.as_str().into();
        }
        (name, shown)
    });
    let mut reply = call.page("ServicesLastAccessed", services, |shown| shown)?;
    reply["JobStatus"] = "COMPLETED".into();
    reply["JobType"] = "SERVICE_LEVEL".into();
    reply["JobCreationDate"] = made.as_str().into();
    reply["JobCompletionDate"] = made.as_str().into();
    Ok(reply)
}

/// The users and roles that a job is about: one of them, a group's members, or those who hold a policy.
fn entities(account: &Account, arn: &str) -> Vec<(Kind, String)> {
    let users = account.users.values().map(|user| (Kind::User, user.name.clone()));
    let roles = account.roles.values().map(|role| (Kind::Role, role.name.clone()));
    match holder(account, arn) {
        Some((Kind::Group, group)) => {
            users.filter(|(_, name)| account.user(name).is_ok_and(|user| user.groups.contains(&group))).collect()
        }
        Some(one) => vec![one],
        None => {
            let holds = |source: &Source| source.arn.as_deref() == Some(arn);
            users.chain(roles).filter(|(kind, name)| sources(account, *kind, name).0.iter().any(holds)).collect()
        }
    }
}

/// Who may use one of a job's services, and when they last did.
pub(super) fn get_entities(call: &mut Call<'_>) -> Reply {
    let (job, service) = (call.text("JobId"), call.text("ServiceNamespace"));
    let account = &*call.account;
    let (arn, made) =
        account.running.jobs.get(job).ok_or_else(|| Error::missing(format!("Job {job} cannot be found.")))?;
    let mut found = vec![];
    for (kind, name) in entities(account, arn) {
        let granted = namespaces(&sources(account, kind, &name).0);
        if !granted.contains("*") && !granted.contains(service) {
            continue;
        }
        let (arn, id, path) = match kind {
            Kind::Role => account.role(&name).map(|role| (account.role_arn(role), &role.id, &role.path))?,
            _ => account.user(&name).map(|user| (account.user_arn(user), &user.id, &user.path))?,
        };
        let entity = json!({ "Arn": arn, "Name": name, "Type": kind.word().to_uppercase(), "Id": id, "Path": path });
        let mut shown = json!({ "EntityInfo": entity });
        if let Some(last) = latest(&uses(account, kind, &name)?, service) {
            shown["LastAuthenticated"] = last.date.as_str().into();
        }
        found.push((arn, shown));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut reply = call.page("EntityDetailsList", found, |shown| shown)?;
    reply["JobStatus"] = "COMPLETED".into();
    reply["JobCreationDate"] = made.as_str().into();
    reply["JobCompletionDate"] = made.as_str().into();
    Ok(reply)
}

pub(super) fn policies_granting(call: &mut Call<'_>) -> Reply {
    let arn = call.text("Arn");
    let account = &*call.account;
    let (kind, name) = holder(account, arn).ok_or_else(|| no_entity(arn))?;
    let sources = sources(account, kind, &name).0;
    let found = call.texts("ServiceNamespaces").into_iter().map(|namespace| {
        let granting = sources.iter().filter(|source| {
            let granted = namespaces(std::slice::from_ref(source));
            granted.contains("*") || granted.contains(namespace)
        });
        let policies: Vec<_> = granting
            .map(|source| match &source.arn {
                Some(arn) => json!({ "PolicyName": source.id, "PolicyType": "MANAGED", "PolicyArn": arn }),
                None => json!({
                    "PolicyName": source.id.rsplit('_').next().unwrap_or_default(),
                    "PolicyType": "INLINE",
                    "EntityType": source.holder.0.word().to_uppercase(),
                    "EntityName": source.holder.1,
                }),
            })
            .collect();
        (namespace, json!({ "ServiceNamespace": namespace, "Policies": policies }))
    });
    call.page("PoliciesGrantingServiceAccess", found, |shown| shown)
}
