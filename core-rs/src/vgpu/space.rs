// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Finding room in regions: for channel ids and frame buffer alike.
//!
//! There is no allocator with a state of its own: what is taken is what the reservations say, so nothing can leak or be given
//! back twice. A search over the few dozen reservations there can be costs nothing beside creating a vGPU.

/// `start..end`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// First unit.
    pub start: u64,
    /// Unit behind the last.
    pub end: u64,
}

impl Range {
    /// `len` units from `start`, if they can be counted.
    pub fn new(start: u64, len: u64) -> Option<Self> {
        let end = start.checked_add(len)?;
        Some(Range { start, end })
    }

    /// Units in it.
    pub fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn overlaps(&self, other: &Range) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// Rounds `value` up to a multiple of `align`, a power of two.
pub fn align_up(value: u64, align: u64) -> Option<u64> {
    let mask = align.checked_sub(1)?;
    Some(value.checked_add(mask)? & !mask)
}

fn align_down(value: u64, align: u64) -> u64 {
    value & !align.saturating_sub(1)
}

/// The lowest free `len` units, aligned to `align`, in `regions` (ascending).
pub fn lowest<R, U>(regions: R, used: impl Fn() -> U, len: u64, align: u64) -> Option<Range>
where
    R: Iterator<Item = Range>,
    U: Iterator<Item = Range>,
{
    for region in regions {
        let mut start = align_up(region.start, align)?;
        while let Some(place) = Range::new(start, len).filter(|place| place.end <= region.end) {
            match used()
                .filter(|range| range.overlaps(&place))
                .map(|range| range.end)
                .max()
            {
                Some(end) => start = align_up(end, align)?,
                None => return Some(place),
            }
        }
    }
    None
}

/// The highest free `len` units, aligned to `align`, in `regions` (descending).
pub fn highest<R, U>(regions: R, used: impl Fn() -> U, len: u64, align: u64) -> Option<Range>
where
    R: Iterator<Item = Range>,
    U: Iterator<Item = Range>,
{
    for region in regions {
        let mut limit = region.end;
        while let Some(start) = limit.checked_sub(len).map(|start| align_down(start, align)) {
            let place = match Range::new(start, len) {
                Some(place) if start >= region.start => place,
                _ => break,
            };
            match used()
                .filter(|range| range.overlaps(&place))
                .map(|range| range.start)
                .min()
            {
                Some(start) => limit = start,
                None => return Some(place),
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, end: u64) -> Range {
        Range { start, end }
    }

    #[test]
    fn lowest_and_highest_place() {
        let regions = [range(10, 100), range(200, 300)];
        let used = [range(16, 40), range(90, 95), range(250, 260)];
        let low = |len, align| lowest(regions.into_iter(), || used.into_iter(), len, align);
        let high = |len, align| highest(regions.into_iter().rev(), || used.into_iter(), len, align);
        assert_eq!(low(6, 1), Some(range(10, 16)));
        assert_eq!(low(6, 8), Some(range(40, 46)));
        assert_eq!(low(50, 1), Some(range(40, 90)));
        assert_eq!(low(40, 16), Some(range(48, 88)));
        assert_eq!(low(51, 1), None);
        assert_eq!(high(40, 1), Some(range(260, 300)));
        assert_eq!(high(41, 1), Some(range(209, 250)));
        assert_eq!(high(41, 8), Some(range(208, 249)));
        assert_eq!(high(42, 64), None);
        assert_eq!(high(101, 1), None);
    }

    #[test]
    fn ends_of_the_number_range() {
        let all = [range(0, u64::MAX)];
        let none = || std::iter::empty();
        assert_eq!(lowest(all.into_iter(), none, u64::MAX, 1), Some(range(0, u64::MAX)));
        let top = || std::iter::once(range(8, u64::MAX));
        assert_eq!(lowest(all.into_iter(), top, 16, 16), None);
        assert_eq!(highest(all.into_iter(), top, 8, 8), Some(range(0, 8)));
        assert_eq!(highest(all.into_iter(), top, 9, 8), None);
    }
}
