// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What a run of a cell leaves: one JSON object with a versioned shape, which reports read back.
//!
//! Its JSON schema is made from these types and committed as `backport/schema/cell.schema.json`.

use crate::apt::Package;
use crate::build::compiler::Compiler;
use crate::build::kbuild::{Modules, MODULES};
use crate::build::probe::Answer;
use crate::build::shims::Shim;
use crate::error::{Class, Error, PathContext, Result};
use crate::hygiene::{self, Findings};
use crate::kernel::{Headers, Image};
use crate::matrix::Cell;
use crate::mitigations::Protection;
use crate::rust::flags::Granted;
use crate::rust::library::LibrarySource;
use crate::rust::toolchain::Toolchain;
use crate::step::Record;
use crate::vm::qemu::Outcome;
use novabridge_protocol::StepReport;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use std::fs;

/// Raised when a field changes its meaning or goes away; new fields do not count.
pub const SCHEMA: &str = "novabridge-cell/3";

/// Options by which a kernel asks its modules for protection against speculation and stray jumps, under their old and new names.
const MITIGATIONS: [&str; 9] = [
    "CONFIG_RETPOLINE",
    "CONFIG_MITIGATION_RETPOLINE",
    "CONFIG_RETHUNK",
    "CONFIG_MITIGATION_RETHUNK",
    "CONFIG_SLS",
    "CONFIG_MITIGATION_SLS",
    "CONFIG_X86_KERNEL_IBT",
    "CONFIG_CALL_PADDING",
    "CONFIG_CFI",
];

/// How much of the guest's console is kept: a healthy one is a tenth of it, one in a loop of complaints must not fill the store.
const CONSOLE_LIMIT: usize = 128 << 10;

/// All that is known about one run of one cell.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The version of this shape.
    pub schema: String,
    /// Kernel, form of the core and compilers.
    pub cell: Cell,
    /// GSP firmware release.
    pub firmware: String,
    /// Whether everything passed.
    pub ok: bool,
    /// Time of the whole run.
    pub seconds: f64,
    /// The command that repeats exactly this cell.
    pub repeat: String,
    /// Hash of everything the result depends on, if that could be found out.
    pub inputs: Option<String>,
    /// Hash of this project's sources that it was built from and judged by; none if they were of more than one tree.
    pub sources: Option<String>,
    /// Seconds since 1970.
    pub finished: u64,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// The kernel and its compiler, once they were there.
    pub kernel: Option<KernelPart>,
    /// The Rust half, once it was built.
    pub core: Option<CorePart>,
    /// The finished modules.
    pub modules: Vec<ModulePart>,
    /// How the Rust half is protected, against what the kernel wants.
    pub protection: Option<Protection>,
    /// What compiler, modpost and objtool complained about while the modules were built; none before that.
    pub warnings: Option<Vec<String>>,
    /// What this kernel's interfaces are, and how that was found out.
    pub probes: Vec<Answer>,
    /// What stands in for interfaces the kernel lacks.
    pub shims: Vec<Shim>,
    /// Every package that was used, with its hash.
    pub packages: Vec<Package>,
    /// The boot, if it came to that.
    pub boot: Option<BootPart>,
    /// Every step with its result, time and memory.
    pub steps: Vec<Record>,
    /// What else the reader should know.
    pub notes: Vec<String>,
}

/// Why a cell failed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Whether the cell failed, or what it runs on.
    pub class: Class,
    /// The step it failed in.
    pub step: String,
    /// What failed.
    pub reason: String,
    /// What should have been there.
    pub expected: Option<String>,
    /// What was there instead.
    pub found: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
    /// The end of the output that explains it.
    pub last_lines: Vec<String>,
}

/// The kernel and what its modules were built with.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KernelPart {
    /// As the kernel names itself.
    pub release: String,
    /// The C compiler.
    pub compiler: Compiler,
    /// The protections its configuration asks for.
    pub mitigations: Vec<String>,
}

/// A finished module.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ModulePart {
    /// File name.
    pub name: String,
    /// Size of the file.
    pub bytes: u64,
    /// What is in it.
    pub object: Findings,
}

