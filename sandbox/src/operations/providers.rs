//! SAML and `OpenID` providers and server certificates, as an account answers that has none.
//!
//! Making them is not there.

use super::{Call, DONE};
use crate::error::{Error, Reply};
use serde_json::{Value, json};

pub(super) fn list_saml(_: &mut Call<'_>) -> Reply {
    Ok(json!({ "SAMLProviderList": [] }))
}

/// Answers Get and Delete alike.
pub(super) fn no_saml(call: &mut Call<'_>) -> Reply {
    let arn = call.arn_of("SAMLProviderArn", "saml-provider")?;
    Err(Error::missing(format!("Manifest not found for arn {arn}")))
}

pub(super) fn list_openid(_: &mut Call<'_>) -> Reply {
    Ok(json!({ "OpenIDConnectProviderList": [] }))
}

pub(super) fn get_openid(call: &mut Call<'_>) -> Reply {
    let arn = call.arn_of("OpenIDConnectProviderArn", "oidc-provider")?;
    Err(Error::missing(format!("OpenIDConnect Provider not found for arn {arn}")))
}

/// Deleting an `OpenID` provider that is not there succeeds, other than with SAML providers.
pub(super) fn delete_openid(call: &mut Call<'_>) -> Reply {
    call.arn_of("OpenIDConnectProviderArn", "oidc-provider")?;
    DONE
}

pub(super) fn list_certificates(call: &mut Call<'_>) -> Reply {
    call.page("ServerCertificateMetadataList", [] as [(&str, Value); 0], |none| none)
}

/// Answers Get and Delete alike.
pub(super) fn no_certificate(call: &mut Call<'_>) -> Reply {
    Err(Error::not_found("Server Certificate", call.text("ServerCertificateName")))
}
