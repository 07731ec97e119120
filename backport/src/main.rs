// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `novabridge`: builds NovaBridge for a kernel, boots that kernel and exercises it.

mod abi;
mod apt;
mod build;
mod cache;
mod cell;
mod ci;
mod cli;
mod commands;
mod cost;
mod doctor;
mod error;
mod evidence;
mod fetch;
mod foreign;
mod hygiene;
mod interface;
mod judge;
mod kernel;
mod matrix;
mod mitigations;
mod namespaces;
mod output;
mod package;
mod private;
mod proc;
mod report;
mod results;
mod rust;
mod session;
mod single;
mod step;
mod survey;
mod vm;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Ends the children; the steps they belonged to fail, clean up and return by themselves.
    if let Err(error) = ctrlc::set_handler(proc::interrupt) {
        eprintln!("novabridge: interruptions cannot be handled: {error}");
    }
    match commands::run(&cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(commands::Failed::Reported(class)) => ExitCode::from(class.exit_code()),
        Err(commands::Failed::Code(code)) => ExitCode::from(code),
        Err(commands::Failed::Unreported(_)) if proc::interrupted() => {
            eprintln!("novabridge: interrupted");
            ExitCode::from(error::Class::Interrupted.exit_code())
        }
        Err(commands::Failed::Unreported(error)) => {
            eprintln!("novabridge: {error}");
            ExitCode::from(error.class.exit_code())
        }
    }
}
