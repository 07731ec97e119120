// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The tool as its users see it: arguments, exit codes, and where output goes. Nothing here needs the network.

use std::path::PathBuf;
use std::process::{Command, Output};

/// A scratch cache that goes away with the test.
struct Cache(PathBuf);

impl Cache {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Cache(path)
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn novabridge(cache: &Cache, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_novabridge"))
        .args(args)
        .env("XDG_CACHE_HOME", &cache.0)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_names_every_command_and_exit_code() {
    let cache = Cache::new("help");
    let out = novabridge(&cache, &["--help"]);
    assert_eq!(out.status.code(), Some(0));
    let help = text(&out.stdout);
    for word in ["cell", "object", "fetch", "Exit codes:", "130", "XDG_CACHE_HOME"] {
        assert!(help.contains(word), "{word} in {help}");
    }
}

#[test]
fn the_cells_help_names_its_firmware_releases() {
    let cache = Cache::new("cell-help");
    let help = text(&novabridge(&cache, &["cell", "--help"]).stdout);
    for word in ["--json", "--keep", "--firmware", "570.144", "535.113.01", "--offline"] {
        assert!(help.contains(word), "{word} in {help}");
    }
}

#[test]
fn an_unknown_cell_is_a_usage_error_that_names_the_known_ones() {
    let cache = Cache::new("unknown-cell");
    let out = novabridge(&cache, &["cell", "no-such-cell"]);
    assert_eq!(out.status.code(), Some(2));
    let message = text(&out.stderr);
    assert!(message.contains("no cell is called no-such-cell"), "{message}");
    assert!(message.contains("bookworm-6.1"), "{message}");
}

#[test]
fn the_matrix_is_listed_one_cell_a_line_and_chosen_by_patterns() {
    let cache = Cache::new("matrix-list");
    let all = text(&novabridge(&cache, &["matrix", "--list"]).stdout);
    assert!(all.lines().any(|line| line == "bookworm-6.1"), "{all}");
    let some = novabridge(&cache, &["matrix", "--list", "--only", "*-6.1", "--skip", "bullseye*"]);
    assert_eq!(text(&some.stdout), "bookworm-6.1\n");
    let ci = text(&novabridge(&cache, &["matrix", "--list", "--ci"]).stdout);
    assert!(
        ci.lines().count() < all.lines().count() && ci.contains("bookworm-6.1\n"),
        "{ci}"
    );
    let json = novabridge(
        &cache,
        &["matrix", "--list", "--json", "--only", "trixie-6.12-rust1.85"],
    )
    .stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["cells"][0]["name"], "trixie-6.12-rust1.85");
    assert_eq!(json["cells"][0]["rustc"]["suite"], "trixie");
    let none = novabridge(
        &cache,
        &["matrix", "--list", "--only", "bookworm-6.1", "--skip", "bookworm*"],
    );
    assert_eq!(none.status.code(), Some(2), "a run of no cells is no success");
    let none = novabridge(&cache, &["matrix", "--list", "--only", "fedora*"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(text(&none.stderr).contains("no cell matches fedora*"));
}

/// A reader that goes away has what it wanted; what does not arrive for another reason must not look like a result.
#[test]
fn a_result_that_cannot_be_written_fails_unless_nobody_reads_it() {
    let cache = Cache::new("unwritten");
    for args in [
        &["matrix", "--list"][..],
        &["matrix", "--list", "--json"],
        &["report", "--schema"],
    ] {
        let run = |stdout: std::fs::File| {
            let out = Command::new(env!("CARGO_BIN_EXE_novabridge"))
                .args(args)
                .env("XDG_CACHE_HOME", &cache.0)
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .stdout(stdout)
                .output()
                .unwrap();
            (out.status.code(), text(&out.stderr))
        };
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let (code, said) = run(full);
        assert_eq!(code, Some(3), "{args:?}: {said}");
        assert!(said.contains("standard output cannot be written"), "{said}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(
            run(std::os::fd::OwnedFd::from(writer).into()),
            (Some(0), String::new()),
            "{args:?}"
        );
    }
}

#[test]
fn an_offline_matrix_without_a_cache_says_what_is_missing() {
    let cache = Cache::new("matrix-offline");
    let out = novabridge(&cache, &["matrix", "--offline", "--only", "bookworm-6.1"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(
        text(&out.stderr).contains("are not in the cache"),
        "{}",
        text(&out.stderr)
    );
}

#[test]
fn a_report_without_results_says_how_to_get_some() {
    let cache = Cache::new("report-empty");
    let out = novabridge(&cache, &["report"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("novabridge matrix"));
}

#[test]
fn without_slurm_nothing_is_submitted_and_its_options_mean_nothing() {
    let cache = Cache::new("no-slurm");
    let out = Command::new(env!("CARGO_BIN_EXE_novabridge"))
        .args(["matrix", "--executor", "slurm"])
        .env("XDG_CACHE_HOME", &cache.0)
        .env("PATH", "/no/such/directory")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("slurm-client"), "{}", text(&out.stderr));
    let out = novabridge(&cache, &["matrix", "--wait"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("--executor slurm"), "{}", text(&out.stderr));
}

/// A cell's result as another machine would have printed it.
fn result(cache: &Cache, name: &str, ok: bool) -> String {
    let out = novabridge(cache, &["cell", name, "--offline", "--json"]);
    let mut evidence: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    evidence["ok"] = ok.into();
    if ok {
        evidence["failure"] = serde_json::Value::Null;
    } else {
        evidence["failure"]["class"] = "cell".into();
        evidence["failure"]["step"] = "modules".into();
        evidence["failure"]["reason"] = "the modules do not build".into();
    }
    evidence.to_string()
}

#[test]
fn results_of_other_machines_are_merged_and_missing_or_failed_ones_fail() {
    let cache = Cache::new("report-from");
    let dir = cache.0.join("results");
    std::fs::create_dir(&dir).unwrap();
    let merge = |only: &[&str]| {
        let mut args = vec!["report", "--from", dir.to_str().unwrap()];
        only.iter().for_each(|name| args.extend(["--only", name]));
        let out = novabridge(&cache, &args);
        (out.status.code(), text(&out.stdout) + &text(&out.stderr))
    };
    let good = result(&cache, "bookworm-6.1", true);
    std::fs::write(dir.join("a.json"), &good).unwrap();
    let (code, shown) = merge(&["bookworm-6.1"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("1 cell: 1 passed"), "{shown}");
    let summary = novabridge(
        &cache,
        &[
            "report",
            "--from",
            dir.to_str().unwrap(),
            "--only",
            "bookworm-6.1",
            "--summary",
        ],
    );
    let summary = text(&summary.stdout);
    assert!(
        summary.contains("## What cannot work") && summary.contains("- clang 14"),
        "{summary}"
    );
    let mut other: serde_json::Value = serde_json::from_str(&good).unwrap();
    other["sources"] = "0123".into();
    std::fs::write(dir.join("a.json"), other.to_string()).unwrap();
    let (code, shown) = merge(&["bookworm-6.1"]);
    assert_eq!(code, Some(1), "{shown}");
    for words in ["1 outdated", "found: 0123 in", "run these cells again"] {
        assert!(shown.contains(words), "{shown}");
    }
    std::fs::write(dir.join("a.json"), &good).unwrap();
    let (code, shown) = merge(&["bookworm-6.1", "trixie-6.12"]);
    assert_eq!(code, Some(1));
    assert!(shown.contains("1 without a result"), "{shown}");
    let lacking = novabridge(&cache, &["cell", "trixie-6.12", "--offline", "--json"]).stdout;
    std::fs::write(dir.join("b.json"), lacking).unwrap();
    let (code, shown) = merge(&["bookworm-6.1", "trixie-6.12"]);
    assert_eq!(code, Some(3), "only a machine lacked something: {shown}");
    assert!(
        shown.contains("1 passed (1 of them known before), 0 failed, 1 not judged"),
        "{shown}"
    );
    std::fs::write(dir.join("c.json"), "").unwrap();
    assert_eq!(
        merge(&["bookworm-6.1"]).0,
        Some(0),
        "a job that came to grief leaves an empty file"
    );
    std::fs::write(dir.join("c.json"), "{").unwrap();
    let (code, shown) = merge(&["bookworm-6.1"]);
    assert_eq!(code, Some(1), "what is no result is told of");
    assert!(shown.contains("1 cell: 1 passed"), "and the others are shown: {shown}");
    std::fs::remove_file(dir.join("c.json")).unwrap();
    std::fs::write(dir.join("b.json"), result(&cache, "trixie-6.12", false)).unwrap();
    let (code, shown) = merge(&["bookworm-6.1", "trixie-6.12"]);
    assert_eq!(code, Some(1));
    assert!(shown.contains("modules: the modules do not build"), "{shown}");
}

#[test]
fn a_build_for_something_that_is_no_kernel_is_refused() {
    let cache = Cache::new("build-nothing");
    for command in ["build", "probe"] {
        let out = novabridge(&cache, &[command, "--kernel", "/usr"]);
        assert_eq!(out.status.code(), Some(2));
        assert!(text(&out.stderr).contains("linux-headers"), "{}", text(&out.stderr));
    }
}

#[test]
fn an_unknown_firmware_is_a_usage_error() {
    let cache = Cache::new("unknown-firmware");
    let out = novabridge(&cache, &["cell", "bookworm-6.1", "--firmware", "1.2"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("570.144"));
}

#[test]
fn outside_a_source_tree_the_one_it_was_built_from_is_used() {
    let cache = Cache::new("outside");
    let out = Command::new(env!("CARGO_BIN_EXE_novabridge"))
        .args(["cell", "bookworm-6.1", "--offline"])
        .env("XDG_CACHE_HOME", &cache.0)
        .current_dir("/")
        .output()
        .unwrap();
    // It goes on to what an empty cache lacks.
    assert_eq!(out.status.code(), Some(3), "{}", text(&out.stdout));
}

#[test]
fn offline_with_an_empty_cache_is_refused_in_json_too() {
    let cache = Cache::new("offline");
    let out = novabridge(&cache, &["cell", "bookworm-6.1", "--offline", "--json"]);
    assert_eq!(out.status.code(), Some(3));
    let evidence: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(evidence["schema"], "novabridge-cell/3");
    assert_eq!(evidence["ok"], false);
    assert_eq!(evidence["cell"]["name"], "bookworm-6.1");
    assert_eq!(evidence["firmware"], "570.144");
    assert_eq!(evidence["repeat"], "novabridge cell bookworm-6.1 --firmware 570.144");
    assert!(
        evidence["failure"]["fix"].as_str().unwrap().contains("--offline"),
        "{evidence}"
    );
    let shown = text(&out.stderr);
    assert!(
        shown.contains("FAILED bookworm-6.1") && shown.contains("to repeat:"),
        "{shown}"
    );
}

#[test]
fn a_machine_without_rustc_is_told_what_to_install() {
    let cache = Cache::new("no-rustc");
    let out = Command::new(env!("CARGO_BIN_EXE_novabridge"))
        .args(["object", "--offline"])
        .env("XDG_CACHE_HOME", &cache.0)
        .env("RUSTC", "/no/such/rustc")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(3));
    assert!(
        text(&out.stderr).contains("apt-get install rustc-web"),
        "{}",
        text(&out.stderr)
    );
}

const OWN_MANIFEST: &str = r#"
[[kernel]]
name = "mine"
suite = "bookworm"
image = "linux-image-amd64"
headers = "linux-headers-amd64"

[[rustc]]
name = "1.63"
suite = "bookworm"
package = "rustc"

[[rustc]]
name = "1.85"
suite = "trixie"
package = "rustc"

[[cells]]
kernels = ["mine"]
core = "rust"
rustc = ["1.63", "1.85"]

[[cells]]
kernels = ["mine"]
core = "assembly"
rustc = ["1.85"]
"#;

#[test]
fn cells_of_ones_own_are_listed_and_run_by_a_manifest() {
    let cache = Cache::new("own-manifest");
    let file = cache.0.join("my cells.toml");
    std::fs::write(&file, OWN_MANIFEST).unwrap();
    let file = file.to_str().unwrap();
    let list = novabridge(&cache, &["matrix", "--list", "--manifest", file]);
    assert_eq!(text(&list.stdout), "mine-rust1.63\nmine-rust1.85\nmine-asm1.85\n");
    let out = novabridge(
        &cache,
        &["cell", "mine-asm1.85", "--manifest", file, "--offline", "--json"],
    );
    assert_eq!(out.status.code(), Some(3));
    let evidence: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let repeat = format!("novabridge cell mine-asm1.85 --firmware 570.144 --manifest '{file}'");
    assert_eq!(evidence["repeat"], repeat);
    std::fs::write(file, "[[cells]]\nkernels = 1\n").unwrap();
    let out = novabridge(&cache, &["matrix", "--list", "--manifest", file]);
    assert_eq!(out.status.code(), Some(2));
    assert!(
        text(&out.stderr).contains("my cells.toml: the manifest"),
        "{}",
        text(&out.stderr)
    );
}

#[test]
fn a_bisection_between_cells_that_differ_in_two_things_is_refused() {
    let cache = Cache::new("bisect-axes");
    let file = cache.0.join("cells.toml");
    std::fs::write(&file, OWN_MANIFEST).unwrap();
    let ends = ["--good", "mine-asm1.85", "--bad", "mine-rust1.63"];
    let out = novabridge(
        &cache,
        &[&["bisect", "--manifest", file.to_str().unwrap()], &ends[..]].concat(),
    );
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("rustc and core"), "{}", text(&out.stderr));
}

#[test]
fn the_doctor_tells_programs_what_is_missing() {
    let cache = Cache::new("doctor");
    let out = novabridge(&cache, &["doctor", "--json", "--offline"]);
    assert_eq!(out.status.code(), Some(3), "an empty cache has no kernel");
    let found: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(found["schema"], "novabridge-doctor/1");
    assert_eq!(found["ok"], false);
    let checks = found["checks"].as_array().unwrap();
    let check = |what: &str| checks.iter().find(|check| check["what"] == what).unwrap();
    assert_eq!(check("cargo")["ok"], true);
    assert_eq!(check("kernel bookworm-6.1")["ok"], false);
    assert!(check("kernel bookworm-6.1")["fix"]
        .as_str()
        .unwrap()
        .contains("--offline"));
    assert_eq!(check("sbatch")["needed_by"], "slurm");
}

#[test]
fn the_doctor_and_the_layouts_are_about_the_cells_of_ones_own() {
    let cache = Cache::new("own-cells");
    let file = cache.0.join("cells.toml");
    std::fs::write(&file, OWN_MANIFEST).unwrap();
    let file = file.to_str().unwrap();
    let out = novabridge(&cache, &["doctor", "--json", "--offline", "--manifest", file]);
    let found: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let whats: Vec<&str> = found["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|check| check["what"].as_str())
        .collect();
    assert!(
        whats.contains(&"kernel mine") && whats.contains(&"rustc 1.63"),
        "{whats:?}"
    );
    assert!(!whats.contains(&"kernel bookworm-6.1"), "{whats:?}");
    let layout = |only: &str| {
        let out = novabridge(
            &cache,
            &["abi", "layout", "--offline", "--only", only, "--manifest", file],
        );
        (out.status.code(), text(&out.stderr))
    };
    assert_eq!(layout("bookworm-6.1").0, Some(2), "no cell of this manifest");
    let (code, said) = layout("mine-rust1.63");
    assert_eq!(code, Some(3), "{said}");
    std::fs::write(file, "[[cells]]\nkernels = 1\n").unwrap();
    let out = novabridge(&cache, &["doctor", "--manifest", file]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out.stderr));
}

/// Both ways a run ends early, on a terminal and from CI: one cell by itself, and one below a matrix.
#[test]
fn an_interruption_ends_what_was_started_and_is_told_as_one() {
    for (command, told) in [
        (
            &["cell", "bookworm-6.1"][..],
            "interrupted bookworm-6.1, firmware 570.144 after",
        ),
        (&["matrix", "--only", "bookworm-6.1"], "interrupted"),
    ] {
        let cache = Cache::new(&format!("interrupt-{}", command[0]));
        // A download that never ends.
        let (bin, pid) = (cache.0.join("bin"), cache.0.join("pid"));
        std::fs::create_dir(&bin).unwrap();
        let stub = bin.join("apt-get");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *update*) ;; *) exec /usr/bin/apt-get \"$@\" ;; esac\n\
             echo $$ >{0}.new && mv {0}.new {0}\nexec sleep 600\n",
            pid.display()
        );
        std::fs::write(&stub, script).unwrap();
        std::fs::set_permissions(&stub, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let tool = Command::new(env!("CARGO_BIN_EXE_novabridge"))
            .args(command)
            .env("XDG_CACHE_HOME", &cache.0)
            .env("PATH", path)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let begin = std::time::Instant::now();
        while !pid.exists() {
            assert!(begin.elapsed().as_secs() < 60, "apt-get was never called");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let child = std::fs::read_to_string(&pid).unwrap();
        let tool_id = nix::unistd::Pid::from_raw(tool.id().cast_signed());
        nix::sys::signal::kill(tool_id, nix::sys::signal::Signal::SIGINT).unwrap();
        let out = tool.wait_with_output().unwrap();
        let said = text(&out.stdout) + &text(&out.stderr);
        assert_eq!(out.status.code(), Some(130), "{said}");
        assert!(said.contains(told) && !said.contains("FAILED"), "{said}");
        assert!(
            !PathBuf::from(format!("/proc/{}", child.trim())).exists(),
            "apt-get lives on"
        );
        for left in ["tmp", "runs"] {
            let left: Vec<_> = std::fs::read_dir(cache.0.join("novabridge").join(left))
                .unwrap()
                .collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

#[test]
fn a_snapshot_does_not_lose_the_symbols_versions() {
    let cache = Cache::new("snapshot");
    let baseline = cache.0.join("1.0");
    std::fs::create_dir(&baseline).unwrap();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for entry in std::fs::read_dir(format!("{root}/abi-tests/baselines/1.0")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), baseline.join(entry.file_name())).unwrap();
    }
    let before = std::fs::read(baseline.join("abi.txt")).unwrap();
    let out = ["--out", baseline.to_str().unwrap()];
    let refused = novabridge(&cache, &["abi", "snapshot", "--force", "--root", root, out[0], out[1]]);
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    assert!(said.contains("would be lost") && said.contains("--symvers"), "{said}");
    assert_eq!(std::fs::read(baseline.join("abi.txt")).unwrap(), before);
}
