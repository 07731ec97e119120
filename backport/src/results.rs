// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Results of cells, kept between runs: the newest of each cell and firmware, with the hash of everything it depends on.

use crate::apt::Package;
use crate::build::compiler::Compiler;
use crate::cache::{Cache, Key};
use crate::error::{Class, Error, PathContext, Result};
use crate::evidence::Evidence;
use crate::kernel;
use crate::matrix::Cell;
use crate::rust::library;
use crate::rust::toolchain::Toolchain;
use crate::session::Session;
use crate::vm::{firmware, shim};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Parts of the source tree a cell's result depends on. The tool itself and the ABI gate are among them: they say how things are
/// built and judged.
const SOURCES: [&str; 12] = [
    "backport/src",
    "backport/kernel",
    "core-rs/src",
    "capi/src",
    "capi/include",
    "c-vfio-driver",
    "backport/probes",
    "backport/guest",
    "backport/protocol",
    "abi-tests/baselines",
    "abi-tests/emulator",
    "abi-tests/gate/src",
];
/// The workspace's manifests: how programs are built, and which libraries with.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "Cargo.lock"];

/// Parts of the tool that only choose, start, tell or pack what cells made. A better report must not make a day's results worthless,
/// so these folders stay out of the hash, and nothing that takes part in a cell belongs into them. Whatever is not named here counts,
/// so that a new file can at worst cause a run too many.
const NOT_IN_A_CELL: [&str; 11] = [
    "backport/src/abi",
    "backport/src/abi.rs",
    "backport/src/cache/command.rs",
    "backport/src/ci",
    "backport/src/cli.rs",
    "backport/src/commands.rs",
    "backport/src/doctor.rs",
    "backport/src/main.rs",
    "backport/src/package",
    "backport/src/report",
    "backport/src/survey",
];

/// The directory of results.
pub struct Store {
    dir: PathBuf,
}

/// One result.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The cell's evidence.
    pub evidence: Evidence,
}

impl Store {
    /// The results in `cache`.
    pub fn of(cache: &Cache) -> Self {
        Store {
            dir: cache.path("results"),
        }
    }

    /// Keeps a result in place of the one before.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn write(&self, cell: &str, firmware: &str, evidence: &str) -> Result<()> {
        fs::create_dir_all(&self.dir).on("create", &self.dir)?;
        let path = self.path(cell, firmware);
        let fresh = path.with_extension(std::process::id().to_string());
        fs::write(&fresh, evidence).on("write", &fresh)?;
        fs::rename(&fresh, &path).on("rename", &fresh)
    }

    /// The newest result, if there is one that can be read; one of another shape cannot, and one of a cell that another manifest calls
    /// the same is none.
    pub fn read(&self, cell: &Cell, firmware: &str) -> Option<Stored> {
        let text = fs::read_to_string(self.path(&cell.name, firmware)).ok()?;
        let evidence: Evidence = serde_json::from_str(&text).ok()?;
        (evidence.cell == *cell).then_some(Stored { evidence })
    }

    fn path(&self, cell: &str, firmware: &str) -> PathBuf {
        self.dir.join(format!("{cell}@{firmware}.json"))
    }
}

impl Stored {
    /// Whether it still says how the cell is: with exactly these inputs, and not about a machine that lacked something.
    pub fn holds(&self, inputs: &str) -> bool {
        self.about_the_cell() && self.evidence.inputs.as_deref() == Some(inputs)
    }

    /// Whether it is about the cell, and not about a machine that lacked something.
    pub fn about_the_cell(&self) -> bool {
        let failure = self.evidence.failure.as_ref();
        failure.is_none_or(|failure| failure.class == Class::Cell)
    }
}

/// Seconds since 1970.
pub fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The hash of the sources in `tree` of everything that is built, and of the tool.
///
/// # Errors
/// The source tree cannot be read.
pub fn sources(tree: &Path) -> Result<String> {
    sources_of(tree, &SOURCES)
}

