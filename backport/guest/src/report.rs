// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The guest's end of the serial port to the host.

use anyhow::{Context, Result};
use nix::sys::termios::{cfmakeraw, tcdrain, tcgetattr, tcsetattr, SetArg};
use novabridge_protocol::{Message, Step, StepReport, PORT};
use serde_json::{Map, Value};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    time::Instant,
};

/// The port, and the facts the running step has noted so far.
pub struct Report {
    port: File,
    detail: Map<String, Value>,
    not_offered: Option<String>,
}

impl Report {
    /// Opens the port.
    pub fn open() -> Result<Self> {
        let port = OpenOptions::new().read(true).write(true).open(PORT);
        let port = port.with_context(|| format!("opening {PORT}"))?;
        // Without this the line discipline makes "\r\n" of each "\n" and echoes what the host might send.
        let mut settings = tcgetattr(&port).with_context(|| format!("settings of {PORT}"))?;
        cfmakeraw(&mut settings);
        tcsetattr(&port, SetArg::TCSANOW, &settings).with_context(|| format!("settings of {PORT}"))?;
        Ok(Report {
            port,
            detail: Map::new(),
            not_offered: None,
        })
    }

    /// Sends a message.
    pub fn send(&mut self, message: &Message) -> Result<()> {
        self.port
            .write_all(message.to_line().as_bytes())
            .with_context(|| format!("writing to {PORT}"))?;
        tcdrain(&self.port).with_context(|| format!("writing to {PORT}"))
    }

    /// Adds a fact to the report of the step that runs.
    pub fn note(&mut self, name: &str, value: impl Into<Value>) {
        self.detail.insert(name.to_owned(), value.into());
    }

    /// The step that runs has nothing to try: this kernel does not offer what `what` says.
    pub fn not_offered(&mut self, what: impl Into<String>) {
        self.not_offered = Some(what.into());
    }

    /// Runs a step and reports it. Returns whether it succeeded.
    pub fn step(&mut self, step: Step, run: impl FnOnce(&mut Report) -> Result<()>) -> Result<bool> {
        self.send(&Message::Begin { step })?;
        let start = Instant::now();
        let result = run(self);
        let report = StepReport {
            step,
            ok: result.is_ok(),
            ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            detail: std::mem::take(&mut self.detail),
            reason: result.err().map(|error| format!("{error:#}")),
            not_offered: self.not_offered.take(),
        };
        let ok = report.ok;
        self.send(&Message::Step(report))?;
        Ok(ok)
    }
}
