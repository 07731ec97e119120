// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `novabridge abi layout`: every rustc of the matrix with every C compiler of it exchanges every struct.

use super::exchange::Sources;
use super::failed;
use crate::build::compiler::Compiler;
use crate::cli::{ManifestArgs, NetworkArgs};
use crate::commands::Failed;
use crate::error::{Error, PathContext, Result};
use crate::kernel;
use crate::matrix::{Cell, Matrix};
use crate::output::{print_json, say};
use crate::proc::Cmd;
use crate::rust::corelib;
use crate::rust::flags::{granted, TARGET};
use crate::rust::library::LibrarySource;
use crate::rust::toolchain::Toolchain;
use crate::session::Session;
use clap::Args;
use novabridge_abi::check::{self, Inputs};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Arguments of `abi layout`.
#[derive(Debug, Args)]
pub struct LayoutArgs {
    /// Only the compilers of cells of this name, in which * stands for any characters; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Print the result as JSON on standard output.
    #[arg(long)]
    json: bool,
    /// Where cells are described.
    #[command(flatten)]
    manifest: ManifestArgs,
    /// How the network is used.
    #[command(flatten)]
    network: NetworkArgs,
}

/// A compiler's side of the exchange, compiled.
struct Side {
    /// The compiler in words.
    compiler: String,
    object: PathBuf,
}

