//! What an action declares of itself: the one source of its validation, its help, its manifest entry and its schema.
//!
//! Holds data only. Refuses to run anything.

use crate::outcome::{Failure, Outcome};
use crate::parameters::Parameters;
use crate::reader::Reader;
use crate::runbook::Runbook;
use awsiam_iam::table::{self, Kind as Type, Operation};
use futures_util::future::BoxFuture;

/// An action that a playbook can call.
#[derive(Debug)]
pub struct Action {
    /// The platform's name, such as `disable user`.
    pub name: &'static str,
    /// The same for programs, such as `disable_user`; also the name of its file.
    pub identifier: &'static str,
    /// What kind of response it is.
    pub kind: Kind,
    /// One line.
    pub description: &'static str,
    /// What a responder should know before using it.
    pub verbose: &'static str,
    /// What it takes, in the order of the form.
    pub parameters: &'static [Parameter],
    /// What each of its data rows and its summary hold.
    pub outputs: &'static [Output],
    /// An example of what it says when it has succeeded.
    pub message: &'static str,
    /// The place of the status among the columns of the platform's table, where it is one.
    pub status_column: Option<u8>,
    /// The name of the action that reverses it, where one does.
    pub undo: Option<&'static str>,
    /// The operations that it may call, in groups that may overlap; STS operations with `sts:` in front.
    pub calls: &'static [&'static [&'static str]],
    /// What can and what cannot be undone, in words; empty for lookups.
    pub undoing: &'static str,
    /// How it runs.
    pub run: Run,
}

/// The platform's types of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Checks the asset.
    Test,
    /// Looks, and changes nothing.
    Investigate,
    /// Takes access away.
    Contain,
    /// Gives access back, or otherwise.
    Correct,
    /// Anything else.
    Generic,
}

impl Kind {
    /// The platform's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Investigate => "investigate",
            Self::Contain => "contain",
            Self::Correct => "correct",
            Self::Generic => "generic",
        }
    }
}

/// How an action runs. A lookup is given a reader and nothing else, so that being read-only is a matter of types.
pub enum Run {
    /// Reads.
    Lookup(for<'a> fn(&'a Parameters, &'a Reader) -> BoxFuture<'a, Result<Outcome, Failure>>),
    /// Plans changes, which the executor carries out.
    Runbook(fn(&Parameters) -> Runbook),
    /// Makes one call of this operation, or of the one that the parameter set names.
    Operation(Option<&'static Operation>),
    /// Repeats a read until it finds what it asks for.
    Wait(&'static Operation),
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lookup(_) => "Lookup",
            Self::Runbook(_) => "Runbook",
            Self::Operation(_) => "Operation",
            Self::Wait(_) => "Wait",
        })
    }
}

impl Action {
    /// Whether it changes nothing.
    #[must_use]
    pub fn read_only(&self) -> bool {
        match self.run {
            Run::Lookup(_) | Run::Wait(_) => true,
            Run::Operation(operation) => operation.is_some_and(Operation::reads),
            Run::Runbook(_) => false,
        }
    }

    /// Every parameter of its form: its own, and `dry_run` where it changes anything.
    pub fn form(&self) -> impl Iterator<Item = &'static Parameter> + use<> {
        let dry_run = (!self.read_only()).then_some(&parameter::DRY_RUN);
        self.parameters.iter().chain(dry_run)
    }

    /// Every operation that it may call, once each.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        let mut calls = vec![];
        for call in self.calls.iter().copied().flatten() {
            if !calls.contains(call) {
                calls.push(*call);
            }
        }
        calls
    }

    /// The calls in words, where they are not the action's own to say.
    #[must_use]
    pub fn calls_in_words(&self) -> Option<&'static str> {
        matches!(self.run, Run::Operation(None))
            .then_some("the operation that is named, and what its guards read: see `awsiam describe iam:NAME`")
    }

    /// The parameter with this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

