// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Colours of a terminal.

pub const GREEN: &str = "32";
pub const BLUE: &str = "34";
pub const RED: &str = "1;31";
pub const GREY: &str = "90";

/// `text` in a colour, if colours are wanted.
pub fn paint(text: &str, colour: &str, wanted: bool) -> String {
    if wanted {
        format!("\x1b[{colour}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}
