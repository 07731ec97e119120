// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The kernel's log, and what in it is a sign of trouble.

use anyhow::{ensure, Context, Result};
use nix::libc;
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
};

/// One record of the log (Documentation/ABI/testing/dev-kmsg).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Severity as in syslog: 0 emergency, 3 error, 4 warning.
    pub level: u8,
    /// Microseconds since the kernel started.
    pub time_us: u64,
    /// The text, without the lines of key-value pairs that may follow it.
    pub text: String,
}

impl Record {
    fn parse(raw: &str) -> Option<Record> {
        let (prefix, text) = raw.split_once(';')?;
        let mut fields = prefix.split(',');
        let level = fields.next()?.parse::<u32>().ok()? & 7;
        let time_us = fields.nth(1)?.parse().ok()?;
        let text = text.lines().next().unwrap_or_default().to_owned();
        Some(Record {
            level: level as u8,
            time_us,
            text,
        })
    }

    /// The record as `dmesg` shows it.
    pub fn line(&self) -> String {
        format!(
            "[{:5}.{:06}] {}",
            self.time_us / 1_000_000,
            self.time_us % 1_000_000,
            self.text
        )
    }

    /// Whether this has no place in the log of a kernel that is well: an error, a warning of our drivers, or a report that
    /// the kernel prints at any severity.
    pub fn is_trouble(&self) -> bool {
        const REPORTS: [&str; 12] = [
            "WARNING:",
            "BUG:",
            "kernel BUG at",
            "Oops",
            "Call Trace:",
            "general protection fault",
            "unable to handle",
            "UBSAN:",
            "KASAN:",
            "refcount_t:",
            "blocked for more than",
            "rcu_preempt detected",
        ];
        self.level <= 3 || self.is_warning_of_ours() || REPORTS.iter().any(|report| self.text.contains(report))
    }
}

impl Record {
    /// Whether one of our drivers warns: by `dev_warn`, which puts the driver's name in front, or by `pr_warn`, which puts
    /// the module's.
    fn is_warning_of_ours(&self) -> bool {
        // Said by the kernel in their name: what loading a module means to support, and each reset, from 7.x on.
        const OF_THE_KERNEL: [&str; 4] = ["taints kernel.", "tainting kernel", ": resetting", ": reset done"];
        let ours = self.text.starts_with("novabridge");
        self.level <= 4 && ours && !OF_THE_KERNEL.iter().any(|end| self.text.ends_with(end))
    }
}

/// The log from where it was opened on.
pub struct KernelLog {
    device: File,
    records: Vec<Record>,
    gaps: usize,
}

impl KernelLog {
    /// Opens the log; what the kernel said before is skipped.
    pub fn open() -> Result<Self> {
        let device = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg");
        let mut device = device.context("opening /dev/kmsg")?;
        device.seek(SeekFrom::End(0)).context("seeking in /dev/kmsg")?;
        Ok(KernelLog {
            device,
            records: Vec::new(),
            gaps: 0,
        })
    }

    fn update(&mut self) -> Result<()> {
        // A read takes exactly one record; the kernel's limit of one is 8 KiB.
        let mut buf = [0; 8192];
        loop {
            match self.device.read(&mut buf) {
                Ok(len) => {
                    let raw = String::from_utf8_lossy(buf.get(..len).unwrap_or_default());
                    self.records.extend(Record::parse(&raw));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // Records were overwritten before they were read; the next read goes on with the oldest left.
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => self.gaps += 1,
                Err(error) => return Err(error).context("reading /dev/kmsg"),
            }
        }
    }

    /// Everything since the log was opened.
    pub fn all(&mut self) -> Result<&[Record]> {
        self.update()?;
        Ok(&self.records)
    }

    /// Whether nothing of it went by unread: what was overwritten may have been trouble.
    pub fn demand_whole(&self) -> Result<()> {
        ensure!(
            self.gaps == 0,
            "the kernel's log was overwritten {} times before it was read: something fills it",
            self.gaps
        );
        Ok(())
    }

    /// Where the log ends now; for [`KernelLog::since`].
    pub fn mark(&mut self) -> Result<usize> {
        Ok(self.all()?.len())
    }

    /// What came after a mark.
    pub fn since(&mut self, mark: usize) -> Result<&[Record]> {
        Ok(self.all()?.get(mark..).unwrap_or_default())
    }
}

/// Flags of `/proc/sys/kernel/tainted` that tell of trouble (Documentation/admin-guide/tainted-kernels.rst). The flags O
/// and E, for modules that are neither the kernel's own nor signed, are not among them.
const TROUBLE_TAINTS: [(u32, char); 6] = [(4, 'M'), (5, 'B'), (7, 'D'), (9, 'W'), (14, 'L'), (17, 'T')];

/// The letters of the taint flags that tell of trouble; "" when the kernel is well.
pub fn trouble_taints() -> Result<String> {
    let path = "/proc/sys/kernel/tainted";
    let text = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    let flags: u64 = text.trim().parse().with_context(|| format!("{path} holds {text:?}"))?;
    Ok(letters(flags))
}

fn letters(flags: u64) -> String {
    TROUBLE_TAINTS
        .iter()
        .filter(|(bit, _)| flags >> bit & 1 != 0)
        .map(|(_, letter)| *letter)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read() {
        let record = Record::parse("30,1203,2500001,-;pci 0000:01:00.0: hi; there\n SUBSYSTEM=pci\n").unwrap();
        assert_eq!(
            record,
            Record {
                level: 6,
                time_us: 2_500_001,
                text: "pci 0000:01:00.0: hi; there".into()
            }
        );
        assert_eq!(record.line(), "[    2.500001] pci 0000:01:00.0: hi; there");
        assert_eq!(Record::parse("no record"), None);
    }

    #[test]
    fn trouble_is_seen() {
        let record = |level, text: &str| Record {
            level,
            time_us: 0,
            text: text.into(),
        };
        assert!(record(3, "novabridge 0000:01:00.0: boot failed").is_trouble());
        assert!(record(4, "WARNING: CPU: 0 PID: 1 at mm/page_alloc.c:1").is_trouble());
        assert!(record(4, "novabridge 0000:01:00.0: no answer, trying again").is_trouble());
        assert!(record(4, "novabridge-vfio-pci 0000:01:00.4: reset twice").is_trouble());
        assert!(!record(4, "novabridge-vfio-pci 0000:01:00.4: resetting").is_trouble());
        assert!(!record(5, "novabridge 0000:01:00.0: firmware 570.144").is_trouble());
        assert!(!record(4, "pci 0000:01:00.0: no room").is_trouble());
        assert!(!record(4, "novabridge: loading out-of-tree module taints kernel.").is_trouble());
        assert!(!record(
            4,
            "novabridge: module verification failed: signature and/or required key missing - tainting kernel"
        )
        .is_trouble());
    }

    #[test]
    fn only_trouble_taints_count() {
        assert_eq!(letters(1 << 12 | 1 << 13), "");
        assert_eq!(letters(1 << 9 | 1 << 7), "DW");
    }
}
