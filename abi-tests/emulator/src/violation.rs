// SPDX-License-Identifier: MIT
//! The rules a driver can break, each with a name that tests and reports use.

use std::fmt;

macro_rules! rules {
    ($($name:ident $slug:literal $text:literal;)*) => {
        /// A rule of the hardware or the firmware that a driver can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule { $(#[doc = $text] $name,)* }

        impl Rule {
            /// The rule's name in reports; stable.
            pub const fn name(self) -> &'static str {
                match self { $(Rule::$name => $slug,)* }
            }

            /// What the rule says.
            pub const fn text(self) -> &'static str {
                match self { $(Rule::$name => $text,)* }
            }

            /// Every rule there is.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)*];
        }
    };
}

rules! {
    AccessSize "access-size" "registers are accessed as aligned 32-bit words";
    DmaFault "dma-fault" "memory the device is told of can be reached";
    FalconInReset "falcon-in-reset" "a falcon is not touched while its engine is in reset";
    FalconScrubbing "falcon-scrubbing" "a falcon is not used before its memories are scrubbed";
    FalconCoreSelect "falcon-core-select" "the falcon core is selected before it is started";
    FalconDma "falcon-dma" "a falcon DMA transfer loads one aligned block of 256 bytes from mapped memory";
    FalconFbif "falcon-fbif" "the falcon's memory interface is set to physical addresses before a transfer";
}

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// What was found, in words.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.rule.name(), self.detail, self.rule.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lower_case() {
        let mut names: Vec<_> = Rule::ALL.iter().map(|r| r.name()).collect();
        assert!(names.iter().all(|n| n
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rule::ALL.len());
    }
}
