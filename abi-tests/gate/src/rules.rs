// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The rules: what kinds of difference there are and what each means. They are data, in `rules.toml`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// How much a difference weighs; later ones outweigh earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// No difference.
    Identical,
    /// A difference that no caller can notice.
    Compatible,
    /// Something new; old callers do not notice.
    Additive,
    /// Types are as they were, but the core acts differently.
    Behavioural,
    /// Old callers do not link, do not load, or read and write wrong bytes.
    Breaking,
}

impl Class {
    /// All classes, lightest first.
    pub const ALL: [Class; 5] = [
        Class::Identical,
        Class::Compatible,
        Class::Additive,
        Class::Behavioural,
        Class::Breaking,
    ];

    /// The exit code that tells the class. 1 and 2 are left to errors.
    pub fn exit_code(self) -> u8 {
        match self {
            Class::Identical => 0,
            Class::Compatible => 10,
            Class::Additive => 11,
            Class::Behavioural => 12,
            Class::Breaking => 13,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Class::Identical => "identical",
            Class::Compatible => "compatible",
            Class::Additive => "additive",
            Class::Behavioural => "behavioural",
            Class::Breaking => "breaking",
        }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// A kind of difference.
#[derive(Clone, Debug, Deserialize)]
pub struct Rule {
    /// Its name.
    #[serde(skip)]
    pub id: String,
    /// How much it weighs.
    pub class: Class,
    /// The difference.
    pub title: String,
    /// What happens to a caller that was compiled against the old version.
    pub suffers: String,
    /// What to do.
    pub advice: String,
}

/// All rules by name.
pub fn all() -> &'static BTreeMap<String, Rule> {
    static RULES: OnceLock<BTreeMap<String, Rule>> = OnceLock::new();
    RULES.get_or_init(|| {
        let mut rules: BTreeMap<String, Rule> =
            toml::from_str(include_str!("rules.toml")).expect("rules.toml is compiled in");
        for (id, rule) in &mut rules {
            rule.id = id.clone();
        }
        rules
    })
}

/// The rule of that name, which must exist.
pub fn rule(id: &str) -> &'static Rule {
    match all().get(id) {
        Some(rule) => rule,
        None => panic!("rules.toml lacks the rule `{id}` that the comparison uses"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Each rule that the code names exists, and each rule that exists is named by the code.
    #[test]
    fn code_and_data_name_the_same_rules() {
        let mut code = String::new();
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for dir in [src.clone(), src.join("diff")] {
            for file in std::fs::read_dir(dir).expect("src").flatten().map(|f| f.path()) {
                if file.extension().is_some_and(|e| e == "rs") && !file.ends_with("rules.rs") {
                    code.push_str(&std::fs::read_to_string(file).expect("source"));
                }
            }
        }
        for id in all().keys() {
            assert!(code.contains(&format!("\"{id}\"")), "nothing reports `{id}`");
        }
        // Names that `Change::new` gets as they stand; the few that are chosen first fail in the tests of what chooses.
        for piece in code.split("Change::new(").skip(1) {
            if let Some(id) = piece
                .trim_start()
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next())
            {
                assert!(all().contains_key(id), "there is no rule `{id}`");
            }
        }
    }

    #[test]
    fn exit_codes_differ() {
        let mut codes: Vec<u8> = Class::ALL.iter().map(|c| c.exit_code()).collect();
        codes.dedup();
        assert_eq!(codes.len(), Class::ALL.len());
        assert!(!codes.contains(&1) && !codes.contains(&2));
    }
}
