// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The structs of the ABI are the same on both sides: a C compiler is asked for the size of each struct and the offset of each
//! field of the header, and there is no padding to leak or to differ.

use novabridge::types::{abi::*, event::*, gpu::*, platform::*, vgpu::*};
use static_assertions::assert_eq_align;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem::{offset_of, size_of, size_of_val};
use std::path::Path;
use std::process::Command;

// Nothing in the ABI wants more than a double word's alignment.
assert_eq_align!(
    nvb_abi,
    nvb_dma,
    nvb_firmware,
    nvb_platform,
    nvb_boot_config,
    nvb_gpu_info,
    u64
);

thread_local! {
    /// Bytes of each struct's fields, summed up.
    static FIELD_BYTES: RefCell<BTreeMap<String, usize>> = const { RefCell::new(BTreeMap::new()) };
}

macro_rules! layout {
    ($map:ident: $($name:ident { $($field:ident as $c:literal),* $(,)? })*) => {
        $(
            $map.insert(stringify!($name).to_owned(), size_of::<$name>());
            // SAFETY: numbers, arrays of numbers and nullable pointers.
            let zero: $name = unsafe { std::mem::zeroed() };
            let sum = [$(size_of_val(&zero.$field)),*].iter().sum();
            FIELD_BYTES.with(|sizes| sizes.borrow_mut().insert(stringify!($name).to_owned(), sum));
            $($map.insert(format!("{}.{}", stringify!($name), $c), offset_of!($name, $field));)*
        )*
    };
}

/// Struct sizes and field offsets as Rust has them.
fn rust() -> BTreeMap<String, usize> {
    let mut map = BTreeMap::new();
    layout! { map:
        nvb_abi { size as "size", major as "major", minor as "minor", oldest_major as "oldest_major",
            oldest_minor as "oldest_minor", platform_size as "platform_size", boot_config_size as "boot_config_size",
            gpu_info_size as "gpu_info_size", vgpu_type_info_size as "vgpu_type_info_size",
            vgpu_config_size as "vgpu_config_size", vgpu_info_size as "vgpu_info_size", event_size as "event_size",
            dma_size as "dma_size", firmware_size as "firmware_size", features as "features", reason as "reason" }
        nvb_dma { size as "size", kind as "kind", len as "len", cpu as "cpu", addr as "addr", r#priv as "priv" }
        nvb_firmware { size as "size", reserved as "reserved", data as "data", len as "len", r#priv as "priv" }
        nvb_platform { size as "size", reserved as "reserved", ctx as "ctx", mmio_read32 as "mmio_read32",
            mmio_write32 as "mmio_write32", dma_alloc as "dma_alloc", dma_free as "dma_free",
            dma_page_addr as "dma_page_addr", dma_sync_for_device as "dma_sync_for_device", mem_alloc as "mem_alloc",
            mem_free as "mem_free", now_ns as "now_ns", sleep_us as "sleep_us", lock_create as "lock_create",
            lock_destroy as "lock_destroy", lock_acquire as "lock_acquire", lock_release as "lock_release",
            event_token as "event_token", event_wait as "event_wait", event_signal as "event_signal",
            firmware_get as "firmware_get", firmware_put as "firmware_put", log as "log" }
        nvb_boot_config { size as "size", flags as "flags", release as "release", bar0_addr as "bar0_addr",
            bar1_addr as "bar1_addr", bar2_addr as "bar2_addr", sbdf as "sbdf",
            pci_vendor as "pci_vendor", pci_device as "pci_device", pci_subvendor as "pci_subvendor",
            pci_subdevice as "pci_subdevice", pci_revision as "pci_revision", total_vfs as "total_vfs",
            first_vf_offset as "first_vf_offset", vf_bar0_addr as "vf_bar0_addr", vf_bar1_addr as "vf_bar1_addr",
            vf_bar2_addr as "vf_bar2_addr", vf_bar_64bit as "vf_bar_64bit", reserved as "reserved" }
        nvb_gpu_info { size as "size", chip as "chip", chip_name as "chip_name", release as "release",
            gpu_name as "gpu_name", fb_size as "fb_size", fb_usable as "fb_usable", wpr_start as "wpr_start",
            wpr_end as "wpr_end", vmmu_segment_size as "vmmu_segment_size", channels as "channels",
            max_vgpus as "max_vgpus", vgpu_types as "vgpu_types", vgpus as "vgpus", state as "state",
            events_lost as "events_lost" }
        nvb_event { size as "size", kind as "kind", vf as "vf", channel as "channel", code as "code",
            reserved as "reserved", text as "text" }
        nvb_vgpu_type_info { size as "size", id as "id", name as "name", fb_size as "fb_size", heap_size as "heap_size",
            bar1_size as "bar1_size", max_instances as "max_instances", available as "available", vendor as "vendor",
            device as "device", subvendor as "subvendor", subdevice as "subdevice", ecc as "ecc", reserved as "reserved" }
        nvb_vgpu_config { size as "size", vf as "vf", r#type as "type", sbdf as "sbdf", vm_pid as "vm_pid",
            reserved as "reserved" }
        nvb_vgpu_info { size as "size", vf as "vf", r#type as "type", state as "state", fb_addr as "fb_addr",
            fb_size as "fb_size", channel_first as "channel_first", channel_count as "channel_count",
            bar1_size as "bar1_size", guest_version as "guest_version", reserved as "reserved" }
    }
    map
}

/// The same names and numbers from a C program that includes the header.
fn c(names: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut source =
        String::from("#include <novabridge.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void)\n{\n");
    for name in names {
        let expression = match name.split_once('.') {
            Some((of, field)) => format!("offsetof(struct {of}, {field})"),
            None => format!("sizeof(struct {name})"),
        };
        source += &format!("\tprintf(\"{name} %zu\\n\", {expression});\n");
    }
    source += "\treturn 0;\n}\n";
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (file, program) = (dir.join("layout.c"), dir.join("layout"));
    std::fs::write(&file, source).expect("write");
    let cc = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../capi/include"))
        .arg("-o")
        .arg(&program)
        .arg(&file)
        .output()
        .expect("cc");
    assert!(cc.status.success(), "{}", String::from_utf8_lossy(&cc.stderr));
    let out = Command::new(&program).output().expect("layout program").stdout;
    String::from_utf8_lossy(&out)
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, number)| (name.to_owned(), number.parse().expect("number")))
        .collect()
}

