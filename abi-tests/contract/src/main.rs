// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Runs the contract tests, and holds the documentation to what they saw: every documented errno is reached, and no other.

use abi_contract::build::{product, undocumented, unreached, Flavour, Tests};
use abi_contract::library;
use novabridge_abi::check::{self, Inputs};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: abi-contract [--sanitize LIST | --valgrind] [--quick] [--cc CC] [--only NAME] [--library FILE]
  --sanitize LIST  build the tests with -fsanitize=LIST (address,undefined or thread), and the library with rustc's sanitizer
  --valgrind       run under valgrind
  --quick          leave out tests that boot a GPU of their own
  --cc CC          C compiler (default cc)
  --only NAME      tests whose name contains NAME
  --library FILE   libnovabridge.so to test (default: the one beside this program; with --sanitize one built for it)
  --help           print this
Run in the root of the source tree, with the firmware in $NOVABRIDGE_FIRMWARE or /lib/firmware.
Exit code 1 if the library breaks its contract: a test fails, a function returns an errno that it does not document, or (without
--only and --quick) documents one that no test reached; 2 if nothing was tested.";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("abi-contract: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let mut flavour = Flavour {
        cc: "cc".into(),
        ..Flavour::default()
    };
    let mut only = String::new();
    let mut library = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value\n{USAGE}"));
        match word.as_str() {
            "--sanitize" => flavour.sanitize = Some(value()?),
            "--quick" => flavour.quick = true,
            "--valgrind" => flavour.valgrind = true,
            "--cc" => flavour.cc = value()?,
            "--only" => only = value()?,
            "--library" => library = Some(value()?.into()),
            "--help" => {
                println!("{USAGE}");
                return Ok(true);
            }
            _ => return Err(format!("{word} is no option\n{USAGE}")),
        }
    }
    let quick = flavour.quick;
    let whole = only.is_empty() && !quick;
    let root = Path::new(".");
    let (abi, _) = check::current(&Inputs::new(root)).map_err(|e| e.to_string())?;
    let watched = tempfile::tempdir().map_err(|e| e.to_string())?;
    let library = match (library, &flavour.sanitize) {
        (Some(library), _) => Some(library),
        (None, Some(list)) => library::build_watched(root, watched.path(), list)?,
        (None, None) => None,
    };
    let library = library.map_or_else(|| product("libnovabridge.so"), Ok)?;
    let emulator = product("libgsp_emulator.a")?;
    let tests = Tests::build(root, &abi, &root.join("capi/include"), &emulator, &library, flavour)?;
    let dir = library.parent().unwrap_or(root);
    let outcome = tests.run(dir, &only)?;
    for failure in &outcome.failures {
        println!("FAIL {failure}");
    }
    let undocumented = undocumented(&abi, &outcome.seen);
    for pair in &undocumented {
        println!("FAIL returned and not documented: {pair}");
    }
    // Only all tests together reach every errno; what a failed one would have reached is not news.
    let whole = whole && outcome.failures.is_empty();
    let unreached = if whole {
        unreached(&abi, &outcome.seen)
    } else {
        Vec::new()
    };
    for pair in &unreached {
        println!("FAIL documented and not reached: {pair}");
    }
    if outcome.ok == 0 && outcome.failures.is_empty() {
        return Err(match quick {
            true => format!("no quick test has a name that contains `{only}`; without --quick there may be one"),
            false => format!("no test has a name that contains `{only}`"),
        });
    }
    println!(
        "{} tests held, {} expectations failed; of {} errno values seen {} are not documented{}",
        outcome.ok,
        outcome.failures.len(),
        outcome.seen.len(),
        undocumented.len(),
        match whole {
            true => format!(", {} documented ones were not reached", unreached.len()),
            false => String::new(),
        }
    );
    Ok(outcome.failures.is_empty() && undocumented.is_empty() && unreached.is_empty())
}
