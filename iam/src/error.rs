//! One error type for every call: a stable kind, AWS's own words, and what is known of each attempt.
//!
//! Kinds are decided by code and status alone. Refuses to look at AWS's message texts, and to carry any part of a
//! reply body but the code and message of a well-formed error.

use crate::table::MASK;
use serde::Serialize;
use std::fmt;

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The entity does not exist (`NoSuchEntity`).
    NotFound,
    /// The entity exists already (`EntityAlreadyExists`).
    AlreadyExists,
    /// Something still stands in the way of a deletion (`DeleteConflict`).
    Conflict,
    /// The entity cannot be changed for a moment (`EntityTemporarilyUnmodifiable`).
    TemporarilyUnmodifiable,
    /// Somebody else is changing the entity (`ConcurrentModification`).
    ConcurrentModification,
    /// A quota is used up (`LimitExceeded`); permanent until something is removed.
    Limit,
    /// The caller may not do this (`AccessDenied`).
    Denied,
    /// The caller's credentials are not accepted, or could not be had.
    BadCredentials,
    /// Too many calls (`Throttling`).
    Throttled,
    /// IAM failed inside (5xx).
    Service,
    /// No answer in time.
    TimeOut,
    /// The endpoint could not be reached, or the connection broke.
    Connection,
    /// The answer is not a whole answer of IAM to this call.
    MalformedReply,
    /// The request is refused as it is, by the operation table or by IAM.
    InvalidRequest,
}

/// Codes of 400 and 403 that mean: not these credentials.
const CREDENTIAL_CODES: &[&str] = &[
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "InvalidAccessKeyId",
    "InvalidSignatureException",
    "InvalidToken",
    "UnrecognizedClientException",
    "AuthFailure",
];
const THROTTLING_CODES: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
];

impl Kind {
    /// The kind of an error reply.
    #[must_use]
    pub fn of(code: Option<&str>, status: u16) -> Self {
        match (code, status) {
            (Some("NoSuchEntity"), _) => Self::NotFound,
            (Some("EntityAlreadyExists"), _) => Self::AlreadyExists,
            (Some("DeleteConflict"), _) => Self::Conflict,
            (Some("EntityTemporarilyUnmodifiable"), _) => Self::TemporarilyUnmodifiable,
            (Some("ConcurrentModification"), _) => Self::ConcurrentModification,
            (Some("LimitExceeded"), _) => Self::Limit,
            (Some(code), _) if THROTTLING_CODES.contains(&code) => Self::Throttled,
            (Some(code), _) if CREDENTIAL_CODES.contains(&code) => Self::BadCredentials,
            (_, 429) => Self::Throttled,
            // 501 is a stand-in that lacks the operation: asking again changes nothing.
            (_, 500 | 502..) => Self::Service,
            (Some("AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation"), _) | (None, 401 | 403 | 407) => {
                Self::Denied
            }
            (Some(_), _) | (None, 501) => Self::InvalidRequest,
            (None, _) => Self::MalformedReply,
        }
    }

    /// The kind's name as it stands in results: `not_found`, `time_out` and so on.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::TemporarilyUnmodifiable => "temporarily_unmodifiable",
            Self::ConcurrentModification => "concurrent_modification",
            Self::Limit => "limit",
            Self::Denied => "denied",
            Self::BadCredentials => "bad_credentials",
            Self::Throttled => "throttled",
            Self::Service => "service",
            Self::TimeOut => "time_out",
            Self::Connection => "connection",
            Self::MalformedReply => "malformed_reply",
            Self::InvalidRequest => "invalid_request",
        }
    }

    /// Whether the same call may succeed later without anything else being changed.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(
            self,
            Self::TemporarilyUnmodifiable
                | Self::ConcurrentModification
                | Self::Throttled
                | Self::Service
                | Self::TimeOut
                | Self::Connection
        )
    }
}

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// IAM answered with an error: whether the call was carried out is known, but for a failure inside IAM.
    Answered {
        /// HTTP status.
        status: u16,
        /// AWS's code, where the answer had one.
        code: Option<String>,
    },
    /// The request never reached the endpoint.
    NotSent {
        /// Why.
        reason: String,
    },
    /// The request may have been carried out, but no whole answer came.
    Lost {
        /// Why.
        reason: String,
    },
}

