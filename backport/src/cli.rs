// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The command line.

use crate::abi::AbiArgs;
use crate::apt::Freshness;
use crate::ci::CiArgs;
use crate::error::{Error, PathContext, Result};
use crate::matrix::{Cell, Matrix};
use crate::package::PackageArgs;
use crate::vm::firmware::RELEASES;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use std::fs;
use std::path::{Path, PathBuf};

const EXIT_CODES: &str = "\
Exit codes:
  0    everything asked for succeeded
  1    a build, a check or the guest failed
  2    the command line is wrong
  3    this machine cannot do it yet; the message says what to install
  130  interrupted

Everything fetched and built is kept in $XDG_CACHE_HOME/novabridge (or ~/.cache/novabridge).
RUSTC chooses another rustc, NO_COLOR turns colours off.";

/// Builds NovaBridge for a kernel, boots that kernel and exercises it.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs one cell: fetches, builds, checks, boots, exercises.
    Cell(CellArgs),
    /// Runs many cells; those that passed with the same inputs are answered from the store.
    Matrix(MatrixArgs),
    /// Finds where along kernels or compilers a cell turns from passing to failing, and what differs there.
    Bisect(BisectArgs),
    /// Shows stored results of cells.
    Report(ReportArgs),
    /// Builds the modules for any kernel's headers.
    Build(BuildArgs),
    /// Asks any kernel's headers what they have.
    Probe(BuildArgs),
    /// Says what this machine can do, what it lacks, and how to get that.
    Doctor(DoctorArgs),
    /// Builds the core as a kernel object and checks it.
    Object(ObjectArgs),
    /// Fetches inputs of a cell into the cache.
    Fetch(FetchArgs),
    /// Lists what the cache keeps, or removes what was not used for long.
    Cache(CacheArgs),
    /// Compares versions of the C ABI and classifies what changed.
    Abi(AbiArgs),
    /// Prints the matrix as a pipeline of a CI system.
    Ci(CiArgs),
    /// Makes and proves packages for distributions.
    Package(PackageArgs),
}

/// Arguments of `cell`.
#[derive(Debug, Args)]
pub struct CellArgs {
    /// The cell, as in backport/matrix.toml.
    pub name: String,
    /// GSP firmware release to run.
    #[arg(long, default_value = RELEASES[0], value_parser = PossibleValuesParser::new(RELEASES))]
    pub firmware: String,
    /// Print the result as JSON on standard output, progress on standard error.
    #[arg(long)]
    pub json: bool,
    /// Keep the logs of a run that succeeded, and say where they are.
    #[arg(long)]
    pub keep: bool,
    /// Take the core, its header and the PF driver from another source tree; the result is not stored.
    #[arg(long, value_name = "DIR")]
    pub core_from: Option<PathBuf>,
    /// Take the VFIO driver and the header it is built with from another source tree; the result is not stored.
    #[arg(long, value_name = "DIR")]
    pub vfio_from: Option<PathBuf>,
    /// Where cells are described.
    #[command(flatten)]
    pub manifest: ManifestArgs,
    /// How the network is used.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print what was found as JSON on standard output.
    #[arg(long)]
    pub json: bool,
    /// Where cells are described.
    #[command(flatten)]
    pub manifest: ManifestArgs,
    /// How the network is used.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Where cells are described.
#[derive(Debug, Default, Args)]
pub struct ManifestArgs {
    /// Cells of your own, described as in backport/matrix.toml [default: that one, as it was when the tool was built].
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

impl ManifestArgs {
    /// This file.
    #[cfg(test)]
    pub fn at(path: &Path) -> Self {
        ManifestArgs {
            manifest: Some(path.to_owned()),
        }
    }

    /// The file, if it is not the built-in one.
    pub fn path(&self) -> Option<&Path> {
        self.manifest.as_deref()
    }

    /// The same file, from wherever it is asked for.
    ///
    /// # Errors
    /// There is no current directory.
    pub fn absolute(&self) -> Result<Self> {
        let path = self.manifest.as_deref();
        let manifest = path
            .map(|path| std::path::absolute(path).on("find", path))
            .transpose()?;
        Ok(ManifestArgs { manifest })
    }

    /// The same file, as it is called from the top of the source tree.
    ///
    /// # Errors
    /// It is not in there.
    pub fn within(&self, tree: &Path) -> Result<Self> {
        let relative = |path: &Path| {
            let whole = fs::canonicalize(path).on("find", path)?;
            let tree = &fs::canonicalize(tree).on("find", tree)?;
            let inside = whole.strip_prefix(tree).map_err(|_| {
                Error::usage(format!("{} is outside of the source tree", path.display()))
                    .expected(format!("a file in {}: jobs see nothing else", tree.display()))
                    .fix("commit the manifest to the tree the pipeline is of")
            })?;
            Ok(inside.to_owned())
        };
        let manifest = self.path().map(relative).transpose()?;
        Ok(ManifestArgs { manifest })
    }

