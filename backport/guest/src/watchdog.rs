// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What happens when a step never ends: the host still gets a report, with the kernel's list of blocked tasks in its log.

use crate::{kernel_log::KernelLog, report::Report, system};
use anyhow::{Context, Result};
use novabridge_protocol::{Message, Step, StepReport};
use serde_json::Map;
use std::{
    fs,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

/// Ten times what the slowest step takes; the guest's clock does not run faster on a busy host.
const LIMIT: Duration = Duration::from_secs(20);

/// Expects to be told of each step; ends when it is dropped.
pub struct Watchdog(Sender<Step>);

impl Watchdog {
    /// Starts watching. `report` is a second handle of the port, used only when the first one's owner is stuck.
    pub fn start(report: Report, log: KernelLog) -> Result<Watchdog> {
        let (sender, steps) = mpsc::channel();
        thread::Builder::new()
            .name("watchdog".into())
            .spawn(move || {
                let mut current: Option<Step> = None;
                loop {
                    match (steps.recv_timeout(LIMIT), current) {
                        (Ok(step), _) => current = Some(step),
                        (Err(RecvTimeoutError::Timeout), Some(step)) => give_up(step, report, log),
                        (Err(RecvTimeoutError::Timeout), None) => {}
                        (Err(RecvTimeoutError::Disconnected), _) => return,
                    }
                }
            })
            .context("starting the watchdog")?;
        Ok(Watchdog(sender))
    }

    /// A step begins.
    pub fn begin(&self, step: Step) {
        // The watchdog ends only when this end of the channel is gone.
        let _ = self.0.send(step);
    }
}

fn give_up(step: Step, mut report: Report, mut log: KernelLog) -> ! {
    // Has the kernel print the stacks of all tasks that wait uninterruptibly.
    let blocked = fs::write("/proc/sysrq-trigger", "w");
    let lines = log
        .all()
        .map(|records| records.iter().map(|r| r.line()).collect())
        .unwrap_or_default();
    let reason = match blocked {
        Ok(()) => format!(
            "no end after {} s; the kernel's log has the blocked tasks",
            LIMIT.as_secs()
        ),
        Err(error) => format!("no end after {} s (and /proc/sysrq-trigger: {error})", LIMIT.as_secs()),
    };
    let ms = LIMIT.as_millis() as u64;
    for message in [
        Message::Step(StepReport {
            step,
            ok: false,
            ms,
            detail: Map::new(),
            reason: Some(reason),
            not_offered: None,
        }),
        Message::KernelLog { lines },
        Message::End {
            ok: false,
            uptime_ms: system::uptime_ms(),
        },
    ] {
        if let Err(error) = report.send(&message) {
            eprintln!("init: {error:#}");
        }
    }
    system::power_off()
}
