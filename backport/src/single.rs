// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `cell`: one cell, its result stored, and what is said at its end.

use crate::cell;
use crate::cli::CellArgs;
use crate::commands::Failed;
use crate::error::{Class, PathContext, Result};
use crate::evidence::Evidence;
use crate::matrix::Matrix;
use crate::output;
use crate::proc::quoted;
use crate::report::steps::{table, Closing};
use crate::results::{self, Common, Store, Stored};
use crate::session::Session;
use crate::step::{Outcome, Show, Steps};
use crate::survey;
use std::fs;
use std::time::Instant;

/// Runs it.
///
/// # Errors
/// It failed, and its report said why.
pub fn run(args: &CellArgs) -> Result<(), Failed> {
    let begin = Instant::now();
    let matrix = Matrix::load(args.manifest.path())?;
    let cell = matrix.cell(&args.name)?;
    let mut session = Session::open(args.network.into())?;
    let sources = results::sources(&session.source)?;
    let dir = session.cache.run_dir(&args.name)?;
    let mut repeat = survey::repeat(&args.name, &args.firmware, &args.manifest);
    for (option, from, half) in [
        ("--core-from", &args.core_from, &mut session.halves.core),
        ("--vfio-from", &args.vfio_from, &mut session.halves.vfio),
    ] {
        if let Some(from) = from {
            *half = fs::canonicalize(from).on("find", from)?;
            repeat.push_str(&format!(" {option} {}", quoted(&half.display().to_string())));
        }
    }
    let one_tree = session.halves.core == session.source && session.halves.vfio == session.source;
    let subject = format!("{}, firmware {}", args.name, args.firmware);
    let steps = Steps::new(if args.json { Show::Err } else { Show::Out });
    let mut evidence = Evidence::new(cell, &args.firmware, &repeat);
    if one_tree {
        evidence.sources(&sources);
    }

    let result = cell::run(&session, &steps, cell, &args.firmware, &dir, &mut evidence);

    let error = result.err();
    if let Ok(inputs) = Common::new(&session, &sources, &args.firmware).and_then(|common| common.inputs(&session, cell))
    {
        // Without the lists nothing ran either, and the error above says so.
        evidence.inputs(inputs);
    }
    let seconds = begin.elapsed().as_secs_f64();
    evidence.close(seconds, steps.records(), session.notes(), error.as_ref());
    let json = output::json(&evidence)?;
    let interrupted = error.as_ref().is_some_and(|error| error.class == Class::Interrupted);
    let store = Store::of(&session.cache);
    // That this machine lacks something now takes nothing away from what it found out before.
    let judged = |stored: Stored| stored.about_the_cell();
    let worth_less = error.as_ref().is_some_and(|error| error.class == Class::Setup)
        && store.read(cell, &args.firmware).is_some_and(judged);
    if !interrupted && !worth_less && one_tree {
        store.write(&args.name, &args.firmware, &json)?;
    }
    let keep = args.keep || (error.is_some() && !interrupted);
    if keep {
        let path = dir.join("evidence.json");
        fs::write(&path, &json).on("write", &path)?;
    } else {
        fs::remove_dir_all(&dir).on("remove", &dir)?;
    }
    let records = steps.records();
    let stopped = records.iter().filter(|record| record.outcome == Outcome::Stopped);
    let closing = Closing {
        subject: &subject,
        seconds,
        error: error.as_ref(),
        during: stopped.map(|record| record.name.as_str()).collect(),
        logs: keep.then_some(dir.as_path()),
        repeat: &repeat,
    };
    if args.json {
        output::say(&(json + "\n"))?;
        eprint!("{}", closing.text(false));
    } else {
        let colour = steps.colour();
        output::say(&format!("\n{}{}", table(&records, colour), closing.text(colour)))?;
    }
    match error {
        None => Ok(()),
        Some(error) => Err(Failed::Reported(error.class)),
    }
}
