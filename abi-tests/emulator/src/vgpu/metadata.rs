// SPDX-License-Identifier: MIT
//! vGPU metadata files (`nvidia/vgpu-<release>.bin`): the types of a device, made up but with real structure and names.
//!
//! Source: the vGPU patch series on the kvm list (RFC v2, `metadata.h`, `metadata_vgpu_type.c`).

use super::VMMU_SEGMENT;
use crate::{
    bytes::{put, put_u32, put_u64},
    layout::{release, Release},
};

const HEADER: usize = 8 + 4 + 4 + 8 + 8 + 128 + 64 + 8;
const BLOB: usize = 16;
const TYPE_BLOB: usize = 7 * 8;
const KERNEL_STRUCT: usize = 96;
/// `NV2080_CTRL_CMD_VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE`.
const ADD_VGPU_TYPE: u64 = 0x2080_4003;
const DEVICE: u64 = 0x26b1;
const SUBSYSTEM: u64 = 0x16a1;

/// First type id, and the sizes of the types in GiB: 941 is RTX6000-Ada-1Q, 950 is RTX6000-Ada-48Q.
const FIRST_ID: u32 = 941;
const SIZES: [u64; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 48];
/// The most vGPUs of one type.
const MAX_INSTANCES: u64 = 32;
const GSP_HEAP: u64 = 32 << 20;

struct Type {
    id: u32,
    name: String,
    gib: u64,
}

impl Type {
    fn all() -> impl Iterator<Item = Type> {
        (FIRST_ID..).zip(SIZES).map(|(id, gib)| Type {
            id,
            name: format!("RTX6000-Ada-{gib}Q"),
            gib,
        })
    }

    /// What a vGPU of the type leaves to the host: an eighth and more, so that all instances fit beside the firmware.
    fn reservation(&self) -> u64 {
        VMMU_SEGMENT * (1 + self.gib / 4)
    }

    fn fb_length(&self) -> u64 {
        (self.gib << 30) - self.reservation()
    }

    fn bar1_mib(&self) -> u64 {
        (64 * self.gib).next_power_of_two().min(256)
    }

    fn max_instance(&self) -> u64 {
        (48 / self.gib).min(MAX_INSTANCES)
    }

    /// Device and subsystem id the guest sees.
    fn vdev_id(&self) -> u64 {
        DEVICE << 16 | (0x1800 + u64::from(self.id - FIRST_ID))
    }

    fn pdev_id(&self) -> u64 {
        DEVICE << 16 | SUBSYSTEM
    }

    /// What the kernel reads of the type.
    fn kernel_struct(&self) -> Vec<u8> {
        let mut s = vec![0; KERNEL_STRUCT];
        put_u32(&mut s, 0, self.id);
        put(&mut s, 4, self.name.as_bytes());
        put_u64(&mut s, 40, self.vdev_id());
        put_u64(&mut s, 48, self.pdev_id());
        put_u64(&mut s, 56, self.fb_length());
        put_u64(&mut s, 64, GSP_HEAP);
        put_u64(&mut s, 72, self.bar1_mib());
        put_u32(&mut s, 80, self.max_instance() as u32);
        put_u32(&mut s, 84, 0);
        put_u64(&mut s, 88, self.reservation());
        s
    }

    /// What the firmware reads of the type.
    fn info(&self, release: &Release) -> Vec<u8> {
        let layout = release.layout("NVA081_CTRL_VGPU_INFO");
        let mut info = layout.zeroed();
        for (field, text) in [
            ("vgpuName", self.name.as_str()),
            ("vgpuClass", "Quadro"),
            ("license", "Quadro-Virtual-DWS,5.0;GRID-Virtual-WS,2.0"),
            ("shortGpuNameString", "AD102"),
            ("licensedProductName", "NVIDIA RTX Virtual Workstation"),
        ] {
            layout.set_text(&mut info, field, text);
        }
        layout.set_text(&mut info, "adapterName", &format!("NVIDIA {}", self.name));
        for (field, value) in [
            ("vgpuType", self.id.into()),
            ("maxInstance", self.max_instance()),
            ("numHeads", 4),
            ("maxResolutionX", 7680),
            ("maxResolutionY", 4320),
            ("maxPixels", 35_389_440),
            ("frlConfig", 60),
            ("cudaEnabled", 1),
            ("multiVgpuSupported", 1),
            ("vdevId", self.vdev_id()),
            ("pdevId", self.pdev_id()),
            ("profileSize", self.gib << 30),
            ("fbLength", self.fb_length()),
            ("gspHeapSize", GSP_HEAP),
            ("fbReservation", self.reservation()),
            ("mappableVideoSize", 4 << 20),
            ("encoderCapacity", 100),
            ("bar1Length", self.bar1_mib()),
            ("frlEnable", 1),
            ("gpuInstanceProfileId", u32::MAX.into()),
        ] {
            layout.set(&mut info, field, value);
        }
        layout.set_if(&mut info, "placementSize", self.gib);
        layout.set_if(&mut info, "homogeneousPlacementCount", self.max_instance());
        info
    }
}

