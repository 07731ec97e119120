// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the host's tool and the program inside the guest say to each other.
//!
//! The host puts a [`Plan`] into the initramfs as [`PLAN_PATH`]. The guest answers on [`PORT`], its second serial port,
//! with one [`Message`] a line in JSON: a `begin` and a `step` for each step in the order of [`Step::ALL`], a
//! `kernel-log` when a step failed, and `end` as the last line before it powers the machine off. It stops at the first
//! step that fails. A stream without `end` means that the guest died; its console says why.

mod step;

pub use step::Step;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where the plan lies in the initramfs.
pub const PLAN_PATH: &str = "/plan.json";
/// Where the guest writes its messages.
pub const PORT: &str = "/dev/ttyS1";

/// What the guest is to do; the steps themselves are fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The kernel's own modules, as paths in the initramfs, each after those it depends on.
    pub kernel_modules: Vec<String>,
    /// Path of the PF driver, `novabridge.ko`.
    pub pf_module: String,
    /// Path of the VF driver, `novabridge-vfio-pci.ko`.
    pub vf_module: String,
    /// The firmware release that must be running after the PF driver is loaded, for example "570.144".
    pub release: String,
    /// How many VFs to enable; at least 2.
    pub vfs: u32,
}

/// One line from the guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "kebab-case")]
pub enum Message {
    /// A step begins.
    Begin {
        /// Which one.
        step: Step,
    },
    /// A step ended.
    Step(StepReport),
    /// The kernel's log since the guest's program started, when a step failed.
    KernelLog {
        /// Its lines, oldest first, each with its time in seconds.
        lines: Vec<String>,
    },
    /// Nothing follows.
    End {
        /// Whether every step succeeded.
        ok: bool,
        /// Milliseconds since the kernel started, by the guest's clock.
        uptime_ms: u64,
    },
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Which one.
    pub step: Step,
    /// Whether it did what it should.
    pub ok: bool,
    /// How long it took by the guest's clock, which counts instructions rather than the host's time.
    pub ms: u64,
    /// What was measured or found, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub detail: Map<String, Value>,
    /// Why it failed: what was tried, what was expected, what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Set when there was nothing to try: what this kernel does not offer, and how that was seen. Such a step has not failed, and
    /// has shown nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_offered: Option<String>,
}

impl Message {
    /// The message as one line, with its newline.
    pub fn to_line(&self) -> String {
        // A derived Serialize over strings, numbers and maps with string keys has no error to give.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// The message in a line.
    ///
    /// # Errors
    ///
    /// When the line is not a message: the guest and the host are of different builds, or something else wrote to the
    /// port.
    pub fn from_line(line: &str) -> serde_json::Result<Self> {
        serde_json::from_str(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_wire() {
        let mut detail = Map::new();
        detail.insert("groups".into(), Value::from(vec![3, 4]));
        let all = [
            Message::Begin { step: Step::EnableVfs },
            Message::Step(StepReport {
                step: Step::EnableVfs,
                ok: false,
                ms: 12,
                detail,
                reason: Some("expected 4 VFs,\nfound \"none\"".into()),
                not_offered: None,
            }),
            Message::Step(StepReport {
                step: Step::Suspend,
                ok: true,
                ms: 0,
                detail: Map::new(),
                reason: None,
                not_offered: Some("no suspend".into()),
            }),
            Message::KernelLog {
                lines: vec!["[1.5] a".into()],
            },
            Message::End {
                ok: true,
                uptime_ms: 9000,
            },
        ];
        for message in all {
            let line = message.to_line();
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert_eq!(Message::from_line(&line).unwrap(), message);
        }
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let report = StepReport {
            step: Step::KernelUp,
            ok: true,
            ms: 1,
            detail: Map::new(),
            reason: None,
            not_offered: None,
        };
        assert_eq!(
            Message::Step(report).to_line(),
            "{\"message\":\"step\",\"step\":\"kernel-up\",\"ok\":true,\"ms\":1}\n"
        );
    }

    #[test]
    fn foreign_lines_are_refused() {
        assert!(Message::from_line("[    0.1] Linux version").is_err());
        assert!(Message::from_line("{\"message\":\"begin\",\"step\":\"no-such-step\"}").is_err());
    }
}
