//! Console passwords and the account's password policy.
//!
//! There is no console to sign in to; a password is kept only to be replaced, compared and removed.

use super::{Call, DONE};
use crate::caller::Who;
use crate::error::{Error, Reply};
use crate::state::{Account, LoginProfile, PasswordPolicy, now};
use serde_json::{Value, json};

fn shown(name: &str, login: &LoginProfile) -> Value {
    json!({ "LoginProfile": {
        "UserName": name,
        "CreateDate": login.create_date,
        "PasswordResetRequired": login.reset_required,
    } })
}

fn absent(name: &str) -> Error {
    Error::missing(format!("Login Profile for User {name} cannot be found."))
}

/// What the account asks of passwords where it has no policy of its own.
fn check(account: &Account, user: &str, password: &str) -> Result<(), Error> {
    let kinds = [
        password.chars().any(|c| c.is_ascii_uppercase()),
        password.chars().any(|c| c.is_ascii_lowercase()),
        password.chars().any(|c| c.is_ascii_digit()),
        password.chars().any(|c| "!@#$%^&*()_+-=[]{}|'".contains(c)),
    ];
    let length = password.chars().count();
    let fits = match &account.password_policy {
        None => length >= 8 && kinds.iter().filter(|has| **has).count() >= 3 && password != user,
        Some(policy) => {
            let wanted = [policy.uppercase, policy.lowercase, policy.numbers, policy.symbols];
            i64::try_from(length).is_ok_and(|length| length >= policy.minimum_length)
                && wanted.iter().zip(kinds).all(|(wanted, has)| has || !wanted)
        }
    };
    if fits { Ok(()) } else { Err(violation("Password does not conform to the account password policy.")) }
}

fn violation(message: &str) -> Error {
    Error::new(400, "PasswordPolicyViolation", message)
}

/// Sets a password, unless it was used before and the policy minds.
fn set(account: &mut Account, name: &str, password: &str) -> Result<(), Error> {
    check(account, name, password)?;
    let remembered = account.password_policy.as_ref().and_then(|policy| policy.reuse_prevention).unwrap_or(0);
    let remembered = usize::try_from(remembered).unwrap_or(0);
    let login = account.user_mut(name)?.login_profile.as_mut().ok_or_else(|| absent(name))?;
    let used = [&login.password].into_iter().chain(login.former.iter().rev());
    if used.take(remembered).any(|used| used == password) {
        return Err(violation("Password was previously used."));
    }
    let former = std::mem::replace(&mut login.password, password.to_owned());
    login.former.push(former);
    Ok(())
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let name = call.user_name()?;
    let user = call.account.user(&name)?;
    if user.login_profile.is_some() {
        return Err(Error::exists(format!("Login Profile for user {name} already exists.")));
    }
    let password = call.optional("Password").ok_or_else(|| Error::validation("Password must be specified"))?;
    check(call.account, &name, password)?;
    let login = LoginProfile {
        password: password.to_owned(),
        reset_required: call.flag("PasswordResetRequired").unwrap_or(false),
        create_date: now(),
        former: vec![],
    };
    let reply = shown(&name, &login);
    call.account.user_mut(&name)?.login_profile = Some(login);
    Ok(reply)
}

pub(super) fn get(call: &mut Call<'_>) -> Reply {
    let name = call.user_name()?;
    let login = call.account.user(&name)?.login_profile.as_ref().ok_or_else(|| absent(&name))?;
    Ok(shown(&name, login))
}

pub(super) fn update(call: &mut Call<'_>) -> Reply {
    let name = call.text("UserName");
    call.account.user(name)?.login_profile.as_ref().ok_or_else(|| absent(name))?;
    if let Some(password) = call.optional("Password") {
        set(call.account, name, password)?;
    }
    let reset = call.flag("PasswordResetRequired");
    if let (Some(login), Some(reset)) = (&mut call.account.user_mut(name)?.login_profile, reset) {
        login.reset_required = reset;
    }
    DONE
}

pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let name = call.user_name()?;
    call.account.user_mut(&name)?.login_profile.take().ok_or_else(|| absent(&name))?;
    DONE
}

pub(super) fn change_password(call: &mut Call<'_>) -> Reply {
    let (Who::User(name) | Who::UserSession(name)) = &call.caller.who else {
        return Err(Error::new(400, "InvalidUserType", "Only IAM Users can change their own password"));
    };
    let login = call.account.user(name)?.login_profile.as_ref().ok_or_else(|| absent(name))?;
    if login.password != call.text("OldPassword") {
        return Err(Error::denied("The old password was incorrect."));
    }
    set(call.account, name, call.text("NewPassword"))?;
    if let Some(login) = &mut call.account.user_mut(name)?.login_profile {
        login.reset_required = false;
    }
    DONE
}

pub(super) fn get_policy(call: &mut Call<'_>) -> Reply {
    let absent =
        || Error::missing(format!("The Password Policy with domain name {} cannot be found.", call.account.id));
    let policy = call.account.password_policy.as_ref().ok_or_else(absent)?;
    let mut shown = json!({
        "MinimumPasswordLength": policy.minimum_length,
        "RequireSymbols": policy.symbols,
        "RequireNumbers": policy.numbers,
        "RequireUppercaseCharacters": policy.uppercase,
        "RequireLowercaseCharacters": policy.lowercase,
        "AllowUsersToChangePassword": policy.users_may_change,
        "ExpirePasswords": policy.max_age.is_some(),
    });
    for (name, number) in [("MaxPasswordAge", policy.max_age), ("PasswordReusePrevention", policy.reuse_prevention)] {
        if let Some(number) = number {
            shown[name] = number.into();
        }
    }
    policy.hard_expiry.into_iter().for_each(|hard| shown["HardExpiry"] = hard.into());
    Ok(json!({ "PasswordPolicy": shown }))
}

/// What a call leaves out goes back to its default: there is no partial update.
pub(super) fn update_policy(call: &mut Call<'_>) -> Reply {
    let flag = |name: &str| call.flag(name).unwrap_or(false);
    call.account.password_policy = Some(PasswordPolicy {
        minimum_length: call.number("MinimumPasswordLength").unwrap_or(6),
        symbols: flag("RequireSymbols"),
        numbers: flag("RequireNumbers"),
        uppercase: flag("RequireUppercaseCharacters"),
        lowercase: flag("RequireLowercaseCharacters"),
        users_may_change: flag("AllowUsersToChangePassword"),
        max_age: call.number("MaxPasswordAge"),
        reuse_prevention: call.number("PasswordReusePrevention"),
        hard_expiry: call.flag("HardExpiry"),
    });
    DONE
}

pub(super) fn delete_policy(call: &mut Call<'_>) -> Reply {
    call.account.password_policy.take().ok_or_else(|| Error::not_found("account policy", "PasswordPolicy"))?;
    DONE
}
