// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Makes the C header from the Rust source: cbindgen, then the looks of a kernel header.

use std::path::Path;

/// The header of the crate in `capi`, the directory of its `Cargo.toml` and `cbindgen.toml`.
pub fn generate(capi: &Path) -> Result<String, String> {
    let config = cbindgen::Config::from_file(capi.join("cbindgen.toml"))?;
    let builder = cbindgen::Builder::new().with_crate(capi).with_config(config);
    let bindings = builder.generate().map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    bindings.write(&mut out);
    let text = String::from_utf8(out).map_err(|e| e.to_string())?;
    Ok(structs_by_name_for_genksyms(&kernel_style(&text)))
}

/// Gives cbindgen's output the kernel's looks: tabs, `/* */` comments, short comments on one line; the `# Safety` sections,
/// which say to Rust callers what the contract says to all, are left out.
fn kernel_style(text: &str) -> String {
    let mut out = String::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        if trimmed == "/**" || !comment.is_empty() {
            comment.push(line);
            if trimmed == "*/" {
                push_comment(&mut out, &comment);
                comment.clear();
            }
            continue;
        }
        let line = match line.split_once("// ") {
            Some((code, words)) => format!("{}/* {words} */", code.trim_end().to_owned() + " "),
            None => line.replace(" 4294967295", " 0xffffffffu"),
        };
        push_line(&mut out, &line);
    }
    out
}

/// Hides what structs hold from the kernel's symbol versions. Structs grow with the minor version, and a module that knows the
/// smaller ones still loads: what they hold is for the handshake to judge, not for the versions of all functions that take them.
fn structs_by_name_for_genksyms(text: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.starts_with("struct ") && line.ends_with('{') {
            // In front of the documentation, which has to stay beside the struct.
            let start = out.iter().rposition(|l| l.starts_with("/**")).unwrap_or(out.len());
            out.insert(start, "#ifndef __GENKSYMS__");
        }
        out.push(line);
        if line == "};" {
            out.push("#endif");
        }
    }
    let one_by_one = out.join("\n") + "\n";
    one_by_one.replace("#endif\n\n#ifndef __GENKSYMS__\n", "\n")
}

fn push_line(out: &mut String, line: &str) {
    let spaces = line.len() - line.trim_start_matches(' ').len();
    out.push_str(&"\t".repeat(spaces / 8));
    out.push_str(&line[spaces / 8 * 8..]);
    out.push('\n');
}

fn push_comment(out: &mut String, lines: &[&str]) {
    let indent = &lines[0][..lines[0].len() - lines[0].trim_start().len()];
    let mut body: Vec<&str> = lines[1..lines.len() - 1]
        .iter()
        .map(|l| l.trim_start().trim_start_matches('*').trim())
        .take_while(|l| *l != "# Safety")
        .collect();
    while body.last() == Some(&"") {
        body.pop();
    }
    // kernel-doc documents structs, members and functions; what stands before a constant is an ordinary comment.
    let kernel_doc = !indent.is_empty() || body.len() > 1 || body[0].contains(" - ");
    match body.as_slice() {
        [line] if kernel_doc => push_line(out, &format!("{indent}/** {line} */")),
        [line] => push_line(out, &format!("{indent}/* {line} */")),
        _ => {
            push_line(out, lines[0]);
            // Continuation lines of a list keep their indentation.
            for line in &lines[1..=body.len()] {
                push_line(out, line);
            }
            push_line(out, lines[lines.len() - 1]);
        }
    }
}
