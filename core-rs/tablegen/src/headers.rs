// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Asks a C compiler what the public headers of a release say.
//!
//! The headers are compiled as the release's own Makefile compiles them; sizes and offsets are read from the DWARF, values
//! from constants in the object.

use crate::dwarf::Types;
use crate::wanted::Item;
use anyhow::{bail, Context, Result};
use object::{Object, ObjectSection, ObjectSymbol};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Include directories, from `src/nvidia/Makefile`; absent ones are skipped, releases differ.
const INCLUDE: &[&str] = &[
    "src/nvidia/kernel/inc",
    "src/nvidia/interface",
    "src/common/sdk/nvidia/inc",
    "src/common/sdk/nvidia/inc/hw",
    "src/nvidia/arch/nvalloc/common/inc",
    "src/nvidia/arch/nvalloc/common/inc/gsp",
    "src/nvidia/arch/nvalloc/common/inc/deprecated",
    "src/nvidia/arch/nvalloc/unix/include",
    "src/nvidia/inc",
    "src/nvidia/inc/os",
    "src/common/shared/inc",
    "src/common/shared/msgq/inc",
    "src/common/inc",
    "src/common/uproc/os/libos-v2.0.0/include",
    "src/common/uproc/os/common/include",
    "src/common/inc/swref",
    "src/common/inc/swref/published",
    "src/nvidia/generated",
    "src/common/nvswitch/kernel/inc",
    "src/common/nvswitch/interface",
    "src/common/nvswitch/common/inc",
    "src/common/inc/displayport",
    "src/common/nvlink/interface",
    "src/common/nvlink/inband/interface",
    "src/nvidia/src/mm/uvm/interface",
    "src/nvidia/inc/libraries",
    "src/nvidia/src/libraries",
    "src/nvidia/inc/kernel",
];

/// Definitions, from the same Makefile.
const DEFINE: &[&str] = &[
    "_LANGUAGE_C",
    "__NO_CTYPE",
    "NVRM",
    "LOCK_VAL_ENABLED=0",
    "PORT_ATOMIC_64_BIT_SUPPORTED=1",
    "PORT_IS_KERNEL_BUILD=1",
    "PORT_IS_CHECKED_BUILD=1",
    "PORT_MODULE_atomic=1",
    "PORT_MODULE_core=1",
    "PORT_MODULE_cpu=1",
    "PORT_MODULE_crypto=1",
    "PORT_MODULE_debug=1",
    "PORT_MODULE_memory=1",
    "PORT_MODULE_safe=1",
    "PORT_MODULE_string=1",
    "PORT_MODULE_sync=1",
    "PORT_MODULE_thread=1",
    "PORT_MODULE_util=1",
    "PORT_MODULE_example=0",
    "PORT_MODULE_mmio=0",
    "PORT_MODULE_time=0",
    "RS_STANDALONE=0",
    "RS_STANDALONE_TEST=0",
    "RS_COMPATABILITY_MODE=1",
    "RS_PROVIDES_API_STATE=0",
    "NV_CONTAINERS_NO_TEMPLATES",
];

/// The headers, in an order that compiles.
const UNIT: &str = r#"
#include "core/core.h"
#include "vgpu/rpc_headers.h"
#include "vgpu/sdk-structures.h"
#define RPC_STRUCTURES
#define RPC_GENERIC_UNION
#include "g_rpc-structures.h"
#define RPC_MESSAGE_STRUCTURES
#define RPC_MESSAGE_GENERIC_UNION
#include "g_rpc-message-header.h"
#include "gpu/gsp/gsp_static_config.h"
#include "gpu/gsp/message_queue.h"
#include "gpu/gsp/message_queue_priv.h"
#include "msgq/msgq_priv.h"
#include "gpu/gsp/gsp_init_args.h"
#include "gsp_fw_wpr_meta.h"
#include "gpu/gsp/gsp_fw_heap.h"
#include "libos_init_args.h"
#include "rmRiscvUcode.h"
#include "rmgspseq.h"
#include "gpu/intr/engine_idx.h"
#include "gpu/gsp/kernel_gsp.h"
#include "nv_sriov_defines.h"
#include "ctrl/ctrl2080.h"
#include "ctrl/ctrl2080/ctrl2080vgpumgrinternal.h"
#include "ctrl/ctrl2080/ctrl2080internal.h"
#include "ctrl/ctrla081.h"
#include "class/cl0000.h"
#include "class/cl0080.h"
#include "class/cl2080.h"
"#;

/// The public headers of one release.
pub struct Headers {
    root: PathBuf,
    /// Structs, typedefs and enumerators of the headers.
    pub types: Types,
}

impl Headers {
    /// Reads the headers of the OpenRM checkout `root`.
    pub fn read(root: &Path) -> Result<Self> {
        let object = compile(root, UNIT)?;
        let types = Types::read(&object).context("cannot read the debug information")?;
        Ok(Headers {
            root: root.to_path_buf(),
            types,
        })
    }

