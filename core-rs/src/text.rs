// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Bounded text without `core::fmt`.
//!
//! `core::fmt` pulls in panics and several kilobytes of code; log lines and error words need far less.

/// Text of at most `N` bytes; what does not fit is cut off at a character boundary.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    /// Empty text.
    pub const fn new() -> Self {
        Text { bytes: [0; N], len: 0 }
    }

    /// Appends `s`.
    pub fn str(&mut self, s: &str) -> &mut Self {
        let room = N.saturating_sub(self.len);
        let mut take = s.len().min(room);
        while take > 0 && !s.is_char_boundary(take) {
            take -= 1;
        }
        if let (Some(dst), Some(src)) = (
            self.bytes.get_mut(self.len..self.len.saturating_add(take)),
            s.as_bytes().get(..take),
        ) {
            // (`copy_from_slice` would bring its panic for unequal lengths with it.)
            for (to, from) in dst.iter_mut().zip(src) {
                *to = *from;
            }
            self.len = self.len.saturating_add(take);
        }
        self
    }

    /// Appends `bytes` as ASCII. What is not printable becomes a dot: such text comes from the device and ends in a log.
    pub fn printable(&mut self, bytes: &[u8]) -> &mut Self {
        for byte in bytes.iter().take(N) {
            let printable = byte.is_ascii_graphic() || *byte == b' ';
            let byte = [if printable { *byte } else { b'.' }];
            self.str(core::str::from_utf8(&byte).unwrap_or("."));
        }
        self
    }

    /// Appends `v` as `0x…`, lower case, no leading zeros.
    pub fn hex(&mut self, v: u64) -> &mut Self {
        self.str("0x").digits(v, 16)
    }

    /// Appends `v` in decimal.
    pub fn dec(&mut self, v: u64) -> &mut Self {
        self.digits(v, 10)
    }

    fn digits(&mut self, mut v: u64, base: u64) -> &mut Self {
        // 20 digits hold any u64 in decimal.
        let mut buf = [0u8; 20];
        let mut used = 0;
        for slot in buf.iter_mut().rev() {
            let d = (v % base) as u8;
            *slot = if d < 10 { b'0' + d } else { b'a' + (d - 10) };
            used += 1;
            v /= base;
            if v == 0 {
                break;
            }
        }
        let start = buf.len().saturating_sub(used);
        let digits = buf.get(start..).unwrap_or(&[]);
        self.str(core::str::from_utf8(digits).unwrap_or(""))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    /// The text's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let mut t = Text::<64>::new();
        t.hex(0).str(" ").hex(u64::MAX).str(" ").dec(u64::MAX);
        assert_eq!(t.as_str(), "0x0 0xffffffffffffffff 18446744073709551615");
    }

    #[test]
    fn what_is_not_printable_is_a_dot() {
        let mut t = Text::<8>::new();
        t.printable(b"a b\x1b\xff\n~and more");
        assert_eq!(t.as_str(), "a b...~a");
    }

    #[test]
    fn cuts_at_character_boundary() {
        let mut t = Text::<4>::new();
        t.str("abc").str("é");
        assert_eq!(t.as_str(), "abc");
    }
}