/// What a pair said.
#[derive(serde::Serialize)]
struct Pair {
    rustc: String,
    cc: String,
    /// What differs; empty if nothing does.
    differs: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// A compiler cannot be had or does not compile its side; a pair disagrees.
pub fn run(args: &LayoutArgs) -> Result<(), Failed> {
    let matrix = Matrix::load(args.manifest.path())?;
    let cells = matrix.select(&args.only, &[], false)?;
    let session = Session::open(args.network.into())?;
    let scratch = session.cache.path("tmp").join(format!("layout.{}", std::process::id()));
    fs::create_dir_all(&scratch).on("create", &scratch)?;
    let pairs = all_pairs(&session, &cells, &scratch);
    fs::remove_dir_all(&scratch).on("remove", &scratch)?;
    let (structs, pairs) = pairs?;
    if args.json {
        print_json(&pairs)?;
    } else {
        let line = |pair: &Pair| {
            let words = match pair.differs.is_empty() {
                true => format!("ok    {structs} structs"),
                false => format!("FAIL  {}", pair.differs.join("; ")),
            };
            format!("{words}: {} with {}\n", pair.rustc, pair.cc)
        };
        say(&pairs.iter().map(line).collect::<String>())?;
    }
    match pairs.iter().all(|pair| pair.differs.is_empty()) {
        true => Ok(()),
        false => Err(Failed::Code(1)),
    }
}

fn all_pairs(session: &Session, cells: &[&Cell], scratch: &Path) -> Result<(usize, Vec<Pair>)> {
    let (abi, _) = check::current(&Inputs::new(&session.source)).map_err(failed)?;
    let types = session.source.join("capi/src/types");
    let sources = Sources::new(&abi, &types, &modules(&types)?);
    if sources.structs == 0 {
        return Err(Error::cell("the C ABI has no struct to exchange")
            .expected("structs in capi/include/novabridge.h")
            .fix("novabridge abi check"));
    }
    let put = |name: &str, text: &str| -> Result<PathBuf> {
        let path = scratch.join(name);
        fs::write(&path, text).on("write", &path)?;
        Ok(path)
    };
    let (rust, c, main) = (
        put("rust.rs", &sources.rust)?,
        put("c.c", &sources.c)?,
        put("main.c", &sources.main)?,
    );
    let rust_sides = rust_sides(session, cells, &rust)?;
    let c_sides = c_sides(session, cells, &c)?;
    let mut pairs = Vec::new();
    for rust in &rust_sides {
        for c in &c_sides {
            pairs.push(Pair {
                rustc: rust.compiler.clone(),
                cc: c.compiler.clone(),
                differs: exchange(rust, c, &main)?,
            });
        }
    }
    Ok((sources.structs, pairs))
}

/// The modules that the types are in.
fn modules(types: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for item in fs::read_dir(types).on("read", types)?.flatten() {
        let path = item.path();
        match path.file_stem().and_then(|stem| stem.to_str()) {
            Some(stem) if stem != "mod" => names.push(stem.to_owned()),
            _ => {}
        }
    }
    names.sort();
    Ok(names)
}

/// Links a pair's halves and has them exchange; returns what differs.
fn exchange(rust: &Side, c: &Side, main: &Path) -> Result<Vec<String>> {
    let program = main.with_file_name("exchange");
    Cmd::new("cc")
        // The kernel's code model, which Rust's half has, reaches the lowest addresses as it does the highest.
        .args(["-no-pie", "-o"])
        .arg(&program)
        .arg(main)
        .arg(&rust.object)
        .arg(&c.object)
        .must(&format!("{} and {} do not link", rust.compiler, c.compiler))?;
    let done = Cmd::new(&program).run()?;
    match (done.status.code(), done.output.trim()) {
        (Some(0), _) => Ok(Vec::new()),
        (Some(1), words) if !words.is_empty() => Ok(words.lines().map(str::to_owned).collect()),
        _ => Err(Error::cell(format!(
            "what {} and {} made does not run: {}",
            rust.compiler, c.compiler, done.status
        ))),
    }
}

/// Rust's half by each rustc, the machine's included.
fn rust_sides(session: &Session, cells: &[&Cell], source: &Path) -> Result<Vec<Side>> {
    let mut sides: Vec<Side> = Vec::new();
    for cell in cells {
        let toolchain = match &cell.rustc {
            Some(wanted) => Toolchain::of_suite(session, wanted)?.0,
            None => Toolchain::find()?,
        };
        let compiler = toolchain.shown();
        if sides.iter().any(|side| side.compiler == compiler) {
            continue;
        }
        // With the flags of the kernel's core, for which a core library is there already.
        let flags = granted(&session.cache, &toolchain)?;
        let flags: Vec<&str> = flags.iter().filter_map(|granted| granted.flag).collect();
        let library = LibrarySource::of(session, &toolchain)?;
        let core = corelib::build(&session.cache, &toolchain, &library, &flags)?;
        let object = source.with_file_name(format!("rust-{}.o", sides.len()));
        Cmd::new(&toolchain.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["--crate-name", "exchange", "--crate-type", "lib", "--edition", "2021"])
            .args([
                "--target",
                TARGET,
                "-Cpanic=abort",
                "-Copt-level=2",
                "-Ccodegen-units=1",
            ])
            .args(["-Crelocation-model=static", "-Coverflow-checks=off", "--sysroot"])
            .arg(&core.path)
            .arg("-L")
            .arg(&core.path)
            .args(&flags)
            .arg(format!("--emit=obj={}", object.display()))
            .arg(source)
            .must(&format!("{compiler} does not compile the types"))?;
        sides.push(Side { compiler, object });
    }
    Ok(sides)
}

/// C's half by each cell's compiler, and by the machine's.
fn c_sides(session: &Session, cells: &[&Cell], source: &Path) -> Result<Vec<Side>> {
    let mut compilers = vec![(Compiler::find("cc", None)?, None)];
    for cell in cells {
        compilers.push(match &cell.clang {
            Some(clang) => {
                let headers = Compiler::clang_headers(session, clang)?;
                (Compiler::clang(session, clang)?, Some(headers))
            }
            None => {
                let root = session.root(cell.kernel.suite.view())?;
                let (_, headers) = kernel::packages(&root, &cell.kernel)?;
                (kernel::headers(&session.fetcher(&root), headers)?.compiler()?, None)
            }
        });
    }
    let mut sides: Vec<Side> = Vec::new();
    for (compiler, headers) in compilers {
        // One compiler goes by several names.
        let same = |side: &Side| without_name(&side.compiler) == without_name(&compiler.version);
        if sides.iter().any(same) {
            continue;
        }
        let program = match &compiler.dir {
            Some(dir) => dir.join(&compiler.program),
            None => PathBuf::from(&compiler.program),
        };
        let object = source.with_file_name(format!("c-{}.o", sides.len()));
        // What the compiler starts, such as its assembler, is beside it.
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let path = compiler.dir.iter().cloned().chain(std::env::split_paths(&machine));
        Cmd::new(&program)
            .env("PATH", std::env::join_paths(path).unwrap_or_default())
            // A kernel's compiler has no C library's headers; it brings stdint.h itself.
            .args([
                "-std=gnu11",
                "-O2",
                "-ffreestanding",
                "-fno-pic",
                "-fno-stack-protector",
            ])
            .args(headers.iter().flat_map(|dir| [OsStr::new("-isystem"), dir.as_os_str()]))
            .args(["-Wall", "-Wextra", "-Werror", "-c", "-I"])
            .arg(session.source.join("capi/include"))
            .arg("-o")
            .arg(&object)
            .arg(source)
            .must(&format!("{} does not compile the header", compiler.version))?;
        sides.push(Side {
            compiler: compiler.version,
            object,
        });
    }
    Ok(sides)
}

/// What a compiler says about itself, without the name it was called by.
fn without_name(version: &str) -> &str {
    version.split_once(' ').map_or(version, |(_, rest)| rest)
}
