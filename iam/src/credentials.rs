//! Where a run's credentials come from, and the region that decides its partition.
//!
//! A source is explicit: static keys, a profile, or the role that the platform vouches for; keys that happen to lie in
//! the environment never take the place of any of them. Secrets are `secrecy` types from here on.

use crate::transport::Transport;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::time::Duration;

/// Where the credentials of a run come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// Keys given outright.
    Keys(Keys),
    /// A profile of the shared AWS configuration files.
    Profile(String),
    /// The role of this machine: web identity, then container, then instance metadata (`IMDSv2`).
    Role,
}

/// An access key.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The key's id, `AKIA…` or `ASIA…`.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: SecretString,
    /// The session's token, for temporary keys.
    pub session_token: Option<SecretString>,
}

/// Whether a text can be the id of an access key, which is shown in logs and results: a secret that stands in its place
/// mostly cannot. Source: IAM's `accessKeyIdType`.
#[must_use]
pub fn is_access_key_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A role to assume on top of a source.
#[derive(Debug, Clone)]
pub struct AssumeRole {
    /// The role's ARN.
    pub role_arn: String,
    /// The external id that its trust policy asks for.
    pub external_id: Option<String>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(keys) if keys.session_token.is_some() => {
                write!(f, "temporary access key {}", keys.access_key_id)
            }
            Self::Keys(keys) => write!(f, "access key {}", keys.access_key_id),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Role => write!(f, "role of this machine (web identity, container or instance metadata)"),
        }
    }
}

/// An AWS region that is known to belong to a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    name: String,
    partition: &'static str,
}

/// What comes before the direction in a region's name, and the partition it means.
const PARTITIONS: &[(&str, &str)] = &[
    ("us-gov", "aws-us-gov"),
    ("us-isob", "aws-iso-b"),
    ("us-isof", "aws-iso-f"),
    ("us-iso", "aws-iso"),
    ("eu-isoe", "aws-iso-e"),
    ("eusc-de", "aws-eusc"),
    ("cn", "aws-cn"),
    ("us", "aws"),
    ("eu", "aws"),
    ("ap", "aws"),
    ("sa", "aws"),
    ("ca", "aws"),
    ("me", "aws"),
    ("af", "aws"),
    ("il", "aws"),
    ("mx", "aws"),
];
const DIRECTIONS: &[&str] =
    &["north", "south", "east", "west", "central", "northeast", "northwest", "southeast", "southwest"];

impl Region {
    /// Reads a region's name. An unknown one is refused, because the SDK would send it to the commercial endpoint.
    ///
    /// # Errors
    /// The name is not of the form of any partition's regions.
    pub fn parse(name: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{name:?} is not an AWS region; IAM is global, so us-east-1 (the default), us-gov-west-1 or cn-north-1 will do for its partition"
            )
        };
        let mut parts = name.rsplitn(3, '-');
        let (Some(number), Some(direction), Some(area)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let (_, partition) = PARTITIONS.iter().find(|(prefix, _)| *prefix == area).ok_or_else(wrong)?;
        let numbered = number.len() == 1 && number.parse::<u8>().is_ok_and(|n| n > 0);
        if !numbered || !DIRECTIONS.contains(&direction) {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), partition })
    }

    /// The region's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The partition that its ARNs carry.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        self.partition
    }
}

impl Default for Region {
    fn default() -> Self {
        Self { name: "us-east-1".to_owned(), partition: "aws" }
    }
}

/// How a run reaches IAM.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where its credentials come from.
    pub source: Source,
    /// A role to assume with them.
    pub assume: Option<AssumeRole>,
    /// The region; decides the partition.
    pub region: Region,
    /// An endpoint for IAM and STS in place of AWS's own; the environment's `AWS_ENDPOINT_URL…` otherwise count.
    pub endpoint_url: Option<String>,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long one attempt of a call may take.
    pub attempt_timeout: Duration,
}

impl Settings {
    /// Settings with this source and the defaults: us-east-1, 3 s to connect, 15 s an attempt.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self {
            source,
            assume: None,
            region: Region::default(),
            endpoint_url: None,
            connect_timeout: Duration::from_secs(3),
            attempt_timeout: Duration::from_secs(15),
            // All that is to be known of a user before it is deleted is asked for at once: twelve calls.
        }
    }
}

/// The SDK's configuration for these settings. Makes no call: credentials are had when the first call needs them.
pub(crate) async fn configure(settings: &Settings, transport: &Transport) -> SdkConfig {
    let region = aws_config::Region::new(settings.region.name.clone());
    let time_outs = TimeoutConfig::builder()
        .connect_timeout(settings.connect_timeout)
        .operation_attempt_timeout(settings.attempt_timeout)
        .build();
    // Attempts are ours: only then is every one of them recorded, and none starved by a shared budget.
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region.clone())
        .http_client(transport.clone())
        .timeout_config(time_outs)
        .retry_config(RetryConfig::disabled());
    if let Ok(name) = AppName::new(concat!("awsiam-", env!("CARGO_PKG_VERSION"))) {
        loader = loader.app_name(name);
    }
    if let Some(url) = &settings.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let provider_config =
        || ProviderConfig::without_region().with_region(Some(region.clone())).with_http_client(transport.clone());
    let loader = match &settings.source {
        Source::Keys(keys) => loader.credentials_provider(Credentials::new(
            &keys.access_key_id,
            keys.secret_access_key.expose_secret(),
            keys.session_token.as_ref().map(|token| token.expose_secret().to_owned()),
            None,
            "asset",
        )),
        // `profile_name` alone would let keys in the environment win over the profile.
        Source::Profile(name) => {
            let provider =
                ProfileFileCredentialsProvider::builder().profile_name(name).configure(&provider_config()).build();
            loader.profile_name(name).credentials_provider(provider)
        }
        Source::Role => {
            let config = provider_config();
            let imds = imds::Client::builder().configure(&config).max_attempts(2).build();
            loader.credentials_provider(
                CredentialsProviderChain::first_try(
                    "WebIdentity",
                    WebIdentityTokenCredentialsProvider::builder().configure(&config).build(),
                )
                .or_else("Container", EcsCredentialsProvider::builder().configure(&config).build())
                .or_else(
                    "Instance",
                    imds::credentials::ImdsCredentialsProvider::builder().configure(&config).imds_client(imds).build(),
                ),
            )
        }
    };
    let sdk = loader.load().await;
    let Some(assume) = &settings.assume else { return sdk };
    let mut role = AssumeRoleProvider::builder(&assume.role_arn).session_name("awsiam").configure(&sdk);
    if let Some(id) = &assume.external_id {
        role = role.external_id(id);
    }
    sdk.into_builder().credentials_provider(SharedCredentialsProvider::new(role.build().await)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_select_their_partition() {
        for (name, partition) in [
            ("us-east-1", "aws"),
            ("eu-central-2", "aws"),
            ("ap-southeast-5", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-northwest-1", "aws-cn"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(Region::parse(name).map(|region| region.partition()), Ok(partition), "{name}");
        }
    }

    #[test]
    fn what_is_no_region_is_refused() {
        for name in [
            "",
            "us-east",
            "us-esat-1",
            "us-east-0",
            "xx-east-1",
            "us-east-1a",
            "aws-global",
            "us-east-11",
            "us-east-+1",
        ] {
            assert!(Region::parse(name).is_err(), "{name}");
        }
    }
}
