//! An AWS IAM that lives in memory, served on loopback, for newcomers, drills and tests.
