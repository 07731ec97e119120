// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What programs read of the tool's results.

use crate::error::{Error, Result};
use serde::Serialize;
use std::io::Write as _;

/// As JSON for eyes and programs.
///
/// # Errors
/// The value has something JSON cannot say, which no result of this tool has.
pub fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map_err(|error| Error::cell("a result cannot be written as JSON").found(error.to_string()))
}

/// Prints a result as JSON on standard output. A reader that has gone away (`| head`) wanted no more; the exit code still tells.
///
/// # Errors
/// As [`json`].
pub fn print_json(value: &impl Serialize) -> Result<()> {
    let text = json(value)?;
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}
