//! MFA devices: virtual ones, which are made and deleted here, and hardware serials, which are only assigned.
//!
//! Codes of virtual devices are checked; a hardware device's seed is unknown, so any two different codes will do.

use super::{Call, DONE, tag_list, users};
use crate::digest;
use crate::error::{Error, Reply};
use crate::state::{Account, MfaDevice, VirtualMfa, now};
use serde_json::{Value, json};

const QUOTA: usize = 8;

fn absent(serial: &str) -> Error {
    Error::missing(format!("MFA Device with serial number {serial} does not exist."))
}

fn is_virtual(serial: &str) -> bool {
    serial.starts_with("arn:")
}

pub(super) fn create_virtual(call: &mut Call<'_>) -> Reply {
    let name = call.text("VirtualMFADeviceName");
    if call.account.virtual_mfa_devices.contains_key(&name.to_lowercase()) {
        return Err(Error::exists("MFA device already exists."));
    }
    let mut random = fastrand::Rng::new();
    let device = VirtualMfa {
        name: name.to_owned(),
        path: call.optional("Path").unwrap_or("/").to_owned(),
        // 64 letters are 40 bytes, as IAM gives them.
        secret: (0..64).map(|_| char::from(digest::BASE32[random.usize(..32)])).collect(),
        tags: call.tags()?,
    };
    let serial = call.account.serial(&device);
    let mut shown = json!({
        "SerialNumber": serial,
        "Base32StringSeed": digest::base64(device.secret.as_bytes()),
        // A picture of one pixel: the code in it would repeat the seed above.
        "QRCodePNG": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    });
    if !device.tags.is_empty() {
        shown["Tags"] = tag_list(&device.tags);
    }
    call.account.virtual_mfa_devices.insert(name.to_lowercase(), device);
    Ok(json!({ "VirtualMFADevice": shown }))
}

pub(super) fn delete_virtual(call: &mut Call<'_>) -> Reply {
    let serial = call.text("SerialNumber");
    let name = call.account.virtual_mfa(serial).ok_or_else(|| absent(serial))?.name.to_lowercase();
    if call.account.mfa_user(serial).is_some() {
        return Err(Error::conflict("MFA VirtualDevice in use. Must deactivate first."));
    }
    call.account.virtual_mfa_devices.remove(&name);
    DONE
}

pub(super) fn list_virtual(call: &mut Call<'_>) -> Reply {
    let account = &*call.account;
    let wanted = call.optional("AssignmentStatus").unwrap_or("Any");
    let devices: Vec<_> = account
        .virtual_mfa_devices
        .iter()
        .map(|(key, device)| (key, (account.serial(device), device)))
        .map(|(key, (serial, device))| {
            let user = account.mfa_user(&serial);
            (key, (serial, device, user))
        })
        .filter(|(_, (_, _, user))| match wanted {
            "Assigned" => user.is_some(),
            "Unassigned" => user.is_none(),
            _ => true,
        })
        .collect();
    call.page("VirtualMFADevices", devices, |(serial, _, user)| {
        let mut shown = json!({ "SerialNumber": serial });
        if let Some(user) = user {
            shown["User"] = users::brief(account, user);
            let device = user.mfa_devices.iter().find(|device| device.serial == serial);
            shown["EnableDate"] = device.map_or(Value::Null, |device| device.enable_date.as_str().into());
        }
        shown
    })
}

fn wrong_code() -> Error {
    Error::new(403, "InvalidAuthenticationCode", "Authentication code for device is not valid.")
}

/// Two codes in a row, not too long ago.
fn check_codes(account: &Account, serial: &str, codes: [&str; 2], now: i64) -> Result<(), Error> {
    if codes.iter().any(|code| code.len() != 6 || !code.bytes().all(|c| c.is_ascii_digit())) || codes[0] == codes[1] {
        return Err(wrong_code());
    }
    let Some(device) = account.virtual_mfa(serial) else { return Ok(()) };
    let secret = digest::from_base32(&device.secret).unwrap_or_default();
    let code = |step: i64| digest::one_time_password(&secret, step);
    let fits = (now / 30 - 10..now / 30 + 2).any(|step| code(step) == codes[0] && code(step + 1) == codes[1]);
    if fits { Ok(()) } else { Err(wrong_code()) }
}

/// Whether a code is the current one of a user's device, for sessions with MFA.
pub(super) fn is_current(account: &Account, serial: &str, code: &str, now: i64) -> bool {
    let Some(device) = account.virtual_mfa(serial) else {
        return code.len() == 6 && code.bytes().all(|c| c.is_ascii_digit());
    };
    let secret = digest::from_base32(&device.secret).unwrap_or_default();
    (now / 30 - 1..=now / 30 + 1).any(|step| digest::one_time_password(&secret, step) == code)
}

fn codes<'a>(call: &Call<'a>) -> [&'a str; 2] {
    [call.text("AuthenticationCode1"), call.text("AuthenticationCode2")]
}

pub(super) fn enable(call: &mut Call<'_>) -> Reply {
    let (name, serial) = (call.text("UserName"), call.text("SerialNumber"));
    let count = call.account.user(name)?.mfa_devices.len();
    if is_virtual(serial) && call.account.virtual_mfa(serial).is_none() {
        return Err(absent(serial));
    }
    if call.account.mfa_user(serial).is_some() {
        return Err(Error::exists("MFA Device is already in use."));
    }
    if count >= QUOTA {
        return Err(Error::quota("MFADevicesPerUser", QUOTA));
    }
    check_codes(call.account, serial, codes(call), call.now)?;
    let device = MfaDevice { serial: serial.to_owned(), enable_date: now() };
    call.account.user_mut(name)?.mfa_devices.push(device);
    DONE
}

pub(super) fn resync(call: &mut Call<'_>) -> Reply {
    let (name, serial) = (call.text("UserName"), call.text("SerialNumber"));
    let user = call.account.user(name)?;
    user.mfa_devices.iter().find(|device| device.serial == serial).ok_or_else(|| absent(serial))?;
    check_codes(call.account, serial, codes(call), call.now)?;
    DONE
}

pub(super) fn deactivate(call: &mut Call<'_>) -> Reply {
    let (name, serial) = (call.user_name()?, call.text("SerialNumber"));
    let user = call.account.user_mut(&name)?;
    let at = user.mfa_devices.iter().position(|device| device.serial == serial).ok_or_else(|| absent(serial))?;
    user.mfa_devices.remove(at);
    DONE
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let name = call.user_name()?;
    let user = call.account.user(&name)?;
    call.page(
        "MFADevices",
        user.mfa_devices.iter().map(|device| (&device.serial, device)),
        |device| json!({ "UserName": name, "SerialNumber": device.serial, "EnableDate": device.enable_date }),
    )
}

pub(super) fn get(call: &mut Call<'_>) -> Reply {
    let serial = call.text("SerialNumber");
    let user = match call.optional("UserName") {
        Some(name) => Some(call.account.user(name)?),
        None => call.account.mfa_user(serial),
    };
    let device = user.and_then(|user| Some((user, user.mfa_devices.iter().find(|device| device.serial == serial)?)));
    let (user, device) = device.ok_or_else(|| absent(serial))?;
    Ok(json!({ "UserName": user.name, "SerialNumber": serial, "EnableDate": device.enable_date }))
}