/// A parameter of an action.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Its type.
    pub of: Of,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it is what the action is about, for the platform's contextual menus.
    pub primary: bool,
    /// The platform's names for what it holds.
    pub contains: &'static [&'static str],
    /// An example; none for flags, and none for secrets, which results never show.
    pub example: &'static str,
    /// Its column in the platform's table, with the title.
    pub column: Option<(u8, &'static str)>,
}

impl Parameter {
    /// As a column of the platform's table.
    #[must_use]
    pub const fn column(self, order: u8, title: &'static str) -> Self {
        Self { column: Some((order, title)), ..self }
    }
}

/// The type of a parameter, with what a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Text within the limits of a member of IAM's requests.
    Text {
        /// The operation whose request has the member.
        operation: &'static str,
        /// The member.
        member: &'static str,
    },
    /// A path such as `/engineering/`, `/` by default, which means no restriction where it is a filter.
    Path {
        /// What it is a path of, for messages.
        of: &'static str,
        /// Whether backslashes are taken for slashes: the original app does so for users and roles, not for groups.
        backslashes: bool,
    },
    /// The id of an access key, long-term (`AKIA…`) or temporary (`ASIA…`).
    AccessKeyId,
    /// A policy document as JSON text.
    Document,
    /// True or false, with the default.
    Flag(bool),
    /// A secret text within the limits of a member of IAM's requests.
    Secret {
        /// The operation whose request has the member.
        operation: &'static str,
        /// The member.
        member: &'static str,
    },
    /// An earlier run: its id, or its result. The runtime puts the run's record in the place of an id.
    Record,
    /// A member of the request of an operation, of whatever type it is in the operation table.
    Member {
        /// The operation.
        operation: &'static str,
        /// The member.
        member: &'static str,
    },
    /// The members of the request of an operation that another parameter names: an object, or its text.
    Members,
    /// Any text.
    AnyText,
    /// A whole number from 1 on, or its text.
    Count,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Credentials of an assumed role, used in place of the asset's for one parameter set.
    Credentials,
}

impl Of {
    /// The platform's word for the type.
    #[must_use]
    pub fn data_type(self) -> &'static str {
        match self {
            Self::Flag(_) => "boolean",
            Self::Count => "numeric",
            Self::Member { operation, member } => {
                let shape = table::operation(operation).and_then(|operation| operation.member(member));
                match shape.map(|member| &member.shape.kind) {
                    Some(Type::Integer) => "numeric",
                    Some(Type::Boolean) => "boolean",
                    _ => "string",
                }
            }
            Self::Credentials => "password",
            _ => "string",
        }
    }

    /// Whether a value must never be shown.
    #[must_use]
    pub fn is_secret(self) -> bool {
        match self {
            Self::Secret { .. } | Self::Credentials => true,
            Self::Member { operation, member } => table::operation(operation)
                .and_then(|operation| operation.member(member))
                .is_some_and(|member| member.shape.sensitive),
            _ => false,
        }
    }
}

/// An output path of an action, below `data.*` or, with [`Output::summary`], below `summary`.
#[derive(Debug)]
pub struct Output {
    /// The path, such as `Groups.*.Arn`.
    pub path: &'static str,
    /// Whether the path is in the summary.
    pub summary: bool,
    /// The platform's names for what it holds.
    pub contains: &'static [&'static str],
    /// An example.
    pub example: &'static str,
    /// Its column in the platform's table, with the title.
    pub column: Option<(u8, &'static str)>,
}

impl Output {
    /// A member of each data row.
    #[must_use]
    pub const fn data(path: &'static str, example: &'static str) -> Self {
        Self { path, summary: false, contains: &[], example, column: None }
    }

    /// A number in the summary.
    #[must_use]
    pub const fn total(path: &'static str) -> Self {
        Self { path, summary: true, contains: &[], example: "2", column: None }
    }

    /// With the platform's names for what it holds.
    #[must_use]
    pub const fn contains(self, contains: &'static [&'static str]) -> Self {
        Self { contains, ..self }
    }

    /// As a column of the platform's table.
    #[must_use]
    pub const fn column(self, order: u8, title: &'static str) -> Self {
        Self { column: Some((order, title)), ..self }
    }
}

