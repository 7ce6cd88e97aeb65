//! The account: its users, groups, roles, policies and credentials, and how they are found.
//!
//! Entities are plain data and are written in seeds as they are kept here. Nothing here decides whether a change is
//! allowed or builds a reply.

use crate::error::Error;
use crate::{clock, digest, managed};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A policy document, the text exactly as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document(pub String);

impl Document {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// A seed may hold a document as JSON; it is written so wherever that loses nothing of the text.
impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.json();
        if value.is_object() && value.to_string().as_str() == self.0 {
            value.serialize(serializer)
        } else {
            serializer.serialize_str(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            value => value.to_string(),
        }))
    }
}

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

fn root_path() -> String {
    "/".to_owned()
}

fn active() -> String {
    "Active".to_owned()
}

fn hour() -> i64 {
    3600
}

fn first_version() -> String {
    "v1".to_owned()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The entities: every struct refuses members that it does not know, fills what a seed leaves out, and leaves out of
/// a dump what is empty.
macro_rules! entities {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$attribute])* pub $field: $type,)* }
    )*};
}

entities! {
    /// A user with everything that belongs to it.
    User {
        /// Its name.
        name: String,
        /// Its path.
        #[serde(default = "root_path")]
        path: String,
        /// Its unique id (`AIDA…`); made of the name where a seed leaves it out.
        #[serde(default)]
        id: String,
        /// When it was made.
        #[serde(default)]
        create_date: String,
        /// Its tags.
        #[serde(default, skip_serializing_if = "is_default")]
        tags: Tags,
        /// The ARN of its permissions boundary.
        #[serde(default, skip_serializing_if = "is_default")]
        permissions_boundary: Option<String>,
        /// The names of its groups.
        #[serde(default, skip_serializing_if = "is_default")]
        groups: BTreeSet<String>,
        /// Inline policies by name.
        #[serde(default, skip_serializing_if = "is_default")]
        inline_policies: BTreeMap<String, Document>,
        /// The ARNs of attached policies.
        #[serde(default, skip_serializing_if = "is_default")]
        attached_policies: BTreeSet<String>,
        /// The console password.
        #[serde(default, skip_serializing_if = "is_default")]
        login_profile: Option<LoginProfile>,
        /// When the password was last used.
        #[serde(default, skip_serializing_if = "is_default")]
        password_last_used: Option<String>,
        /// Access keys, oldest first.
        #[serde(default, skip_serializing_if = "is_default")]
        access_keys: Vec<AccessKey>,
        /// Assigned MFA devices.
        #[serde(default, skip_serializing_if = "is_default")]
        mfa_devices: Vec<MfaDevice>,
        /// SSH public keys.
        #[serde(default, skip_serializing_if = "is_default")]
        ssh_public_keys: Vec<Uploaded>,
        /// X.509 signing certificates.
        #[serde(default, skip_serializing_if = "is_default")]
        signing_certificates: Vec<Uploaded>,
        /// Credentials of single services.
        #[serde(default, skip_serializing_if = "is_default")]
        service_specific_credentials: Vec<ServiceCredential>,
    }

    /// A console password.
    LoginProfile {
        /// The password itself.
        password: String,
        /// Whether it has to be changed at the next sign-in.
        #[serde(default, skip_serializing_if = "is_default")]
        reset_required: bool,
        /// When it was made.
        #[serde(default)]
        create_date: String,
        /// Earlier passwords, latest last, for the rule against reuse.
        #[serde(default, skip_serializing_if = "is_default")]
        former: Vec<String>,
    }

    /// An access key.
    AccessKey {
        /// Its id (`AKIA…`).
        id: String,
        /// Its secret; made of the id where a seed leaves it out.
        #[serde(default)]
        secret: String,
        /// `Active` or `Inactive`.
        #[serde(default = "active")]
        status: String,
        /// When it was made.
        #[serde(default)]
        create_date: String,
        /// The last use that a seed tells of. Uses seen while running are kept apart and not dumped.
        #[serde(default, skip_serializing_if = "is_default")]
        last_used: Option<LastUsed>,
    }

    /// When and where something was last used.
    LastUsed {
        /// When.
        date: String,
        /// The service's namespace, such as `iam`.
        #[serde(default, skip_serializing_if = "is_default")]
        service: String,
        /// The region.
        region: String,
    }

    /// An MFA device in use.
    MfaDevice {
        /// A virtual device's ARN, or a hardware device's number.
        serial: String,
        /// When it was assigned.
        #[serde(default)]
        enable_date: String,
    }

    /// An SSH public key or signing certificate.
    Uploaded {
        /// Its id (`APKA…` for SSH keys).
        id: String,
        /// Its text.
        body: String,
        /// `Active` or `Inactive`.
        #[serde(default = "active")]
        status: String,
        /// When it was uploaded.
        #[serde(default)]
        upload_date: String,
    }

    /// A service-specific credential.
    ServiceCredential {
        /// Its id (`ACCA…`).
        id: String,
        /// The service, such as `codecommit.amazonaws.com`.
        service: String,
        /// The name to sign in with; an alias where the service uses keys.
        #[serde(default)]
        user_name: String,
        /// The password or secret.
        #[serde(default)]
        password: String,
        /// `Active`, `Inactive` or `Expired`.
        #[serde(default = "active")]
        status: String,
        /// When it was made.
        #[serde(default)]
        create_date: String,
        /// When it ends, where it does.
        #[serde(default, skip_serializing_if = "is_default")]
        expiration_date: Option<String>,
    }

    /// A group. Who is in it is kept with the users.
    Group {
        /// Its name.
        name: String,
        /// Its path.
        #[serde(default = "root_path")]
        path: String,
        /// Its unique id (`AGPA…`).
        #[serde(default)]
        id: String,
        /// When it was made.
        #[serde(default)]
        create_date: String,
        /// Inline policies by name.
        #[serde(default, skip_serializing_if = "is_default")]
        inline_policies: BTreeMap<String, Document>,
        /// The ARNs of attached policies.
        #[serde(default, skip_serializing_if = "is_default")]
        attached_policies: BTreeSet<String>,
    }

    /// A role.
    Role {
        /// Its name.
        name: String,
        /// Its path.
        #[serde(default = "root_path")]
        path: String,
        /// Its unique id (`AROA…`).
        #[serde(default)]
        id: String,
        /// When it was made.
        #[serde(default)]
        create_date: String,
        /// Its trust policy.
        trust: Document,
        /// Its description.
        #[serde(default, skip_serializing_if = "is_default")]
        description: Option<String>,
        /// The longest session in seconds.
        #[serde(default = "hour")]
        max_session_duration: i64,
        /// The ARN of its permissions boundary.
        #[serde(default, skip_serializing_if = "is_default")]
        permissions_boundary: Option<String>,
        /// Its tags.
        #[serde(default, skip_serializing_if = "is_default")]
        tags: Tags,
        /// Inline policies by name.
        #[serde(default, skip_serializing_if = "is_default")]
        inline_policies: BTreeMap<String, Document>,
        /// The ARNs of attached policies.
        #[serde(default, skip_serializing_if = "is_default")]
        attached_policies: BTreeSet<String>,
        /// The last use that a seed tells of.
        #[serde(default, skip_serializing_if = "is_default")]
        last_used: Option<LastUsed>,
    }

    /// A customer managed policy.
    Policy {
        /// Its name.
        name: String,
        /// Its path.
        #[serde(default = "root_path")]
        path: String,
        /// Its unique id (`ANPA…`).
        #[serde(default)]
        id: String,
        /// Its description.
        #[serde(default, skip_serializing_if = "is_default")]
        description: Option<String>,
        /// When it was made.
        #[serde(default)]
        create_date: String,
        /// When it last changed.
        #[serde(default)]
        update_date: String,
        /// Its tags.
        #[serde(default, skip_serializing_if = "is_default")]
        tags: Tags,
        /// The version in force.
        #[serde(default = "first_version")]
        default_version: String,
        /// The highest version number ever given; numbers are not used twice.
        #[serde(default)]
        last_version: u32,
        /// Its versions, oldest first.
        versions: Vec<PolicyVersion>,
    }

    /// A version of a managed policy.
    PolicyVersion {
        /// `v1`, `v2` …
        id: String,
        /// Its document.
        document: Document,
        /// When it was made.
        #[serde(default)]
        create_date: String,
    }

    /// An instance profile.
    InstanceProfile {
        /// Its name.
        name: String,
        /// Its path.
        #[serde(default = "root_path")]
        path: String,
        /// Its unique id (`AIPA…`).
        #[serde(default)]
        id: String,
        /// When it was made.
        #[serde(default)]
        create_date: String,
        /// The name of its role.
        #[serde(default, skip_serializing_if = "is_default")]
        role: Option<String>,
        /// Its tags.
        #[serde(default, skip_serializing_if = "is_default")]
        tags: Tags,
    }

    /// A virtual MFA device, assigned or not.
    VirtualMfa {
        /// Its name.
        name: String,
        /// Its path.
        #[serde(default = "root_path")]
        path: String,
        /// The secret of its one-time passwords, base32; made of the name where a seed leaves it out.
        #[serde(default)]
        secret: String,
        /// Its tags.
        #[serde(default, skip_serializing_if = "is_default")]
        tags: Tags,
    }

    /// The account's password policy.
    PasswordPolicy {
        /// The least length.
        #[serde(default)]
        minimum_length: i64,
        /// Whether a symbol is needed.
        #[serde(default)]
        symbols: bool,
        /// Whether a digit is needed.
        #[serde(default)]
        numbers: bool,
        /// Whether an upper-case letter is needed.
        #[serde(default)]
        uppercase: bool,
        /// Whether a lower-case letter is needed.
        #[serde(default)]
        lowercase: bool,
        /// Whether users may change their own password.
        #[serde(default)]
        users_may_change: bool,
        /// Days until a password ends, where it does.
        #[serde(default, skip_serializing_if = "is_default")]
        max_age: Option<i64>,
        /// How many former passwords may not be used again.
        #[serde(default, skip_serializing_if = "is_default")]
        reuse_prevention: Option<i64>,
        /// Whether an ended password can't be renewed by the user.
        #[serde(default, skip_serializing_if = "is_default")]
        hard_expiry: Option<bool>,
    }
}

