// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Makes C tests from the model and the contract: NULL in every pointer position, wrong sizes of every struct that says its
//! own, reserved fields of every struct that is read, and destroyed handles wherever a vGPU is taken.

use novabridge_abi::contract::{all_errors, Null};
use novabridge_abi::model::{Abi, TypeDecl};
use novabridge_abi::ty::{Param, Signature, TypeRef};
use std::fmt::Write as _;

/// The C file with `generated_tests`. A struct is too small when it does not hold that of the `first` version.
pub fn source(abi: &Abi, first: &Abi) -> Result<String, String> {
    let mut tests = Tests {
        abi,
        first,
        body: "/* Made from the contract by abi-contract; do not edit. */\n#include \"harness.h\"\n".to_owned(),
        names: Vec::new(),
    };
    for (name, signature) in &abi.functions {
        let function = Function { name, signature };
        tests.nulls(&function)?;
        tests.sizes(&function)?;
        tests.reserved(&function)?;
        tests.stale(&function)?;
    }
    let mut out = tests.body;
    out.push_str("\nconst struct test generated_tests[] = {\n");
    for name in &tests.names {
        let _ = writeln!(out, "\t{{ \"{name}\", {name}, 0 }},");
    }
    out.push_str("\t{ 0 }\n};\n");
    Ok(out)
}

struct Function<'a> {
    name: &'a str,
    signature: &'a Signature,
}

struct Tests<'a> {
    abi: &'a Abi,
    first: &'a Abi,
    body: String,
    names: Vec<String>,
}

impl Tests<'_> {
    /// NULL for each pointer, everything else valid.
    fn nulls(&mut self, f: &Function<'_>) -> Result<(), String> {
        for param in self.pointers(f) {
            let rule = match self.abi.contract.get(f.name).and_then(|c| c.pointers.get(&param.name)) {
                Some(pointer) => pointer.null.clone(),
                None => return Err(format!("the contract says nothing of {}({})", f.name, param.name)),
            };
            let test = format!("{}_null_{}", f.name, param.name);
            let mut call = |suffix: &str, len: &str, expected: &str| {
                let args = [(param.name.as_str(), "NULL"), ("len", len)];
                self.test(f, &format!("{test}{suffix}"), &args, "", expected, "")
            };
            match rule {
                Null::Refused => call("", "", "-EINVAL")?,
                Null::Nothing | Null::Allowed => call("", "", "SUCCESS")?,
                Null::AllowedIfEmpty => {
                    call("", "1", "-EINVAL")?;
                    call("_and_empty", "0", "SUCCESS")?;
                }
            }
        }
        Ok(())
    }

    /// What has no meaning yet and is not zero; else it could never get one.
    fn reserved(&mut self, f: &Function<'_>) -> Result<(), String> {
        for param in self.pointers(f) {
            let name = match &param.ty {
                TypeRef::Pointer { constant: true, to } => to.to_string(),
                _ => continue,
            };
            let fields = match self.abi.types.get(&name) {
                Some(TypeDecl::Struct(record)) => &record.fields,
                _ => continue,
            };
            for field in fields.iter().filter(|field| field.name.starts_with("reserved")) {
                let test = format!("{}_{}_{}", f.name, param.name, field.name);
                let set = format!("\tbig_{}.known.{} = 1;\n", param.name, field.name);
                let args = [(param.name.as_str(), "BIG")];
                self.test(f, &test, &args, &set, "-EINVAL", "")?;
            }
        }
        Ok(())
    }

    /// Too small, and larger than the core knows.
    fn sizes(&mut self, f: &Function<'_>) -> Result<(), String> {
        for param in self.pointers(f) {
            let (constant, name) = match &param.ty {
                TypeRef::Pointer { constant, to } => match &**to {
                    TypeRef::Named(name) => (*constant, name.as_str()),
                    _ => continue,
                },
                _ => continue,
            };
            let oldest = self.first.types.get(name).or(self.abi.types.get(name));
            let too_small = match oldest {
                Some(TypeDecl::Struct(r)) if r.is_sized() => (r.size - 1).to_string(),
                _ => continue,
            };
            let test = format!("{}_{}", f.name, param.name);
            let set = |size: &str| format!("\t*(uint32_t *)&big_{} = {size};\n", param.name);
            let args = [(param.name.as_str(), "BIG")];
            for (suffix, size) in [("zero", "0".into()), ("too_small", too_small)] {
                self.test(f, &format!("{test}_{suffix}"), &args, &set(&size), "-EINVAL", "")?;
            }
            let larger = set(&format!("sizeof(struct {name}) + 8"));
            let tail = format!("big_{}.tail", param.name);
            let dirty = format!("{larger}\tmemset({tail}, 0x5a, sizeof({tail}));\n");
            // The table of functions is read as far as it is known: the scenario create_takes_tables_of_other_lengths.
            if name == "nvb_platform" {
                continue;
            }
            if constant {
                self.test(f, &format!("{test}_larger_and_not_zero"), &args, &dirty, "-E2BIG", "")?;
            } else {
                let kept = format!(
                    "\texpect_true(\"{0}\", \"{1}->size is the caller's\", *(uint32_t *)&big_{1} == sizeof(struct {name}) + 8);\n\
                     \texpect_true(\"{0}\", \"what the core does not know of *{1} is zeroed\", !memchr({tail}, 0x5a, sizeof({tail})));\n",
                    f.name, param.name
                );
                self.test(f, &format!("{test}_larger"), &args, &dirty, "SUCCESS", &kept)?;
            }
        }
        Ok(())
    }

    /// A vGPU that was destroyed.
    fn stale(&mut self, f: &Function<'_>) -> Result<(), String> {
        let takes = f.signature.params.iter().find(|p| is_handle(&p.ty, "nvb_vgpu"));
        let promised = all_errors(&self.abi.contract, f.name).contains_key("ESTALE");
        match takes {
            Some(param) if promised => {
                let args = [(param.name.as_str(), "w->stale")];
                self.test(f, &format!("{}_stale", f.name), &args, "", "-ESTALE", "")
            }
            Some(_) => Err(format!("{} takes a vGPU and its contract does not say -ESTALE", f.name)),
            None => Ok(()),
        }
    }

    fn pointers<'a>(&self, f: &Function<'a>) -> Vec<&'a Param> {
        let all = f.signature.params.iter();
        all.filter(|p| self.abi.expand(&p.ty).is_pointer()).collect()
    }

    /// A test function: variables, preparation, the call, what must hold behind it. Of `args` the value BIG stands for a struct
    /// with room behind it, an empty value for the usual one.
    fn test(
        &mut self,
        f: &Function<'_>,
        test: &str,
        args: &[(&str, &str)],
        before: &str,
        expected: &str,
        after: &str,
    ) -> Result<(), String> {
        let mut variables = String::new();
        let mut list = Vec::new();
        for param in &f.signature.params {
            let given = args.iter().find(|(n, v)| *n == param.name && !v.is_empty());
            let value = match given {
                Some((_, "BIG")) => big(param, f.name, &mut variables),
                Some((_, value)) => (*value).to_owned(),
                None => usual(param, f.name, &mut variables)?,
            };
            list.push(value);
        }
        let call = format!("{}({})", f.name, list.join(", "));
        let _ = write!(
            self.body,
            "\nstatic void {test}(struct world *w)\n{{\n{variables}{before}\n\t(void)w;\n"
        );
        if f.signature.ret == TypeRef::Void {
            let _ = write!(self.body, "\t{call};\n{after}}}\n");
        } else {
            let what = call.replace('"', "'");
            let _ = write!(
                self.body,
                "\texpect(\"{}\", \"{what}\",\n\t       {call},\n\t       {expected});\n{after}}}\n",
                f.name
            );
        }
        self.names.push(test.to_owned());
        Ok(())
    }
}

