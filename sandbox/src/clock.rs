//! Times as IAM writes and reads them: ISO 8601 in UTC, the signature's compact form, and the HTTP date.
//!
//! Knows no time zone, no leap second and no year before 1970.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, now.
pub(crate) fn seconds() -> i64 {
    millis() / 1000
}

/// Milliseconds since 1970, now.
pub(crate) fn millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Year, month, day, hour, minute, second of a time.
fn civil(seconds: i64) -> (i64, i64, i64, i64, i64, i64) {
    // Howard Hinnant's days-to-civil: years begin in March, so that the leap day is the last.
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year, month, doy - (153 * mp + 2) / 5 + 1, rest / 3600, rest / 60 % 60, rest % 60)
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = year - i64::from(month <= 2);
    let (era, yoe) = (y.div_euclid(400), y.rem_euclid(400));
    let mp = (month + 9) % 12;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + (153 * mp + 2) / 5 + day - 1 - 719_468
}

/// `2026-01-31T23:59:59Z`.
pub(crate) fn iso(seconds: i64) -> String {
    let (y, mo, d, h, mi, s) = civil(seconds);
    format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z")
}

/// `20260131T235959Z`.
pub(crate) fn compact(seconds: i64) -> String {
    iso(seconds).replace(['-', ':'], "")
}

/// `Sat, 31 Jan 2026 23:59:59 GMT`.
pub(crate) fn http(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (y, mo, d, h, mi, s) = civil(seconds);
    let name = |names: &[&'static str], at: i64| names[usize::try_from(at).unwrap_or(0) % names.len()];
    let weekday = name(&DAYS, seconds.div_euclid(86_400).rem_euclid(7));
    format!("{weekday}, {d:02} {} {y:04} {h:02}:{mi:02}:{s:02} GMT", name(&MONTHS, mo - 1))
}

/// The time of any of the forms that policies and signatures use: ISO 8601 with or without a time, the compact form,
/// or seconds since 1970.
pub(crate) fn parse(text: &str) -> Option<i64> {
    if text.len() < 12 && !text.contains('-') {
        return text.parse().ok();
    }
    let text = text.replace(['-', ':'], "");
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    let number = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    if date.len() != 8 {
        return None;
    }
    let day = days(number(date, 0, 4)?, number(date, 4, 6)?, number(date, 6, 8)?);
    let (time, ahead) = match time.find(['+', 'Z']) {
        Some(at) if time[at..].starts_with('+') => {
            (&time[..at], number(time, at + 1, at + 3)? * 3600 + number(time, at + 3, at + 5).unwrap_or(0) * 60)
        }
        Some(at) => (&time[..at], 0),
        None => (time, 0),
    };
    let part = |from: usize| if time.len() <= from { Some(0) } else { number(time, from, from + 2) };
    Some(day * 86_400 + part(0)? * 3600 + part(2)? * 60 + part(4)? - ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_the_same_instant() {
        for at in [0, 951_782_400, 1_709_251_199, 1_767_225_599, 4_102_444_800] {
            assert_eq!(parse(&iso(at)), Some(at));
            assert_eq!(parse(&compact(at)), Some(at));
        }
        assert_eq!(iso(1_709_164_800), "2024-02-29T00:00:00Z");
        assert_eq!(http(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(parse("2024-02-29"), Some(1_709_164_800));
        assert_eq!(parse("2024-02-29T01:00:00+01:00"), Some(1_709_164_800));
        assert_eq!(parse("2024-02-29T00:00:00.500Z"), Some(1_709_164_800));
        assert_eq!(parse("1709164800"), Some(1_709_164_800));
        assert_eq!(parse("yesterday at noon"), None);
    }
}
