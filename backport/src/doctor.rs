// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `doctor`: what this machine can do, what it lacks, and how to get that.
//!
//! Cells are what every machine should be able to run; what only some subcommands need is told apart and fails nothing.

use crate::apt::mirror::Mirrors;
use crate::apt::{named, Package, BOOKWORM};
use crate::build::compiler::Compiler;
use crate::cli::DoctorArgs;
use crate::commands::Failed;
use crate::error::{Class, Error, Result};
use crate::matrix::{Cell, Matrix};
use crate::namespaces;
use crate::output::{print_json, say};
use crate::proc::Cmd;
use crate::rust::flags::granted;
use crate::rust::library::{self, LibrarySource};
use crate::rust::toolchain::Toolchain;
use crate::session::Session;
use crate::survey::run::default_jobs;
use crate::vm::{firmware, shim};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// Raised when a field changes its meaning or goes away; new fields do not count.
const SCHEMA: &str = "novabridge-doctor/1";

/// What a check is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum For {
    Cells,
    Packages,
    Pipelines,
    Slurm,
}

/// Programs that are not fetched: name, what needs it, what it does there, package.
const PROGRAMS: [(&str, For, &str, &str); 14] = [
    (
        "cargo",
        For::Cells,
        "builds the emulated GPU and the guest",
        "cargo-web",
    ),
    ("cc", For::Cells, "links them", "gcc libc6-dev"),
    ("make", For::Cells, "builds kernel modules", "make"),
    (
        "objcopy",
        For::Cells,
        "takes the frame record out of the object",
        "binutils",
    ),
    ("xz", For::Cells, "unpacks packages and modules", "xz-utils"),
    ("dpkg-deb", For::Cells, "unpacks packages", "dpkg"),
    ("apt-get", For::Cells, "finds packages", "apt"),
    (
        "/usr/lib/apt/apt-helper",
        For::Cells,
        "downloads them and checks their hashes",
        "apt",
    ),
    ("bash", For::Cells, "unpacks them", "bash"),
    (
        "python3",
        For::Cells,
        "generates headers of QEMU for the emulated GPU",
        "python3",
    ),
    ("perl", For::Packages, "runs mmdebstrap, which is fetched", "perl"),
    (
        "unshare",
        For::Packages,
        "ends what a check started with it",
        "util-linux",
    ),
    ("git", For::Pipelines, "hands the tree to the jobs", "git"),
    ("sbatch", For::Slurm, "submits jobs to your cluster", "slurm-client"),
];

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    /// What needs it.
    needed_by: For,
    what: String,
    ok: bool,
    /// What was found, or what is wrong.
    note: String,
    /// What to do about it.
    fix: Option<String>,
}

/// All of them, for programs.
#[derive(Serialize)]
struct Findings {
    schema: &'static str,
    /// Whether every cell can be run.
    ok: bool,
    checks: Vec<Check>,
}

impl Check {
    fn of(needed_by: For, what: &str, result: Result<String>) -> Self {
        let (ok, note, fix) = match result {
            Ok(note) => (true, note, None),
            Err(error) => {
                let found = error
                    .found
                    .as_ref()
                    .map_or_else(String::new, |found| format!(", found {found}"));
                (false, format!("{}{found}", error.what), error.fix.clone())
            }
        };
        Check {
            needed_by,
            what: what.to_owned(),
            ok,
            note,
            fix,
        }
    }

    fn line(&self) -> String {
        let mark = match (self.ok, self.needed_by) {
            (true, _) => "ok",
            (false, For::Cells) => "lacking",
            (false, _) => "without",
        };
        let fix = self
            .fix
            .as_ref()
            .map_or_else(String::new, |fix| format!("\n          to mend it: {fix}"));
        format!("{mark:<7}  {}: {}{fix}", self.what, self.note)
    }
}

/// Checks everything and prints a line for each.
///
/// # Errors
/// Something that cells need is missing, and the lines say what; the manifest is malformed.
pub fn run(args: &DoctorArgs) -> Result<(), Failed> {
    let matrix = Matrix::load(args.manifest.path())?;
    let checks = checks(args, &matrix);
    let lacking = checks
        .iter()
        .filter(|check| !check.ok && check.needed_by == For::Cells)
        .count();
    if args.json {
        let findings = Findings {
            schema: SCHEMA,
            ok: lacking == 0,
            checks,
        };
        print_json(&findings)?;
    } else {
        say(&words(&checks, lacking))?;
    }
    if lacking == 0 {
        Ok(())
    } else {
        Err(Failed::Reported(Class::Setup))
    }
}

fn words(checks: &[Check], lacking: usize) -> String {
    let groups = [
        (For::Cells, "Cells"),
        (For::Packages, "novabridge package check"),
        (For::Pipelines, "novabridge ci"),
        (For::Slurm, "novabridge matrix --executor slurm"),
    ];
    let mut text = String::new();
    for (group, title) in groups {
        text.push_str(&format!("{title}\n"));
        let mine = checks.iter().filter(|check| check.needed_by == group);
        text.extend(mine.map(|check| format!("  {}\n", check.line().replace('\n', "\n  "))));
    }
    text + &match lacking {
        0 => "this machine can run every cell\n".to_owned(),
        1 => "one thing is missing to run every cell\n".to_owned(),
        many => format!("{many} things are missing to run every cell\n"),
    }
}

