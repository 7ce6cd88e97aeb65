//! Seeds and dumps, operations that are not there, paging, names and quotas.

mod common;

use awsiam_iam::{table, wire};
use awsiam_sandbox::{Fault, Options, Sandbox, Scenario, Seed};
use common::{Client, Refused, http, names, policy, start, start_with};
use serde_json::{Value, json};

#[test]
fn a_dump_is_a_seed_of_the_same_state() {
    for scenario in Scenario::NAMES {
        let options = || Options { scenario: scenario.parse().expect("a scenario"), ..Options::default() };
        let (sandbox, client) = start_with(options());
        assert_eq!(sandbox.dump(), Sandbox::start(options()).expect("another").dump(), "the same at every start");
        if scenario != "large" {
            client.ok("CreateUser", json!({ "UserName": "eve", "Tags": [{ "Key": "k", "Value": "v" }] }));
        }
        client.ok("CreateVirtualMFADevice", json!({ "VirtualMFADeviceName": "new" }));
        client.ok("CreateAccessKey", json!({ "UserName": "carol" }));
        let odd = format!(" {} ", policy("Allow", "s3:*"));
        client.ok("CreatePolicy", json!({ "PolicyName": "odd", "PolicyDocument": odd }));
        let dump = sandbox.dump();
        let seed: Seed = serde_json::from_value(dump.clone()).expect("a dump is a seed");
        let again = Sandbox::start(Options { seed: Some(seed), ..Options::default() }).expect("a sandbox");
        assert_eq!(again.dump().to_string(), dump.to_string());
        assert_eq!(again.keys("carol"), sandbox.keys("carol"), "secrets as well");
    }
}

#[test]
fn reading_changes_nothing_in_a_dump() {
    let (sandbox, client) = start();
    let before = sandbox.dump();
    client.ok("ListUsers", json!({}));
    client.ok("GetAccountAuthorizationDetails", json!({}));
    client.ok("GenerateCredentialReport", json!({}));
    client.sts("Action=GetCallerIdentity").expect("an identity");
    assert_eq!(sandbox.dump(), before);
}

#[test]
fn seeds_that_contradict_themselves_are_refused() {
    for (wrong, text) in [
        (json!({ "user": [] }), "unknown field"),
        (json!({ "users": [{ "name": "a", "pat": "/" }] }), "unknown field"),
        (json!({ "users": [{ "name": "a" }, { "name": "A" }] }), "regardless of case"),
        (json!({ "users": [{ "name": "a", "groups": ["g"] }] }), "the group g"),
        (json!({ "users": [{ "name": "a", "attached_policies": ["arn:aws:iam::aws:policy/Nope"] }] }), "Nope"),
        (json!({ "users": [] }), "no administrator"),
        (json!({ "account_id": "12" }), "twelve digits"),
    ] {
        let problem = match serde_json::from_value::<Seed>(wrong.clone()) {
            Err(error) => error.to_string(),
            Ok(seed) => {
                let started = Sandbox::start(Options { seed: Some(seed), ..Options::default() });
                started.expect_err(text).to_string()
            }
        };
        assert!(problem.contains(text), "{wrong}: {problem}");
    }
}

/// The least parameters that an operation takes.
fn least(members: &'static [table::Member]) -> Value {
    fn value(shape: &'static table::Shape) -> Value {
        let length = usize::try_from(shape.min.unwrap_or(1).max(1)).unwrap_or(1);
        match &shape.kind {
            table::Kind::Structure(members) => least(members),
            table::Kind::List(of) => json!([value(of)]),
            table::Kind::Map(of) => json!({ "a": value(of) }),
            table::Kind::Integer => shape.min.unwrap_or(1).into(),
            table::Kind::Boolean => true.into(),
            table::Kind::Time => "2026-01-01T00:00:00Z".into(),
            _ => match shape.values {
                [] => "1".repeat(length).into(),
                values => values[0].into(),
            },
        }
    }
    let required = members.iter().filter(|member| member.required);
    required.map(|member| (member.name.to_owned(), value(member.shape))).collect::<serde_json::Map<_, _>>().into()
}

