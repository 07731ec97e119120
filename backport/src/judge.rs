// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Whether a boot shows what a cell is to show.

use crate::error::{Error, Result};
use crate::step::{Outcome, Phase, Record};
use crate::vm::{console, qemu};
use novabridge_protocol::{Step, StepReport};

/// A step of the guest as one of the run.
pub fn guest_step(report: &StepReport) -> Record {
    let (outcome, note) = match (report.ok, &report.not_offered) {
        (false, _) => (Outcome::Failed, report.reason.as_deref()),
        (true, Some(what)) => (Outcome::NotOffered, Some(what.as_str())),
        (true, None) => (Outcome::Ok, None),
    };
    Record {
        phase: Phase::Guest,
        name: report.step.name().to_owned(),
        outcome,
        seconds: report.ms as f64 / 1000.0,
        memory: None,
        made: None,
        note: note.unwrap_or(report.step.title()).to_owned(),
    }
}

/// Whether all went well, in the order of what explains most: the guest's own word, its silence, what it left out, the device's word,
/// the kernel's. `lacks` are the steps for which the manifest says that this kernel does not offer what they need.
pub fn judge(outcome: &qemu::Outcome, lacks: &[Step]) -> Result<String> {
    if let Some(report) = outcome.steps.iter().find(|report| !report.ok) {
        let reason = report.reason.clone().unwrap_or_else(|| "no reason given".to_owned());
        let mut tail = outcome.violations.clone();
        tail.extend(outcome.explanation());
        return Err(Error::cell(reason).tail(tail).in_step(report.step.name()));
    }
    if outcome.ended != Some(true) {
        let last = outcome.steps.last().map_or("none", |report| report.step.name());
        let death = outcome.death.as_deref().unwrap_or("the machine went off");
        return Err(Error::cell(format!("the guest did not finish: {death}"))
            .expected("every step, and the word that it was the last")
            .found(format!("last step done: {last}"))
            .tail(outcome.explanation()));
    }
    complete(outcome, lacks)?;
    if let Some(violation) = outcome.violations.first() {
        return Err(Error::cell("the emulated GPU saw a rule broken")
            .found(violation.clone())
            .tail(outcome.violations.clone()));
    }
    if let Some(alarm) = console::alarms(&outcome.console).into_iter().next() {
        return Err(Error::cell("the guest's kernel complained")
            .found(alarm)
            .tail(outcome.explanation()));
    }
    let absent = match lacks.len() {
        0 => String::new(),
        count => format!(" ({count} not offered by this kernel)"),
    };
    Ok(format!(
        "{} steps{absent}, no rule broken, nothing alarming in the kernel's log",
        outcome.steps.len()
    ))
}

/// A guest that is content may still have shown less than it should.
fn complete(outcome: &qemu::Outcome, lacks: &[Step]) -> Result<()> {
    if let Some(line) = outcome.foreign.first() {
        return Err(
            Error::cell("something on the guest's port is no message of its program")
                .expected("one message a line")
                .found(line.clone())
                .tail(outcome.foreign.clone()),
        );
    }
    let done: Vec<Step> = outcome.steps.iter().map(|report| report.step).collect();
    if done != Step::ALL {
        return Err(Error::cell("the guest did not do the steps it is to do")
            .expected(names(Step::ALL))
            .found(names(&done))
            .fix("if its program was not built of this source tree: novabridge fetch programs"));
    }
    let absent = |report: &&StepReport| report.not_offered.is_some();
    let absent: Vec<&StepReport> = outcome.steps.iter().filter(absent).collect();
    if let Some(report) = absent.iter().find(|report| !lacks.contains(&report.step)) {
        return Err(Error::cell("the kernel should offer what a step needs, and does not")
            .expected(format!("{} is tried: the manifest names no lack", report.step))
            .found(report.not_offered.clone().unwrap_or_default())
            .fix(format!(
                "if this kernel really lacks it: lacks = [\"{}\"] in the manifest, at the kernel",
                report.step
            ))
            .in_step(report.step.name()));
    }
    let tried = |step: &&Step| !absent.iter().any(|report| report.step == **step);
    if let Some(step) = lacks.iter().find(tried) {
        return Err(Error::cell("a kernel that is said to lack what a step needs has it")
            .expected(format!("{step} is not offered, as the manifest says"))
            .found("it was tried, and passed")
            .fix(format!("take {step} out of the kernel's lacks in the manifest"))
            .in_step(step.name()));
    }
    Ok(())
}

