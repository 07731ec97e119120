// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The kernel's VFIO interface: container, group and device (Documentation/driver-api/vfio.rst).
//!
//! A client that tests a driver has to see each error of each call, so these are the plain calls with checked arguments.

use crate::mapping::Mapping;
use anyhow::{ensure, Context, Result};
use nix::{errno::Errno, libc, sys::eventfd::EventFd};
use std::{
    ffi::c_void,
    fs::{File, OpenOptions},
    mem::size_of,
    os::{
        fd::{AsRawFd, FromRawFd},
        unix::fs::FileExt,
    },
};
use vfio_bindings::bindings::vfio::{
    vfio_device_info, vfio_group_status, vfio_iommu_type1_dma_map, vfio_iommu_type1_dma_unmap, vfio_irq_info,
    vfio_irq_set, vfio_region_info, VFIO_TYPE1v2_IOMMU, VFIO_API_VERSION, VFIO_DMA_MAP_FLAG_READ,
    VFIO_DMA_MAP_FLAG_WRITE, VFIO_GROUP_FLAGS_VIABLE, VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD,
    VFIO_IRQ_SET_DATA_NONE, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_MSIX_IRQ_INDEX,
};

/// The numbers and argument types of the calls.
mod calls {
    use nix::{ioctl_none_bad, ioctl_readwrite_bad, ioctl_write_int_bad, ioctl_write_ptr_bad, request_code_none};
    use std::ffi::c_char;
    use vfio_bindings::bindings::vfio::{
        vfio_device_info, vfio_group_status, vfio_iommu_type1_dma_map, vfio_iommu_type1_dma_unmap, vfio_irq_info,
        vfio_irq_set, vfio_region_info, VFIO_BASE, VFIO_TYPE,
    };

    const fn code(n: u32) -> nix::sys::ioctl::ioctl_num_type {
        request_code_none!(VFIO_TYPE, VFIO_BASE + n)
    }

    ioctl_none_bad!(get_api_version, code(0));
    ioctl_write_int_bad!(check_extension, code(1));
    ioctl_write_int_bad!(set_iommu, code(2));
    ioctl_readwrite_bad!(group_get_status, code(3), vfio_group_status);
    ioctl_write_ptr_bad!(group_set_container, code(4), i32);
    ioctl_write_ptr_bad!(group_get_device_fd, code(6), c_char);
    ioctl_readwrite_bad!(device_get_info, code(7), vfio_device_info);
    ioctl_readwrite_bad!(device_get_region_info, code(8), vfio_region_info);
    ioctl_readwrite_bad!(device_get_irq_info, code(9), vfio_irq_info);
    ioctl_write_ptr_bad!(device_set_irqs, code(10), vfio_irq_set);
    ioctl_none_bad!(device_reset, code(11));
    ioctl_write_ptr_bad!(iommu_map_dma, code(13), vfio_iommu_type1_dma_map);
    ioctl_readwrite_bad!(iommu_unmap_dma, code(14), vfio_iommu_type1_dma_unmap);
}

/// A container: one IOMMU address space.
pub struct Container(File);

impl Container {
    /// Opens an empty container.
    pub fn open() -> Result<Container> {
        let path = "/dev/vfio/vfio";
        let file = OpenOptions::new().read(true).write(true).open(path);
        let container = Container(file.with_context(|| format!("opening {path}"))?);
        // SAFETY: the call takes no pointer.
        let version = unsafe { calls::get_api_version(container.fd()) }.context("VFIO_GET_API_VERSION")?;
        ensure!(
            version as u32 == VFIO_API_VERSION,
            "VFIO API version: expected {VFIO_API_VERSION}, found {version}"
        );
        // SAFETY: the call takes no pointer.
        let has = unsafe { calls::check_extension(container.fd(), VFIO_TYPE1v2_IOMMU as i32) };
        ensure!(
            has.context("VFIO_CHECK_EXTENSION")? == 1,
            "the kernel's VFIO has no type 1 (v2) IOMMU"
        );
        Ok(container)
    }

