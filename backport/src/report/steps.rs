// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! How a run is shown: one line a step, a table at the end, and what a failure needs.

use super::paint::{paint, BLUE, GREEN, GREY, RED};
use crate::error::{Class, Error};
use crate::step::{Outcome, Record};
use std::fmt::Write as _;
use std::path::Path;

fn outcome(outcome: Outcome, colour: bool) -> String {
    let paint_with = match outcome {
        Outcome::Ok => GREEN,
        Outcome::Cached => BLUE,
        Outcome::NotOffered => GREY,
        Outcome::Failed => RED,
        Outcome::Stopped => GREY,
    };
    // Padded before it is painted: the escapes take no room on the screen.
    paint(&format!("{:<7}", outcome.word()), paint_with, colour)
}

/// A finished step.
pub fn line(record: &Record, colour: bool) -> String {
    let text = format!(
        "{} {:>6.1} s  {:<6} {:<26} {}",
        outcome(record.outcome, colour),
        record.seconds,
        record.phase.shown(),
        record.name,
        record.note
    );
    text.trim_end().to_owned()
}

/// All steps, in the order of the phases.
pub fn table(records: &[Record], colour: bool) -> String {
    let width = |of: fn(&Record) -> usize, least: usize| records.iter().map(of).max().unwrap_or(0).max(least);
    let name = width(|record| record.name.chars().count(), 4);
    let note = width(|record| record.note.chars().count(), 4).min(70);
    let rule = "-".repeat(6 + 2 + name + 2 + 7 + 2 + 8 + 2 + note);
    let mut text = format!(
        "{:<6}  {:<name$}  {:<7}  {:>8}  {}\n{rule}\n",
        "phase", "step", "result", "time", "what"
    );
    let mut sorted: Vec<&Record> = records.iter().collect();
    sorted.sort_by_key(|record| record.phase as u8);
    for record in sorted {
        let row = format!(
            "{:<6}  {:<name$}  {}  {:>6.1} s  {}",
            record.phase.shown(),
            record.name,
            outcome(record.outcome, colour),
            record.seconds,
            record.note
        );
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text.push_str(&rule);
    text.push('\n');
    text
}

/// What is printed last.
pub struct Closing<'a> {
    /// Cell and firmware, in words.
    pub subject: &'a str,
    /// Time of the whole run.
    pub seconds: f64,
    /// The failure, if there was one.
    pub error: Option<&'a Error>,
    /// Steps an interruption ended.
    pub during: Vec<&'a str>,
    /// Where the logs are, if they are kept.
    pub logs: Option<&'a Path>,
    /// The command that does the same again.
    pub repeat: &'a str,
}

impl Closing<'_> {
    /// The closing lines.
    pub fn text(&self, colour: bool) -> String {
        let mut text = String::new();
        match self.error {
            None => {
                let _ = writeln!(
                    text,
                    "{} {} in {:.1} s",
                    paint("ok", GREEN, colour),
                    self.subject,
                    self.seconds
                );
            }
            Some(error) if error.class == Class::Interrupted => {
                let during = match self.during.as_slice() {
                    [] => String::new(),
                    steps => format!(" during {}", steps.join(", ")),
                };
                let word = paint("interrupted", GREY, colour);
                let _ = writeln!(text, "{word} {} after {:.1} s{during}", self.subject, self.seconds);
                let _ = writeln!(text, "to go on, with what is done already: {}", self.repeat);
                return text;
            }
            Some(error) => {
                let step = error.step.as_deref().unwrap_or("start");
                let _ = writeln!(text, "{} {}, step: {step}", paint("FAILED", RED, colour), self.subject);
                let _ = writeln!(text, "reason: {error}");
            }
        }
        if let Some(logs) = self.logs {
            let _ = writeln!(text, "logs: {}", logs.display());
        }
        if self.error.is_some() {
            let _ = writeln!(text, "to repeat: {}", self.repeat);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::Phase;

    fn records() -> Vec<Record> {
        let record = |phase, name: &str, outcome, seconds, note: &str| Record {
            phase,
            name: name.to_owned(),
            outcome,
            seconds,
            memory: None,
            made: None,
            note: note.to_owned(),
        };
        vec![
            record(
                Phase::Guest,
                "load-pf-driver",
                Outcome::Failed,
                1.25,
                "GSP did not start",
            ),
            record(
                Phase::SetUp,
                "kernel image",
                Outcome::Cached,
                0.01,
                "linux-image-6.1.0-56-amd64 6.1.192-2",
            ),
            record(Phase::Build, "modules", Outcome::Ok, 12.34, ""),
            record(Phase::Build, "core library", Outcome::Stopped, 3.0, ""),
        ]
    }

    #[test]
    fn the_table_is_in_the_order_of_phases() {
        insta::assert_snapshot!(table(&records(), false));
    }

    #[test]
    fn a_failure_ends_with_step_reason_log_and_command() {
        let error = Error::cell("GSP did not start")
            .expected("GSP_INIT_DONE within 4 s")
            .found("nothing")
            .tail(vec!["[ 2.0] novabridge: time-out".to_owned()])
            .in_step("load-pf-driver");
        let closing = Closing {
            subject: "bookworm-6.1, firmware 570.144",
            seconds: 12.0,
            error: Some(&error),
            during: Vec::new(),
            logs: Some(Path::new("/cache/runs/1")),
            repeat: "novabridge cell bookworm-6.1 --firmware 570.144",
        };
        insta::assert_snapshot!(closing.text(false));
    }

    #[test]
    fn an_interruption_is_no_failure() {
        let error = Error::interrupted();
        let closing = Closing {
            subject: "bookworm-6.1, firmware 570.144",
            seconds: 12.0,
            error: Some(&error),
            during: vec!["modules", "QEMU device"],
            logs: None,
            repeat: "novabridge cell bookworm-6.1",
        };
        assert_eq!(
            closing.text(false),
            "interrupted bookworm-6.1, firmware 570.144 after 12.0 s during modules, QEMU device\n\
             to go on, with what is done already: novabridge cell bookworm-6.1\n"
        );
    }

    #[test]
    fn colours_are_there_only_when_wanted() {
        assert!(!table(&records(), false).contains('\x1b'));
        assert!(table(&records(), true).contains("\x1b[1;31mFAILED"));
    }
}
