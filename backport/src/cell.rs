// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! One cell from nothing to its result: fetch, build, check, boot, exercise.
//!
//! What does not depend on each other runs side by side: packages arrive while cargo and rustc compile.

mod machine;
mod rust;

use crate::apt::{named, Package, Root};
use crate::build::compiler::Compiler;
use crate::build::kbuild::{self, Modules, MODULES};
use crate::build::probe;
use crate::build::shims;
use crate::error::{Class, Error, Result};
use crate::evidence::Evidence;
use crate::interface;
use crate::kernel::{self, Headers, Image};
use crate::matrix::{Cell, Core};
use crate::mitigations::Protection;
use crate::rust::flags::{self, Granted};
use crate::session::{Halves, Session};
use crate::step::{Done, Phase, Steps};
use crate::vm::pack::Files;
use crate::vm::qemu::Machine;
use machine::{build_plugin, build_programs, exercise, fetch_firmware, fetch_qemu};
pub use rust::{object_of, rust_side, RustSide};
use std::path::Path;
use std::thread::ScopedJoinHandle;

/// The kernel's half of what a boot needs.
struct KernelSide {
    image: Image,
    headers: Headers,
    compiler: Compiler,
    found: probe::Found,
}

/// Runs the cell; what was found out goes into `evidence`, also when it fails.
///
/// # Errors
/// The first step that failed.
pub fn run(
    session: &Session,
    steps: &Steps,
    cell: &Cell,
    release: &str,
    dir: &Path,
    evidence: &mut Evidence,
) -> Result<()> {
    let core = &mut evidence.core;
    let (kernel, rust, qemu, firmware, programs) = std::thread::scope(|scope| {
        let kernel = scope.spawn(|| kernel_side(session, steps, cell));
        let rust = scope.spawn(|| rust_side(session, steps, cell.rustc.as_ref(), cell.core, core));
        let qemu = scope.spawn(|| fetch_qemu(session, steps));
        let firmware = scope.spawn(|| fetch_firmware(session, steps));
        let programs = build_programs(session, steps);
        (join(kernel), join(rust), join(qemu), join(firmware), programs)
    });
    // What one half found out helps also when the other failed.
    if let Ok(kernel) = &kernel {
        evidence.kernel(&kernel.image, &kernel.headers, &kernel.compiler);
        let shims = shims::used(&session.source.join("c-vfio-driver"), &kernel.found.answers)?;
        evidence.probes(&kernel.found.answers, shims);
    }
    if let Ok(rust) = &rust {
        evidence.packages(&rust.toolchain.packages, &rust.library.packages);
    }
    let (kernel, rust, qemu, firmware, programs) = all(kernel, rust, qemu, firmware, programs)?;
    evidence.packages(&qemu.packages, &firmware.packages);
    if cell.core == Core::Rust {
        flags::demand_return_thunks(&rust.flags, &rust.toolchain.shown(), kernel.headers.return_thunks())?;
    }

    let (modules, plugin) = std::thread::scope(|scope| {
        let plugin = scope.spawn(|| build_plugin(session, steps, &qemu, &programs));
        let modules = build_modules(session, steps, cell, &kernel, &rust, evidence);
        match (modules, join(plugin)) {
            (Ok(modules), Ok(plugin)) => Ok((modules, plugin)),
            (Err(a), Err(b)) => Err(first(a, b)),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    })?;
    protection(steps, &modules, &kernel.headers, &rust.flags, &mut evidence.protection)?;
    let Halves { core, vfio } = &session.halves;
    // Of two trees at least one is not what the baseline is about.
    if core == vfio {
        steps.run(Phase::Build, "C interface", || {
            interface::hold_build(core, &modules.path(MODULES[0])).map(|note| Done::now((), note))
        })?;
    }
    let files = Files {
        image: &kernel.image,
        built: &modules,
        firmware: &firmware,
        programs: &programs,
        release,
    };
    let machine = Machine {
        qemu: &qemu,
        plugin: &plugin,
        dir,
    };
    exercise(session, steps, cell, &machine, &files, evidence)
}

/// Boots the cell's kernel with modules that were built elsewhere, as a package's are, and exercises them.
///
/// # Errors
/// As [`run`], from the boot on.
pub fn run_built(
    session: &Session,
    steps: &Steps,
    cell: &Cell,
    modules: &Modules,
    release: &str,
    dir: &Path,
) -> Result<()> {
    let root = session.root(cell.kernel.suite.view())?;
    let image = fetch_image(session, steps, &root, kernel::packages(&root, &cell.kernel)?.0)?;
    let qemu = fetch_qemu(session, steps)?;
    let firmware = fetch_firmware(session, steps)?;
    let programs = build_programs(session, steps)?;
    let plugin = build_plugin(session, steps, &qemu, &programs)?;
    let files = Files {
        image: &image,
        built: modules,
        firmware: &firmware,
        programs: &programs,
        release,
    };
    // What is known of a package stands in its own proof.
    let mut evidence = Evidence::new(cell, release, "");
    let machine = Machine {
        qemu: &qemu,
        plugin: &plugin,
        dir,
    };
    exercise(session, steps, cell, &machine, &files, &mut evidence)
}

fn kernel_side(session: &Session, steps: &Steps, cell: &Cell) -> Result<KernelSide> {
    let view = cell.kernel.suite.view();
    let root = steps.run(Phase::SetUp, "package lists", || {
        let root = session.root(view)?;
        let note = root.note.clone().unwrap_or_else(|| view.suites.join(", "));
        Ok(Done::maybe_cached(root.clone(), root.hit, note))
    })?;
    let (image, headers) = kernel::packages(&root, &cell.kernel)?;
    let fetcher = session.fetcher(&root);
    let image = fetch_image(session, steps, &root, image)?;
    let headers = steps.run(Phase::SetUp, "kernel headers", || {
        let headers = kernel::headers(&fetcher, headers)?;
        let (hit, note) = (headers.hit, headers.release()?);
        Ok(Done::maybe_cached(headers, hit, note))
    })?;
    let compiler = match &cell.clang {
        Some(wanted) => steps.run(Phase::SetUp, "C compiler", || {
            let compiler = Compiler::clang(session, wanted)?.adapted(&headers);
            let note = compiler.version.clone();
            Ok(Done::now(compiler, note))
        })?,
        None => headers.compiler()?,
    };
    let found = steps.run(Phase::Build, "probes", || {
        let dir = session.source.join("backport/probes");
        let found = probe::run(&session.cache, &dir, &headers, &compiler)?;
        let (hit, note) = (found.hit, found.shown());
        Ok(Done::maybe_cached(found, hit, note))
    })?;
    Ok(KernelSide {
        image,
        headers,
        compiler,
        found,
    })
}

fn fetch_image(session: &Session, steps: &Steps, root: &Root, packages: Vec<Package>) -> Result<Image> {
    steps.run(Phase::SetUp, "kernel image", || {
        let image = kernel::image(&session.fetcher(root), packages)?;
        let (hit, note) = (image.hit, named(&image.packages, "linux-"));
        Ok(Done::maybe_cached(image, hit, note))
    })
}

fn build_modules(
    session: &Session,
    steps: &Steps,
    cell: &Cell,
    kernel: &KernelSide,
    rust: &RustSide,
    evidence: &mut Evidence,
) -> Result<Modules> {
    steps.run(Phase::Build, "modules", || {
        let build = |source: &Path| {
            let inputs = kbuild::Inputs {
                source,
                headers: &kernel.headers,
                compiler: &kernel.compiler,
                config: &kernel.found.config,
                object: &rust.object,
                core: cell.core,
            };
            kbuild::modules(&session.cache, &inputs)
        };
        let Halves { core, vfio } = &session.halves;
        let mut modules = build(core)?;
        let mut note = format!("{}, no warning", MODULES.join(", "));
        if core != vfio {
            // With the whole driver, as its tree has it; of which only the VFIO half is taken.
            modules = modules.with_vfio_of(&build(vfio)?);
            note = format!("{} from {}, {note}", MODULES[1], vfio.display());
        }
        evidence.modules(&modules)?;
        modules.demand_quiet()?;
        let hit = modules.hit;
        Ok(Done::maybe_cached(modules, hit, note))
    })
}

/// Whether the Rust half is protected as the kernel wants it; for cells and for `novabridge build`. What it has goes into `found`
/// before it is held against that.
///
/// # Errors
/// It is not.
pub fn protection(
    steps: &Steps,
    modules: &Modules,
    headers: &Headers,
    flags: &[Granted],
    found: &mut Option<Protection>,
) -> Result<()> {
    steps.run(Phase::Build, flags::MITIGATIONS, || {
        let protection = found.insert(Protection::of(modules, headers)?);
        protection
            .measured
            .demand(protection.wanted, flags::pads_calls(flags))?;
        Ok(Done::now((), protection.shown()))
    })
}

fn join<T>(handle: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Of two failures the one that was not caused by the other.
fn first(a: Error, b: Error) -> Error {
    if a.class == Class::Interrupted {
        b
    } else {
        a
    }
}

type Five<A, B, C, D, E> = Result<(A, B, C, D, E)>;

fn all<A, B, C, D, E>(a: Result<A>, b: Result<B>, c: Result<C>, d: Result<D>, e: Result<E>) -> Five<A, B, C, D, E> {
    match (a, b, c, d, e) {
        (Ok(a), Ok(b), Ok(c), Ok(d), Ok(e)) => Ok((a, b, c, d, e)),
        (a, b, c, d, e) => {
            let errors = [a.err(), b.err(), c.err(), d.err(), e.err()];
            Err(errors
                .into_iter()
                .flatten()
                .reduce(first)
                .unwrap_or_else(Error::interrupted))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn the_failure_that_caused_the_others_is_reported() {
        let cause = || Err::<(), _>(Error::cell("cause"));
        let effect = || Err::<(), _>(Error::interrupted());
        assert_eq!(
            all(effect(), Ok(()), cause(), effect(), effect()).unwrap_err().what,
            "cause"
        );
        assert_eq!(
            all(effect(), Ok(()), Ok(()), Ok(()), Ok(())).unwrap_err().class,
            Class::Interrupted
        );
    }
}
