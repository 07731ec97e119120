// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `novabridge package check`: packages installed and built as their users would, in their users' systems.

use crate::cli::NetworkArgs;
use crate::commands::Failed;
use crate::error::{Class, Error, PathContext, Result};
use crate::evidence::Failure;
use crate::output::{print_json, say};
use crate::package::intree::{self, Source};
use crate::package::proof::Proof;
use crate::package::target::Target;
use crate::package::{agreement, deb, dkms, rpm, Form, Made, Maker};
use crate::session::Session;
use crate::step::{Show, Steps};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Raised when a field changes its meaning or goes away; new fields do not count.
const SCHEMA: &str = "novabridge-packages/1";

const NEEDS: &str = "\
Needs root, or a user with ids in /etc/subuid and /etc/subgid (and the package uidmap): the systems are installed by mmdebstrap
(fetched) and entered by chroot, in name spaces that end with the run. A user's are what mmdebstrap --mode=unshare would make,
but that root in them is the user, who alone may enter the cache; for deb they take Linux 6.6 here.
They are kept in the cache and take there, each:
  dkms     0.4 to 0.6 GB a suite, 1.1 to 1.5 GB with --core rust
  deb      0.5 to 0.8 GB a suite, 1.3 to 1.6 GB with --core rust
  rpm      0.4 to 0.6 GB a suite, 1.1 to 1.5 GB with --core rust
  intree   1.3 GB, and 0.4 GB a kernel
Then the kernels are booted in QEMU (no KVM needed) with the modules that came of it.";

/// Arguments of `package check`.
#[derive(Debug, Args)]
#[command(after_help = NEEDS)]
pub struct CheckArgs {
    /// Kinds of packages [default: all].
    #[arg(value_enum)]
    kinds: Vec<Kind>,
    /// Debian suites in which DKMS, Debian's and RPM's packages are built for their kernels; may be given several times.
    #[arg(long, value_enum, default_values_t = [Target::Bookworm])]
    suite: Vec<Target>,
    /// Forms of the core; may be given several times.
    #[arg(long, value_enum, default_values_t = [Form::Assembly])]
    core: Vec<Form>,
    /// Kernels whose source the series is applied to; may be given several times.
    #[arg(long, value_enum, default_values_t = [Source::Long, Source::New])]
    kernel: Vec<Source>,
    /// Print what was found as JSON on standard output, progress on standard error.
    #[arg(long)]
    json: bool,
    /// How the network is used.
    #[command(flatten)]
    network: NetworkArgs,
}

/// A kind of package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Built and installed by the suite's dkms; its modules exercised in a boot of the suite's kernel.
    Dkms,
    /// Built from its source package, looked at by lintian, installed; its modules exercised in a boot.
    Deb,
    /// Built by rpmbuild; its modules exercised in a boot.
    Rpm,
    /// Applied to the source of a kernel, configured both ways, its directory built; its modules exercised in a boot.
    Intree,
}

/// Everything that was found, for programs.
#[derive(Debug, Serialize)]
struct Found {
    schema: &'static str,
    /// Whether nothing failed.
    ok: bool,
    proofs: Vec<Proof>,
    failures: Vec<Failure>,
    #[serde(skip)]
    errors: Vec<Error>,
}

