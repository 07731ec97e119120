// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! One boot: QEMU's command line, the watch over it, and what the guest reported.

use crate::error::{Error, PathContext, Result};
use crate::proc::{describe, last_lines, Running};
use crate::vm::shim::Qemu;
use novabridge_protocol::{Message, StepReport};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A boot and the whole exercise take about ten seconds; a machine under heavy load gets many times that.
const LIMIT: Duration = Duration::from_secs(180);
/// Lines of the guest's console that a failure shows.
const CONSOLE_TAIL: usize = 25;

/// VFs the device offers; the exercise enables some of them.
const TOTAL_VFS: u32 = 16;

/// The guest's clock counts instructions, four nanoseconds each (about what TCG takes for one), and jumps over idle time. So waits cost
/// nothing, and a step meets the same timeouts on a busy host as on an idle one. With fewer nanoseconds, the busy waits of a boot take
/// more instructions; with more, the timer interrupts more often.
const CLOCK: &str = "shift=2,sleep=off";

/// What the kernel is told. The console gets warnings too, as alarms are looked for there. The kernel would test its timer by busy waits, and its cryptography
/// for a second or two; the memory of the initramfs it would poison before it gives it back.
const COMMAND_LINE: &str =
    "console=ttyS0 loglevel=5 intel_iommu=on no_timer_check panic=-1 cryptomgr.notests retain_initrd";

/// Boots at a time on this machine, all runs of the tool together: each takes a processor for itself, builds take the rest.
pub fn at_a_time() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| (processors.get() / 2).max(1))
}

/// What to boot on.
pub struct Machine<'a> {
    /// The emulator.
    pub qemu: &'a Qemu,
    /// The plugin.
    pub plugin: &'a Path,
    /// Where logs go.
    pub dir: &'a Path,
}

/// What to boot.
pub struct Boot<'a> {
    /// On what.
    pub machine: &'a Machine<'a>,
    /// The kernel.
    pub kernel: &'a Path,
    /// Archives with the guest's files.
    pub initramfs: &'a [PathBuf],
    /// The directory with `nvidia/`, with which the emulated GPU compares what it is handed.
    pub firmware: &'a Path,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The guest's steps, in order.
    pub steps: Vec<StepReport>,
    /// Whether the guest said that it was through, and that all was well.
    pub ended: Option<bool>,
    /// What came by the port of its messages and is none.
    pub foreign: Vec<String>,
    /// The kernel's log as the guest sent it after a failure.
    pub kernel_log: Vec<String>,
    /// All of the console.
    pub console: String,
    /// Rules the emulated GPU saw broken, one JSON object each.
    pub violations: Vec<String>,
    /// Why QEMU ended, if not in the ordinary way.
    pub death: Option<String>,
}

impl Outcome {
    /// The lines that best explain a failure.
    pub fn explanation(&self) -> Vec<String> {
        let mut lines = last_lines(&self.kernel_log.join("\n"), CONSOLE_TAIL);
        if lines.is_empty() {
            lines = last_lines(&self.console, CONSOLE_TAIL);
        }
        let foreign = self.foreign.iter().take(CONSOLE_TAIL);
        lines.extend(foreign.map(|line| format!("unexpected on the port of messages: {line}")));
        lines
    }
}

