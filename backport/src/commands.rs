// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The subcommands.

use crate::abi;
use crate::apt::Package;
use crate::build::programs;
use crate::cache;
use crate::cell;
use crate::ci;
use crate::cli::{Cli, Command, FetchArgs, ObjectArgs, What};
use crate::doctor;
use crate::error::{Class, Error, Result};
use crate::foreign;
use crate::matrix::{Core, Matrix};
use crate::output::{conclude, say};
use crate::package;
use crate::session::Session;
use crate::single;
use crate::step::{Show, Steps};
use crate::survey;
use crate::vm::firmware;

/// How a command failed.
pub enum Failed {
    /// Its report said why.
    Reported(Class),
    /// Its report said why; the exit code tells what was found.
    Code(u8),
    /// Nobody has been told yet.
    Unreported(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed::Unreported(error)
    }
}

/// Runs the command.
///
/// # Errors
/// It failed; see [`Failed`].
pub fn run(cli: &Cli) -> Result<(), Failed> {
    match &cli.command {
        Command::Cell(args) => single::run(args),
        Command::Matrix(args) => survey::matrix(args),
        Command::Bisect(args) => survey::bisect::run(args),
        Command::Report(args) => survey::report(args),
        Command::Build(args) => foreign::build(args),
        Command::Probe(args) => foreign::probe(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Object(args) => run_object(args),
        Command::Fetch(args) => run_fetch(args),
        Command::Cache(args) => Ok(cache::command::run(args)?),
        Command::Abi(args) => abi::run(args),
        Command::Ci(args) => ci::run(args),
        Command::Package(args) => package::run(args),
    }
}

fn run_object(args: &ObjectArgs) -> Result<(), Failed> {
    let session = Session::open(args.network.into())?;
    let steps = Steps::new(if args.json { Show::Err } else { Show::Out });
    let matrix = Matrix::load(args.manifest.path())?;
    let cell = args.cell.as_deref().map(|name| matrix.cell(name)).transpose()?;
    let (rustc, core) = cell.map_or((None, Core::Rust), |cell| (cell.rustc.as_ref(), cell.core));
    let mut found = None;
    let made = cell::rust_side(&session, &steps, rustc, core, &mut found);
    if args.json {
        return conclude(&found, made.map(|_| ()));
    }
    let object = made?.object;
    Ok(say(&format!(
        "object: {}\nassembly: {}\n",
        object.object.display(),
        object.assembly.display()
    ))?)
}

fn run_fetch(args: &FetchArgs) -> Result<(), Failed> {
    let session = Session::open(args.network.into())?;
    let (dir, parts) = match args.what {
        What::Firmware => {
            let firmware = firmware::fetch(&session)?;
            (firmware.dir, firmware.packages.iter().map(Package::to_string).collect())
        }
        What::Programs => (programs::build(&session)?.dir, vec!["programs".to_owned()]),
    };
    let dir = dir.display();
    let lines: String = match args.print_path {
        true => format!("{dir}\n"),
        false => parts.iter().map(|part| format!("{part} in {dir}\n")).collect(),
    };
    Ok(say(&lines)?)
}
