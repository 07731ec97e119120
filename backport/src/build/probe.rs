// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Compile probes: what this kernel's API is, asked of its headers and compiler, never of its version number.
//!
//! A probe is a C file of `backport/probes/` with a header comment:
//! ```text
//! probe: NVB_HAVE_SOMETHING
//! why: what differs between kernels, and since when
//! ```
//! It compiles where the thing is there. The makefile beside the probes compiles them all by one kbuild call and writes the
//! header the driver chooses by; packages bring the same files and ask in the same way. What compiles may still call a function
//! the kernel does not export; the makefile lets modpost tell. This module adds the evidence.

use crate::build::compiler::Compiler;
use crate::build::kbuild::{failure_lines, Make};
use crate::cache::{files_below, Cache, Key};
use crate::error::{Error, PathContext, Result};
use crate::kernel::Headers;
use std::fs;
use std::path::{Path, PathBuf};

/// What a kernel was found to have.
#[derive(Clone, Debug)]
pub struct Found {
    /// One answer a probe.
    pub answers: Vec<Answer>,
    /// The header by which the driver's compat layer chooses.
    pub config: String,
    /// Whether it was known already.
    pub hit: bool,
}

impl Found {
    /// In one line.
    pub fn shown(&self) -> String {
        let have = self.answers.iter().filter(|answer| answer.have).count();
        format!("{have} of {} kernel interfaces are there", self.answers.len())
    }
}

/// A probe's answer with what it rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Answer {
    /// The macro it decides.
    pub name: String,
    /// What differs between kernels.
    pub why: String,
    /// Whether it compiled, and all it calls is exported.
    pub have: bool,
    /// The C file that was tried.
    pub source: String,
    /// The kernel's headers it asks.
    pub headers: Vec<Asked>,
    /// The compiler's first error, or what modpost missed, when the answer is no.
    pub evidence: Option<String>,
}

/// A header that a probe includes.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Asked {
    /// As it is included.
    pub name: String,
    /// Where this kernel has it, within its headers; that it has none is an answer too.
    pub file: Option<String>,
}

/// A probe as it stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Probe {
    /// File name without `.c`.
    stem: String,
    name: String,
    why: String,
    text: String,
}

/// The header that the makefile writes.
pub const CONFIG: &str = "nvb_compat_config.h";
/// What the compiler said, beside it.
const LOG: &str = "probes.log";
/// What could not be linked: a line "probe symbol" each.
const UNEXPORTED: &str = "unexported.txt";
/// Compiles everywhere, and is no question.
const CONTROL: &str = "control.c";
/// kbuild's record of its compilation.
const RECORD: &str = ".control.o.cmd";

/// Runs all probes of `dir` (or finds their answers).
///
/// # Errors
/// A probe file has no header; kbuild itself does not work with these headers.
pub fn run(cache: &Cache, dir: &Path, headers: &Headers, compiler: &Compiler) -> Result<Found> {
    let probes = read_all(dir)?;
    let key = Key::of("probes-4")
        .with("headers", &headers.identity)
        .with("compiler", &compiler.version)
        .with_all("variable", &compiler.variables)
        .with_tree("probes", dir, is_ours)?
        .build();
    let entry = cache.entry("probes", &key, |build| {
        let answers = compile(&probes, dir, build, headers, compiler)?;
        let text = serde_json::to_string_pretty(&answers)
            .map_err(|error| Error::cell("probe answers cannot be written").found(error.to_string()))?;
        let path = build.join("answers.json");
        fs::write(&path, text).on("write", &path)
    })?;
    let path = entry.path.join("answers.json");
    let text = fs::read_to_string(&path).on("read", &path)?;
    let answers = serde_json::from_str(&text).map_err(|error| {
        Error::setup(format!("{} is damaged", path.display()))
            .found(error.to_string())
            .fix("remove that file's directory")
    })?;
    let path = entry.path.join(CONFIG);
    let config = fs::read_to_string(&path).on("read", &path)?;
    Ok(Found {
        answers,
        config,
        hit: entry.hit,
    })
}