impl Boot<'_> {
    /// Boots and waits for the end; `seen` is told of each message as it arrives.
    ///
    /// # Errors
    /// QEMU cannot be started or its files cannot be read; the run was stopped. A guest that fails is no error here.
    pub fn run(&self, mut seen: impl FnMut(&Message)) -> Result<Outcome> {
        let path = |name: &str| self.machine.dir.join(name);
        let (console, protocol, violations, output) = (
            path("console.log"),
            path("protocol.jsonl"),
            path("violations.jsonl"),
            path("qemu.log"),
        );
        for file in [&console, &protocol, &violations] {
            File::create(file).on("create", file)?;
        }
        let initramfs = Joined::new(path("initramfs.cpio"), self.initramfs)?;
        let mut command = self.command(&initramfs.path, &console, &protocol, &violations)?;
        let log = File::create(&output).on("create", &output)?;
        let copy = log.try_clone().on("open", &output)?;
        command.stdin(Stdio::null()).stdout(log).stderr(copy);
        let script = path("qemu.sh");
        fs::write(&script, as_script(&command, &initramfs)).on("write", &script)?;

        let mut outcome = Outcome::default();
        let mut reader = Lines::open(&protocol)?;
        let begin = Instant::now();
        let mut qemu = Running::start(&mut command, "qemu-system-x86_64")?;
        loop {
            let status = qemu.poll()?;
            for line in reader.more()? {
                outcome.take(&line, &mut seen);
            }
            match status {
                Some(_) if crate::proc::stopped() => return Err(Error::interrupted()),
                Some(status) if status.success() => break,
                Some(status) => {
                    outcome.death = Some(format!("QEMU ended with {}", describe(status)));
                    break;
                }
                None if begin.elapsed() > LIMIT => {
                    qemu.kill();
                    outcome.death = Some(format!("no end after {} s", LIMIT.as_secs()));
                    break;
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        outcome.console = text_of(&console)?;
        let said = text_of(&output)?;
        if outcome.death.is_some() {
            outcome.console.push_str(&said);
        }
        outcome.violations = text_of(&violations)?.lines().map(str::to_owned).collect();
        Ok(outcome)
    }

    fn command(&self, initramfs: &Path, console: &Path, protocol: &Path, violations: &Path) -> Result<Command> {
        let Machine { qemu, plugin, .. } = self.machine;
        let mut command = Command::new(qemu.program());
        command
            .env("LD_LIBRARY_PATH", qemu.libraries())
            .env("QEMU_MODULE_DIR", qemu.tree.join("usr/lib/x86_64-linux-gnu/qemu"));
        for data in ["usr/share/qemu", "usr/share/seabios"] {
            command.arg("-L").arg(qemu.tree.join(data));
        }
        // Without phys-bits, the 64-bit window would lie where QEMU reserves the address space of AMD's HyperTransport, and the
        // VFs' BARs would find no place. The root port's reserves are for the BARs of all VFs. With ERMS and its kin the kernel would
        // copy and clear by `rep movsb` and `rep stosb`, of which TCG makes a loop over single bytes; a fifth level of page tables is a
        // longer walk for nothing. Without an HPET, which the kernel measures by a busy wait and then leaves alone, there is still the
        // PM timer.
        command
            .args([
                "-machine",
                "q35,hpet=off",
                "-accel",
                "tcg",
                "-cpu",
                "max,phys-bits=46,-la57,-erms,-fsrm,-fzrm,-fsrs",
                "-m",
                "1024",
                "-smp",
                "1",
            ])
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
            .args(["-device", "intel-iommu,intremap=on"])
            .args([
                "-device",
                "pcie-root-port,id=rp0,slot=1,chassis=1,pref64-reserve=8G,mem-reserve=32M",
            ])
            .args(["-icount", CLOCK])
            .args(["-append", COMMAND_LINE]);
        command
            .arg("-plugin")
            .arg(plugin)
            .arg("-kernel")
            .arg(self.kernel)
            .arg("-initrd")
            .arg(initramfs);
        let device = format!(
            "nvb-gpu,bus=rp0,vfs={TOTAL_VFS},firmware={},violations={}",
            option_value(self.firmware)?,
            option_value(violations)?
        );
        command.arg("-device").arg(device);
        for port in [console, protocol] {
            command.arg("-serial").arg(format!("file:{}", port.display()));
        }
        Ok(command)
    }
}

impl Outcome {
    fn take(&mut self, line: &str, seen: &mut impl FnMut(&Message)) {
        let Ok(message) = Message::from_line(line) else {
            self.foreign.push(line.to_owned());
            return;
        };
        seen(&message);
        match message {
            Message::Begin { .. } => {}
            Message::Step(report) => self.steps.push(report),
            Message::KernelLog { lines } => self.kernel_log.extend(lines),
            Message::End { ok, .. } => self.ended = Some(ok),
        }
    }
}

/// Commas separate device properties; a doubled one stands for itself.
fn option_value(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| {
        Error::setup(format!("{} cannot be given to QEMU", path.display()))
            .expected("a path in UTF-8")
            .fix("set XDG_CACHE_HOME")
    })?;
    Ok(text.replace(',', ",,"))
}

/// Archives as the one file that QEMU takes, for the time of a boot: the firmware in it is too large to be kept with each.
struct Joined<'a> {
    path: PathBuf,
    parts: &'a [PathBuf],
}

