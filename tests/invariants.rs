//! Rules of the architecture that no type enforces, checked on the sources.

use std::path::{Path, PathBuf};

/// Every Rust source below these folders, with the part before its unit tests.
fn sources(folders: &[&str]) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = vec![];
    for folder in folders {
        walk(Path::new(folder), &mut found);
    }
    assert!(found.len() > 3, "{folders:?}");
    let product = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        (path, text)
    };
    found.into_iter().map(product).collect()
}

fn offenders(folders: &[&str], offends: impl Fn(&Path, &str) -> bool) -> Vec<String> {
    let mut found = vec![];
    for (path, text) in sources(folders) {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if offends(&path, code) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

fn is(path: &Path, name: &str) -> bool {
    path.ends_with(name)
}

#[test]
fn only_main_writes_to_stdout() {
    let found = offenders(&["src", "actions/src", "iam/src"], |path, code| {
        code.contains("stdout()") && !is(path, "src/main.rs")
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn only_the_executor_sends_what_may_change_something() {
    // A client sends calls of any kind; readers and typed reads cannot write.
    let found = offenders(&["src", "actions/src"], |path, code| {
        (code.contains(".send(") || code.contains(".send_all(")) && !is(path, "actions/src/execute.rs")
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn no_partition_is_written_by_hand() {
    // Examples in declarations are documentation, and all of the account that AWS's own documentation uses.
    let found = offenders(&["src", "actions/src", "iam/src"], |_, code| {
        code.contains("arn:aws:") && !code.contains("123456789012")
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn no_message_of_aws_is_compared() {
    let compares = |code: &str| {
        ["message.contains", "message.starts_with", "message ==", "message.as_str() ==", "message().contains"]
            .iter()
            .any(|way| code.contains(way))
    };
    let found = offenders(&["src", "actions/src", "iam/src"], |_, code| compares(code));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn only_iam_knows_http_and_the_sdk() {
    let found = offenders(&["src", "actions/src"], |_, code| {
        ["aws_sdk", "aws_smithy", "aws_config", "roxmltree", "hyper"].iter().any(|name| code.contains(name))
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn errors_of_the_sdk_are_never_printed_whole() {
    let found = offenders(&["iam/src"], |_, code| {
        code.contains("DisplayErrorContext") || code.contains("{error:?}") || code.contains("{err:?}")
    });
    assert_eq!(found, Vec::<String>::new());
}
