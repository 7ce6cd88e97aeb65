//! The least request that the operation table allows, for help and tests.
//!
//! Made of plain values that fit the limits. Refuses nothing: where no plain value fits, it leaves an empty text.

use crate::table::{Kind, Member, Operation, Shape};
use crate::wire::check_text;
use serde_json::{Map, Value, json};

/// A request with the required members alone.
#[must_use]
pub fn example(operation: &Operation) -> Value {
    members(operation.input)
}

fn members(members: &'static [Member]) -> Value {
    let required = members.iter().filter(|member| member.required);
    required.map(|member| (member.name.to_owned(), of(member.shape))).collect::<Map<_, _>>().into()
}

/// What is tried for a text, a single character as often as it takes.
const TEXTS: &[&str] = &[
    "/",
    "a",
    "1",
    "A",
    "v1",
    "o-aaaaaaaaaa",
    "p-aaaaaaaa",
    "http://a",
    "o-aaaaaaaaaa/r-aaaa",
    "111111",
    "111111111111",
    "arn:aws:iam::123456789012:role/x",
];

fn of(shape: &'static Shape) -> Value {
    let least = usize::try_from(shape.min.unwrap_or(1)).unwrap_or(1).max(1);
    match shape.kind {
        Kind::String if !shape.values.is_empty() => shape.values[0].into(),
        Kind::String | Kind::Policy | Kind::Blob | Kind::Time => {
            let fits = TEXTS.iter().map(|text| if text.len() == 1 { text.repeat(least) } else { (*text).to_owned() });
            fits.into_iter().find(|text| check_text(shape, text).is_ok()).unwrap_or_default().into()
        }
        Kind::Integer => shape.min.unwrap_or(1).into(),
        Kind::Boolean => true.into(),
        Kind::List(item) => vec![of(item); least].into(),
        Kind::Map(item) => json!({ "k": of(item) }),
        Kind::Structure(inner) => members(inner),
    }
}
