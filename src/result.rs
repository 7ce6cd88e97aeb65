//! The result envelope: what the platform reads on stdout. Messages, masking, exit code.
//!
//! Knows no action and makes no call.

use awsiam_actions::action::{Action, Of, Run};
use awsiam_actions::operations;
use awsiam_actions::outcome::{Failure, Outcome};
use awsiam_actions::parameters::ALWAYS;
use awsiam_iam::Origin;
use awsiam_iam::table::MASK;
use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Whether an action or a parameter set did what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It did.
    Success,
    /// It did not.
    Failed,
}

/// The rows of a parameter set's result: trees, then what is held as text. One list for whoever reads it.
#[derive(Debug, Default)]
pub struct Data {
    rows: Vec<Value>,
    listed: Vec<Box<RawValue>>,
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.rows.len() + self.listed.len()))?;
        for row in &self.rows {
            list.serialize_element(row)?;
        }
        for row in &self.listed {
            list.serialize_element(row)?;
        }
        list.end()
    }
}

/// The result of one parameter set.
#[derive(Debug, Serialize)]
pub struct Item {
    /// Rows with the API's own names.
    pub data: Data,
    /// First, the run's own record.
    pub extra_data: Vec<Value>,
    /// Numbers.
    pub summary: Map<String, Value>,
    /// Whether it did what it should.
    pub status: Status,
    /// For humans.
    pub message: String,
    /// The parameters as given, secrets masked.
    pub parameter: Map<String, Value>,
    /// The platform's context, echoed.
    pub context: Value,
    /// Whether the set was refused before any call.
    #[serde(skip)]
    pub invalid: bool,
    /// Whether the set was cut short by a signal.
    #[serde(skip)]
    pub cancelled: bool,
}

impl Item {
    /// The result of a set that ran.
    #[must_use]
    pub fn of(action: &Action, set: &Map<String, Value>, outcome: Result<Outcome, Failure>, record: Value) -> Self {
        let mut item = Self::empty(Some(action), set);
        item.extra_data.push(record);
        match outcome {
            Ok(outcome) => {
                item.message = outcome.message.unwrap_or_else(|| words(&outcome.summary));
                item.data = Data { rows: outcome.data, listed: outcome.listed };
                item.summary = outcome.summary;
                item.status = Status::Success;
            }
            Err(failure) => {
                item.cancelled = matches!(failure, Failure::Cancelled(_));
                item.message = failure.to_string();
            }
        }
        item
    }

    /// The result of a set that was refused before any call.
    #[must_use]
    pub fn invalid(action: Option<&Action>, set: &Map<String, Value>, message: impl Into<String>) -> Self {
        Self { message: message.into(), invalid: true, ..Self::empty(action, set) }
    }

    /// The result of a set that was not begun, because another one failed before.
    #[must_use]
    pub fn not_begun(action: &Action, set: &Map<String, Value>) -> Self {
        let message = "Not begun, because another parameter set failed and fail_fast is asked for.".to_owned();
        Self { message, ..Self::empty(Some(action), set) }
    }

    /// The result of a set that was not begun, because the run was told to stop.
    #[must_use]
    pub fn cancelled(action: &Action, set: &Map<String, Value>) -> Self {
        let message = "Cancelled before it was begun; nothing was changed.".to_owned();
        Self { message, cancelled: true, ..Self::empty(Some(action), set) }
    }

    /// The result as a line of its own, with the action and the set's index in the request.
    #[must_use]
    pub fn line(&self, identifier: &str, index: usize) -> String {
        let mut line = json!({ "identifier": identifier, "index": index });
        if let (Some(line), Ok(Value::Object(item))) = (line.as_object_mut(), serde_json::to_value(self)) {
            line.extend(item);
        }
        format!("{line}\n")
    }

    fn empty(action: Option<&Action>, set: &Map<String, Value>) -> Self {
        Self {
            data: Data::default(),
            extra_data: vec![],
            summary: Map::new(),
            status: Status::Failed,
            message: String::new(),
            parameter: masked(action, set),
            context: set.get("context").cloned().filter(Value::is_object).unwrap_or_else(|| json!({})),
            invalid: false,
            cancelled: false,
        }
    }
}

/// The result of an action.
#[derive(Debug, Serialize)]
pub struct Document {
    identifier: String,
    result_data: Vec<Item>,
    result_summary: Value,
    /// Whether any parameter set did what it should.
    pub status: Status,
    /// For humans.
    pub message: String,
    // The platform spells it so.
    exception_occured: bool,
    action_cancelled: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    endpoints: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sandbox: bool,
    #[serde(skip)]
    code: u8,
    #[serde(skip)]
    failed: usize,
}

