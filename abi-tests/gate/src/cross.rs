// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Whether the sources of one ABI say the same, so that source, header, library and module cannot drift apart.
//!
//! The header is what callers see; all others are compared with it. They need not know everything: a library knows no
//! macros, and one without debug information knows symbols only.

use crate::contract::facts;
use crate::diff::compare_signature;
use crate::model::{Abi, Record, TypeDecl};
use crate::ty::{Signature, TypeRef};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A contradiction between two sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The source that differs from the header.
    pub source: String,
    /// What they differ in.
    pub subject: String,
    /// What the header says.
    pub header: String,
    /// What the source says.
    pub found: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Drift {
            source,
            subject,
            header,
            found,
        } = self;
        write!(
            f,
            "{subject}: expected `{header}` as in the header, found `{found}` in {source}"
        )
    }
}

/// How much of the ABI a source must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// All of it: the Rust source.
    Everything,
    /// The functions it defines, and perhaps their types: objects.
    Code,
}

/// Compares `source` with the header.
pub fn check(header: &Abi, source: &Abi, name: &str, knows: Knows) -> Vec<Drift> {
    let mut check = Check {
        header,
        source,
        name,
        found: Vec::new(),
    };
    check.symbols(knows);
    check.functions();
    check.types(knows);
    if knows == Knows::Everything {
        check.constants();
        check.contract();
    }
    check.found
}

/// Compares the versions of the shared library's symbols with those that functions must have. `source` says where `versions` are
/// from.
pub fn symbol_versions(
    header: &Abi,
    versions: &BTreeMap<String, String>,
    source: &str,
    expected: impl Fn(&str) -> String,
) -> Vec<Drift> {
    let drift = |subject: &str, header: String, found: &str| Drift {
        source: source.to_owned(),
        subject: format!("version of {subject}"),
        header,
        found: found.to_owned(),
    };
    let mut found = Vec::new();
    for name in header.functions.keys() {
        let expected = expected(name);
        match versions.get(name) {
            Some(version) if *version == expected => {}
            Some(version) => found.push(drift(name, expected, version)),
            None => found.push(drift(name, expected, "none")),
        }
    }
    for (name, version) in versions
        .iter()
        .filter(|(name, _)| !header.functions.contains_key(*name))
    {
        found.push(drift(name, "not declared".into(), version));
    }
    found
}

/// How much of the header another source could be held against: a binary knows what its debug information tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The source.
    pub source: String,
    /// Functions whose signatures were compared, and how many the header has.
    pub functions: (usize, usize),
    /// Types whose layouts were compared, and how many the header has.
    pub types: (usize, usize),
}

impl Compared {
    /// What of `header` `source` tells.
    pub fn of(header: &Abi, source: &Abi, name: &str) -> Self {
        fn common<T>(a: &BTreeMap<String, T>, b: &BTreeMap<String, T>) -> (usize, usize) {
            (a.keys().filter(|k| b.contains_key(*k)).count(), a.len())
        }
        Compared {
            source: name.to_owned(),
            functions: common(&header.functions, &source.functions),
            types: common(&header.types, &source.types),
        }
    }

    /// A library of which nothing but the names of its functions could be compared: it shows no agreement.
    pub fn nothing(&self) -> Option<Drift> {
        (self.functions.0 == 0).then(|| Drift {
            source: self.source.clone(),
            subject: "signatures and layouts".into(),
            header: format!("{} functions and {} types", self.functions.1, self.types.1),
            found: "no debug information; build it with it (rustc -g, cargo's `debug = true`)".into(),
        })
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((functions, all_functions), (types, all_types)) = (self.functions, self.types);
        write!(
            f,
            "{}: all symbols, {functions} of {all_functions} functions, {types} of {all_types} types",
            self.source
        )
    }
}

struct Check<'a> {
    header: &'a Abi,
    source: &'a Abi,
    name: &'a str,
    found: Vec<Drift>,
}