/// A shared view of users, groups and roles: what policies they hold.
pub(crate) trait Holder {
    fn inline(&mut self) -> &mut BTreeMap<String, Document>;
    fn attached(&mut self) -> &mut BTreeSet<String>;
}

macro_rules! holders {
    ($($type:ty),*) => {$(
        impl Holder for $type {
            fn inline(&mut self) -> &mut BTreeMap<String, Document> {
                &mut self.inline_policies
            }
            fn attached(&mut self) -> &mut BTreeSet<String> {
                &mut self.attached_policies
            }
        }
    )*};
}
holders!(User, Group, Role);

/// The kinds of principals that hold policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Group,
    Role,
}

impl Kind {
    /// As in IAM's messages: `user`, `group`, `role`.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    /// As in request members: `UserName`, `GroupName`, `RoleName`.
    pub fn member(self) -> &'static str {
        match self {
            Self::User => "UserName",
            Self::Group => "GroupName",
            Self::Role => "RoleName",
        }
    }
}

/// Whose temporary credentials a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    /// `GetSessionToken`: the user with this id.
    User { id: String },
    /// `AssumeRole`: the role with this id, under a session name.
    Role { id: String, session: String },
    /// `GetFederationToken`: made by the user with this id, under a name.
    Federated { id: String, name: String },
}

