// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `novabridge package check`: packages installed and built as their users would, in their users' systems.

use crate::build::kbuild;
use crate::cli::NetworkArgs;
use crate::commands::Failed;
use crate::error::{Error, PathContext, Result};
use crate::matrix::Suite;
use crate::package::chroot::Chroot;
use crate::package::intree::{self, Source};
use crate::package::{agreement, deb, dkms, manifest, rpm, tree, Form, Made, Maker};
use crate::session::Session;
use crate::step::{Done, Phase, Show, Steps};
use crate::vm::modules;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

const NEEDS: &str = "\
Needs root: the systems are installed by mmdebstrap (fetched) and entered by chroot, in name spaces that end with the run.
They are kept in the cache and take there, each:
  dkms     0.4 to 0.6 GB a suite, 1.1 GB with --core rust
  deb      0.6 GB; then bookworm's kernel is booted in QEMU (no KVM needed)
  rpm      0.4 GB; the same
  intree   1.2 GB, and 0.4 GB a kernel";

/// Arguments of `package check`.
#[derive(Debug, Args)]
#[command(after_help = NEEDS)]
pub struct CheckArgs {
    /// Kinds of packages [default: all].
    #[arg(value_enum)]
    kinds: Vec<Kind>,
    /// Debian suites whose kernels DKMS builds for; may be given several times.
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
    /// Built and installed by the suite's dkms for the suite's kernel.
    Dkms,
    /// Built from its source package, looked at by lintian, installed; its modules exercised in a boot.
    Deb,
    /// Built by rpmbuild; its modules exercised in a boot.
    Rpm,
    /// Applied to the source of a kernel, configured both ways, its directory built.
    Intree,
}

/// A suite whose kernel packages are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Debian 11, Linux 5.10.
    Bullseye,
    /// Debian 12, Linux 6.1.
    Bookworm,
    /// Debian 13, Linux 6.12.
    Trixie,
    /// Debian 13 with its newest kernel.
    TrixieBackports,
}

impl Target {
    /// Its package lists.
    pub fn suite(self) -> Suite {
        match self {
            Target::Bullseye => Suite::Bullseye,
            Target::Bookworm => Suite::Bookworm,
            Target::Trixie => Suite::Trixie,
            Target::TrixieBackports => Suite::TrixieBackports,
        }
    }

    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Target::Bullseye => "bullseye",
            Target::Bookworm => "bookworm",
            Target::Trixie => "trixie",
            Target::TrixieBackports => "trixie-backports",
        }
    }

    /// The suite's rustc that is new enough, with its library sources.
    pub fn rust(self) -> [&'static str; 2] {
        match self {
            // Its rustc proper is 1.48.
            Target::Bullseye => ["rustc-web", "rust-web-src"],
            Target::Bookworm | Target::Trixie | Target::TrixieBackports => ["rustc", "rust-src"],
        }
    }
}

/// What was found of one package.
#[derive(Debug, Serialize)]
pub struct Proof {
    /// `dkms`, `deb`, `rpm` or `intree`.
    pub kind: &'static str,
    /// Where it was built.
    pub suite: Target,
    /// The form of the core.
    pub core: Form,
    /// The program that built it.
    pub program: String,
    /// The kernel the modules are for.
    pub kernel: String,
    /// What the modules say of the ABI.
    pub abi: String,
    /// Whether that kernel was booted and the modules in the package exercised in it.
    pub exercised: bool,
}

