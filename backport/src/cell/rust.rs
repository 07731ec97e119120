// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The core's half of a cell: a rustc, the library it compiles, and the kernel object it makes of both and the core.

use crate::error::Result;
use crate::evidence::CorePart;
use crate::hygiene;
use crate::matrix::{Core, Packaged};
use crate::rust::flags::{self, granted, Granted};
use crate::rust::library::LibrarySource;
use crate::rust::object::KernelObject;
use crate::rust::toolchain::Toolchain;
use crate::rust::{corelib, object};
use crate::session::Session;
use crate::step::{Done, Phase, Steps};

/// The core's half.
pub struct RustSide {
    /// The rustc.
    pub toolchain: Toolchain,
    /// Its library's sources.
    pub library: LibrarySource,
    /// What it was asked for.
    pub flags: Vec<Granted>,
    /// What it made.
    pub object: KernelObject,
}

/// Everything up to the kernel object, for cells and for `novabridge object`. What was found out goes into `known`, also when it fails.
///
/// # Errors
/// No rustc or sources for it; the core does not build or its object is not clean.
pub fn rust_side(
    session: &Session,
    steps: &Steps,
    rustc: Option<&Packaged>,
    core: Core,
    known: &mut Option<CorePart>,
) -> Result<RustSide> {
    let toolchain = steps.run(Phase::SetUp, "rustc", || {
        let (toolchain, hit) = match rustc {
            Some(wanted) => Toolchain::of_suite(session, wanted)?,
            None => (Toolchain::find()?, false),
        };
        let note = toolchain.shown();
        Ok(Done::maybe_cached(toolchain, hit, note))
    })?;
    object_of(session, steps, toolchain, core, known)
}

/// The same for a rustc that is already there.
///
/// # Errors
/// As [`rust_side`].
pub fn object_of(
    session: &Session,
    steps: &Steps,
    toolchain: Toolchain,
    core: Core,
    known: &mut Option<CorePart>,
) -> Result<RustSide> {
    let library = steps.run(Phase::SetUp, "library sources", || {
        let library = LibrarySource::of(session, &toolchain)?;
        let note = library.origin.clone();
        Ok(Done::now(library, note))
    })?;
    let mut flags = granted(&session.cache, &toolchain)?;
    if core == Core::Assembly {
        flags = flags::lowered(flags);
    }
    let known = known.insert(CorePart::new(&toolchain, &library, &flags));
    let given: Vec<&str> = flags.iter().filter_map(|granted| granted.flag).collect();
    let core_library = steps.run(Phase::Build, "core library", || {
        let core = corelib::build(&session.cache, &toolchain, &library, &given)?;
        let hit = core.hit;
        Ok(Done::maybe_cached(
            core,
            hit,
            format!("{} with {} flags", toolchain.shown(), given.len()),
        ))
    })?;
    let object = steps.run(Phase::Build, "kernel object", || {
        let object = object::build(&session.cache, &toolchain, &core_library, &session.halves.core, &given)?;
        let hit = object.hit;
        Ok(Done::maybe_cached(object, hit, ""))
    })?;
    steps.run(Phase::Build, "object hygiene", || {
        let findings = known.object.insert(hygiene::inspect(&object.checked)?);
        findings.demand_clean()?;
        let note = format!(
            "{} KiB of code, {} exports, {} imports, largest frame {} B",
            findings.text / 1024,
            findings.exports.len(),
            findings.imports.len(),
            findings.largest_frame
        );
        Ok(Done::now((), note))
    })?;
    Ok(RustSide {
        toolchain,
        library,
        flags,
        object,
    })
}
