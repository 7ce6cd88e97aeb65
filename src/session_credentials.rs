//! The `credentials` parameter: keys of an assumed role, as JSON or as the Python text that the platform's STS app
//! produces.
//!
//! Reads literals only and runs nothing. No error repeats any part of the text.

use awsiam_iam::credentials::{Keys, is_access_key_id};
use secrecy::{ExposeSecret, SecretString};

const WRONG: &str = "Parameter \"credentials\" must be a JSON object (or Python dictionary) with the credentials of an assumed role: AccessKeyId, SecretAccessKey, SessionToken";

/// What a literal may hold, as far as credentials go.
enum Literal {
    Text(SecretString),
    Map(Vec<(String, Literal)>),
    /// A number, a date, a list: allowed, and of no interest.
    Other,
}

/// Reads the keys.
///
/// # Errors
/// What is expected; never what was given.
pub fn parse(text: &SecretString) -> Result<Keys, String> {
    let mut reader = Reader { rest: text.expose_secret().trim(), depth: 0 };
    let literal = reader.literal().filter(|_| reader.rest.trim().is_empty()).ok_or_else(|| WRONG.to_owned())?;
    let Literal::Map(mut members) = literal else { return Err(WRONG.to_owned()) };
    // The STS app's data row holds them one level down.
    if let Some(at) = members.iter().position(|(name, value)| name == "Credentials" && matches!(value, Literal::Map(_)))
        && let Literal::Map(inner) = members.swap_remove(at).1
    {
        members = inner;
    }
    let member = |wanted: &str| {
        members.iter().find_map(|(name, value)| match value {
            Literal::Text(text) if name == wanted && !text.expose_secret().trim().is_empty() => Some(text.clone()),
            _ => None,
        })
    };
    let odd = |secret: &SecretString| secret.expose_secret().bytes().any(|b| !b.is_ascii_graphic());
    if ["AccessKeyId", "SecretAccessKey", "SessionToken"]
        .iter()
        .filter_map(|name| member(name))
        .any(|value| odd(&value))
    {
        return Err(format!("Parameter \"credentials\" holds blanks or line breaks where no key has any. {WRONG}"));
    }
    let missing = |name: &str| format!("Parameter \"credentials\" has no {name}. {WRONG}");
    let id = member("AccessKeyId").ok_or_else(|| missing("AccessKeyId"))?;
    let secret_access_key = member("SecretAccessKey").ok_or_else(|| missing("SecretAccessKey"))?;
    if !is_access_key_id(id.expose_secret()) {
        return Err(format!("Parameter \"credentials\" has an AccessKeyId that is none. {WRONG}"));
    }
    let access_key_id = id.expose_secret().to_owned();
    Ok(Keys { access_key_id, secret_access_key, session_token: member("SessionToken") })
}