/// A success has an effect: every write that succeeds changes the account, every read leaves it as it is, and what is
/// not there says so.
#[test]
fn no_operation_invents_a_success() {
    let (sandbox, client) = start();
    let (mut changed, mut read, mut refused, mut absent) = (0, 0, 0, 0);
    for operation in table::operations() {
        let before = sandbox.dump();
        // Where the least parameters do not fit the table's own patterns, the bare call has to be refused.
        let form = wire::encode(operation, &least(operation.input));
        let bare = format!("Action={}&Version=2010-05-08", operation.name);
        let raw = client.send("iam", form.as_ref().unwrap_or(&bare)).expect(operation.name);
        let same = sandbox.dump() == before;
        match raw.status {
            200 if operation.reads() => {
                assert!(same, "{} changed something", operation.name);
                read += 1;
            }
            200 => {
                assert!(!same, "{} succeeded and changed nothing", operation.name);
                changed += 1;
            }
            501 => {
                assert_eq!(common::refused(&raw).code, "NotImplemented");
                absent += 1;
            }
            400..=499 => {
                assert!(same && !common::refused(&raw).message.is_empty(), "{}", operation.name);
                refused += 1;
            }
            status => panic!("{}: {status}", operation.name),
        }
    }
    let counts = format!("{changed} changed, {read} read, {refused} refused, {absent} absent");
    assert!(changed >= 10 && read >= 15 && refused >= 60 && absent >= 20, "{counts}");
    let unknown = client.send("iam", "Action=FrobnicateUser&Version=2010-05-08").expect("a reply");
    assert_eq!((unknown.status, common::refused(&unknown).code.as_str()), (400, "InvalidAction"));
    assert_eq!(client.sts("Action=AssumeRoot").expect_err("absent").status, 501);
    assert_eq!(client.sts("Action=AssumeRot").expect_err("unknown").code, "InvalidAction");
}

#[test]
fn removing_between_pages_skips_nobody() {
    let (_sandbox, client) = start();
    let first = client.ok("ListUsers", json!({ "MaxItems": 2 }));
    assert_eq!(names(&first["Users"], "UserName"), ["alice", "awsiam-operator"]);
    client.ok("CreateUser", json!({ "UserName": "awsiam-z" }));
    client.ok("UpdateUser", json!({ "UserName": "alice", "NewUserName": "zoe" }));
    let rest = client.ok("ListUsers", json!({ "Marker": first["Marker"] }));
    assert_eq!(names(&rest["Users"], "UserName"), ["awsiam-z", "bob", "carol", "dave", "zoe"]);
    assert_eq!(client.no("ListRoles", json!({ "Marker": first["Marker"] })), (400, "ValidationError".to_owned()));
}

/// What a list gives one by one, by a member of its items; `between` is called after the first page.
fn one_by_one(client: &Client, operation: &str, list: &str, parameters: &Value, between: impl FnOnce()) -> Vec<Value> {
    let mut parameters = parameters.clone();
    parameters["MaxItems"] = 1.into();
    let (mut found, mut between) = (vec![], Some(between));
    loop {
        let page = client.ok(operation, parameters.clone());
        found.extend(page[list].as_array().expect("a list").clone());
        if page["IsTruncated"] == false {
            return found;
        }
        assert!(found.len() < 20, "{operation} goes round in a circle");
        let marker = page["Marker"].as_str().expect("a marker");
        assert!(marker.chars().count() <= 320, "{operation}: {} characters", marker.chars().count());
        parameters["Marker"] = marker.into();
        between.take().into_iter().for_each(|between| between());
    }
}

#[test]
fn markers_are_short_however_long_the_keys_are() {
    let (_sandbox, client) = start();
    let nothing = || ();
    let path = format!("/{}/", "p".repeat(300));
    let document = policy("Allow", "s3:*").to_string();
    let mut arns = vec![];
    for name in ["one", "three", "two"] {
        let made = client.ok("CreatePolicy", json!({ "PolicyName": name, "Path": path, "PolicyDocument": document }));
        client.ok("AttachUserPolicy", json!({ "UserName": "bob", "PolicyArn": made["Policy"]["Arn"] }));
        arns.push(made["Policy"]["Arn"].clone());
    }
    let user = json!({ "UserName": "bob" });
    let list = |between: &dyn Fn()| {
        let found = one_by_one(&client, "ListAttachedUserPolicies", "AttachedPolicies", &user, between);
        names(&found.into(), "PolicyName")
    };
    assert_eq!(list(&nothing), ["one", "three", "two"]);
    // The item that the marker names has gone: nobody is left out for that.
    let detach = || drop(client.ok("DetachUserPolicy", json!({ "UserName": "bob", "PolicyArn": arns[0] })));
    assert_eq!(list(&detach), ["one", "three", "two"]);

    for end in ["a", "b", "c"] {
        client.ok("CreateVirtualMFADevice", json!({ "VirtualMFADeviceName": "m".repeat(225) + end }));
    }
    let devices = one_by_one(&client, "ListVirtualMFADevices", "VirtualMFADevices", &json!({}), nothing);
    let serials = names(&devices.into(), "SerialNumber");
    assert_eq!(serials.iter().filter(|serial| serial.len() > 226).count(), 3, "{serials:?}");

    let tags: Vec<_> =
        ["α", "β", "γ"].iter().map(|end| json!({ "Key": "é".repeat(127) + end, "Value": "v" })).collect();
    client.ok("TagUser", json!({ "UserName": "bob", "Tags": tags }));
    assert_eq!(one_by_one(&client, "ListUserTags", "Tags", &user, nothing), tags);
}

