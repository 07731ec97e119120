// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Finding a release's firmware files.

use crate::chip::Chip;
use crate::error::{Kind, Result};
use crate::mem::Firmware;
use crate::platform::{Level, Platform};
use crate::release::{self, Release};
use crate::text::Text;

/// Bytes of the longest file name.
const NAME_MAX: usize = 95;

/// Loads `nvidia/<chip>/gsp/<what>-<release>.bin`.
///
/// # Errors
///
/// [`Kind::FirmwareMissing`], with the name in the log; those of the platform.
pub fn load<P: Platform>(platform: &P, chip: &Chip, release: &Release, what: &str) -> Result<Firmware<P>> {
    let name = name(chip, release, what);
    let file = Firmware::load(platform, name.as_str());
    if let Err(e) = &file {
        let mut line = Text::<160>::new();
        line.str(name.as_str()).str(": ");
        e.describe(&mut line);
        platform.log(Level::Error, line.as_str());
    }
    file
}

/// The GSP-RM image of the wanted release or, if none is wanted, of the newest known one that is there.
///
/// # Errors
///
/// [`Kind::UnknownRelease`], with the known ones in the log; [`Kind::FirmwareMissing`]; those of the platform.
pub fn find<P: Platform>(platform: &P, chip: &Chip, wanted: &[u8]) -> Result<(&'static Release, Firmware<P>)> {
    if !wanted.is_empty() {
        let release = release::find(wanted).map_err(|e| {
            let mut line = Text::<160>::new();
            line.str("known firmware releases: ")
                .str(release::known::<96>().as_str());
            platform.log(Level::Error, line.as_str());
            e
        })?;
        return Ok((release, load(platform, chip, release, "gsp")?));
    }
    for release in release::ALL.iter().copied() {
        match Firmware::load(platform, name(chip, release, "gsp").as_str()) {
            Ok(file) => return Ok((release, file)),
            Err(e) if e.kind() == Kind::FirmwareMissing => {}
            Err(e) => return Err(e),
        }
    }
    let mut line = Text::<160>::new();
    line.str("no file of ")
        .str(name_of(chip).as_str())
        .str(" for any of ")
        .str(release::known::<96>().as_str());
    platform.log(Level::Error, line.as_str());
    Err(Kind::FirmwareMissing.into())
}

fn name(chip: &Chip, release: &Release, what: &str) -> Text<NAME_MAX> {
    let mut text = Text::new();
    text.str("nvidia/")
        .str(chip.firmware_dir)
        .str("/gsp/")
        .str(what)
        .str("-")
        .str(release.name)
        .str(".bin");
    text
}

fn name_of(chip: &Chip) -> Text<NAME_MAX> {
    let mut text = Text::new();
    text.str("nvidia/").str(chip.firmware_dir).str("/gsp/gsp-*.bin");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::AD102;

    #[test]
    fn names_are_those_of_linux_firmware() {
        let name = name(&AD102, release::find(b"570.144").unwrap(), "booter_load");
        assert_eq!(name.as_str(), "nvidia/ad102/gsp/booter_load-570.144.bin");
    }
}