impl Found {
    /// What is found before anything was looked at.
    fn nothing() -> Self {
        Found {
            schema: SCHEMA,
            ok: true,
            proofs: Vec::new(),
            failures: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Takes in what came of one part; after a failure the others go on.
    ///
    /// # Errors
    /// The run was interrupted.
    fn take(&mut self, part: Result<Vec<Proof>>) -> Result<()> {
        match part {
            Ok(proofs) => self.proofs.extend(proofs),
            Err(error) if error.class == Class::Interrupted => return Err(error),
            Err(error) => {
                self.failures.push(Failure::from(&error));
                self.errors.push(error);
            }
        }
        self.ok = self.errors.is_empty();
        Ok(())
    }

    /// What the exit code tells: a package that failed before a machine that could not find out.
    fn class(&self) -> Option<Class> {
        let classes = self.errors.iter().map(|error| error.class);
        classes.max_by_key(|class| *class == Class::Cell)
    }

    fn closing(&self) -> String {
        let mut text = String::new();
        for error in &self.errors {
            let step = error.step.as_deref().unwrap_or("start");
            text.push_str(&format!("\nFAILED {step}: {}\n", &**error));
        }
        text + &format!("packages: {} proven, {} failed\n", self.proofs.len(), self.errors.len())
    }
}

/// Runs the command.
///
/// # Errors
/// A package is not as it should be; this machine cannot find out.
pub fn run(args: &CheckArgs) -> Result<(), Failed> {
    let session = Session::open(args.network.into())?;
    let steps = Steps::new(if args.json { Show::Err } else { Show::Out }).going_on();
    let work = Work::new(&session)?;
    let mut found = Found::nothing();
    // What was found before an interruption is told too.
    let ended = prove(args, &session, &steps, &work.0, &mut found);
    found.ok &= ended.is_ok();
    if args.json {
        print_json(&found)?;
        eprint!("{}", found.closing());
    } else {
        say(&found.closing())?;
    }
    ended?;
    match found.class() {
        None => Ok(()),
        Some(class) => Err(Failed::Reported(class)),
    }
}

/// Proves what was asked for, one package after the other.
fn prove(args: &CheckArgs, session: &Session, steps: &Steps, work: &Path, found: &mut Found) -> Result<()> {
    let wanted = |kind: &Kind| args.kinds.is_empty() || args.kinds.contains(kind);
    let with_kernel = wanted(&Kind::Intree);
    // build-core takes part wherever the core is compiled from source, which a kernel's tree always tries.
    if with_kernel || args.core.contains(&Form::Rust) {
        let maker = Maker::open(session, steps, Form::Rust)?;
        found.take(agreement::demand(&maker).map(|()| Vec::new()))?;
    }
    for form in &args.core {
        let maker = Maker::open(session, steps, *form)?;
        for (_, make, prove) in SUITES.iter().filter(|(kind, ..)| wanted(kind)) {
            match make(&maker, work) {
                Err(error) => found.take(Err(error))?,
                Ok(made) => {
                    for target in &args.suite {
                        found.take(prove(&maker, &made, *target, work).map(|proof| vec![proof]))?;
                    }
                }
            }
        }
    }
    if with_kernel {
        let maker = Maker::open(session, steps, Form::Assembly)?;
        for source in &args.kernel {
            let made = intree::make(&maker, *source, work);
            found.take(made.and_then(|made| intree::prove(&maker, &made, *source, work)))?;
        }
    }
    Ok(())
}

/// How a package is made, and how proven in a suite.
type Make = fn(&Maker<'_>, &Path) -> Result<Made>;
type Prove = fn(&Maker<'_>, &Made, Target, &Path) -> Result<Proof>;

/// The packages that suites are asked to build.
const SUITES: [(Kind, Make, Prove); 3] = [
    (Kind::Dkms, dkms::make, dkms::prove),
    (Kind::Deb, deb::make, deb::prove),
    (Kind::Rpm, rpm::make, rpm::prove),
];

/// A directory for one run, on a disk: parts of it become `/package` in the systems.
struct Work(PathBuf);

impl Work {
    fn new(session: &Session) -> Result<Self> {
        let dir = session
            .cache
            .path("tmp")
            .join(format!("packages.{}", std::process::id()));
        fs::create_dir_all(&dir).on("create", &dir)?;
        Ok(Work(dir))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run: the name says whose it is.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_is_told_and_the_rest_goes_on_but_an_interruption_ends_it() {
        let mut found = Found::nothing();
        found.take(Ok(Vec::new())).unwrap();
        assert!(found.ok && found.class().is_none());
        found.take(Err(Error::setup("no mirror"))).unwrap();
        assert_eq!(found.class(), Some(Class::Setup));
        found.take(Err(Error::cell("does not build").in_step("dkms"))).unwrap();
        found.take(Err(Error::setup("no disk"))).unwrap();
        assert!(!found.ok && found.failures.len() == 3);
        assert_eq!(found.class(), Some(Class::Cell));
        assert!(found.closing().contains("FAILED dkms: does not build"));
        assert!(found.take(Err(Error::interrupted())).is_err());
    }
}
