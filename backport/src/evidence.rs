// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What a run of a cell leaves for machines: one JSON object with a versioned shape.

use crate::apt::Package;
use crate::build::kbuild::{Compiler, Modules, MODULES};
use crate::build::probe::Answer;
use crate::cell::RustSide;
use crate::error::{Error, PathContext, Result};
use crate::hygiene::{self, Findings};
use crate::kernel::{Headers, Image};
use crate::matrix::Cell;
use crate::rust::flags::Granted;
use crate::step::Record;
use crate::vm::qemu::Outcome;
use novabridge_protocol::StepReport;
use serde::Serialize;
use std::fs;

/// Raised when a field changes its meaning or goes away; new fields do not count.
pub const SCHEMA: &str = "novabridge-cell/1";

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

/// All that is known about one run of one cell.
#[derive(Debug, Serialize)]
pub struct Evidence {
    schema: &'static str,
    cell: Cell,
    firmware: String,
    ok: bool,
    seconds: f64,
    repeat: String,
    /// Hash of everything the result depends on, if that could be found out.
    inputs: Option<String>,
    /// Seconds since 1970.
    finished: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    kernel: Option<KernelPart>,
    core: Option<CorePart>,
    modules: Vec<ModulePart>,
    probes: Vec<Answer>,
    packages: Vec<Package>,
    boot: Option<BootPart>,
    steps: Vec<Record>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Failure {
    step: String,
    reason: String,
    expected: Option<String>,
    found: Option<String>,
    fix: Option<String>,
    last_lines: Vec<String>,
}

#[derive(Debug, Serialize)]
struct KernelPart {
    release: String,
    compiler: Compiler,
    /// Of the options of [`MITIGATIONS`], those this kernel has.
    mitigations: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct ModulePart {
    name: &'static str,
    bytes: u64,
    object: Findings,
}

#[derive(Debug, Serialize)]
struct CorePart {
    rustc: String,
    library: String,
    flags: Vec<Granted>,
    object: Findings,
}

#[derive(Debug, Serialize)]
struct BootPart {
    seconds: f64,
    steps: Vec<StepReport>,
    violations: Vec<serde_json::Value>,
}

impl Evidence {
    /// Nothing known yet.
    pub fn new(cell: &Cell, firmware: &str, repeat: &str) -> Self {
        Evidence {
            schema: SCHEMA,
            cell: cell.clone(),
            firmware: firmware.to_owned(),
            ok: false,
            seconds: 0.0,
            repeat: repeat.to_owned(),
            inputs: None,
            finished: 0,
            failure: None,
            kernel: None,
            core: None,
            modules: Vec::new(),
            probes: Vec::new(),
            packages: Vec::new(),
            boot: None,
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The kernel and what its modules were built with.
    pub fn kernel(&mut self, image: &Image, headers: &Headers, compiler: &Compiler) {
        self.kernel = Some(KernelPart {
            release: image.release.clone(),
            compiler: compiler.clone(),
            mitigations: MITIGATIONS.into_iter().filter(|option| headers.has(option)).collect(),
        });
        self.packages(&image.packages, &headers.packages);
    }

    /// The finished modules.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn modules(&mut self, modules: &Modules) -> Result<()> {
        for name in MODULES {
            let path = modules.path(name);
            self.modules.push(ModulePart {
                name,
                bytes: fs::metadata(&path).on("read", &path)?.len(),
                object: hygiene::describe(&path)?,
            });
        }
        Ok(())
    }

    /// The probes' answers.
    pub fn probes(&mut self, answers: &[Answer]) {
        self.probes = answers.to_vec();
    }

    /// The Rust half.
    pub fn core(&mut self, rust: &RustSide) {
        self.core = Some(CorePart {
            rustc: rust.toolchain.verbose.clone(),
            library: rust.library.origin.clone(),
            flags: rust.flags.clone(),
            object: rust.findings.clone(),
        });
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
            steps: outcome.steps.clone(),
            violations: outcome.violations.iter().map(parsed).collect(),
        });
    }

    /// What the result depends on.
    pub fn inputs(&mut self, inputs: String) {
        self.inputs = Some(inputs);
    }

    /// The end.
    pub fn close(&mut self, seconds: f64, steps: Vec<Record>, notes: Vec<String>, error: Option<&Error>) {
        self.ok = error.is_none();
        self.seconds = seconds;
        self.finished = crate::results::seconds(std::time::SystemTime::now());
        self.steps = steps;
        self.notes = notes;
        self.failure = error.map(|error| Failure {
            step: error.step.clone().unwrap_or_else(|| "start".to_owned()),
            reason: error.what.clone(),
            expected: error.expected.clone(),
            found: error.found.clone(),
            fix: error.fix.clone(),
            last_lines: error.tail.clone(),
        });
    }
}
