// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A workflow for GitHub Actions.
//!
//! Unlike GitLab's, it is committed: its first job plans the others whenever it runs, and their matrices are read from that plan.

use super::{Chosen, BUILD_TOOL, JUNIT, MADE, PACKAGES, PAGE, RESULTS, TOOL};
use indexmap::IndexMap;
use serde::Serialize;

/// Where the tool's cache lies. Not in the workspace, whose path differs inside and outside of the container.
const CACHE: &str = "/var/cache/novabridge";
/// What the first job hands to all others; an archive, because artifacts lose the right to be executed.
const SHARED: &str = "shared.tar.gz";
/// Long enough for a cell that has to fetch and build everything.
const MINUTES: u32 = 60;
/// The job's cell.
const CELL: &str = "${{ matrix.cell }}";
/// Of the job, whether or not an earlier one failed, but not after it was cancelled.
const ALWAYS: &str = "${{ !cancelled() }}";

/// Of the cells, although a form of the core could not be made: only those that use it fail, and all jobs of cells need all forms.
const PREPARED: &str = "${{ !cancelled() && needs.prepare.result == 'success' }}";

/// The file.
#[derive(Debug, Serialize)]
pub struct Workflow {
    name: &'static str,
    on: [&'static str; 3],
    permissions: IndexMap<&'static str, &'static str>,
    env: IndexMap<&'static str, &'static str>,
    jobs: IndexMap<&'static str, Job>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Job {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs: Vec<&'static str>,
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    condition: Option<&'static str>,
    runs_on: String,
    container: String,
    timeout_minutes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<Strategy>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    outputs: IndexMap<&'static str, &'static str>,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Strategy {
    fail_fast: bool,
    matrix: Matrix,
}

#[derive(Debug, Serialize)]
struct Matrix {
    include: &'static str,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Step {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'static str>,
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    condition: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses: Option<&'static str>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    with: IndexMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

impl Step {
    fn run(command: impl Into<String>) -> Self {
        Step {
            run: Some(command.into()),
            ..Step::default()
        }
    }

    fn uses<const N: usize>(action: &'static str, with: [(&'static str, &str); N]) -> Self {
        Step {
            uses: Some(action),
            with: with.map(|(name, value)| (name, value.to_owned())).into(),
            ..Step::default()
        }
    }

    /// Keeps the `parts` of the tool's cache under the name `key`.
    fn cache(key: &str, parts: &[&str]) -> Self {
        let paths: Vec<String> = parts.iter().map(|part| format!("{CACHE}/{part}")).collect();
        Step::uses("actions/cache@v4", [("key", key), ("path", &paths.join("\n"))])
    }

    fn upload(name: &str, path: &str, days: &str) -> Self {
        let with = [("name", name), ("path", path), ("retention-days", days)];
        Step::uses("actions/upload-artifact@v4", with)
    }

    fn when(mut self, condition: &'static str) -> Self {
        self.condition = Some(condition);
        self
    }

    fn called(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }
}

/// The workflow for the chosen cells, in containers of `image` on runners with the label `runner`.
pub fn workflow(chosen: &Chosen, image: &str, runner: &str) -> Workflow {
    let job = |needs: &[&'static str], steps: Vec<Step>| Job {
        name: None,
        needs: needs.to_vec(),
        condition: None,
        runs_on: runner.to_owned(),
        container: image.to_owned(),
        timeout_minutes: MINUTES,
        strategy: None,
        outputs: IndexMap::new(),
        steps,
    };
    let each = |name: &'static str, include: &'static str, job: Job| Job {
        name: Some(name),
        strategy: Some(Strategy {
            fail_fast: false,
            matrix: Matrix { include },
        }),
        ..job
    };
    let prepare = Job {
        outputs: [("plan", "${{ steps.plan.outputs.plan }}")].into(),
        ..job(&[], prepare(chosen))
    };
    let core = each(
        "core ${{ matrix.core }}",
        "${{ fromJSON(needs.prepare.outputs.plan).cores }}",
        job(&["prepare"], core(chosen)),
    );
    let cell = each(
        CELL,
        "${{ fromJSON(needs.prepare.outputs.plan).cells }}",
        Job {
            condition: Some(PREPARED),
            ..job(&["prepare", "core"], cell(chosen))
        },
    );
    let report = Job {
        condition: Some(ALWAYS),
        ..job(&["prepare", "cell"], report(chosen))
    };
    Workflow {
        name: "NovaBridge",
        on: ["push", "pull_request", "workflow_dispatch"],
        permissions: [("contents", "read")].into(),
        env: [("XDG_CACHE_HOME", "/var/cache"), ("CARGO_HOME", "/var/cache/cargo")].into(),
        jobs: [("prepare", prepare), ("core", core), ("cell", cell), ("report", report)].into(),
    }
}

/// The source tree, and what building anything takes.
fn set_up() -> [Step; 2] {
    [Step::uses("actions/checkout@v4", []), Step::run("scripts/setup")]
}

/// The same, and what the first job made.
fn set_up_with_shared() -> Vec<Step> {
    let mut steps = set_up().to_vec();
    steps.push(Step::uses("actions/download-artifact@v4", [("name", "shared")]));
    steps.push(Step::run(format!(
        "tar -xzf {SHARED} -C / var && tar -xzf {SHARED} target"
    )));
    steps
}

fn prepare(chosen: &Chosen) -> Vec<Step> {
    let plan = super::shell(TOOL, ["ci", "plan"], &chosen.options());
    let mut steps = set_up().to_vec();
    steps.extend([
        Step::uses(
            "actions/cache@v4",
            [
                ("key", "novabridge-cargo-${{ hashFiles('Cargo.lock') }}"),
                ("path", "/var/cache/cargo\ntarget"),
            ],
        ),
        Step::run(BUILD_TOOL),
        Step::run(format!("plan=$({plan})\necho \"plan=$plan\" >> \"$GITHUB_OUTPUT\"")).called("plan"),
        Step::run(format!("{TOOL} fetch programs")),
        Step::run(format!(
            "tar -czf {SHARED} {TOOL} -C / {}",
            ["apt", "programs"]
                .map(|part| format!("{}/{part}", CACHE.trim_start_matches('/')))
                .join(" ")
        )),
        Step::upload("shared", SHARED, "1"),
    ]);
    steps
}

fn core(chosen: &Chosen) -> Vec<Step> {
    let mut steps = set_up_with_shared();
    steps.extend([
        Step::cache("${{ matrix.packages }}", &PACKAGES),
        Step::cache("${{ matrix.made }}", &MADE),
        Step::run(chosen.make_core(CELL)),
    ]);
    steps
}

fn cell(chosen: &Chosen) -> Vec<Step> {
    const UNKNOWN: &str = "${{ steps.result.outputs.cache-hit != 'true' }}";
    let mut steps = set_up_with_shared();
    steps.extend([
        Step::cache("${{ matrix.result }}", &["results"]).called("result"),
        Step::cache("${{ matrix.packages }}", &PACKAGES).when(UNKNOWN),
        Step::cache("${{ matrix.made }}", &MADE).when(UNKNOWN),
        Step::run(chosen.run_cell(CELL).join("\n")),
        Step::upload("result-${{ matrix.cell }}", RESULTS, "7").when(ALWAYS),
    ]);
    steps
}

fn report(chosen: &Chosen) -> Vec<Step> {
    let mut steps = set_up_with_shared();
    let report = chosen.merge();
    steps.extend([
        Step::uses(
            "actions/download-artifact@v4",
            [("pattern", "result-*"), ("path", RESULTS), ("merge-multiple", "true")],
        ),
        Step::run(report.join("\n")),
        Step::upload("report", &format!("{JUNIT}\n{PAGE}"), "30").when(ALWAYS),
    ]);
    steps
}
