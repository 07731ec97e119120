// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `novabridge package`: what distributions take, all of it made from one manifest, `backport/packages/package.toml`.

mod agreement;
mod boot;
mod check;
mod chroot;
mod deb;
mod dkms;
mod intree;
mod linux;
mod manifest;
mod proof;
mod record;
mod rpm;
mod target;
mod tree;

use crate::cli::NetworkArgs;
use crate::commands::Failed;
use crate::error::{PathContext, Result};
use crate::output::{print_json, say};
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
    /// Makes a Debian source package, of which come one package for DKMS and one with modules.
    Deb(CreateArgs),
    /// Makes a spec file for RPM with its archive.
    Rpm(CreateArgs),
    /// Makes a series of patches for a kernel's source, with both forms of the core.
    Intree(IntreeArgs),
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

/// Arguments of `package intree`.
#[derive(Debug, Args)]
struct IntreeArgs {
    /// The kernel, by the version in the name of Debian's package of its source.
    #[arg(long, value_enum, default_value_t = intree::Source::Long)]
    kernel: intree::Source,
    #[command(flatten)]
    create: CreateArgs,
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
        PackageCommand::Deb(args) => create(args, deb::make),
        PackageCommand::Rpm(args) => create(args, rpm::make),
        PackageCommand::Intree(args) => create(&args.create, |maker, out| intree::make(maker, args.kernel, out)),
        PackageCommand::Check(args) => check::run(args),
    }
}

fn create(args: &CreateArgs, make: impl Fn(&Maker<'_>, &Path) -> Result<Made>) -> Result<(), Failed> {
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
        return Ok(print_json(&made)?);
    }
    let files = made.files.iter().map(|file| format!("{}\n", file.display()));
    Ok(say(&files.collect::<String>())?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;
    use crate::package::linux::Linux;

    /// The kernel's files that the series changes, as small as they can be.
    fn linux(dir: &Path) -> Linux {
        for (name, text) in [
            ("MAINTAINERS", "NSDEPS\nM:\tA <a@example>\n"),
            ("drivers/vfio/pci/Kconfig", "menu \"VFIO\"\nendmenu\n"),
            ("drivers/vfio/pci/Makefile", "# none\n"),
        ] {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Linux {
            dir: dir.to_path_buf(),
            package: String::new(),
            hit: true,
        }
    }

    #[test]
    fn all_packages_carry_the_same_record_of_the_abi() {
        let scratch = Scratch::new("package-record");
        let at = |name: &str| scratch.0.join(name);
        let session = Session::in_scratch(&at("cache")).unwrap();
        let steps = Steps::new(Show::Err);
        let maker = Maker {
            session: &session,
            steps: &steps,
            manifest: Manifest::read(&session.source).unwrap(),
            record: Record::new("7.8", "model", "contract"),
            form: Form::Rust,
        };
        let record = maker.record.text();
        let mut tree = maker.tree(&at("tree")).unwrap();
        tree.add("c-vfio-driver/nvb_rs.S", "# lowered\n").unwrap();
        // What the modules of all of them are built with.
        let built_in = fs::read_to_string(tree.dir.join("c-vfio-driver/nvb-abi")).unwrap();
        assert_eq!(built_in, format!("{record}\n"));

        let dkms = dkms::configuration(&maker).unwrap();
        let spec = rpm::specification(&maker, &tree).unwrap();
        let linux = linux(&at("linux"));
        let patches = intree::series(&maker, &tree, "", &linux, &at("git"), &at("series")).unwrap();
        let series: String = patches.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        deb::debian(&maker, &mut tree).unwrap();
        let changelog = fs::read_to_string(tree.dir.join("debian/changelog")).unwrap();
        for (place, text, expected) in [
            ("dkms", &dkms, format!("C interface: {record} ")),
            ("deb", &changelog, format!("C interface {record}.")),
            ("rpm", &spec, format!("novabridge-abi = {record}\n")),
            ("intree", &series, format!("nvb-abi\n@@ -0,0 +1 @@\n+{record}\n")),
        ] {
            assert!(text.contains(&expected), "{place} lacks {expected}");
        }
        assert!(series.contains("+source \"drivers/vfio/pci/novabridge/Kconfig\""));
    }
}