impl Check<'_> {
    fn drift(&mut self, subject: &str, header: impl ToString, found: impl ToString) {
        self.found.push(Drift {
            source: self.name.to_owned(),
            subject: subject.to_owned(),
            header: header.to_string(),
            found: found.to_string(),
        });
    }

    /// What the header declares is there, and nothing else.
    fn symbols(&mut self, knows: Knows) {
        let (word, have): (_, Vec<&String>) = match knows {
            Knows::Everything => ("declared", self.source.functions.keys().collect()),
            Knows::Code => ("exported", self.source.exports.iter().collect()),
        };
        for name in self.header.functions.keys().filter(|n| !have.contains(n)) {
            self.drift(name, "declared", format!("not {word}"));
        }
        for name in have {
            if !self.header.functions.contains_key(name) {
                self.drift(name, "not declared", word);
            }
        }
    }

    fn functions(&mut self) {
        for (name, ours) in &self.source.functions {
            let theirs = match self.header.functions.get(name) {
                Some(theirs) => theirs,
                None => continue,
            };
            let (a, b) = (neutral(self.header, theirs), neutral(self.source, ours));
            let mut changes = Vec::new();
            compare_signature(name, &a, &b, &mut changes);
            // The header cannot tell about unwinding; libraries cannot tell what C called parameters.
            changes.retain(|c| !["unwinding", "parameter-renamed"].contains(&c.rule.id.as_str()));
            if !changes.is_empty() {
                self.drift(name, theirs, ours);
            }
        }
    }

    fn types(&mut self, knows: Knows) {
        for (name, theirs) in &self.header.types {
            let ours = match self.source.types.get(name) {
                Some(ours) => ours,
                None if knows == Knows::Everything => {
                    self.drift(name, theirs.kind(), "no such type");
                    continue;
                }
                None => continue,
            };
            match (theirs, ours) {
                (TypeDecl::Struct(a), TypeDecl::Struct(b)) | (TypeDecl::Union(a), TypeDecl::Union(b)) => {
                    self.record(name, a, b);
                }
                (TypeDecl::Enum(a), TypeDecl::Enum(b)) if a.repr != b.repr => self.drift(name, &a.repr, &b.repr),
                // Behind a handle each side may see what it likes.
                (TypeDecl::Opaque, _) | (_, TypeDecl::Opaque) => {}
                (a, b) if a.kind() != b.kind() => self.drift(name, a.kind(), b.kind()),
                _ => {}
            }
        }
        if knows == Knows::Everything {
            for (name, ours) in &self.source.types {
                if !self.header.types.contains_key(name) {
                    self.drift(name, "no such type", ours.kind());
                }
            }
        }
    }

    fn record(&mut self, name: &str, theirs: &Record, ours: &Record) {
        let lay = |r: &Record| format!("size {} align {}", r.size, r.align);
        if (theirs.size, theirs.align) != (ours.size, ours.align) {
            self.drift(name, lay(theirs), lay(ours));
        }
        if theirs.fields.len() != ours.fields.len() {
            let count = |r: &Record| format!("{} fields", r.fields.len());
            self.drift(name, count(theirs), count(ours));
        }
        for (a, b) in theirs.fields.iter().zip(&ours.fields) {
            let same = a.name == b.name
                && (a.offset, a.size) == (b.offset, b.size)
                && strip(&self.header.expand(&a.ty)) == strip(&self.source.expand(&b.ty));
            if !same {
                let say = |f: &crate::model::Field| format!("{}: {} at {} +{}", f.name, f.ty, f.offset, f.size);
                self.drift(&format!("{name}.{}", a.name), say(a), say(b));
            }
        }
    }

    fn constants(&mut self) {
        for (name, theirs) in &self.header.constants {
            match self.source.constants.get(name) {
                Some(ours) if ours.value == theirs.value => {}
                Some(ours) => self.drift(name, &theirs.value, &ours.value),
                None => self.drift(name, &theirs.value, "no such constant"),
            }
        }
        for (name, ours) in &self.source.constants {
            if !self.header.constants.contains_key(name) {
                self.drift(name, "no such constant", &ours.value);
            }
        }
    }

    fn contract(&mut self) {
        for (name, theirs) in &self.header.contract {
            let Some(ours) = self.source.contract.get(name) else {
                continue;
            };
            let (theirs, ours) = (facts(theirs), facts(ours));
            let places: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
            for place in places
                .into_iter()
                .filter(|place| theirs.get(*place) != ours.get(*place))
            {
                let words =
                    |facts: &BTreeMap<String, String>| facts.get(place).map_or("nothing", String::as_str).to_owned();
                self.drift(
                    &format!("documentation of {name}, {place}"),
                    words(&theirs),
                    words(&ours),
                );
            }
        }
    }
}

/// The signature in words that all sources share.
pub(crate) fn neutral(abi: &Abi, signature: &Signature) -> Signature {
    let mut signature = abi.expand_signature(signature);
    for param in &mut signature.params {
        param.ty = strip(&param.ty);
    }
    signature.ret = strip(&signature.ret);
    signature
}

