// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `build` and `probe`: the modules for any kernel's headers, on any distribution.

use crate::build::compiler::Compiler;
use crate::build::kbuild::{self, MODULES};
use crate::build::probe;
use crate::cell;
use crate::cli::BuildArgs;
use crate::commands::Failed;
use crate::error::{Error, Result};
use crate::kernel::{self, Headers};
use crate::matrix::Core;
use crate::rust::flags;
use crate::rust::toolchain::Toolchain;
use crate::session::Session;
use crate::step::{Done, Phase, Show, Steps};
use serde_json::json;

struct Asked {
    headers: Headers,
    compiler: Compiler,
    found: probe::Found,
}

/// Asks the headers, and prints what they have and what will be used instead.
///
/// # Errors
/// They are no headers; there is no compiler.
pub fn probe(args: &BuildArgs) -> Result<(), Failed> {
    let session = Session::open(args.network.into())?;
    let steps = Steps::new(if args.json { Show::Err } else { Show::Out });
    let asked = ask(&session, &steps, args)?;
    if args.json {
        println!(
            "{:#}",
            json!({"kernel": asked.headers.release()?, "compiler": asked.compiler, "probes": asked.found.answers})
        );
        return Ok(());
    }
    for answer in &asked.found.answers {
        println!(
            "{} {}: {}",
            if answer.have { "there " } else { "absent" },
            answer.name,
            answer.why
        );
        if let Some(evidence) = &answer.evidence {
            println!("         {evidence}");
        }
    }
    Ok(())
}

/// Builds the modules.
///
/// # Errors
/// As a cell's build.
pub fn build(args: &BuildArgs) -> Result<(), Failed> {
    let session = Session::open(args.network.into())?;
    let steps = Steps::new(if args.json { Show::Err } else { Show::Out });
    let asked = ask(&session, &steps, args)?;
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
    let rust = cell::object_of(&session, &steps, toolchain, core)?;
    let modules = steps.run(Phase::Build, "modules", || {
        let inputs = kbuild::Inputs {
            source: &session.source,
            headers: &asked.headers,
            compiler: &asked.compiler,
            config: &asked.found.config,
            object: &rust.object,
            core,
        };
        let modules = kbuild::modules(&session.cache, &inputs)?;
        let hit = modules.hit;
        Ok(Done::maybe_cached(modules, hit, "no warning"))
    })?;
    let protection = cell::protection(&steps, &modules, &asked.headers, &rust.flags)?;
    let paths: Vec<String> = MODULES
        .iter()
        .map(|name| modules.path(name).display().to_string())
        .collect();
    if args.json {
        println!(
            "{:#}",
            json!({"kernel": asked.headers.release()?, "compiler": asked.compiler, "probes": asked.found.answers,
            "rustc": rust.toolchain.verbose, "core": core, "object": rust.findings,
            "protection": protection, "modules": paths})
        );
    } else {
        println!("{}", paths.join("\n"));
    }
    Ok(())
}

fn ask(session: &Session, steps: &Steps, args: &BuildArgs) -> Result<Asked> {
    let headers = kernel::headers_at(&args.kernel)?;
    let compiler = match &args.cc {
        Some(program) => Compiler::find(program, None)?.adapted(&headers),
        None => headers.compiler()?,
    };
    let found = steps.run(Phase::Build, "probes", || {
        let dir = session.source.join("backport/probes");
        let found = probe::run(&session.cache, &dir, &headers, &compiler)?;
        let (hit, note) = (found.hit, format!("{}: {}", headers.release()?, found.shown()));
        Ok(Done::maybe_cached(found, hit, note))
    })?;
    if found.answers.is_empty() {
        return Err(Error::setup("there are no probes in the source tree"));
    }
    Ok(Asked {
        headers,
        compiler,
        found,
    })
}
