// SPDX-License-Identifier: MIT
//! Little-endian fields in byte buffers, and bytes that look like content but are reproducible.

/// The `N` bytes at `at`, or zeroes where the buffer ends.
pub(crate) fn get<const N: usize>(buf: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    let from = buf.get(at..).unwrap_or_default();
    let n = from.len().min(N);
    out[..n].copy_from_slice(&from[..n]);
    out
}

pub(crate) fn get_u16(buf: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(get(buf, at))
}

pub(crate) fn get_u32(buf: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(get(buf, at))
}

pub(crate) fn get_u64(buf: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(get(buf, at))
}

/// Puts `bytes` at `at`; the buffer is the emulator's own and long enough.
pub(crate) fn put(buf: &mut [u8], at: usize, bytes: &[u8]) {
    buf[at..at + bytes.len()].copy_from_slice(bytes);
}

pub(crate) fn put_u16(buf: &mut [u8], at: usize, value: u16) {
    put(buf, at, &value.to_le_bytes());
}

pub(crate) fn put_u32(buf: &mut [u8], at: usize, value: u32) {
    put(buf, at, &value.to_le_bytes());
}

pub(crate) fn put_u64(buf: &mut [u8], at: usize, value: u64) {
    put(buf, at, &value.to_le_bytes());
}

/// `len` bytes that depend on `seed` alone (xorshift64*), so that a test can tell content from content.
pub(crate) fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        out.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    out.truncate(len);
    out
}

/// The text up to the first NUL.
pub(crate) fn text(buf: &[u8]) -> String {
    let end = buf.iter().position(|b| *b == 0).unwrap_or(buf.len());
    String::from_utf8_lossy(&buf[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_gives_zeroes() {
        assert_eq!(get_u32(&[1, 2], 0), 0x201);
        assert_eq!(get_u64(&[1, 2], 9), 0);
        assert_eq!(text(b"570.144\0\0"), "570.144");
        assert_eq!(pattern(7, 13), pattern(7, 20)[..13]);
        assert_ne!(pattern(7, 16), pattern(8, 16));
    }
}