fn names(steps: &[Step]) -> String {
    steps.iter().map(|step| step.name()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(step: Step, reason: Option<&str>) -> StepReport {
        StepReport {
            step,
            ok: reason.is_none(),
            ms: 1,
            detail: Default::default(),
            reason: reason.map(str::to_owned),
            not_offered: None,
        }
    }

    fn good() -> qemu::Outcome {
        qemu::Outcome {
            steps: Step::ALL.iter().map(|step| report(*step, None)).collect(),
            ended: Some(true),
            ..Default::default()
        }
    }

    /// With one step that found nothing to try.
    fn without(step: Step) -> qemu::Outcome {
        let mut run = good();
        for report in run.steps.iter_mut().filter(|report| report.step == step) {
            report.not_offered = Some("no such thing".to_owned());
        }
        run
    }

    #[test]
    fn a_run_is_good_when_nobody_objects() {
        let count = Step::ALL.len();
        assert!(judge(&good(), &[]).unwrap().starts_with(&format!("{count} steps,")));
        let said = judge(&without(Step::Suspend), &[Step::Suspend]).unwrap();
        assert!(
            said.starts_with(&format!("{count} steps (1 not offered by this kernel)")),
            "{said}"
        );
    }

    #[test]
    fn a_step_the_kernel_does_not_offer_is_no_pass_and_no_failure() {
        let shown = |run: &qemu::Outcome, step| {
            let report = run.steps.iter().find(|report| report.step == step).unwrap();
            guest_step(report).outcome
        };
        assert_eq!(shown(&without(Step::Suspend), Step::Suspend), Outcome::NotOffered);
        assert_eq!(shown(&good(), Step::Dma), Outcome::Ok);
        assert_eq!(guest_step(&report(Step::Dma, Some("no"))).outcome, Outcome::Failed);
    }

    #[test]
    fn what_is_not_offered_is_just_what_the_manifest_says() {
        let lacking = judge(&without(Step::Suspend), &[]).unwrap_err();
        assert_eq!(lacking.step.as_deref(), Some("suspend"), "{lacking}");
        assert!(judge(&without(Step::Dma), &[Step::Suspend]).is_err());
        let offered = judge(&good(), &[Step::Suspend]).unwrap_err();
        assert!(offered.what.contains("has it"), "{offered}");
    }

    #[test]
    fn a_guest_that_leaves_out_a_step_or_changes_the_order_fails() {
        let mut short = good();
        short.steps.remove(3);
        let error = judge(&short, &[]).unwrap_err();
        assert!(!error.found.as_deref().unwrap().contains("load-vf-driver"), "{error}");
        let mut twisted = good();
        twisted.steps.swap(4, 5);
        assert!(judge(&twisted, &[]).is_err());
        let mut twice = good();
        twice.steps.push(report(Step::Dma, None));
        assert!(judge(&twice, &[]).is_err());
    }

    #[test]
    fn each_objection_fails_the_run() {
        let mut failed_step = good();
        failed_step.steps.push(report(Step::Dma, Some("no DMA")));
        assert_eq!(judge(&failed_step, &[]).unwrap_err().step.as_deref(), Some("dma"));

        let mut silent = qemu::Outcome { ended: None, ..good() };
        silent.steps.truncate(2);
        assert_eq!(
            judge(&silent, &[]).unwrap_err().found.as_deref(),
            Some("last step done: boot-gpu")
        );

        let garbled = qemu::Outcome {
            foreign: vec!["{\"message\":\"st".to_owned()],
            ..good()
        };
        assert!(judge(&garbled, &[]).unwrap_err().what.contains("no message"));

        let violation = qemu::Outcome {
            violations: vec!["{\"rule\":\"x\"}".to_owned()],
            ..good()
        };
        assert!(judge(&violation, &[]).unwrap_err().what.contains("rule"));

        let complaint = qemu::Outcome {
            console: "[ 1.0] WARNING: CPU: 0".to_owned(),
            ..good()
        };
        assert!(judge(&complaint, &[]).unwrap_err().what.contains("complained"));
    }
}
