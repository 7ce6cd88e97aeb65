//! The actions of awsiam: lookups and runbooks. Knows IAM; knows neither stdin, files nor the envelope.
