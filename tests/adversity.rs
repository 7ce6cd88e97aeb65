//! A rival at work, rights that are missing at the wrong moment, answers that are lost: what must never be called done,
//! what must never be touched, and what has to be said.

#![allow(clippy::needless_pass_by_value, reason = "json!(…) stands at every call")]

mod support;

use awsiam_sandbox::{Effect, Fault};
use serde_json::{Value, json};
use support::trials::TRUST;
use support::{CANARY, World, denied};

fn rival(at: &str, before: bool, operation: &str, parameters: Value) -> Fault {
    let parameters = parameters.as_object().unwrap().clone();
    Fault::nth(at, 1, Effect::Rival { before, operation: operation.into(), parameters })
}

fn rename(user: &str, at: &str) -> Fault {
    rival(at, true, "UpdateUser", json!({ "UserName": user, "NewUserName": "zoe" }))
}

fn user(world: &World, name: &str) -> Value {
    let state = world.state();
    state["users"].as_array().unwrap().iter().find(|user| user["name"] == name).cloned().unwrap_or_default()
}

/// Credentials that cannot be had for a moment are asked for again, and the role behind the asset is guarded by its name
/// also while nobody can say who the caller is.
#[test]
fn a_hiccup_of_sts_does_not_disarm_the_guard() {
    let world = World::new();
    let asset = json!({ "role_arn": "arn:aws:iam::123456789012:role/deploy-role" });
    world.fault(Fault::nth("AssumeRole", 1, Effect::Unavailable));
    let ran =
        world.run_with("remove role", json!({ "role_name": "deploy-role" }), asset.clone()).expect("failed", "itself");
    assert_eq!(ran.record()["failure"]["rule"], "yourself", "{}", ran.stdout);
    world.fault(Fault::nth("AssumeRole", 1, Effect::Unavailable));
    world.run_with("list roles", json!({}), asset.clone()).expect("success", "asked again");
    world.fault(Fault::every("GetCallerIdentity", Effect::Unavailable));
    let ran =
        world.run_with("remove role", json!({ "role_name": "deploy-role" }), asset).expect("failed", "itself, unknown");
    assert_eq!(ran.record()["failure"]["rule"], "yourself", "{}", ran.stdout);
    assert!(world.state().to_string().contains("deploy-role"));
}

/// "Not found" about a target that was never seen is no proof of anything.
#[test]
fn what_was_never_seen_is_not_called_done() {
    // The caller may not look at users, and the user is renamed before the first change.
    let world = World::new();
    world.sandbox.set_faults(vec![Fault::nth("GetUser", 1, denied()), rename("alice", "DeleteLoginProfile")]);
    let ran = world.run("disable user", json!({ "username": "alice" })).expect("success", "found by a key");
    assert_eq!(ran.record()["target"]["name"], "zoe", "{}", ran.stdout);
    assert!(user(&world, "zoe")["login_profile"].is_null(), "followed");
    // Without a key to find it by, and without the right to look at users.
    let world = World::new();
    world.sandbox.set_faults(vec![Fault::every("GetUser", denied()), rename("carol", "DeleteLoginProfile")]);
    let ran = world.run("disable user", json!({ "username": "carol" })).expect("failed", "renamed unseen");
    assert_ne!(ran.record()["verified"]["state"], "verified", "{}", ran.stdout);
    assert!(user(&world, "zoe")["login_profile"].is_object(), "it is alive, and nobody says otherwise");
    // A name that nobody has.
    let world = World::new();
    world.fault(Fault::every("GetUser", denied()));
    let set = json!({ "username": "nosuchuser", "disable_access_keys": false });
    let ran = world.run("disable user", set).expect("failed", "mistyped");
    assert!(ran.message().contains("Whether user nosuchuser is there at all could not be told"), "{}", ran.message());
}

/// A renamed target that cannot be found again is a doubt, not a success.
#[test]
fn a_target_that_cannot_be_located_is_a_doubt() {
    let world = World::new();
    let lookups = ["ListUsers", "GetAccessKeyLastUsed"].map(|operation| Fault::every(operation, denied()));
    world.sandbox.set_faults([vec![rename("alice", "DeleteLoginProfile")], lookups.to_vec()].concat());
    let ran = world.run("disable user", json!({ "username": "alice" })).expect("failed", "somewhere else");
    assert!(ran.message().contains("where the target is could not be told"), "{}", ran.message());
}

