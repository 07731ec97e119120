// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `matrix` and `report`: many cells at once, and what is known of them.
//!
//! Nothing here takes part in a cell: see `NOT_IN_A_CELL` in `results.rs`.

pub mod bisect;
mod difference;
mod import;
pub mod run;
mod search;
mod slurm;

use crate::cli::{Format, ManifestArgs, MatrixArgs, NetworkArgs, ReportArgs, Where};
use crate::commands::Failed;
use crate::error::{Class, Error, PathContext, Result};
use crate::evidence;
use crate::matrix::{Cell, Matrix};
use crate::proc::quoted;
use crate::report::summary::summary;
use crate::report::{count, html, json, junit, table, Row};
use crate::results::{self, Common, Store, Stored};
use crate::session::Session;
use run::{default_jobs, Answer, Executor, Runner};
use slurm::Slurm;
use std::fs;
use std::io::IsTerminal;
use std::time::Instant;

/// Runs the chosen cells, or lists them.
///
/// # Errors
/// A cell failed; the set-up lacks something; the selection names nothing.
pub fn matrix(args: &MatrixArgs) -> Result<(), Failed> {
    let begin = Instant::now();
    let matrix = Matrix::load(args.manifest.path())?;
    let cells = args.selection.of(&matrix)?;
    args.slurm.check(args.executor)?;
    if args.executor == Where::Slurm && !args.slurm.dry_run && !args.list {
        slurm::available()?;
    }
    if args.list {
        for cell in cells {
            println!("{}", cell.name);
        }
        return Ok(());
    }
    let firmware = &args.selection.firmware;
    let session = Session::open(args.network.into())?;
    let held = Known::open(&session, firmware)?;
    let mut known = Vec::new();
    let mut tasks = Vec::new();
    for cell in &cells {
        let enough = |stored: &Stored| !args.again && (stored.evidence.ok || args.changed);
        match held.result(cell).filter(enough) {
            Some(stored) => known.push(Answer {
                stored: Some(stored),
                cell: (*cell).clone(),
                cached: true,
                log: None,
            }),
            None => tasks.push(*cell),
        }
    }
    let width = matrix.cells.iter().map(|cell| cell.name.len()).max().unwrap_or(0);
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let show = |answer: &Answer| {
        let text = table::line(&row(answer), width, colour);
        if args.json {
            eprintln!("{text}");
        } else {
            println!("{text}");
        }
    };
    let executor: Box<dyn Executor> = match args.executor {
        Where::Local => Box::new(Runner {
            store: &held.store,
            firmware,
            jobs: args.jobs.map_or_else(default_jobs, std::num::NonZeroUsize::get),
            options: options(args.network, &args.manifest),
        }),
        Where::Slurm => {
            let slurm = Slurm::of(args, &session, &matrix)?;
            if args.slurm.dry_run {
                if tasks.is_empty() {
                    eprintln!("nothing to submit: all results are known; --again submits them nevertheless");
                } else {
                    print!("{}\n{}", slurm.array(&tasks), slurm.merge(&tasks));
                }
                return Ok(());
            }
            if !args.slurm.wait && !tasks.is_empty() {
                known.iter().for_each(show);
                return Ok(slurm.leave(&tasks, args.json)?);
            }
            Box::new(slurm)
        }
    };
    known.iter().for_each(show);
    let new = executor.run(&session, &tasks, &show)?;
    let mut answers: Vec<Answer> = known.into_iter().chain(new).collect();
    answers.sort_by_key(|answer| cells.iter().position(|cell| cell.name == answer.cell.name));
    let rows: Vec<Row<'_>> = answers.iter().map(row).collect();
    let seconds = begin.elapsed().as_secs_f64();
    let mut closing = String::new();
    let interrupted = crate::proc::stopped();
    let failed = |answer: &&Answer| !answer.passed() && (!interrupted || answer.stored.is_some());
    for answer in answers.iter().filter(failed) {
        if let Some(log) = &answer.log {
            closing.push_str(&format!("{}: output: {}\n", answer.cell.name, log.display()));
        }
        let name = &answer.cell.name;
        closing.push_str(&format!(
            "{name}: to repeat: {}\n",
            repeat(name, firmware, &args.manifest)
        ));
    }
    if let Some(path) = &args.html {
        fs::write(path, html::to_html(&rows, firmware)?).on("write", path)?;
        closing.push_str(&format!("page: {}\n", path.display()));
    }
    closing.push_str(&format!("{} in {seconds:.1} s", count(&rows)));
    if interrupted {
        closing.push_str("\ninterrupted; the same command goes on with the cells that have no result");
    }
    if args.json {
        println!("{:#}", json::to_json(&rows, seconds));
        eprintln!("{closing}");
    } else {
        println!("{closing}");
    }
    if interrupted {
        return Err(Failed::Reported(Class::Interrupted));
    }
    if answers.iter().all(Answer::passed) {
        Ok(())
    } else {
        Err(Failed::Reported(Class::Cell))
    }
}

fn row(answer: &Answer) -> Row<'_> {
    Row {
        cell: &answer.cell,
        stored: answer.stored.as_ref(),
        cached: answer.cached,
    }
}

