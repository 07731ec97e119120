// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The modules, built by the kernel's own build system outside its tree.

use crate::build::compiler::Compiler;
use crate::build::probe::CONFIG;
use crate::cache::{files_below, Cache, Key};
use crate::error::{Error, PathContext, Result};
use crate::kernel::Headers;
use crate::matrix::Core;
use crate::proc::{last_lines, Cmd, Finished};
use crate::rust::object::KernelObject;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The modules a build must leave, in the order they are loaded.
pub const MODULES: [&str; 2] = ["novabridge.ko", "novabridge-vfio-pci.ko"];

/// Everything the build said, beside the modules.
pub const LOG: &str = "build.log";

/// A call of make against a kernel's headers.
pub struct Make<'a> {
    /// The kernel's headers.
    pub headers: &'a Headers,
    /// The C compiler.
    pub compiler: &'a Compiler,
    /// The directory with the `Kbuild` file.
    pub dir: &'a Path,
}

impl Make<'_> {
    /// Runs the kernel's own makefile with these targets, options and variables; any exit status is an `Ok`.
    ///
    /// # Errors
    /// make cannot be started or does not end.
    pub fn run(&self, args: impl IntoIterator<Item = String>) -> Result<Finished> {
        let module = format!("M={}", self.dir.display());
        self.make(&self.headers.dir, [module].into_iter().chain(args))
    }

    /// The same with the makefile that is in the directory itself, and calls the kernel's.
    ///
    /// # Errors
    /// As [`Make::run`].
    pub fn run_beside(&self, args: impl IntoIterator<Item = String>) -> Result<Finished> {
        let kernel = format!("KDIR={}", self.headers.dir.display());
        self.make(self.dir, [kernel].into_iter().chain(args))
    }

    fn make(&self, dir: &Path, args: impl IntoIterator<Item = String>) -> Result<Finished> {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        Cmd::new("make")
            .arg("-C")
            .arg(dir)
            .arg(format!("CC={}", self.compiler.program))
            .args(&self.compiler.variables)
            .arg(format!("-j{jobs}"))
            .args(args)
            .env("PATH", self.path())
            // Options of a make that runs this tool must not reach this one.
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .limit(Duration::from_secs(600))
            .run()
    }

    /// The compiler comes before the kernel's own tools, and those before the machine's.
    fn path(&self) -> std::ffi::OsString {
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let private = self.compiler.dir.iter().chain(&self.headers.tools).cloned();
        let dirs = private.chain(std::env::split_paths(&machine));
        // A directory with a colon in its name cannot be in PATH; then the machine's tools have to do.
        std::env::join_paths(dirs).unwrap_or(machine)
    }
}

/// The built modules.
#[derive(Clone, Debug)]
pub struct Modules {
    /// Where they are, with the build's log beside them.
    pub dir: PathBuf,
    /// Where the VFIO driver is, if it is of another build.
    vfio: Option<PathBuf>,
    /// Identifies them in later cache keys.
    pub key: Key,
    /// Whether they were there already.
    pub hit: bool,
}

impl Modules {
    /// Modules that something else than this tool built.
    ///
    /// # Errors
    /// One is not there.
    pub fn built_elsewhere(dir: &Path) -> Result<Self> {
        let key = MODULES.iter().try_fold(Key::of("built-elsewhere-1"), |key, name| {
            key.with_file(name, &dir.join(name))
        });
        Ok(Modules {
            dir: dir.to_path_buf(),
            vfio: None,
            key: key?.build(),
            hit: false,
        })
    }

    /// The path of one of [`MODULES`].
    pub fn path(&self, name: &str) -> PathBuf {
        match &self.vfio {
            Some(dir) if name == MODULES[1] => dir.join(name),
            _ => self.dir.join(name),
        }
    }

    /// What compiler, modpost and objtool complained about.
    ///
    /// # Errors
    /// The builds' logs cannot be read.
    pub fn warnings(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for dir in [Some(&self.dir), self.vfio.as_ref()].into_iter().flatten() {
            let log = dir.join(LOG);
            all.extend(warnings(&fs::read_to_string(&log).on("read", &log)?));
        }
        Ok(all)
    }

    /// # Errors
    /// Something complained.
    pub fn demand_quiet(&self) -> Result<()> {
        let warnings = self.warnings()?;
        if warnings.is_empty() {
            return Ok(());
        }
        Err(Error::cell("the modules build with warnings")
            .expected("not a word from the compiler, modpost and objtool")
            .found(format!("{} warnings", warnings.len()))
            .tail(warnings)
            .log(&self.dir.join(LOG)))
    }

    /// These with the VFIO driver of another build.
    pub fn with_vfio_of(self, other: &Modules) -> Modules {
        let key = Key::of("module pair")
            .with("core", self.key.as_str())
            .with("vfio", other.key.as_str())
            .build();
        Modules {
            vfio: Some(other.dir.clone()),
            key,
            hit: self.hit && other.hit,
            ..self
        }
    }
}

/// What goes into a build.
pub struct Inputs<'a> {
    /// The source tree.
    pub source: &'a Path,
    /// The kernel's headers.
    pub headers: &'a Headers,
    /// The C compiler.
    pub compiler: &'a Compiler,
    /// The probes' answers, as the driver reads them.
    pub config: &'a str,
    /// The Rust half.
    pub object: &'a KernelObject,
    /// Which form of it is used.
    pub core: Core,
}

