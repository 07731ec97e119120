// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The benchmark of the ABI gate. Each mutant is one change of our real ABI, with the class that the gate must give it; the
//! score is printed beside that of other tools on the same mutants.

mod apply;
mod data;
mod kernel_pairs;
mod library;
mod pairs;
mod score;
mod stub;
mod tools;

use data::Mutant;
use score::Outcome;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

const USAGE: &str = "\
usage: abi-mutants [--sample N] [--only NAME] [--tools DIR] [--list | --pairs | --kernel-pairs CELL]
  --sample N   every N-th mutant only
  --only NAME  mutants whose name contains NAME
  --tools DIR  directory with abidiff and gendwarfksyms (abi-tests/tools/setup --benchmark prints it), which then are shown
               the library of each mutant
  --list       print the mutants and do nothing
  --pairs      run callers of one version with the core of another instead
  --kernel-pairs CELL
               the same in a kernel: boot the cell with a VFIO module of one version and the core of another
  --help       print this
Run in the root of the source tree. Exit code 1 if the gate misses a mutant or raises a false alarm, 2 if there is none.";

struct Options {
    sample: usize,
    only: String,
    tools: Option<PathBuf>,
    list: bool,
    pairs: bool,
    kernel_pairs: Option<String>,
    help: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        sample: 1,
        only: String::new(),
        tools: None,
        list: false,
        pairs: false,
        kernel_pairs: None,
        help: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value\n{USAGE}"));
        match word.as_str() {
            "--sample" => {
                let number = value()?;
                options.sample = number
                    .parse()
                    .map_err(|_| format!("--sample: expected a number, found `{number}`\n{USAGE}"))?;
            }
            "--only" => options.only = value()?,
            "--tools" => options.tools = Some(value()?.into()),
            "--list" => options.list = true,
            "--pairs" => options.pairs = true,
            "--kernel-pairs" => options.kernel_pairs = Some(value()?),
            "--help" => options.help = true,
            _ => return Err(format!("{word} is no option\n{USAGE}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("abi-mutants: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<bool, String> {
    if options.help {
        println!("{USAGE}");
        return Ok(true);
    }
    let root = Path::new(".");
    let all = data::read(&root.join("abi-tests/mutants/mutants"))?;
    let chosen = all
        .iter()
        .filter(|m| m.name.contains(&options.only))
        .step_by(options.sample.max(1));
    let chosen: Vec<&Mutant> = chosen.collect();
    if chosen.is_empty() {
        return Err(format!(
            "no mutant has a name that contains `{}`; --list prints them",
            options.only
        ));
    }
    if options.list {
        for m in &chosen {
            println!("{:<12} {:<34} {}", m.class.word(), m.name, m.says);
        }
        return Ok(true);
    }
    if options.pairs {
        return pairs::run(root, &apply::Bench::new(root, None, false)?);
    }
    if let Some(cell) = &options.kernel_pairs {
        return kernel_pairs::run(root, &apply::Bench::new(root, None, false)?, cell);
    }
    let bench = apply::Bench::new(root, options.tools.as_deref(), chosen.iter().any(|m| m.run))?;
    let outcomes = in_parallel(&chosen, &bench);
    print!("{}", score::table(&outcomes));
    Ok(outcomes.iter().all(|o| o.wrong.is_none()))
}

/// Two at a time: most of a mutant's time is spent in compilers and in the other tools.
fn in_parallel(mutants: &[&Mutant], bench: &apply::Bench) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let mutant = match mutants.get(at) {
                    Some(mutant) => mutant,
                    None => return,
                };
                let outcome = bench.judge(mutant);
                if let Some(wrong) = &outcome.wrong {
                    eprintln!("{}: {wrong}", mutant.name);
                }
                if let Ok(mut list) = outcomes.lock() {
                    list.push((at, outcome));
                }
            });
        }
    });
    let mut list = outcomes.into_inner().unwrap_or_default();
    list.sort_by_key(|(at, _)| *at);
    list.into_iter().map(|(_, outcome)| outcome).collect()
}
