//! Call operation: the general form of every IAM operation, for platforms that have one form for each action.

use crate::action::{Action, Kind, Of, Output, Parameter, Run, parameter};
use crate::operations::{MAX_ITEMS, RETURN_SECRET, STARTING_TOKEN, WAIT};

/// `call operation`
pub const ACTION: Action = Action {
    name: "call operation",
    identifier: "call_operation",
    kind: Kind::Generic,
    description: "Call any IAM operation",
    verbose: "Makes one call of one of all IAM operations, by its name and its members (awsiam operations lists them, awsiam describe iam:NAME shows one). Lists are read whole. What changes something is guarded, shown by a dry run, journaled, and names its reversal where one is known. Secrets that IAM gives only once go to the asset's secret_sink, or into the data with return_secret true; with neither, such a call is refused. The same as an action of its own: iam:NAME with the members as parameters.",
    parameters: &[
        Parameter {
            name: "operation",
            description: "Name of the operation",
            of: Of::AnyText,
            required: true,
            primary: true,
            contains: &["aws iam operation"],
            example: "ListAccountAliases",
            column: Some((0, "Operation")),
        },
        Parameter {
            name: "parameters",
            description: "Members of the request: a JSON object, or its text",
            of: Of::Members,
            required: false,
            primary: false,
            contains: &[],
            example: "{\"UserName\": \"alice\"}",
            column: None,
        },
        MAX_ITEMS,
        STARTING_TOKEN,
        WAIT,
        RETURN_SECRET,
        parameter::CONFIRM,
        parameter::CREDENTIALS,
    ],
    outputs: &[
        Output::data("RequestId", "abcd1234-ab12-ab12-ab12-123456abcdef").column(1, "Request ID"),
        Output::data("AccountAlias", "example-company"),
    ],
    message: "Total account aliases: 1",
    status_column: Some(2),
    undo: None,
    calls: &[&["ListAccountAliases"]],
    undoing: "Where the operation has an opposite (attach and detach, add and remove, put with the former document, a status, tags), by undo or by the reversal in the result.",
    run: Run::Operation(None),
};