/// What became of parameter sets, in numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    total: usize,
    successful: usize,
    invalid: usize,
    cancelled: bool,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, item: &Item) {
        self.total += 1;
        self.successful += usize::from(item.status == Status::Success);
        self.invalid += usize::from(item.invalid);
        self.cancelled |= item.cancelled;
    }

    /// Whether none was fit to be run.
    #[must_use]
    pub fn all_invalid(&self) -> bool {
        self.total > 0 && self.invalid == self.total
    }
}

impl Document {
    /// The result of parameter sets that were gone through. `items` is empty where each was told on a line of its own.
    #[must_use]
    pub fn of(identifier: &str, items: Vec<Item>, tally: &Tally, origin: &Origin) -> Self {
        let successful = tally.successful;
        let failed = tally.total - successful;
        let counted =
            |n: usize, what: &str| (n > 0).then(|| format!("{n} action{} {what}", if n == 1 { "" } else { "s" }));
        let message: Vec<_> =
            [counted(successful, "succeeded"), counted(failed, "failed")].into_iter().flatten().collect();
        let code = match (successful, tally.invalid == tally.total) {
            (1.., _) => 0,
            (0, true) => 2,
            (0, false) => 1,
        };
        Self {
            identifier: identifier.to_owned(),
            result_summary: json!({ "total_objects": tally.total, "total_objects_successful": successful }),
            result_data: items,
            status: if successful > 0 { Status::Success } else { Status::Failed },
            message: message.join(", "),
            exception_occured: false,
            action_cancelled: tally.cancelled,
            endpoints: origin.endpoints.clone(),
            sandbox: origin.sandbox,
            code,
            failed,
        }
    }

    /// The result of a request or asset that cannot be used.
    #[must_use]
    pub fn refused(identifier: &str, action: Option<&Action>, sets: &[Map<String, Value>], message: &str) -> Self {
        let items: Vec<_> = sets.iter().map(|set| Item::invalid(action, set, message)).collect();
        let mut tally = Tally::default();
        for item in &items {
            tally.count(item);
        }
        Self {
            message: message.to_owned(),
            code: 2,
            status: Status::Failed,
            ..Self::of(identifier, items, &tally, &Origin::default())
        }
    }

    /// 0, 1 or 2; a signal's code is the process's to add.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }

    /// How many parameter sets failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// The results of its parameter sets, taken out of it.
    pub fn take_items(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.result_data)
    }

    /// Writes it as one line, or indented.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, pretty: bool, writer: &mut impl std::io::Write) -> std::io::Result<()> {
        if pretty {
            // What is held as text is indented as well.
            let tree: Value = serde_json::from_str(&serde_json::to_string(self)?)?;
            serde_json::to_writer_pretty(&mut *writer, &tree)?;
        } else {
            serde_json::to_writer(&mut *writer, self)?;
        }
        writer.write_all(b"\n")
    }

    /// The same as text.
    #[must_use]
    pub fn text(&self, pretty: bool) -> String {
        let mut text = vec![];
        // Memory can be written to.
        let _ = self.write(pretty, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// What stdout gets when the program itself is at fault.
#[must_use]
pub fn after_panic(place: &str) -> String {
    json!({
        "identifier": "",
        "result_data": [],
        "result_summary": { "total_objects": 0, "total_objects_successful": 0 },
        "status": "failed",
        "message": format!("awsiam failed by a fault of its own{place}. Changes that were under way may have been made: see the journal, then run the action again."),
        "exception_occured": true,
        "action_cancelled": false,
    })
    .to_string()
}

/// The parameters as given, with what is secret masked, and with what is not known.
fn masked(action: Option<&Action>, set: &Map<String, Value>) -> Map<String, Value> {
    // A name that is not known may be a secret's, misspelt.
    let secret = |name: &str| match action.and_then(|action| action.parameter(name)) {
        Some(parameter) => parameter.of.is_secret(),
        None => !ALWAYS.contains(&name),
    };
    let of_operation = || match action.map(|action| &action.run) {
        Some(Run::Operation(Some(operation)) | Run::Wait(operation)) => operation.name,
        _ => set.get("operation").and_then(Value::as_str).unwrap_or_default(),
    };
    let wraps = |name: &str| {
        name == operations::BODY
            || action.and_then(|action| action.parameter(name)).is_some_and(|parameter| parameter.of == Of::Members)
    };
    let mask = |name: &String, value: &Value| {
        if wraps(name) && !value.is_null() {
            return (name.clone(), operations::masked(of_operation(), value));
        }
        let shown = if secret(name) && !value.is_null() { MASK.into() } else { value.clone() };
        (name.clone(), shown)
    };
    set.iter().map(|(name, value)| mask(name, value)).collect()
}

/// `Total groups: 2, Total policies: 2`
fn words(summary: &Map<String, Value>) -> String {
    let told = summary.iter().map(|(name, value)| {
        let name = name.replace('_', " ");
        let mut chars = name.chars();
        let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{first}{}: {value}", chars.as_str())
    });
    told.collect::<Vec<_>>().join(", ")
}
