// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The command line.

use crate::abi::AbiArgs;
use crate::apt::Freshness;
use crate::vm::firmware::RELEASES;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

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
    /// Builds the core as a kernel object and checks it.
    Object(ObjectArgs),
    /// Fetches inputs of a cell into the cache.
    Fetch(FetchArgs),
    /// Compares versions of the C ABI and classifies what changed.
    Abi(AbiArgs),
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
    /// How the network is used.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `object`.
#[derive(Debug, Args)]
pub struct ObjectArgs {
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
    #[arg(value_parser = PossibleValuesParser::new(["firmware"]))]
    pub what: String,
    /// Print nothing but the directory it is in.
    #[arg(long)]
    pub print_path: bool,
    /// How the network is used.
    #[command(flatten)]
    pub network: NetworkArgs,
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
}
