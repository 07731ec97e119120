// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The guest's console: what in it means that the kernel is not well, and the end of it that explains a failure.

/// Lines by which a kernel says that something went wrong, whatever the steps report. Warnings reach the console, and what is less not.
const ALARMS: [&str; 10] = [
    "BUG: ",
    "] WARNING: ",
    "Oops: ",
    "Kernel panic",
    "general protection fault",
    "Unknown rela relocation",
    "UBSAN: ",
    "sysfs: cannot create duplicate",
    "refcount_t: ",
    // A driver's last word, when the machine goes off.
    "the GPU is left in disorder",
];

/// The alarming lines of a console.
pub fn alarms(console: &str) -> Vec<String> {
    let is_alarm = |line: &&str| ALARMS.iter().any(|alarm| line.contains(alarm));
    console
        .lines()
        .map(str::trim_end)
        .filter(is_alarm)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_of_the_kernel_is_found_and_its_talk_is_not() {
        let console = "[ 1.0] novabridge 0000:01:00.0: GSP 570.144\r\n[ 1.1] WARNING: CPU: 0 PID: 1 at mm/x.c:1\r\n\
                       [ 1.2] novabridge: loading out-of-tree module taints kernel.\r\n[ 1.3] BUG: unable to handle page fault\n\
                       [ 1.4] ------------[ cut here ]------------\n[ 1.4] WARNING: mm/x.c:1 at f+0x1/0x2, CPU#0: init/1\n";
        let found = alarms(console);
        assert_eq!(
            found,
            [
                "[ 1.1] WARNING: CPU: 0 PID: 1 at mm/x.c:1",
                "[ 1.3] BUG: unable to handle page fault",
                "[ 1.4] WARNING: mm/x.c:1 at f+0x1/0x2, CPU#0: init/1"
            ]
        );
    }
}
