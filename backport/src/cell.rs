// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! One cell from nothing to its result: fetch, build, check, boot, exercise.
//!
//! What does not depend on each other runs side by side: packages arrive while cargo and rustc compile.

use crate::apt::{Package, Root};
use crate::build::compiler::Compiler;
use crate::build::kbuild::{self, Modules, MODULES};
use crate::build::probe;
use crate::build::programs::{self, Programs};
use crate::build::shims;
use crate::cache::{Cache, Key};
use crate::error::{Class, Error, PathContext, Result};
use crate::evidence::Evidence;
use crate::hygiene::{self, Findings};
use crate::interface;
use crate::kernel::{self, Headers, Image};
use crate::matrix::{Cell, Core, Packaged};
use crate::mitigations::Protection;
use crate::rust::flags::{self, granted, Granted};
use crate::rust::object::KernelObject;
use crate::rust::toolchain::{LibrarySource, Toolchain};
use crate::rust::{corelib, object};
use crate::session::{Halves, Session};
use crate::step::{Done, Outcome, Phase, Record, Steps};
use crate::vm::firmware::{self, Firmware};
use crate::vm::initramfs::Archive;
use crate::vm::qemu::Boot;
use crate::vm::shim::{self, Qemu};
use crate::vm::{console, modules, qemu};
use novabridge_protocol::{Message, Plan, StepReport, PLAN_PATH};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::ScopedJoinHandle;
use std::time::Instant;