#[test]
fn roles_and_profiles_are_shown_in_part() {
    let (_sandbox, client) = start();
    let has = |shown: &Value| {
        let asked = ["Description", "MaxSessionDuration", "RoleLastUsed", "Tags", "PermissionsBoundary"];
        asked.into_iter().filter(|name| shown.get(name).is_some()).collect::<Vec<_>>()
    };
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" },
    ] });
    let tags = json!([{ "Key": "a", "Value": "b" }]);
    let plain = json!({ "RoleName": "r", "AssumeRolePolicyDocument": trust.to_string() });
    let whole = json!({
        "RoleName": "s", "AssumeRolePolicyDocument": trust.to_string(), "Description": "d", "Tags": tags,
        "MaxSessionDuration": 7200, "PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess",
    });
    assert!(has(&client.ok("CreateRole", plain)["Role"]).is_empty());
    assert_eq!(has(&client.ok("CreateRole", whole)["Role"]), ["Description", "Tags", "PermissionsBoundary"]);
    let shown = client.ok("UpdateRoleDescription", json!({ "RoleName": "s", "Description": "e" }))["Role"].clone();
    assert_eq!((has(&shown), &shown["Description"]), (vec!["Description"], &json!("e")));
    let shown = client.ok("GetRole", json!({ "RoleName": "s" }))["Role"].clone();
    assert_eq!(has(&shown), ["Description", "MaxSessionDuration", "RoleLastUsed", "Tags", "PermissionsBoundary"]);
    let shown = client.ok("ListRoles", json!({}))["Roles"].as_array().expect("a list").clone();
    let shown = shown.iter().find(|role| role["RoleName"] == "s").expect("the role");
    assert_eq!(has(shown), ["Description", "MaxSessionDuration"]);

    let profile = json!({ "InstanceProfileName": "i" });
    assert!(has(&client.ok("CreateInstanceProfile", profile.clone())["InstanceProfile"]).is_empty());
    client.ok("AddRoleToInstanceProfile", json!({ "InstanceProfileName": "i", "RoleName": "s" }));
    let shown = client.ok("GetInstanceProfile", profile.clone())["InstanceProfile"].clone();
    assert_eq!((&shown["Tags"], has(&shown["Roles"][0])), (&json!([]), vec!["Description"]));
    client.ok("TagInstanceProfile", json!({ "InstanceProfileName": "i", "Tags": tags }));
    assert_eq!(client.ok("GetInstanceProfile", profile)["InstanceProfile"]["Tags"], tags);
    let shown = client.ok("ListInstanceProfilesForRole", json!({ "RoleName": "s" }))["InstanceProfiles"].clone();
    assert!(has(&shown[0]).is_empty(), "lists show no tags");
    let tagged = json!({ "InstanceProfileName": "j", "Tags": tags });
    assert_eq!(client.ok("CreateInstanceProfile", tagged)["InstanceProfile"]["Tags"], tags);
}