/// The hash of these parts of the source tree `tree`, and of the libraries used.
///
/// # Errors
/// The source tree cannot be read.
pub fn sources_of(tree: &Path, parts: &[&str]) -> Result<String> {
    let key = parts.iter().try_fold(Key::of("sources-1"), |key, part| {
        key.with_tree(part, &tree.join(part), |path| is_input(&Path::new(part).join(path)))
    })?;
    let key = MANIFESTS
        .iter()
        .try_fold(key, |key, name| key.with_file(name, &tree.join(name)))?;
    Ok(key.build().as_str().to_owned())
}

fn is_input(path: &Path) -> bool {
    !path.components().any(|part| part.as_os_str() == "target")
        && !NOT_IN_A_CELL.iter().any(|part| path.starts_with(part))
}

/// What is the same for all cells of a run; hashing it once keeps an unchanged matrix fast.
pub struct Common {
    key: String,
    packages: Vec<String>,
    /// The machine's rustc and the library it compiles; cells that need them fail without.
    machine: Option<String>,
}

impl Common {
    /// Adds QEMU, the firmware and the machine's rustc to the hash of the sources.
    ///
    /// # Errors
    /// The archives do not have them, or their lists are not there.
    pub fn new(session: &Session, sources: &str, release: &str) -> Result<Self> {
        let packages = firmware::packages(session)?.into_iter().chain(shim::packages(session)?);
        let packages: Vec<String> = packages.map(|package| package.sha256).collect();
        let key = Key::of("inputs-1")
            .with("firmware", release)
            .with("sources", sources)
            .with_all("package", &packages);
        Ok(Common {
            key: key.build().as_str().to_owned(),
            packages,
            machine: machine(session).ok(),
        })
    }

    /// The hashes of all packages a run of the cell fetches.
    ///
    /// # Errors
    /// The suites do not have what the cell names.
    pub fn packages(&self, session: &Session, cell: &Cell) -> Result<Vec<String>> {
        let own = packages(session, cell)?.into_iter().map(|package| package.sha256);
        Ok(self.packages.iter().cloned().chain(own).collect())
    }

    /// The hash of everything the cell's result depends on.
    ///
    /// # Errors
    /// The suites do not have what the cell names.
    pub fn inputs(&self, session: &Session, cell: &Cell) -> Result<String> {
        let text =
            serde_json::to_string(cell).map_err(|error| Error::cell(format!("a cell cannot be written: {error}")))?;
        let packages = packages(session, cell)?;
        let mut key = Key::of("cell-1")
            .with("common", &self.key)
            .with("cell", text)
            .with_all("package", packages.iter().map(|package| &package.sha256));
        if let (None, Some(machine)) = (&cell.rustc, &self.machine) {
            key = key.with("rustc", machine);
        }
        Ok(key.build().as_str().to_owned())
    }
}

/// What tells this machine's rustc and its library from others.
///
/// # Errors
/// It has no rustc; nobody has the library's sources.
pub fn machine(session: &Session) -> Result<String> {
    let toolchain = Toolchain::find()?;
    let library = library::identity_of(session, &toolchain)?;
    Ok(format!("{}{library}", toolchain.verbose))
}