fn compile(probes: &[Probe], dir: &Path, build: &Path, headers: &Headers, compiler: &Compiler) -> Result<Vec<Answer>> {
    for name in files_below(dir)?.iter().filter(|name| is_ours(name)) {
        fs::copy(dir.join(name), build.join(name)).on("copy", &dir.join(name))?;
    }
    let make = Make {
        headers,
        compiler,
        dir: build,
    };
    let done = make.run_beside([CONFIG.to_owned()])?;
    if !done.status.success() {
        return Err(Error::setup("kbuild does not work with these kernel headers")
            .expected("an empty module to compile")
            .tail(failure_lines(&done.output)));
    }
    let read = |name: &str| fs::read_to_string(build.join(name)).on("read", &build.join(name));
    let said = Said {
        config: read(CONFIG)?,
        log: read(LOG)?,
        unexported: read(UNEXPORTED)?,
        include: include_dirs(&read(RECORD)?),
    };
    Ok(probes.iter().map(|probe| said.about(probe)).collect())
}

/// What the makefile left.
#[derive(Default)]
struct Said {
    config: String,
    log: String,
    unexported: String,
    include: Vec<(PathBuf, &'static str)>,
}

impl Said {
    fn about(&self, probe: &Probe) -> Answer {
        let defined = format!("#define {} 1", probe.name);
        let have = self.config.lines().any(|line| line == defined);
        let missed = self
            .unexported
            .lines()
            .find_map(|line| line.strip_prefix(&probe.stem)?.strip_prefix(' '));
        let evidence = || match missed {
            Some(symbol) => format!("modpost: {symbol} is declared but not exported"),
            None => first_error(&self.log, &probe.stem),
        };
        Answer {
            name: probe.name.clone(),
            why: probe.why.clone(),
            have,
            source: probe.text.clone(),
            headers: self.asked(&probe.text),
            evidence: (!have).then(evidence),
        }
    }

