// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Which of the kernel's own modules the drivers need, in the order to load them, read from the modules themselves.

use crate::cache::files_below;
use crate::error::{Error, PathContext, Result};
use object::{Object, ObjectSection};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules nothing depends on by name though VFIO asks for them: its IOMMU back end.
const ALSO: [&str; 1] = ["vfio_iommu_type1"];

/// Modules that are loaded where the kernel has them and what they need: of SHA-256 by the processor's own instructions, which a machine with udev has
/// loaded by then. Kernels with CONFIG_FW_LOADER_DEBUG hash each firmware file that is loaded, and the emulated processor takes twice
/// as long for that with the code that is built in.
const IF_THERE: [&str; 1] = ["sha256_ssse3"];

/// The modules below `tree` that `drivers` need, each after those it depends on.
///
/// # Errors
/// A module is neither there nor built in; a module cannot be read.
pub fn needed(tree: &Path, drivers: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut there: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in files_below(tree)? {
        if path.extension().is_some_and(|extension| extension == "ko") {
            there.insert(module_name(&path), tree.join(&path));
        }
    }
    let built_in = tree.join("modules.builtin");
    let built_in = fs::read_to_string(&built_in).on("read", &built_in)?;
    let built_in: Vec<String> = built_in.lines().map(|line| module_name(Path::new(line))).collect();

    let own: Vec<String> = drivers.iter().map(|path| module_name(path)).collect();
    let mut todo: Vec<String> = ALSO.iter().map(|name| (*name).to_owned()).collect();
    for driver in drivers {
        todo.extend(depends(driver)?);
    }
    let mut order = Vec::new();
    for name in IF_THERE {
        let mut with = order.clone();
        if visit(name, &there, &built_in, &mut with).is_ok() {
            order = with;
        }
    }
    for name in todo {
        if !own.contains(&name) {
            visit(&name, &there, &built_in, &mut order)?;
        }
    }
    Ok(order)
}

fn visit(name: &str, there: &BTreeMap<String, PathBuf>, built_in: &[String], order: &mut Vec<PathBuf>) -> Result<()> {
    if built_in.iter().any(|known| known == name) {
        return Ok(());
    }
    let path = there.get(name).ok_or_else(|| {
        Error::cell(format!(
            "a driver needs the module {name}, which this kernel does not have"
        ))
        .expected(format!("{name}.ko in the image package, or the code built in"))
    })?;
    if order.contains(path) {
        return Ok(());
    }
    for other in depends(path)? {
        visit(&other, there, built_in, order)?;
    }
    order.push(path.clone());
    Ok(())
}

/// The names in the `depends=` field of a module.
fn depends(path: &Path) -> Result<Vec<String>> {
    let names = field(path, "depends")?.unwrap_or_default();
    Ok(names_in(&names))
}

fn names_in(depends: &str) -> Vec<String> {
    depends
        .split(',')
        .filter(|name| !name.is_empty())
        .map(canonical)
        .collect()
}

/// What a module says of itself: the value of a field of its `.modinfo`.
///
/// # Errors
/// It cannot be read as a module.
pub fn field(path: &Path, name: &str) -> Result<Option<String>> {
    let bytes = fs::read(path).on("read", path)?;
    let unreadable = |found: String| Error::cell(format!("{} cannot be read as a module", path.display())).found(found);
    let file = object::File::parse(bytes.as_slice()).map_err(|error| unreadable(error.to_string()))?;
    let section = file
        .section_by_name(".modinfo")
        .ok_or_else(|| unreadable("no section .modinfo".to_owned()))?;
    let data = section.data().map_err(|error| unreadable(error.to_string()))?;
    Ok(field_in(data, name))
}

/// `.modinfo` is a row of NUL-terminated `name=value`.
fn field_in(modinfo: &[u8], name: &str) -> Option<String> {
    let start = format!("{name}=");
    let value = modinfo
        .split(|byte| *byte == 0)
        .find_map(|field| field.strip_prefix(start.as_bytes()))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

fn module_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    canonical(name.split(".ko").next().unwrap_or_default())
}

/// File names may have a dash where the module's name has an underscore.
fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_and_named_alike() {
        let modinfo = b"license=GPL\0depends=vfio-pci-core,vfio\0vermagic=x\0";
        assert_eq!(field_in(modinfo, "depends").as_deref(), Some("vfio-pci-core,vfio"));
        assert_eq!(field_in(modinfo, "pends"), None);
        assert_eq!(names_in("vfio-pci-core,vfio"), ["vfio_pci_core", "vfio"]);
        assert!(names_in("").is_empty());
        assert_eq!(
            module_name(Path::new("kernel/drivers/vfio/pci/vfio-pci-core.ko")),
            "vfio_pci_core"
        );
    }

    #[test]
    fn a_module_that_is_nowhere_is_named() {
        let error = visit("vfio", &BTreeMap::new(), &["pci".to_owned()], &mut Vec::new()).unwrap_err();
        assert!(error.what.contains("vfio"), "{error}");
        visit("pci", &BTreeMap::new(), &["pci".to_owned()], &mut Vec::new()).unwrap();
    }
}
