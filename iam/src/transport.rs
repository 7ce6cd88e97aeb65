//! The HTTP client below the SDK: made when the first request needs it, TLS only for an https request.
//!
//! Trust roots, `AWS_CA_BUNDLE`, proxies and connection reuse live here. Refuses to send anything in the clear except
//! to this machine and to the metadata services, and never lets a proxy see a plain request.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Where instances and containers are told their credentials; reached directly and in the clear.
const METADATA_HOSTS: &[&str] =
    &["169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"];

/// The HTTP client of a run. Clones share connections and trust roots.
#[derive(Debug, Clone, Default)]
pub struct Transport(Arc<Shared>);

#[derive(Default)]
struct Shared {
    proxy: Option<SecretString>,
    no_proxy: Option<String>,
    ca_bundle: Option<PathBuf>,
    made: Mutex<HashMap<String, SharedHttpConnector>>,
    tls: OnceLock<Result<TlsContext, String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("ca_bundle", &self.ca_bundle).finish_non_exhaustive()
    }
}

impl Transport {
    /// A transport with the asset's proxy and trust roots; without them, `HTTPS_PROXY`, `NO_PROXY` and
    /// `AWS_CA_BUNDLE` of the environment count, and then the system's own.
    ///
    /// # Errors
    /// A proxy that is no URL; the text does not repeat it, since it may hold a password.
    pub fn new(
        proxy: Option<SecretString>,
        no_proxy: Option<String>,
        ca_bundle: Option<PathBuf>,
    ) -> Result<Self, String> {
        if let Some(proxy) = &proxy {
            ProxyConfig::https(proxy.expose_secret())
                .map_err(|_| "the proxy is not a URL such as http://proxy.example.com:3128".to_owned())?;
        }
        Ok(Self(Arc::new(Shared { proxy, no_proxy, ca_bundle, ..Shared::default() })))
    }

    fn proxy(&self) -> ProxyConfig {
        let Some(url) = &self.0.proxy else { return ProxyConfig::from_env() };
        let configured = ProxyConfig::https(url.expose_secret()).unwrap_or_else(|_| ProxyConfig::disabled());
        let from_environment = || std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy")).ok();
        match self.0.no_proxy.clone().or_else(from_environment) {
            Some(hosts) => configured.no_proxy(hosts),
            None => configured,
        }
    }

    fn tls(&self) -> Result<TlsContext, String> {
        self.0.tls.get_or_init(|| self.read_roots()).clone()
    }

    fn read_roots(&self) -> Result<TlsContext, String> {
        let named = self.0.ca_bundle.clone().or_else(|| std::env::var_os("AWS_CA_BUNDLE").map(PathBuf::from));
        let store = match named.or_else(system_bundle) {
            None => TrustStore::default(),
            Some(path) => {
                let pem = std::fs::read(&path)
                    .map_err(|error| format!("cannot read the CA bundle {}: {error}", path.display()))?;
                if !pem.windows(27).any(|line| line == b"-----BEGIN CERTIFICATE-----") {
                    return Err(format!("the CA bundle {} holds no PEM certificate", path.display()));
                }
                TrustStore::empty().with_pem_certificate(pem)
            }
        };
        TlsContext::builder().with_trust_store(store).build().map_err(|error| error.to_string())
    }
}

/// The one file in which the system keeps all of its roots, where it has one and nothing in the environment says
/// otherwise. The alternative reads every file of a folder besides, which is the same roots again at twice the time.
fn system_bundle() -> Option<PathBuf> {
    const BUNDLES: &[&str] = &[
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    let told = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    BUNDLES.iter().map(PathBuf::from).find(|path| !told && path.is_file())
}

impl HttpClient for Transport {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let key = format!("{:?}/{:?}", settings.connect_timeout(), settings.read_timeout());
        let mut made = self.0.made.lock().unwrap_or_else(PoisonError::into_inner);
        let lazy = || Lazy {
            settings: settings.clone(),
            transport: self.clone(),
            sleep: components.sleep_impl(),
            plain: OnceLock::new(),
            tls: OnceLock::new(),
        };
        made.entry(key).or_insert_with(|| SharedHttpConnector::new(lazy())).clone()
    }
}

/// A connector that is made at its first request.
#[derive(Debug)]
struct Lazy {
    settings: HttpConnectorSettings,
    transport: Transport,
    sleep: Option<aws_sdk_iam::config::SharedAsyncSleep>,
    plain: OnceLock<SharedHttpConnector>,
    tls: OnceLock<Result<SharedHttpConnector, String>>,
}

impl Lazy {
    fn builder(&self, proxy: ProxyConfig) -> ConnectorBuilder {
        let mut builder = Connector::builder().connector_settings(self.settings.clone()).proxy_config(proxy);
        builder.set_sleep_impl(self.sleep.clone());
        builder
    }

    fn plain(&self) -> &SharedHttpConnector {
        self.plain.get_or_init(|| SharedHttpConnector::new(self.builder(ProxyConfig::disabled()).build_http()))
    }

    fn tls(&self) -> &Result<SharedHttpConnector, String> {
        self.tls.get_or_init(|| {
            let builder = self.builder(self.transport.proxy()).tls_provider(Provider::Rustls(CryptoMode::Ring));
            Ok(SharedHttpConnector::new(builder.tls_context(self.transport.tls()?).build()))
        })
    }
}

