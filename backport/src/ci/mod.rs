// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `novabridge ci`: the matrix as a pipeline of an existing engine.
//!
//! All pipelines have the same jobs. One builds the tool and fetches what all share, one a form of the core makes that form, one
//! a cell runs it or answers from its kept result, and the last one merges the results, also of cells that failed. What a job
//! keeps for the next pipeline is named by its content ([`plan`]), so nothing has to be expired by hand.

mod github;
mod gitlab;
mod plan;

use crate::cli::{ManifestArgs, NetworkArgs, Selection};
use crate::commands::Failed;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::output::say;
use crate::proc::quoted;
use crate::session::{source_tree, Session};
use clap::{Args, Subcommand};
use plan::Plan;
use serde::Serialize;

/// The tool, as pipelines build it: always in the same place, as it is handed from job to job.
const TOOL: &str = "target/tool/novabridge";
const BUILD_TOOL: &str = "cargo build --profile tool --package novabridge --target-dir target";
/// Where jobs put results.
const RESULTS: &str = "results";
/// What the last job makes of them: for the engine, and for eyes.
const JUNIT: &str = "junit.xml";
const PAGE: &str = "report.html";
/// Parts of the tool's cache: packages as they were fetched, and what is made of the core's sources.
const PACKAGES: [&str; 1] = ["files"];
const MADE: [&str; 3] = ["core", "flags", "object"];

/// Arguments of `ci`.
#[derive(Debug, Args)]
pub struct CiArgs {
    #[command(subcommand)]
    engine: Engine,
}

#[derive(Debug, Subcommand)]
enum Engine {
    /// Prints a child pipeline for GitLab, made for what is in the archives now.
    Gitlab(GitlabArgs),
    /// Prints a workflow for GitHub Actions; it plans its jobs by itself whenever it runs.
    Github(GithubArgs),
    /// Prints the jobs of a pipeline as JSON, with the names of their caches.
    Plan(PlanArgs),
}

#[derive(Debug, Args)]
struct GitlabArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Run jobs in this container image, a Debian 12 or newer [default: the runner's].
    #[arg(long)]
    image: Option<String>,
    /// Only on runners with this tag; may be given several times.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// The runners' machines keep the tool's cache in their home: GitLab keeps nothing for it.
    #[arg(long)]
    runner_cache: bool,
    /// Print the jobs to paste into .gitlab-ci.yml instead, which make this pipeline and start it.
    #[arg(long)]
    parent: bool,
    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Debug, Args)]
struct GithubArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Run jobs in this container image, a Debian 12 or newer.
    #[arg(long, default_value = "debian:12")]
    image: String,
    /// The label of the runners.
    #[arg(long, value_name = "LABEL", default_value = "ubuntu-latest")]
    runner: String,
}

#[derive(Debug, Args)]
struct PlanArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

/// Prints what was asked for.
///
/// # Errors
/// The selection names nothing; the package lists are not there.
pub fn run(args: &CiArgs) -> Result<(), Failed> {
    let text = match &args.engine {
        Engine::Gitlab(args) => {
            let chosen = Chosen::of(&args.selection, &args.manifest)?;
            let site = gitlab::Site {
                image: args.image.clone(),
                tags: args.tag.clone(),
                runner_cache: args.runner_cache,
            };
            if args.parent {
                yaml(&gitlab::parent(&chosen, &site))?
            } else {
                yaml(&gitlab::child(&chosen.plan(args.network)?, &chosen, &site))?
            }
        }
        Engine::Github(args) => {
            let chosen = Chosen::of(&args.selection, &args.manifest)?;
            yaml(&github::workflow(&chosen, &args.image, &args.runner))?
        }
        Engine::Plan(args) => {
            let plan = Chosen::of(&args.selection, &args.manifest)?.plan(args.network)?;
            // One line: GitHub's outputs are lines.
            serde_json::to_string(&plan).map_err(|error| unwritable(&error))? + "\n"
        }
    };
    Ok(say(&text)?)
}

/// The file as text.
fn yaml(file: &impl Serialize) -> Result<String> {
    let text = serde_saphyr::to_string(file).map_err(|error| unwritable(&error))?;
    Ok(format!(
        "# Made by `novabridge ci`; make it again instead of changing it.\n{text}"
    ))
}

fn unwritable(error: &dyn std::fmt::Display) -> Error {
    Error::cell(format!("the pipeline cannot be written: {error}"))
}

/// The cells a pipeline is for.
pub struct Chosen<'a> {
    selection: &'a Selection,
    /// As jobs see it, which start at the top of the tree.
    manifest: ManifestArgs,
    matrix: Matrix,
}

impl<'a> Chosen<'a> {
    /// Those that are selected from the manifest.
    ///
    /// # Errors
    /// None is; the manifest is malformed, or not where jobs can see it.
    fn of(selection: &'a Selection, manifest: &ManifestArgs) -> Result<Self> {
        let matrix = Matrix::load(manifest.path())?;
        selection.of(&matrix)?;
        Ok(Chosen {
            selection,
            manifest: manifest.within(&source_tree()?)?,
            matrix,
        })
    }