/// The type without what only some sources know: names of a callback's parameters, whether it may unwind, and that an `i8`
/// is meant as a `char`.
pub(crate) fn strip(ty: &TypeRef) -> TypeRef {
    match ty {
        TypeRef::Char => TypeRef::Int { signed: true, bits: 8 },
        TypeRef::Pointer { constant, to } => TypeRef::pointer(*constant, strip(to)),
        TypeRef::Array { of, len } => TypeRef::Array {
            of: Box::new(strip(of)),
            len: *len,
        },
        TypeRef::Function(signature) => {
            let mut signature = (**signature).clone();
            for param in &mut signature.params {
                param.name.clear();
                param.ty = strip(&param.ty);
            }
            signature.ret = strip(&signature.ret);
            signature.unwind = false;
            TypeRef::Function(Box::new(signature))
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Context, Contract};

    const HEADER: &str =
        "const NVB_A: i32 = 1\nopaque nvb_h\nstruct nvb_s size 8 align 4\n  0 +4 size: u32\n  4 +4 t: [char; 4]\n\
                          fn nvb_x(h: *mut nvb_h, s: *const nvb_s) -> i32\n";

    fn drifts(source: &str, knows: Knows) -> Vec<String> {
        let read = |t: &str| crate::text::read(t, "test").expect("text");
        check(&read(HEADER), &read(source), "it", knows)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn same_thing_in_other_words() {
        let rust = HEADER.replace("NVB_A: i32", "NVB_A: u16");
        assert!(drifts(&rust, Knows::Everything).is_empty());
        let library = HEADER.replace("const NVB_A: i32 = 1\n", "").replace("char", "i8") + "export nvb_x\n";
        assert!(drifts(&library.replace("(h:", "(handle:"), Knows::Code).is_empty());
    }

    #[test]
    fn functions_have_the_version_they_came_with() {
        let header = crate::text::read("fn nvb_a()\nfn nvb_b()\nfn nvb_c()\n", "test").expect("text");
        let said = |versions: &[(&str, &str)]| {
            let versions = versions
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect();
            let expected = |name: &str| {
                if name == "nvb_c" {
                    "LIB_1.1".into()
                } else {
                    "LIB_1.0".into()
                }
            };
            let found = symbol_versions(&header, &versions, "it", expected);
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(said(&[("nvb_a", "LIB_1.0"), ("nvb_b", "LIB_1.0"), ("nvb_c", "LIB_1.1")]).is_empty());
        assert_eq!(
            said(&[("nvb_a", "LIB_1.0"), ("nvb_c", "LIB_1.0"), ("nvb_d", "LIB_1.1")]),
            [
                "version of nvb_b: expected `LIB_1.0` as in the header, found `none` in it",
                "version of nvb_c: expected `LIB_1.1` as in the header, found `LIB_1.0` in it",
                "version of nvb_d: expected `not declared` as in the header, found `LIB_1.1` in it"
            ]
        );
    }

    #[test]
    fn says_how_much_was_compared() {
        let read = |t: &str| crate::text::read(t, "test").expect("text");
        let compared = |source: &str| Compared::of(&read(HEADER), &read(source), "it");
        let all = compared("opaque nvb_h\nfn nvb_x()\nfn nvb_other()\nexport nvb_x\n");
        assert_eq!(all.to_string(), "it: all symbols, 1 of 1 functions, 1 of 2 types");
        assert!(all.nothing().is_none());
        let nothing = compared("export nvb_x\n").nothing().expect("nothing was compared");
        assert!(nothing.to_string().contains("no debug information"), "{nothing}");
    }

    #[test]
    fn contradictions() {
        assert_eq!(
            drifts(&HEADER.replace("= 1", "= 2"), Knows::Everything),
            ["NVB_A: expected `1` as in the header, found `2` in it"]
        );
        assert_eq!(
            drifts("export nvb_x\nexport nvb_y\n", Knows::Code),
            ["nvb_y: expected `not declared` as in the header, found `exported` in it"]
        );
        let moved = HEADER
            .replace("size 8 align 4", "size 12 align 4")
            .replace("  4 +4 t", "  8 +4 t")
            + "export nvb_x\n";
        assert_eq!(drifts(&moved, Knows::Code).len(), 2);
        let other = HEADER.replace("-> i32", "-> i64") + "export nvb_x\n";
        assert_eq!(drifts(&other, Knows::Code).len(), 1);
    }

    #[test]
    fn documentations_that_differ_are_told_fact_by_fact() {
        let documented = |errno: &str, context| {
            let mut abi = crate::text::read(HEADER, "test").expect("text");
            let errors = [(
                errno.to_owned(),
                vec!["the GPU is lost".to_owned(), "or was".to_owned()],
            )];
            let contract = Contract {
                errors: errors.into_iter().collect(),
                context,
                ..Contract::default()
            };
            abi.contract.insert("nvb_x".to_owned(), contract);
            abi
        };
        let (header, source) = (documented("EIO", Context::MaySleep), documented("ENODEV", Context::Any));
        let found = check(&header, &source, "it", Knows::Everything);
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "documentation of nvb_x, context: expected `may-sleep` as in the header, found `any` in it",
                "documentation of nvb_x, errors.EIO: expected `the GPU is lost; or was` as in the header, found `nothing` in it",
                "documentation of nvb_x, errors.ENODEV: expected `nothing` as in the header, found `the GPU is lost; or was` in it",
            ]
        );
        assert!(check(&header, &header, "it", Knows::Everything).is_empty());
    }
}
