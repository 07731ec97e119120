// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Cells as a job array of Slurm, and a job after it that merges their results.
//!
//! The source tree, the tool and the directory of results must be the same on all nodes. So should the tool's cache, on a file
//! system whose locks work between nodes; where there is none, XDG_CACHE_HOME can name a directory of each node, since jobs get
//! the environment of the submission.

use super::import;
use super::run::{Answer, Executor};
use crate::cli::MatrixArgs;
use crate::error::{Error, PathContext, Result};
use crate::matrix::{Cell, Matrix};
use crate::output::{print_json, say};
use crate::proc::{quoted, stopped, Cmd};
use crate::report::Origin;
use crate::results::seconds;
use crate::session::Session;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// What one cell needs: rustc on core, or QEMU with its guest of 1 GiB and one processor beside it.
const NEEDS: &str = "#SBATCH --cpus-per-task=2\n#SBATCH --mem=3G\n#SBATCH --time=60\n";
/// How often results are looked for, and how often Slurm is asked.
const LOOK: Duration = Duration::from_millis(500);
const ASK: Duration = Duration::from_secs(3);
/// How long a controller that does not answer is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// How cells are submitted.
#[derive(Debug)]
pub struct Slurm<'a> {
    matrix: &'a Matrix,
    program: PathBuf,
    /// The source tree.
    source: PathBuf,
    /// Where results go.
    results: PathBuf,
    /// What is run there, by its hash.
    sources: String,
    /// The GSP firmware release.
    firmware: String,
    /// `None`: the cluster's choice.
    partition: Option<String>,
    /// Cells at a time; `None`: the cluster's choice.
    jobs: Option<usize>,
    /// Options every cell gets.
    options: Vec<String>,
    /// Of these, what says where cells are described; the report needs it too.
    manifest: Vec<String>,
}

/// Whether jobs can be submitted here; asked first, because a program that is missing would otherwise look like one that failed.
///
/// # Errors
/// They cannot.
pub fn available() -> Result<()> {
    match Cmd::new("sbatch").arg("--version").query() {
        Some(_) => Ok(()),
        None => Err(Error::setup("no sbatch here")
            .expected("Slurm's client programs in PATH")
            .fix(
                "run this where jobs are submitted to your cluster, or apt-get install slurm-client and configure it",
            )),
    }
}

/// What Slurm calls the jobs.
struct Submitted {
    array: String,
    merge: String,
}

impl<'a> Slurm<'a> {
    /// What `args` ask for of the cells in `matrix`, with these sources.
    ///
    /// # Errors
    /// The tool does not find itself, the manifest or the directory of results.
    pub fn of(args: &MatrixArgs, session: &Session, matrix: &'a Matrix, sources: &str) -> Result<Self> {
        let program =
            std::env::current_exe().map_err(|error| Error::setup(format!("the tool cannot find itself: {error}")))?;
        let results = match &args.slurm.results {
            Some(dir) => std::path::absolute(dir).on("find", dir)?,
            None => {
                let now = seconds(SystemTime::now());
                let name = format!("slurm.{now}.{}", std::process::id());
                session.cache.path("runs").join(name)
            }
        };
        let manifest = args.manifest.absolute()?;
        let mut options = super::options(args.network, &manifest);
        if args.again {
            options.push("--again".to_owned());
        }
        Ok(Slurm {
            matrix,
            program,
            source: session.source.clone(),
            results,
            sources: sources.to_owned(),
            firmware: args.selection.firmware.clone(),
            partition: args.slurm.partition.clone(),
            jobs: args.jobs.map(NonZeroUsize::get),
            options,
            manifest: manifest.repeated(),
        })
    }

    /// Submits the cells and says how to see what becomes of them.
    ///
    /// # Errors
    /// Slurm refuses.
    pub fn leave(&self, cells: &[&Cell], json: bool) -> Result<()> {
        let jobs = self.submit(cells)?;
        let report = self.report(cells);
        if json {
            let cells: Vec<&str> = cells.iter().map(|cell| cell.name.as_str()).collect();
            let submitted = json!({
                "array": jobs.array, "merge": jobs.merge, "cells": cells, "results": self.results, "report": report,
            });
            print_json(&submitted)
        } else {
            say(&format!(
                "job array {} has {} cells, job {} merges them into {}\nto see what is there: {report}\n",
                jobs.array,
                cells.len(),
                jobs.merge,
                self.results.join("report.txt").display()
            ))
        }
    }

