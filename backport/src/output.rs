// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What goes to standard output: results, for people and for programs.

use crate::commands::Failed;
use crate::error::{Error, Result};
use crate::evidence::Failure;
use serde::Serialize;
use std::io::{self, Write};

/// As JSON for eyes and programs.
///
/// # Errors
/// The value has something JSON cannot say, which no result of this tool has.
pub fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map_err(|error| Error::cell("a result cannot be written as JSON").found(error.to_string()))
}

/// Prints a result as JSON on standard output.
///
/// # Errors
/// As [`json`] and [`say`].
pub fn print_json(value: &impl Serialize) -> Result<()> {
    say(&(json(value)? + "\n"))
}

/// Prints on standard output. A reader that has gone away (`| head`) wanted no more; the exit code still tells the rest.
///
/// # Errors
/// It does not go where it was sent, say on a full disk: half a result would pass for a whole one.
pub fn say(text: &str) -> Result<()> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::setup(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Ends a command whose result is asked for as JSON: with what it found out, also when it failed. The failure is part of that, and
/// is told in words on standard error.
///
/// # Errors
/// The command failed.
pub fn conclude(found: &impl Serialize, result: Result<()>) -> Result<(), Failed> {
    let error = result.err();
    if crate::proc::interrupted() {
        // Half a result is none.
        return Err(Error::interrupted().into());
    }
    print_json(&Conclusion::new(found, error.as_ref()))?;
    match error {
        None => Ok(()),
        Some(error) => {
            eprintln!("novabridge: {error}");
            Err(Failed::Reported(error.class))
        }
    }
}

#[derive(Serialize)]
struct Conclusion<'a, T: Serialize> {
    ok: bool,
    failure: Option<Failure>,
    #[serde(flatten)]
    found: &'a T,
}

impl<'a, T: Serialize> Conclusion<'a, T> {
    fn new(found: &'a T, error: Option<&Error>) -> Self {
        Conclusion {
            ok: error.is_none(),
            failure: error.map(Failure::from),
            found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value};

    #[test]
    fn what_was_found_out_is_told_beside_the_failure() {
        let found = json!({"object": {"violations": ["a panic"]}});
        let told = |error: Option<&Error>| -> Value {
            serde_json::from_str(&json(&Conclusion::new(&found, error)).unwrap()).unwrap()
        };
        let failed = told(Some(&Error::cell("unfit").in_step("object hygiene")));
        assert_eq!(
            (&failed["ok"], &failed["failure"]["reason"]),
            (&json!(false), &json!("unfit"))
        );
        assert_eq!(failed["object"]["violations"][0], "a panic");
        let good = told(None);
        assert_eq!((&good["ok"], &good["failure"]), (&json!(true), &Value::Null));
    }
}