impl HttpConnector for Lazy {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let refuse = |why: String| HttpConnectorFuture::ready(Err(ConnectorError::user(why.into())));
        match request.uri().split_once("://") {
            Some(("https", _)) => match self.tls() {
                Ok(connector) => limited(connector.call(request)),
                Err(why) => refuse(why.clone()),
            },
            Some(("http", rest)) if plain_is_fine(rest) => match request.headers().get(TOKEN_TTL).map(str::to_owned) {
                Some(asked) => with_token_ttl(limited(self.plain().call(request)), asked),
                None => limited(self.plain().call(request)),
            },
            _ => refuse(
                "credentials and changes are only sent over https; http is for this machine (127.0.0.1) alone"
                    .to_owned(),
            ),
        }
    }
}

/// The most bytes that a reply may have. The largest that IAM gives, a page of a thousand roles with their policies, stays
/// below it.
const LARGEST_REPLY: usize = 64 << 20;

/// A reply that does not end must not take all of the memory: what is above the limit is an error of the connection.
fn limited(call: HttpConnectorFuture) -> HttpConnectorFuture {
    HttpConnectorFuture::new(async move {
        Ok(call.await?.map(|body| SdkBody::from_body_1_x(Limited::new(body, LARGEST_REPLY))))
    })
}

/// The header by which a metadata token's life is asked for and granted, in seconds.
const TOKEN_TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";

/// Some metadata services grant the token but leave out for how long, which the SDK takes for a failure: it is as long
/// as was asked for.
fn with_token_ttl(call: HttpConnectorFuture, asked: String) -> HttpConnectorFuture {
    HttpConnectorFuture::new(async move {
        let mut response = call.await?;
        if response.status().is_success() && response.headers().get(TOKEN_TTL).is_none() {
            response.headers_mut().insert(TOKEN_TTL, asked);
        }
        Ok(response)
    })
}

/// Whether a URL without its scheme may be reached in the clear.
fn plain_is_fine(rest: &str) -> bool {
    let host = host_of(rest);
    is_loopback(host) || METADATA_HOSTS.contains(&host)
}

/// Whether a host name or address is this machine.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Checks an endpoint URL: https anywhere, http on loopback alone.
///
/// # Errors
/// What is wrong with it, in words that may be shown.
pub fn check_endpoint(url: &str) -> Result<(), String> {
    if url.contains('@') {
        return Err("it must not hold a user name or password".to_owned());
    }
    match url.split_once("://") {
        Some(("https", rest)) if !rest.is_empty() && !rest.starts_with('/') => Ok(()),
        Some(("http", rest)) if is_loopback(host_of(rest)) => Ok(()),
        Some(("http", _)) => Err("http is only allowed to this machine (127.0.0.1); use https".to_owned()),
        _ => Err("it must be a URL such as https://iam.amazonaws.com".to_owned()),
    }
}

/// The host of a URL without its scheme; empty where a user name in front could disguise it.
fn host_of(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return "";
    }
    match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether an endpoint (scheme, host, port) is one of AWS's own.
#[must_use]
pub fn is_aws(endpoint: &str) -> bool {
    const DOMAINS: &[&str] = &[
        ".amazonaws.com",
        ".amazonaws.com.cn",
        ".api.aws",
        ".amazonaws.eu",
        ".c2s.ic.gov",
        ".sc2s.sgov.gov",
        ".cloud.adc-e.uk",
        ".csp.hci.ic.gov",
    ];
    let host = endpoint.strip_prefix("https://").map(host_of);
    host.is_some_and(|host| DOMAINS.iter().any(|domain| host.ends_with(domain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_metadata_services_are_reached_in_the_clear() {
        for fine in
            ["127.0.0.1:80/", "localhost/x", "[::1]:9/", "169.254.169.254/latest", "[fd00:ec2::254]/x", "127.9.9.9"]
        {
            assert!(plain_is_fine(fine), "{fine}");
        }
        for bad in [
            "iam.amazonaws.com/",
            "10.0.0.1/",
            "127.0.0.1.evil.example/",
            "evil.example@x",
            "127.0.0.1@evil.example/",
            "",
        ] {
            assert!(!plain_is_fine(bad), "{bad}");
        }
    }

    #[test]
    fn endpoints_are_checked() {
        for fine in
            ["https://iam.amazonaws.com", "http://127.0.0.1:5000", "http://localhost:4566/", "https://vpce.example"]
        {
            assert_eq!(check_endpoint(fine), Ok(()), "{fine}");
        }
        for bad in [
            "http://iam.amazonaws.com",
            "http://localhost.evil.example",
            "http://127.0.0.1@evil.example",
            "http://127.0.0.1:80@evil.example",
            "iam.amazonaws.com",
            "ftp://x",
            "https://",
            "https:///",
        ] {
            assert!(check_endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn aws_s_own_endpoints_are_known() {
        for own in [
            "https://iam.amazonaws.com",
            "https://iam.cn-north-1.amazonaws.com.cn",
            "https://sts.us-east-1.amazonaws.com",
        ] {
            assert!(is_aws(own), "{own}");
        }
        for other in [
            "https://iam.amazonaws.com.evil.example",
            "http://iam.amazonaws.com",
            "http://127.0.0.1:1",
            "https://amazonaws.com.x",
        ] {
            assert!(!is_aws(other), "{other}");
        }
    }
}
