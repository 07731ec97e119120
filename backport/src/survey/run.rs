// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Many cells: each in a process of its own, a few at a time, those with an unchanged result answered from the store.
//!
//! A process a cell keeps one cell's failure or crash from the others, and is the very command that repeats the cell by hand.

use crate::error::{Error, PathContext, Result};
use crate::matrix::Cell;
use crate::report::{Origin, Row};
use crate::results::Stored;
use crate::session::Session;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What one cell under way may need beside the page cache: rustc on core, or QEMU with its guest of 1 GiB.
const MEMORY_PER_CELL: u64 = 3 << 30;

/// How often the last step of each cell under way is looked up.
const TELL: Duration = Duration::from_millis(500);

/// What runs cells.
pub trait Executor {
    /// Runs `cells`; the answers are in their order. `done` is told of each as it comes.
    ///
    /// # Errors
    /// No cell can be started at all.
    fn run(&self, session: &Session, cells: &[&Cell], done: &(dyn Fn(&Answer) + Sync)) -> Result<Vec<Answer>>;
}

/// Runs them on this machine.
pub struct Runner<'a> {
    /// The GSP firmware release.
    pub firmware: &'a str,
    /// Cells at a time.
    pub jobs: usize,
    /// Options every cell gets.
    pub options: Vec<String>,
}

/// A cell's result in this run.
pub struct Answer {
    /// The result; `None` if the run was interrupted, or the cell's process came to grief.
    pub stored: Option<Stored>,
    /// The cell.
    pub cell: Cell,
    /// Where the result is from.
    pub origin: Origin,
    /// The cell's own output.
    pub log: Option<PathBuf>,
}

impl Answer {
    /// The answer as reports show it.
    pub fn row(&self) -> Row<'_> {
        Row {
            cell: &self.cell,
            stored: self.stored.as_ref(),
            origin: self.origin,
        }
    }
}

/// As many cells at a time as there are processors, as far as memory goes.
pub fn default_jobs() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = text
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemAvailable:")?
                .trim()
                .strip_suffix(" kB")?
                .parse::<u64>()
                .ok()
        })
        .map_or(0, |kib| kib << 10);
    processors.min((available / MEMORY_PER_CELL) as usize).max(1)
}

impl Executor for Runner<'_> {
    fn run(&self, session: &Session, cells: &[&Cell], done: &(dyn Fn(&Answer) + Sync)) -> Result<Vec<Answer>> {
        let logs = session.cache.run_dir("matrix")?;
        let program =
            std::env::current_exe().map_err(|error| Error::setup(format!("the tool cannot find itself: {error}")))?;
        let show = Display::new(cells.len());
        let todo: Mutex<VecDeque<usize>> = Mutex::new((0..cells.len()).collect());
        let answers: Mutex<Vec<(usize, Answer)>> = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(cells.len()) {
                scope.spawn(|| loop {
                    let next = lock(&todo).pop_front();
                    let Some((index, cell)) = next.and_then(|index| Some((index, cells.get(index)?))) else {
                        break;
                    };
                    let bar = show.begin(&cell.name);
                    let answer = self.one(&program, &logs, cell, &bar);
                    show.end(&bar, || done(&answer));
                    lock(&answers).push((index, answer));
                });
            }
        });
        let mut answers = std::mem::take(&mut *lock(&answers));
        answers.sort_by_key(|(index, _)| *index);
        for (_, answer) in &mut answers {
            // What an interrupted cell said is of no use to anybody.
            let failed = !answer.row().passed() && (answer.stored.is_some() || !crate::proc::stopped());
            if let Some(log) = answer.log.take_if(|_| !failed) {
                fs::remove_file(&log).on("remove", &log)?;
            }
        }
        if answers.iter().all(|(_, answer)| answer.log.is_none()) {
            fs::remove_dir_all(&logs).on("remove", &logs)?;
        }
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }
}

