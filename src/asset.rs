//! The asset configuration: how to reach IAM, with which credentials, and what is never to be done.
//!
//! Unknown keys are the platform's own and ignored; a known key with a wrong value is an error. Secrets are `secrecy`
//! types from here on, and no error repeats any part of one.

use crate::journal;
use awsiam_actions::guard::Rules;
use awsiam_iam::credentials::{AssumeRole, Keys, Region, Settings, Source, is_access_key_id};
use awsiam_iam::transport::{Transport, check_endpoint};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::time::Duration;

/// The message of the original app for an asset that has no credentials.
const NO_CREDENTIALS: &str = "Please provide access keys or select assume role check box in asset configuration";

/// A day.
const DAY: Duration = Duration::from_hours(24);

/// A validated asset.
#[derive(Debug)]
pub struct Asset {
    /// How to reach IAM; without credentials where the asset has none.
    pub settings: Option<Settings>,
    /// The same without a source, for credentials that a parameter set brings.
    base: Settings,
    /// The HTTP client that all share.
    pub transport: Transport,
    /// What the guards go by.
    pub rules: Rules,
    /// Actions that the asset allows, by name or identifier; empty for all.
    pub allowed_actions: Vec<String>,
    /// Whether only lookups are allowed.
    pub read_only: bool,
    /// Where runs are written down.
    pub state_dir: Option<PathBuf>,
    /// Whether a run that cannot be written down must not begin.
    pub require_journal: bool,
    /// How long IAM is given to let changes take hold before sessions are revoked.
    pub propagation_pause: Duration,
    /// Whether the account is a sandbox in memory, made for this run.
    pub in_memory: bool,
    /// How long journals of ended runs are kept; none for ever.
    pub retention: Option<Duration>,
    /// Where secrets go that IAM gives only once.
    pub secret_sink: Option<PathBuf>,
    /// How many parameter sets are worked on at once.
    pub max_concurrency: usize,
    /// How long a parameter set may take in all.
    pub time_out: Duration,
}

/// Where a parameter set is to act, beside the asset's own account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The account, for an asset whose role is a template, or to make sure.
    pub account_id: Option<String>,
    /// The role to assume in place of the asset's.
    pub role_arn: Option<String>,
}

/// What stands in a role's ARN for the number of an account.
const ACCOUNT: &str = "{account_id}";

/// Whether a text is the number of an account.
fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is the ARN of a role; with `{partition}` and `{account_id}` in the place of theirs, a template of one.
fn is_role(arn: &str, template: bool) -> bool {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", partition, "iam", "", account, resource]
        if (is_account(account) || template && *account == ACCOUNT)
            && (partition.starts_with("aws") || template && *partition == "{partition}")
            && resource.len() > "role/".len() && resource.starts_with("role/"))
}

impl Place {
    /// The place that a parameter set names.
    ///
    /// # Errors
    /// What to change.
    pub fn of(set: &Map<String, Value>) -> Result<Self, String> {
        let text = |name: &str| match set.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(_) => Err(format!("Parameter {name:?} must be a string")),
        };
        let place = Self { account_id: text("account_id")?, role_arn: text("role_arn")? };
        if let Some(account) = place.account_id.as_ref().filter(|id| !is_account(id)) {
            return Err(format!("Parameter \"account_id\" must have 12 digits, as text, not {account:?}"));
        }
        if let Some(role) = place.role_arn.as_ref().filter(|arn| !is_role(arn, false)) {
            return Err(format!(
                "Parameter \"role_arn\" must be the ARN of a role, arn:PARTITION:iam::ACCOUNT:role/NAME, not {role:?}"
            ));
        }
        match (&place.account_id, place.role_arn.as_ref().and_then(|arn| arn.split(':').nth(4))) {
            (Some(account), Some(of_role)) if account != of_role => {
                Err(format!("Parameter \"account_id\" says {account}, but \"role_arn\" is of account {of_role}"))
            }
            _ => Ok(place),
        }
    }
}

/// A key of the asset: the source of its form, its schema and its help.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What a value must be.
    pub of: Holds,
    /// What it is for, with units and default.
    pub description: &'static str,
    /// Whether the platform's form shows it only where the platform runs on one's own machines.
    pub on_premises: bool,
}