    /// The script of the array: cell by index.
    pub fn array(&self, cells: &[&Cell]) -> String {
        let last = cells.len().saturating_sub(1);
        let limit = self.jobs.map_or_else(String::new, |jobs| format!("%{jobs}"));
        let names: Vec<&str> = cells.iter().map(|cell| cell.name.as_str()).collect();
        let options = arguments(&self.options);
        format!(
            "{head}#SBATCH --array=0-{last}{limit}\n{NEEDS}\
             set -- {names}\n\
             shift \"$SLURM_ARRAY_TASK_ID\"\n\
             cd {source} || exit 3\n\
             {program} matrix --only \"$1\" --firmware {firmware} --jobs 1 --json{options} >{results}/\"$1\".part 2>{results}/\"$1\".log\n\
             status=$?\n\
             # Whoever looks sees whole results only.\n\
             [ ! -s {results}/\"$1\".part ] || mv {results}/\"$1\".part {results}/\"$1\".json\n\
             exit $status\n",
            head = self.head("array-%a.out"),
            names = names.join(" "),
            source = shown(&self.source),
            program = shown(&self.program),
            firmware = self.firmware,
            results = shown(&self.results),
        )
    }

    /// The script of the job after the array; a cell without a result fails it.
    pub fn merge(&self, cells: &[&Cell]) -> String {
        format!(
            "{head}cd {source} || exit 3\nexec {report}\n",
            head = self.head("report.txt"),
            source = shown(&self.source),
            report = self.report(cells),
        )
    }

    /// The command that shows the results.
    fn report(&self, cells: &[&Cell]) -> String {
        let only: String = cells.iter().map(|cell| format!(" --only {}", cell.name)).collect();
        format!(
            "{} report --from {} --firmware {}{}{only}",
            shown(&self.program),
            shown(&self.results),
            self.firmware,
            arguments(&self.manifest)
        )
    }

    fn head(&self, output: &str) -> String {
        let partition = self.partition.iter();
        let partition: String = partition.map(|name| format!("#SBATCH --partition={name}\n")).collect();
        format!(
            "#!/bin/sh\n#SBATCH --job-name=novabridge\n#SBATCH --output={}\n{partition}",
            shown(&self.results.join(output))
        )
    }

    /// Submits both jobs.
    ///
    /// # Errors
    /// Slurm refuses, or the directory of results has some already.
    fn submit(&self, cells: &[&Cell]) -> Result<Submitted> {
        let path = &self.results;
        fs::create_dir_all(path).on("create", path)?;
        empty(path)?;
        let array = self.sbatch("array.sh", &self.array(cells), &[])?;
        let after = format!("--dependency=afterany:{array}");
        let merge = self
            .sbatch("merge.sh", &self.merge(cells), &[&after])
            .inspect_err(|_| {
                // Nobody would look at its results.
                cancel(&[&array]);
            })?;
        Ok(Submitted { array, merge })
    }