/// Builds (or finds) the modules. Whether the build was quiet is asked of them.
///
/// # Errors
/// The build fails.
pub fn modules(cache: &Cache, inputs: &Inputs<'_>) -> Result<Modules> {
    let driver = inputs.source.join("c-vfio-driver");
    let header = inputs.source.join("capi/include/novabridge.h");
    let key = Key::of("modules-2")
        .with("headers", &inputs.headers.identity)
        .with("compiler", &inputs.compiler.version)
        .with_all("variable", &inputs.compiler.variables)
        .with("config", inputs.config)
        .with("object", inputs.object.key.as_str())
        .with("form", form(inputs.core))
        .with_file("header", &header)?
        .with_tree("driver", &driver, is_source)?
        .build();
    let entry = cache.entry("modules", &key, |dir| {
        for path in files_below(&driver)?.iter().filter(|path| is_source(path)) {
            copy(&driver.join(path), &dir.join(path))?;
        }
        copy(&header, &dir.join("abi/novabridge.h"))?;
        let (from, name) = match inputs.core {
            Core::Rust => (&inputs.object.object, "nvb_rs.obj"),
            Core::Assembly => (&inputs.object.assembly, "nvb_rs.S"),
        };
        copy(from, &dir.join(name))?;
        let path = dir.join(CONFIG);
        fs::write(&path, inputs.config).on("write", &path)?;
        make(inputs, dir)
    })?;
    Ok(Modules {
        dir: entry.path,
        vfio: None,
        key,
        hit: entry.hit,
    })
}

fn make(inputs: &Inputs<'_>, dir: &Path) -> Result<()> {
    let call = Make {
        headers: inputs.headers,
        compiler: inputs.compiler,
        dir,
    };
    let variables = [
        format!("NOVABRIDGE_CORE={}", form(inputs.core)),
        format!("NOVABRIDGE_INCLUDE={}", dir.join("abi").display()),
        "CONFIG_NOVABRIDGE=m".to_owned(),
        "CONFIG_NOVABRIDGE_VFIO=m".to_owned(),
    ];
    let done = call.run(variables.into_iter().chain(["modules".to_owned()]))?;
    let log = dir.join(LOG);
    fs::write(&log, &done.output).on("write", &log)?;
    if !done.status.success() {
        return Err(Error::cell("the modules do not build").tail(failure_lines(&done.output)));
    }
    match MODULES.iter().find(|name| !dir.join(name).is_file()) {
        Some(name) => Err(Error::cell(format!("the build left no {name}")).tail(last_lines(&done.output, 20))),
        None => Ok(()),
    }
}

fn form(core: Core) -> &'static str {
    match core {
        Core::Rust => "rust",
        Core::Assembly => "asm",
    }
}

/// Lines in which a tool of the build complains.
pub fn warnings(output: &str) -> Vec<String> {
    let is_warning = |line: &&str| line.to_ascii_lowercase().contains("warning");
    output.lines().filter(is_warning).map(str::to_owned).collect()
}

/// The errors of a failed build if there are any, else its end.
pub fn failure_lines(output: &str) -> Vec<String> {
    let errors: Vec<String> = output
        .lines()
        .filter(|line| line.contains("error:") || line.contains("ERROR:"))
        .take(20)
        .map(str::to_owned)
        .collect();
    if errors.is_empty() {
        last_lines(output, 20)
    } else {
        errors
    }
}

/// Leaves out what builds in the source tree may have left there.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let known = [".c", ".h", ".S", ".lds"].iter().any(|end| name.ends_with(end)) && !name.ends_with(".mod.c");
    known || ["Kbuild", "Makefile", "Kconfig"].contains(&name.as_ref())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir).on("create", dir)?;
    }
    fs::copy(from, to).on("copy", from).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;

    #[test]
    fn every_tools_complaint_counts() {
        let output = "  CC [M]  a.o\na.c:1:2: warning: unused\nWARNING: modpost: missing\na.o: warning: objtool: naked\n  LD [M]  a.ko\n\
                      Skipping BTF generation for a.ko due to unavailability of vmlinux\n";
        assert_eq!(warnings(output).len(), 3);
    }

    #[test]
    fn warnings_of_either_half_are_kept_and_refused() {
        let dir = Scratch::new("warnings");
        let build = |name: &str, log: &str| {
            let dir = dir.0.join(name);
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join(LOG), log).unwrap();
            Modules {
                dir,
                vfio: None,
                key: Key::of(name).build(),
                hit: true,
            }
        };
        let quiet = build("core", "  CC [M]  a.o\n");
        quiet.demand_quiet().unwrap();
        let pair = quiet.with_vfio_of(&build("vfio", "b.c:1: warning: unused\n"));
        assert_eq!(pair.warnings().unwrap(), ["b.c:1: warning: unused"]);
        assert_eq!(pair.demand_quiet().unwrap_err().tail, ["b.c:1: warning: unused"]);
    }

    #[test]
    fn build_products_are_not_sources() {
        for (name, expected) in [
            ("pf/main.c", true),
            ("Kbuild", true),
            ("a.mod.c", false),
            ("a.o", false),
            ("a.ko", false),
        ] {
            assert_eq!(is_source(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn a_failed_build_shows_its_errors_before_its_end() {
        assert_eq!(failure_lines("x\na.c:1: error: b\nmake: end\n"), ["a.c:1: error: b"]);
        assert_eq!(failure_lines("x\nmake: end\n"), ["x", "make: end"]);
    }
}