/// The Rust half.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CorePart {
    /// All rustc says about itself.
    pub rustc: String,
    /// Where the sources of `core` came from.
    pub library: String,
    /// What was asked of rustc, and what it granted.
    pub flags: Vec<FlagPart>,
    /// The object it made, once it was there.
    pub object: Option<Findings>,
}

/// A property the code must have, and how this rustc spells it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FlagPart {
    /// The property.
    pub name: String,
    /// The flag; none if this rustc has none or it was not wanted.
    pub flag: Option<String>,
    /// Why the kernel needs it, or what its absence means.
    pub reason: String,
}

/// A boot.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BootPart {
    /// From QEMU's start to its end.
    pub seconds: f64,
    /// The guest's steps.
    pub steps: Vec<GuestStep>,
    /// Rules the emulated GPU saw broken.
    pub violations: Vec<serde_json::Value>,
    /// The guest's console; its end, if it is long.
    pub console: String,
}

/// A step of the guest, by its stable name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GuestStep {
    /// Which one.
    pub step: String,
    /// Whether it did what it should.
    pub ok: bool,
    /// How long it took by the guest's clock, which counts instructions rather than the host's time.
    pub ms: u64,
    /// What was measured or found, by name.
    pub detail: serde_json::Map<String, serde_json::Value>,
    /// Why it failed.
    pub reason: Option<String>,
    /// What the kernel does not offer, when there was nothing to try: neither a pass nor a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_offered: Option<String>,
}

/// The JSON schema of [`Evidence`] as it is written.
pub fn schema() -> Schema {
    let mut schema = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Evidence>();
    schema.insert("$id".to_owned(), SCHEMA.into());
    schema
}

impl From<&Granted> for FlagPart {
    fn from(granted: &Granted) -> Self {
        FlagPart {
            name: granted.name.to_owned(),
            flag: granted.flag.map(str::to_owned),
            reason: granted.reason.to_owned(),
        }
    }
}

impl CorePart {
    /// What is known before anything is compiled.
    pub fn new(toolchain: &Toolchain, library: &LibrarySource, flags: &[Granted]) -> Self {
        CorePart {
            rustc: toolchain.verbose.clone(),
            library: library.origin.clone(),
            flags: flags.iter().map(FlagPart::from).collect(),
            object: None,
        }
    }
}

impl From<&StepReport> for GuestStep {
    fn from(report: &StepReport) -> Self {
        GuestStep {
            step: report.step.name().to_owned(),
            ok: report.ok,
            ms: report.ms,
            detail: report.detail.clone(),
            reason: report.reason.clone(),
            not_offered: report.not_offered.clone(),
        }
    }
}