/// The parameters that several actions share, so that they mean the same everywhere.
pub mod parameter {
    use super::{Of, Parameter};

    /// Names the platform knows a user's name by.
    pub const USER: &[&str] = &["user name", "aws iam user name"];
    /// Names the platform knows a group's name by.
    pub const GROUP: &[&str] = &["aws iam group name"];
    /// Names the platform knows a role's name by.
    pub const ROLE: &[&str] = &["aws iam role name"];
    /// Names the platform knows a policy's ARN by.
    pub const POLICY: &[&str] = &["aws iam policy arn"];

    /// Names the platform knows an access key's id by.
    pub const ACCESS_KEY: &[&str] = &["aws access key id"];

    /// What may be wanted or not.
    #[must_use]
    pub const fn flag(name: &'static str, description: &'static str, default: bool) -> Parameter {
        let of = Of::Flag(default);
        Parameter { name, description, of, required: false, primary: false, contains: &[], example: "", column: None }
    }

    /// The user that an action is about.
    pub const USERNAME: Parameter = Parameter {
        name: "username",
        description: "Name of the user (not its ARN)",
        of: Of::Text { operation: "GetUser", member: "UserName" },
        required: true,
        primary: true,
        contains: USER,
        example: "alice",
        column: None,
    };
    /// The group that an action is about.
    pub const GROUP_NAME: Parameter = Parameter {
        name: "group_name",
        description: "Name of the group (not its ARN)",
        of: Of::Text { operation: "GetGroup", member: "GroupName" },
        required: true,
        primary: true,
        contains: GROUP,
        example: "Test-Group",
        column: None,
    };
    /// The role that an action is about.
    pub const ROLE_NAME: Parameter = Parameter {
        name: "role_name",
        description: "Name of the role (not its ARN)",
        of: Of::Text { operation: "GetRole", member: "RoleName" },
        required: true,
        primary: true,
        contains: ROLE,
        example: "test-Role",
        column: None,
    };
    /// The managed policy that an action is about.
    pub const POLICY_ARN: Parameter = Parameter {
        name: "policy_arn",
        description: "ARN of the managed policy",
        of: Of::Text { operation: "AttachUserPolicy", member: "PolicyArn" },
        required: true,
        primary: true,
        contains: POLICY,
        example: "arn:aws:iam::123456789012:policy/testPolicy",
        column: None,
    };
    /// How much is read for the evidence, where only what is changed is read by default.
    pub const EVIDENCE: Parameter = Parameter {
        name: "evidence",
        description: "What is read and kept before anything is changed: changes (what is changed; the default) or full \
                      (all that hangs on it: policies with documents, groups, credentials with last use)",
        of: Of::Choice(&["changes", "full"]),
        required: false,
        primary: false,
        contains: &[],
        example: "full",
        column: None,
    };
    /// How much is read for the evidence, where everything is read by default.
    pub const FULL_EVIDENCE: Parameter = Parameter {
        description: "What is read and kept before anything is changed: full (all that hangs on it: policies with \
                      documents, groups, credentials with last use; the default) or changes (what is changed)",
        example: "changes",
        ..EVIDENCE
    };
    /// The name of what is deleted, once more.
    pub const CONFIRM: Parameter = Parameter {
        name: "confirm",
        description: "The same name (or ARN) once more, where the asset demands it (confirm_deletes)",
        of: Of::AnyText,
        required: false,
        primary: false,
        contains: &[],
        example: "alice",
        column: None,
    };
    /// Other credentials than the asset's.
    pub const CREDENTIALS: Parameter = Parameter {
        name: "credentials",
        description: "Credentials of an assumed role, used instead of the asset's for this parameter set: a JSON object \
                      with AccessKeyId, SecretAccessKey and SessionToken",
        of: Of::Credentials,
        required: false,
        primary: true,
        contains: &["aws credentials"],
        example: "",
        column: None,
    };
    /// Show the plan only. Every action accepts it; the forms of those that change nothing leave it out.
    pub const DRY_RUN: Parameter = flag("dry_run", "Show what would be changed, and change nothing", false);
}
