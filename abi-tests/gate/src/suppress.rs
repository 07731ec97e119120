// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Suppressions: changes that somebody has looked at and accepts, with a reason, and not for ever.
//!
//! ```toml
//! [[suppress]]
//! rule = "errno-removed"
//! subject = "nvb_gpu_boot"        # `*` at the end stands for anything
//! reason = "never returned since 1.0; the documentation was wrong"
//! expires = "2027-03-31"
//! ```

use crate::diff::Change;
use crate::{Error, Result};
use serde::Deserialize;
use std::path::Path;

/// An accepted change.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// The rule.
    pub rule: String,
    /// The change's subject.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// Last day it holds, `YYYY-MM-DD`.
    pub expires: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    suppress: Vec<Suppression>,
}

/// Reads and checks a suppression file. One that is absent suppresses nothing.
pub fn read(path: &Path) -> Result<Vec<Suppression>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let wrong = |message: String| Error::Data {
        path: path.to_owned(),
        message,
    };
    let file: File = toml::from_str(&crate::error::read_text(path)?).map_err(|e| wrong(e.to_string()))?;
    for s in &file.suppress {
        if !crate::rules::all().contains_key(&s.rule) {
            return Err(wrong(format!(
                "`{}` is no rule; `novabridge abi explain` lists them",
                s.rule
            )));
        }
        if s.reason.split_whitespace().count() < 3 {
            return Err(wrong(format!(
                "{} {}: expected a reason in words, found `{}`",
                s.rule, s.subject, s.reason
            )));
        }
        if !is_date(&s.expires) {
            return Err(wrong(format!(
                "{} {}: expected expires = \"YYYY-MM-DD\", found `{}`",
                s.rule, s.subject, s.expires
            )));
        }
    }
    Ok(file.suppress)
}

fn is_date(text: &str) -> bool {
    let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
    text.chars().map(shape).collect::<String>() == "0000-00-00"
}

impl Suppression {
    /// Whether it is about that change.
    pub fn covers(&self, change: &Change) -> bool {
        let subject = match self.subject.strip_suffix('*') {
            Some(start) => change.subject.starts_with(start),
            None => change.subject == self.subject,
        };
        subject && change.rule.id == self.rule
    }

    /// Whether it no longer holds on the day `today` (`YYYY-MM-DD`, which sorts as dates do).
    pub fn is_expired(&self, today: &str) -> bool {
        today > self.expires.as_str()
    }
}

/// Today's date in UTC, as `YYYY-MM-DD`.
pub fn today() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    date(now.map_or(0, |d| d.as_secs() / 86400))
}

/// The civil date of a day since 1970, by the 400-year cycle of the Gregorian calendar with years that begin in March.
fn date(days: u64) -> String {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Suppression>> {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), text).expect("write");
        read(file.path())
    }

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(20_454), "2026-01-01");
    }

    #[test]
    fn covers_by_rule_and_subject_until_it_expires() {
        let text = "[[suppress]]\nrule = \"field-type\"\nsubject = \"nvb_s.*\"\nreason = \"it was never used\"\nexpires = \"2027-01-31\"\n";
        let list = parse(text).expect("suppressions");
        assert!(list[0].covers(&Change::new("field-type", "nvb_s.a", "", "")));
        assert!(!list[0].covers(&Change::new("field-type", "nvb_t.a", "", "")));
        assert!(!list[0].covers(&Change::new("field-moved", "nvb_s.a", "", "")));
        assert!(!list[0].is_expired("2027-01-31") && list[0].is_expired("2027-02-01"));
    }

    #[test]
    fn refuses_what_says_too_little() {
        let with = |rule: &str, reason: &str, expires: &str| {
            let text = format!(
                "[[suppress]]\nrule = \"{rule}\"\nsubject = \"x\"\nreason = \"{reason}\"\nexpires = \"{expires}\"\n"
            );
            parse(&text).unwrap_err().to_string()
        };
        assert!(with("what", "a good reason", "2027-01-01").contains("is no rule"));
        assert!(with("field-type", "because", "2027-01-01").contains("expected a reason"));
        assert!(with("field-type", "a good reason", "never").contains("YYYY-MM-DD"));
    }
}