/// The packages of the cell's kernel and compilers.
fn packages(session: &Session, cell: &Cell) -> Result<Vec<Package>> {
    let root = session.root(cell.kernel.suite.view())?;
    let (mut packages, headers) = kernel::packages(&root, &cell.kernel)?;
    packages.extend(headers);
    if let Some(wanted) = &cell.rustc {
        packages.extend(library::all_packages(session, wanted)?);
    }
    if let Some(wanted) = &cell.clang {
        packages.extend(Compiler::clang_packages(session, wanted)?);
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::files_below;
    use crate::cache::tests::Scratch;
    use crate::matrix::Matrix;
    use crate::report::tests::{failed, passed};
    use std::collections::BTreeSet;

    #[test]
    fn what_only_tells_of_results_does_not_change_them() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for part in SOURCES.iter().chain(&NOT_IN_A_CELL) {
            assert!(top.join(part).exists(), "{part}");
        }
        assert!(!is_input(Path::new("backport/src/report/html.rs")));
        assert!(!is_input(Path::new("backport/guest/target/x")));
        assert!(is_input(Path::new("backport/src/cell.rs")));
        assert!(is_input(Path::new("backport/src/reporter.rs")));
    }

    /// The modules that a file of the tool uses: `x` of each `use crate::x`, outside of its tests.
    fn used_by(file: &Path) -> Vec<String> {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let uses = code
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("use crate::"));
        let names = uses.map(|rest| rest.split([':', ';', ' ', '{']).next().unwrap_or_default().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    }

    #[test]
    fn whatever_takes_part_in_a_cell_is_an_input() {
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        // Steps are shown as the report shows them, which decides nothing.
        const TELLS: &str = "report";
        let (mut todo, mut known) = (vec!["cell".to_owned()], BTreeSet::new());
        while let Some(name) = todo.pop() {
            if name == TELLS || !known.insert(name.clone()) {
                continue;
            }
            let files = [format!("{name}.rs"), name.clone()].map(PathBuf::from);
            for file in files.iter().filter(|file| tool.join(file).exists()) {
                assert!(is_input(&Path::new("backport/src").join(file)), "{}", file.display());
                let parts = match tool.join(file).is_dir() {
                    true => files_below(&tool.join(file)).unwrap(),
                    false => vec![PathBuf::new()],
                };
                let takes_part = |part: &PathBuf| is_input(&Path::new("backport/src").join(file).join(part));
                for part in parts.into_iter().filter(takes_part) {
                    let path = tool.join(file).join(part);
                    todo.extend(used_by(Path::new(path.to_string_lossy().trim_end_matches('/'))));
                }
            }
        }
        assert!(known.contains("interface") && known.contains("vm"), "{known:?}");
    }

    #[test]
    fn what_judges_the_c_interface_is_an_input() {
        let dir = Scratch::new("judges");
        let put = |name: &str, text: &str| {
            let path = dir.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for part in SOURCES {
            put(&format!("{part}/file.rs"), "");
        }
        MANIFESTS.iter().for_each(|name| put(name, ""));
        let mut before = sources(&dir.0).unwrap();
        for name in [
            "abi-tests/baselines/1.0/abi.txt",
            "abi-tests/gate/src/rules.rs",
            "Cargo.toml",
        ] {
            put(name, "changed");
            let after = sources(&dir.0).unwrap();
            assert_ne!(before, after, "{name}");
            before = after;
        }
    }

    #[test]
    fn a_result_holds_for_the_same_inputs_of_the_same_cell() {
        let dir = Scratch::new("results");
        let store = Store::of(&Cache::at(&dir.0).unwrap());
        let cell = &Matrix::built_in().unwrap().cells[0];
        assert!(store.read(cell, "1").is_none());
        let write = |firmware: &str, mut stored: Stored| {
            (stored.evidence.finished, stored.evidence.inputs) = (5, Some("x".into()));
            let text = serde_json::to_string(&stored.evidence).unwrap();
            store.write(&cell.name, firmware, &text).unwrap();
            store.read(cell, firmware)
        };
        let good = write("1", passed(cell)).unwrap();
        assert!(good.holds("x") && !good.holds("y"));
        let mut bad = failed(cell, "no DMA", "");
        assert!(write("2", bad.clone()).unwrap().holds("x"), "a failure is a result too");
        bad.evidence.failure.as_mut().unwrap().class = Class::Setup;
        assert!(
            !write("2", bad).unwrap().holds("x"),
            "what a machine lacked says nothing about the cell"
        );
        let mut other = passed(cell);
        other.evidence.cell.kernel.image = "linux-image-other".into();
        assert!(write("3", other).is_none(), "another manifest's cell of that name");
        store.write(&cell.name, "4", "{\"ok\":tr").unwrap();
        assert!(store.read(cell, "4").is_none(), "a damaged result is none");
    }
}
