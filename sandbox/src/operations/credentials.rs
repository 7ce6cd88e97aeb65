//! SSH public keys, signing certificates and service-specific credentials.
//!
//! Their form is checked, their strength and their dates are not.

use super::{Call, DONE, status};
use crate::clock;
use crate::digest::{base64, from_base64, hex, md5};
use crate::error::{Error, Reply};
use crate::state::{ServiceCredential, Uploaded, User, new_id, new_secret, now};
use serde_json::{Value, json};

const SSH_QUOTA: usize = 5;
const CERTIFICATE_QUOTA: usize = 2;
const SERVICE_QUOTA: usize = 2;

/// The base64 between the lines of a PEM block.
fn pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let text = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    from_base64(text.strip_suffix(&format!("-----END {label}-----"))?.trim())
}

/// Whether bytes are one DER sequence and nothing more.
fn is_sequence(der: &[u8]) -> bool {
    match der {
        [0x30, 0x82, high, low, rest @ ..] => rest.len() == usize::from(*high) << 8 | usize::from(*low),
        [0x30, 0x81, length, rest @ ..] | [0x30, length, rest @ ..] => rest.len() == usize::from(*length),
        _ => false,
    }
}

/// The parts of an SSH key's wire form: length-prefixed strings.
fn ssh_parts(blob: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut parts, mut rest) = (vec![], blob);
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (part, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        parts.push(part);
        rest = after;
    }
    Some(parts)
}

