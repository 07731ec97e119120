// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The rustc flags of kernel code: what each is for, and how each rustc spells it.
//!
//! Which spelling a rustc takes is found by trying it, never by its version: distributions carry patched ones.

use crate::cache::{Cache, Key};
use crate::error::{Error, PathContext, Result};
use crate::proc::Cmd;
use crate::rust::toolchain::Toolchain;
use std::fs;

/// The built-in target without an operating system: kernel code model, no red zone, no SSE, abort on panic, no unwind tables.
pub const TARGET: &str = "x86_64-unknown-none";

/// One property the code must have, with the ways to ask for it, the best first.
#[derive(Debug)]
pub struct Wish {
    /// Its name in reports.
    pub name: &'static str,
    /// Why the kernel needs it.
    pub reason: &'static str,
    /// Spellings, the best first.
    pub spellings: &'static [&'static str],
    /// What it means when no spelling is taken; `None`: such a rustc cannot be used.
    pub without: Option<&'static str>,
}

/// Everything asked of rustc beyond the target, for core and the crates alike: most of it is recorded per function in the
/// intermediate code, and newer rustc refuses to link crates that differ.
pub const WISHES: [Wish; 10] = [
    Wish {
        name: "static relocations",
        reason: "modules are not position-independent",
        spellings: &["-Crelocation-model=static"],
        without: None,
    },
    Wish {
        name: "calls through the PLT form",
        reason: "the module loader knows no GOT relocation (\"Unknown rela relocation: 9\" at insmod)",
        spellings: &["-Zplt=yes"],
        without: None,
    },
    Wish {
        name: "one text section",
        reason: "with a section per function the module loader keeps a sysfs entry for each",
        spellings: &["-Zfunction-sections=no"],
        without: None,
    },
    Wish {
        name: "retpolines",
        reason: "objtool: \"indirect call found in RETPOLINE build\"",
        spellings: &[
            "-Zretpoline-external-thunk",
            "-Ctarget-feature=+retpoline-external-thunk,+retpoline-indirect-calls,+retpoline-indirect-branches",
        ],
        without: None,
    },
    Wish {
        name: "CS prefix on retpoline calls",
        reason: "lets the kernel patch the call in place when it needs no retpoline",
        spellings: &["-Zindirect-branch-cs-prefix"],
        without: Some("retpoline calls keep their shorter form, which the kernel patches too"),
    },
    Wish {
        name: "indirect branch tracking",
        reason: "objtool: \"data relocation to !ENDBR\" on kernels with IBT",
        spellings: &["-Zcf-protection=branch"],
        without: None,
    },
    Wish {
        name: RETURN_THUNKS,
        reason: "objtool: \"naked return found in RETHUNK build\"",
        spellings: &["-Zfunction-return=thunk-extern"],
        without: Some("only the assembly form can be used: its head turns returns into the kernel's"),
    },
    Wish {
        name: "no jump tables",
        reason: "objtool: \"indirect jump found in RETPOLINE build\"",
        spellings: &["-Cjump-tables=n", "-Zno-jump-tables"],
        without: Some("this rustc's retpolines already turn jump tables off"),
    },
    Wish {
        name: CALL_PADDING,
        reason: "kernels with call depth tracking patch their accounting into it",
        spellings: &["-Zpatchable-function-entry=16,16"],
        without: Some(
            "a kernel that tracks the depth of calls leaves calls into this code uncounted, and says so once",
        ),
    },
    Wish {
        name: "v0 symbol names",
        reason: "legacy names contain a $, which BTF of newer kernels refuses (\"failed to validate module BTF: -22\")",
        spellings: &["-Csymbol-mangling-version=v0"],
        without: None,
    },
];

/// One wish and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Granted {
    /// The wish's name.
    pub name: &'static str,
    /// The flag this rustc takes for it.
    pub flag: Option<&'static str>,
    /// Why the kernel needs it, or what its absence means.
    pub reason: &'static str,
}

/// Which spelling of each wish this rustc takes; kept per rustc.
///
/// # Errors
/// The rustc knows no spelling of a wish that cannot be left out.
pub fn granted(cache: &Cache, toolchain: &Toolchain) -> Result<Vec<Granted>> {
    let key = Key::of("flags-2")
        .with("rustc", &toolchain.verbose)
        .with_all("spelling", WISHES.iter().flat_map(|wish| wish.spellings.iter()))
        .build();
    let entry = cache.entry("flags", &key, |dir| {
        let probe = dir.join("probe.rs");
        fs::write(
            &probe,
            "#![feature(no_core)]\n#![allow(internal_features)]\n#![no_core]\n",
        )
        .on("write", &probe)?;
        let taken: Vec<&str> = WISHES
            .iter()
            .flat_map(|wish| {
                wish.spellings
                    .iter()
                    .copied()
                    .find(|flag| takes(toolchain, &probe, dir, flag))
            })
            .collect();
        let list = dir.join("taken");
        fs::write(&list, taken.join("\n")).on("write", &list)
    })?;
    let list = entry.path.join("taken");
    let taken = fs::read_to_string(&list).on("read", &list)?;
    WISHES
        .iter()
        .map(|wish| answer(wish, &taken, &toolchain.shown()))
        .collect()
}

/// The same without return thunks: the lowered form leaves returns to its head, which knows the kernel's configuration.
pub fn lowered(mut granted: Vec<Granted>) -> Vec<Granted> {
    for one in granted.iter_mut().filter(|one| one.name == RETURN_THUNKS) {
        one.flag = None;
        one.reason = "the head of the assembly turns returns into the kernel's";
    }
    granted
}

