// SPDX-License-Identifier: MIT
//! Writes the vGPU metadata file of a firmware release.

use std::{env, fs, process::ExitCode};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [flag, release, out] = args.as_slice() else {
        eprintln!("usage: vgpu-metadata --release 570.144 OUT");
        return ExitCode::from(2);
    };
    if flag != "--release" {
        eprintln!("unknown option {flag}; usage: vgpu-metadata --release 570.144 OUT");
        return ExitCode::from(2);
    }
    let Some(file) = gsp_emulator::vgpu_metadata(release) else {
        eprintln!(
            "unknown release {release}; known are {}",
            gsp_emulator::releases().join(", ")
        );
        return ExitCode::FAILURE;
    };
    if let Err(e) = fs::write(out, file) {
        eprintln!("{out}: {e}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
