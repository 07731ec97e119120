// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Child processes: captured output, time limits, and none left behind.
//!
//! Each child is the head of its own process group. An interruption, a time limit or the first failure of a parallel run ends
//! the whole group, so that no compiler or emulator outlives the tool.

use crate::cost;
use crate::error::{Error, PathContext, Result};
use nix::libc;
use nix::sys::signal::{killpg, Signal};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How many lines of a failed command's output go into the error.
const TAIL_LINES: usize = 20;

/// Process groups that are alive.
static GROUPS: Mutex<Vec<i32>> = Mutex::new(Vec::new());
/// Set once; no child is started afterwards.
static STOPPED: AtomicBool = AtomicBool::new(false);
/// Set once, by a signal.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Makes names of captured outputs unique within the process.
static NEXT_LOG: AtomicU64 = AtomicU64::new(0);

/// Ends every child and refuses new ones. Called on an interruption and when one branch of a parallel run has failed.
pub fn stop_all() {
    STOPPED.store(true, Ordering::SeqCst);
    for group in groups().iter() {
        // The group may have ended by itself in between; then there is nothing to do.
        let _ = killpg(Pid::from_raw(*group), Signal::SIGKILL);
    }
}

/// The same, on behalf of the user or the system.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::SeqCst);
    stop_all();
}

/// Whether [`interrupt`] was called: whatever fails afterwards fails because of it.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Whether [`stop_all`] was called.
pub fn stopped() -> bool {
    STOPPED.load(Ordering::SeqCst)
}

fn groups() -> std::sync::MutexGuard<'static, Vec<i32>> {
    // A panicking thread cannot leave a Vec of numbers half-changed, so the poison flag carries no information here.
    GROUPS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A command to be run to its end.
pub struct Cmd {
    inner: Command,
    limit: Option<Duration>,
    shown: String,
}

/// What a finished command left.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything it printed, standard error included unless [`Cmd::query`] was used.
    pub output: String,
}

impl Cmd {
    /// A command that will inherit the environment and read nothing.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut inner = Command::new(&program);
        // Messages of compilers and apt are parsed; they must not be translated.
        inner.stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
        Cmd {
            inner,
            limit: None,
            shown: program.as_ref().to_string_lossy().into_owned(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&quoted(&arg.as_ref().to_string_lossy()));
        self.inner.arg(arg);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(self, args: I) -> Self {
        args.into_iter().fold(self, Cmd::arg)
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    /// Removes an environment variable.
    #[must_use]
    pub fn env_remove(mut self, name: &str) -> Self {
        self.inner.env_remove(name);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.inner.current_dir(dir);
        self
    }

    /// Ends the command after `limit`.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Runs it; standard output and standard error together are the output. Any exit status is an `Ok`.
    ///
    /// # Errors
    /// The program cannot be started, the time limit passed, or the run was stopped.
    pub fn run(mut self) -> Result<Finished> {
        let n = NEXT_LOG.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("novabridge-{}-{n}.out", std::process::id()));
        let file = File::create(&path).on("create", &path)?;
        let copy = file.try_clone().on("open", &path)?;
        self.inner.stdout(file).stderr(copy);
        let status = self.wait();
        let output = String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned();
        // A file in the temporary directory that is already gone is what we want.
        let _ = std::fs::remove_file(&path);
        match status {
            Ok(status) => Ok(Finished { status, output }),
            Err(error) if error.tail.is_empty() => Err(error.tail(last_lines(&output, TAIL_LINES))),
            Err(error) => Err(error),
        }
    }

    /// Runs it and demands success.
    ///
    /// # Errors
    /// As [`Cmd::run`]; and a non-zero exit, reported as `what` with the output's last lines.
    pub fn must(self, what: &str) -> Result<String> {
        let shown = self.shown.clone();
        let done = self.run()?;
        if done.status.success() {
            return Ok(done.output);
        }
        Err(Error::cell(what)
            .found(format!("{} from: {}", describe(done.status), shortened(&shown)))
            .tail(telling_lines(&done.output)))
    }

    /// Runs it and returns its standard output alone, or `None` when it fails or does not exist.
    pub fn query(mut self) -> Option<String> {
        self.inner.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = Running::start(&mut self.inner, &self.shown).ok()?;
        let mut output = Vec::new();
        // Ends at the latest with the whole group, on an interruption.
        child.child.stdout.take()?.read_to_end(&mut output).ok()?;
        let status = child.wait(0).ok()??;
        status.success().then(|| String::from_utf8_lossy(&output).into_owned())
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        let mut child = Running::start(&mut self.inner, &self.shown)?;
        let deadline = self.limit.map(|limit| Instant::now() + limit);
        loop {
            if let Some(status) = child.poll()? {
                return if stopped() {
                    Err(Error::interrupted())
                } else {
                    Ok(status)
                };
            }
            if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                child.kill();
                let limit = self.limit.unwrap_or_default().as_secs();
                return Err(Error::cell(format!(
                    "no end after {limit} s: {}",
                    shortened(&self.shown)
                )));
            }
            // Short against any command here, long against the cost of asking.
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A child that is registered with [`stop_all`] for as long as it lives.
pub struct Running {
    /// Never waited for through std, which would then hold the end.
    child: Child,
    shown: String,
    group: i32,
    ended: Option<ExitStatus>,
}

impl Running {
    /// Starts `command` as the head of a process group of its own.
    ///
    /// # Errors
    /// The program does not exist or cannot be started; the run was stopped.
    pub fn start(command: &mut Command, shown: &str) -> Result<Self> {
        command.process_group(0);
        let mut alive = groups();
        if stopped() {
            return Err(Error::interrupted());
        }
        let child = command.spawn().map_err(|error| {
            let program = command.get_program().to_string_lossy().into_owned();
            Error::setup(format!("cannot start {program}: {error}"))
                .fix("run scripts/run, which installs what is needed")
        })?;
        let group = i32::try_from(child.id()).unwrap_or_default();
        alive.push(group);
        Ok(Running {
            child,
            shown: shown.to_owned(),
            group,
            ended: None,
        })
    }

    /// The exit status, or `None` while it runs.
    ///
    /// # Errors
    /// The system cannot say.
    pub fn poll(&mut self) -> Result<Option<ExitStatus>> {
        self.wait(libc::WNOHANG)
            .map_err(|error| Error::setup(format!("cannot wait for {}: {error}", shortened(&self.shown))))
    }

    /// Ends the whole group and waits for its head.
    pub fn kill(&mut self) {
        // Either call fails only when the group has just ended by itself.
        let _ = killpg(Pid::from_raw(self.group), Signal::SIGKILL);
        let _ = self.wait(0);
    }

    /// The child's end, which also says how much memory it and those it waited for had at most. std's `wait` does not.
    fn wait(&mut self, options: libc::c_int) -> std::io::Result<Option<ExitStatus>> {
        if self.ended.is_some() {
            return Ok(self.ended);
        }
        let mut status = 0;
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: both pointers are to variables of the types wait4 writes, alive during the call. The number is that of a child
        // nobody else waits for: std's handle is never asked, and this function reaps it once, as `ended` remembers.
        let pid = unsafe { libc::wait4(self.group, &raw mut status, options, usage.as_mut_ptr()) };
        match pid {
            0 => Ok(None),
            pid if pid == self.group => {
                // SAFETY: an all-zero rusage is one, and wait4 has filled it in.
                let peak_kib = unsafe { usage.assume_init() }.ru_maxrss;
                cost::process_ended(u64::try_from(peak_kib).unwrap_or_default() << 10);
                self.ended = Some(ExitStatus::from_raw(status));
                Ok(self.ended)
            }
            _ => match std::io::Error::last_os_error() {
                error if error.kind() == std::io::ErrorKind::Interrupted => Ok(None),
                error => Err(error),
            },
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.wait(libc::WNOHANG), Ok(None)) {
            self.kill();
        }
        groups().retain(|group| *group != self.group);
    }
}

/// "exit code 2" or "signal 9".
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit code".to_owned(),
    }
}

/// The lines that say why a command failed: from a compiler's first error on, else the last ones.
fn telling_lines(output: &str) -> Vec<String> {
    let is_error = |line: &&str| line.starts_with("error:") || line.starts_with("error[");
    match output.lines().position(|line| is_error(&line)) {
        Some(first) => output.lines().skip(first).take(TAIL_LINES).map(str::to_owned).collect(),
        None => last_lines(output, TAIL_LINES),
    }
}

/// The last `n` lines with something on them.
pub fn last_lines(text: &str, n: usize) -> Vec<String> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(n))
        .map(|line| (*line).to_owned())
        .collect()
}