/// One attempt of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Milliseconds from the first attempt's start to this one's end.
    pub after_ms: u64,
    /// How it ended.
    pub ending: Ending,
}

impl Attempt {
    /// Whether the attempt may have been carried out although no success was seen.
    #[must_use]
    pub fn in_doubt(&self) -> bool {
        match &self.ending {
            Ending::Answered { status, code } => {
                // 503 and throttling are answered before the work; other failures inside may have followed it.
                Kind::of(code.as_deref(), *status) == Kind::Service && *status != 503
            }
            Ending::NotSent { .. } => false,
            Ending::Lost { .. } => true,
        }
    }
}

/// A call that did not succeed.
#[derive(Debug, Clone)]
pub struct Error(Box<Detail>);

/// What is known of a failed call.
#[derive(Debug, Clone)]
pub struct Detail {
    /// What went wrong, for programs.
    pub kind: Kind,
    /// AWS's code, such as `NoSuchEntity`.
    pub code: Option<String>,
    /// AWS's message, or ours where AWS gave none.
    pub message: String,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
    /// AWS's request id of the last answer.
    pub request_id: Option<String>,
    /// The operation, such as `DeleteUser`.
    pub operation: String,
    /// Every attempt, in order.
    pub attempts: Vec<Attempt>,
    /// By how many seconds the endpoint's clock is ahead of ours, where an answer told.
    pub clock_ahead: Option<i64>,
}

impl std::ops::Deref for Error {
    type Target = Detail;

    fn deref(&self) -> &Detail {
        &self.0
    }
}

impl From<Detail> for Error {
    fn from(detail: Detail) -> Self {
        Self(Box::new(detail))
    }
}

impl Error {
    /// An error that no call caused, such as a request that the table refuses.
    #[must_use]
    pub fn local(kind: Kind, operation: &str, message: impl Into<String>) -> Self {
        Detail {
            kind,
            code: None,
            message: message.into(),
            status: None,
            request_id: None,
            operation: operation.to_owned(),
            attempts: vec![],
            clock_ahead: None,
        }
        .into()
    }

    /// The same without these texts in its message.
    #[must_use]
    pub fn without(mut self, secrets: &[&str]) -> Self {
        // No secret that IAM takes is shorter; a shorter one would blot out words of the message itself.
        for secret in secrets.iter().filter(|secret| secret.trim().len() >= 6) {
            // What IAM quotes may have lost the white space around it.
            self.0.message = self.0.message.replace(secret, MASK).replace(secret.trim(), MASK);
        }
        self
    }

    /// Whether some attempt may have been carried out all the same: the outcome is unknown until it is looked at.
    #[must_use]
    pub fn in_doubt(&self) -> bool {
        self.attempts.iter().any(Attempt::in_doubt)
    }

