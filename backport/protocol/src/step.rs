// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The steps of a cell, in the order in which they run.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! steps {
    ($($step:ident $name:literal $title:literal;)*) => {
        /// One step of a cell.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Step {
            $(#[doc = $title] #[serde(rename = $name)] $step,)*
        }

        impl Step {
            /// Every step, in the order in which they run.
            pub const ALL: &'static [Step] = &[$(Step::$step,)*];

            /// The name in reports; stable.
            pub const fn name(self) -> &'static str {
                match self { $(Step::$step => $name,)* }
            }

            /// What the step does, in words for people.
            pub const fn title(self) -> &'static str {
                match self { $(Step::$step => $title,)* }
            }
        }
    };
}

steps! {
    KernelUp "kernel-up" "kernel up, VFIO modules loaded";
    BootGpu "boot-gpu" "novabridge.ko loaded, GPU firmware running";
    EnableVfs "enable-vfs" "VFs enabled, each in its own IOMMU group";
    LoadVfDriver "load-vf-driver" "novabridge-vfio-pci.ko loaded, VFs bound";
    PickType "pick-type" "vGPU type picked through sysfs";
    Open "open" "vGPU opened through a VFIO group";
    ConfigSpace "config-space" "configuration space as the guest sees it";
    Regions "regions" "region and interrupt info";
    BarAccess "bar-access" "BARs read, written and mapped";
    Logs "logs" "firmware's and vGPU's logs in debugfs";
    Interrupt "interrupt" "MSI-X interrupt through an eventfd";
    Dma "dma" "DMA through the IOMMU, both ways";
    DmaFault "dma-fault" "DMA to an unmapped address refused";
    BusMaster "bus-master" "no DMA without bus mastering";
    Reset "reset" "VFIO reset reaches the firmware's plugin";
    TypeBusy "type-busy" "type cannot change while the vGPU is open";
    Close "close" "closing destroys the vGPU";
    Suspend "suspend" "no suspend of devices with a vGPU open; without one, the GPU survives it";
    SeveralVgpus "several-vgpus" "several vGPUs at once, apart from each other";
    Limits "limits" "limits of types and instances kept";
    Unload "unload" "VFs disabled, everything unloaded";
    GpuLost "gpu-lost" "GPU lost: the vGPU's user is told";
    BootAgain "boot-again" "loaded again: GPU boots, vGPU opens";
    KernelLog "kernel-log" "kernel log free of warnings and errors";
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire_are_the_names_in_reports() {
        for step in Step::ALL {
            assert_eq!(serde_json::to_string(step).unwrap(), format!("\"{}\"", step.name()));
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Step::ALL.iter().map(|s| s.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Step::ALL.len());
    }
}
