// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `novabridge abi`: the gate in front of the C ABI.

mod exchange;
mod layout;

use crate::commands::Failed;
use crate::error::{Error, Result};
use crate::output::{print_json, say};
use clap::{Args, Subcommand};
use novabridge_abi::check::{self, Inputs, Report};
use novabridge_abi::{partial, report, suppress};
use std::path::{Path, PathBuf};

const EXIT_CODES: &str = "\
Exit codes of diff, and of check when the stated version does not allow the change:
  0    identical
  10   compatible (diff only: it asks for no new version)
  11   additive: NVB_ABI_MINOR is to be raised
  12   behavioural: types are as they were, the core acts differently; NVB_ABI_MAJOR is to be raised
  13   breaking: NVB_ABI_MAJOR is to be raised
  14   check only: source, header, library or module contradict each other
  1    something could not be read
  2    the command line is wrong";

/// Arguments of `abi`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct AbiArgs {
    /// What to do.
    #[command(subcommand)]
    command: AbiCommand,
}

#[derive(Debug, Subcommand)]
enum AbiCommand {
    /// Writes the tree's ABI as the baseline of the version it states.
    Snapshot(SnapshotArgs),
    /// Compares two of: baseline directory, source tree, header, library, object, module, model (.txt).
    Diff(DiffArgs),
    /// Compares the tree with its newest baseline, and its sources with each other.
    Check(CheckArgs),
    /// Has every rustc and every C compiler of the matrix exchange every struct.
    Layout(layout::LayoutArgs),
    /// Says what a rule means, or lists all rules.
    Explain {
        /// The rule.
        rule: Option<String>,
    },
}

#[derive(Debug, Args)]
struct SnapshotArgs {
    #[command(flatten)]
    tree: TreeArgs,
    /// Write there instead of abi-tests/baselines/VERSION.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Overwrite the baseline of a version that was not released yet.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct DiffArgs {
    /// The older side.
    old: PathBuf,
    /// The newer side.
    new: PathBuf,
    /// C compiler for headers.
    #[arg(long, default_value = "cc")]
    cc: String,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    tree: TreeArgs,
    /// Baseline directory to compare with instead of the newest.
    #[arg(long)]
    baseline: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct TreeArgs {
    /// Root of the source tree.
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// C compiler for the header.
    #[arg(long, default_value = "cc")]
    cc: String,
    /// Object, archive or shared object that must agree with the header, and say its types (debug information); may be given
    /// several times.
    #[arg(long = "library")]
    libraries: Vec<PathBuf>,
    /// Kernel module whose exports must agree with the header; may be given several times.
    #[arg(long = "module")]
    modules: Vec<PathBuf>,
    /// Module.symvers of a build, for the symbols' CRCs; may be given several times.
    #[arg(long)]
    symvers: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct OutputArgs {
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Also write the report as SARIF.
    #[arg(long)]
    sarif: Option<PathBuf>,
    /// Also write the report as JUnit XML.
    #[arg(long)]
    junit: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Something could not be read, or the ABI changed; the exit code tells how.
pub fn run(args: &AbiArgs) -> Result<(), Failed> {
    match &args.command {
        AbiCommand::Snapshot(args) => snapshot(args),
        AbiCommand::Diff(args) => {
            let (old, new) = (read(&args.old, &args.cc)?, read(&args.new, &args.cc)?);
            let (old, new) = partial::comparable(old, new);
            let mut report = Report::of(&old, &new, &[], &suppress::today());
            if old.functions.is_empty() || new.functions.is_empty() {
                report
                    .notes
                    .push("only symbols were compared: one side says nothing of types (no debug information)".into());
            }
            finish(&report, &args.output, report.diff_exit())
        }
        AbiCommand::Check(args) => {
            let report = check::check(&args.tree.inputs(), args.baseline.as_deref()).map_err(failed)?;
            finish(&report, &args.output, report.check_exit())
        }
        AbiCommand::Layout(args) => layout::run(args),
        AbiCommand::Explain { rule } => match report::explain(rule.as_deref()) {
            Some(text) => Ok(say(&text)?),
            None => Err(Error::usage("there is no such rule")
                .fix("novabridge abi explain lists them")
                .into()),
        },
    }
}

impl TreeArgs {
    fn inputs(&self) -> Inputs {
        Inputs {
            cc: self.cc.clone(),
            libraries: self.libraries.clone(),
            modules: self.modules.clone(),
            symvers: self.symvers.clone(),
            ..Inputs::new(&self.root)
        }
    }
}

fn snapshot(args: &SnapshotArgs) -> Result<(), Failed> {
    let inputs = args.tree.inputs();
    let (abi, drift) = check::current(&inputs).map_err(failed)?;
    if let Some(first) = drift.first() {
        return Err(
            Error::cell("the sources disagree, so there is no one ABI to write down")
                .found(first.to_string())
                .fix("novabridge abi check lists all disagreements")
                .into(),
        );
    }
    let version = abi.version().ok_or_else(|| {
        Error::cell("the header states no version").expected("NVB_ABI_MAJOR and NVB_ABI_MINOR as numbers")
    })?;
    let dir = match &args.out {
        Some(dir) => dir.clone(),
        None => inputs.baselines().join(version.to_string()),
    };
    if dir.exists() && !args.force {
        return Err(Error::usage(format!("{} exists", dir.display()))
            .fix("raise the version, or use --force if it was never released")
            .into());
    }
    if dir.exists() && abi.crcs.is_empty() && !check::read_baseline(&dir).map_err(failed)?.crcs.is_empty() {
        return Err(
            Error::usage(format!("{} has the symbols' CRCs, which would be lost", dir.display()))
                .fix("give --symvers with the Module.symvers of a build")
                .into(),
        );
    }
    let header = args.tree.root.join("capi/include/novabridge.h");
    check::write_baseline(&abi, &header, &dir).map_err(failed)?;
    Ok(say(&format!("{}\n", dir.display()))?)
}

fn read(path: &Path, cc: &str) -> Result<novabridge_abi::model::Abi> {
    check::read_any(path, cc).map_err(failed)
}

fn finish(report: &Report, output: &OutputArgs, code: u8) -> Result<(), Failed> {
    if let Some(path) = &output.sarif {
        write(path, &format!("{:#}\n", report::sarif(report)))?;
    }
    if let Some(path) = &output.junit {
        write(path, &report::junit(report))?;
    }
    if output.json {
        print_json(&report::json(report))?;
    } else {
        say(&report::words(report))?;
    }
    match code {
        0 => Ok(()),
        code => Err(Failed::Code(code)),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| Error::io("write", path, &error))
}

fn failed(error: novabridge_abi::Error) -> Error {
    Error::cell(error.to_string())
}