    /// The same choice, as arguments.
    pub fn repeated(&self) -> Vec<String> {
        let path = self.manifest.iter().map(|path| path.display().to_string());
        path.flat_map(|path| ["--manifest".to_owned(), path]).collect()
    }
}

/// Arguments of `bisect`.
#[derive(Debug, Args)]
#[command(after_help = "\
The two cells differ in one thing, such as the kernel or a compiler; the cells between them are those of the manifest that differ in nothing else,
in its order. Results with unchanged inputs are not run again. Which end is the older one does not matter.

  novabridge bisect --good trixie-6.12 --bad bullseye-5.10
  novabridge bisect --good trixie-6.12-rust1.78 --bad trixie-6.12-rust1.97")]
pub struct BisectArgs {
    /// A cell that passes.
    #[arg(long, value_name = "CELL")]
    pub good: String,
    /// A cell that fails.
    #[arg(long, value_name = "CELL")]
    pub bad: String,
    /// GSP firmware release to run.
    #[arg(long, default_value = RELEASES[0], value_parser = PossibleValuesParser::new(RELEASES))]
    pub firmware: String,
    /// Print the answer as JSON on standard output, progress on standard error.
    #[arg(long)]
    pub json: bool,
    /// Where cells are described.
    #[command(flatten)]
    pub manifest: ManifestArgs,
    /// How the network is used.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Which cells.
#[derive(Debug, Args)]
pub struct Selection {
    /// Only cells of this name, in which * stands for any characters; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub only: Vec<String>,
    /// Not these.
    #[arg(long, value_name = "PATTERN")]
    pub skip: Vec<String>,
    /// Only the cells that every run of the tests tries.
    #[arg(long)]
    pub ci: bool,
    /// GSP firmware release to run.
    #[arg(long, default_value = RELEASES[0], value_parser = PossibleValuesParser::new(RELEASES))]
    pub firmware: String,
}

impl Selection {
    /// Those of `matrix`.
    ///
    /// # Errors
    /// A pattern matches no cell, or nothing is left.
    pub fn of<'m>(&self, matrix: &'m Matrix) -> Result<Vec<&'m Cell>> {
        matrix.select(&self.only, &self.skip, self.ci)
    }
}

/// Arguments of `matrix`.
#[derive(Debug, Args)]
pub struct MatrixArgs {
    /// Which cells.
    #[command(flatten)]
    pub selection: Selection,
    /// Print the names of the cells, one a line, and do nothing; with --json what they are made of.
    #[arg(long)]
    pub list: bool,
    /// Run only cells whose inputs changed: kernel, compilers, firmware, QEMU and sources, by content. All others are answered by
    /// their stored result, also those that failed, which are run again otherwise.
    #[arg(long)]
    pub changed: bool,
    /// Run cells again although their stored result still holds.
    #[arg(long, conflicts_with = "changed")]
    pub again: bool,
    /// Cells at a time [default: one a processor, as memory allows].
    #[arg(long)]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Print all results as JSON on standard output, progress on standard error.
    #[arg(long)]
    pub json: bool,
    /// Write the results as one page for a browser as well.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the results as JUnit's XML, for CI systems, as well.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// What runs the cells.
    #[arg(long, value_enum, default_value = "local")]
    pub executor: Where,
    /// Where cells are described.
    #[command(flatten)]
    pub manifest: ManifestArgs,
    /// How the network is used.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// How Slurm is used.
    #[command(flatten)]
    pub slurm: SlurmArgs,
}

/// What runs cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Where {
    /// This machine.
    Local,
    /// The nodes of a Slurm cluster, as a job array.
    Slurm,
}

/// How Slurm is used.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --executor slurm")]
pub struct SlurmArgs {
    /// The partition to run in [default: the cluster's].
    #[arg(long, value_name = "NAME")]
    pub partition: Option<String>,
    /// Where results go, on a file system that all nodes share [default: a new one below the tool's cache].
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,
    /// Stay until all cells are done, and report as after a run on this machine.
    #[arg(long)]
    pub wait: bool,
    /// Print the scripts of the jobs instead of submitting them.
    #[arg(long)]
    pub dry_run: bool,
}

