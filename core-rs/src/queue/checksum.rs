// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The checksum of a queue element.
//!
//! All little-endian 64-bit words of the element XORed together, then the high half XORed onto the low half; the checksum
//! field itself counts as zero. A correct element therefore folds to zero when its checksum field is included. Bytes behind
//! the last whole word count as a word padded with zeros.
//!
//! Source: OpenRM 535.113.01 and 570.144, `message_queue_cpu.c`, `_checkSum32`; nova-core `gsp/cmdq.rs`.

/// Running checksum over a stream of bytes that arrives in pieces of any length.
#[derive(Clone, Copy, Default)]
pub struct Checksum {
    words: u64,
    /// Position in the stream modulo 8: where the next byte lands in its word.
    phase: u32,
}

impl Checksum {
    /// Of nothing.
    pub const fn new() -> Self {
        Checksum { words: 0, phase: 0 }
    }

    /// Adds the next bytes of the stream.
    pub fn add(&mut self, bytes: &[u8]) {
        // XOR has no carries: the words of a piece can be folded as if it began a word, and the result turned into place.
        self.words ^= fold(bytes).rotate_left(self.phase.wrapping_mul(8));
        self.phase = self.phase.wrapping_add(bytes.len() as u32) & 7;
    }

    /// The checksum of everything added so far.
    pub const fn finish(self) -> u32 {
        (self.words >> 32) as u32 ^ self.words as u32
    }
}

/// XOR of all words of `bytes`, the last one padded with zeros.
fn fold(bytes: &[u8]) -> u64 {
    // Four accumulators: the loads of one round do not wait for the XORs of the last.
    let mut acc = [0u64; 4];
    let mut blocks = bytes.chunks_exact(32);
    for block in &mut blocks {
        for (sum, word) in acc.iter_mut().zip(block.chunks_exact(8)) {
            *sum ^= word_of(word);
        }
    }
    let tail = blocks.remainder().chunks(8).fold(0, |sum, word| sum ^ word_of(word));
    acc.iter().fold(tail, |sum, part| sum ^ part)
}

/// The little-endian word that begins with the at most eight bytes of `bytes`.
#[inline(always)]
fn word_of(bytes: &[u8]) -> u64 {
    match <[u8; 8]>::try_from(bytes) {
        Ok(word) => u64::from_le_bytes(word),
        Err(_) => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, byte by byte.
    fn by_definition(bytes: &[u8]) -> u32 {
        let sum = bytes
            .iter()
            .enumerate()
            .fold(0u64, |sum, (i, b)| sum ^ u64::from(*b) << (i % 8 * 8));
        (sum >> 32) as u32 ^ sum as u32
    }

    #[test]
    fn pieces_of_any_length_agree_with_the_definition() {
        let bytes: Vec<u8> = (0..300usize).map(|i| (i ^ i >> 3) as u8).collect();
        for len in 0..bytes.len() {
            for cut in [0, 1, 7, 8, 9, 31, 33, 80] {
                let cut = cut.min(len);
                let mut sum = Checksum::new();
                sum.add(&bytes[..cut]);
                sum.add(&bytes[cut..cut + (len - cut) / 2]);
                sum.add(&bytes[cut + (len - cut) / 2..len]);
                assert_eq!(sum.finish(), by_definition(&bytes[..len]), "len {len} cut {cut}");
            }
        }
    }

    #[test]
    fn one_flipped_bit_shows() {
        let mut bytes = vec![0x5a; 4096];
        let mut sum = Checksum::new();
        sum.add(&bytes);
        let good = sum.finish();
        bytes[1234] ^= 0x10;
        let mut sum = Checksum::new();
        sum.add(&bytes);
        assert_ne!(sum.finish(), good);
    }
}