/// How deep literals may nest: credentials need two levels.
const DEEPEST: usize = 8;

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn literal(&mut self) -> Option<Literal> {
        self.blanks();
        let (first, second) = {
            let mut chars = self.rest.chars();
            (chars.next()?, chars.next())
        };
        match (first, second) {
            ('{', _) => self.nested(Self::map),
            ('[' | '(', _) => self.nested(Self::sequence),
            ('"' | '\'', _) => self.string().map(Literal::Text),
            ('u' | 'U' | 'b' | 'B' | 'r' | 'R', Some('"' | '\'')) => {
                self.rest = &self.rest[1..];
                self.string().map(Literal::Text)
            }
            _ => self.word(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<Literal>) -> Option<Literal> {
        if self.depth == DEEPEST {
            return None;
        }
        self.depth += 1;
        let literal = read(self);
        self.depth -= 1;
        literal
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: char) -> bool {
        self.blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn map(&mut self) -> Option<Literal> {
        self.take('{');
        let mut members = vec![];
        while !self.take('}') {
            let Literal::Text(name) = self.literal()? else { return None };
            if !self.take(':') {
                return None;
            }
            members.push((name.expose_secret().to_owned(), self.literal()?));
            if !self.take(',') {
                return self.take('}').then_some(Literal::Map(members));
            }
        }
        Some(Literal::Map(members))
    }

    /// A list, a tuple, or the arguments of a call such as `datetime.datetime(2026, 1, 1, tzinfo=tzutc())`.
    fn sequence(&mut self) -> Option<Literal> {
        let close = if self.rest.starts_with('[') { ']' } else { ')' };
        self.rest = &self.rest[1..];
        while !self.take(close) {
            self.literal()?;
            if self.take('=') {
                self.literal()?;
            }
            if !self.take(',') {
                return self.take(close).then_some(Literal::Other);
            }
        }
        Some(Literal::Other)
    }

    /// `None`, `True`, a number, a dotted name with or without arguments.
    fn word(&mut self) -> Option<Literal> {
        let end =
            self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_.+-".contains(c))).unwrap_or(self.rest.len());
        if end == 0 {
            return None;
        }
        self.rest = &self.rest[end..];
        if self.rest.starts_with('(') {
            return self.nested(Self::sequence);
        }
        Some(Literal::Other)
    }

    fn string(&mut self) -> Option<SecretString> {
        let quote = self.rest.chars().next()?;
        let mut chars = self.rest[1..].char_indices();
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[1 + at + 1..];
                    return Some(text.into());
                }
                '\\' => {
                    let (_, escaped) = chars.next()?;
                    let digits = match escaped {
                        'u' => 4,
                        'x' => 2,
                        _ => 0,
                    };
                    if digits == 0 {
                        text.push(match escaped {
                            'n' => '\n',
                            't' => '\t',
                            'r' => '\r',
                            other => other,
                        });
                    } else {
                        let hex: String = (0..digits).filter_map(|_| chars.next()).map(|(_, c)| c).collect();
                        text.push(char::from_u32(u32::from_str_radix(&hex, 16).ok()?)?);
                    }
                }
                c => text.push(c),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String, Option<String>), String> {
        parse(&text.into()).map(|keys| {
            let token = keys.session_token.map(|token| token.expose_secret().to_owned());
            (keys.access_key_id, keys.secret_access_key.expose_secret().to_owned(), token)
        })
    }

    #[test]
    fn json_and_python_are_read() {
        let want = Ok(("AK".to_owned(), "S'K/+".to_owned(), Some("T\"=".to_owned())));
        for text in [
            r#"{"AccessKeyId": "AK", "SecretAccessKey": "S'K/+", "SessionToken": "T\"=", "Expiration": "2030-01-01T00:00:00Z"}"#,
            r#"{'AccessKeyId': 'AK', 'SecretAccessKey': "S'K/+", 'SessionToken': 'T"='}"#,
            r#"{u'AccessKeyId': u'AK', u'SecretAccessKey': u'S\'K/+', u'SessionToken': u'T"=', u'Expiration': datetime.datetime(2026, 1, 1, 0, 0, tzinfo=tzutc()), 'x': None, 'y': True, 'z': [1, 2.5, ()],}"#,
            r#"{"Credentials": {"AccessKeyId": "AK", "SecretAccessKey": "S\u0027K\/+", "SessionToken": "T\x22="}, "n": null}"#,
        ] {
            assert_eq!(read(text), want, "{text}");
        }
        assert_eq!(
            read(r#"{"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":null}"#),
            Ok(("A".into(), "S".into(), None))
        );
    }

    #[test]
    fn what_is_not_credentials_is_refused_without_repeating_it() {
        for text in [
            "",
            "CANARY",
            "'CANARY'",
            "{}",
            "[]",
            "{'AccessKeyId': 'CANARY'}",
            "{'AccessKeyId': CANARY",
            "{'SecretAccessKey': 'CANARY'}",
            "{'AccessKeyId': '', 'SecretAccessKey': 'CANARY'}",
            "{'a': 'CANARY\\",
            "{'AccessKeyId': 'CANARY', 'SecretAccessKey': 'x'} y",
            "{1: 2}",
            "((((((((((((1))))))))))))",
        ] {
            let message = read(text).expect_err(text);
            assert!(!message.contains("CANARY"), "{message}");
            assert!(message.contains("credentials"), "{message}");
        }
    }
}
