/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NovaBridge VFIO driver: what makes a VF a VFIO device.
 *
 * The vGPU is the same on all kernels; what it stands on is not. Kernels with
 * vfio-pci-core lend all that is needed (pci_core.c); on those without it the
 * driver brings a small part of its own (bus/). One of the two is linked. It
 * calls nvb_vfio_*(), the vGPU's side in vfio.h, and is called through this.
 */

#ifndef NVB_VFIO_BUS_H
#define NVB_VFIO_BUS_H

#include <linux/pci.h>
#include <linux/vfio.h>

#include "nvb_compat_config.h"

#ifdef NVB_HAVE_VFIO_PCI_CORE
#include "pci_core.h"
#else
#include "bus/state.h"
#endif

struct nvb_vfio_device;

/* Resets and errors of VFs, for struct pci_driver. */
extern const struct pci_error_handlers nvb_bus_err_handlers;

/**
 * nvb_bus_register() - offer a VF to user space
 * @pdev: VF the driver is being bound to
 *
 * Allocates the VF's &struct nvb_vfio_device, which lives until
 * nvb_bus_unregister().
 *
 * Return: 0 or a negative errno.
 */
int nvb_bus_register(struct pci_dev *pdev);

/**
 * nvb_bus_unregister() - take a VF back
 * @pdev: VF the driver is being unbound from
 *
 * Asks the user to let go, and returns when the last one has closed the device.
 */
void nvb_bus_unregister(struct pci_dev *pdev);

/**
 * nvb_bus_shutdown() - the machine goes down
 * @pdev: VF the driver is bound to
 */
void nvb_bus_shutdown(struct pci_dev *pdev);

/**
 * nvb_bus_enable() - make the PCI function ready for its first user
 * @nvdev: VF that is being opened
 *
 * The function is reset, if it can be; it is no bus master.
 *
 * Return: 0 or a negative errno.
 */
int nvb_bus_enable(struct nvb_vfio_device *nvdev);

/**
 * nvb_bus_finish_enable() - the VF can be used now
 * @nvdev: VF on which nvb_bus_enable() and all that had to follow succeeded
 */
void nvb_bus_finish_enable(struct nvb_vfio_device *nvdev);

/**
 * nvb_bus_disable() - undo nvb_bus_enable()
 * @nvdev: VF whose opening failed
 */
void nvb_bus_disable(struct nvb_vfio_device *nvdev);

/**
 * nvb_bus_close() - undo nvb_bus_enable() and nvb_bus_finish_enable()
 * @nvdev: VF whose last user is gone
 */
void nvb_bus_close(struct nvb_vfio_device *nvdev);

/**
 * nvb_bus_read() - read a BAR, or a register that is not emulated
 * @nvdev: open VF
 * @buf: where to
 * @count: bytes wanted
 * @ppos: position in the device's file; advanced by what was read
 *
 * Return: bytes read, or a negative errno.
 */
ssize_t nvb_bus_read(struct nvb_vfio_device *nvdev, char __user *buf, size_t count, loff_t *ppos);

/**
 * nvb_bus_write() - write a BAR, or a register that is not emulated
 * @nvdev: open VF
 * @buf: where from
 * @count: bytes to write
 * @ppos: position in the device's file; advanced by what was written
 *
 * Return: bytes written, or a negative errno.
 */
ssize_t nvb_bus_write(struct nvb_vfio_device *nvdev, const char __user *buf, size_t count,
		      loff_t *ppos);

/**
 * nvb_bus_mmap() - map a BAR into user space
 * @nvdev: open VF
 * @vma: where to; within the BAR
 *
 * Return: 0 or a negative errno.
 */
int nvb_bus_mmap(struct nvb_vfio_device *nvdev, struct vm_area_struct *vma);

/**
 * nvb_bus_ioctl() - do what the vGPU has no part in, and resets
 * @nvdev: open VF
 * @cmd: VFIO_DEVICE_*
 * @arg: its argument
 *
 * A reset of the function calls nvb_vfio_vgpu_reset().
 *
 * Return: as the ioctl.
 */
long nvb_bus_ioctl(struct nvb_vfio_device *nvdev, unsigned int cmd, unsigned long arg);

/**
 * nvb_bus_can_mmap() - whether a BAR can be mapped
 * @nvdev: open VF
 * @bar: which
 *
 * Return: true if so.
 */
bool nvb_bus_can_mmap(struct nvb_vfio_device *nvdev, unsigned int bar);

/**
 * nvb_bus_has_msix_table() - whether a BAR holds the MSI-X table
 * @nvdev: open VF
 * @bar: which
 *
 * Return: true if so.
 */
bool nvb_bus_has_msix_table(struct nvb_vfio_device *nvdev, unsigned int bar);

/**
 * nvb_bus_gpu_lost() - tell the user that the device is beyond repair
 * @nvdev: claimed VF
 */
void nvb_bus_gpu_lost(struct nvb_vfio_device *nvdev);

#endif /* NVB_VFIO_BUS_H */