/// Whoever takes the name after the target is gone is somebody else.
#[test]
fn a_namesake_is_left_alone() {
    let world = World::new();
    world.sandbox.set_faults(vec![
        rival("DeleteUser", false, "CreateUser", json!({ "UserName": "mallory" })),
        rival(
            "DeleteUser",
            false,
            "CreateLoginProfile",
            json!({ "UserName": "mallory", "Password": "not-a-real-Passw0rd!" }),
        ),
        rival("DeleteUser", false, "AddUserToGroup", json!({ "UserName": "mallory", "GroupName": "developers" })),
    ]);
    world.run("delete user", json!({ "username": "mallory" })).expect("success", "the one is gone");
    let namesake = user(&world, "mallory");
    assert!(namesake["login_profile"].is_object(), "{namesake}");
    assert_eq!(namesake["groups"], json!(["developers"]));
}

#[test]
fn the_connector_s_own_keys_are_guarded_wherever_they_are() {
    let role = json!({ "role_arn": "arn:aws:iam::123456789012:role/deploy-role" });
    // Through an assumed role, also where no step lists keys.
    let world = World::new();
    let set = json!({ "username": "awsiam-operator", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess" });
    let ran = world.run_with("remove policy", set, role).expect("failed", "base user");
    assert_eq!(ran.record()["failure"]["rule"], "yourself", "{}", ran.stdout);
    // With other credentials for the parameter set.
    let world = World::new();
    let bob = &world.sandbox.keys("bob")[0];
    let own = json!({ "AccessKeyId": bob.access_key_id, "SecretAccessKey": bob.secret_access_key });
    let set = json!({ "username": "awsiam-operator", "credentials": own.to_string() });
    let ran = world.run("disable user", set).expect("failed", "the asset's user");
    assert_eq!(ran.record()["failure"]["rule"], "yourself", "{}", ran.stdout);
    assert!(world.sandbox.keys("awsiam-operator").iter().all(|key| key.status == "Active"));
}

#[test]
fn giving_to_a_target_that_vanished_is_a_failure() {
    let world = World::new();
    world.fault(rival(
        "AddUserToGroup",
        false,
        "RemoveUserFromGroup",
        json!({ "UserName": "carol", "GroupName": "developers" }),
    ));
    let ran =
        world.run("add user", json!({ "username": "carol", "group_name": "developers" })).expect("success", "again");
    assert_eq!(ran.record()["rounds"], 2, "what a rival undid is done again");
    let world = World::new();
    world.sandbox.set_faults(vec![
        rival("AddUserToGroup", true, "DeleteLoginProfile", json!({ "UserName": "carol" })),
        rival("AddUserToGroup", true, "DeleteUser", json!({ "UserName": "carol" })),
    ]);
    world.run("add user", json!({ "username": "carol", "group_name": "developers" })).expect("failed", "vanished");
}

#[test]
fn a_missing_role_in_another_account_is_no_success() {
    let world = World::new();
    let ran = world.run_with("remove role", json!({ "role_name": "nothing" }), json!({ "account_id": "999999999999" }));
    let ran = ran.expect("failed", "another account");
    assert_eq!(ran.record()["failure"]["rule"], "wrong_account", "{}", ran.stdout);
}

/// A creation whose answer was lost is looked for, not made again; what it made is neither forgotten nor left.
#[test]
fn a_lost_creation_is_not_repeated() {
    let world = World::new();
    let set = json!({ "role_name": "new-role", "role_policy_document": TRUST });
    world.sandbox.set_faults(vec![
        Fault::nth("CreateRole", 1, Effect::LoseReply),
        Fault::every("GetRole", Effect::Lag { milliseconds: 60_000 }),
    ]);
    world.run("add role", set.clone()).expect("failed", "in doubt");
    let creations = world.calls().iter().filter(|seen| seen.operation == "CreateRole").count();
    assert_eq!(creations, 1, "not made again");
    world.no_faults();
    world.run("add role", set).expect("success", "a retry works");
}

#[test]
fn a_password_whose_answer_was_lost_is_not_called_unchanged() {
    let world = World::new();
    world.run("disable user", json!({ "username": "carol" })).expect("success", "no password");
    world.fault(Fault::nth("CreateLoginProfile", 1, Effect::LoseReply));
    let ran = world.run("enable user", json!({ "username": "carol", "password": CANARY })).expect("success", "set");
    assert_eq!(ran.message(), "User carol enabled successfully");
    assert_eq!(ran.first()["data"][0]["PasswordChanged"], "true", "{}", ran.stdout);
}

/// One read that hangs does not use up the time in which access could be taken away.
#[test]
fn a_hanging_read_does_not_stop_containment() {
    let world = World::new();
    world.fault(Fault::every("GetCallerIdentity", Effect::Stall { seconds: 30.0, executed: false }));
    let asset = json!({ "timeout": 9, "attempt_timeout": 9 });
    let ran = world.run_with("disable user", json!({ "username": "alice" }), asset).expect("success", "contained");
    assert!(ran.record()["notes"].to_string().contains("guard against acting on oneself"), "{}", ran.stdout);
}

#[test]
fn a_look_that_cannot_read_any_more_says_so() {
    let world = World::new();
    let later = Fault { occurrences: (2..20).collect(), ..Fault::every("ListAccessKeys", denied()) };
    world
        .sandbox
        .set_faults(vec![later, rival("DeleteLoginProfile", false, "CreateAccessKey", json!({ "UserName": "carol" }))]);
    let ran = world.run("disable user", json!({ "username": "carol" }));
    assert!(ran.message().contains("access keys could not be read again"), "{}", ran.message());
}

/// What one action left unfinished is not forgotten when another one succeeds.
#[test]
fn memories_are_of_one_action() {
    let world = World::new();
    world.fault(Fault::every("RemoveUserFromGroup", denied()));
    world.run("delete user", json!({ "username": "dave" })).expect("failed", "half done");
    world.no_faults();
    world.run("disable user", json!({ "username": "dave" })).expect("success", "another action");
    world.run("delete user", json!({ "username": "dave" })).expect("success", "finished");
    assert!(!world.state()["virtual_mfa_devices"].to_string().contains("dave"));
}

#[test]
fn a_misspelt_secret_is_not_echoed() {
    let world = World::new();
    let ran = world.run("enable user", json!({ "username": "bob", "pasword": CANARY, "passphrase": CANARY }));
    assert_eq!(ran.code, 2);
    assert!(!ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY), "{}", ran.stdout);
}

#[test]
fn a_dry_run_does_not_take_a_denied_read_for_none() {
    let world = World::new();
    world.fault(Fault::every("ListAccessKeys", denied()));
    let ran = world.run("disable user", json!({ "username": "alice", "dry_run": true }));
    assert!(ran.message().contains("Not known, because it could not be read: access keys"), "{}", ran.message());
}

#[test]
fn a_policy_that_somebody_else_detached_in_between_is_detached() {
    let world = World::new();
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    world.fault(rival("DetachUserPolicy", true, "DetachUserPolicy", json!({ "UserName": "alice", "PolicyArn": arn })));
    world.run("remove policy", json!({ "username": "alice", "policy_arn": arn })).expect("success", "as wanted");
}

/// A rival who undoes each change: the result names what was still shown, and does not call it verified.
#[test]
fn what_is_undone_again_and_again_is_named() {
    let world = World::new();
    let undo = json!({ "UserName": "alice", "AccessKeyId": "AKIASANDBOXALICE0001", "Status": "Active" });
    let effect = Effect::Rival {
        before: false,
        operation: "UpdateAccessKey".into(),
        parameters: undo.as_object().unwrap().clone(),
    };
    world.fault(Fault::every("UpdateAccessKey", effect));
    let ran = world.run("disable user", json!({ "username": "alice" }));
    assert_eq!(ran.record()["verified"]["state"], "unconfirmed", "{}", ran.stdout);
    assert!(ran.message().contains("still to deactivate access key AKIASANDBOXALICE0001"), "{}", ran.message());
}

/// The attacker's key dies, and so does what was made of it: the deny bites, and sessions end.
#[test]
fn a_contained_user_can_do_nothing() {
    let world = World::new();
    let key = &world.sandbox.keys("alice")[0];
    let attacker = json!({
        "action": "list users",
        "config": { "access_key": key.access_key_id, "secret_key": key.secret_access_key, "endpoint_url": world.sandbox.endpoint() },
    })
    .to_string();
    world.run("quarantine user", json!({ "username": "alice" })).expect("success", "quarantined");
    let denied = support::run(&["run"], &attacker, &[]);
    assert!(denied.message().contains("AccessDenied"), "the deny bites: {}", denied.message());
    let ran = world.run("contain user", json!({ "username": "alice" })).expect("success", "contained");
    assert!(ran.first()["data"][0]["Survives"].as_array().is_some_and(|survives| !survives.is_empty()));
    assert!(
        ran.record()["observed"]["everything"]["inline_policies"].to_string().contains("deploy-site"),
        "{}",
        ran.stdout
    );
    let policies = ran.record()["observed"]["everything"]["attached_policies"].to_string();
    assert!(policies.contains("arn:aws:s3:::example-docs"), "managed policies with their documents: {policies}");
    let dead = support::run(&["run"], &attacker, &[]);
    assert!(dead.message().contains("InvalidClientTokenId"), "{}", dead.message());
}

/// Sessions of roles are not the user's: those that its policies and the roles' trust let it assume are named.
#[test]
fn the_roles_that_a_contained_user_may_assume_are_named() {
    for action in ["contain user", "revoke user sessions"] {
        let world = World::new();
        let ran = world.run(action, json!({ "username": "alice" })).expect("success", action);
        let row = &ran.first()["data"][0];
        assert_eq!(row["AssumableRoles"], json!(["arn:aws:iam::123456789012:role/deploy-role"]), "{}", ran.stdout);
        // What may not be read is not taken for none.
        let world = World::new();
        world.fault(Fault::every("GetPolicyVersion", denied()));
        let ran = world.run(action, json!({ "username": "alice" })).expect("success", action);
        let row = ran.first()["data"][0].to_string();
        assert!(row.contains("may assume is not known in full") && row.contains("GetPolicyVersion"), "{row}");
    }
}

/// Where the asset demands it, a deletion repeats the name; tags protect as names do.
#[test]
fn deletions_are_confirmed_and_tags_protect() {
    let world = World::new();
    let before = world.state();
    let strict = json!({ "confirm_deletes": true });
    for (action, set) in
        [("delete user", json!({ "username": "bob" })), ("remove role", json!({ "role_name": "app-role" }))]
    {
        let ran = world.run_with(action, set, strict.clone()).expect("failed", "not confirmed");
        assert_eq!(ran.record()["failure"]["rule"], "confirm", "{}", ran.stdout);
        assert!(ran.message().contains("give the parameter confirm with the value"), "{}", ran.message());
    }
    let tagged = json!({ "protected_principals": "tag:department=eng*, tag:owner" });
    for (action, set) in
        [("contain user", json!({ "username": "alice" })), ("lock role trust", json!({ "role_name": "app-role" }))]
    {
        let ran = world.run_with(action, set, tagged.clone()).expect("failed", "protected");
        assert_eq!(ran.record()["failure"]["rule"], "protected_principal", "{}", ran.stdout);
    }
    assert_eq!(world.state(), before);
    world
        .run_with("delete user", json!({ "username": "bob", "confirm": "bob" }), strict)
        .expect("success", "confirmed");
}

/// Deleting a quarantined user takes the deny away last, and not at all where what allows could not be removed; when its
/// keys were last used is in the evidence.
#[test]
fn a_deletion_lifts_the_quarantine_last_and_keeps_when_keys_were_used() {
    let world = World::new();
    world.run("quarantine user", json!({ "username": "alice" })).expect("success", "quarantined");
    world.fault(Fault::every("DetachUserPolicy", denied()));
    let ran = world.run("delete user", json!({ "username": "alice" })).expect("failed", "policies stay");
    assert!(user(&world, "alice")["inline_policies"]["awsiam-quarantine"].is_object(), "{}", ran.stdout);
    let keys = ran.record()["observed"]["access_keys"].to_string();
    assert!(keys.contains("2026-01-09T03:14:15Z"), "{keys}");
    world.no_faults();
    world.run("delete user", json!({ "username": "alice" })).expect("success", "gone on with");
}

/// With a rival who adds a key, reactivates one, takes the deny away or renames the user, a containment ends with no
/// working credential.
#[test]
fn containment_holds_against_a_rival() {
    let cases = [
        rival("PutUserPolicy", false, "CreateAccessKey", json!({ "UserName": "bob" })),
        rival(
            "DeleteLoginProfile",
            false,
            "UpdateAccessKey",
            json!({ "UserName": "bob", "AccessKeyId": "AKIASANDBOXBOB000001", "Status": "Active" }),
        ),
        rival(
            "DeleteLoginProfile",
            false,
            "DeleteUserPolicy",
            json!({ "UserName": "bob", "PolicyName": "awsiam-quarantine" }),
        ),
        rename("bob", "PutUserPolicy"),
    ];
    for fault in cases {
        let world = World::new();
        // Two keys are the quota: room for the rival's.
        world.run("remove user", json!({ "username": "bob", "group_name": "developers" }));
        world.fault(fault.clone());
        let ran = world.run("contain user", json!({ "username": "bob" })).expect("success", &format!("{fault:?}"));
        let name = ran.record()["target"]["name"].as_str().unwrap().to_owned();
        let bob = user(&world, &name);
        assert!(bob["login_profile"].is_null(), "{fault:?}: {bob}");
        let keys = bob["access_keys"].as_array().unwrap();
        assert!(keys.iter().all(|key| key["status"] == "Inactive"), "{fault:?}: {bob}");
        assert!(bob["inline_policies"]["awsiam-quarantine"].is_object(), "{fault:?}: {bob}");
    }
}

/// Each part of a containment is done although another one may not be.
#[test]
fn a_part_that_fails_does_not_stop_the_others() {
    let world = World::new();
    world.fault(Fault::every("PutUserPolicy", denied()));
    let ran = world.run("contain user", json!({ "username": "alice" })).expect("failed", "no deny");
    let alice = user(&world, "alice");
    assert!(alice["login_profile"].is_null(), "{}", ran.stdout);
    assert!(alice["access_keys"].as_array().unwrap().iter().all(|key| key["status"] == "Inactive"));
    assert!(ran.message().contains("NOT fully contained"), "{}", ran.message());
}

/// A reply that would take all of the memory is cut off, and told as one that did not come whole.
#[test]
fn a_reply_that_does_not_end_is_cut_off() {
    let world = World::new();
    for (padding, status) in [(1 << 20, "success"), (65 << 20, "failed")] {
        let body = format!(
            "<ListUsersResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListUsersResult><IsTruncated>false</IsTruncated><Users>{}</Users></ListUsersResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></ListUsersResponse>",
            " ".repeat(padding)
        );
        world.fault(Fault::every(
            "ListUsers",
            Effect::Respond { status: 200, content_type: None, headers: serde_json::Map::new(), body },
        ));
        let ran = world.run_with("list users", json!({}), json!({ "timeout": 5 })).expect(status, "the reply's size");
        let told = ran.message().contains("broke before a whole answer came");
        assert_eq!(told, status == "failed", "{}", ran.message());
    }
}

/// A read of a later stage that hangs holds up neither the deny nor the looks that follow, and is made up for.
#[test]
fn a_slow_read_does_not_hold_up_the_deny() {
    let world = World::new();
    let stall = || Effect::Stall { seconds: 60.0, executed: false };
    world.sandbox.set_faults(vec![
        Fault::nth("ListSSHPublicKeys", 1, stall()),
        // The evidence's own.
        Fault::nth("ListMFADevices", 1, stall()),
        rival(
            "UpdateSSHPublicKey",
            false,
            "UpdateAccessKey",
            json!({
                "UserName": "mallory", "AccessKeyId": "AKIASANDBOXMALLORY01", "Status": "Active",
            }),
        ),
    ]);
    let ran = world.run_with("contain user", json!({ "username": "mallory" }), json!({ "timeout": 15 }));
    let ran = ran.expect("success", "contained");
    assert_eq!(ran.record()["verified"]["state"], "verified", "{}", ran.stdout);
    let calls: Vec<_> = world.calls().into_iter().map(|seen| seen.operation).collect();
    let place = |operation: &str| calls.iter().position(|call| call == operation).unwrap();
    // The read was not even tried again before the deny was there.
    let before = calls[..place("PutUserPolicy")].iter().filter(|call| *call == "ListSSHPublicKeys").count();
    assert!(before <= 1, "{calls:?}");
    let mallory = user(&world, "mallory");
    assert!(mallory["access_keys"].as_array().unwrap().iter().all(|key| key["status"] == "Inactive"), "{mallory}");
    assert!(mallory["ssh_public_keys"].as_array().unwrap().iter().all(|key| key["status"] == "Inactive"), "{mallory}");
    assert!(ran.record()["observed"]["everything"]["mfa_devices"]["unknown"].is_object(), "{}", ran.stdout);
}

/// A session that was made with a key that a rival had switched on again is revoked too.
#[test]
fn sessions_are_revoked_after_the_last_credential_is_off() {
    let world = World::new();
    let key = json!({ "UserName": "alice", "AccessKeyId": "AKIASANDBOXALICE0001", "Status": "Active" });
    world.sandbox.set_faults(vec![
        rival("PutUserPolicy", false, "UpdateAccessKey", key),
        Fault::nth("UpdateAccessKey", 3, Effect::Delay { milliseconds: 2_500 }),
    ]);
    let set = json!({ "username": "alice", "quarantine": false });
    let ran = world.run("contain user", set).expect("success", "contained");
    let off = ran
        .changes()
        .iter()
        .filter(|change| change["operation"] == "UpdateAccessKey")
        .map(|change| change["at"].as_str().unwrap().to_owned())
        .max()
        .unwrap();
    let changes = ran.changes();
    let revoked = changes.iter().find(|change| change["operation"] == "PutUserPolicy").unwrap();
    let stamp = revoked["change"].as_str().unwrap().trim_start_matches("revoke sessions issued before ");
    assert!(stamp[..19] > off[..19], "revoked before {stamp}, off at {off}: {}", ran.stdout);
}

/// Where the quota leaves no room for inline policies, the managed deny stands in for the revocation, and it is said.
#[test]
fn over_the_quota_the_deny_covers_the_sessions() {
    // Room for the deny alone, and for neither.
    for (principal, size) in [("user", 1_650), ("user", 1_900), ("role", 10_000)] {
        let world = World::new();
        let (parameter, name) = if principal == "user" { ("username", "carol") } else { ("role_name", "app-role") };
        let document = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{}", "x".repeat(size)),
        }] });
        let (operation, member) =
            if principal == "user" { ("PutUserPolicy", "UserName") } else { ("PutRolePolicy", "RoleName") };
        let set = json!({ member: name, "PolicyName": "large", "PolicyDocument": document.to_string() });
        world.run(&format!("iam:{operation}"), set).expect("success", "large");
        let ran = world.run(&format!("contain {principal}"), json!({ parameter: name }));
        let ran = ran.expect("success", "contained");
        let survives = ran.first()["data"][0]["Survives"].to_string();
        assert!(survives.contains("as long as the quarantine is in force"), "{survives}");
        let policies = world.state()[format!("{principal}s")].to_string();
        assert_eq!(policies.contains("policy/AWSDenyAll"), size != 1_650, "{policies}");
        assert!(!policies.contains("awsiam-revoke-sessions"), "{policies}");
        let ran = world.run(&format!("release {principal}"), json!({ parameter: name })).expect("failed", "no room");
        assert!(ran.message().contains("make room first"), "{}", ran.message());
    }
}