    fn fd(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// Chooses the type 1 (v2) IOMMU, which needs a group in the container.
    pub fn set_iommu(&self) -> Result<()> {
        // SAFETY: the call takes no pointer.
        unsafe { calls::set_iommu(self.fd(), VFIO_TYPE1v2_IOMMU as i32) }.context("VFIO_SET_IOMMU")?;
        Ok(())
    }

    /// Makes memory reachable for the container's devices at `iova`.
    pub fn map(&self, memory: &Mapping, iova: u64) -> Result<()> {
        let map = vfio_iommu_type1_dma_map {
            argsz: size_of::<vfio_iommu_type1_dma_map>() as u32,
            flags: VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
            vaddr: memory.address(),
            iova,
            size: memory.len(),
        };
        // SAFETY: map is a valid argument for the length of the call; the memory it names is a mapping that the kernel
        // pins, so even its end would leave the device with pages of its own.
        unsafe { calls::iommu_map_dma(self.fd(), &map) }.context("VFIO_IOMMU_MAP_DMA")?;
        Ok(())
    }

    /// Takes a mapping back; `size` is its whole size.
    pub fn unmap(&self, iova: u64, size: u64) -> Result<()> {
        let mut unmap = vfio_iommu_type1_dma_unmap {
            argsz: size_of::<vfio_iommu_type1_dma_unmap>() as u32,
            iova,
            size,
            ..Default::default()
        };
        // SAFETY: unmap is a valid argument for the length of the call.
        unsafe { calls::iommu_unmap_dma(self.fd(), &mut unmap) }.context("VFIO_IOMMU_UNMAP_DMA")?;
        ensure!(
            unmap.size == size,
            "VFIO_IOMMU_UNMAP_DMA: expected {size:#x} bytes, found {:#x}",
            unmap.size
        );
        Ok(())
    }
}

/// An IOMMU group that is in a container.
pub struct Group(File);

impl Group {
    /// Opens a group and puts it into a container.
    pub fn open(number: u32, container: &Container) -> Result<Group> {
        let path = format!("/dev/vfio/{number}");
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let group = Group(file.with_context(|| format!("opening {path}"))?);
        let mut status = vfio_group_status {
            argsz: size_of::<vfio_group_status>() as u32,
            ..Default::default()
        };
        // SAFETY: status is a valid argument for the length of the call.
        unsafe { calls::group_get_status(group.0.as_raw_fd(), &mut status) }.context("VFIO_GROUP_GET_STATUS")?;
        ensure!(
            status.flags & VFIO_GROUP_FLAGS_VIABLE != 0,
            "group {number} is not viable: not all is bound to VFIO"
        );
        // SAFETY: the argument is a pointer to a file descriptor, read during the call.
        unsafe { calls::group_set_container(group.0.as_raw_fd(), &container.fd()) }
            .context("VFIO_GROUP_SET_CONTAINER")?;
        Ok(group)
    }

    /// Opens a device of the group. The error number is the driver's.
    pub fn device(&self, address: &str) -> Result<Device, Errno> {
        let name = std::ffi::CString::new(address).map_err(|_| Errno::EINVAL)?;
        // SAFETY: the argument is a NUL-terminated string, read during the call.
        let fd = unsafe { calls::group_get_device_fd(self.0.as_raw_fd(), name.as_ptr()) }?;
        // SAFETY: the call returned a new file descriptor that nobody else has.
        Ok(Device(unsafe { File::from_raw_fd(fd) }))
    }
}

/// Where a region of the device lies in its file, and what can be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// `VFIO_REGION_INFO_FLAG_*`.
    pub flags: u32,
    /// Bytes.
    pub size: u64,
    offset: u64,
}

/// An open device.
pub struct Device(File);

impl Device {
    /// Flags, number of regions, number of interrupt kinds.
    pub fn info(&self) -> Result<vfio_device_info> {
        let mut info = vfio_device_info {
            argsz: size_of::<vfio_device_info>() as u32,
            ..Default::default()
        };
        // SAFETY: info is a valid argument for the length of the call.
        unsafe { calls::device_get_info(self.0.as_raw_fd(), &mut info) }.context("VFIO_DEVICE_GET_INFO")?;
        Ok(info)
    }

    /// A region by index: BARs 0 to 5, ROM, configuration space.
    pub fn region(&self, index: u32) -> Result<Region> {
        let mut info = vfio_region_info {
            argsz: size_of::<vfio_region_info>() as u32,
            index,
            ..Default::default()
        };
        // SAFETY: info is a valid argument for the length of the call.
        unsafe { calls::device_get_region_info(self.0.as_raw_fd(), &mut info) }
            .with_context(|| format!("VFIO_DEVICE_GET_REGION_INFO of region {index}"))?;
        Ok(Region {
            flags: info.flags,
            size: info.size,
            offset: info.offset,
        })
    }

    /// How many interrupts of a kind there are.
    pub fn interrupts(&self, index: u32) -> Result<u32> {
        let mut info = vfio_irq_info {
            argsz: size_of::<vfio_irq_info>() as u32,
            index,
            ..Default::default()
        };
        // SAFETY: info is a valid argument for the length of the call.
        unsafe { calls::device_get_irq_info(self.0.as_raw_fd(), &mut info) }
            .with_context(|| format!("VFIO_DEVICE_GET_IRQ_INFO of {index}"))?;
        Ok(info.count)
    }

