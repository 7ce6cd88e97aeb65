//! Reads one request, prints one result, sets the exit code.

fn main() {}