/// The wire form of an `ssh-rsa` key; an SSH key may also be given as a PEM public key.
fn ssh_blob(body: &str) -> Option<Vec<u8>> {
    if let Some(der) = pem(body, "PUBLIC KEY") {
        return is_sequence(&der).then_some(der);
    }
    let mut words = body.split_whitespace();
    let (kind, blob) = (words.next()?, from_base64(words.next()?)?);
    let parts = ssh_parts(&blob)?;
    (kind == "ssh-rsa" && parts.len() == 3 && parts[0] == kind.as_bytes()).then_some(())?;
    Some(blob)
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let [.., high, low] = length.to_be_bytes();
    let mut bytes = match length {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    bytes.extend(content);
    bytes
}

/// An `ssh-rsa` key as the PEM of its public key.
fn as_pem(body: &str) -> Option<String> {
    const RSA: [u8; 13] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    if body.trim_start().starts_with("-----") {
        return Some(body.to_owned());
    }
    let blob = ssh_blob(body)?;
    let parts = ssh_parts(&blob)?;
    let key = der(0x30, &[der(0x02, parts[2]), der(0x02, parts[1])].concat());
    let bits = der(0x03, &[&[0][..], &key].concat());
    let text = base64(&der(0x30, &[der(0x30, &RSA), bits].concat()));
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    Some(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n")))
}

fn shown_ssh(name: &str, key: &Uploaded, body: &str) -> Value {
    let sum = ssh_blob(&key.body).map(|blob| hex(&md5(&blob))).unwrap_or_default();
    let pairs: Vec<_> = sum.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
    json!({ "SSHPublicKey": {
        "UserName": name,
        "SSHPublicKeyId": key.id,
        "Fingerprint": pairs.join(":"),
        "SSHPublicKeyBody": body,
        "Status": key.status,
        "UploadDate": key.upload_date,
    } })
}

fn no_ssh_key(id: &str) -> Error {
    Error::missing(format!("The Public Key with id {id} cannot be found."))
}

fn no_certificate(id: &str) -> Error {
    Error::missing(format!("The Certificate with id {id} cannot be found."))
}

pub(super) fn upload_ssh_key(call: &mut Call<'_>) -> Reply {
    let (name, body) = (call.text("UserName"), call.text("SSHPublicKeyBody"));
    let user = call.account.user(name)?;
    let blob = ssh_blob(body).ok_or_else(|| Error::new(400, "InvalidPublicKey", "The public key is not valid."))?;
    if user.ssh_public_keys.iter().any(|key| ssh_blob(&key.body).as_ref() == Some(&blob)) {
        return Err(Error::new(
            400,
            "DuplicateSSHPublicKey",
            "This SSH public key has already been uploaded for this user.",
        ));
    }
    if user.ssh_public_keys.len() >= SSH_QUOTA {
        return Err(Error::quota("SSHPublicKeysPerUser", SSH_QUOTA));
    }
    let key = Uploaded { id: new_id("APKA"), body: body.to_owned(), status: "Active".to_owned(), upload_date: now() };
    let reply = shown_ssh(name, &key, body);
    call.account.user_mut(name)?.ssh_public_keys.push(key);
    Ok(reply)
}

pub(super) fn get_ssh_key(call: &mut Call<'_>) -> Reply {
    let (name, id) = (call.text("UserName"), call.text("SSHPublicKeyId"));
    let user = call.account.user(name)?;
    let key = user.ssh_public_keys.iter().find(|key| key.id == id).ok_or_else(|| no_ssh_key(id))?;
    let body = if call.text("Encoding") == "PEM" { as_pem(&key.body) } else { None };
    Ok(shown_ssh(name, key, body.as_deref().unwrap_or(&key.body)))
}

pub(super) fn list_ssh_keys(call: &mut Call<'_>) -> Reply {
    let name = call.user_name()?;
    let user = call.account.user(&name)?;
    call.page("SSHPublicKeys", user.ssh_public_keys.iter().map(|key| (&key.id, key)), |key| {
        json!({ "UserName": name, "SSHPublicKeyId": key.id, "Status": key.status, "UploadDate": key.upload_date })
    })
}

pub(super) fn update_ssh_key(call: &mut Call<'_>) -> Reply {
    let (id, status) = (call.text("SSHPublicKeyId"), status(call)?);
    set_status(&mut call.account.user_mut(call.text("UserName"))?.ssh_public_keys, id, status, no_ssh_key)
}

pub(super) fn delete_ssh_key(call: &mut Call<'_>) -> Reply {
    let id = call.text("SSHPublicKeyId");
    remove(&mut call.account.user_mut(call.text("UserName"))?.ssh_public_keys, id, no_ssh_key)
}

fn set_status(list: &mut [Uploaded], id: &str, status: String, absent: fn(&str) -> Error) -> Reply {
    list.iter_mut().find(|one| one.id == id).ok_or_else(|| absent(id))?.status = status;
    DONE
}

fn remove(list: &mut Vec<Uploaded>, id: &str, absent: fn(&str) -> Error) -> Reply {
    let at = list.iter().position(|one| one.id == id).ok_or_else(|| absent(id))?;
    list.remove(at);
    DONE
}

fn shown_certificate(name: &str, certificate: &Uploaded) -> Value {
    json!({
        "UserName": name,
        "CertificateId": certificate.id,
        "CertificateBody": certificate.body,
        "Status": certificate.status,
        "UploadDate": certificate.upload_date,
    })
}

pub(super) fn upload_certificate(call: &mut Call<'_>) -> Reply {
    let (name, body) = (call.user_name()?, call.text("CertificateBody"));
    let user = call.account.user(&name)?;
    if !pem(body, "CERTIFICATE").is_some_and(|der| is_sequence(&der)) {
        return Err(Error::new(400, "MalformedCertificate", format!("Certificate {body} is malformed.")));
    }
    if call
        .account
        .users
        .values()
        .flat_map(|user| &user.signing_certificates)
        .any(|known| known.body.trim() == body.trim())
    {
        return Err(Error::new(409, "DuplicateCertificate", "This certificate has already been uploaded."));
    }
    if user.signing_certificates.len() >= CERTIFICATE_QUOTA {
        return Err(Error::quota("CertificatesPerUser", CERTIFICATE_QUOTA));
    }
    let mut id = new_id("") + &new_id("");
    id.truncate(32);
    let certificate = Uploaded { id, body: body.to_owned(), status: "Active".to_owned(), upload_date: now() };
    let reply = json!({ "Certificate": shown_certificate(&name, &certificate) });
    call.account.user_mut(&name)?.signing_certificates.push(certificate);
    Ok(reply)
}

pub(super) fn list_certificates(call: &mut Call<'_>) -> Reply {
    let name = call.user_name()?;
    let user = call.account.user(&name)?;
    call.page("Certificates", user.signing_certificates.iter().map(|one| (&one.id, one)), |certificate| {
        shown_certificate(&name, certificate)
    })
}

pub(super) fn update_certificate(call: &mut Call<'_>) -> Reply {
    let (name, id, status) = (call.user_name()?, call.text("CertificateId"), status(call)?);
    set_status(&mut call.account.user_mut(&name)?.signing_certificates, id, status, no_certificate)
}

pub(super) fn delete_certificate(call: &mut Call<'_>) -> Reply {
    let (name, id) = (call.user_name()?, call.text("CertificateId"));
    remove(&mut call.account.user_mut(&name)?.signing_certificates, id, no_certificate)
}

/// The services that have credentials of their own; those of the last two are API keys, not passwords.
const SERVICES: [(&str, bool); 4] = [
    ("codecommit.amazonaws.com", false),
    ("cassandra.amazonaws.com", false),
    ("bedrock.amazonaws.com", true),
    ("logs.amazonaws.com", true),
];

fn service(name: &str) -> Result<bool, Error> {
    SERVICES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, keys)| *keys)
        .ok_or_else(|| Error::missing(format!("No such service {name} is supported for Service Specific Credentials")))
}

