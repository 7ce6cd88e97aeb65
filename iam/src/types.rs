//! Typed requests and replies, with the API's own names, for the operations that runbooks use.
//!
//! Generated from the same model as the table, so that a misspelt member is a compile error. Holds no behaviour.
#![allow(clippy::struct_excessive_bools, reason = "the shapes are the API's")]

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

include!(concat!(env!("OUT_DIR"), "/types.rs"));

/// A typed request of one operation.
pub trait Request: Serialize + Send + Sync {
    /// IAM's name of the operation.
    const NAME: &'static str;
    /// What IAM answers.
    type Reply: serde::de::DeserializeOwned + Send;
    /// Adds the items of a further page of a list.
    fn append(whole: &mut Self::Reply, page: Self::Reply);
}

/// A request that changes nothing.
pub trait Read: Request {}

/// A request that changes something, or may.
pub trait Write: Request {}

/// A secret member of a request or reply. Its text is for the wire alone: `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct Sensitive(pub SecretString);

impl Default for Sensitive {
    fn default() -> Self {
        Self(SecretString::from(String::new()))
    }
}

impl Serialize for Sensitive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.expose_secret().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sensitive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SecretString::deserialize(deserializer).map(Self)
    }
}