#[test]
fn a_report_of_last_use_names_who_may_use_a_service() {
    let (_sandbox, client) = start();
    let parameters = json!({ "PolicyName": "p", "PolicyDocument": policy("Allow", "iam:*").to_string() });
    let arn = client.ok("CreatePolicy", parameters)["Policy"]["Arn"].clone();
    let group = client.ok("CreateGroup", json!({ "GroupName": "watchers" }))["Group"]["Arn"].clone();
    let eve = client.user_with("eve", &Value::Null);
    for user in ["carol", "eve"] {
        client.ok("AddUserToGroup", json!({ "UserName": user, "GroupName": "watchers" }));
    }
    client.ok("AttachGroupPolicy", json!({ "GroupName": "watchers", "PolicyArn": arn }));
    client.ok("AttachRolePolicy", json!({ "RoleName": "deploy-role", "PolicyArn": arn }));
    eve.ok("ListUsers", json!({}));
    let entities = |arn: &Value, service: &str| {
        let job = client.ok("GenerateServiceLastAccessedDetails", json!({ "Arn": arn }))["JobId"].clone();
        let parameters = json!({ "JobId": job, "ServiceNamespace": service });
        let found = client.ok("GetServiceLastAccessedDetailsWithEntities", parameters);
        assert_eq!(found["JobStatus"], "COMPLETED");
        let list = found["EntityDetailsList"].as_array().expect("a list").clone();
        let name = |one: &Value| one["EntityInfo"]["Name"].as_str().expect("a name").to_owned();
        list.iter().map(|one| (name(one), one.get("LastAuthenticated").is_some())).collect::<Vec<_>>()
    };
    let entry = |name: &str, used: bool| (name.to_owned(), used);
    assert_eq!(entities(&arn, "iam"), [entry("deploy-role", false), entry("eve", true), entry("carol", false)]);
    assert_eq!(entities(&group, "iam"), [entry("eve", true), entry("carol", false)]);
    let user = client.ok("GetUser", json!({ "UserName": "eve" }))["User"]["Arn"].clone();
    assert_eq!(entities(&user, "iam"), [entry("eve", true)]);
    assert_eq!(entities(&user, "s3"), [], "eve may not use it");
    let no_job = json!({ "JobId": "1".repeat(36), "ServiceNamespace": "iam" });
    assert_eq!(client.no("GetServiceLastAccessedDetailsWithEntities", no_job), (404, "NoSuchEntity".to_owned()));
}

#[test]
fn a_service_has_a_role_of_its_own() {
    let (sandbox, client) = start();
    for (service, name, policy) in [
        ("batch", "Batch", Some("BatchServiceRolePolicy")),
        ("config", "Config", Some("AWSConfigServiceRolePolicy")),
        ("connect", "AmazonConnect", Some("AmazonConnectServiceLinkedRolePolicy")),
        ("ops.apigateway", "APIGateway", Some("APIGatewayServiceRolePolicy")),
        ("ops.emr-serverless", "AmazonEMRServerless", Some("AmazonEMRServerlessServiceRolePolicy")),
        // The last are in no table: they are named after the service, and still apart.
        ("ops.new-thing", "OpsNew-Thing", None),
        ("new-thing", "New-Thing", None),
        ("odd-.thing", "Odd-Thing", None),
    ] {
        let principal = format!("{service}.amazonaws.com");
        let made = client.ok("CreateServiceLinkedRole", json!({ "AWSServiceName": principal }))["Role"].clone();
        let name = format!("AWSServiceRoleFor{name}");
        assert_eq!(
            (&made["RoleName"], &made["Path"]),
            (&json!(name), &json!(format!("/aws-service-role/{principal}/")))
        );
        let trust: Value =
            serde_json::from_str(made["AssumeRolePolicyDocument"].as_str().expect("a policy")).expect("JSON");
        let statement = json!({ "Effect": "Allow", "Principal": { "Service": principal }, "Action": "sts:AssumeRole" });
        assert_eq!(trust["Statement"], json!([statement]));
        let attached = client.ok("ListAttachedRolePolicies", json!({ "RoleName": name }));
        assert_eq!(names(&attached["AttachedPolicies"], "PolicyName"), Vec::from_iter(policy));
    }
    let described = client.ok("CreateServiceLinkedRole", json!({ "AWSServiceName": "rds.amazonaws.com" }));
    assert_eq!(described["Role"]["Description"], "Allows Amazon RDS to manage AWS resources on your behalf");
    assert!(serde_json::from_value::<Seed>(sandbox.dump()).is_ok());
    let invalid = (400, "InvalidInput".to_owned());
    for service in ["amazonaws.com", ".amazonaws.com", "a..b.amazonaws.com", "batch"] {
        assert_eq!(client.no("CreateServiceLinkedRole", json!({ "AWSServiceName": service })), invalid, "{service}");
    }
}

