// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The score.

use crate::data::{Class, Mutant};
use std::fmt::Write as _;

/// What the tools said of one mutant.
#[derive(Debug)]
pub struct Outcome {
    class: Class,
    run: bool,
    /// What the gate got wrong.
    pub wrong: Option<String>,
    /// Whether the header's text differs.
    pub header_diff: bool,
    /// Whether abidiff reports a change; `None` if it was not asked.
    pub abidiff: Option<bool>,
}

impl Outcome {
    /// Nothing said yet.
    pub fn new(mutant: &Mutant) -> Self {
        Outcome {
            class: mutant.class,
            run: mutant.run,
            wrong: None,
            header_diff: false,
            abidiff: None,
        }
    }

    /// A mutant that could not be made.
    pub fn broken(mutant: &Mutant, error: String) -> Self {
        Outcome {
            wrong: Some(error),
            ..Outcome::new(mutant)
        }
    }
}

/// The table: per class how many mutants each tool noticed. Of compatible mutants each notice is a false alarm.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut out = format!(
        "{:<13}{:>9}{:>14}{:>10}{:>13}\n",
        "class", "mutants", "novabridge", "abidiff", "header diff"
    );
    for class in Class::ALL {
        let of_class: Vec<&Outcome> = outcomes.iter().filter(|o| o.class == class).collect();
        if of_class.is_empty() {
            continue;
        }
        let count = |noticed: &dyn Fn(&Outcome) -> bool| of_class.iter().filter(|o| noticed(o)).count();
        let right = count(&|o| o.wrong.is_none());
        let gate = match class {
            Class::Compatible => of_class.len() - right,
            _ => right,
        };
        let asked = of_class.iter().any(|o| o.abidiff.is_some());
        let abidiff = match asked {
            true => count(&|o| o.abidiff == Some(true)).to_string(),
            false => "-".to_owned(),
        };
        let header = count(&|o| o.header_diff);
        let _ = writeln!(
            out,
            "{:<13}{:>9}{gate:>14}{abidiff:>10}{header:>13}{}",
            class.word(),
            of_class.len(),
            if class == Class::Compatible {
                "   (false alarms)"
            } else {
                ""
            }
        );
    }
    let wrong = outcomes.iter().filter(|o| o.wrong.is_some()).count();
    let ran = outcomes.iter().filter(|o| o.run).count();
    let _ = writeln!(
        out,
        "{} mutants, {ran} of them in the code; {wrong} judged wrongly by the gate. The gate is right only with the right class \
         and rule; others only have to notice.",
        outcomes.len()
    );
    out
}
