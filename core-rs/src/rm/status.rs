// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! RM's status codes (`nvstatuscodes.h`, the same numbers in every release).

use crate::error::{Error, Kind, Result};

const OK: u32 = 0;
const INSUFFICIENT_RESOURCES: u32 = 0x1a;
const NO_MEMORY: u32 = 0x51;
const NOT_READY: u32 = 0x55;
const NOT_SUPPORTED: u32 = 0x56;
const TIMEOUT_RETRY: u32 = 0x66;

/// `status` as a result; `found` of the error is the status.
///
/// # Errors
/// [`Kind::RmBusy`] for "not ready" and "retry", [`Kind::RmNoMemory`], [`Kind::RmNoResources`], [`Kind::RmNotSupported`]; for
/// all others [`Kind::RmRefused`].
pub fn check(status: u32) -> Result<()> {
    let kind = match status {
        OK => return Ok(()),
        NOT_READY | TIMEOUT_RETRY => Kind::RmBusy,
        NO_MEMORY => Kind::RmNoMemory,
        INSUFFICIENT_RESOURCES => Kind::RmNoResources,
        NOT_SUPPORTED => Kind::RmNotSupported,
        _ => Kind::RmRefused,
    };
    Err(Error::found(kind, status.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::errno::*;

    #[test]
    fn errno_of_the_statuses() {
        assert_eq!(check(0), Ok(()));
        for (status, errno) in [
            (0x55, EBUSY),
            (0x66, EBUSY),
            (0x51, ENOMEM),
            (0x1a, ENOSPC),
            (0x56, EOPNOTSUPP),
            (0x1f, EIO),
            (u32::MAX, EIO),
        ] {
            assert_eq!(check(status).unwrap_err().to_errno(), -errno, "{status:#x}");
        }
    }
}