    fn sbatch(&self, name: &str, script: &str, options: &[&str]) -> Result<String> {
        let path = self.results.join(name);
        fs::write(&path, script).on("write", &path)?;
        let said = Cmd::new("sbatch")
            .arg("--parsable")
            .args(options)
            .arg(&path)
            .must("Slurm does not take the job")
            .map_err(Error::during_setup)?;
        // "ID" or "ID;CLUSTER", perhaps after warnings.
        let id = said
            .lines()
            .last()
            .and_then(|line| line.split(';').next())
            .unwrap_or("")
            .trim();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::setup("sbatch names no job").expected("a number").found(said));
        }
        Ok(id.to_owned())
    }

    /// Tells `done` of each result as it comes, until the jobs have ended.
    fn follow(&self, jobs: &Submitted, cells: &[&Cell], done: &dyn Fn(&Answer)) -> Result<Vec<Answer>> {
        let mut told = BTreeSet::new();
        let mut silent_since = None;
        let mut asked = Instant::now();
        loop {
            let over = stopped()
                || (asked.elapsed() >= ASK && {
                    asked = Instant::now();
                    ended(&jobs.merge, &mut silent_since)?
                });
            let mut imported = import::read(&self.results, self.matrix, &self.firmware, &self.sources)?;
            let complaints = imported.complaints();
            let answers: Vec<Answer> = cells
                .iter()
                .map(|cell| {
                    let found = imported.results.remove(&cell.name);
                    Answer {
                        origin: found.as_ref().map_or(Origin::Now, |found| found.origin(Origin::Now)),
                        stored: found.map(|found| found.stored),
                        cell: (*cell).clone(),
                        log: Some(self.results.join(format!("{}.log", cell.name))),
                    }
                })
                .collect();
            for answer in &answers {
                if (answer.stored.is_some() || over) && told.insert(answer.cell.name.clone()) {
                    done(answer);
                }
            }
            if stopped() {
                cancel(&[&jobs.array, &jobs.merge]);
            }
            if over {
                for error in complaints {
                    eprintln!("novabridge: {error}");
                }
                return Ok(answers);
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Executor for Slurm<'_> {
    fn run(&self, _: &Session, cells: &[&Cell], done: &(dyn Fn(&Answer) + Sync)) -> Result<Vec<Answer>> {
        if cells.is_empty() {
            return Ok(Vec::new());
        }
        let jobs = self.submit(cells)?;
        eprintln!(
            "job array {} has {} cells, job {} merges them",
            jobs.array,
            cells.len(),
            jobs.merge
        );
        self.follow(&jobs, cells, done).inspect_err(|_| {
            // Nobody would look at their results.
            cancel(&[&jobs.array, &jobs.merge]);
        })
    }
}

/// Demands that there is nothing in `dir`: results of an earlier submission would count as those of this one. Their age would not tell
/// them apart, for a node may answer from what it has known for long.
fn empty(dir: &Path) -> Result<()> {
    match fs::read_dir(dir).on("read", dir)?.next() {
        None => Ok(()),
        Some(_) => Err(Error::usage(format!("{} is in use", dir.display()))
            .expected("an empty or a new directory for the results of this submission")
            .fix("name another one as --results, or remove it")),
    }
}

/// Whether Slurm has done with the job; `silent_since` remembers since when it has not been able to say.
fn ended(job: &str, silent_since: &mut Option<Instant>) -> Result<bool> {
    let asked = Cmd::new("squeue")
        .args(["--noheader", "--format=%T", "--jobs", job])
        .limit(PATIENCE)
        .run()?;
    // A job that ended some time ago is not known any more.
    let forgotten = asked.output.contains("Invalid job id");
    if !asked.status.success() && !forgotten {
        let since = *silent_since.get_or_insert_with(Instant::now);
        if since.elapsed() > PATIENCE {
            return Err(Error::setup(format!("Slurm does not say how job {job} is"))
                .found(asked.output)
                .fix(format!("see squeue --jobs {job}")));
        }
        return Ok(false);
    }
    *silent_since = None;
    let going = [
        "PENDING",
        "RUNNING",
        "COMPLETING",
        "CONFIGURING",
        "SUSPENDED",
        "REQUEUED",
    ];
    Ok(forgotten || !asked.output.lines().any(|line| going.contains(&line.trim())))
}

/// Takes jobs back; without `Cmd`, which starts nothing any more after an interruption.
fn cancel(jobs: &[&str]) {
    let cancelled = Command::new("scancel").args(jobs).stdin(Stdio::null()).status();
    if !cancelled.is_ok_and(|status| status.success()) {
        eprintln!("these jobs could not be cancelled: {}", jobs.join(" "));
    }
}

fn arguments(all: &[String]) -> String {
    all.iter().map(|one| format!(" {}", quoted(one))).collect()
}

fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;
    use crate::error::Class;

    fn slurm(matrix: &Matrix) -> Slurm<'_> {
        Slurm {
            matrix,
            program: "/src/target/tool/novabridge".into(),
            source: "/src".into(),
            results: "/shared/my results".into(),
            sources: "abc".to_owned(),
            firmware: "570.144".to_owned(),
            partition: Some("build".to_owned()),
            jobs: Some(4),
            options: vec!["--offline".to_owned()],
            manifest: Vec::new(),
        }
    }

    #[test]
    fn the_scripts_name_everything_a_node_needs() {
        let matrix = Matrix::built_in().unwrap();
        let cells = [
            matrix.cell("bookworm-6.1").unwrap(),
            matrix.cell("trixie-6.12").unwrap(),
        ];
        let slurm = slurm(&matrix);
        insta::assert_snapshot!(format!("{}---\n{}", slurm.array(&cells), slurm.merge(&cells)));
    }

    #[test]
    fn what_the_cluster_decides_is_not_asked_for() {
        let matrix = Matrix::built_in().unwrap();
        let mut slurm = slurm(&matrix);
        (slurm.partition, slurm.jobs) = (None, None);
        let script = slurm.array(&[matrix.cell("bookworm-6.1").unwrap()]);
        assert!(
            script.contains("--array=0-0\n") && !script.contains("partition"),
            "{script}"
        );
    }

    #[test]
    fn a_directory_with_results_of_another_submission_is_refused() {
        let dir = Scratch::new("slurm-results");
        assert!(empty(&dir.0).is_ok());
        fs::write(dir.0.join("bookworm-6.1.json"), "{}").unwrap();
        assert_eq!(empty(&dir.0).unwrap_err().class, Class::Usage);
    }
}