/// Options every cell of a run gets: lists that this run has just fetched are not fetched again by each.
fn options(network: NetworkArgs, manifest: &ManifestArgs) -> Vec<String> {
    let mut options = manifest.repeated();
    if crate::apt::Freshness::from(network).offline {
        options.push("--offline".to_owned());
    }
    options
}

/// The command that repeats a cell.
pub fn repeat(cell: &str, firmware: &str, manifest: &ManifestArgs) -> String {
    let options: Vec<String> = manifest
        .repeated()
        .iter()
        .map(|option| format!(" {}", quoted(option)))
        .collect();
    format!("novabridge cell {cell} --firmware {firmware}{}", options.concat())
}

/// Results that still hold.
struct Known<'a> {
    session: &'a Session,
    store: Store,
    common: Common,
    firmware: &'a str,
}

impl<'a> Known<'a> {
    fn open(session: &'a Session, firmware: &'a str) -> Result<Self> {
        Ok(Known {
            session,
            store: Store::of(&session.cache),
            common: Common::new(session, &results::sources(session)?, firmware)?,
            firmware,
        })
    }

    /// The cell's result, pass or failure, if nothing it depends on has changed since.
    fn result(&self, cell: &Cell) -> Option<Stored> {
        let inputs = self.common.inputs(self.session, cell);
        still_holds(self.store.read(cell, self.firmware), &inputs)
    }
}

/// `stored`, if it is of these inputs. Where they cannot be found out, say because a package has left its suite, nothing holds; the
/// cell's own run says why, and no other cell has to do with it.
fn still_holds(stored: Option<Stored>, inputs: &Result<String>) -> Option<Stored> {
    let inputs = inputs.as_ref().ok()?;
    stored.filter(|stored| stored.holds(inputs))
}

/// Shows stored results, of this machine or of others.
///
/// # Errors
/// The selection names nothing; a stored result is a failure; a result of other machines is missing.
pub fn report(args: &ReportArgs) -> Result<(), Failed> {
    if args.schema {
        println!("{:#}", evidence::schema().as_value());
        return Ok(());
    }
    let matrix = Matrix::load(args.manifest.path())?;
    let cells = args.selection.of(&matrix)?;
    let firmware = &args.selection.firmware;
    let mut refused = Vec::new();
    let found: Vec<(&Cell, Option<Stored>)> = match &args.from {
        Some(dir) => {
            let mut imported = import::read(dir, &matrix, firmware)?;
            refused = imported.refused;
            let results = &mut imported.results;
            cells
                .into_iter()
                .map(|cell| (cell, results.remove(&cell.name)))
                .collect()
        }
        None => {
            let store = Store::of(&Session::open(Default::default())?.cache);
            cells
                .into_iter()
                .map(|cell| (cell, store.read(cell, firmware)))
                .collect()
        }
    };
    if args.from.is_none() && found.iter().all(|(_, stored)| stored.is_none()) {
        return Err(Error::setup("there is no result yet")
            .fix("novabridge matrix, or novabridge cell NAME")
            .into());
    }
    let rows: Vec<Row<'_>> = found
        .iter()
        .map(|(cell, stored)| Row {
            cell,
            stored: stored.as_ref(),
            cached: true,
        })
        .collect();
    match args.format {
        Format::Table if args.summary => print!("{}", summary(&rows, firmware).text()),
        Format::Json if args.summary => {
            let json = serde_json::to_string_pretty(&summary(&rows, firmware))
                .map_err(|error| Error::cell("the summary cannot be written").found(error.to_string()))?;
            println!("{json}");
        }
        other if args.summary => {
            let asked = format!("{other:?}").to_lowercase();
            return Err(Error::usage(format!("there is no summary as {asked}"))
                .expected("--format table or json")
                .into());
        }
        Format::Table => {
            let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            println!("{}{}", table::table(&rows, colour), count(&rows));
        }
        Format::Json => println!("{:#}", json::to_json(&rows, 0.0)),
        Format::Junit => print!("{}", junit::to_junit(&rows)?),
        Format::Html => print!("{}", html::to_html(&rows, firmware)?),
    }
    let failed = |(_, stored): &(&Cell, Option<Stored>)| match stored {
        Some(stored) => !stored.evidence.ok,
        // Whoever merges expects all; this machine may have run only some.
        None => args.from.is_some(),
    };
    for error in &refused {
        eprintln!("novabridge: {error}");
    }
    if found.iter().any(failed) || !refused.is_empty() {
        Err(Failed::Reported(Class::Cell))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::passed;

    #[test]
    fn nothing_is_known_of_a_cell_whose_inputs_are_not_or_changed() {
        let cell = &Matrix::built_in().unwrap().cells[0];
        let holds = |inputs: Result<String>| still_holds(Some(passed(cell)), &inputs).is_some();
        assert!(holds(Ok("abc".into())));
        assert!(!holds(Ok("abd".into())));
        assert!(!holds(Err(Error::setup("rustc 1.98 has left experimental"))));
    }
}