    fn asked(&self, text: &str) -> Vec<Asked> {
        let names = text
            .lines()
            .filter_map(|line| line.strip_prefix("#include <")?.split('>').next());
        let place = |name: &str| {
            let found = self.include.iter().find(|(dir, _)| dir.join(name).is_file());
            found.map(|(_, shown)| format!("{shown}/{name}"))
        };
        let asked = |name: &str| Asked {
            name: name.to_owned(),
            file: place(name),
        };
        names.map(asked).collect()
    }
}

/// Where the kernel's headers are, each directory with its name within them: from what kbuild recorded of a compilation, as the
/// directory that modules are built against may refer to a second one.
fn include_dirs(record: &str) -> Vec<(PathBuf, &'static str)> {
    let mut tops: Vec<&str> = Vec::new();
    for word in record.split_whitespace() {
        for mark in ["/include/linux/pci.h", "/include/generated/autoconf.h"] {
            if let Some(top) = word
                .strip_suffix(mark)
                .filter(|top| top.starts_with('/') && !tops.contains(top))
            {
                tops.push(top);
            }
        }
    }
    let subs = [
        "include",
        "arch/x86/include",
        "arch/x86/include/generated",
        "include/uapi",
    ];
    let dirs = tops
        .iter()
        .flat_map(|top| subs.map(|sub| (Path::new(top).join(sub), sub)));
    dirs.collect()
}

/// Leaves out what an earlier build in the source tree left there.
fn is_ours(path: &Path) -> bool {
    let name = path.to_string_lossy();
    (name.ends_with(".c") && !name.ends_with(".mod.c")) || ["Kbuild", "Makefile"].contains(&name.as_ref())
}

/// The compiler's first error about `stem`, without the path it was compiled at.
fn first_error(output: &str, stem: &str) -> String {
    let source = format!("{stem}.c:");
    let error = output
        .lines()
        .find(|line| line.contains(&source) && line.contains("error:"));
    match error.and_then(|line| line.find(&source).and_then(|at| line.get(at..))) {
        Some(line) => line.to_owned(),
        None => "no error message names this probe".to_owned(),
    }
}

fn read_all(dir: &Path) -> Result<Vec<Probe>> {
    let is_probe = |path: &std::path::PathBuf| {
        let is_c = path.extension().is_some_and(|extension| extension == "c");
        is_c && is_ours(path) && path.as_os_str() != CONTROL
    };
    files_below(dir)?
        .into_iter()
        .filter(is_probe)
        .map(|path| {
            let full = dir.join(&path);
            let text = fs::read_to_string(&full).on("read", &full)?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            read(&stem, text)
        })
        .collect()
}

fn read(stem: &str, text: String) -> Result<Probe> {
    let field = |label: &str| -> Option<String> {
        let mut lines = text.lines().map(|line| {
            line.trim_start_matches([' ', '*', '/'])
                .trim_end_matches("*/")
                .trim_end()
        });
        let first = lines.find_map(|line| line.strip_prefix(label))?.trim().to_owned();
        // A field goes on until an empty line, another field or the end of the comment.
        let more = lines.take_while(|line| !line.is_empty() && !line.starts_with('#') && !line.contains(": "));
        Some(more.fold(first, |all, line| all + " " + line))
    };
    let missing = |label: &str| {
        Error::cell(format!(
            "backport/probes/{stem}.c has no \"{label}\" in its header comment"
        ))
        .expected("lines \"probe: NVB_HAVE_...\" and \"why: ...\"")
    };
    let name = field("probe:").ok_or_else(|| missing("probe:"))?;
    let why = field("why:").ok_or_else(|| missing("why:"))?;
    let name = name.split_whitespace().next().unwrap_or_default().to_owned();
    Ok(Probe {
        stem: stem.to_owned(),
        name,
        why,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "// SPDX-License-Identifier: GPL-2.0-only\n/*\n * probe: NVB_HAVE_PCI_X\n * why: pci_x() came with\n * a newer kernel\n */\n#include <linux/pci.h>\n";

    #[test]
    fn the_header_comment_is_read() {
        let probe = read("pci_x", TEXT.to_owned()).unwrap();
        assert_eq!(probe.name, "NVB_HAVE_PCI_X");
        assert_eq!(probe.why, "pci_x() came with a newer kernel");
    }

    #[test]
    fn a_probe_without_a_reason_is_refused() {
        let error = read("x", "/* probe: NVB_HAVE_X */\n".to_owned()).unwrap_err();
        assert!(error.what.contains("why:"), "{error}");
    }

    #[test]
    fn evidence_is_the_first_error_of_that_probe() {
        let output =
            "/b/a.c:3:1: error: other\n/b/pci_x.c:9:2: error: implicit declaration\n/b/pci_x.c:10:2: error: second\n";
        assert_eq!(first_error(output, "pci_x"), "pci_x.c:9:2: error: implicit declaration");
    }

    #[test]
    fn an_answer_is_what_the_makefile_wrote() {
        let probe = read("pci_x", TEXT.to_owned()).unwrap();
        let said = |config: &str, log: &str, unexported: &str| {
            let said = Said {
                config: config.to_owned(),
                log: log.to_owned(),
                unexported: unexported.to_owned(),
                include: Vec::new(),
            };
            said.about(&probe)
        };
        let there = said("#define NVB_HAVE_PCI_X 1\n", "", "pci_xy f\n");
        assert!(there.have && there.evidence.is_none());
        let absent = said("/* no NVB_HAVE_PCI_X */\n", "/b/pci_x.c:9:2: error: e\n", "");
        assert_eq!(absent.evidence.as_deref(), Some("pci_x.c:9:2: error: e"));
        assert!(!said("#define NVB_HAVE_PCI_X_AND_MORE 1\n", "", "").have);
        let unlinked = said("/* no NVB_HAVE_PCI_X */\n", "", "pci_xy f\npci_x pci_fn\n");
        assert_eq!(
            unlinked.evidence.as_deref(),
            Some("modpost: pci_fn is declared but not exported")
        );
        let asked = Asked {
            name: "linux/pci.h".into(),
            file: None,
        };
        assert_eq!(unlinked.headers, [asked], "no directory was given, so it is in none");
    }

    #[test]
    fn headers_are_looked_for_where_the_compiler_found_them() {
        let record = "deps_a.o := \\\n    $(wildcard include/config/X) \\\n /k/common/include/linux/pci.h \\\n\
                      -include /k/flavour/include/generated/autoconf.h\n";
        let dirs = include_dirs(record);
        assert!(dirs.contains(&(PathBuf::from("/k/common/include"), "include")));
        assert!(dirs.contains(&(
            PathBuf::from("/k/flavour/arch/x86/include/generated"),
            "arch/x86/include/generated"
        )));
    }

    #[test]
    fn the_control_and_build_products_are_no_probes() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("probes");
        let probes = read_all(&dir).unwrap();
        assert!(probes.len() > 10 && probes.iter().all(|probe| probe.stem != "control"));
        assert!(!is_ours(Path::new("pci_x.mod.c")) && !is_ours(Path::new("pci_x.o")));
    }
}
