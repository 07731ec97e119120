// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What stands in for kernel interfaces that are not there: read from the driver's own sources, so that no list of it can go stale.
//!
//! A stand-in is what the driver compiles only because a probe said no: the branch of `#ifdef NVB_HAVE_...` for its absence, the
//! driver's headers such a branch includes, and the sources Kbuild adds in such a branch.

use crate::build::probe::Answer;
use crate::cache::files_below;
use crate::error::{PathContext, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What stands in for one absent interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shim {
    /// The probe that found it absent.
    pub probe: String,
    /// What differs between kernels.
    pub why: String,
    /// Lines of code that stand in, comments and empty lines not counted.
    pub lines: usize,
    /// Where they are, below `c-vfio-driver`.
    pub files: Vec<ShimFile>,
}

/// The part of a stand-in that is in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShimFile {
    /// The file.
    pub path: String,
    /// Its lines of code that count.
    pub lines: usize,
}

/// The stand-ins for all that is absent according to `answers`, from the sources in `driver`.
///
/// # Errors
/// The sources cannot be read.
pub fn used(driver: &Path, answers: &[Answer]) -> Result<Vec<Shim>> {
    let is_read = |path: &Path| {
        path.file_name().is_some_and(|name| name == "Kbuild")
            || path.extension().is_some_and(|end| end == "h" || end == "c")
    };
    let mut sources = BTreeMap::new();
    for path in files_below(driver)?.into_iter().filter(|path| is_read(path)) {
        let full = driver.join(&path);
        sources.insert(path.display().to_string(), fs::read_to_string(&full).on("read", &full)?);
    }
    let absent = answers.iter().filter(|answer| !answer.have);
    Ok(absent.map(|answer| stand_in(&sources, answer)).collect())
}

fn stand_in(sources: &BTreeMap<String, String>, answer: &Answer) -> Shim {
    let mut files: BTreeMap<String, usize> = BTreeMap::new();
    for (path, text) in sources.iter().filter(|(_, text)| text.contains(&answer.name)) {
        let branch = absent_branch(&without_comments(text), &answer.name);
        let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
        let mut own = 0;
        for line in &branch {
            let named: Vec<String> = if path.ends_with("Kbuild") {
                let objects = line.split_whitespace().filter_map(|word| word.strip_suffix(".o"));
                objects.map(|stem| format!("{stem}.c")).collect()
            } else {
                let include = line
                    .trim()
                    .strip_prefix("#include \"")
                    .and_then(|rest| rest.strip_suffix('"'));
                include.map(|name| format!("{dir}/{name}")).into_iter().collect()
            };
            let whole: Vec<(&String, &String)> = named.iter().filter_map(|name| sources.get_key_value(name)).collect();
            if whole.is_empty() {
                own += 1;
            }
            for (path, text) in whole {
                files.insert(path.clone(), without_comments(text).len());
            }
        }
        if own > 0 {
            *files.entry(path.clone()).or_default() += own;
        }
    }
    Shim {
        probe: answer.name.clone(),
        why: answer.why.clone(),
        lines: files.values().sum(),
        files: files
            .into_iter()
            .map(|(path, lines)| ShimFile { path, lines })
            .collect(),
    }
}

/// The lines that are compiled only where `name` is not defined. `lines` are of C or of make: both know `if...`, `else`, `endif`.
fn absent_branch<'a>(lines: &[&'a str], name: &str) -> Vec<&'a str> {
    // For each open condition: whether it is about `name`, and whether the branch under way is for its absence.
    let mut open: Vec<(bool, bool)> = Vec::new();
    let mut found = Vec::new();
    for line in lines {
        let directive = line.trim().trim_start_matches('#').trim_start();
        let word = directive.split_whitespace().next().unwrap_or_default();
        match word {
            "ifdef" | "ifndef" | "ifeq" | "ifneq" | "if" => {
                let about = mentions(directive, name);
                // make asks with ifneq whether grep found something.
                open.push((about, about && word == "ifndef"));
            }
            "else" => {
                if let Some((about, absent)) = open.last_mut() {
                    *absent = *about && !*absent;
                }
            }
            "endif" => {
                open.pop();
            }
            _ if open.iter().any(|(_, absent)| *absent) => found.push(*line),
            _ => {}
        }
    }
    found
}

/// Whether `name` is a whole word of `text`.
fn mentions(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|word| word == name)
}

/// The lines that are more than space and comment, of C or of make.
fn without_comments(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut code = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if inside || trimmed.starts_with("/*") {
            inside = !trimmed.contains("*/");
        } else if !(trimmed.is_empty() || trimmed.starts_with("//") || trimmed.starts_with("# ") || trimmed == "#") {
            code.push(line);
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absent(name: &str) -> Answer {
        Answer {
            name: name.into(),
            why: "because".into(),
            ..Answer::default()
        }
    }

    fn count(files: &[(&str, &str)], name: &str) -> Vec<(String, usize)> {
        let sources = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        let shim = stand_in(&sources, &absent(name));
        shim.files.into_iter().map(|file| (file.path, file.lines)).collect()
    }

    #[test]
    fn only_code_for_the_absence_counts() {
        let text = "#ifndef GUARD\n#define GUARD\n#ifndef NVB_HAVE_A\n/* why\n * more */\nint a;\n\nint b;\n#endif\n\
                    #ifdef NVB_HAVE_B\nint c;\n#else\nint d;\n#endif\n#ifdef NVB_HAVE_B_C\nint e;\n#else\nint f;\n#endif\n#endif\n";
        assert_eq!(
            count(&[("compat/x.h", text)], "NVB_HAVE_A"),
            [("compat/x.h".to_owned(), 2)]
        );
        assert_eq!(
            count(&[("compat/x.h", text)], "NVB_HAVE_B"),
            [("compat/x.h".to_owned(), 1)]
        );
        assert_eq!(count(&[("compat/x.h", text)], "NVB_HAVE_NONE"), []);
    }

    #[test]
    fn files_that_take_part_only_then_count_whole() {
        let files = [
            (
                "Kbuild",
                "ifneq ($(shell grep 'define NVB_HAVE_V' x),)\ny += v/core.o\nelse\ny += \\\n\tv/bus/a.o\nendif\n",
            ),
            (
                "v/bus.h",
                "#ifdef NVB_HAVE_V\n#include \"core.h\"\n#else\n#include \"bus/s.h\"\n#endif\n",
            ),
            ("v/bus/a.c", "// SPDX\nint a;\nint b;\n"),
            ("v/bus/s.h", "int s;\n"),
            ("v/core.c", "int core;\n"),
        ];
        let found = count(&files, "NVB_HAVE_V");
        assert!(
            found.contains(&("v/bus/a.c".to_owned(), 2)) && found.contains(&("v/bus/s.h".to_owned(), 1)),
            "{found:?}"
        );
        assert!(!found.iter().any(|(path, _)| path == "v/core.c"), "{found:?}");
    }

    #[test]
    fn every_probe_of_this_tree_has_its_stand_in() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let probes = files_below(&top.join("probes")).unwrap().into_iter();
        let names = probes.filter_map(|path| {
            let text = fs::read_to_string(top.join("probes").join(path)).unwrap();
            let name = text.lines().find_map(|line| line.strip_prefix(" * probe: "))?;
            Some(absent(name))
        });
        let shims = used(&top.join("../c-vfio-driver"), &names.collect::<Vec<_>>()).unwrap();
        let without: Vec<_> = shims.iter().filter(|shim| shim.lines == 0).collect();
        assert!(!shims.is_empty() && without.is_empty(), "{without:?}");
    }
}