/// Temporary credentials.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub access_key_id: String,
    pub secret: String,
    pub token: String,
    pub principal: Principal,
    pub issued: i64,
    pub expires: i64,
    pub mfa: bool,
    /// Policies that narrow the session, where it was begun with any.
    pub policies: Vec<Document>,
}

/// What runs but is not part of the account's state: it is neither seeded nor dumped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running {
    pub sessions: Vec<Session>,
    /// Last uses by access key id, or by role id.
    pub last_used: BTreeMap<String, LastUsed>,
    /// The credential report, with the time in milliseconds at which it is ready.
    pub report: Option<(String, i64)>,
    /// Service last accessed jobs by id: the ARN asked about, and when.
    pub jobs: BTreeMap<String, (String, String)>,
    pub deletion_tasks: BTreeSet<String>,
}

/// One AWS account. Maps are keyed by lower-case names, because names are unique regardless of case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub id: String,
    pub partition: String,
    pub create_date: String,
    pub alias: Option<String>,
    pub token_version: Option<String>,
    pub password_policy: Option<PasswordPolicy>,
    pub users: BTreeMap<String, User>,
    pub groups: BTreeMap<String, Group>,
    pub roles: BTreeMap<String, Role>,
    pub policies: BTreeMap<String, Policy>,
    pub instance_profiles: BTreeMap<String, InstanceProfile>,
    pub virtual_mfa_devices: BTreeMap<String, VirtualMfa>,
    pub running: Running,
}

