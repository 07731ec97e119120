// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Text between Rust and C.

use crate::types::c_char;

/// Fills `dst` with `text`, cut to leave room for a NUL, and zeroes the rest.
pub fn put(dst: &mut [c_char], text: &str) {
    let room = dst.len().saturating_sub(1);
    let bytes = text.bytes().take(room).map(|b| b as c_char);
    // Behind the text, zeros for ever.
    for (to, from) in dst.iter_mut().zip(bytes.chain(core::iter::repeat(0))) {
        *to = from;
    }
}

/// The text in `src` up to its NUL as bytes in `buf`; `None` if there is no NUL.
pub fn get<'a>(src: &[c_char], buf: &'a mut [u8]) -> Option<&'a [u8]> {
    let len = src.iter().position(|c| *c == 0)?;
    let dst = buf.get_mut(..len)?;
    for (to, from) in dst.iter_mut().zip(src) {
        *to = *from as u8;
    }
    Some(dst)
}

/// `len` writable characters at `p`; `None` for NULL or a length no memory has.
///
/// # Safety
///
/// `p` is NULL or points to `len` writable characters that nobody else uses while the result lives.
pub unsafe fn room<'a>(p: *mut c_char, len: u64) -> Option<&'a mut [c_char]> {
    if p.is_null() || len > isize::MAX as u64 {
        return None;
    }
    // SAFETY: our caller's promise; the length is possible.
    Some(unsafe { core::slice::from_raw_parts_mut(p, len as usize) })
}

/// As [`room`], for bytes.
///
/// # Safety
///
/// As [`room`].
pub unsafe fn bytes_mut<'a>(p: *mut u8, len: u64) -> Option<&'a mut [u8]> {
    if p.is_null() || len > isize::MAX as u64 {
        return None;
    }
    // SAFETY: our caller's promise; the length is possible.
    Some(unsafe { core::slice::from_raw_parts_mut(p, len as usize) })
}

/// As [`room`], for bytes that are only read.
///
/// # Safety
///
/// As [`room`], with readable bytes that nobody changes while the result lives.
pub unsafe fn bytes<'a>(p: *const u8, len: u64) -> Option<&'a [u8]> {
    if p.is_null() || len > isize::MAX as u64 {
        return None;
    }
    // SAFETY: our caller's promise; the length is possible.
    Some(unsafe { core::slice::from_raw_parts(p, len as usize) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_and_terminated() {
        let mut field = [0x55 as c_char; 4];
        put(&mut field, "abcdef");
        assert_eq!(field, [b'a' as c_char, b'b' as c_char, b'c' as c_char, 0]);
        put(&mut field, "x");
        assert_eq!(field, [b'x' as c_char, 0, 0, 0]);
        put(&mut [], "x");
    }

    #[test]
    fn text_without_end_is_no_text() {
        let mut buf = [0; 4];
        assert_eq!(get(&[b'a' as c_char; 4], &mut buf), None);
        assert_eq!(get(&[b'a' as c_char, 0, 9, 9], &mut buf), Some(&b"a"[..]));
    }
}