/// What the value of a key of the asset must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Holds {
    /// Text that must never be shown; or `{"env": NAME}` or `{"file": PATH}`, where it is to be had.
    Secret,
    /// Text.
    Text,
    /// Several texts, as a list or separated by commas.
    List,
    /// True or false; false by default.
    Flag,
    /// A number, or its text.
    Number {
        /// The least.
        least: f64,
        /// The greatest.
        most: f64,
    },
}

impl Holds {
    /// The platform's word for the type.
    #[must_use]
    pub fn data_type(self) -> &'static str {
        match self {
            Self::Secret => "password",
            Self::Text | Self::List => "string",
            Self::Flag => "boolean",
            Self::Number { .. } => "numeric",
        }
    }
}

const fn key(name: &'static str, of: Holds, description: &'static str) -> Key {
    Key { name, of, description, on_premises: false }
}

const fn number(name: &'static str, least: f64, most: f64, description: &'static str) -> Key {
    key(name, Holds::Number { least, most }, description)
}

impl Key {
    const fn on_premises(self) -> Self {
        Self { on_premises: true, ..self }
    }
}

/// Every key that an asset may have.
pub const KEYS: &[Key] = &[
    key("access_key", Holds::Secret, "Access key ID"),
    key("secret_key", Holds::Secret, "Secret access key; or {\"env\": NAME} or {\"file\": PATH}"),
    key(
        "use_role",
        Holds::Flag,
        "Use the role of this machine: web identity, container or EC2 instance metadata (default false)",
    )
    .on_premises(),
    key("session_token", Holds::Secret, "Session token, for temporary access keys"),
    key("profile", Holds::Text, "Profile of the AWS configuration files to take the credentials from"),
    key(
        "role_arn",
        Holds::Text,
        "ARN of a role to assume with the credentials; for many accounts arn:{partition}:iam::{account_id}:role/NAME, whose account_id a parameter set gives",
    ),
    key("external_id", Holds::Secret, "External ID that the role's trust policy asks for"),
    key("region", Holds::Text, "AWS region; IAM is global, so it only selects the partition (default us-east-1)"),
    key("account_id", Holds::Text, "Account that the asset is for (12 digits); credentials of another one are refused"),
    key("endpoint_url", Holds::Text, "Endpoint for IAM and STS instead of AWS's own; http only to this machine"),
    key("proxy", Holds::Secret, "URL of an HTTPS proxy, instead of HTTPS_PROXY"),
    key(
        "ca_bundle",
        Holds::Text,
        "File with the certificates to trust (PEM), instead of AWS_CA_BUNDLE or the system's",
    ),
    number("connect_timeout", 0.1, 60.0, "Seconds to make a connection (default 3)"),
    number("attempt_timeout", 0.1, 120.0, "Seconds for one attempt of a call (default 15)"),
    number("timeout", 0.1, 3600.0, "Seconds for one parameter set, with all retries (default 50)"),
    number(
        "propagation_pause",
        0.0,
        60.0,
        "Seconds that IAM is given to let changes take hold before sessions are revoked (default 4)",
    ),
    key(
        "protected_principals",
        Holds::List,
        "Names, paths, ARNs or tags (tag:KEY=VALUE) of principals from which nothing is taken, with *, separated by commas",
    ),
    key(
        "confirm_deletes",
        Holds::Flag,
        "Refuse deletions whose parameter confirm does not repeat the name (default false)",
    ),
    key(
        "allowed_actions",
        Holds::List,
        "Actions that the asset allows, with *, separated by commas; single operations as iam:Get* (default all)",
    ),
    key("read_only", Holds::Flag, "Allow only actions that change nothing (default false)"),
    key(
        "state_dir",
        Holds::Text,
        "Folder for journals and locks (default $XDG_STATE_HOME/awsiam or ~/.local/state/awsiam)",
    ),
    key(
        "secret_sink",
        Holds::Text,
        "File for secrets that IAM gives only once, such as new access keys (mode 0600; created where it is not there)",
    ),
    key("require_journal", Holds::Flag, "Change nothing where the journal cannot be written (default false)"),
    number("retention_days", 0.0, 36_500.0, "Days that journals of ended runs are kept; 0 for ever (default 90)"),
    number("max_concurrency", 1.0, 64.0, "Parameter sets worked on at once (default 8)"),
];

/// Where an asset has runs written down. Its other keys do not matter here: who reads journals need not have credentials.
///
/// # Errors
/// What to change.
pub fn state_dir(config: &Map<String, Value>) -> Result<Option<PathBuf>, String> {
    Ok(Reading(config).text("state_dir")?.map(PathBuf::from).or_else(journal::default_dir))
}

