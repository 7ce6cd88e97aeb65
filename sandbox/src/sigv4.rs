//! Signature Version 4: reading the signature of a request, and computing what it has to be.
//!
//! Knows neither keys nor clocks; whether a key lives and a time is near enough is for the caller to say.

use crate::clock;
use crate::digest::hex;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parts of a request that a signature covers. Header names are in lower case.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `POST` or `GET`.
    pub method: &'a str,
    /// The path, as sent.
    pub path: &'a str,
    /// The query string without its question mark, as sent.
    pub query: &'a str,
    /// Names and values of the headers.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

/// What a request says about its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The access key's id.
    pub access_key_id: String,
    /// `20260131`.
    pub date: String,
    /// The region that it was made for.
    pub region: String,
    /// The service that it was made for: `iam` or `sts`.
    pub service: String,
    /// `20260131T235959Z`.
    pub time: String,
    /// For how many seconds a signature in a query holds; none for one in a header.
    pub seconds: Option<i64>,
    /// The session token.
    pub token: Option<String>,
    /// The names of the headers that are covered.
    pub headers: Vec<String>,
    /// The signature in hexadecimal.
    pub hex: String,
}

/// Why a request has no usable signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is none at all.
    Missing,
    /// There is one, with something missing or misspelt.
    Incomplete(String),
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of every length, so that the empty one never appears.
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Names and values of a form or query, decoded.
#[must_use]
pub fn pairs(form: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    form.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

impl Signature {
    /// Reads the signature of a request, from its `Authorization` header or its query.
    ///
    /// # Errors
    /// [`Problem`] where there is none or it is incomplete.
    pub fn read(request: &Request<'_>) -> Result<Self, Problem> {
        let header =
            |name: &str| request.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
        let query = pairs(request.query);
        let asked = |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
        let lacking = |what: &str| Problem::Incomplete(format!("Authorization header requires '{what}' parameter."));
        let (credential, signed, hex, time, token, seconds) = if let Some(text) = header("authorization") {
            let rest = text.strip_prefix("AWS4-HMAC-SHA256").ok_or_else(|| {
                Problem::Incomplete("The Authorization header does not begin with AWS4-HMAC-SHA256.".to_owned())
            })?;
            let part = |name: &str| {
                let mut parts = rest.split(',').filter_map(|part| part.trim().split_once('='));
                parts.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned()).ok_or_else(|| lacking(name))
            };
            let time = header("x-amz-date").or_else(|| header("date")).ok_or_else(|| {
                Problem::Incomplete(
                    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned(),
                )
            })?;
            (
                part("Credential")?,
                part("SignedHeaders")?,
                part("Signature")?,
                time,
                header("x-amz-security-token"),
                None,
            )
        } else if asked("X-Amz-Signature").is_some() {
            let part = |name: &str| asked(name).ok_or_else(|| lacking(name));
            let seconds = part("X-Amz-Expires")?.parse().map_err(|_| lacking("X-Amz-Expires"))?;
            let (credential, signed) = (part("X-Amz-Credential")?, part("X-Amz-SignedHeaders")?);
            (
                credential,
                signed,
                part("X-Amz-Signature")?,
                part("X-Amz-Date")?,
                asked("X-Amz-Security-Token"),
                Some(seconds),
            )
        } else {
            return Err(Problem::Missing);
        };
        let scope: Vec<_> = credential.split('/').collect();
        let [key, date, region, service, "aws4_request"] = scope[..] else {
            return Err(Problem::Incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
                    .to_owned(),
            ));
        };
        if clock::parse(&time).is_none() || !time.starts_with(date) {
            return Err(Problem::Incomplete(format!("Date in Credential scope does not match {time}.")));
        }
        Ok(Self {
            access_key_id: key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            time,
            seconds,
            token,
            headers: signed.split(';').map(str::to_owned).collect(),
            hex,
        })
    }

    /// Whether a request was signed with this secret.
    #[must_use]
    pub fn fits(&self, request: &Request<'_>, secret: &str) -> bool {
        // Host has to be covered: otherwise a signature for one endpoint would hold at another.
        self.headers.iter().any(|name| name == "host") && self.compute(request, secret) == self.hex
    }

    /// The signature that a request has to carry, in hexadecimal.
    #[must_use]
    pub fn compute(&self, request: &Request<'_>, secret: &str) -> String {
        let mut query: Vec<_> = pairs(request.query)
            .into_iter()
            .filter(|(name, _)| name != "X-Amz-Signature")
            .map(|(name, value)| {
                format!("{}={}", utf8_percent_encode(&name, ESCAPED), utf8_percent_encode(&value, ESCAPED))
            })
            .collect();
        query.sort();
        let mut headers = String::new();
        for name in &self.headers {
            let values = request.headers.iter().filter(|(found, _)| found == name);
            let values: Vec<_> =
                values.map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
            headers.extend([name, ":", &values.join(","), "\n"]);
        }
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{}\n{}",
            request.method,
            request.path,
            query.join("&"),
            self.headers.join(";"),
            hex(&Sha256::digest(request.body))
        );
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", self.time, hex(&Sha256::digest(canonical.as_bytes())));
        let key = [self.region.as_str(), self.service.as_str(), "aws4_request", text.as_str()]
            .iter()
            .fold(mac(format!("AWS4{secret}").as_bytes(), &self.date), |key, part| mac(&key, part));
        hex(&key)
    }

    /// The `Authorization` header that carries this signature.
    #[must_use]
    pub fn header(&self) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{}/{}/{}/aws4_request, SignedHeaders={}, Signature={}",
            self.access_key_id,
            self.date,
            self.region,
            self.service,
            self.headers.join(";"),
            self.hex
        )
    }
}

/// The headers of a signed request to `/` of IAM or STS, for clients without an SDK. `seconds` is the time since 1970
/// that the signature tells.
#[must_use]
pub fn sign(
    (access_key_id, secret, token): (&str, &str, Option<&str>),
    service: &str,
    host: &str,
    body: &str,
    seconds: i64,
) -> Vec<(String, String)> {
    let time = clock::compact(seconds);
    let mut headers = vec![("host".to_owned(), host.to_owned()), ("x-amz-date".to_owned(), time.clone())];
    headers.extend(token.map(|token| ("x-amz-security-token".to_owned(), token.to_owned())));
    let mut signature = Signature {
        access_key_id: access_key_id.to_owned(),
        date: time[..8].to_owned(),
        region: "us-east-1".to_owned(),
        service: service.to_owned(),
        time,
        seconds: None,
        token: None,
        headers: headers.iter().map(|(name, _)| name.clone()).collect(),
        hex: String::new(),
    };
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
    signature.hex = signature.compute(&request, secret);
    headers.push(("authorization".to_owned(), signature.header()));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The `get-vanilla-query-order-key-case` case of the published test suite.
    #[test]
    fn agrees_with_the_published_example() {
        let headers = [
            ("host".to_owned(), "example.amazonaws.com".to_owned()),
            ("x-amz-date".to_owned(), "20150830T123600Z".to_owned()),
            (
                "authorization".to_owned(),
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, \
                 Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
                    .to_owned(),
            ),
        ];
        let mut request =
            Request { method: "GET", path: "/", query: "Param2=value2&Param1=value1", headers: &headers, body: b"" };
        let signature = Signature::read(&request).expect("it has a signature");
        assert_eq!(signature.access_key_id, "AKIDEXAMPLE");
        assert!(signature.fits(&request, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
        assert!(!signature.fits(&request, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEz"));
        request.query = "Param2=value2&Param1=value3";
        assert!(!signature.fits(&request, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
    }
}