#[test]
fn few_services_have_roles_with_a_suffix() {
    let (_sandbox, client) = start();
    let create = |service: &str| {
        client.iam("CreateServiceLinkedRole", json!({ "AWSServiceName": service, "CustomSuffix": "two" }))
    };
    for (service, name) in [("autoscaling", "AutoScaling"), ("connect", "AmazonConnect"), ("lexv2", "LexV2Bots")] {
        let made = create(&format!("{service}.amazonaws.com")).expect(service);
        assert_eq!(made["Role"]["RoleName"], format!("AWSServiceRoleFor{name}_two"));
    }
    for service in ["batch", "ops.apigateway", "new-thing"] {
        let refused = create(&format!("{service}.amazonaws.com")).expect_err(service);
        let message = format!("Custom suffix is not allowed for {service}.amazonaws.com");
        assert_eq!(refused, Refused { status: 400, code: "InvalidInput".to_owned(), message });
    }
}

#[test]
fn a_renamed_user_keeps_its_id_its_keys_and_its_groups() {
    let (sandbox, client) = start();
    let id = client.ok("GetUser", json!({ "UserName": "alice" }))["User"]["UserId"].clone();
    let key = sandbox.keys("alice")[0].access_key_id.clone();
    client.ok("UpdateUser", json!({ "UserName": "alice", "NewUserName": "ALICE", "NewPath": "/x/" }));
    assert_eq!(client.no("GetUser", json!({ "UserName": "alice" })).0, 404, "names are addressed with their case");
    let user = client.ok("GetUser", json!({ "UserName": "ALICE" }))["User"].clone();
    assert_eq!((&user["UserId"], &user["Arn"]), (&id, &json!("arn:aws:iam::123456789012:user/x/ALICE")));
    assert_eq!(client.ok("GetAccessKeyLastUsed", json!({ "AccessKeyId": key }))["UserName"], "ALICE");
    assert_eq!(client.no("CreateUser", json!({ "UserName": "Alice" })).1, "EntityAlreadyExists");
    let groups = client.ok("ListGroupsForUser", json!({ "UserName": "ALICE" }));
    assert_eq!(names(&groups["Groups"], "GroupName"), ["admins", "developers"]);
}

#[test]
fn quotas_of_inline_policies_count_all_of_them_without_white_space() {
    let (_sandbox, client) = start();
    let document = |actions: usize| {
        let list: Vec<_> = (0..actions).map(|n| format!("s3:GetObject{n:04}")).collect();
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": list, "Resource": "*" }] })
    };
    let put = |name: &str, document: &str| {
        client.iam("PutUserPolicy", json!({ "UserName": "carol", "PolicyName": name, "PolicyDocument": document }))
    };
    let spaced = serde_json::to_string_pretty(&document(90)).expect("JSON");
    assert!(spaced.len() > 2_048);
    put("one", &spaced).expect("white space does not count");
    let refused = put("two", &document(20).to_string()).expect_err("together they are too long");
    assert_eq!((refused.status, refused.code.as_str()), (409, "LimitExceeded"));
    put("one", &document(20).to_string()).expect("a policy takes its own place");
    put("two", &document(20).to_string()).expect("now there is room");
}

#[test]
fn other_partitions_have_their_own_arns() {
    let (_sandbox, client) = start_with(Options { partition: "aws-us-gov".to_owned(), ..Options::default() });
    let user = client.ok("GetUser", json!({ "UserName": "alice" }))["User"].clone();
    assert_eq!(user["Arn"], "arn:aws-us-gov:iam::123456789012:user/engineering/alice");
    let deny = "arn:aws-us-gov:iam::aws:policy/AWSDenyAll";
    client.ok("AttachUserPolicy", json!({ "UserName": "alice", "PolicyArn": deny }));
    let foreign = json!({ "UserName": "alice", "PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll" });
    assert_eq!(client.no("AttachUserPolicy", foreign), (400, "ValidationError".to_owned()));
}

