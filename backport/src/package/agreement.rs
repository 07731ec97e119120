// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The core is lowered in two ways: by this tool for its cells, and by build-core on the machines of packages' users. What the
//! cells prove holds for the users only as long as both make the same.

use crate::cache::Key;
use crate::cell::{self, RustSide};
use crate::error::{Error, PathContext, Result};
use crate::matrix::Core;
use crate::package::Maker;
use crate::proc::Cmd;
use crate::rust::toolchain::Toolchain;
use crate::step::{Done, Phase};
use std::fs;
use std::path::Path;

/// Has build-core lower the core with this machine's rustc, and compares what that assembles to with what the tool's does.
///
/// # Errors
/// They differ, or build-core fails.
pub fn demand(maker: &Maker<'_>) -> Result<()> {
    let rust = cell::object_of(
        maker.session,
        maker.steps,
        Toolchain::find()?,
        Core::Assembly,
        &mut None,
    )?;
    maker.steps.run(Phase::Build, "build-core", || {
        let dir = maker.session.source.join("backport/kernel");
        let key = Key::of("agreement-1")
            .with_file("tool", &rust.object.assembly)?
            .with_tree("script", &dir, |_| true)?
            .with("rustc", &rust.toolchain.verbose)
            .build();
        let entry = maker
            .session
            .cache
            .entry("agreements", &key, |scratch| compare(&dir, &rust, scratch))?;
        let note = format!("makes what the tool makes with {}", rust.toolchain.shown());
        Ok(Done::maybe_cached((), entry.hit, note))
    })
}

fn compare(dir: &Path, rust: &RustSide, scratch: &Path) -> Result<()> {
    let lowered = scratch.join("script.S");
    Cmd::new(dir.join("build-core"))
        .arg(&lowered)
        .env("RUSTC", &rust.toolchain.rustc)
        .env("RUST_LIBRARY", &rust.library.library)
        .must("build-core does not lower the core")?;
    let assembled = |from: &Path| {
        let object = scratch.join("assembled.o");
        Cmd::new("cc")
            .arg("-c")
            .arg(from)
            .arg("-o")
            .arg(&object)
            .must("the lowered core does not assemble")?;
        fs::read(&object).on("read", &object)
    };
    if assembled(&lowered)? == assembled(&rust.object.assembly)? {
        return Ok(());
    }
    Err(Error::cell("build-core makes another core than the tool")
        .expected("the same object, byte for byte")
        .fix("hold backport/kernel/build-core against backport/src/rust/{corelib,object}.rs"))
}