/// A containment from which parts are left out says so, and what works still.
#[test]
fn a_containment_in_part_says_so() {
    let world = World::new();
    let set = json!({ "username": "alice", "quarantine": false, "credentials_off": false });
    let ran = world.run("contain user", set).expect("success", "sessions alone");
    assert!(ran.message().contains("contained in part, without: quarantine, credentials off"), "{}", ran.message());
    let survives = ran.first()["data"][0]["Survives"].to_string();
    assert!(survives.contains("Active: AKIASANDBOXALICE0001, AKIASANDBOXALICE0002"), "{survives}");
    let set = json!({ "role_name": "app-role", "sessions": false, "lock_trust": false });
    let ran = world.run("contain role", set).expect("success", "the deny alone");
    assert!(ran.message().contains("contained in part, without: lock trust, sessions"), "{}", ran.message());
    for (action, set) in [
        (
            "contain user",
            json!({ "username": "alice", "quarantine": false, "credentials_off": false, "sessions": false }),
        ),
        (
            "contain role",
            json!({ "role_name": "app-role", "quarantine": false, "lock_trust": false, "sessions": false }),
        ),
    ] {
        let world = World::new();
        let ran = world.run(action, set).expect("failed", "nothing is left of it");
        assert!(ran.message().contains("nothing would be contained") && world.calls().is_empty(), "{}", ran.message());
    }
}

