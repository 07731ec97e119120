// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A child pipeline for GitLab, and the parent's jobs that make and start it.
//!
//! The tool's cache lies in the project's directory, where runners look for what they are to keep.

use super::{Chosen, BUILD_TOOL, JUNIT, MADE, PACKAGES, PAGE, RESULTS, TOOL};
use crate::ci::plan::{CellJob, CoreJob, Plan};
use indexmap::IndexMap;
use serde::Serialize;

/// The tool's cache, from the project's directory on.
const CACHE: &str = ".cache/novabridge";
/// The child pipeline's file, made by the parent.
const CHILD: &str = "novabridge-pipeline.yml";
/// The job everything waits for.
const PREPARE: &str = "prepare";
/// Long enough for a cell that has to fetch and build everything.
const TIMEOUT: &str = "1h";
/// How long what jobs hand to each other is kept.
const SHORT: &str = "1 day";

/// What sites differ in.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The container image jobs run in; `None`: the runners' own choice.
    pub image: Option<String>,
    /// What runners must be tagged with.
    pub tags: Vec<String>,
    /// Whether the runners' machines keep the tool's cache, so that GitLab need not.
    pub runner_cache: bool,
}

/// The file.
#[derive(Debug, Serialize)]
pub struct Pipeline {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stages: Vec<&'static str>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    variables: IndexMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Settings>,
    #[serde(flatten)]
    jobs: IndexMap<String, Job>,
}

/// What a job starts with.
#[derive(Debug, Serialize)]
struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    before_script: [&'static str; 1],
    interruptible: bool,
}

#[derive(Debug, Default, Serialize)]
struct Job {
    #[serde(flatten)]
    settings: Option<Settings>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    variables: IndexMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cache: Vec<Cache>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    script: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifacts: Option<Artifacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<Trigger>,
}

