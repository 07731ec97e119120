// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! libnovabridge as a distribution ships it: installed, found by pkg-config's file, exporting its ABI alone, and used by a C
//! program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    assert!(out.status.success(), "{command:?}: {text}");
    text
}

fn make(build: &Path) -> Command {
    let mut make = Command::new("make");
    make.arg("-C")
        .arg(root().join("capi"))
        .arg(format!("build={}", build.display()));
    // Its cargo is not part of the one that runs this test.
    make.env_remove("MAKEFLAGS").env_remove("CARGO_MAKEFLAGS");
    make
}

/// A program that uses a function of a later version is told so before it begins, and not at its first call.
fn programs_of_later_versions_do_not_start(dir: &Path, library: &Path) {
    let later = dir.join("later");
    std::fs::create_dir_all(&later).expect("directory");
    let script = include_str!("../../capi/novabridge.map");
    let script = format!("{script}NOVABRIDGE_1.1 {{ global: nvb_later; }} NOVABRIDGE_1.0;\n");
    std::fs::write(later.join("later.map"), script).expect("write");
    std::fs::write(later.join("later.c"), "int nvb_later(void) { return 0; }\n").expect("write");
    let program =
        "int nvb_later(void);\nint main(int argc, char **argv) { (void)argv; return argc > 1 ? nvb_later() : 0; }\n";
    std::fs::write(later.join("program.c"), program).expect("write");
    let cc = |args: &[&str]| run(Command::new("cc").current_dir(&later).args(args));
    cc(&[
        "-shared",
        "-fPIC",
        "-Wl,--version-script=later.map",
        "-Wl,-soname,libnovabridge.so.1",
        "-o",
        "libnovabridge.so.1",
        "later.c",
    ]);
    cc(&["-Wl,-z,lazy", "-o", "program", "program.c", "libnovabridge.so.1"]);
    let start = |libraries: &Path| {
        let mut program = Command::new(later.join("program"));
        program.env("LD_LIBRARY_PATH", libraries).output().expect("program")
    };
    assert!(start(&later).status.success());
    let refused = start(library.parent().expect("directory"));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && words.contains("version `NOVABRIDGE_1.1' not found"),
        "{words}"
    );
}

/// One test, because building the library twice at a time gains nothing.
#[test]
fn the_library_is_complete() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("library");
    let (build, dest) = (dir.join("build"), dir.join("dest"));
    run(make(&build)
        .arg("install")
        .arg("PREFIX=/usr")
        .arg(format!("DESTDIR={}", dest.display())));

    for file in [
        "lib/libnovabridge.a",
        "lib/libnovabridge.so",
        "lib/libnovabridge.so.1",
        "include/novabridge.h",
    ] {
        assert!(dest.join("usr").join(file).exists(), "{file}");
    }
    let pc = std::fs::read_to_string(dest.join("usr/lib/pkgconfig/novabridge.pc")).expect("novabridge.pc");
    assert!(
        pc.contains("libdir=/usr/lib\n") && pc.contains("Version: 1.0\n") && !pc.contains('@'),
        "{pc}"
    );

    let library = dest.join("usr/lib/libnovabridge.so");
    let dynamic = run(Command::new("readelf").arg("-dW").arg(&library));
    assert!(dynamic.contains("soname: [libnovabridge.so.1]"), "{dynamic}");
    let symbols = run(Command::new("nm").args(["-D", "--defined-only"]).arg(&library));
    let exported: BTreeSet<&str> = symbols
        .lines()
        .filter_map(|line| line.rsplit(' ').next())
        .filter_map(|symbol| symbol.strip_suffix("@@NOVABRIDGE_1.0"))
        .collect();
    // All of the header's functions, and besides them the version's own name.
    let header = include_str!("../../capi/include/novabridge.h");
    let declared: BTreeSet<&str> = header
        .lines()
        .filter(|line| line.starts_with("int") || line.starts_with("void "))
        .filter_map(|line| line.split('(').next()?.rsplit([' ', '*']).next())
        .collect();
    assert_eq!(exported, declared);
    assert_eq!(symbols.lines().count(), exported.len() + 1, "{symbols}");

    programs_of_later_versions_do_not_start(&dir, &library);

    // The example boots a GPU; its types are where the core looks for them.
    run(make(&build).arg("example"));
    let firmware = dir.join("firmware");
    let _ = std::fs::remove_dir_all(&firmware);
    std::fs::create_dir_all(firmware.join("nvidia")).expect("firmware directory");
    std::os::unix::fs::symlink(
        novabridge_abi_tests::firmware_dir().join("nvidia/ad102"),
        firmware.join("nvidia/ad102"),
    )
    .expect("link");
    let types = gsp_emulator::vgpu_metadata("570.144").expect("types");
    std::fs::write(firmware.join("nvidia/vgpu-570.144.bin"), types).expect("types");
    let said = run(Command::new(build.join("boot")).arg(&firmware));
    assert_eq!(
        said,
        "AD102 with firmware 570.144: 49152 MiB, 10 vGPU types\na RTX6000-Ada-1Q on VF 0\n"
    );
}