/// The thing under `name`, addressed with its case.
macro_rules! find {
    ($get:ident, $self:ident . $map:ident, $name:ident, $error:expr) => {
        $self.$map.$get(&$name.to_lowercase()).filter(|found| found.name == $name).ok_or_else(|| $error)
    };
}

impl Account {
    /// An ARN in this account: `user`, path and name become `arn:…:user/path/name`.
    pub fn arn(&self, kind: &str, path: &str, name: &str) -> String {
        format!("arn:{}:iam::{}:{kind}{path}{name}", self.partition, self.id)
    }

    pub fn user_arn(&self, user: &User) -> String {
        self.arn("user", &user.path, &user.name)
    }

    pub fn group_arn(&self, group: &Group) -> String {
        self.arn("group", &group.path, &group.name)
    }

    pub fn role_arn(&self, role: &Role) -> String {
        self.arn("role", &role.path, &role.name)
    }

    pub fn policy_arn(&self, policy: &Policy) -> String {
        self.arn("policy", &policy.path, &policy.name)
    }

    pub fn serial(&self, device: &VirtualMfa) -> String {
        self.arn("mfa", &device.path, &device.name)
    }

    pub fn user(&self, name: &str) -> Result<&User, Error> {
        find!(get, self.users, name, Error::not_found("user", name))
    }

    pub fn user_mut(&mut self, name: &str) -> Result<&mut User, Error> {
        self.users
            .get_mut(&name.to_lowercase())
            .filter(|user| user.name == name)
            .ok_or_else(|| Error::not_found("user", name))
    }

    pub fn group(&self, name: &str) -> Result<&Group, Error> {
        find!(get, self.groups, name, Error::not_found("group", name))
    }

    pub fn role(&self, name: &str) -> Result<&Role, Error> {
        find!(get, self.roles, name, Error::not_found("role", name))
    }

    pub fn role_mut(&mut self, name: &str) -> Result<&mut Role, Error> {
        self.roles
            .get_mut(&name.to_lowercase())
            .filter(|role| role.name == name)
            .ok_or_else(|| Error::not_found("role", name))
    }

    pub fn instance_profile(&self, name: &str) -> Result<&InstanceProfile, Error> {
        find!(get, self.instance_profiles, name, Error::missing(format!("Instance Profile {name} cannot be found.")))
    }

    pub fn instance_profile_mut(&mut self, name: &str) -> Result<&mut InstanceProfile, Error> {
        self.instance_profiles
            .get_mut(&name.to_lowercase())
            .filter(|found| found.name == name)
            .ok_or_else(|| Error::missing(format!("Instance Profile {name} cannot be found.")))
    }

    pub fn holder(&mut self, kind: Kind, name: &str) -> Result<&mut dyn Holder, Error> {
        let key = name.to_lowercase();
        let found: Option<&mut dyn Holder> = match kind {
            Kind::User => self.users.get_mut(&key).filter(|found| found.name == name).map(|found| found as _),
            Kind::Group => self.groups.get_mut(&key).filter(|found| found.name == name).map(|found| found as _),
            Kind::Role => self.roles.get_mut(&key).filter(|found| found.name == name).map(|found| found as _),
        };
        found.ok_or_else(|| Error::not_found(kind.word(), name))
    }

    /// A customer managed policy by ARN.
    pub fn policy(&self, arn: &str) -> Option<&Policy> {
        let name = &arn[arn.rfind('/')? + 1..];
        self.policies.get(&name.to_lowercase()).filter(|policy| self.policy_arn(policy) == arn)
    }

    pub fn policy_mut(&mut self, arn: &str) -> Option<&mut Policy> {
        let name = self.policy(arn)?.name.to_lowercase();
        self.policies.get_mut(&name)
    }

