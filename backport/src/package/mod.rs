// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `novabridge package`: what distributions take, all of it made from one manifest, `backport/packages/package.toml`.

mod check;
mod chroot;
mod dkms;
mod manifest;
mod record;
mod tree;

use crate::cli::NetworkArgs;
use crate::commands::Failed;
use crate::error::{Error, PathContext, Result};
use crate::session::Session;
use crate::step::{Done, Phase, Show, Steps};
use clap::{Args, Subcommand, ValueEnum};
use manifest::Manifest;
use record::Record;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use tree::Tree;

/// Arguments of `package`.
#[derive(Debug, Args)]
pub struct PackageArgs {
    /// What to make.
    #[command(subcommand)]
    command: PackageCommand,
}

#[derive(Debug, Subcommand)]
enum PackageCommand {
    /// Makes a source tree for DKMS, as a directory and as an archive to unpack into /usr/src.
    Dkms(CreateArgs),
    /// Proves packages: has them built and installed in their users' systems.
    Check(check::CheckArgs),
}

/// Arguments for making a package.
#[derive(Debug, Args)]
struct CreateArgs {
    /// Where the package goes [default: target/package in the source tree].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The form of the core in it.
    #[arg(long, value_enum, default_value_t = Form::Assembly)]
    core: Form,
    /// Print what was made as JSON on standard output, progress on standard error.
    #[arg(long)]
    json: bool,
    /// How the network is used.
    #[command(flatten)]
    network: NetworkArgs,
}

/// The form of the core in a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Lowered to assembly when the package is made: who builds the modules needs no Rust.
    Assembly,
    /// As source: who builds the modules has a rustc, 1.63 or newer, and rust-src of the same release.
    Rust,
}

impl Form {
    /// As the command line has it.
    fn name(self) -> &'static str {
        match self {
            Form::Assembly => "assembly",
            Form::Rust => "rust",
        }
    }
}

/// A package that was made.
#[derive(Debug, Serialize)]
struct Made {
    /// `dkms`, `deb`, `rpm` or `intree`.
    kind: &'static str,
    version: &'static str,
    core: Form,
    /// Version and hash of the C ABI that it carries.
    abi: String,
    /// What a user takes, absolute.
    files: Vec<PathBuf>,
}

/// What making any package needs.
struct Maker<'a> {
    session: &'a Session,
    steps: &'a Steps,
    manifest: Manifest,
    record: Record,
    form: Form,
}

/// Runs the command.
///
/// # Errors
/// A package cannot be made.
pub fn run(args: &PackageArgs) -> Result<(), Failed> {
    match &args.command {
        PackageCommand::Dkms(args) => create(args, dkms::make),
        PackageCommand::Check(args) => check::run(args),
    }
}

fn create(args: &CreateArgs, make: fn(&Maker<'_>, &Path) -> Result<Made>) -> Result<(), Failed> {
    let session = Session::open(args.network.into())?;
    let steps = Steps::new(if args.json { Show::Err } else { Show::Out });
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| session.source.join("target/package"));
    fs::create_dir_all(&out).on("create", &out)?;
    let out = fs::canonicalize(&out).on("find", &out)?;
    let maker = Maker::open(&session, &steps, args.core)?;
    let made = make(&maker, &out)?;
    if args.json {
        let json = serde_json::to_string_pretty(&made)
            .map_err(|error| Error::cell("the result cannot be written").found(error.to_string()))?;
        println!("{json}");
    } else {
        for file in &made.files {
            println!("{}", file.display());
        }
    }
    Ok(())
}

impl<'a> Maker<'a> {
    fn open(session: &'a Session, steps: &'a Steps, form: Form) -> Result<Self> {
        let manifest = Manifest::read(&session.source)?;
        let record = steps.run(Phase::Build, "ABI record", || {
            let record = record::of_tree(&session.source)?;
            let note = record.text().to_owned();
            Ok(Done::now(record, note))
        })?;
        Ok(Maker {
            session,
            steps,
            manifest,
            record,
            form,
        })
    }

    /// The source tree of the package in `dir`, which is replaced.
    fn tree(&self, dir: &Path) -> Result<Tree> {
        tree::write(self, dir)
    }

    fn made(&self, kind: &'static str, files: Vec<PathBuf>) -> Made {
        Made {
            kind,
            version: manifest::VERSION,
            core: self.form,
            abi: self.record.text().to_owned(),
            files,
        }
    }
}
