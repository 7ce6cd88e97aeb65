//! AWS managed policies: the catalogue of their names, and the documents of those that drills use.
//!
//! A policy without a document here is listed and can be attached, but grants nothing, and its document is not
//! invented. `ReadOnlyAccess`, `SecurityAudit` and `ViewOnlyAccess` are shortened to the services that matter here.

use crate::state::Document;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// An AWS managed policy.
#[derive(Debug)]
pub(crate) struct Managed {
    pub path: &'static str,
    pub name: &'static str,
    pub version: &'static str,
}

static CATALOGUE: LazyLock<Vec<Managed>> = LazyLock::new(|| {
    include_str!("managed/names.txt")
        .lines()
        .filter_map(|line| {
            let mut parts = line.split(' ');
            Some(Managed { path: parts.next()?, name: parts.next()?, version: parts.next()? })
        })
        .collect()
});

static DOCUMENTS: LazyLock<BTreeMap<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("managed/documents.json")).unwrap_or_default());

/// When every AWS managed policy of the sandbox was made and last changed.
pub(crate) const DATE: &str = "2015-02-06T18:39:46Z";

impl Managed {
    pub fn arn(&self, partition: &str) -> String {
        format!("arn:{partition}:iam::aws:policy{}{}", self.path, self.name)
    }

    /// The policy's id: AWS's shape, the same at every start.
    pub fn id(&self) -> String {
        crate::state::steady_id("ANPA", self.name)
    }

    /// The document, where the sandbox has it, with the partition's ARNs.
    pub fn document(&self, partition: &str) -> Option<Document> {
        let text = DOCUMENTS.get(self.name)?.to_string();
        Some(Document(if partition == "aws" {
            text
        } else {
            text.replace("\"arn:aws:", &format!("\"arn:{partition}:"))
        }))
    }
}

/// Every policy of the catalogue, in the order of names.
pub(crate) fn all() -> &'static [Managed] {
    &CATALOGUE
}

/// The policy with this ARN.
pub(crate) fn by_arn(partition: &str, arn: &str) -> Option<&'static Managed> {
    let rest = arn.strip_prefix(&format!("arn:{partition}:iam::aws:policy"))?;
    let (path, name) = rest.split_at(rest.rfind('/')? + 1);
    all().iter().find(|policy| policy.name == name && policy.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_belongs_to_a_name() {
        assert!(all().len() > 1_000);
        assert!(DOCUMENTS.len() > 20);
        for name in DOCUMENTS.keys() {
            assert!(all().iter().any(|policy| policy.name == name), "{name}");
        }
        let deny =
            by_arn("aws-cn", "arn:aws-cn:iam::aws:policy/AWSDenyAll").and_then(|policy| policy.document("aws-cn"));
        assert!(deny.is_some_and(|document| document.0.contains("Deny")));
        assert!(by_arn("aws-cn", "arn:aws:iam::aws:policy/AWSDenyAll").is_none());
    }
}