/// The text that `{"env": NAME}` or `{"file": PATH}` stands for, without white space around it.
///
/// # Errors
/// It is neither of them, or there is no such thing; no part of the text is repeated.
pub fn by_reference(map: &Map<String, Value>) -> Result<String, String> {
    let named = |what: &str| map.get(what).and_then(Value::as_str).filter(|_| map.len() == 1);
    if let Some(name) = named("env") {
        let value = std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        return value.ok_or_else(|| format!("is to be taken from the environment variable {name}, which is not set"));
    }
    let Some(path) = named("file") else {
        return Err("must be a string, {\"env\": NAME} or {\"file\": PATH}".to_owned());
    };
    let value =
        std::fs::read_to_string(path).map_err(|error| format!("is to be read from {path}: {}", error.kind()))?;
    match value.trim() {
        "" => Err(format!("is to be read from {path}, which is empty")),
        value => Ok(value.to_owned()),
    }
}

/// A number that is whole and small by its limits.
fn whole(number: f64) -> usize {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 64")]
    let whole = number as usize;
    whole
}

/// Reads the values of an asset one by one.
struct Reading<'a>(&'a Map<String, Value>);

impl Reading<'_> {
    fn given(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null() && **value != "")
    }

    fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.given(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(format!("Asset: {key} must be a string")),
        }
    }

    /// A secret: text, or `{"env": NAME}`, or `{"file": PATH}`.
    fn secret(&self, key: &str) -> Result<Option<SecretString>, String> {
        match self.given(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().into())),
            Some(Value::Object(map)) => {
                by_reference(map).map(|text| Some(text.into())).map_err(|problem| format!("Asset: {key} {problem}"))
            }
            Some(_) => Err(format!("Asset: {key} must be a string, {{\"env\": NAME}} or {{\"file\": PATH}}")),
        }
    }

    fn flag(&self, key: &str) -> Result<bool, String> {
        match self.given(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(format!("Asset: {key} must be true or false (a JSON boolean, without quotes)")),
        }
    }

    /// A number in the range that the key declares.
    fn number(&self, key: &str) -> Result<Option<f64>, String> {
        let (least, most) = match KEYS.iter().find(|known| known.name == key).map(|known| known.of) {
            Some(Holds::Number { least, most }) => (least, most),
            _ => (f64::MIN, f64::MAX),
        };
        let number = match self.given(key) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match number {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(format!("Asset: {key} must be a number from {least} to {most}")),
        }
    }

    fn seconds(&self, key: &str) -> Result<Option<Duration>, String> {
        Ok(self.number(key)?.map(Duration::from_secs_f64))
    }

    fn list(&self, key: &str) -> Result<Vec<String>, String> {
        let wrong = || format!("Asset: {key} must be a list of strings, or text separated by commas");
        let items: Vec<String> = match self.given(key) {
            None => vec![],
            Some(Value::String(text)) => text.split([',', '\n']).map(str::to_owned).collect(),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(wrong()),
        };
        let items: Vec<_> =
            items.into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect();
        // An empty list would mean "no restriction" to whoever wrote down one.
        match self.given(key) {
            Some(Value::Array(given)) if given.is_empty() => Ok(vec![]),
            Some(_) if items.is_empty() => Err(format!("Asset: {key} is given, but names nothing")),
            _ => Ok(items),
        }
    }

    /// A variable of the environment that the platform gives to the action.
    fn platform_variable(&self, environment: &Map<String, Value>, name: &str) -> Option<String> {
        let reserved = self.0.get("_reserved_environment_variables").and_then(Value::as_object);
        let places = [reserved, self.0.get("environment_variables").and_then(Value::as_object), Some(environment)];
        places.into_iter().flatten().find_map(|variables| match variables.get(name)? {
            Value::String(value) => Some(value.clone()),
            Value::Object(of) => of.get("value")?.as_str().map(str::to_owned),
            _ => None,
        })
    }
}

