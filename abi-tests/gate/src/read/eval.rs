// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Values of constant expressions in Rust source, as far as an ABI's constants need them.

use crate::model::Value;
use std::collections::HashMap;
use syn::{BinOp, Expr, Lit, UnOp};

/// The constants of a crate by name.
pub type Constants = HashMap<String, Expr>;

/// The value of `expr`, or what in it is not understood.
pub fn value(expr: &Expr, constants: &Constants) -> Result<Value, String> {
    if let Expr::Lit(literal) = expr {
        match &literal.lit {
            Lit::Str(text) => return Ok(Value::Str(text.value())),
            Lit::CStr(text) => return Ok(Value::Str(text.value().to_string_lossy().into_owned())),
            _ => {}
        }
    }
    int(expr, constants, 0).map(Value::Int)
}

/// The value of an integer expression.
pub fn integer(expr: &Expr, constants: &Constants) -> Result<i128, String> {
    int(expr, constants, 0)
}

fn int(expr: &Expr, constants: &Constants, depth: u32) -> Result<i128, String> {
    // A constant that refers to itself would not compile; do not hang on it all the same.
    if depth > 64 {
        return Err("an expression this deep".into());
    }
    let inner = |e: &Expr| int(e, constants, depth + 1);
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(n) => n.base10_parse().map_err(|e| e.to_string()),
            Lit::Byte(b) => Ok(i128::from(b.value())),
            Lit::Bool(b) => Ok(i128::from(b.value)),
            _ => Err("a literal that is not an integer".into()),
        },
        Expr::Paren(e) => inner(&e.expr),
        Expr::Group(e) => inner(&e.expr),
        Expr::Cast(e) => inner(&e.expr),
        Expr::Unary(e) => match e.op {
            UnOp::Neg(_) => Ok(-inner(&e.expr)?),
            _ => Err("an operator other than `-`".into()),
        },
        Expr::Binary(e) => binary(&e.op, inner(&e.left)?, inner(&e.right)?),
        Expr::Path(e) => path(&e.path, constants, depth),
        _ => Err("an expression that is neither a number nor made of numbers".into()),
    }
}

fn binary(op: &BinOp, left: i128, right: i128) -> Result<i128, String> {
    let shift = u32::try_from(right).unwrap_or(u32::MAX);
    let result = match op {
        BinOp::Add(_) => left.checked_add(right),
        BinOp::Sub(_) => left.checked_sub(right),
        BinOp::Mul(_) => left.checked_mul(right),
        BinOp::Div(_) => left.checked_div(right),
        BinOp::Shl(_) => left.checked_shl(shift),
        BinOp::Shr(_) => left.checked_shr(shift),
        BinOp::BitOr(_) => Some(left | right),
        BinOp::BitAnd(_) => Some(left & right),
        BinOp::BitXor(_) => Some(left ^ right),
        _ => return Err("an operator that constants do not have".into()),
    };
    result.ok_or_else(|| "an expression that overflows".into())
}

fn path(path: &syn::Path, constants: &Constants, depth: u32) -> Result<i128, String> {
    let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
    let bound = |ty: &str| match ty {
        "u8" => Some(u8::MAX.into()),
        "u16" => Some(u16::MAX.into()),
        "u32" => Some(u32::MAX.into()),
        "u64" => Some(u64::MAX.into()),
        "i32" => Some(i32::MAX.into()),
        "i64" => Some(i64::MAX.into()),
        _ => None,
    };
    if let [ty, max] = segments.as_slice() {
        if let (Some(n), "MAX") = (bound(ty), max.as_str()) {
            return Ok(n);
        }
    }
    match segments.last().and_then(|name| constants.get(name)) {
        Some(expr) => int(expr, constants, depth + 1),
        None => Err(format!("`{}`, which is no constant of this crate", segments.join("::"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computes_what_constants_use() {
        let mut constants = Constants::new();
        constants.insert("A".into(), syn::parse_str("1 << 4").expect("expression"));
        let eval = |text: &str| value(&syn::parse_str(text).expect(text), &constants);
        assert_eq!(eval("(A + 0x0f) as u32 | 64"), Ok(Value::Int(95)));
        assert_eq!(eval("-(super::A)"), Ok(Value::Int(-16)));
        assert_eq!(eval("u32::MAX"), Ok(Value::Int(0xffff_ffff)));
        assert_eq!(eval("\"x\""), Ok(Value::Str("x".into())));
        assert!(eval("B").unwrap_err().contains("`B`"));
    }
}