fn checks(args: &DoctorArgs, matrix: &Matrix) -> Vec<Check> {
    let mut checks: Vec<Check> = PROGRAMS
        .iter()
        .map(|(name, of, does, package)| program(name, *of, does, package))
        .collect();
    let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let missing = || Error::setup("packages cannot be verified").fix("apt-get install debian-archive-keyring");
    let found = Path::new(keyring).exists().then(|| keyring.to_owned());
    checks.push(Check::of(For::Cells, "keyring", found.ok_or_else(missing)));
    let mirrors = Mirrors::of_this_machine().map(|_| "named by this machine's apt".to_owned());
    checks.push(Check::of(For::Cells, "Debian's archive", mirrors));
    match Session::open(args.network.into()) {
        Ok(session) => inputs(&session, matrix, &mut checks),
        Err(error) => checks.push(Check::of(For::Cells, "cache and sources", Err(error))),
    }
    let jobs = format!("{}, by processors and free memory", default_jobs());
    checks.push(Check::of(For::Cells, "cells at a time", Ok(jobs)));
    let rights = namespaces::rights().map(str::to_owned);
    checks.push(Check::of(For::Packages, "rights", rights));
    checks
}

fn program(name: &str, needed_by: For, does: &str, package: &str) -> Check {
    let there = Cmd::new(name).arg("--version").query();
    let first = |text: String| {
        text.lines()
            .find(|line| !line.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let missing = || Error::setup(format!("not here; it {does}")).fix(format!("apt-get install {package}"));
    Check::of(needed_by, name, there.map(first).ok_or_else(missing))
}

/// What cells are made of.
fn inputs(session: &Session, matrix: &Matrix, checks: &mut Vec<Check>) {
    checks.push(Check::of(
        For::Cells,
        "cache",
        Ok(session.cache.path("").display().to_string()),
    ));
    checks.push(Check::of(For::Cells, "rustc for the core", machines_rustc(session)));
    let mut add = |what: &str, packages: Result<Vec<Package>>, start: &str| {
        let found = packages.and_then(|packages| held(session, packages));
        checks.push(Check::of(
            For::Cells,
            what,
            found.map(|packages| named(&packages, start)),
        ));
    };
    add("QEMU", shim::packages(session), "qemu-system-x86");
    add("GSP firmware", firmware::packages(session), "firmware-");
    let mut seen = BTreeSet::new();
    for cell in &matrix.cells {
        if seen.insert(("kernel", &cell.kernel.name)) {
            add(
                &format!("kernel {}", cell.kernel.name),
                kernel_packages(session, cell),
                "linux-",
            );
        }
        if let Some(rustc) = cell.rustc.as_ref().filter(|rustc| seen.insert(("rustc", &rustc.name))) {
            add(
                &format!("rustc {}", rustc.name),
                library::all_packages(session, rustc),
                &rustc.package,
            );
        }
        if let Some(clang) = cell.clang.as_ref().filter(|clang| seen.insert(("clang", &clang.name))) {
            add(
                &format!("clang {}", clang.name),
                Compiler::clang_packages(session, clang),
                &clang.package,
            );
        }
    }
}

/// What brings the image comes first.
fn kernel_packages(session: &Session, cell: &Cell) -> Result<Vec<Package>> {
    let root = session.root(cell.kernel.suite.view())?;
    let (image, headers) = crate::kernel::packages(&root, &cell.kernel)?;
    Ok(image.into_iter().chain(headers).collect())
}

/// The packages, if they can be had: without the network, that is only what is in the cache.
fn held(session: &Session, packages: Vec<Package>) -> Result<Vec<Package>> {
    if session.fresh.offline {
        // Whose settings would be used for a download makes no difference where there is none.
        session.fetcher(&*session.root(BOOKWORM)?).files(&packages)?;
    }
    Ok(packages)
}

/// The machine's rustc, and what it has no flag for.
fn machines_rustc(session: &Session) -> Result<String> {
    let toolchain = Toolchain::find()?;
    let all = granted(&session.cache, &toolchain)?;
    let library = LibrarySource::of(session, &toolchain)?;
    let without: Vec<&str> = all
        .iter()
        .filter(|one| one.flag.is_none())
        .map(|one| one.name)
        .collect();
    let lacks = match without.as_slice() {
        [] => String::new(),
        names => format!("; without {}", names.join(", ")),
    };
    Ok(format!("{}, {}{lacks}", toolchain.shown(), library.origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_some_commands_need_is_not_called_lacking() {
        let missing = program("novabridge-no-such-program", For::Slurm, "submits jobs", "slurm-client");
        assert_eq!(
            missing.line(),
            "without  novabridge-no-such-program: not here; it submits jobs\n          to mend it: apt-get install slurm-client"
        );
        let needed = program("novabridge-no-such-program", For::Cells, "links", "gcc");
        assert!(needed.line().starts_with("lacking"));
        assert!(program("cargo", For::Cells, "builds", "cargo")
            .line()
            .starts_with("ok       cargo: cargo 1."));
    }
}