#[test]
fn both_sides_agree() {
    let rust = rust();
    let c = c(rust.keys().cloned());
    assert_eq!(rust, c);
}

#[test]
fn each_field_of_the_header_is_compared() {
    let header = include_str!("../../capi/include/novabridge.h");
    let rust = rust();
    let mut current = String::new();
    let mut seen = 0;
    for line in header.lines() {
        if let Some(rest) = line.strip_prefix("struct ") {
            current = rest.trim_end_matches([' ', '{', ';']).to_owned();
        }
        let field = line.trim_start();
        let parameter = field.ends_with(");") && !field.contains("(*");
        if !line.starts_with('\t') || field.starts_with(['/', '*', '.']) || !field.ends_with(';') || parameter {
            continue;
        }
        let name = match field.split_once("(*") {
            Some((_, rest)) => rest.split(')').next().unwrap_or(""),
            None => field
                .trim_end_matches(';')
                .split('[')
                .next()
                .unwrap_or("")
                .rsplit([' ', '*'])
                .next()
                .unwrap_or(""),
        };
        assert!(rust.contains_key(&format!("{current}.{name}")), "{current}.{name}");
        seen += 1;
    }
    assert_eq!(seen, rust.keys().filter(|name| name.contains('.')).count());
}

/// Fields follow each other without holes: no byte of a struct is undefined.
#[test]
fn there_is_no_padding() {
    let sizes = FIELD_BYTES.with(|sizes| {
        rust();
        sizes.borrow().clone()
    });
    let rust = rust();
    for name in rust.keys().filter(|name| !name.contains('.')) {
        assert_eq!(sizes[name], rust[name], "{name}");
    }
}