#[test]
fn a_policy_is_named_by_an_arn_of_its_own() {
    let (_sandbox, client) = start();
    let document = policy("Allow", "s3:*").to_string();
    // Parameters besides the ARN, by operation.
    let calls = [
        ("AttachUserPolicy", json!({ "UserName": "bob" })),
        ("DetachUserPolicy", json!({ "UserName": "bob" })),
        ("AttachGroupPolicy", json!({ "GroupName": "admins" })),
        ("DetachGroupPolicy", json!({ "GroupName": "admins" })),
        ("AttachRolePolicy", json!({ "RoleName": "app-role" })),
        ("DetachRolePolicy", json!({ "RoleName": "app-role" })),
        ("GetPolicy", json!({})),
        ("DeletePolicy", json!({})),
        ("ListEntitiesForPolicy", json!({})),
        ("CreatePolicyVersion", json!({ "PolicyDocument": document })),
        ("GetPolicyVersion", json!({ "VersionId": "v1" })),
        ("ListPolicyVersions", json!({})),
        ("SetDefaultPolicyVersion", json!({ "VersionId": "v1" })),
        ("DeletePolicyVersion", json!({ "VersionId": "v1" })),
        ("TagPolicy", json!({ "Tags": [{ "Key": "a", "Value": "b" }] })),
        ("UntagPolicy", json!({ "TagKeys": ["a"] })),
        ("ListPolicyTags", json!({})),
    ];
    let refused = |operation: &str, parameters: &Value, arn: &str| {
        let mut parameters = parameters.clone();
        parameters["PolicyArn"] = arn.into();
        let refused = client.iam(operation, parameters).expect_err(operation);
        assert_eq!(refused.status, 400, "{operation}: {refused:?}");
        (refused.code, refused.message)
    };
    let role = "arn:aws:iam::123456789012:role/app-role";
    for (operation, parameters) in &calls {
        for none in ["longpolicynamebutnoarn", "arn:aws:iam:123456789012:policy/p", "arn:aws:iam::123456789012:"] {
            let (code, message) = refused(operation, parameters, none);
            assert_eq!((&*code, &*message), ("ValidationError", "Invalid ARN:  Could not be parsed!"), "{operation}");
        }
        let (code, message) = refused(operation, parameters, "arn:aws-cn:iam::aws:policy/ReadOnlyAccess");
        assert_eq!((&*code, &*message), ("ValidationError", "Invalid ARN partition"), "{operation}");
        let (code, message) = refused(operation, parameters, role);
        assert_eq!((code, message), ("InvalidInput".to_owned(), format!("ARN {role} is not valid.")), "{operation}");
    }
    let boundary =
        |arn: &str| client.no("PutUserPermissionsBoundary", json!({ "UserName": "bob", "PermissionsBoundary": arn }));
    for arn in ["longpolicynamebutnoarn", role] {
        assert_eq!(boundary(arn), (400, "ValidationError".to_owned()));
    }
}

#[test]
fn browsers_are_sent_away_and_other_paths_are_not_there() {
    let (_sandbox, client) = start();
    let get = |path: &str| http(&client.host, "GET", path, &[], "").expect("a reply");
    assert_eq!(get("/").status, 302);
    assert_eq!(get("/?Action=ListUsers&Version=2010-05-08").status, 403);
    assert_eq!(get("/admin").status, 404);
    assert_eq!(http(&client.host, "PUT", "/", &[], "").expect("a reply").status, 404);
}

const README: &str = include_str!("../README.md");

#[test]
fn the_seed_of_the_readme_can_be_started() {
    let from = README.find("```json\n").expect("a seed") + 8;
    let text = README[from..].split("```").next().expect("its end");
    let seed: Seed = serde_json::from_str(text).expect("a seed");
    let sandbox = Sandbox::start(Options { seed: Some(seed), ..Options::default() }).expect("a sandbox");
    assert_eq!(sandbox.keys("eve")[0].status, "Inactive");
}

#[test]
fn the_faults_of_the_readme_are_all_that_there_are() {
    let table = README.split("| `do` | effect |").nth(1).expect("the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut effects = std::collections::BTreeSet::new();
    for row in rows {
        let effect = row.split('`').nth(1).expect("an effect").replace('…', "DeleteUser");
        let fault = serde_json::from_str::<Fault>(&format!("{{\"do\":{effect}}}")).expect(row);
        let written = serde_json::to_value(&fault.effect).expect("JSON");
        let name = written.as_str().or_else(|| written.as_object()?.keys().next().map(String::as_str));
        effects.insert(name.expect("a name").to_owned());
    }
    // The compiler's own list of what there is, from its refusal of what there is not.
    let refusal = serde_json::from_str::<Fault>(r#"{"do":"nothing"}"#).expect_err("no such effect").to_string();
    let known: std::collections::BTreeSet<_> = refusal.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    assert_eq!(effects, known);
}