impl Asset {
    /// Validates an asset. `environment` is what the platform gives beside it.
    ///
    /// # Errors
    /// What to change; no part of a secret is repeated.
    pub fn read(config: &Map<String, Value>, environment: &Map<String, Value>) -> Result<Self, String> {
        let reading = Reading(config);
        let source = source(&reading)?;
        let mut base = Settings::new(Source::Role);
        if let Some(region) = reading.text("region")? {
            base.region = Region::parse(&region).map_err(|problem| format!("Asset: region {problem}"))?;
        }
        base.endpoint_url = reading.text("endpoint_url")?;
        for (what, url) in [
            ("endpoint_url", base.endpoint_url.clone()),
            ("AWS_ENDPOINT_URL", std::env::var("AWS_ENDPOINT_URL").ok()),
            ("AWS_ENDPOINT_URL_IAM", std::env::var("AWS_ENDPOINT_URL_IAM").ok()),
            ("AWS_ENDPOINT_URL_STS", std::env::var("AWS_ENDPOINT_URL_STS").ok()),
        ] {
            if let Some(url) = url.filter(|url| !url.is_empty()) {
                check_endpoint(&url).map_err(|problem| format!("Asset: {what}: {problem}"))?;
            }
        }
        if let Some(time_out) = reading.seconds("connect_timeout")? {
            base.connect_timeout = time_out;
        }
        if let Some(time_out) = reading.seconds("attempt_timeout")? {
            base.attempt_timeout = time_out;
        }
        let assume = assume(&reading)?;
        let account_id = reading.text("account_id")?;
        if let Some(account) = account_id.as_ref().filter(|id| !is_account(id)) {
            return Err(format!(
                "Asset: account_id must have 12 digits (as text, so that leading zeros count), not {account:?}"
            ));
        }
        let proxy = match reading.secret("proxy")? {
            Some(proxy) => Some(proxy),
            None => ["HTTPS_PROXY", "https_proxy"]
                .iter()
                .find_map(|name| reading.platform_variable(environment, name))
                .filter(|proxy| !proxy.is_empty())
                .map(Into::into),
        };
        let no_proxy = ["NO_PROXY", "no_proxy"].iter().find_map(|name| reading.platform_variable(environment, name));
        let ca_bundle = reading.text("ca_bundle")?.map(PathBuf::from);
        if let Some(path) = ca_bundle.as_ref().filter(|path| !path.is_file()) {
            return Err(format!("Asset: ca_bundle {} is not a file", path.display()));
        }
        let transport = Transport::new(proxy, no_proxy, ca_bundle).map_err(|problem| format!("Asset: {problem}"))?;
        let days = reading.number("retention_days")?;
        Ok(Self {
            settings: source.map(|source| Settings { source, assume, ..base.clone() }),
            base,
            transport,
            rules: Rules {
                protected: reading.list("protected_principals")?,
                confirm_deletes: reading.flag("confirm_deletes")?,
                account_id,
                ..Rules::default()
            },
            allowed_actions: reading.list("allowed_actions")?,
            read_only: reading.flag("read_only")?,
            state_dir: state_dir(config)?,
            secret_sink: reading.text("secret_sink")?.map(PathBuf::from),
            require_journal: reading.flag("require_journal")?,
            retention: Some(days.unwrap_or(90.0)).filter(|days| *days > 0.0).map(|days| DAY.mul_f64(days)),
            max_concurrency: reading.number("max_concurrency")?.map_or(8, whole),
            time_out: reading.seconds("timeout")?.unwrap_or(Duration::from_secs(50)),
            propagation_pause: reading.seconds("propagation_pause")?.unwrap_or(Duration::from_secs(4)),
            in_memory: false,
        })
    }

    /// The settings for a parameter set: with keys of its own in place of the asset's, or the role that its place asks for.
    ///
    /// # Errors
    /// The asset has no credentials, or a role that does not say of which account.
    pub fn settings_for(&self, keys: Option<Keys>, place: &Place) -> Result<Settings, String> {
        let mut settings = match keys {
            Some(keys) => Settings { source: Source::Keys(keys), ..self.base.clone() },
            None => self.settings.clone().ok_or_else(|| NO_CREDENTIALS.to_owned())?,
        };
        let of_asset = self.settings.as_ref().and_then(|settings| settings.assume.clone());
        if let Some(role_arn) = place.role_arn.clone() {
            let external_id = of_asset.and_then(|role| role.external_id);
            settings.assume = Some(AssumeRole { role_arn, external_id });
        }
        let partition = settings.region.partition();
        if let Some(role) = &mut settings.assume {
            if role.role_arn.contains(ACCOUNT) {
                let account = place.account_id.as_ref().or(self.rules.account_id.as_ref()).ok_or(
                    "The asset's role_arn is a template: give account_id in the parameter set, or in the asset for all",
                )?;
                role.role_arn = role.role_arn.replace(ACCOUNT, account);
            }
            role.role_arn = role.role_arn.replace("{partition}", partition);
        }
        Ok(settings)
    }

