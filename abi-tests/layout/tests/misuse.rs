// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What must not compile does not; the compiler's words are kept beside each case.

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