fn shown_credential(user: &str, credential: &ServiceCredential, secret: bool) -> Value {
    let keys = service(&credential.service).unwrap_or(false);
    let mut shown = json!({
        "CreateDate": credential.create_date,
        "ServiceName": credential.service,
        "ServiceSpecificCredentialId": credential.id,
        "UserName": user,
        "Status": credential.status,
    });
    shown[if keys { "ServiceCredentialAlias" } else { "ServiceUserName" }] = credential.user_name.as_str().into();
    if secret {
        shown[if keys { "ServiceCredentialSecret" } else { "ServicePassword" }] = credential.password.as_str().into();
    }
    credential.expiration_date.iter().for_each(|date| shown["ExpirationDate"] = date.as_str().into());
    shown
}

pub(super) fn create_service_credential(call: &mut Call<'_>) -> Reply {
    let (name, service_name) = (call.text("UserName"), call.text("ServiceName"));
    let user = call.account.user(name)?;
    let keys = service(service_name)?;
    let days = call.number("CredentialAgeDays");
    if days.is_some() && !keys {
        return Err(Error::validation(format!("CredentialAgeDays is not supported for service {service_name}.")));
    }
    let count = user.service_specific_credentials.iter().filter(|one| one.service == service_name).count();
    if count >= SERVICE_QUOTA {
        return Err(Error::quota("ServiceSpecificCredentialsPerUser", SERVICE_QUOTA));
    }
    let suffix = if count == 0 { String::new() } else { format!("+{count}") };
    let account = &call.account.id;
    let credential = ServiceCredential {
        id: new_id("ACCA"),
        service: service_name.to_owned(),
        user_name: format!("{name}{suffix}-at-{account}"),
        password: new_secret(),
        status: "Active".to_owned(),
        create_date: now(),
        expiration_date: days.map(|days| clock::iso(call.now + days * 86_400)),
    };
    let reply = json!({ "ServiceSpecificCredential": shown_credential(name, &credential, true) });
    call.account.user_mut(name)?.service_specific_credentials.push(credential);
    Ok(reply)
}

pub(super) fn list_service_credentials(call: &mut Call<'_>) -> Reply {
    let wanted = call.optional("ServiceName");
    wanted.map(service).transpose()?;
    let users: Vec<&User> = if call.flag("AllUsers") == Some(true) {
        call.account.users.values().collect()
    } else {
        vec![call.account.user(&call.user_name()?)?]
    };
    let found = users
        .into_iter()
        .flat_map(|user| user.service_specific_credentials.iter().map(move |one| (&one.id, (user, one))))
        .filter(|(_, (_, one))| wanted.is_none_or(|wanted| one.service == wanted));
    call.page("ServiceSpecificCredentials", found, |(user, one)| shown_credential(&user.name, one, false))
}

fn credential<'c>(call: &'c mut Call<'_>) -> Result<(String, &'c mut ServiceCredential), Error> {
    let (name, id) = (call.user_name()?, call.text("ServiceSpecificCredentialId"));
    let user = call.account.user_mut(&name)?;
    let found = user.service_specific_credentials.iter_mut().find(|one| one.id == id);
    Ok((name, found.ok_or_else(|| Error::missing(format!("No such credential {id} exists")))?))
}

pub(super) fn update_service_credential(call: &mut Call<'_>) -> Reply {
    let status = call.text("Status").to_owned();
    credential(call)?.1.status = status;
    DONE
}

pub(super) fn reset_service_credential(call: &mut Call<'_>) -> Reply {
    let (name, credential) = credential(call)?;
    credential.password = new_secret();
    Ok(json!({ "ServiceSpecificCredential": shown_credential(&name, credential, true) }))
}

pub(super) fn delete_service_credential(call: &mut Call<'_>) -> Reply {
    credential(call)?;
    let (name, id) = (call.user_name()?, call.text("ServiceSpecificCredentialId"));
    call.account.user_mut(&name)?.service_specific_credentials.retain(|one| one.id != id);
    DONE
}
