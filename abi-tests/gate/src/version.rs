// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Version numbers of the ABI, and which one a change asks for.

use crate::rules::Class;
use std::fmt;

/// A version of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Raised when something that was promised no longer holds.
    pub major: u16,
    /// Raised when something was added.
    pub minor: u16,
}

impl Version {
    /// Reads `1.2`.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Version {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    }

    /// The lowest version that may follow this one after a change of that class.
    pub fn after(self, class: Class) -> Self {
        match class {
            Class::Identical | Class::Compatible => self,
            Class::Additive => Version {
                minor: self.minor + 1,
                ..self
            },
            Class::Behavioural | Class::Breaking => Version {
                major: self.major + 1,
                minor: 0,
            },
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_ask_for_versions() {
        let v = Version::parse("1.4").expect("version");
        assert_eq!(v.after(Class::Compatible).to_string(), "1.4");
        assert_eq!(v.after(Class::Additive).to_string(), "1.5");
        assert_eq!(v.after(Class::Behavioural).to_string(), "2.0");
        assert_eq!(v.after(Class::Breaking).to_string(), "2.0");
        assert_eq!(Version::parse("1"), None);
    }
}