impl Evidence {
    /// Nothing known yet.
    pub fn new(cell: &Cell, firmware: &str, repeat: &str) -> Self {
        Evidence {
            schema: SCHEMA.to_owned(),
            cell: cell.clone(),
            firmware: firmware.to_owned(),
            ok: false,
            seconds: 0.0,
            repeat: repeat.to_owned(),
            inputs: None,
            sources: None,
            finished: 0,
            failure: None,
            kernel: None,
            core: None,
            modules: Vec::new(),
            protection: None,
            warnings: None,
            probes: Vec::new(),
            shims: Vec::new(),
            packages: Vec::new(),
            boot: None,
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The kernel and what its modules were built with.
    pub fn kernel(&mut self, image: &Image, headers: &Headers, compiler: &Compiler) {
        let wanted = MITIGATIONS.into_iter().filter(|option| headers.has(option));
        self.kernel = Some(KernelPart {
            release: image.release.clone(),
            compiler: compiler.clone(),
            mitigations: wanted.map(str::to_owned).collect(),
        });
        self.packages(&image.packages, &headers.packages);
        self.packages(&compiler.packages, &[]);
    }

    /// The finished modules and their build.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn modules(&mut self, modules: &Modules) -> Result<()> {
        for name in MODULES {
            let path = modules.path(name);
            self.modules.push(ModulePart {
                name: name.to_owned(),
                bytes: fs::metadata(&path).on("read", &path)?.len(),
                object: hygiene::describe(&path)?,
            });
        }
        self.warnings = Some(modules.warnings()?);
        Ok(())
    }

    /// The probes' answers, and what stands in for what is not there.
    pub fn probes(&mut self, answers: &[Answer], shims: Vec<Shim>) {
        self.probes = answers.to_vec();
        self.shims = shims;
    }

    /// Packages that were used.
    pub fn packages(&mut self, some: &[Package], more: &[Package]) {
        self.packages.extend(some.iter().chain(more).cloned());
    }

    /// The boot.
    pub fn boot(&mut self, outcome: &Outcome, seconds: f64) {
        let parsed =
            |line: &String| serde_json::from_str(line).unwrap_or_else(|_| serde_json::Value::String(line.clone()));
        self.boot = Some(BootPart {
            seconds,
            steps: outcome.steps.iter().map(GuestStep::from).collect(),
            violations: outcome.violations.iter().map(parsed).collect(),
            console: end_of(&outcome.console, CONSOLE_LIMIT).to_owned(),
        });
    }

    /// What the result depends on.
    pub fn inputs(&mut self, inputs: String) {
        self.inputs = Some(inputs);
    }

    /// The sources it is of.
    pub fn sources(&mut self, sources: &str) {
        self.sources = Some(sources.to_owned());
    }

    /// The end.
    pub fn close(&mut self, seconds: f64, steps: Vec<Record>, notes: Vec<String>, error: Option<&Error>) {
        self.ok = error.is_none();
        self.seconds = seconds;
        self.finished = crate::results::seconds(std::time::SystemTime::now());
        self.steps = steps;
        self.notes = notes;
        self.failure = error.map(Failure::from);
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Failure {
            class: error.class,
            step: error.step.clone().unwrap_or_else(|| "start".to_owned()),
            reason: error.what.clone(),
            expected: error.expected.clone(),
            found: error.found.clone(),
            fix: error.fix.clone(),
            last_lines: error.tail.clone(),
        }
    }
}

/// The last whole lines of `text` that are not longer than `limit` together.
fn end_of(text: &str, limit: usize) -> &str {
    let Some(mut start) = text.len().checked_sub(limit).filter(|start| *start > 0) else {
        return text;
    };
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let end = text.get(start..).unwrap_or_default();
    end.split_once('\n').map_or(end, |(_, whole)| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_console_whole_lines_are_kept() {
        assert_eq!(end_of("ab\ncd\n", 6), "ab\ncd\n");
        assert_eq!(end_of("ab\ncd\n", 5), "cd\n");
        assert_eq!(end_of("a\näöü", 5), "öü");
    }

    /// The schema as it is committed, for those who read results without this tool.
    const COMMITTED: &str = include_str!("../schema/cell.schema.json");

    fn evidence() -> serde_json::Value {
        let matrix = crate::matrix::Matrix::built_in().unwrap();
        let cell = &matrix.cells[0];
        serde_json::to_value(crate::report::tests::failed(cell, "no DMA", "console").evidence).unwrap()
    }

    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        let committed: serde_json::Value = serde_json::from_str(COMMITTED).unwrap();
        assert!(
            committed == *schema().as_value(),
            "after a change: novabridge report --schema > backport/schema/cell.schema.json"
        );
    }

    #[test]
    fn evidence_is_valid_and_without_any_of_its_parts_it_is_not() {
        let committed: serde_json::Value = serde_json::from_str(COMMITTED).unwrap();
        let validator = jsonschema::validator_for(&committed).unwrap();
        let whole = evidence();
        if let Err(error) = validator.validate(&whole) {
            panic!("{error} at {}", error.instance_path());
        }
        for (place, least) in [
            ("", 19),
            ("/boot", 4),
            ("/core/flags/0", 3),
            ("/probes/1", 6),
            ("/kernel", 3),
        ] {
            let part = whole.pointer(place).unwrap().as_object().unwrap();
            assert!(part.len() >= least, "{place}: {part:?}");
            for name in part.keys() {
                let mut without = whole.clone();
                without
                    .pointer_mut(place)
                    .unwrap()
                    .as_object_mut()
                    .unwrap()
                    .remove(name);
                assert!(!validator.is_valid(&without), "valid without {place}/{name}");
            }
        }
    }

    #[test]
    fn evidence_comes_back_as_it_went() {
        let whole = evidence();
        let read: Evidence = serde_json::from_value(whole.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), whole);
    }
}
