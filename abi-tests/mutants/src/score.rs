// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The score.

use crate::data::{Class, Mutant};
use crate::tools::Noticed;
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
    /// What the tools noticed that read the library; `None` if they were not asked.
    pub others: Option<Noticed>,
}

impl Outcome {
    /// Nothing said yet.
    pub fn new(mutant: &Mutant) -> Self {
        Outcome {
            class: mutant.class,
            run: mutant.run,
            wrong: None,
            header_diff: false,
            others: None,
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
        "{:<13}{:>9}{:>14}{:>10}{:>16}{:>13}\n",
        "class", "mutants", "novabridge", "abidiff", "gendwarfksyms", "header diff"
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
        let asked = of_class.iter().any(|o| o.others.is_some());
        let other = |noticed: &dyn Fn(Noticed) -> bool| match asked {
            true => count(&|o| o.others.is_some_and(noticed)).to_string(),
            false => "-".to_owned(),
        };
        let (abidiff, gendwarfksyms) = (other(&|n| n.abidiff), other(&|n| n.gendwarfksyms));
        let header = count(&|o| o.header_diff);
        let _ = writeln!(
            out,
            "{:<13}{:>9}{gate:>14}{abidiff:>10}{gendwarfksyms:>16}{header:>13}{}",
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
    if outcomes.iter().any(|o| o.others.is_some()) {
        out.push_str(
            "abidiff and gendwarfksyms read a library by rustc with the mutant's types and functions, and no bodies: a mutant is a \
             change of declarations, and seldom of all code that goes with them. What is refused has no library.\n",
        );
    }
    out
}
