//! The thin runtime of awsiam: the process, the wire, the asset, the files. Knows no action by name.