    /// The options that choose the same again.
    fn options(&self) -> Vec<String> {
        let Selection {
            only,
            skip,
            ci,
            firmware,
        } = self.selection;
        let only = only.iter().flat_map(|pattern| ["--only", pattern]);
        let skip = skip.iter().flat_map(|pattern| ["--skip", pattern]);
        let ci = ci.then_some("--ci");
        let all = only.chain(skip).chain(ci).chain(["--firmware", firmware]);
        all.map(str::to_owned).chain(self.manifest.repeated()).collect()
    }

    fn plan(&self, network: NetworkArgs) -> Result<Plan> {
        let cells = self.selection.of(&self.matrix)?;
        Plan::new(&Session::open(network.into())?, &cells, &self.selection.firmware)
    }

    /// What the job of a form of the core does, by a cell that uses it.
    fn make_core(&self, cell: &str) -> String {
        shell(TOOL, ["object", "--cell", cell], &self.manifest.repeated())
    }

    /// What a cell's job does. Only this tool knows whether the kept result still holds, so it is asked in any case.
    fn run_cell(&self, cell: &str) -> Vec<String> {
        let firmware = &self.selection.firmware;
        let command = ["matrix", "--only", cell, "--firmware", firmware, "--json"];
        let command = shell(TOOL, command, &self.manifest.repeated());
        vec![
            format!("mkdir -p {RESULTS}"),
            format!("{command} > {RESULTS}/{cell}.json"),
        ]
    }

    /// What the last job does; a chosen cell whose job left no result is a failure.
    fn merge(&self) -> Vec<String> {
        let report = shell(TOOL, ["report", "--from", RESULTS], &self.options());
        // The table's exit code counts, which is the same.
        vec![
            format!("{report} --format junit > {JUNIT} || true"),
            format!("{report} --format html > {PAGE} || true"),
            report,
        ]
    }
}

/// A command line.
fn shell<const N: usize>(program: &str, command: [&str; N], options: &[String]) -> String {
    let words = command.into_iter().map(str::to_owned);
    let options = options.iter().map(|option| quoted(option));
    let all: Vec<String> = std::iter::once(program.to_owned())
        .chain(words)
        .chain(options)
        .collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::plan::{CellJob, CoreJob};
    use super::*;
    use gitlab::Site;

    fn selection() -> Selection {
        Selection {
            only: vec!["bookworm-6.1".to_owned(), "trixie-6.12*".to_owned()],
            skip: vec!["*asm*".to_owned()],
            ci: false,
            firmware: "570.144".to_owned(),
        }
    }

    fn chosen(selection: &Selection) -> Chosen<'_> {
        Chosen::of(selection, &ManifestArgs::default()).unwrap()
    }

    fn plan() -> Plan {
        let core = |core: &str, cell: &str| CoreJob {
            core: core.to_owned(),
            cell: cell.to_owned(),
            packages: format!("packages-of-{core}"),
            made: format!("made-of-{core}"),
        };
        let cell = |cell: &str, core: &str| CellJob {
            cell: cell.to_owned(),
            core: core.to_owned(),
            packages: format!("packages-of-{cell}"),
            made: format!("made-of-{core}"),
            result: format!("result-of-{cell}"),
        };
        Plan {
            firmware: "570.144".to_owned(),
            cores: vec![core("rust", "bookworm-6.1"), core("rust1.85", "trixie-6.12-rust1.85")],
            cells: vec![cell("bookworm-6.1", "rust"), cell("trixie-6.12-rust1.85", "rust1.85")],
        }
    }

    #[test]
    fn the_child_pipeline_of_gitlab_is_stable() {
        let text = yaml(&gitlab::child(&plan(), &chosen(&selection()), &Site::default())).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_parents_jobs_of_gitlab_repeat_every_option() {
        let site = Site {
            image: Some("debian:12".to_owned()),
            tags: vec!["big".to_owned()],
            runner_cache: true,
        };
        let text = yaml(&gitlab::parent(&chosen(&selection()), &site)).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn with_the_runners_cache_gitlab_keeps_nothing() {
        let site = Site {
            runner_cache: true,
            ..Site::default()
        };
        let text = yaml(&gitlab::child(&plan(), &chosen(&selection()), &site)).unwrap();
        assert!(!text.contains("cache:") && !text.contains("CACHE_HOME"), "{text}");
    }

    #[test]
    fn the_workflow_of_github_is_stable() {
        let text = yaml(&github::workflow(&chosen(&selection()), "debian:12", "ubuntu-latest")).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_manifest_of_ones_own_goes_with_every_command_from_the_top_of_the_tree() {
        let top = source_tree().unwrap();
        let manifest = |path: std::path::PathBuf| ManifestArgs::at(&path);
        let selection = Selection {
            only: Vec::new(),
            skip: Vec::new(),
            ci: false,
            firmware: "570.144".to_owned(),
        };
        let chosen = Chosen::of(&selection, &manifest(top.join("backport/matrix.toml"))).unwrap();
        let mut commands = chosen.run_cell("bookworm-6.1");
        commands.remove(0);
        commands.extend(chosen.merge());
        commands.push(chosen.make_core("bookworm-6.1"));
        for command in commands {
            assert!(command.contains(" --manifest backport/matrix.toml"), "{command}");
        }
        let elsewhere = crate::cache::tests::Scratch::new("ci-manifest");
        let copy = elsewhere.0.join("matrix.toml");
        std::fs::copy(top.join("backport/matrix.toml"), &copy).unwrap();
        assert!(Chosen::of(&selection, &manifest(copy)).is_err(), "no job would find it");
    }
}
