// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! In what the evidence of two cells differs: what a reader looks for between one that passes and one that fails.

use crate::evidence::Evidence;
use crate::report::rustc_release;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One thing that differs.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What.
    pub what: String,
    /// In the cell that passes.
    pub passing: String,
    /// In the one that fails.
    pub failing: String,
}

/// All that differs: kernel, compilers, protections, probe answers, flags. What one of them failed too early to find out is left out.
pub fn differences(passing: &Evidence, failing: &Evidence) -> Vec<Difference> {
    let found = |of: fn(&Evidence) -> bool| of(passing) && of(failing);
    let both = Both {
        kernel: found(|evidence| evidence.kernel.is_some()),
        core: found(|evidence| evidence.core.is_some()),
        probes: found(|evidence| !evidence.probes.is_empty()),
    };
    let (passing, failing) = (facts(passing, &both), facts(failing, &both));
    let keys: BTreeSet<&(usize, String)> = passing.keys().chain(failing.keys()).collect();
    let text = |facts: &Facts, key| facts.get(key).cloned().unwrap_or_else(|| "none".to_owned());
    keys.into_iter()
        .map(|key| Difference {
            what: key.1.clone(),
            passing: text(&passing, key),
            failing: text(&failing, key),
        })
        .filter(|one| one.passing != one.failing)
        .collect()
}

/// By the group a fact is told in, and its name.
type Facts = BTreeMap<(usize, String), String>;

/// What both cells know.
struct Both {
    kernel: bool,
    core: bool,
    probes: bool,
}

fn facts(evidence: &Evidence, both: &Both) -> Facts {
    let mut facts = Facts::new();
    let mut add = |group: usize, name: &str, value: String| drop(facts.insert((group, name.to_owned()), value));
    if let Some(kernel) = evidence.kernel.as_ref().filter(|_| both.kernel) {
        add(0, "kernel", kernel.release.clone());
        add(1, "C compiler", kernel.compiler.version.clone());
        for option in &kernel.mitigations {
            add(4, option, "y".to_owned());
        }
    }
    if let Some(core) = evidence.core.as_ref().filter(|_| both.core) {
        add(2, "rustc", rustc_release(&core.rustc).to_owned());
        for flag in &core.flags {
            let shown = flag
                .flag
                .clone()
                .unwrap_or_else(|| format!("no flag ({})", flag.reason));
            add(5, &format!("flag for {}", flag.name), shown);
        }
    }
    for answer in evidence.probes.iter().filter(|_| both.probes) {
        let shown = match (&answer.evidence, answer.have) {
            (_, true) => "there".to_owned(),
            (Some(said), false) => format!("absent ({said})"),
            (None, false) => "absent".to_owned(),
        };
        add(3, &answer.name, shown);
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::report::tests::passed;

    #[test]
    fn only_what_differs_is_told() {
        let cell = &Matrix::built_in().unwrap().cells[0];
        let passing = passed(cell).evidence;
        assert_eq!(differences(&passing, &passing), []);
        let mut failing = passing.clone();
        failing.probes[0].have = false;
        failing.probes[0].evidence = Some("gone".into());
        failing.core.as_mut().unwrap().flags[0].flag = None;
        failing.kernel.as_mut().unwrap().mitigations.clear();
        let mut early = failing.clone();
        (early.core, early.probes) = (None, Vec::new());
        let of_early: Vec<_> = differences(&passing, &early).into_iter().map(|one| one.what).collect();
        assert_eq!(of_early, ["CONFIG_RETHUNK"], "what it never came to is no difference");
        let found: Vec<String> = differences(&passing, &failing)
            .into_iter()
            .map(|one| format!("{}: {} -> {}", one.what, one.passing, one.failing))
            .collect();
        assert_eq!(
            found,
            [
                "NVB_HAVE_A: there -> absent (gone)",
                "CONFIG_RETHUNK: y -> none",
                "flag for retpolines: -Zretpoline-external-thunk -> no flag (objtool asks for it)",
            ]
        );
    }
}