/// How many VFs the guest enables.
const VFS: u32 = 4;

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
    /// What that is like.
    pub findings: Findings,
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
    let (kernel, rust, qemu, firmware, programs) = std::thread::scope(|scope| {
        let kernel = scope.spawn(|| kernel_side(session, steps, cell));
        let rust = scope.spawn(|| rust_side(session, steps, cell.rustc.as_ref(), cell.core));
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
        evidence.core(rust);
    }
    let (kernel, rust, qemu, firmware, programs) = all(kernel, rust, qemu, firmware, programs)?;
    evidence.packages(&qemu.packages, &firmware.packages);
    if cell.core == Core::Rust {
        flags::demand_return_thunks(&rust.flags, &rust.toolchain.shown(), kernel.headers.return_thunks())?;
    }

    let (modules, plugin) = std::thread::scope(|scope| {
        let plugin = scope.spawn(|| build_plugin(session, steps, &qemu, &programs));
        let modules = build_modules(session, steps, cell, &kernel, &rust);
        match (modules, join(plugin)) {
            (Ok(modules), Ok(plugin)) => Ok((modules, plugin)),
            (Err(a), Err(b)) => Err(first(a, b)),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    })?;
    evidence.modules(&modules)?;
    let Halves { core, vfio } = &session.halves;
    // Of two trees at least one is not what the baseline is about.
    if core == vfio {
        steps.run(Phase::Build, "C interface", || {
            interface::hold_build(core, &modules.path(MODULES[0])).map(|note| Done::now((), note))
        })?;
    }
    evidence.protection(protection(steps, &modules, &kernel.headers, &rust.flags)?);
    let initramfs = pack(session, steps, &kernel.image, &modules, &firmware, &programs, release)?;
    let boot = Boot {
        qemu: &qemu,
        plugin: &plugin,
        kernel: &kernel.image.bootable,
        initramfs: &initramfs,
        firmware: &firmware.dir,
        dir,
    };
    exercise(&session.cache, steps, &boot, evidence)
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
    let initramfs = pack(session, steps, &image, modules, &firmware, &programs, release)?;
    let boot = Boot {
        qemu: &qemu,
        plugin: &plugin,
        kernel: &image.bootable,
        initramfs: &initramfs,
        firmware: &firmware.dir,
        dir,
    };
    // What is known of a package stands in its own proof.
    let mut evidence = Evidence::new(cell, release, "");
    exercise(&session.cache, steps, &boot, &mut evidence)
}

/// Everything up to the kernel object, for cells and for `novabridge object`.
///
/// # Errors
/// No rustc or sources for it; the core does not build or its object is not clean.
pub fn rust_side(session: &Session, steps: &Steps, rustc: Option<&Packaged>, core: Core) -> Result<RustSide> {
    let toolchain = steps.run(Phase::SetUp, "rustc", || {
        let (toolchain, hit) = match rustc {
            Some(wanted) => Toolchain::of_suite(session, wanted)?,
            None => (Toolchain::find()?, false),
        };
        let note = toolchain.shown();
        Ok(Done::maybe_cached(toolchain, hit, note))
    })?;
    object_of(session, steps, toolchain, core)
}

/// The same for a rustc that is already there.
///
/// # Errors
/// As [`rust_side`].
pub fn object_of(session: &Session, steps: &Steps, toolchain: Toolchain, core: Core) -> Result<RustSide> {
    let library = steps.run(Phase::SetUp, "library sources", || {
        let library = toolchain.library(session)?;
        let note = library.origin.clone();
        Ok(Done::now(library, note))
    })?;
    let mut flags = granted(&session.cache, &toolchain)?;
    if core == Core::Assembly {
        flags = flags::lowered(flags);
    }
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
    let findings = steps.run(Phase::Build, "object hygiene", || {
        let findings = hygiene::inspect(&object.checked)?;
        findings.demand_clean()?;
        let note = format!(
            "{} KiB of code, {} exports, {} imports, largest frame {} B",
            findings.text / 1024,
            findings.exports.len(),
            findings.imports.len(),
            findings.largest_frame
        );
        Ok(Done::now(findings, note))
    })?;
    Ok(RustSide {
        toolchain,
        library,
        flags,
        object,
        findings,
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
        let (hit, note) = (image.hit, named(&image.packages));
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
        let (hit, note) = (firmware.hit, named(&firmware.packages));
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
        let hit = modules.hit;
        Ok(Done::maybe_cached(modules, hit, note))
    })
}

/// Whether the Rust half is protected as the kernel wants it; for cells and for `novabridge build`.
///
/// # Errors
/// It is not.
pub fn protection(steps: &Steps, modules: &Modules, headers: &Headers, flags: &[Granted]) -> Result<Protection> {
    steps.run(Phase::Build, "mitigations", || {
        let protection = Protection::of(modules, headers)?;
        protection
            .measured
            .demand(protection.wanted, flags::pads_calls(flags))?;
        let note = protection.shown();
        Ok(Done::now(protection, note))
    })
}

fn pack(
    session: &Session,
    steps: &Steps,
    image: &Image,
    built: &Modules,
    firmware: &Firmware,
    programs: &Programs,
    release: &str,
) -> Result<PathBuf> {
    steps.run(Phase::Build, "guest's files", || {
        let drivers: Vec<PathBuf> = MODULES.iter().map(|name| built.path(name)).collect();
        let needed = modules::needed(&image.modules, &drivers)?;
        let packages = firmware
            .packages
            .iter()
            .chain(&image.packages)
            .map(|package| package.sha256.as_str());
        let key = Key::of("initramfs-2")
            .with_all("package", packages)
            .with("release", release)
            .with("modules", built.key.as_str())
            .with_file("guest", &programs.guest)?
            .with_file("metadata", &programs.metadata)?
            .build();
        let entry = session.cache.entry("initramfs", &key, |dir| {
            let metadata = dir.join("vgpu-types.bin");
            crate::proc::Cmd::new(&programs.metadata)
                .args(["--release", release])
                .arg(&metadata)
                .must("the vGPU type file cannot be made")?;
            let path = dir.join("initramfs.cpio");
            write(&path, &needed, &drivers, firmware, &metadata, programs, release)
        })?;
        let note = format!("firmware {release}, {} modules of the kernel", needed.len());
        Ok(Done::maybe_cached(entry.path.join("initramfs.cpio"), entry.hit, note))
    })
}

fn write(
    path: &Path,
    needed: &[PathBuf],
    drivers: &[PathBuf],
    firmware: &Firmware,
    metadata: &Path,
    programs: &Programs,
    release: &str,
) -> Result<()> {
    let mut archive = Archive::create(path)?;
    let read = |path: &Path| fs::read(path).on("read", path);
    for name in ["proc", "sys", "dev", "tmp"] {
        archive.directory(name).on("write", path)?;
    }
    // The kernel opens it for /init before anything is mounted.
    archive.device("dev/console", 5, 1).on("write", path)?;
    archive.program("init", &read(&programs.guest)?).on("write", path)?;
    let mut placed = Vec::new();
    for module in needed.iter().chain(drivers) {
        let name = format!(
            "lib/modules/{}",
            module.file_name().unwrap_or_default().to_string_lossy()
        );
        archive.file(&name, &read(module)?).on("write", path)?;
        placed.push(format!("/{name}"));
    }
    let mut own = placed.split_off(needed.len()).into_iter();
    for (name, file) in firmware::files(&firmware.dir, release)? {
        archive
            .file(&format!("lib/firmware/{name}"), &read(&file)?)
            .on("write", path)?;
    }
    archive
        .file(
            &format!("lib/firmware/{}", firmware::metadata_name(release)),
            &read(metadata)?,
        )
        .on("write", path)?;
    let plan = Plan {
        kernel_modules: placed,
        pf_module: own.next().unwrap_or_default(),
        vf_module: own.next().unwrap_or_default(),
        release: release.to_owned(),
        vfs: VFS,
    };
    let plan = serde_json::to_vec(&plan)
        .map_err(|error| Error::cell("the plan cannot be written").found(error.to_string()))?;
    archive
        .file(PLAN_PATH.trim_start_matches('/'), &plan)
        .on("write", path)?;
    archive.finish().on("write", path).map(|_| ())
}

/// Boots, shows the guest's steps as they come, and judges the whole.
fn exercise(cache: &Cache, steps: &Steps, boot: &Boot<'_>, evidence: &mut Evidence) -> Result<()> {
    let _turn = steps.run(Phase::Boot, "turn to boot", || {
        Ok(Done::now(cache.turn("boot", qemu::at_a_time())?, ""))
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
        match judge(&outcome) {
            Ok(note) => Ok(Done::now((), note)),
            Err(error) => Err(error.log(&boot.dir.join("console.log"))),
        }
    })
}

/// A step of the guest as one of the run.
fn guest_step(report: &StepReport) -> Record {
    let (outcome, note) = match (report.ok, &report.not_offered) {
        (false, _) => (Outcome::Failed, report.reason.as_deref()),
        (true, Some(what)) => (Outcome::NotOffered, Some(what.as_str())),
        (true, None) => (Outcome::Ok, None),
    };
    Record {
        phase: Phase::Guest,
        name: report.step.name().to_owned(),
        outcome,
        seconds: report.ms as f64 / 1000.0,
        memory: None,
        made: None,
        note: note.unwrap_or(report.step.title()).to_owned(),
    }
}

/// Whether all went well, in the order of what explains most: the guest's own word, its silence, the device's word, the kernel's.
fn judge(outcome: &qemu::Outcome) -> Result<String> {
    if let Some(report) = outcome.steps.iter().find(|report| !report.ok) {
        let reason = report.reason.clone().unwrap_or_else(|| "no reason given".to_owned());
        let mut tail = outcome.violations.clone();
        tail.extend(outcome.explanation());
        return Err(Error::cell(reason).tail(tail).in_step(report.step.name()));
    }
    if outcome.ended != Some(true) {
        let last = outcome.steps.last().map_or("none", |report| report.step.name());
        let death = outcome.death.as_deref().unwrap_or("the machine went off");
        return Err(Error::cell(format!("the guest did not finish: {death}"))
            .expected("every step, and the word that it was the last")
            .found(format!("last step done: {last}"))
            .tail(outcome.explanation()));
    }
    if let Some(violation) = outcome.violations.first() {
        return Err(Error::cell("the emulated GPU saw a rule broken")
            .found(violation.clone())
            .tail(outcome.violations.clone()));
    }
    if let Some(alarm) = console::alarms(&outcome.console).into_iter().next() {
        return Err(Error::cell("the guest's kernel complained")
            .found(alarm)
            .tail(outcome.explanation()));
    }
    let absent = outcome
        .steps
        .iter()
        .filter(|report| report.not_offered.is_some())
        .count();
    let absent = match absent {
        0 => String::new(),
        count => format!(" ({count} not offered by this kernel)"),
    };
    Ok(format!(
        "{} steps{absent}, no rule broken, nothing alarming in the kernel's log",
        outcome.steps.len()
    ))
}

/// The packages that say what it is: without meta packages and libraries.
fn named(packages: &[Package]) -> String {
    packages
        .first()
        .map(|package| format!("{} {}", package.name, package.version))
        .unwrap_or_default()
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
    use novabridge_protocol::Step;

    fn report(step: Step, reason: Option<&str>) -> StepReport {
        StepReport {
            step,
            ok: reason.is_none(),
            ms: 1,
            detail: Default::default(),
            reason: reason.map(str::to_owned),
            not_offered: None,
        }
    }

    #[test]
    fn a_step_the_kernel_does_not_offer_is_no_pass_and_no_failure() {
        let mut absent = report(Step::Suspend, None);
        absent.not_offered = Some("no suspend".to_owned());
        let record = guest_step(&absent);
        assert_eq!(
            (record.outcome, record.note.as_str()),
            (Outcome::NotOffered, "no suspend")
        );
        let mut run = good();
        run.steps.push(absent);
        assert!(judge(&run)
            .unwrap()
            .starts_with("3 steps (1 not offered by this kernel)"));
        assert_eq!(guest_step(&report(Step::Dma, None)).outcome, Outcome::Ok);
        assert_eq!(guest_step(&report(Step::Dma, Some("no"))).outcome, Outcome::Failed);
    }

    fn good() -> qemu::Outcome {
        let steps = vec![report(Step::KernelUp, None), report(Step::BootGpu, None)];
        qemu::Outcome {
            steps,
            ended: Some(true),
            ..Default::default()
        }
    }

    #[test]
    fn a_run_is_good_when_nobody_objects() {
        assert!(judge(&good()).unwrap().starts_with("2 steps"));
    }

    #[test]
    fn each_objection_fails_the_run() {
        let mut failed_step = good();
        failed_step.steps.push(report(Step::Dma, Some("no DMA")));
        assert_eq!(judge(&failed_step).unwrap_err().step.as_deref(), Some("dma"));

        let silent = qemu::Outcome { ended: None, ..good() };
        assert_eq!(
            judge(&silent).unwrap_err().found.as_deref(),
            Some("last step done: boot-gpu")
        );

        let violation = qemu::Outcome {
            violations: vec!["{\"rule\":\"x\"}".to_owned()],
            ..good()
        };
        assert!(judge(&violation).unwrap_err().what.contains("rule"));

        let complaint = qemu::Outcome {
            console: "[ 1.0] WARNING: CPU: 0".to_owned(),
            ..good()
        };
        assert!(judge(&complaint).unwrap_err().what.contains("complained"));
    }

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