impl SlurmArgs {
    /// Refuses them where they would do nothing.
    ///
    /// # Errors
    /// One is given and the cells do not go to Slurm.
    pub fn check(&self, executor: Where) -> Result<()> {
        let given = self.partition.is_some() || self.results.is_some() || self.wait || self.dry_run;
        if given && executor != Where::Slurm {
            return Err(
                Error::usage("--partition, --results, --wait and --dry-run are for Slurm").fix("add --executor slurm"),
            );
        }
        Ok(())
    }
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Which cells.
    #[command(flatten)]
    pub selection: Selection,
    /// Merge the results in the JSON files below DIR, as several machines wrote them with --json, instead of showing those of this
    /// machine; a cell without a result then is a failure.
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// How they are shown.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// Say in one page what worked as it is, what needed help and how much, and what does not work; as JSON with --format json.
    #[arg(long)]
    pub summary: bool,
    /// Print the JSON schema of a cell's result, and nothing else.
    #[arg(long)]
    pub schema: bool,
    /// Where cells are described.
    #[command(flatten)]
    pub manifest: ManifestArgs,
}

/// How results are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One line a cell, for eyes.
    Table,
    /// Everything that is known.
    Json,
    /// What CI systems read.
    Junit,
    /// One page for a browser, with all evidence and logs in it.
    Html,
}

/// Arguments of `build` and `probe`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// What modules are built against; for the running kernel it is /lib/modules/$(uname -r)/build.
    #[arg(long, value_name = "DIR")]
    pub kernel: PathBuf,
    /// The rustc of the core [default: $RUSTC, or the one in PATH].
    #[arg(long, value_name = "PROGRAM")]
    pub rustc: Option<PathBuf>,
    /// The C compiler [default: the one the kernel was built with].
    #[arg(long, value_name = "PROGRAM")]
    pub cc: Option<String>,
    /// Print the result as JSON on standard output.
    #[arg(long)]
    pub json: bool,
    /// How the network is used.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `object`.
#[derive(Debug, Args)]
pub struct ObjectArgs {
    /// The object of this cell: by its rustc, in its form [default: from source, by $RUSTC or the rustc in PATH].
    #[arg(long, value_name = "NAME")]
    pub cell: Option<String>,
    /// Where cells are described.
    #[command(flatten)]
    pub manifest: ManifestArgs,
    /// Print what was found in the object as JSON on standard output.
    #[arg(long)]
    pub json: bool,
    /// How the network is used.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// What to fetch.
    #[arg(value_enum)]
    pub what: What,
    /// Print nothing but the directory it is in.
    #[arg(long)]
    pub print_path: bool,
    /// How the network is used.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `cache`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --prune it says what is there, by kind. What is removed comes back when it is needed, from the network or by being built
again; what a running tool uses stays.")]
pub struct CacheArgs {
    /// Remove what was not used for long.
    #[arg(long)]
    pub prune: bool,
    /// What that means.
    #[arg(long, value_name = "DAYS", default_value = "30", requires = "prune")]
    pub older_than: u64,
    /// Only say what would be removed.
    #[arg(long, requires = "prune")]
    pub dry_run: bool,
    /// Print the result as JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// What can be fetched by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// The GSP firmware of all releases.
    Firmware,
    /// The emulated GPU and the guest's program, which all cells share; they are built here.
    Programs,
}

/// How the network is used.
#[derive(Clone, Copy, Debug, Args)]
pub struct NetworkArgs {
    /// Ask the mirror for new package lists although the cached ones are younger than a day.
    #[arg(long)]
    refresh: bool,
    /// Use nothing but the cache.
    #[arg(long, conflicts_with = "refresh")]
    offline: bool,
}

impl From<NetworkArgs> for Freshness {
    fn from(args: NetworkArgs) -> Self {
        Freshness {
            refresh: args.refresh,
            offline: args.offline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// A bisection between cells that do not exist, or not along one axis, was an example once.
    #[test]
    fn examples_can_be_run() {
        let matrix = Matrix::built_in().unwrap();
        let command = Cli::command();
        let bisect = command.find_subcommand("bisect").unwrap();
        let help = bisect.get_after_help().unwrap().to_string();
        let examples: Vec<&str> = help
            .lines()
            .filter(|line| line.trim_start().starts_with("novabridge"))
            .collect();
        assert_eq!(examples.len(), 2, "{help}");
        for example in examples {
            let Command::Bisect(args) = Cli::parse_from(example.split_whitespace()).command else {
                panic!("{example}")
            };
            for name in [&args.good, &args.bad] {
                assert!(matrix.cell(name).is_ok(), "{example}");
            }
        }
    }
}