/// AWS's own quarantine policies are not containment, and whoever relies on one is told.
#[test]
fn aws_s_quarantine_is_reported_as_no_containment() {
    let theirs = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3";
    for set in
        [json!(["quarantine user", {}]), json!(["contain user", {}]), json!(["contain user", { "quarantine": false }])]
    {
        let world = World::new();
        let attach = json!({ "username": "alice", "policy_arn": theirs });
        world.run("assign policy", attach).expect("success", "attached");
        let mut parameters = set[1].clone();
        parameters["username"] = "alice".into();
        let ran = world.run(set[0].as_str().unwrap(), parameters).expect("success", "contained");
        let warnings = ran.first()["data"][0]["Warnings"].to_string();
        assert!(warnings.contains("AWSCompromisedKeyQuarantineV3 is attached: it is not containment"), "{warnings}");
    }
}

/// What is ours is known by its document: where that may not be read, nothing is lifted or said to be as before.
#[test]
fn what_cannot_be_read_is_neither_lifted_nor_restored() {
    let world = World::new();
    let set = json!({ "UserName": "bob", "PolicyName": "awsiam-quarantine", "PolicyDocument": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}" });
    world.run("iam:PutUserPolicy", set).expect("success", "somebody else's, by our name");
    let theirs = user(&world, "bob")["inline_policies"]["awsiam-quarantine"].clone();
    world.fault(Fault::every("GetUserPolicy", denied()));
    world.run("release user", json!({ "username": "bob" })).expect("failed", "not readable");
    assert_eq!(user(&world, "bob")["inline_policies"]["awsiam-quarantine"], theirs);
    let ran = world.run("quarantine user", json!({ "username": "bob" })).expect("success", "quarantined all the same");
    assert_eq!(ran.changes()[0]["reversal"]["kind"], "lossy", "{}", ran.stdout);
    world.no_faults();
    let undone = world.run("undo", json!({ "run": ran.run_id() })).expect("success", "nothing to go by");
    assert!(undone.stdout.contains("what was there before is not on record"), "{}", undone.stdout);
    // A boundary that was not seen is not overwritten.
    let world = World::new();
    let full = |operation: &str| {
        let effect = Effect::Error { status: 409, code: "LimitExceeded".into(), message: "Cannot exceed quota".into() };
        Fault::every(operation, effect)
    };
    world.sandbox.set_faults(vec![Fault::every("GetUser", denied()), full("PutUserPolicy"), full("AttachUserPolicy")]);
    world.run("quarantine user", json!({ "username": "dave" })).expect("failed", "no room, and nothing known");
    assert!(world.calls().iter().all(|seen| seen.operation != "PutUserPermissionsBoundary"));
}

/// A read that is refused blocks no deletion: what depends on it is tried, and IAM itself refuses what is not empty.
#[test]
fn a_denied_read_blocks_no_deletion() {
    let reads = ["ListUserPolicies", "ListMFADevices", "ListSSHPublicKeys", "ListServiceSpecificCredentials"];
    for read in reads {
        let world = World::new();
        world.run("iam:CreateUser", json!({ "UserName": "zed" })).expect("success", "bare");
        world.fault(Fault::every(read, denied()));
        let ran = world.run("delete user", json!({ "username": "zed" })).expect("success", read);
        assert_eq!(user(&world, "zed"), Value::Null, "{}", ran.stdout);
        assert!(ran.message().ends_with("groups, and policies"), "the words of the original: {}", ran.message());
    }
    let world = World::new();
    world.fault(Fault::every("ListUserPolicies", denied()));
    let ran = world.run("delete user", json!({ "username": "alice" })).expect("failed", "it has a policy");
    assert!(ran.message().contains("DeleteConflict"), "{}", ran.message());
    // That the lists of a user are gone says that the user is, after its deletion was acknowledged.
    let world = World::new();
    world.fault(Fault::every("GetUser", denied()));
    let ran = world.run("delete user", json!({ "username": "bob" })).expect("success", "deleted");
    assert!(ran.message().ends_with("groups, and policies"), "{}", ran.message());
    assert_eq!(ran.record()["verified"]["state"], "verified");
    // Evidence that was destroyed unread is said to be missing.
    let world = World::new();
    world.fault(Fault::every("GetUserPolicy", denied()));
    let ran = world.run("delete user", json!({ "username": "alice" })).expect("success", "deleted");
    let notes = ran.record()["notes"].to_string();
    assert!(notes.contains("The evidence lacks what could not be read: inline policies deploy-site"), "{notes}");
}

#[test]
fn a_profile_that_cannot_be_seen_is_not_called_changed() {
    let world = World::new();
    world.fault(Fault::every("GetLoginProfile", denied()));
    let set = json!({ "username": "alice", "password": "not-a-real-Passw0rd!" });
    let ran = world.run("enable user", set).expect("success", "kept");
    assert!(ran.message().contains("the password was not changed"), "{}", ran.message());
    let row = &ran.first()["data"][0];
    assert!(row["PasswordChanged"] == "false" && row["unknown"].is_null(), "{row}");
    // That there is none to delete is as wanted, where the lists have shown that the user is there.
    let world = World::new();
    world.sandbox.set_faults(vec![Fault::every("GetLoginProfile", denied()), Fault::every("GetUser", denied())]);
    world.run("iam:CreateUser", json!({ "UserName": "zed" })).expect("success", "bare");
    world.run("disable user", json!({ "username": "zed" })).expect("success", "no password");
}

/// A containment that could not be looked at again says so in its message.
#[test]
fn a_containment_that_could_not_be_seen_says_so() {
    for read in ["GetUserPolicy", "ListAttachedUserPolicies", "GetLoginProfile"] {
        let world = World::new();
        world.fault(Fault::every(read, denied()));
        let ran = world.run("contain user", json!({ "username": "alice" })).expect("success", read);
        assert!(ran.message().contains("unconfirmed: ") && ran.message().contains(read), "{}", ran.message());
        assert_eq!(ran.record()["verified"]["state"], "unconfirmed", "{read}");
    }
}

/// What denies is not lifted while it is not known whether a credential works still.
#[test]
fn a_deletion_does_not_lift_the_deny_over_credentials_that_it_cannot_see() {
    let world = World::new();
    world
        .run("contain user", json!({ "username": "alice", "credentials_off": false }))
        .expect("success", "denied, keys on");
    world.fault(Fault::every("ListAccessKeys", denied()));
    let ran = world.run("delete user", json!({ "username": "alice" })).expect("failed", "keys are there");
    let policies = user(&world, "alice")["inline_policies"].clone();
    assert!(policies.get("awsiam-quarantine").is_some(), "{}", ran.stdout);
    assert!(policies.get("awsiam-revoke-sessions").is_some(), "{}", ran.stdout);
}

/// Also where another run had to be waited for, or did not come to its end.
#[test]
fn a_containment_that_waited_is_not_held_up_by_a_slow_read() {
    let world = World::new();
    let child = {
        world.fault(Fault::every("UpdateAccessKey", Effect::Stall { seconds: 60.0, executed: false }));
        let child = support::start(&world, "contain user", &json!([{ "username": "mallory" }]));
        support::until("a change", || world.calls().iter().any(|seen| seen.operation == "UpdateAccessKey"));
        child
    };
    support::kill(child);
    world.sandbox.set_faults(vec![Fault::nth(
        "ListSSHPublicKeys",
        2,
        Effect::Stall { seconds: 60.0, executed: false },
    )]);
    let earlier = world.calls().len();
    let set = json!({ "username": "mallory", "evidence": "changes" });
    let ran = world.run_with("contain user", set, json!({ "timeout": 15 })).expect("success", "gone on with");
    assert_eq!(ran.record()["verified"]["state"], "verified", "{}", ran.stdout);
    let calls: Vec<_> = world.calls().split_off(earlier).into_iter().map(|seen| seen.operation).collect();
    let off = calls.iter().position(|call| call == "UpdateAccessKey").unwrap();
    let reads = calls[..off].iter().filter(|call| *call == "ListSSHPublicKeys").count();
    assert!(reads <= 2, "the read was not tried again before the keys were off: {calls:?}");
}

/// What was read too late for the first look is in the evidence, and comes back.
#[test]
fn what_was_read_late_is_on_record_and_is_undone() {
    let world = World::new();
    world.fault(Fault::nth("ListAccessKeys", 1, Effect::Delay { milliseconds: 3_000 }));
    let set = json!({ "username": "alice", "evidence": "changes" });
    let ran = world.run("contain user", set).expect("success", "contained");
    assert_eq!(ran.record()["observed"]["access_keys"][0]["Status"], "Active", "{}", ran.stdout);
    let set = json!({ "run": ran.run_id(), "reactivate_credentials": "all" });
    let undone = world.run("undo", set).expect("success", "undone");
    let statuses: Vec<_> = world.sandbox.keys("alice").into_iter().map(|key| key.status).collect();
    assert_eq!(statuses, ["Active", "Active"], "{}", undone.stdout);
    // A dry run contains nothing, and waits.
    let world = World::new();
    world.fault(Fault::nth("ListAccessKeys", 1, Effect::Delay { milliseconds: 2_500 }));
    let ran = world.run("contain user", json!({ "username": "alice", "dry_run": true })).expect("success", "dry run");
    assert!(ran.message().contains("AKIASANDBOXALICE0002"), "{}", ran.message());
}

/// A plan that has something else to do waits for what was changed a moment ago as well.
#[test]
fn a_key_that_was_switched_on_a_moment_ago_is_switched_off() {
    for action in ["contain user", "disable user"] {
        let world = World::new();
        world.run("contain user", json!({ "username": "alice" })).expect("success", "contained");
        let on = json!({ "UserName": "alice", "AccessKeyId": "AKIASANDBOXALICE0001", "Status": "Active" });
        let password = json!({ "UserName": "alice", "Password": "not-a-real-Passw0rd!" });
        world.run("iam:CreateLoginProfile", password).expect("success", "a password");
        world.fault(Fault::every("ListAccessKeys", Effect::Lag { milliseconds: 4_000 }));
        world.run("iam:UpdateAccessKey", on).expect("success", "on again");
        let ran = world.run(action, json!({ "username": "alice" })).expect("success", action);
        let statuses: Vec<_> = world.sandbox.keys("alice").into_iter().map(|key| key.status).collect();
        assert_eq!(statuses, ["Inactive", "Inactive"], "{}", ran.stdout);
    }
}

/// What is found after looks that had nothing to do is done, and nobody is said to work against it.
#[test]
fn looks_with_nothing_to_do_use_up_no_round() {
    let world = World::new();
    world.run("contain user", json!({ "username": "alice" })).expect("success", "contained");
    // The second run's revocation is another one: it is sent again for as long as the first is shown.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    world.fault(Fault { operation: None, ..Fault::every("x", Effect::Lag { milliseconds: 2_500 }) });
    let lift = json!({ "UserName": "alice", "PolicyName": "awsiam-quarantine" });
    world.run("iam:DeleteUserPolicy", lift).expect("success", "lifted");
    let ran = world.run("contain user", json!({ "username": "alice" })).expect("success", "put back");
    assert!(user(&world, "alice")["inline_policies"].get("awsiam-quarantine").is_some(), "{}", ran.stdout);
}

/// Who is not quarantined is not released: no session is revoked for it.
#[test]
fn a_release_of_who_is_not_quarantined_changes_nothing() {
    for (action, set) in
        [("release user", json!({ "username": "bob" })), ("release role", json!({ "role_name": "app-role" }))]
    {
        let world = World::new();
        let before = world.state();
        let ran = world.run(action, set).expect("success", action);
        assert!(ran.message().ends_with("is not quarantined: nothing was changed"), "{}", ran.message());
        assert_eq!(world.state(), before);
    }
}