impl Runner<'_> {
    fn one(&self, program: &Path, logs: &Path, cell: &Cell, bar: &ProgressBar) -> Answer {
        let name = &cell.name;
        let log = logs.join(format!("{name}.log"));
        let mut answer = Answer {
            stored: None,
            cell: cell.clone(),
            origin: Origin::Now,
            log: None,
        };
        if crate::proc::stopped() {
            return answer;
        }
        let result = logs.join(format!("{name}.json"));
        let (Ok(output), Ok(json)) = (File::create(&log), File::create(&result)) else {
            return answer;
        };
        let tell = || {
            if let Some(last) = last_line(&log) {
                bar.set_message(format!("{name}, last: {last}"));
            }
        };
        let child = Command::new(program)
            .args(["cell", name, "--firmware", self.firmware, "--json"])
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(json)
            .stderr(output)
            .spawn();
        let ended = child.is_ok_and(|child| wait(child, tell));
        answer.log = Some(log);
        if ended {
            // What it printed, and not what is kept: that may be an earlier run's, where this one could not judge the cell.
            let text = fs::read_to_string(&result).unwrap_or_default();
            answer.stored = serde_json::from_str(&text).ok().map(|evidence| Stored { evidence });
        }
        // What remains says less than the log.
        let _ = fs::remove_file(&result);
        answer
    }
}

/// The newest whole line of a log, with single spaces.
fn last_line(log: &Path) -> Option<String> {
    let text = fs::read_to_string(log).ok()?;
    let (whole, _) = text.rsplit_once('\n')?;
    let words = whole.lines().next_back()?.split_whitespace();
    Some(words.collect::<Vec<_>>().join(" "))
}

/// Waits for the end, and calls `tell` now and then; an interrupted run asks the cell to clean up, which it does within moments. False:
/// it was interrupted.
fn wait(mut child: Child, tell: impl Fn()) -> bool {
    let mut asked: Option<Instant> = None;
    let mut told = Instant::now();
    loop {
        if told.elapsed() >= TELL {
            tell();
            told = Instant::now();
        }
        match child.try_wait() {
            Ok(None) => {}
            _ => return asked.is_none(),
        }
        if crate::proc::stopped() && asked.is_none() {
            asked = Some(Instant::now());
            // It may just have ended by itself.
            let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A moving line for each cell under way and one for all, on a terminal.
struct Display {
    all: MultiProgress,
    total: ProgressBar,
    live: bool,
}

impl Display {
    fn new(cells: usize) -> Self {
        let live = std::io::stderr().is_terminal();
        let all = MultiProgress::new();
        let total = if live && cells > 0 {
            all.add(ProgressBar::new(cells as u64))
        } else {
            ProgressBar::hidden()
        };
        total.set_style(style("  {bar:40} {pos}/{len} cells, {elapsed}, about {eta} left"));
        total.enable_steady_tick(Duration::from_millis(500));
        Display { all, total, live }
    }

    fn begin(&self, name: &str) -> ProgressBar {
        if !self.live {
            return ProgressBar::hidden();
        }
        let bar = self.all.insert_before(&self.total, ProgressBar::new_spinner());
        bar.set_style(style("  {spinner} {elapsed:>5}  {wide_msg}"));
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    fn end(&self, bar: &ProgressBar, show: impl FnOnce()) {
        bar.finish_and_clear();
        self.all.suspend(show);
        self.total.inc(1);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Values are pushed whole, so what is there before a panic is good.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;

    #[test]
    fn the_last_finished_step_is_the_last_whole_line() {
        let dir = Scratch::new("last-line");
        let log = dir.0.join("a.log");
        assert_eq!(last_line(&log), None);
        fs::write(&log, "ok  1").unwrap();
        assert_eq!(last_line(&log), None);
        fs::write(
            &log,
            "cached     0.1 s  build  probes\nok   1.0 s  build  core library\nok  ",
        )
        .unwrap();
        assert_eq!(last_line(&log).as_deref(), Some("ok 1.0 s build core library"));
    }
}