fn is_handle(ty: &TypeRef, handle: &str) -> bool {
    matches!(ty, TypeRef::Pointer { to, .. } if **to == TypeRef::Named(handle.to_owned()))
}

/// The struct that a parameter points to, as a newer caller has it: with more behind. It begins as the usual one.
fn big(param: &Param, function: &str, variables: &mut String) -> String {
    let name = match &param.ty {
        TypeRef::Pointer { to, .. } => to.to_string(),
        other => other.to_string(),
    };
    let _ = writeln!(
        variables,
        "\tstruct {{ struct {name} known; uint8_t tail[8]; }} big_{0} = {{ .known = {1} }};",
        param.name,
        initial(&name, function)
    );
    format!("&big_{}.known", param.name)
}

/// A struct that the function takes.
fn initial(name: &str, function: &str) -> String {
    match (name, function) {
        ("nvb_abi", _) => "NVB_ABI_INIT(0)".into(),
        ("nvb_platform", _) => "machine_platform(w->fresh_machine)".into(),
        ("nvb_boot_config", _) => "machine_boot_config(w->fresh_machine, \"\")".into(),
        ("nvb_vgpu_config", _) => "machine_vgpu_config(w->machine, 2, w->type)".into(),
        _ => format!("{{ .size = sizeof(struct {name}) }}"),
    }
}

/// A value with which the call would do its work.
fn usual(param: &Param, function: &str, variables: &mut String) -> Result<String, String> {
    let value = match (&param.ty, param.name.as_str()) {
        (ty, _) if is_handle(ty, "nvb_gpu") && function == "nvb_gpu_boot" => "w->fresh".into(),
        (ty, _) if is_handle(ty, "nvb_gpu") => "w->gpu".into(),
        (ty, _) if is_handle(ty, "nvb_vgpu") => "w->vgpu".into(),
        (TypeRef::Pointer { to, .. }, name) => match &**to {
            TypeRef::Pointer { .. } => {
                let _ = writeln!(variables, "\tvoid *{name} = NULL;");
                format!("(void *)&{name}")
            }
            TypeRef::Named(ty) => {
                let _ = writeln!(variables, "\tstruct {ty} {name} = {};", initial(ty, function));
                format!("&{name}")
            }
            _ => "(void *)w->buf".into(),
        },
        (_, "len") => "sizeof(w->buf)".into(),
        (_, "id") => "w->type".into(),
        (_, "log") if function.starts_with("nvb_vgpu") => "NVB_LOG_VGPU_INIT".into(),
        (_, "log" | "off" | "index" | "enabled") => "0".into(),
        (TypeRef::Named(_), "handler") => "NULL".into(),
        (ty, name) => {
            return Err(format!(
                "{function}({name}: {ty}) is new: say in abi-tests/contract/src/generate.rs what to pass for it"
            ))
        }
    };
    Ok(value)
}
