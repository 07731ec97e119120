// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The steps of a run: each timed, shown while it runs, and kept for the report.

use crate::cost::{measured, Cost};
use crate::error::{Class, Error, Result};
use crate::report::steps::line;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

/// The part of a run a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Packages and firmware.
    SetUp,
    /// Everything that is compiled, and the checks on it.
    Build,
    /// The virtual machine as seen from outside.
    Boot,
    /// What the program in the guest did.
    Guest,
}

impl Phase {
    /// As the table shows it.
    pub fn shown(self) -> &'static str {
        match self {
            Phase::SetUp => "set up",
            Phase::Build => "build",
            Phase::Boot => "boot",
            Phase::Guest => "guest",
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done now.
    Ok,
    /// Done by an earlier run, with the same inputs.
    Cached,
    /// Nothing to try: the kernel does not have what the step is about.
    NotOffered,
    /// Tried and failed.
    Failed,
    /// Given up because another step had failed.
    Stopped,
}

impl Outcome {
    /// As reports show it.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Cached => "cached",
            Outcome::NotOffered => "absent",
            Outcome::Failed => "FAILED",
            Outcome::Stopped => "stopped",
        }
    }
}

/// One step for the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// The part of the run.
    pub phase: Phase,
    /// What was done.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
    /// Peak resident memory, in bytes, of its largest process; none when it started none.
    pub memory: Option<u64>,
    /// What making the cached things it used took once; none when it used none.
    pub made: Option<Cost>,
    /// What came of it, or why it failed.
    pub note: String,
}

/// What a step hands back.
pub struct Done<T> {
    /// For the steps after it.
    pub value: T,
    /// Whether an earlier run had done it.
    pub cached: bool,
    /// For the report.
    pub note: String,
}

impl<T> Done<T> {
    /// A step done now.
    pub fn now(value: T, note: impl Into<String>) -> Self {
        Done {
            value,
            cached: false,
            note: note.into(),
        }
    }

    /// A step that may have been done before.
    pub fn maybe_cached(value: T, cached: bool, note: impl Into<String>) -> Self {
        Done {
            value,
            cached,
            note: note.into(),
        }
    }
}

/// Where finished steps are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Standard output: people read it.
    Out,
    /// Standard error: standard output is for a program.
    Err,
}

/// Runs steps and keeps their records.
pub struct Steps {
    records: Mutex<Vec<Record>>,
    progress: MultiProgress,
    show: Show,
    colour: bool,
    live: bool,
    goes_on: bool,
}

impl Steps {
    /// No steps yet.
    pub fn new(show: Show) -> Self {
        let terminal = match show {
            Show::Out => std::io::stdout().is_terminal(),
            Show::Err => std::io::stderr().is_terminal(),
        };
        Steps {
            records: Mutex::new(Vec::new()),
            progress: MultiProgress::new(),
            show,
            colour: terminal && std::env::var_os("NO_COLOR").is_none(),
            live: std::io::stderr().is_terminal(),
            goes_on: false,
        }
    }

    /// The same for a run whose parts do not need each other: a failure stops nothing but what it is in.
    #[must_use]
    pub fn going_on(self) -> Self {
        Steps { goes_on: true, ..self }
    }

    /// Whether the output is for eyes.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Runs one step.
    ///
    /// # Errors
    /// What `work` returns, with the step's name added. The first failure of the run stops all other steps, unless it goes on.
    pub fn run<T>(&self, phase: Phase, name: &str, work: impl FnOnce() -> Result<Done<T>>) -> Result<T> {
        let bar = self.spinner(name);
        let (result, account) = measured(|| {
            if crate::proc::stopped() {
                return Err(Error::interrupted());
            }
            work()
        });
        bar.finish_and_clear();
        let record = |outcome, note| Record {
            phase,
            name: name.to_owned(),
            outcome,
            seconds: account.now.seconds,
            memory: account.now.memory,
            made: account.before,
            note,
        };
        match result {
            Ok(done) => {
                let outcome = if done.cached { Outcome::Cached } else { Outcome::Ok };
                self.add(record(outcome, done.note));
                Ok(done.value)
            }
            Err(error) => {
                // What fails after the run was stopped fails because it was stopped.
                let stopped = error.class == Class::Interrupted || crate::proc::stopped();
                let outcome = if stopped { Outcome::Stopped } else { Outcome::Failed };
                let note = if stopped { String::new() } else { error.what.clone() };
                self.add(record(outcome, note));
                if stopped {
                    return Err(Error::interrupted());
                }
                if !self.goes_on {
                    crate::proc::stop_all();
                }
                Err(error.in_step(name))
            }
        }
    }

    /// Adds a step that was timed elsewhere.
    pub fn add(&self, record: Record) {
        let text = line(&record, self.colour);
        self.progress.suspend(|| {
            // A closed output is no reason to stop; the exit code still tells.
            let _ = match self.show {
                Show::Out => writeln!(std::io::stdout(), "{text}"),
                Show::Err => writeln!(std::io::stderr(), "{text}"),
            };
        });
        self.locked().push(record);
    }

    /// A moving line for something under way, on a terminal.
    pub fn spinner(&self, text: &str) -> ProgressBar {
        if !self.live {
            return ProgressBar::hidden();
        }
        let bar = self.progress.add(ProgressBar::new_spinner());
        let style = ProgressStyle::with_template("  {spinner} {elapsed:>5}  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    /// All records so far.
    pub fn records(&self) -> Vec<Record> {
        self.locked().clone()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<Record>> {
        // Records are pushed whole, so those before a panic are good.
        self.records.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_on_is_not_stopped_by_a_failure() {
        let steps = Steps::new(Show::Err).going_on();
        let failed = steps.run(Phase::Build, "one", || Err::<Done<()>, _>(Error::cell("no")));
        assert_eq!(failed.unwrap_err().step.as_deref(), Some("one"));
        steps.run(Phase::Build, "two", || Ok(Done::now((), ""))).unwrap();
    }
}