/// # Errors
/// The kernel wants return thunks in its modules and the rustc cannot make them.
pub fn demand_return_thunks(granted: &[Granted], rustc: &str, kernel_option: Option<&str>) -> Result<()> {
    let lacking = granted
        .iter()
        .any(|one| one.name == RETURN_THUNKS && one.flag.is_none());
    match (lacking, kernel_option) {
        (true, Some(option)) => Err(
            Error::cell(format!("{rustc} cannot make the return thunks this kernel asks for"))
                .expected("-Zfunction-return=thunk-extern")
                .found(format!("the kernel has {option}=y, this rustc does not take the flag"))
                .fix("use the assembly form with this rustc, or a newer rustc")
                .in_step(MITIGATIONS),
        ),
        _ => Ok(()),
    }
}

/// Whether functions have room before them.
pub fn pads_calls(granted: &[Granted]) -> bool {
    granted.iter().any(|one| one.name == CALL_PADDING && one.flag.is_some())
}

/// The step that looks at them in what was made.
pub const MITIGATIONS: &str = "mitigations";
const RETURN_THUNKS: &str = "return thunks";
const CALL_PADDING: &str = "call padding";

fn answer(wish: &Wish, taken: &str, rustc: &str) -> Result<Granted> {
    let flag = wish
        .spellings
        .iter()
        .copied()
        .find(|flag| taken.lines().any(|line| line == *flag));
    let reason = match (flag, wish.without) {
        (Some(_), _) => wish.reason,
        (None, Some(without)) => without,
        (None, None) => {
            return Err(Error::setup(format!("{rustc} cannot make {}", wish.name))
                .expected(format!("one of {}", wish.spellings.join(", ")))
                .found("none of them is taken")
                .fix("use another rustc (RUSTC=path)"))
        }
    };
    Ok(Granted {
        name: wish.name,
        flag,
        reason,
    })
}

fn takes(toolchain: &Toolchain, probe: &std::path::Path, dir: &std::path::Path, flag: &str) -> bool {
    let run = Cmd::new(&toolchain.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .args([
            "--target",
            TARGET,
            "--crate-type",
            "rlib",
            "--emit",
            "metadata",
            flag,
            "--out-dir",
        ])
        .arg(dir)
        .arg(probe)
        .run();
    // `no_core` without language items cannot compile further than this; only the option itself is asked about.
    run.is_ok_and(|done| !REFUSALS.iter().any(|refusal| done.output.contains(refusal)))
}

/// How rustc words that it does not know an option.
const REFUSALS: [&str; 5] = [
    "unknown unstable option",
    "unknown debugging option",
    "unknown codegen option",
    "incorrect value",
    "was removed",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_spelling_is_used_and_a_missing_one_explained() {
        let retpolines = WISHES.iter().find(|wish| wish.name == "retpolines").unwrap();
        let both = retpolines.spellings.join("\n");
        assert_eq!(
            answer(retpolines, &both, "rustc").unwrap().flag,
            Some("-Zretpoline-external-thunk")
        );
        let thunks = WISHES.iter().find(|wish| wish.name == "return thunks").unwrap();
        let missing = answer(thunks, "", "rustc 1.63.0").unwrap();
        assert_eq!(missing.flag, None);
        assert!(missing.reason.contains("assembly form"));
        let error = answer(retpolines, "", "rustc 1.2.3").unwrap_err();
        assert!(error.what.contains("rustc 1.2.3 cannot make retpolines"));
    }

    #[test]
    fn the_lowered_form_leaves_returns_to_its_head() {
        let granted = vec![
            Granted {
                name: RETURN_THUNKS,
                flag: Some("-Zfunction-return=thunk-extern"),
                reason: "",
            },
            Granted {
                name: "other",
                flag: Some("-Zother"),
                reason: "",
            },
        ];
        demand_return_thunks(&granted, "rustc", Some("CONFIG_RETHUNK")).unwrap();
        let lowered = lowered(granted);
        let flags: Vec<_> = lowered.iter().map(|one| one.flag).collect();
        assert_eq!(flags, [None, Some("-Zother")]);
        demand_return_thunks(&lowered, "rustc", None).unwrap();
        let error = demand_return_thunks(&lowered, "rustc 1.63.0", Some("CONFIG_RETHUNK")).unwrap_err();
        assert!(error.found.as_deref().unwrap().contains("CONFIG_RETHUNK"));
        assert_eq!(error.step.as_deref(), Some("mitigations"), "a failure is in some step");
    }

    #[test]
    fn packages_ask_rustc_the_same() {
        let wishes = WISHES.iter().filter(|wish| wish.name != RETURN_THUNKS).map(|wish| {
            let kind = if wish.without.is_none() { "required" } else { "optional" };
            format!("{kind} {}", wish.spellings.join(" "))
        });
        let expected: Vec<String> = wishes
            .chain(REFUSALS.iter().map(|words| format!("refusal {words}")))
            .collect();
        let listed = include_str!("../../kernel/rustc-options");
        let found: Vec<&str> = listed.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_installed_rustc_grants_everything_that_cannot_be_left_out() {
        let dir = crate::cache::tests::Scratch::new("flags");
        let cache = Cache::at(&dir.0).unwrap();
        let toolchain = Toolchain::of(std::path::Path::new("rustc")).unwrap();
        let all = granted(&cache, &toolchain).unwrap();
        assert_eq!(all.len(), WISHES.len());
        assert!(!takes(
            &toolchain,
            std::path::Path::new("/dev/null"),
            &dir.0,
            "-Zno-such-option=1"
        ));
    }
}