impl<'a> Joined<'a> {
    fn new(path: PathBuf, parts: &'a [PathBuf]) -> Result<Self> {
        let mut out = File::create(&path).on("create", &path)?;
        let joined = Joined { path, parts };
        for part in parts {
            let mut from = File::open(part).on("open", part)?;
            std::io::copy(&mut from, &mut out).on("write", &joined.path)?;
        }
        Ok(joined)
    }
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        // It is in the run's directory, which goes away with the run or is pruned one day.
        let _ = fs::remove_file(&self.path);
    }
}

/// The boot as a script that repeats it.
fn as_script(command: &Command, initramfs: &Joined<'_>) -> String {
    let quote = |text: &std::ffi::OsStr| format!("'{}'", text.to_string_lossy().replace('\'', "'\\''"));
    let mut text = String::from("#!/bin/sh\n# Repeats this boot; add -gdb tcp::1234 or the like at the end.\n");
    let parts: Vec<String> = initramfs.parts.iter().map(|part| quote(part.as_os_str())).collect();
    let joined = quote(initramfs.path.as_os_str());
    text.push_str(&format!("cat {} > {joined} || exit\n", parts.join(" ")));
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            text.push_str(&format!("export {}={}\n", name.to_string_lossy(), quote(value)));
        }
    }
    text.push_str(&format!("exec {}", quote(command.get_program())));
    for arg in command.get_args() {
        text.push_str(&format!(" \\\n\t{}", quote(arg)));
    }
    text.push_str(" \"$@\"\n");
    text
}

fn text_of(path: &Path) -> Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(path).on("read", path)?).into_owned())
}

/// Whole lines of a growing file.
struct Lines {
    file: File,
    path: PathBuf,
    partial: Vec<u8>,
    at: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self> {
        Ok(Lines {
            file: File::open(path).on("open", path)?,
            path: path.to_path_buf(),
            partial: Vec::new(),
            at: 0,
        })
    }

    /// The lines that were completed since the last call.
    fn more(&mut self) -> Result<Vec<String>> {
        self.file.seek(SeekFrom::Start(self.at)).on("read", &self.path)?;
        let read = self.file.read_to_end(&mut self.partial).on("read", &self.path)?;
        self.at += read as u64;
        let mut lines = Vec::new();
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            if !line.is_empty() {
                lines.push(line);
            }
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;
    use std::io::Write;

    #[test]
    fn lines_are_handed_out_once_and_whole() {
        let dir = Scratch::new("lines");
        let path = dir.0.join("p");
        let mut file = File::create(&path).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        file.write_all(b"one\r\ntw").unwrap();
        assert_eq!(lines.more().unwrap(), ["one"]);
        file.write_all(b"o\n\nthree\n").unwrap();
        assert_eq!(lines.more().unwrap(), ["two", "three"]);
        assert!(lines.more().unwrap().is_empty());
    }

    #[test]
    fn a_foreign_line_is_kept_as_evidence() {
        let mut outcome = Outcome::default();
        outcome.take("[ 0.1] Linux", &mut |_| {});
        outcome.take("{\"message\":\"end\",\"ok\":true,\"uptime_ms\":5}", &mut |_| {});
        assert_eq!(outcome.ended, Some(true));
        assert_eq!(outcome.foreign, ["[ 0.1] Linux"]);
        assert!(outcome.explanation()[0].contains("unexpected"));
    }

    #[test]
    fn commas_in_paths_do_not_end_a_property() {
        assert_eq!(option_value(Path::new("/a,b")).unwrap(), "/a,,b");
    }
}