#[derive(Debug, Serialize)]
struct Cache {
    key: CacheKey,
    paths: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum CacheKey {
    Name(String),
    Files {
        files: Vec<&'static str>,
        prefix: &'static str,
    },
}

#[derive(Debug, Default, Serialize)]
struct Artifacts {
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<&'static str>,
    expire_in: &'static str,
    paths: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reports: Option<Reports>,
}

#[derive(Debug, Serialize)]
struct Reports {
    junit: &'static str,
}

#[derive(Debug, Serialize)]
struct Trigger {
    include: Vec<Include>,
    strategy: &'static str,
}

#[derive(Debug, Serialize)]
struct Include {
    artifact: &'static str,
    job: &'static str,
}

/// The child pipeline that does `plan`.
pub fn child(plan: &Plan, chosen: &Chosen, site: &Site) -> Pipeline {
    let mut jobs = IndexMap::new();
    jobs.insert(PREPARE.to_owned(), prepare(chosen, site));
    for core in &plan.cores {
        jobs.insert(core_name(&core.core), core_job(core, chosen, site));
    }
    for cell in &plan.cells {
        jobs.insert(cell.cell.clone(), cell_job(cell, chosen, site));
    }
    jobs.insert("report".to_owned(), report(chosen));
    Pipeline {
        stages: vec![PREPARE, "core", "cells", "report"],
        variables: variables(site),
        default: Some(settings(site)),
        jobs,
    }
}

/// The parent's jobs: one makes the child pipeline of what is there at that moment, one runs it.
pub fn parent(chosen: &Chosen, site: &Site) -> Pipeline {
    const MAKE: &str = "novabridge-pipeline";
    let mut options = chosen.options();
    if let Some(image) = &site.image {
        options.extend(["--image".to_owned(), image.clone()]);
    }
    for tag in &site.tags {
        options.extend(["--tag".to_owned(), tag.clone()]);
    }
    if site.runner_cache {
        options.push("--runner-cache".to_owned());
    }
    // With settings of its own: what is pasted must not change the other jobs.
    let make = Job {
        settings: Some(settings(site)),
        variables: variables(site),
        timeout: Some(TIMEOUT),
        cache: cargo_cache(site),
        script: vec![
            BUILD_TOOL.to_owned(),
            format!("{} > {CHILD}", super::shell(TOOL, ["ci", "gitlab"], &options)),
        ],
        artifacts: Some(Artifacts {
            expire_in: SHORT,
            paths: vec![CHILD.to_owned()],
            ..Artifacts::default()
        }),
        ..Job::default()
    };
    let run = Job {
        needs: vec![MAKE.to_owned()],
        trigger: Some(Trigger {
            include: vec![Include {
                artifact: CHILD,
                job: MAKE,
            }],
            strategy: "depend",
        }),
        ..Job::default()
    };
    Pipeline {
        stages: Vec::new(),
        variables: IndexMap::new(),
        default: None,
        jobs: [(MAKE.to_owned(), make), ("novabridge".to_owned(), run)].into(),
    }
}

fn variables(site: &Site) -> IndexMap<&'static str, &'static str> {
    if site.runner_cache {
        return IndexMap::new();
    }
    [
        ("XDG_CACHE_HOME", "$CI_PROJECT_DIR/.cache"),
        ("CARGO_HOME", "$CI_PROJECT_DIR/.cache/cargo"),
    ]
    .into()
}

fn settings(site: &Site) -> Settings {
    Settings {
        image: site.image.clone(),
        tags: site.tags.clone(),
        before_script: ["scripts/setup"],
        interruptible: true,
    }
}

/// Builds the tool and fetches what all cells share, so that all of them see the same package lists.
fn prepare(chosen: &Chosen, site: &Site) -> Job {
    let mut paths = vec![TOOL.to_owned(), "plan.json".to_owned()];
    if !site.runner_cache {
        paths.extend(["apt", "programs"].map(|part| format!("{CACHE}/{part}")));
    }
    Job {
        stage: Some(PREPARE),
        timeout: Some(TIMEOUT),
        cache: cargo_cache(site),
        script: vec![
            BUILD_TOOL.to_owned(),
            format!("{} > plan.json", super::shell(TOOL, ["ci", "plan"], &chosen.options())),
            format!("{TOOL} fetch programs"),
        ],
        artifacts: Some(Artifacts {
            expire_in: SHORT,
            paths,
            ..Artifacts::default()
        }),
        ..Job::default()
    }
}

/// Makes the core in one form, for all cells that use it.
fn core_job(core: &CoreJob, chosen: &Chosen, site: &Site) -> Job {
    Job {
        stage: Some("core"),
        needs: vec![PREPARE.to_owned()],
        timeout: Some(TIMEOUT),
        cache: kept(site, [(&core.packages, &PACKAGES[..], None), (&core.made, &MADE, None)]),
        script: vec![chosen.make_core(&core.cell)],
        ..Job::default()
    }
}

/// Runs one cell, or answers from its kept result.
fn cell_job(cell: &CellJob, chosen: &Chosen, site: &Site) -> Job {
    let mut paths = vec![RESULTS.to_owned()];
    if !site.runner_cache {
        // What failed left its logs there.
        paths.push(format!("{CACHE}/runs"));
    }
    Job {
        stage: Some("cells"),
        needs: vec![PREPARE.to_owned(), core_name(&cell.core)],
        timeout: Some(TIMEOUT),
        cache: kept(
            site,
            [
                (&cell.result, &["results"][..], None),
                (&cell.packages, &PACKAGES, None),
                (&cell.made, &MADE, Some("pull")),
            ],
        ),
        script: chosen.run_cell(&cell.cell),
        artifacts: Some(Artifacts {
            when: Some("always"),
            expire_in: "1 week",
            paths,
            reports: None,
        }),
        ..Job::default()
    }
}

/// Merges the results, also when cells failed.
fn report(chosen: &Chosen) -> Job {
    Job {
        stage: Some("report"),
        // Without needs, which are limited in number, it gets what all earlier stages left.
        when: Some("always"),
        script: chosen.merge(),
        artifacts: Some(Artifacts {
            when: Some("always"),
            expire_in: "1 month",
            paths: vec![RESULTS.to_owned(), JUNIT.to_owned(), PAGE.to_owned()],
            reports: Some(Reports { junit: JUNIT }),
        }),
        ..Job::default()
    }
}

fn core_name(core: &str) -> String {
    format!("core {core}")
}

fn kept<const N: usize>(site: &Site, caches: [(&String, &[&str], Option<&'static str>); N]) -> Vec<Cache> {
    if site.runner_cache {
        return Vec::new();
    }
    let cache = |(name, parts, policy): (&String, &[&str], Option<&'static str>)| Cache {
        key: CacheKey::Name(name.clone()),
        paths: parts.iter().map(|part| format!("{CACHE}/{part}")).collect(),
        policy,
    };
    caches.into_iter().map(cache).collect()
}

/// What cargo fetches and builds.
fn cargo_cache(site: &Site) -> Vec<Cache> {
    if site.runner_cache {
        return Vec::new();
    }
    vec![Cache {
        key: CacheKey::Files {
            files: vec!["Cargo.lock"],
            prefix: "novabridge-cargo",
        },
        paths: vec![".cache/cargo".to_owned(), "target".to_owned()],
        policy: None,
    }]
}