    /// What the error means for whoever made the call, and what to do; nothing where AWS's own words say it all. Source: AWS
    /// API reference, the errors of each operation.
    #[must_use]
    pub fn meaning(&self) -> Option<&'static str> {
        let of_code = match self.code.as_deref()? {
            "NoSuchEntity" => "What is named does not exist, or not any more; names count with their case here",
            "EntityAlreadyExists" => "There is one of this name already; names are unique regardless of case",
            "DeleteConflict" => "Something still hangs on it, which has to be removed first",
            "LimitExceeded" => {
                "A quota is used up: trying again is pointless until something is removed or the quota raised"
            }
            "InvalidInput" | "ValidationError" => "IAM does not take a value as it is",
            "MalformedPolicyDocument" | "MalformedPolicyDocumentException" => {
                "The document is no policy that IAM takes, or names a principal that does not exist"
            }
            "PolicyNotAttachable" => "The policy is for AWS services' own roles, and nobody can attach it",
            "PolicyEvaluation" => "The policies in question could not be evaluated; the message says which",
            "PasswordPolicyViolation" => "The password does not meet the account's password policy",
            "UnmodifiableEntity" => "It belongs to an AWS service, which alone may change it",
            "EntityTemporarilyUnmodifiable" | "ConcurrentModification" => {
                "It is being changed at the moment; try again in a minute"
            }
            "InvalidUserType" => "This kind of user cannot do it: a root user has other means",
            "ReportNotPresent" | "ReportExpired" | "ReportInProgress" => {
                "The report has to be generated first; try again in a minute"
            }
            "ReportGenerationLimitExceeded" => "A report was asked for too often; try again later",
            "ServiceFailure" | "ServiceFailureException" | "InternalFailure" | "ServiceUnavailable" => {
                "IAM itself failed; try again in a minute"
            }
            "ServiceNotSupported" | "NotSupportedService" => {
                "The service named does not have this, or not in this partition"
            }
            "UnrecognizedPublicKeyEncoding"
            | "InvalidPublicKey"
            | "MalformedCertificate"
            | "InvalidCertificate"
            | "KeyPairMismatch" => "The key or certificate cannot be read, or does not belong to its pair",
            "DuplicateCertificate" | "DuplicateSSHPublicKey" => "It is there already",
            "InvalidAuthenticationCode" => {
                "The codes of the MFA device are not right: take two codes that follow each other"
            }
            "NameConflict" => "The name is taken by another kind of entity",
            "OpenIdIdpCommunicationError" => "IAM could not reach the identity provider; try again when it answers",
            "RoleModified" => "Somebody has changed the role since, so that it is not deleted by the service",
            "RoleTemplateDisabled" => "The template is switched off",
            "FeatureEnabled" | "FeatureDisabled" => "It is as wanted already",
            "AccountNotManagementOrDelegatedAdministratorException" | "CallerIsNotManagementAccountException" => {
                "Only the organization's management account or its delegated administrator may do this"
            }
            "OrganizationNotFoundException" => "The account belongs to no organization",
            "OrganizationNotInAllFeaturesModeException" => "The organization does not have all features enabled",
            "ServiceAccessNotEnabledException" => "Trusted access of IAM is not enabled in the organization",
            "AccessDenied" => "The caller lacks the permission; `awsiam policy` prints what an action needs",
            "NotImplemented" | "InvalidAction" => "This endpoint does not know the operation",
            _ => return None,
        };
        Some(of_code)
    }

    /// The seconds by which the clocks differ, where that may be why a signature was refused.
    #[must_use]
    pub fn clock_trouble(&self) -> Option<i64> {
        self.clock_ahead.filter(|seconds| self.kind == Kind::BadCredentials && seconds.abs() > 240)
    }
}

impl fmt::Display for Error {
    /// `NoSuchEntity (HTTP 404) from GetUser: The user with name x cannot be found. [request id …, 3 attempts]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, self.status) {
            (Some(code), Some(status)) => write!(f, "{code} (HTTP {status})")?,
            (Some(code), None) => write!(f, "{code}")?,
            (None, Some(status)) => write!(f, "HTTP {status}")?,
            (None, None) => write!(f, "{}", self.kind.name())?,
        }
        write!(f, " from {}: {}", self.operation, self.message)?;
        let mut notes = vec![];
        notes.extend(self.request_id.as_ref().map(|id| format!("request id {id}")));
        if self.attempts.len() > 1 {
            notes.push(format!("{} attempts", self.attempts.len()));
        }
        if notes.is_empty() { Ok(()) } else { write!(f, " [{}]", notes.join(", ")) }
    }
}

impl std::error::Error for Error {}

impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told<'a> {
            kind: Kind,
            #[serde(skip_serializing_if = "Option::is_none")]
            code: &'a Option<String>,
            message: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<u16>,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: &'a Option<String>,
            operation: &'a str,
            attempts: &'a [Attempt],
            retryable: bool,
        }
        Told {
            kind: self.kind,
            code: &self.code,
            message: &self.message,
            status: self.status,
            request_id: &self.request_id,
            operation: &self.operation,
            attempts: &self.attempts,
            retryable: self.kind.passes(),
        }
        .serialize(serializer)
    }
}
