// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! One cell from nothing to its result: fetch, build, check, boot, exercise.
//!
//! What does not depend on each other runs side by side: packages arrive while cargo and rustc compile.

use crate::apt::{named, Package, Root};
use crate::build::compiler::Compiler;
use crate::build::kbuild::{self, Modules, MODULES};
use crate::build::probe;
use crate::build::programs::{self, Programs};
use crate::build::shims;
use crate::error::{Class, Error, Result};
use crate::evidence::{CorePart, Evidence};
use crate::hygiene;
use crate::interface;
use crate::judge::{guest_step, judge};
use crate::kernel::{self, Headers, Image};
use crate::matrix::{Cell, Core, Packaged};
use crate::mitigations::Protection;
use crate::rust::flags::{self, granted, Granted};
use crate::rust::library::LibrarySource;
use crate::rust::object::KernelObject;
use crate::rust::toolchain::Toolchain;
use crate::rust::{corelib, object};
use crate::session::{Halves, Session};
use crate::step::{Done, Phase, Steps};
use crate::vm::firmware::{self, Firmware};
use crate::vm::pack::Files;
use crate::vm::qemu::{self, Boot, Machine};
use crate::vm::shim::{self, Qemu};
use novabridge_protocol::Message;
use std::path::{Path, PathBuf};
use std::thread::ScopedJoinHandle;
use std::time::Instant;

/// The kernel's half of what a boot needs.
struct KernelSide {
    image: Image,
    headers: Headers,
    compiler: Compiler,
    found: probe::Found,
}

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

fn build_plugin(session: &Session, steps: &Steps, qemu: &Qemu, programs: &Programs) -> Result<PathBuf> {
    steps.run(Phase::Build, "QEMU device", || {
        let entry = shim::build(session, qemu, &programs.emulator)?;
        Ok(Done::maybe_cached(
            entry.path.join("gspemu.so"),
            entry.hit,
            format!("for QEMU {}", qemu.version),
        ))
    })
}

fn fetch_image(session: &Session, steps: &Steps, root: &Root, packages: Vec<Package>) -> Result<Image> {
    steps.run(Phase::SetUp, "kernel image", || {
        let image = kernel::image(&session.fetcher(root), packages)?;
        let (hit, note) = (image.hit, named(&image.packages, "linux-"));
        Ok(Done::maybe_cached(image, hit, note))
    })
}

fn fetch_qemu(session: &Session, steps: &Steps) -> Result<Qemu> {
    steps.run(Phase::SetUp, "QEMU", || {
        let qemu = Qemu::fetch(session)?;
        let (hit, note) = (qemu.hit, format!("qemu-system-x86 {}", qemu.version));
        Ok(Done::maybe_cached(qemu, hit, note))
    })
}

fn fetch_firmware(session: &Session, steps: &Steps) -> Result<Firmware> {
    steps.run(Phase::SetUp, "GSP firmware", || {
        let firmware = firmware::fetch(session)?;
        let (hit, note) = (firmware.hit, named(&firmware.packages, "firmware-"));
        Ok(Done::maybe_cached(firmware, hit, note))
    })
}

fn build_programs(session: &Session, steps: &Steps) -> Result<Programs> {
    steps.run(Phase::Build, "emulated GPU and guest", || {
        let programs = programs::build(session)?;
        let hit = programs.hit;
        Ok(Done::maybe_cached(programs, hit, ""))
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
    steps.run(Phase::Build, "mitigations", || {
        let protection = found.insert(Protection::of(modules, headers)?);
        protection
            .measured
            .demand(protection.wanted, flags::pads_calls(flags))?;
        Ok(Done::now((), protection.shown()))
    })
}

/// Packs the guest's files, boots, shows the guest's steps as they come, and judges the whole.
fn exercise(
    session: &Session,
    steps: &Steps,
    cell: &Cell,
    machine: &Machine<'_>,
    files: &Files<'_>,
    evidence: &mut Evidence,
) -> Result<()> {
    let packed = steps.run(Phase::Build, "guest's files", || {
        let packed = files.pack(&session.cache)?;
        let note = format!("firmware {}, {} modules of the kernel", files.release, packed.modules);
        let hit = packed.hit;
        Ok(Done::maybe_cached(packed, hit, note))
    })?;
    let boot = Boot {
        machine,
        kernel: &files.image.bootable,
        initramfs: &packed.archives,
        firmware: &files.firmware.dir,
    };
    let _turn = steps.run(Phase::Boot, "turn to boot", || {
        Ok(Done::now(session.cache.turn("boot", qemu::at_a_time())?, ""))
    })?;
    steps.run(Phase::Boot, "boot and exercise", || {
        let begin = Instant::now();
        let bar = steps.spinner("guest: kernel");
        let outcome = boot.run(|message| match message {
            Message::Begin { step } => bar.set_message(format!("guest: {}", step.title())),
            Message::Step(report) => steps.add(guest_step(report)),
            _ => {}
        });
        bar.finish_and_clear();
        let outcome = outcome?;
        evidence.boot(&outcome, begin.elapsed().as_secs_f64());
        match judge(&outcome, &cell.kernel.lacks) {
            Ok(note) => Ok(Done::now((), note)),
            Err(error) => Err(error.log(&machine.dir.join("console.log"))),
        }
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
