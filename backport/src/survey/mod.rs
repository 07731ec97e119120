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

use crate::apt::Freshness;
use crate::cli::{Format, ManifestArgs, MatrixArgs, NetworkArgs, ReportArgs, Where};
use crate::commands::Failed;
use crate::error::{Class, Error, PathContext, Result};
use crate::evidence;
use crate::matrix::{Cell, Matrix};
use crate::output::{print_json, say};
use crate::proc::quoted;
use crate::report::summary::summary;
use crate::report::{count, html, json, junit, table, verdict, Origin, Row};
use crate::results::{self, Common, Store, Stored};
use crate::session::{source_tree, Session};
use run::{default_jobs, Answer, Executor, Runner};
use slurm::Slurm;
use std::fs;
use std::io::IsTerminal;
use std::time::Instant;

/// Of `--list --json`. Raised when a field changes its meaning or goes away; new fields do not count.
const LIST_SCHEMA: &str = "novabridge-cells/1";

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
        let names = || cells.iter().map(|cell| format!("{}\n", cell.name)).collect::<String>();
        return Ok(match args.json {
            true => print_json(&serde_json::json!({"schema": LIST_SCHEMA, "cells": cells})),
            false => say(&names()),
        }?);
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
                origin: Origin::Before,
                log: None,
            }),
            None => tasks.push(*cell),
        }
    }
    let width = matrix.cells.iter().map(|cell| cell.name.len()).max().unwrap_or(0);
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let show = |answer: &Answer| {
        let text = table::line(&answer.row(), width, colour);
        if args.json {
            eprintln!("{text}");
        } else {
            // Where it does not arrive, the closing lines do not either.
            let _ = say(&(text + "\n"));
        }
    };
    let executor: Box<dyn Executor> = match args.executor {
        Where::Local => Box::new(Runner {
            firmware,
            jobs: args.jobs.map_or_else(default_jobs, std::num::NonZeroUsize::get),
            options: options(args.network, &args.manifest),
        }),
        Where::Slurm => {
            let slurm = Slurm::of(args, &session, &matrix, &held.sources)?;
            if args.slurm.dry_run {
                if tasks.is_empty() {
                    eprintln!("nothing to submit: all results are known; --again submits them nevertheless");
                } else {
                    say(&format!("{}\n{}", slurm.array(&tasks), slurm.merge(&tasks)))?;
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
    let rows: Vec<Row<'_>> = answers.iter().map(Answer::row).collect();
    let seconds = begin.elapsed().as_secs_f64();
    let mut closing = String::new();
    let interrupted = crate::proc::stopped();
    let failed = |answer: &&Answer| !answer.row().passed() && (!interrupted || answer.stored.is_some());
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
    if let Some(path) = &args.junit {
        fs::write(path, junit::to_junit(&rows, true)?).on("write", path)?;
        closing.push_str(&format!("JUnit: {}\n", path.display()));
    }
    closing.push_str(&format!("{} in {seconds:.1} s", count(&rows)));
    if interrupted {
        closing.push_str("\ninterrupted; the same command goes on with the cells that have no result");
    }
    if args.json {
        print_json(&json::to_json(&rows, Some(seconds)))?;
        eprintln!("{closing}");
    } else {
        say(&(closing + "\n"))?;
    }
    if interrupted {
        return Err(Failed::Reported(Class::Interrupted));
    }
    reported(verdict(&rows, true))
}

/// A report that has been shown, with what it says.
fn reported(verdict: Option<Class>) -> Result<(), Failed> {
    match verdict {
        None => Ok(()),
        Some(class) => Err(Failed::Reported(class)),
    }
}

/// Options every cell of a run gets: lists that this run has just fetched are not fetched again by each.
fn options(network: NetworkArgs, manifest: &ManifestArgs) -> Vec<String> {
    let mut options = manifest.repeated();
    if Freshness::from(network).offline {
        options.push("--offline".to_owned());
    }
    options
}

/// The command that repeats a cell, with the rustc that was chosen by the environment.
pub fn repeat(cell: &str, firmware: &str, manifest: &ManifestArgs) -> String {
    let rustc = std::env::var("RUSTC").map(|rustc| format!("RUSTC={} ", quoted(&rustc)));
    let options: Vec<String> = manifest
        .repeated()
        .iter()
        .map(|option| format!(" {}", quoted(option)))
        .collect();
    let rustc = rustc.unwrap_or_default();
    format!(
        "{rustc}novabridge cell {cell} --firmware {firmware}{}",
        options.concat()
    )
}

/// Results that still hold.
struct Known<'a> {
    session: &'a Session,
    store: Store,
    common: Common,
    sources: String,
    firmware: &'a str,
}

impl<'a> Known<'a> {
    fn open(session: &'a Session, firmware: &'a str) -> Result<Self> {
        let sources = results::sources(&session.source)?;
        Ok(Known {
            session,
            store: Store::of(&session.cache),
            common: Common::new(session, &sources, firmware)?,
            sources,
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
/// The selection names nothing; a stored result is a failure or does not hold any more; a result of other machines is missing.
pub fn report(args: &ReportArgs) -> Result<(), Failed> {
    if args.schema {
        return Ok(print_json(evidence::schema().as_value())?);
    }
    let matrix = Matrix::load(args.manifest.path())?;
    let cells = args.selection.of(&matrix)?;
    let firmware = &args.selection.firmware;
    let mut refused = Vec::new();
    let found: Vec<(&Cell, Option<Stored>, Origin)> = match &args.from {
        Some(dir) => {
            let mut imported = import::read(dir, &matrix, firmware, &results::sources(&source_tree()?)?)?;
            imported
                .results
                .retain(|name, _| cells.iter().any(|cell| cell.name == *name));
            refused = imported.complaints();
            let rows = cells.into_iter().map(|cell| {
                let found = imported.results.remove(&cell.name);
                let origin = found
                    .as_ref()
                    .map_or(Origin::Before, |found| found.origin(Origin::Before));
                (cell, found.map(|found| found.stored), origin)
            });
            rows.collect()
        }
        None => stored(&cells, firmware)?,
    };
    let rows: Vec<Row<'_>> = found
        .iter()
        .map(|(cell, stored, origin)| Row {
            cell,
            stored: stored.as_ref(),
            origin: *origin,
        })
        .collect();
    // Whoever merges expects all; this machine may have run only some.
    let all = args.from.is_some();
    match args.format {
        Format::Table if args.summary => say(&summary(&rows, &matrix.cannot, firmware).text())?,
        Format::Json if args.summary => print_json(&summary(&rows, &matrix.cannot, firmware))?,
        other if args.summary => {
            let asked = format!("{other:?}").to_lowercase();
            return Err(Error::usage(format!("there is no summary as {asked}"))
                .expected("--format table or json")
                .into());
        }
        Format::Table => {
            let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            say(&format!("{}{}\n", table::table(&rows, colour), count(&rows)))?;
        }
        Format::Json => print_json(&json::to_json(&rows, None))?,
        Format::Junit => say(&junit::to_junit(&rows, all)?)?,
        Format::Html => say(&html::to_html(&rows, firmware)?)?,
    }
    for error in &refused {
        eprintln!("novabridge: {error}");
    }
    if !refused.is_empty() {
        return Err(Failed::Reported(Class::Cell));
    }
    reported(verdict(&rows, all))
}

/// What this machine knows of `cells`, and whether it still holds by the package lists that are here: a report fetches nothing.
///
/// # Errors
/// It knows nothing, or has no lists.
fn stored<'a>(cells: &[&'a Cell], firmware: &str) -> Result<Vec<(&'a Cell, Option<Stored>, Origin)>> {
    let offline = Freshness {
        refresh: false,
        offline: true,
    };
    let session = Session::open(offline)?;
    let store = Store::of(&session.cache);
    if cells.iter().all(|cell| store.read(cell, firmware).is_none()) {
        return Err(Error::setup("there is no result yet").fix("novabridge matrix, or novabridge cell NAME"));
    }
    let held = Known::open(&session, firmware)?;
    let look = |cell: &'a Cell| match held.result(cell) {
        Some(stored) => (cell, Some(stored), Origin::Before),
        None => (cell, store.read(cell, firmware), Origin::OtherInputs),
    };
    Ok(cells.iter().map(|cell| look(cell)).collect())
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
