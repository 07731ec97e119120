// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The generator against headers: made-up ones, and the real ones where they are given.

use std::path::Path;
use std::process::{Command, Output};

fn tablegen(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_novabridge-tablegen"))
        .args(args)
        .output()
        .expect("the generator runs")
}

/// `NOVABRIDGE_OPENRM` names a directory with a checkout of open-gpu-kernel-modules per release: `570.144/src/...`.
#[test]
fn committed_tables_are_what_the_headers_say() {
    let Some(directory) = std::env::var_os("NOVABRIDGE_OPENRM") else {
        use std::io::Write;
        let words = "*** NOT TESTED: NOVABRIDGE_OPENRM does not name the directory of the public headers ***";
        let _ = writeln!(std::io::stderr(), "\n{words}\n");
        return;
    };
    let mut args = vec!["--check".to_string()];
    for release in ["535.113.01", "570.144"] {
        let headers = Path::new(&directory).join(release);
        args.extend(["--headers".to_string(), format!("{release}={}", headers.display())]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let run = tablegen(&args);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn an_unknown_release_is_asked_for_its_facts() {
    let run = tablegen(&["--check", "--headers", "999.99=/nowhere"]);
    let words = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(!run.status.success());
    assert!(words.contains("releases/999.99.txt"), "{words}");
}

#[test]
fn headers_need_a_name() {
    let run = tablegen(&["--headers", "/nowhere"]);
    assert!(String::from_utf8_lossy(&run.stderr).contains("RELEASE=DIR"));
}
