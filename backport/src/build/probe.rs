// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Compile probes: what this kernel's API is, asked of its headers and compiler, never of its version number.
//!
//! A probe is a C file of `backport/probes/` with a header comment:
//! ```text
//! probe: NVB_HAVE_SOMETHING
//! why: what differs between kernels, and since when
//! ```
//! It compiles where the thing is there. All probes are compiled by one kbuild call.

use crate::build::kbuild::{Compiler, Make};
use crate::cache::{files_below, Cache, Key};
use crate::error::{Error, PathContext, Result};
use crate::kernel::Headers;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A probe's answer with what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Answer {
    /// The macro it decides.
    pub name: String,
    /// What differs between kernels.
    pub why: String,
    /// Whether it compiled.
    pub have: bool,
    /// The compiler's first error, when it did not.
    pub evidence: Option<String>,
}

/// A probe as it stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Probe {
    /// File name without `.c`; the object kbuild makes is called the same.
    stem: String,
    name: String,
    why: String,
    text: String,
}

/// Runs all probes of `dir` (or finds their answers).
///
/// # Errors
/// A probe file has no header; kbuild itself does not work with these headers.
pub fn run(cache: &Cache, dir: &Path, headers: &Headers, compiler: &Compiler) -> Result<(Vec<Answer>, bool)> {
    let probes = read_all(dir)?;
    let key = Key::of("probes-2")
        .with("headers", &headers.identity)
        .with("compiler", &compiler.version)
        .with_all(
            "probe",
            probes.iter().map(|probe| format!("{}:{}", probe.stem, probe.text)),
        )
        .build();
    let entry = cache.entry("probes", &key, |build| {
        let answers = compile(&probes, build, headers, compiler)?;
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
    Ok((answers, entry.hit))
}

/// The header with which the driver's compat layer chooses.
pub fn config_header(answers: &[Answer]) -> String {
    let mut text = String::from("/* Made by novabridge from compile probes; see backport/probes. */\n");
    for answer in answers {
        let line = if answer.have {
            format!("#define {} 1", answer.name)
        } else {
            format!("/* no {} */", answer.name)
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn compile(probes: &[Probe], build: &Path, headers: &Headers, compiler: &Compiler) -> Result<Vec<Answer>> {
    // A probe that always compiles: if it does not, the fault is with kbuild, and no other answer means anything.
    let control = Probe {
        stem: "nvb_control".into(),
        name: String::new(),
        why: String::new(),
        text: "#include <linux/module.h>\n#include <linux/pci.h>\n".into(),
    };
    let mut list = String::from("obj-m :=");
    for probe in probes.iter().chain([&control]) {
        let _ = write!(list, " {}.o", probe.stem);
        let path = build.join(format!("{}.c", probe.stem));
        fs::write(&path, &probe.text).on("write", &path)?;
    }
    let kbuild = build.join("Kbuild");
    fs::write(&kbuild, list + "\n").on("write", &kbuild)?;
    let targets = probes.iter().chain([&control]).map(|probe| format!("{}.o", probe.stem));
    let output = Make {
        headers,
        compiler,
        dir: build,
    }
    .run(targets.chain(["-k".to_owned()]))?
    .output;
    if !build.join("nvb_control.o").is_file() {
        return Err(Error::setup("kbuild does not work with these kernel headers")
            .expected("an empty module to compile")
            .tail(crate::proc::last_lines(&output, 20)));
    }
    let answers = probes.iter().map(|probe| {
        let have = build.join(format!("{}.o", probe.stem)).is_file();
        let evidence = (!have).then(|| first_error(&output, &probe.stem));
        Answer {
            name: probe.name.clone(),
            why: probe.why.clone(),
            have,
            evidence,
        }
    });
    Ok(answers.collect())
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
    let is_c = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "c");
    files_below(dir)?
        .into_iter()
        .filter(is_c)
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
    fn the_config_header_defines_what_is_there() {
        let answer = |name: &str, have| Answer {
            name: name.into(),
            why: String::new(),
            have,
            evidence: None,
        };
        let text = config_header(&[answer("NVB_HAVE_A", true), answer("NVB_HAVE_B", false)]);
        assert!(text.ends_with("#define NVB_HAVE_A 1\n/* no NVB_HAVE_B */\n"));
    }
}