    /// Whether a parameter set may act in this place: the asset's account is its safety rail, unless its role is a template
    /// for many accounts.
    ///
    /// # Errors
    /// It may not.
    pub fn allows_place(&self, place: &Place) -> Result<(), String> {
        let template = self.settings.as_ref().and_then(|settings| settings.assume.as_ref());
        if template.is_some_and(|role| role.role_arn.contains(ACCOUNT)) {
            return Ok(());
        }
        let Some(own) = &self.rules.account_id else { return Ok(()) };
        let of_role = place.role_arn.as_ref().and_then(|arn| arn.split(':').nth(4));
        match place.account_id.as_deref().or(of_role) {
            Some(account) if account != own => Err(format!(
                "The asset is for account {own}, but the parameter set is about account {account}. Use an asset without account_id, or one whose role_arn is a template"
            )),
            _ => Ok(()),
        }
    }

    /// The account that a parameter set is about, and that its credentials must be of.
    #[must_use]
    pub fn account_of(&self, settings: &Settings, place: &Place) -> Option<String> {
        let of_role = || settings.assume.as_ref()?.role_arn.split(':').nth(4).map(str::to_owned);
        let elsewhere = place.role_arn.is_some() || place.account_id.is_some();
        let asked = place.account_id.clone().or_else(|| of_role().filter(|_| elsewhere));
        asked.or_else(|| self.rules.account_id.clone())
    }

    /// The same asset, acting on a sandbox as its administrator.
    #[must_use]
    pub fn on_sandbox(mut self, endpoint: String, access_key_id: String, secret: &str) -> Self {
        let keys = Keys { access_key_id, secret_access_key: secret.into(), session_token: None };
        self.base.endpoint_url = Some(endpoint);
        self.in_memory = true;
        self.settings = Some(Settings { source: Source::Keys(keys), ..self.base.clone() });
        self
    }
}

fn source(reading: &Reading<'_>) -> Result<Option<Source>, String> {
    let access_key = reading.secret("access_key")?;
    let secret_key = reading.secret("secret_key")?;
    let session_token = reading.secret("session_token")?;
    let use_role = reading.flag("use_role")?;
    let profile = reading.text("profile")?;
    // The original's form lets both be filled in; there the role wins.
    if use_role {
        return Ok(Some(Source::Role));
    }
    if let Some(profile) = profile {
        return if access_key.is_some() {
            Err("Asset: give either access_key and secret_key or profile, not both".to_owned())
        } else {
            Ok(Some(Source::Profile(profile)))
        };
    }
    match (access_key, secret_key) {
        (Some(id), Some(secret_access_key)) => {
            let access_key_id = id.expose_secret().to_owned();
            let odd = |text: &str| text.bytes().any(|b| !b.is_ascii_graphic());
            if session_token.as_ref().is_some_and(|token| odd(token.expose_secret())) {
                return Err(
                    "Asset: session_token holds blanks, line breaks or other characters that no token has".to_owned()
                );
            }
            if !is_access_key_id(&access_key_id) {
                return Err("Asset: access_key holds blanks or other characters that no access key's id has; do access_key and secret_key stand in each other's place?".to_owned());
            }
            Ok(Some(Source::Keys(Keys { access_key_id, secret_access_key, session_token })))
        }
        (None, None) if session_token.is_some() => {
            Err("Asset: session_token needs access_key and secret_key".to_owned())
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(format!("Asset: access_key is given without secret_key. {NO_CREDENTIALS}")),
        (None, Some(_)) => Err(format!("Asset: secret_key is given without access_key. {NO_CREDENTIALS}")),
    }
}

fn assume(reading: &Reading<'_>) -> Result<Option<AssumeRole>, String> {
    let external_id = reading.secret("external_id")?.map(|id| id.expose_secret().to_owned());
    match reading.text("role_arn")? {
        Some(role_arn) => {
            if is_role(&role_arn, true) {
                Ok(Some(AssumeRole { role_arn, external_id }))
            } else {
                Err(format!(
                    "Asset: role_arn must be the ARN of a role, arn:PARTITION:iam::ACCOUNT:role/NAME, or such with {{partition}} and {{account_id}} in it, not {role_arn:?}"
                ))
            }
        }
        None if external_id.is_some() => Err("Asset: external_id needs role_arn".to_owned()),
        None => Ok(None),
    }
}