/// The metadata file for firmware `name`; `None` for a release the emulator does not know.
pub fn file(name: &str) -> Option<Vec<u8>> {
    let release = release(name)?;
    let params = release.layout("NV2080_CTRL_VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE_PARAMS");
    let info_size = release.size("NVA081_CTRL_VGPU_INFO");
    let mut control = params.zeroed();
    params.set(&mut control, "discardVgpuTypes", 1);
    params.set(&mut control, "vgpuInfoCount", SIZES.len() as u64);
    let first = params.offset("vgpuInfo")?;
    let mut kernel = Vec::new();
    for (i, kind) in Type::all().enumerate() {
        put(&mut control, first + i * info_size, &kind.info(release));
        kernel.extend(kind.kernel_struct());
    }

    let mut file = vec![0; HEADER + BLOB + TYPE_BLOB];
    put(&mut file, 0, b"NVVGPUMT");
    put_u64(&mut file, 16, release.vgpu_version[0]);
    put_u64(&mut file, 24, release.vgpu_version[1]);
    put(&mut file, 160, name.as_bytes());
    put_u64(&mut file, 224, 1);
    put_u64(
        &mut file,
        HEADER + 8,
        (BLOB + TYPE_BLOB + kernel.len() + control.len()) as u64,
    );
    for (i, value) in [
        DEVICE,
        first as u64,
        info_size as u64,
        kernel.len() as u64,
        SIZES.len() as u64,
        ADD_VGPU_TYPE,
        control.len() as u64,
    ]
    .into_iter()
    .enumerate()
    {
        put_u64(&mut file, HEADER + BLOB + 8 * i, value);
    }
    file.extend(kernel);
    file.extend(control);
    let sum = crc32_le(!0, &file[16..]);
    put_u32(&mut file, 8, sum);
    Some(file)
}

/// The kernel's `crc32_le`: reflected polynomial, no inversion at either end.
fn crc32_le(seed: u32, data: &[u8]) -> u32 {
    data.iter().fold(seed, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            if c & 1 != 0 {
                c >> 1 ^ 0xedb8_8320
            } else {
                c >> 1
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::{get_u32, get_u64};

    #[test]
    fn the_checksum_is_the_kernels() {
        // The usual CRC-32 check value, which inverts at the end.
        assert_eq!(!crc32_le(!0, b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn files_partition_exactly() {
        for (name, control, version) in [("535.113.01", 316_936, (16, 1)), ("570.144", 334_344, (18, 1))] {
            let file = file(name).unwrap();
            assert_eq!((get_u64(&file, 16), get_u64(&file, 24)), version);
            assert_eq!(get_u64(&file, HEADER + 8) as usize, file.len() - HEADER);
            let blob = HEADER + BLOB;
            assert_eq!(get_u64(&file, blob + 48), control);
            let kernel = get_u64(&file, blob + 24);
            assert_eq!(kernel / get_u64(&file, blob + 32), KERNEL_STRUCT as u64);
            assert_eq!(file.len(), blob + TYPE_BLOB + kernel as usize + control as usize);
            assert_eq!(get_u32(&file, blob + TYPE_BLOB), 941);
            assert_eq!(get_u32(&file, 8), crc32_le(!0, &file[16..]));
        }
        assert_eq!(file("535.113.02"), None);
    }

    #[test]
    fn every_type_fits_as_often_as_it_says() {
        // 48 GiB less what a vGPU host's firmware takes at the top, and the plugins' heaps.
        let usable = (48u64 << 30) - (800 << 20);
        for kind in Type::all() {
            let each = kind.fb_length() + GSP_HEAP;
            assert!(each * kind.max_instance() <= usable, "{}", kind.name);
            assert_eq!(kind.fb_length() % VMMU_SEGMENT, 0);
        }
    }
}