    /// Whether a managed policy, of the customer or of AWS, has this ARN.
    pub fn has_policy(&self, arn: &str) -> bool {
        self.policy(arn).is_some() || managed::by_arn(&self.partition, arn).is_some()
    }

    /// The document in force of a managed policy.
    pub fn document(&self, arn: &str) -> Option<Document> {
        match self.policy(arn) {
            Some(policy) => policy.version(&policy.default_version).map(|version| version.document.clone()),
            None => managed::by_arn(&self.partition, arn)?.document(&self.partition),
        }
    }

    /// Everyone to whom a policy is attached, as boundary or not.
    pub fn usage(&self, arn: &str) -> (usize, usize) {
        let attached = self.users.values().filter(|user| user.attached_policies.contains(arn)).count()
            + self.groups.values().filter(|group| group.attached_policies.contains(arn)).count()
            + self.roles.values().filter(|role| role.attached_policies.contains(arn)).count();
        let bounds = |boundary: &Option<String>| boundary.as_deref() == Some(arn);
        let boundary = self.users.values().filter(|user| bounds(&user.permissions_boundary)).count()
            + self.roles.values().filter(|role| bounds(&role.permissions_boundary)).count();
        (attached, boundary)
    }

    /// The owner of an access key, with the key.
    pub fn access_key(&self, id: &str) -> Option<(&User, &AccessKey)> {
        self.users.values().find_map(|user| Some((user, user.access_keys.iter().find(|key| key.id == id)?)))
    }

    /// The virtual MFA device with this serial.
    pub fn virtual_mfa(&self, serial: &str) -> Option<&VirtualMfa> {
        let name = &serial[serial.rfind('/')? + 1..];
        self.virtual_mfa_devices.get(&name.to_lowercase()).filter(|device| self.serial(device) == serial)
    }

    /// The user to whom an MFA device is assigned.
    pub fn mfa_user(&self, serial: &str) -> Option<&User> {
        self.users.values().find(|user| user.mfa_devices.iter().any(|device| device.serial == serial))
    }

    pub fn key_last_used(&self, key: &AccessKey) -> Option<LastUsed> {
        self.running.last_used.get(&key.id).cloned().or_else(|| key.last_used.clone())
    }

    pub fn role_last_used(&self, role: &Role) -> Option<LastUsed> {
        self.running.last_used.get(&role.id).cloned().or_else(|| role.last_used.clone())
    }

    /// Trust policies keep the id of a principal that is deleted: a new one of the same name is not trusted.
    pub fn orphan(&mut self, arn: &str, id: &str) {
        for role in self.roles.values_mut() {
            role.trust.0 = role.trust.0.replace(&format!("\"{arn}\""), &format!("\"{id}\""));
        }
    }
}

impl Policy {
    pub(crate) fn version(&self, id: &str) -> Option<&PolicyVersion> {
        self.versions.iter().find(|version| version.id == id)
    }
}

const ID_LETTERS: &[u8; 32] = digest::BASE32;

fn letters(random: &mut fastrand::Rng, count: usize) -> String {
    (0..count).map(|_| char::from(ID_LETTERS[random.usize(..32)])).collect()
}

/// A new unique id: AWS's prefix and 17 letters and digits, or 16 for access keys.
pub(crate) fn new_id(prefix: &str) -> String {
    let count = if matches!(prefix, "AKIA" | "ASIA") { 16 } else { 17 };
    format!("{prefix}{}", letters(&mut fastrand::Rng::new(), count))
}

/// An id made of a name, the same at every start.
pub(crate) fn steady_id(prefix: &str, name: &str) -> String {
    // FNV-1a: spread enough for ids, and the same on every platform.
    let hash = prefix
        .bytes()
        .chain(name.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{prefix}{}", letters(&mut fastrand::Rng::with_seed(hash), 17))
}

/// A new secret access key.
pub(crate) fn new_secret() -> String {
    let mut random = fastrand::Rng::new();
    digest::base64(&std::array::from_fn::<u8, 30, _>(|_| random.u8(..)))
}

/// A version-4 UUID, for request ids and jobs.
pub(crate) fn uuid() -> String {
    let bits = fastrand::u128(..);
    let hex = format!("{:032x}", bits & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The time now, as IAM writes it.
pub(crate) fn now() -> String {
    clock::iso(clock::seconds())
}
