// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `build` and `probe`: the modules for any kernel's headers, on any distribution.

use crate::build::compiler::Compiler;
use crate::build::kbuild::{self, MODULES};
use crate::build::probe::{self, Answer};
use crate::cell;
use crate::cli::BuildArgs;
use crate::commands::Failed;
use crate::error::{Error, Result};
use crate::evidence::CorePart;
use crate::kernel::{self, Headers};
use crate::matrix::Core;
use crate::mitigations::Protection;
use crate::output::{conclude, say};
use crate::rust::flags;
use crate::rust::toolchain::Toolchain;
use crate::session::Session;
use crate::step::{Done, Phase, Show, Steps};
use serde::Serialize;
use std::path::PathBuf;

/// What is found out about a kernel's headers, and about modules for it.
#[derive(Default, Serialize)]
struct Found {
    kernel: Option<String>,
    compiler: Option<Compiler>,
    probes: Vec<Answer>,
    /// The form of the core.
    #[serde(skip_serializing_if = "Option::is_none")]
    core: Option<Core>,
    #[serde(flatten)]
    rust: Option<CorePart>,
    /// What compiler, modpost and objtool complained about.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protection: Option<Protection>,
    /// Where the modules are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    modules: Vec<PathBuf>,
}

/// The headers with what else a build needs of them.
struct Asked {
    headers: Headers,
    compiler: Compiler,
    config: String,
}

/// Asks the headers, and prints what they have and what will be used instead.
///
/// # Errors
/// They are no headers; there is no compiler.
pub fn probe(args: &BuildArgs) -> Result<(), Failed> {
    let session = Session::open(args.network.into())?;
    let steps = Steps::new(if args.json { Show::Err } else { Show::Out });
    let mut found = Found::default();
    let asked = ask(&session, &steps, args, &mut found).map(|_| ());
    if args.json {
        return conclude(&found, asked);
    }
    asked?;
    Ok(say(&found.probes.iter().map(words).collect::<String>())?)
}

fn words(answer: &Answer) -> String {
    let there = if answer.have { "there " } else { "absent" };
    let evidence = answer.evidence.iter().map(|said| format!("         {said}\n"));
    format!(
        "{there} {}: {}\n{}",
        answer.name,
        answer.why,
        evidence.collect::<String>()
    )
}

/// Builds the modules.
///
/// # Errors
/// As a cell's build.
pub fn build(args: &BuildArgs) -> Result<(), Failed> {
    let session = Session::open(args.network.into())?;
    let steps = Steps::new(if args.json { Show::Err } else { Show::Out });
    let mut found = Found::default();
    let built = make(&session, &steps, args, &mut found);
    if args.json {
        return conclude(&found, built);
    }
    built?;
    let modules = found.modules.iter().map(|path| format!("{}\n", path.display()));
    Ok(say(&modules.collect::<String>())?)
}

fn make(session: &Session, steps: &Steps, args: &BuildArgs, found: &mut Found) -> Result<()> {
    let asked = ask(session, steps, args, found)?;
    let toolchain = match &args.rustc {
        Some(path) => Toolchain::of(path)?,
        None => Toolchain::find()?,
    };
    // The form follows from what the rustc can do and the kernel asks for.
    let granted = flags::granted(&session.cache, &toolchain)?;
    let thunks = asked.headers.return_thunks();
    let core = match flags::demand_return_thunks(&granted, &toolchain.shown(), thunks) {
        Ok(()) if thunks.is_some() => Core::Rust,
        // Without them in the kernel there would be nothing to jump to; the head of the assembly knows.
        _ => Core::Assembly,
    };
    found.core = Some(core);
    let rust = cell::object_of(session, steps, toolchain, core, &mut found.rust)?;
    let modules = steps.run(Phase::Build, "modules", || {
        let inputs = kbuild::Inputs {
            source: &session.source,
            headers: &asked.headers,
            compiler: &asked.compiler,
            config: &asked.config,
            object: &rust.object,
            core,
        };
        let modules = kbuild::modules(&session.cache, &inputs)?;
        found.warnings = Some(modules.warnings()?);
        modules.demand_quiet()?;
        let hit = modules.hit;
        Ok(Done::maybe_cached(modules, hit, "no warning"))
    })?;
    cell::protection(steps, &modules, &asked.headers, &rust.flags, &mut found.protection)?;
    found.modules = MODULES.map(|name| modules.path(name)).to_vec();
    Ok(())
}

fn ask(session: &Session, steps: &Steps, args: &BuildArgs, found: &mut Found) -> Result<Asked> {
    let headers = kernel::headers_at(&args.kernel)?;
    let release = headers.release()?;
    found.kernel = Some(release.clone());
    let compiler = match &args.cc {
        Some(program) => Compiler::find(program, None)?.adapted(&headers),
        None => headers.compiler()?,
    };
    found.compiler = Some(compiler.clone());
    let probed = steps.run(Phase::Build, "probes", || {
        let dir = session.source.join("backport/probes");
        let probed = probe::run(&session.cache, &dir, &headers, &compiler)?;
        let (hit, note) = (probed.hit, format!("{release}: {}", probed.shown()));
        Ok(Done::maybe_cached(probed, hit, note))
    })?;
    if probed.answers.is_empty() {
        return Err(Error::setup("there are no probes in the source tree"));
    }
    found.probes = probed.answers;
    Ok(Asked {
        headers,
        compiler,
        config: probed.config,
    })
}
