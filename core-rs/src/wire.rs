// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Little-endian fields of byte buffers, by offset.
//!
//! Structures of the firmware are never Rust structs: their layout is data of the release ([`crate::release`]). Every access
//! checks its range, so that no length or offset from outside can reach past a buffer.

use crate::error::{Error, Kind, Result};

/// The `len` bytes of `buf` at `off`.
///
/// # Errors
/// [`Kind::OutOfBounds`] (found: the offset) when they do not all lie inside `buf`.
pub fn bytes(buf: &[u8], off: usize, len: usize) -> Result<&[u8]> {
    let end = off.checked_add(len).ok_or_else(|| outside(off))?;
    buf.get(off..end).ok_or_else(|| outside(off))
}

/// The `len` bytes of `buf` at `off`, to write. Errors as in [`bytes`].
pub fn bytes_mut(buf: &mut [u8], off: usize, len: usize) -> Result<&mut [u8]> {
    let end = off.checked_add(len).ok_or_else(|| outside(off))?;
    buf.get_mut(off..end).ok_or_else(|| outside(off))
}

/// Everything of `buf` from `off` on; empty when `off` is its length. Errors as in [`bytes`].
pub fn tail(buf: &[u8], off: usize) -> Result<&[u8]> {
    buf.get(off..).ok_or_else(|| outside(off))
}

fn outside(off: usize) -> Error {
    Error::found(Kind::OutOfBounds, off as u64)
}

fn array<const N: usize>(buf: &[u8], off: usize) -> Result<[u8; N]> {
    let mut word = [0; N];
    for (to, from) in word.iter_mut().zip(bytes(buf, off, N)?) {
        *to = *from;
    }
    Ok(word)
}

/// Copies `src` to `off`. Errors as in [`bytes`].
pub fn put(buf: &mut [u8], off: usize, src: &[u8]) -> Result<()> {
    for (to, from) in bytes_mut(buf, off, src.len())?.iter_mut().zip(src) {
        *to = *from;
    }
    Ok(())
}

macro_rules! fields {
    ($($get:ident $put:ident $put_opt:ident $word:ident;)*) => {$(
        /// The little-endian number at `off`. Errors as in [`bytes`].
        pub fn $get(buf: &[u8], off: usize) -> Result<$word> {
            Ok($word::from_le_bytes(array(buf, off)?))
        }

        /// Writes the little-endian number at `off`. Errors as in [`bytes`].
        pub fn $put(buf: &mut [u8], off: usize, value: $word) -> Result<()> {
            put(buf, off, &value.to_le_bytes())
        }

        /// Writes the number where the release has the field, else nothing. Errors as in [`bytes`].
        pub fn $put_opt(buf: &mut [u8], off: Option<usize>, value: $word) -> Result<()> {
            match off {
                Some(off) => $put(buf, off, value),
                None => Ok(()),
            }
        }
    )*};
}

fields! {
    get_u8 put_u8 put_u8_opt u8;
    get_u16 put_u16 put_u16_opt u16;
    get_u32 put_u32 put_u32_opt u32;
    get_u64 put_u64 put_u64_opt u64;
}

/// The bytes before the first NUL; all of them when there is none.
pub fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|b| *b == 0).next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_little_endian() {
        let mut buf = [0; 8];
        put_u32(&mut buf, 3, 0x11223344).unwrap();
        assert_eq!(buf, [0, 0, 0, 0x44, 0x33, 0x22, 0x11, 0]);
        assert_eq!(get_u16(&buf, 4), Ok(0x2233));
        assert_eq!(get_u64(&buf, 0), Ok(0x0011_2233_4400_0000));
    }

    #[test]
    fn ends_are_checked() {
        let mut buf = [0; 8];
        assert_eq!(get_u32(&buf, 4), Ok(0));
        assert_eq!(get_u32(&buf, 5), Err(Error::found(Kind::OutOfBounds, 5)));
        assert_eq!(get_u8(&buf, usize::MAX), Err(Error::found(Kind::OutOfBounds, u64::MAX)));
        assert_eq!(put_u64(&mut buf, usize::MAX - 3, 1), Err(outside(usize::MAX - 3)));
        assert_eq!(tail(&buf, 8), Ok(&[][..]));
        assert!(tail(&buf, 9).is_err());
    }

    #[test]
    fn absent_fields_are_skipped() {
        let mut buf = [0; 4];
        put_u32_opt(&mut buf, None, 7).unwrap();
        assert_eq!(buf, [0; 4]);
        put_u32_opt(&mut buf, Some(0), 7).unwrap();
        assert_eq!(buf, [7, 0, 0, 0]);
    }

    #[test]
    fn text_ends_at_nul() {
        assert_eq!(until_nul(b"ab\0c"), b"ab");
        assert_eq!(until_nul(b"abc"), b"abc");
        assert_eq!(until_nul(b""), b"");
    }
}