fn shortened(command: &str) -> String {
    const ENOUGH: usize = 300;
    match command.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{} ...", command.get(..end).unwrap_or(command)),
        None => command.to_owned(),
    }
}

/// An argument as one would type it into a shell.
pub fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,@%".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_status_are_captured() {
        let done = Cmd::new("sh")
            .args(["-c", "echo out; echo err >&2; exit 3"])
            .run()
            .unwrap();
        assert_eq!(done.output, "out\nerr\n");
        assert_eq!(describe(done.status), "exit code 3");
    }

    #[test]
    fn a_failure_shows_the_last_lines_and_the_command() {
        let error = Cmd::new("sh")
            .args(["-c", "seq 1 50; false"])
            .must("counting failed")
            .unwrap_err();
        assert_eq!(error.tail.len(), TAIL_LINES);
        assert_eq!(error.tail.last().map(String::as_str), Some("50"));
        assert_eq!(
            error.found.as_deref(),
            Some("exit code 1 from: sh -c 'seq 1 50; false'")
        );
    }

    #[test]
    fn the_first_error_tells_more_than_the_last() {
        let output = "warning: w\nerror[E1]: first\n --> a.rs\nerror[E2]: second\nerror: aborting\n";
        assert_eq!(
            telling_lines(output).first().map(String::as_str),
            Some("error[E1]: first")
        );
        assert_eq!(telling_lines("a\nb\n"), ["a", "b"]);
    }

    #[test]
    fn a_time_limit_ends_the_whole_group() {
        let begin = Instant::now();
        let error = Cmd::new("sh")
            .args(["-c", "sleep 30 & wait"])
            .limit(Duration::from_millis(100))
            .run()
            .unwrap_err();
        assert!(error.what.starts_with("no end after"), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_missing_program_is_a_set_up_error() {
        let error = Cmd::new("novabridge-no-such-program").run().unwrap_err();
        assert_eq!(error.class, crate::error::Class::Setup);
    }

    #[test]
    fn arguments_are_shown_as_one_would_type_them() {
        assert_eq!(
            Cmd::new("a").arg("b c").arg("d'e").arg("").shown,
            "a 'b c' 'd'\\''e' ''"
        );
    }
}