impl Proof {
    /// What `program` built of `made` in `target` for `kernel`.
    pub fn of(maker: &Maker<'_>, made: &Made, target: Target, program: String, kernel: String) -> Self {
        Proof {
            kind: made.kind,
            suite: target,
            core: maker.form,
            program,
            kernel,
            abi: made.abi.clone(),
            exercised: false,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// A package is not as it should be; this machine cannot find out.
pub fn run(args: &CheckArgs) -> Result<(), Failed> {
    let session = Session::open(args.network.into())?;
    let steps = Steps::new(if args.json { Show::Err } else { Show::Out });
    let work = Work::new(&session)?;
    let wanted = |kind| args.kinds.is_empty() || args.kinds.contains(&kind);
    let mut proofs = Vec::new();
    for form in &args.core {
        let maker = Maker::open(&session, &steps, *form)?;
        if *form == Form::Rust {
            agreement::demand(&maker)?;
        }
        if wanted(Kind::Dkms) {
            let made = dkms::make(&maker, &work.0)?;
            for target in &args.suite {
                proofs.push(dkms::prove(&maker, &made, *target, &work.0)?);
            }
        }
        if wanted(Kind::Deb) {
            let made = deb::make(&maker, &work.0)?;
            proofs.push(deb::prove(&maker, &made, Target::Bookworm, &work.0)?);
        }
        if wanted(Kind::Rpm) {
            let made = rpm::make(&maker, &work.0)?;
            proofs.push(rpm::prove(&maker, &made, Target::Bookworm, &work.0)?);
        }
    }
    if wanted(Kind::Intree) {
        let maker = Maker::open(&session, &steps, Form::Assembly)?;
        for source in &args.kernel {
            let made = intree::make(&maker, *source, &work.0)?;
            proofs.extend(intree::prove(&maker, &made, *source, &work.0)?);
        }
    }
    if args.json {
        let json = serde_json::to_string_pretty(&proofs)
            .map_err(|error| Error::cell("the result cannot be written").found(error.to_string()))?;
        println!("{json}");
    }
    Ok(())
}

/// A directory for one run, on a disk: it becomes `/work` in the systems.
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

/// A fresh directory in `work` with the check's script and what the package is made of.
///
/// # Errors
/// The file system refuses.
pub fn stage(maker: &Maker<'_>, made: &Made, target: Target, work: &Path) -> Result<PathBuf> {
    let dir = work.join(format!("{}-{}-{}", made.kind, target.name(), maker.form.name()));
    if dir.exists() {
        fs::remove_dir_all(&dir).on("replace", &dir)?;
    }
    let script = maker.session.source.join("backport/packages/check").join(made.kind);
    tree::place(&script, &dir.join("check"))?;
    for file in made.files.iter().filter(|file| file.is_file()) {
        tree::place(file, &dir.join(file.file_name().unwrap_or_default()))?;
    }
    Ok(dir)
}

/// What the checks' scripts are told: name, version, modules.
pub fn arguments<'a>(maker: &'a Maker<'_>) -> Vec<&'a str> {
    let modules = maker.manifest.modules.iter().map(String::as_str);
    [maker.manifest.name.as_str(), manifest::VERSION]
        .into_iter()
        .chain(modules)
        .collect()
}

/// The system in which a package is built.
///
/// # Errors
/// As [`Chroot::with`].
pub fn system(maker: &Maker<'_>, target: Target, packages: &[&str]) -> Result<Chroot> {
    let name = format!("system {}", target.name());
    maker.steps.run(Phase::SetUp, &name, || {
        let chroot = Chroot::with(maker.session, target.suite(), packages)?;
        let hit = chroot.hit;
        Ok(Done::maybe_cached(chroot, hit, packages.join(" ")))
    })
}

/// Looks at the modules in `dir`: built without a warning, for one kernel, with the package's record of the ABI.
///
/// # Errors
/// One of these is not so.
pub fn inspect(maker: &Maker<'_>, dir: &Path, log: &str) -> Result<String> {
    let warnings = kbuild::warnings(log);
    if !warnings.is_empty() {
        return Err(Error::cell("the package builds with warnings")
            .expected("not a word from the compiler, modpost and objtool")
            .tail(warnings));
    }
    let mut kernel = None;
    for module in &maker.manifest.modules {
        let path = dir.join(format!("{module}.ko"));
        let abi = modules::field(&path, "nvb_abi")?;
        if abi.as_deref() != Some(maker.record.text()) {
            return Err(
                Error::cell(format!("{module}.ko does not carry the package's record of the C ABI"))
                    .expected(maker.record.text())
                    .found(abi.unwrap_or_else(|| "none".to_owned())),
            );
        }
        let magic = modules::field(&path, "vermagic")?.unwrap_or_default();
        kernel = magic.split_whitespace().next().map(str::to_owned);
    }
    kernel.ok_or_else(|| Error::cell("the modules do not say which kernel they are for"))
}