    /// Routes the first interrupt of a kind to an event counter, which enables MSI-X if that is the kind.
    pub fn connect(&self, index: u32, event: &EventFd) -> Result<()> {
        #[repr(C)]
        struct Set {
            header: vfio_irq_set,
            fd: i32,
        }
        let set = Set {
            header: vfio_irq_set {
                argsz: size_of::<Set>() as u32,
                flags: VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
                index,
                count: 1,
                ..Default::default()
            },
            fd: event.as_raw_fd(),
        };
        // SAFETY: the header is followed by as many descriptors as it says; both are read during the call.
        unsafe { calls::device_set_irqs(self.0.as_raw_fd(), std::ptr::from_ref(&set).cast()) }
            .with_context(|| format!("VFIO_DEVICE_SET_IRQS of {index} with an eventfd"))?;
        Ok(())
    }

    /// Sets no interrupt of a kind, with a kind of data (`VFIO_IRQ_SET_DATA_*`) of which there is none: with `NONE` that
    /// disables it. The error number is the driver's.
    pub fn set_no_irqs(&self, index: u32, data: u32) -> Result<(), Errno> {
        let set = vfio_irq_set {
            argsz: size_of::<vfio_irq_set>() as u32,
            flags: data | VFIO_IRQ_SET_ACTION_TRIGGER,
            index,
            ..Default::default()
        };
        // SAFETY: set is a valid argument for the length of the call, and says that nothing follows it.
        unsafe { calls::device_set_irqs(self.0.as_raw_fd(), &set) }?;
        Ok(())
    }

    /// Disables MSI-X.
    pub fn disable_msix(&self) -> Result<()> {
        self.set_no_irqs(VFIO_PCI_MSIX_IRQ_INDEX, VFIO_IRQ_SET_DATA_NONE)
            .context("VFIO_DEVICE_SET_IRQS with no vector")
    }

    /// Resets the device.
    pub fn reset(&self) -> Result<()> {
        // SAFETY: the call takes no pointer.
        unsafe { calls::device_reset(self.0.as_raw_fd()) }.context("VFIO_DEVICE_RESET")?;
        Ok(())
    }

    /// Maps a region from its beginning.
    pub fn mmap(&self, region: &Region, len: u64) -> Result<Mapping> {
        Mapping::of_file(&self.0, region.offset, len)
    }

    /// Reads from a region through the file; all of `buf` or an error.
    pub fn read(&self, region: &Region, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.0.read_exact_at(buf, region.offset + offset)
    }

    /// Writes to a region through the file; all of `data` or an error.
    pub fn write(&self, region: &Region, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write_all_at(data, region.offset + offset)
    }

    /// Writes `len` bytes that are at `address`, or some of them, if not all can be read. The error number is the driver's.
    pub fn write_from(&self, region: &Region, offset: u64, address: u64, len: usize) -> Result<(), Errno> {
        let (from, to) = (address as *const c_void, region.offset + offset);
        // SAFETY: the kernel looks itself what it can read there, and changes none of it.
        let written = unsafe { libc::pwrite(self.0.as_raw_fd(), from, len, to as i64) };
        Errno::result(written).map(drop)
    }

    /// The configuration space.
    pub fn config(&self) -> Result<Config<'_>> {
        Ok(Config {
            device: self,
            region: self.region(VFIO_PCI_CONFIG_REGION_INDEX)?,
        })
    }
}

/// The configuration space, as the guest of a virtual machine would see it.
pub struct Config<'a> {
    device: &'a Device,
    /// The region; its size is the space's.
    pub region: Region,
}

impl Config<'_> {
    fn bytes<const N: usize>(&self, offset: u64) -> Result<[u8; N]> {
        let mut buf = [0; N];
        self.device
            .read(&self.region, offset, &mut buf)
            .with_context(|| format!("reading {N} bytes of configuration space at {offset:#x}"))?;
        Ok(buf)
    }

    /// Reads a byte.
    pub fn read8(&self, offset: u64) -> Result<u8> {
        Ok(u8::from_le_bytes(self.bytes(offset)?))
    }

    /// Reads a 16-bit word.
    pub fn read16(&self, offset: u64) -> Result<u16> {
        Ok(u16::from_le_bytes(self.bytes(offset)?))
    }

    /// Reads a 32-bit word.
    pub fn read32(&self, offset: u64) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bytes(offset)?))
    }

    /// Writes a 16-bit word.
    pub fn write16(&self, offset: u64, value: u16) -> Result<()> {
        self.device
            .write(&self.region, offset, &value.to_le_bytes())
            .with_context(|| format!("writing {value:#06x} to configuration space at {offset:#x}"))
    }

    /// Writes a 32-bit word.
    pub fn write32(&self, offset: u64, value: u32) -> Result<()> {
        self.device
            .write(&self.region, offset, &value.to_le_bytes())
            .with_context(|| format!("writing {value:#010x} to configuration space at {offset:#x}"))
    }
}
