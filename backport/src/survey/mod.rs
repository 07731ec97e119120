// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `matrix` and `report`: many cells at once, and what is known of them.
//!
//! Nothing here takes part in a cell: see `NOT_IN_A_CELL` in `results.rs`.

mod import;
pub mod run;

use crate::cli::{Format, MatrixArgs, NetworkArgs, ReportArgs};
use crate::commands::Failed;
use crate::error::{Class, Error, PathContext, Result};
use crate::evidence;
use crate::matrix::{Cell, Matrix};
use crate::report::summary::summary;
use crate::report::{count, html, json, junit, table, Row};
use crate::results::{self, Common, Store, Stored};
use crate::session::Session;
use run::{default_jobs, Answer, Runner};
use std::fs;
use std::io::IsTerminal;
use std::time::Instant;

/// Runs the chosen cells, or lists them.
///
/// # Errors
/// A cell failed; the set-up lacks something; the selection names nothing.
pub fn matrix(args: &MatrixArgs) -> Result<(), Failed> {
    let begin = Instant::now();
    let mut matrix = Matrix::built_in()?;
    if args.ci {
        matrix = matrix.ci();
    }
    let cells = matrix.select(&args.selection.only, &args.selection.skip)?;
    if args.list {
        for cell in cells {
            println!("{}", cell.name);
        }
        return Ok(());
    }
    let firmware = &args.selection.firmware;
    let session = Session::open(args.network.into())?;
    let store = Store::of(&session.cache);
    let common = Common::new(&session, &results::sources(&session)?, firmware)?;
    let mut known = Vec::new();
    let mut tasks = Vec::new();
    for cell in cells {
        let inputs = common.inputs(&session, cell)?;
        let stored = store
            .read(&cell.name, firmware)
            .filter(|stored| stored.answers(&inputs) && !args.again);
        match stored {
            Some(_) if args.changed => {}
            Some(stored) => known.push(Answer {
                stored: Some(stored),
                cell: cell.clone(),
                cached: true,
                log: None,
            }),
            None => tasks.push(cell),
        }
    }
    let runner = Runner {
        store: &store,
        firmware,
        jobs: args.jobs.map_or_else(default_jobs, std::num::NonZeroUsize::get),
        options: options(args.network),
    };
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
    known.iter().for_each(show);
    let new = runner.run(&session, &tasks, show)?;
    let answers: Vec<Answer> = known.into_iter().chain(new).collect();
    let rows: Vec<Row<'_>> = answers.iter().map(row).collect();
    let seconds = begin.elapsed().as_secs_f64();
    let mut closing = String::new();
    for answer in answers.iter().filter(|answer| !answer.passed()) {
        if let Some(log) = &answer.log {
            closing.push_str(&format!("{}: output: {}\n", answer.cell.name, log.display()));
        }
        closing.push_str(&format!(
            "{}: to repeat: novabridge cell {} --firmware {firmware}\n",
            answer.cell.name, answer.cell.name
        ));
    }
    if let Some(path) = &args.html {
        fs::write(path, html::to_html(&rows, firmware)?).on("write", path)?;
        closing.push_str(&format!("page: {}\n", path.display()));
    }
    closing.push_str(&format!("{} in {seconds:.1} s", count(&rows)));
    if args.json {
        println!("{:#}", json::to_json(&rows, seconds));
        eprintln!("{closing}");
    } else {
        println!("{closing}");
    }
    if crate::proc::stopped() {
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
fn options(network: NetworkArgs) -> Vec<&'static str> {
    if crate::apt::Freshness::from(network).offline {
        vec!["--offline"]
    } else {
        Vec::new()
    }
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
    let matrix = Matrix::built_in()?;
    let cells = matrix.select(&args.selection.only, &args.selection.skip)?;
    let firmware = &args.selection.firmware;
    let found: Vec<(&Cell, Option<Stored>)> = match &args.from {
        Some(dir) => {
            let mut results = import::read(dir, &matrix, firmware)?;
            cells
                .into_iter()
                .map(|cell| (cell, results.remove(&cell.name)))
                .collect()
        }
        None => {
            let store = Store::of(&Session::open(Default::default())?.cache);
            cells
                .into_iter()
                .map(|cell| (cell, store.read(&cell.name, firmware)))
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
    if found.iter().any(failed) {
        Err(Failed::Reported(Class::Cell))
    } else {
        Ok(())
    }
}
