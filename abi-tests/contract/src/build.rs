// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Builds the C tests and runs them against a library.

use novabridge_abi::check::{self, Inputs};
use novabridge_abi::contract::all_errors;
use novabridge_abi::model::Abi;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the tests are built with.
#[derive(Clone, Debug, Default)]
pub struct Flavour {
    /// C compiler.
    pub cc: String,
    /// `-fsanitize=` of the tests, if any.
    pub sanitize: Option<String>,
    /// Run under valgrind.
    pub valgrind: bool,
    /// Leave out tests that boot a GPU of their own.
    pub quick: bool,
}

/// The tests, built.
pub struct Tests {
    dir: tempfile::TempDir,
    /// Where the sources are.
    c: PathBuf,
    flavour: Flavour,
}

/// Seconds that a test may take before it is taken for one that never ends, also on a busy machine; and one that is watched,
/// which takes ten times as long.
const LIMIT: u32 = 120;
const LIMIT_WATCHED: u32 = 1200;
/// The signal by which a test ends that takes longer.
const ALARM: i32 = 14;

/// The tests' own C files, in `c/`.
const SOURCES: [&str; 8] = [
    "main.c",
    "machine.c",
    "platform.c",
    "scenarios/gpu.c",
    "scenarios/boot.c",
    "scenarios/vgpu.c",
    "scenarios/failures.c",
    "scenarios/threads.c",
];

/// What a run said.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Tests that held.
    pub ok: usize,
    /// Expectations that did not, in words.
    pub failures: Vec<String>,
    /// `function errno` that was seen.
    pub seen: BTreeSet<String>,
}

impl Tests {
    /// Builds the tests of `abi` with the header in `include`, the emulator's archive, and `library` to link with.
    pub fn build(
        root: &Path,
        abi: &Abi,
        include: &Path,
        emulator: &Path,
        library: &Path,
        flavour: Flavour,
    ) -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let baselines = Inputs::new(root).baselines();
        let first = check::first_baseline(&baselines).and_then(|dir| check::read_baseline(&dir));
        let first = first.map_err(|e| e.to_string())?;
        let generated = dir.path().join("generated.c");
        std::fs::write(&generated, crate::generate::source(abi, &first)?).map_err(|e| e.to_string())?;
        for release in gsp_emulator::releases() {
            if let Some(types) = gsp_emulator::vgpu_metadata(release) {
                let path = dir.path().join(format!("vgpu-{release}.bin"));
                std::fs::write(path, types).map_err(|e| e.to_string())?;
            }
        }
        let c = root.join("abi-tests/contract/c");
        let c = c.canonicalize().map_err(|e| format!("{}: {e}", c.display()))?;
        let mut cc = Command::new(&flavour.cc);
        cc.args([
            "-std=gnu11",
            "-g",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Wno-missing-field-initializers",
            "-Werror",
            "-o",
        ])
        .arg(dir.path().join("tests"))
        .arg("-I")
        .arg(include)
        .arg("-I")
        .arg(root.join("abi-tests/emulator/include"))
        .arg("-I")
        .arg(&c)
        .args(SOURCES.map(|f| c.join(f)))
        .arg(&generated)
        // By name and not by path: which library it is, is said when the tests run.
        .arg("-L")
        .arg(library.parent().unwrap_or(root))
        .arg("-lnovabridge")
        .arg(emulator)
        .args(["-lpthread", "-ldl", "-lm", "-lgcc_s"]);
        if let Some(sanitize) = &flavour.sanitize {
            if sanitize.contains("thread") {
                cc.arg(c.join("tsan.c"));
            }
            cc.arg(format!("-fsanitize={sanitize}"))
                .arg("-fno-sanitize-recover=undefined");
        }
        let output = cc.output().map_err(|e| format!("{}: {e}", flavour.cc))?;
        if !output.status.success() {
            return Err(format!(
                "the tests do not compile:\n{}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        Ok(Tests { dir, c, flavour })
    }

    /// Runs the tests whose name contains `part` with the library in the directory `libraries`.
    pub fn run(&self, libraries: &Path, part: &str) -> Result<Outcome, String> {
        let tests = self.dir.path().join("tests");
        let mut command = match self.flavour.valgrind {
            true => {
                let mut valgrind = Command::new("valgrind");
                valgrind.args([
                    "-q",
                    "--error-exitcode=99",
                    "--leak-check=full",
                    "--errors-for-leak-kinds=definite",
                ]);
                valgrind.arg(tests);
                valgrind
            }
            false => Command::new(tests),
        };
        command.env("LD_LIBRARY_PATH", libraries);
        command.env("NOVABRIDGE_VGPU_TYPES", self.dir.path());
        let watched = self.flavour.sanitize.is_some() || self.flavour.valgrind;
        if watched {
            command.env("NOVABRIDGE_SANITIZED", "1");
        }
        let suppressions = format!("suppressions={}", self.c.join("tsan.supp").display());
        command.env("TSAN_OPTIONS", suppressions);
        if self.flavour.quick {
            command.env("NOVABRIDGE_QUICK", "1");
        }
        let limit = if watched { LIMIT_WATCHED } else { LIMIT };
        command.env("NOVABRIDGE_TEST_LIMIT", limit.to_string());
        let output = command.arg(part).output().map_err(|e| e.to_string())?;
        let mut outcome = Outcome::default();
        let mut last = "before the first test".to_owned();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Some(words) = line.strip_prefix("FAIL ") {
                outcome.failures.push(words.to_owned());
            } else if let Some(words) = line.strip_prefix("seen ") {
                outcome.seen.insert(words.to_owned());
            } else if let Some(name) = line.strip_prefix("run ") {
                last = name.to_owned();
            } else if line.starts_with("ok ") {
                outcome.ok += 1;
            }
        }
        match output.status.signal() {
            Some(ALARM) => outcome.failures.push(format!(
                "{last}: expected it to end, found it running after {limit} s; no later test was run"
            )),
            _ if !output.status.success() && outcome.failures.is_empty() => {
                let words = String::from_utf8_lossy(&output.stderr).into_owned();
                let lines: Vec<&str> = words.lines().collect();
                let tail = lines[lines.len().saturating_sub(40)..].join("\n");
                let failure = format!("{last}: the tests ended with {}:\n{tail}", output.status);
                outcome.failures.push(failure);
            }
            _ => {}
        }
        Ok(outcome)
    }
}

/// Errno values that functions returned and that their documentation does not name, as `function errno`. What a platform answers
/// is the platform's, and passed on.
pub fn undocumented(abi: &Abi, seen: &BTreeSet<String>) -> Vec<String> {
    let unknown = |pair: &&String| match pair.split_once(' ') {
        Some((function, errno)) => !all_errors(&abi.contract, function).contains_key(errno),
        None => true,
    };
    seen.iter().filter(unknown).cloned().collect()
}

/// Documented errno values that no test reached, as `function errno`.
pub fn unreached(abi: &Abi, seen: &BTreeSet<String>) -> Vec<String> {
    let mut missing = Vec::new();
    for name in abi.functions.keys() {
        for errno in all_errors(&abi.contract, name).keys() {
            let pair = format!("{name} {errno}");
            if !seen.contains(&pair) {
                missing.push(pair);
            }
        }
    }
    missing
}

/// Where cargo put a product of this build: beside the running program, or in the directory above `deps`.
pub fn product(name: &str) -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut places = program.ancestors().skip(1).take(2).map(|dir| dir.join(name));
    places.find(|path| path.exists()).ok_or_else(|| {
        format!(
            "{name} is not beside {}; run: cargo build -p gsp-emulator -p novabridge-capi",
            program.display()
        )
    })
}