    /// The value of each item that the headers know; the key is the item's first expression.
    pub fn values(&self, wanted: &[&Item]) -> Result<BTreeMap<String, u64>> {
        let mut unit = UNIT.to_string();
        for (index, item) in wanted.iter().enumerate() {
            writeln!(unit, "#if 0")?;
            for expression in &item.c {
                // The preprocessor knows macros only.
                let known = match self.types.enumerator(expression) {
                    Some(_) => "1".to_string(),
                    None => format!("defined({})", first_name(expression)),
                };
                writeln!(unit, "#elif {known}")?;
                writeln!(
                    unit,
                    "const unsigned long long nvb_value_{index} = (unsigned long long)({expression});"
                )?;
            }
            writeln!(unit, "#endif")?;
        }
        let object = compile(&self.root, &unit)?;
        let file = object::File::parse(&*object)?;
        let mut values = BTreeMap::new();
        for symbol in file.symbols() {
            let Some(index) = symbol.name()?.strip_prefix("nvb_value_") else {
                continue;
            };
            let item = wanted
                .get(index.parse::<usize>()?)
                .context("a constant that was not asked for")?;
            let section = file.section_by_index(symbol.section_index().context("a constant lies in no section")?)?;
            let bytes = section
                .data_range(symbol.address(), 8)?
                .context("a constant lies outside its section")?;
            values.insert(item.c[0].clone(), u64::from_le_bytes(bytes.try_into()?));
        }
        Ok(values)
    }
}

/// The first C identifier of an expression.
fn first_name(expression: &str) -> &str {
    let start = expression.trim_start_matches(|c: char| !c.is_alphabetic());
    let end = start
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(start.len());
    &start[..end]
}

/// Compiles `unit` against the headers at `root` and returns the object's bytes.
fn compile(root: &Path, unit: &str) -> Result<Vec<u8>> {
    let dir = tempfile::tempdir()?;
    let source = dir.path().join("unit.c");
    let object = dir.path().join("unit.o");
    std::fs::write(&source, unit)?;
    let mut gcc = Command::new("gcc");
    gcc.args([
        "-std=gnu11",
        "-w",
        "-ffreestanding",
        "-g",
        "-fno-eliminate-unused-debug-types",
        "-c",
    ]);
    gcc.arg("-include")
        .arg(root.join("src/common/sdk/nvidia/inc/cpuopsys.h"));
    for include in INCLUDE.iter().map(|i| root.join(i)).filter(|i| i.is_dir()) {
        gcc.arg("-I").arg(include);
    }
    gcc.args(DEFINE.iter().map(|d| format!("-D{d}")));
    let run = gcc
        .arg("-o")
        .arg(&object)
        .arg(&source)
        .output()
        .context("cannot run gcc")?;
    if !run.status.success() {
        bail!(
            "gcc cannot compile the headers of {}:\n{}",
            root.display(),
            String::from_utf8_lossy(&run.stderr)
        );
    }
    Ok(std::fs::read(&object)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dwarf::Member;

    /// A struct as the real headers have them: nested, unnamed, aligned, with arrays and a flexible end.
    const HEADER: &str = "
        typedef unsigned int NvU32; typedef unsigned long long NvU64;
        typedef struct { NvU32 x; NvU64 y[4]; } INNER;
        typedef struct _outer {
            char first;
            struct { NvU32 hidden; };
            INNER inner __attribute__ ((aligned (16)));
            INNER many[3];
            unsigned char rest[];
        } OUTER;
        enum { NAMED = 7, NEGATIVE = -1 };
    ";

    #[test]
    fn sizes_and_offsets_are_those_of_the_compiler() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("src/common/sdk/nvidia/inc")).unwrap();
        std::fs::write(dir.path().join("src/common/sdk/nvidia/inc/cpuopsys.h"), "").unwrap();
        let types = Types::read(&compile(dir.path(), HEADER).unwrap()).unwrap();
        let member = |path| types.member("OUTER", path).unwrap();
        let at = |offset, count, stride| Some(Member { offset, count, stride });
        assert_eq!(types.size("OUTER").unwrap(), Some(176));
        assert_eq!(member("first"), at(0, 1, 1));
        assert_eq!(member("hidden"), at(4, 1, 4));
        assert_eq!(member("inner"), at(16, 1, 40));
        assert_eq!(member("inner.y"), at(24, 4, 8));
        assert_eq!(member("many"), at(56, 3, 40));
        assert_eq!(member("rest"), at(176, 0, 1));
        assert_eq!((member("absent"), member("inner.z")), (None, None));
        assert_eq!((types.enumerator("NAMED"), types.enumerator("OTHER")), (Some(7), None));
        assert!(types.size("NOWHERE").unwrap().is_none());
    }

    #[test]
    fn what_gcc_says_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let error = format!("{:#}", Headers::read(dir.path()).err().unwrap());
        assert!(error.contains("gcc cannot compile the headers"), "{error}");
    }

    #[test]
    fn first_names() {
        assert_eq!(first_name("MACRO<<20"), "MACRO");
        assert_eq!(first_name("(A_B1<<24)+(C<<16)"), "A_B1");
    }
}
