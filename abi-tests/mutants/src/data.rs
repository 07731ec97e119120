// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Mutants as data: one file per class in `mutants/`.

use serde::Deserialize;
use std::path::Path;

/// What a mutant does to callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Old callers fail, and a compiler or linker can notice.
    Breaking,
    /// Old callers fail, and sizes, counts and symbols are as before.
    Subtle,
    /// Types are as before, the core acts differently.
    Behavioural,
    /// Something new.
    Additive,
    /// Nobody can notice.
    Compatible,
    /// The sources of one ABI contradict each other, or something crosses that must not.
    Refused,
}

impl Class {
    /// All classes, in the order of the table.
    pub const ALL: [Class; 6] = [
        Class::Breaking,
        Class::Subtle,
        Class::Behavioural,
        Class::Additive,
        Class::Compatible,
        Class::Refused,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Class::Breaking => "breaking",
            Class::Subtle => "subtle",
            Class::Behavioural => "behavioural",
            Class::Additive => "additive",
            Class::Compatible => "compatible",
            Class::Refused => "refused",
        }
    }
}

/// A replacement in one file. The text to find must stand there exactly once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file, from the root of the tree.
    pub file: String,
    /// What to find.
    pub find: String,
    /// What to put there.
    pub replace: String,
}

/// One change of the ABI.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Its name.
    pub name: String,
    /// What it does to callers; the file says it for all mutants in it.
    #[serde(skip, default = "unset")]
    pub class: Class,
    /// What must be reported: rule and subject; of refused mutants and of those in the code, words of the message. Empty of
    /// compatible ones that are to pass unmentioned.
    #[serde(default)]
    pub says: String,
    /// The edits; one of them is the change, others keep the code compiling.
    #[serde(rename = "edit")]
    pub edits: Vec<Edit>,
    /// The header is edited by hand and not made anew.
    #[serde(default)]
    pub hand_made: bool,
    /// Of next versions that are refused: words in the log of a kernel that refuses them.
    #[serde(default)]
    pub kernel_says: String,
    /// The change is in the code: only running it can tell.
    #[serde(default)]
    pub run: bool,
}

fn unset() -> Class {
    Class::Refused
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    class: Class,
    mutant: Vec<Mutant>,
}

/// Reads all files in `dir`; that there is nothing to read is an error.
pub fn read(dir: &Path) -> Result<Vec<Mutant>, String> {
    let entries = std::fs::read_dir(dir).map_err(|e| format!("{}: {e}; run in the root of the tree", dir.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    files.sort();
    let mut all: Vec<Mutant> = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let file: File = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        for mutant in file.mutant {
            if all.iter().any(|m| m.name == mutant.name) {
                return Err(format!("{}: two mutants are called {}", path.display(), mutant.name));
            }
            let class = file.class;
            all.push(Mutant { class, ..mutant });
        }
    }
    if all.is_empty() {
        return Err(format!("{}: expected a file with mutants, found none", dir.display()));
    }
    all.sort_by_key(|m| m.class);
    Ok(all)
}
