/*
 * nvb-gpu: an NVIDIA GPU with SR-IOV for QEMU, as a plugin
 *
 * Only what is PCI Express lives here: configuration space, BARs, MSI-X, function level reset and the virtual functions.
 * Every register access goes to the library gsp_emulator, and what the library wants of the machine (DMA, interrupts)
 * comes back through struct gsp_emu_host.
 *
 * QEMU has no interface for devices built elsewhere. Distributions that build QEMU with modules leave all its symbols
 * visible, though, and a TCG plugin is loaded after QOM is up and before the command line's devices are made; so a
 * plugin that registers QOM types adds devices to a stock binary:
 *
 *   qemu-system-x86_64 -plugin gspemu.so -device pcie-root-port,id=rp0 -device nvb-gpu,bus=rp0
 *
 * The price is that the headers must be those of the binary; nvb_check_abi() makes sure of it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/module.h"
#include "qemu/qemu-plugin.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_sriov.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "gsp_emulator.h"

#define TYPE_NVB_GPU "nvb-gpu"
#define TYPE_NVB_GPU_VF "nvb-gpu-vf"
OBJECT_DECLARE_SIMPLE_TYPE(NvbGpu, NVB_GPU)
DECLARE_INSTANCE_CHECKER(NvbGpu, NVB_GPU_VF, TYPE_NVB_GPU_VF)

#define NVB_MAX_VFS 32

/* BARs: the numbers are registers, a 64-bit BAR takes two */
#define NVB_BAR_REGS 0
#define NVB_BAR_FB 1
#define NVB_BAR_USERD 3
#define NVB_BAR64P (PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH)

/* Configuration space: what the board does not say. PCI Express fits in front of MSI-X at 0x7c to the byte. */
#define NVB_CAP_PCIE 0x40
#define NVB_CAP_PM 0x88
#define NVB_CAP_AER 0x100
#define NVB_CAP_ARI 0x150
#define NVB_CAP_SRIOV 0xbcc
#define NVB_FIRST_VF_OFFSET 4
#define NVB_VF_STRIDE 1

/*
 * In a VF's BAR0, beside the library's test engine: has the root port report an error of the link. 0: a request that was
 * not answered, which is no more than that; else: the link itself, which is fatal.
 */
#define NVB_REG_LINK_ERROR 0x1002c

/* How often the firmware looks for room in a full queue */
#define NVB_GO_ON_US 200

/* One window of registers, or of anything else the library answers for */
typedef struct NvbWindow {
    MemoryRegion mr;
    NvbGpu *gpu;
    uint32_t bar;
} NvbWindow;

struct NvbGpu {
    PCIDevice pci;
    NvbWindow regs, fb_io, userd;
    uint32_t func;                      /* 0 is the PF, n + 1 is VF n */

    /* the PF's alone */
    MemoryRegion fb;
    struct gsp_emu *emu;
    QEMUTimer *go_on;
    struct gsp_emu_geometry board;
    NvbGpu *vf[NVB_MAX_VFS];
    FILE *report;

    /* properties */
    uint32_t total_vfs;
    uint64_t fb_size;
    char *firmware;
    char *violations;
    char *hostile;
};

static NvbGpu *nvb_from_pci(PCIDevice *pci)
{
    return container_of(pci, NvbGpu, pci);
}

static NvbGpu *nvb_pf(NvbGpu *gpu)
{
    return pci_is_vf(&gpu->pci) ? nvb_from_pci(pcie_sriov_get_pf(&gpu->pci)) : gpu;
}

/* ---- guest to library ---- */

/* The firmware may have more to say than its queue has room for; the driver makes room without touching a register. */
static void nvb_go_on(void *opaque)
{
    NvbGpu *pf = opaque;

    if (gsp_emu_poll(pf->emu)) {
        timer_mod(pf->go_on, qemu_clock_get_us(QEMU_CLOCK_VIRTUAL) + NVB_GO_ON_US);
    }
}

static uint64_t nvb_window_read(void *opaque, hwaddr addr, unsigned int size)
{
    NvbWindow *win = opaque;

    return gsp_emu_read(nvb_pf(win->gpu)->emu, win->gpu->func, win->bar, addr, size);
}

static void nvb_link_error(NvbGpu *pf, bool fatal)
{
    PCIDevice *port = pci_bridge_get_device(pci_get_bus(&pf->pci));
    PCIEAERErr error = { .status = fatal ? PCI_ERR_UNC_DLP : PCI_ERR_UNC_COMP_TIME };

    if (port) {
        error.source_id = pci_get_bdf(port);
        pcie_aer_inject_error(port, &error);
    }
}

static void nvb_window_write(void *opaque, hwaddr addr, uint64_t value, unsigned int size)
{
    NvbWindow *win = opaque;
    NvbGpu *pf = nvb_pf(win->gpu);

    if (win->gpu != pf && win->bar == NVB_BAR_REGS && addr == NVB_REG_LINK_ERROR) {
        nvb_link_error(pf, value != 0);
        return;
    }
    gsp_emu_write(pf->emu, win->gpu->func, win->bar, addr, size, value);
    nvb_go_on(pf);
}

/* The library sees each access in the guest's own size, so that it can object to it. */
static const MemoryRegionOps nvb_window_ops = {
    .read = nvb_window_read,
    .write = nvb_window_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

static MemoryRegion *nvb_window_init(NvbGpu *gpu, NvbWindow *win, uint32_t bar, const char *name, uint64_t size)
{
    win->gpu = gpu;
    win->bar = bar;
    memory_region_init_io(&win->mr, OBJECT(gpu), &nvb_window_ops, win, name, size);
    return &win->mr;
}

/* ---- library to guest ---- */

static NvbGpu *nvb_func(NvbGpu *pf, uint32_t func)
{
    if (func == 0) {
        return pf;
    }
    return func <= NVB_MAX_VFS ? pf->vf[func - 1] : NULL;
}

/*
 * The access goes through the function's own IOMMU address space and fails when its bus mastering is off. Only memory
 * may be its target: another function's registers would lead back into the library, which holds its lock.
 */
static bool nvb_dma(NvbGpu *pf, uint32_t func, uint64_t addr, void *buf, uint64_t len, DMADirection dir)
{
    NvbGpu *gpu = nvb_func(pf, func);

    return gpu && pci_dma_rw(&gpu->pci, addr, buf, len, dir, (MemTxAttrs) { .memory = true }) == MEMTX_OK;
}

static int32_t nvb_dma_read(void *opaque, uint32_t func, uint64_t addr, void *buf, uint64_t len)
{
    return nvb_dma(opaque, func, addr, buf, len, DMA_DIRECTION_TO_DEVICE);
}

static int32_t nvb_dma_write(void *opaque, uint32_t func, uint64_t addr, const void *buf, uint64_t len)
{
    return nvb_dma(opaque, func, addr, (void *)buf, len, DMA_DIRECTION_FROM_DEVICE);
}

static void nvb_irq(void *opaque, uint32_t func, uint32_t vector)
{
    NvbGpu *gpu = nvb_func(opaque, func);

    if (gpu && msix_enabled(&gpu->pci) && vector < msix_nr_vectors_allocated(&gpu->pci)) {
        msix_notify(&gpu->pci, vector);
    }
}

static int32_t nvb_location(void *opaque, struct gsp_emu_location *loc)
{
    static const int bars[] = { NVB_BAR_REGS, NVB_BAR_FB, NVB_BAR_USERD };
    NvbGpu *pf = opaque;
    const uint8_t *sriov = pf->pci.config + NVB_CAP_SRIOV + PCI_SRIOV_BAR;

    loc->bdf = pci_get_bdf(&pf->pci);
    loc->first_vf_offset = pf->total_vfs ? NVB_FIRST_VF_OFFSET : 0;
    for (int i = 0; i < ARRAY_SIZE(bars); i++) {
        loc->bar[i] = pci_get_bar_addr(&pf->pci, bars[i]);
        if (!pf->total_vfs) {
            loc->vf_bar[i] = 0;
        } else if (bars[i] == NVB_BAR_REGS) {
            loc->vf_bar[i] = pci_get_long(sriov) & PCI_BASE_ADDRESS_MEM_MASK;
        } else {
            loc->vf_bar[i] = pci_get_quad(sriov + 4 * bars[i]) & PCI_BASE_ADDRESS_MEM_MASK;
        }
    }
    return 1;
}

/* One JSON object a line, flushed at once: the reader may be waiting, and a guest that panics ends QEMU. */
static void nvb_violation(void *opaque, const char *rule, const char *detail)
{
    NvbGpu *pf = opaque;
    g_autoptr(GString) json = NULL;
    QDict *dict;

    if (!pf->report) {
        warn_report("nvb-gpu: %s: %s", rule, detail);
        return;
    }
    dict = qdict_new();
    qdict_put_str(dict, "rule", rule);
    qdict_put_str(dict, "detail", detail);
    json = qobject_to_json(QOBJECT(dict));
    qobject_unref(dict);
    fprintf(pf->report, "%s\n", json->str);
    fflush(pf->report);
}

static const struct gsp_emu_host nvb_host = {
    .size = sizeof(nvb_host),
    .dma_read = nvb_dma_read,
    .dma_write = nvb_dma_write,
    .irq = nvb_irq,
    .violation = nvb_violation,
    .location = nvb_location,
};

/* ---- what PF and VF have in common ---- */

static void nvb_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, int len)
{
    pci_default_write_config(pci, addr, value, len);
    pcie_cap_flr_write_config(pci, addr, value, len);
}

static void nvb_set_ids(PCIDevice *pci, const struct gsp_emu_geometry *board, uint16_t device)
{
    pci_set_word(pci->config + PCI_VENDOR_ID, board->vendor);
    pci_set_word(pci->config + PCI_DEVICE_ID, device);
    pci_set_word(pci->config + PCI_SUBSYSTEM_VENDOR_ID, board->subsystem_vendor);
    pci_set_word(pci->config + PCI_SUBSYSTEM_ID, board->subsystem);
    pci_set_byte(pci->config + PCI_REVISION_ID, board->revision);
    pci_set_byte(pci->config + PCI_CLASS_PROG, board->class_code);
    pci_set_word(pci->config + PCI_CLASS_DEVICE, board->class_code >> 8);
}

static bool nvb_add_capabilities(NvbGpu *gpu, uint64_t table, uint64_t pba, Error **errp)
{
    const struct gsp_emu_geometry *board = &nvb_pf(gpu)->board;
    PCIDevice *pci = &gpu->pci;

    if (pcie_endpoint_cap_init(pci, NVB_CAP_PCIE) < 0) {
        error_setg(errp, "no room for the PCI Express capability");
        return false;
    }
    pcie_cap_flr_init(pci);
    if (msix_init(pci, board->msix_vectors, &gpu->regs.mr, NVB_BAR_REGS, table, &gpu->regs.mr, NVB_BAR_REGS, pba,
                  board->msix_cap, errp)) {
        return false;
    }
    for (uint32_t i = 0; i < board->msix_vectors; i++) {
        msix_vector_use(pci, i);
    }
    if (pcie_aer_init(pci, PCI_ERR_VER, NVB_CAP_AER, PCI_ERR_SIZEOF, errp) < 0) {
        return false;
    }
    pcie_ari_init(pci, NVB_CAP_ARI);
    pci->config_write = nvb_config_write;
    return true;
}

static void nvb_del_capabilities(NvbGpu *gpu)
{
    PCIDevice *pci = &gpu->pci;

    pcie_aer_exit(pci);
    msix_unuse_all_vectors(pci);
    msix_uninit(pci, &gpu->regs.mr, &gpu->regs.mr);
    pcie_cap_exit(pci);
}

/* Cold reset and function level reset alike */
static void nvb_reset_hold(Object *obj, ResetType type)
{
    NvbGpu *gpu = nvb_from_pci(PCI_DEVICE(obj));
    struct gsp_emu *emu = nvb_pf(gpu)->emu;

    if (emu) {
        gsp_emu_reset(emu, gpu->func);
    }
}

/* ---- the virtual functions ---- */

/*
 * A VF's memory is enabled by VF MSE in the PF's SR-IOV capability and its own Memory Space Enable reads as 0 (SR-IOV
 * 1.1, 3.4.1.3). QEMU maps by the VF's own bit, so that bit is stuck at 1 underneath and hidden from the guest.
 */
static uint32_t nvb_vf_config_read(PCIDevice *pci, uint32_t addr, int len)
{
    uint32_t value = pci_default_read_config(pci, addr, len);

    if (addr <= PCI_COMMAND && addr + len > PCI_COMMAND) {
        value &= ~((uint32_t)PCI_COMMAND_MEMORY << 8 * (PCI_COMMAND - addr));
    }
    return value;
}

static void nvb_vf_realize(PCIDevice *pci, Error **errp)
{
    NvbGpu *gpu = NVB_GPU_VF(pci), *pf = nvb_pf(gpu);
    const struct gsp_emu_geometry *board = &pf->board;
    uint16_t index = pcie_sriov_vf_number(pci);

    gpu->func = index + 1;
    nvb_set_ids(pci, board, board->vf_device);
    nvb_window_init(gpu, &gpu->regs, NVB_BAR_REGS, "nvb-vf-regs", board->vf_bar0_size);
    nvb_window_init(gpu, &gpu->fb_io, NVB_BAR_FB, "nvb-vf-fb", board->vf_bar1_size);
    nvb_window_init(gpu, &gpu->userd, NVB_BAR_USERD, "nvb-vf-userd", board->vf_bar3_size);
    pcie_sriov_vf_register_bar(pci, NVB_BAR_REGS, &gpu->regs.mr);
    pcie_sriov_vf_register_bar(pci, NVB_BAR_FB, &gpu->fb_io.mr);
    pcie_sriov_vf_register_bar(pci, NVB_BAR_USERD, &gpu->userd.mr);
    if (!nvb_add_capabilities(gpu, board->vf_msix_table, board->vf_msix_pba, errp)) {
        return;
    }
    pci->config_read = nvb_vf_config_read;
    pci_word_test_and_set_mask(pci->config + PCI_COMMAND, PCI_COMMAND_MEMORY);
    pci_word_test_and_clear_mask(pci->wmask + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
    pf->vf[index] = gpu;
}

static void nvb_vf_exit(PCIDevice *pci)
{
    NvbGpu *gpu = NVB_GPU_VF(pci);

    nvb_pf(gpu)->vf[gpu->func - 1] = NULL;
    nvb_del_capabilities(gpu);
}

/* ---- the physical function ---- */

static bool nvb_start_emulator(NvbGpu *pf, Error **errp)
{
    struct gsp_emu_config config = {
        .size = sizeof(config),
        .total_vfs = pf->total_vfs,
        .fb_size = pf->fb_size,
        .firmware_dir = pf->firmware,
        .hostile = pf->hostile,
    };
    char reason[256];
    uint64_t fb_len;
    void *fb;

    pf->emu = gsp_emu_new(&config, &nvb_host, pf, reason, sizeof(reason));
    if (!pf->emu) {
        error_setg(errp, "%s", reason);
        return false;
    }
    pf->go_on = timer_new_us(QEMU_CLOCK_VIRTUAL, nvb_go_on, pf);
    gsp_emu_geometry(pf->emu, &pf->board);
    fb = gsp_emu_fb(pf->emu, &fb_len);
    assert(fb_len >= pf->board.bar1_size);
    memory_region_init_ram_ptr(&pf->fb, OBJECT(pf), "nvb-fb", pf->board.bar1_size, fb);
    return true;
}

static bool nvb_open_report(NvbGpu *pf, Error **errp)
{
    if (!pf->violations) {
        return true;
    }
    pf->report = fopen(pf->violations, "w");
    if (!pf->report) {
        error_setg_file_open(errp, errno, pf->violations);
        return false;
    }
    return true;
}

static bool nvb_add_power_management(PCIDevice *pci, Error **errp)
{
    if (pci_pm_init(pci, NVB_CAP_PM, errp) < 0) {
        return false;
    }
    pci_set_word(pci->config + NVB_CAP_PM + PCI_PM_PMC, 3);     /* version of the specification */
    pci_set_word(pci->config + NVB_CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(pci->wmask + NVB_CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
    return true;
}

static bool nvb_add_vfs(NvbGpu *pf, Error **errp)
{
    const struct {
        int bar;
        uint8_t type;
        uint64_t size;
    } bars[] = {
        { NVB_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY, pf->board.vf_bar0_size },
        { NVB_BAR_FB, NVB_BAR64P, pf->board.vf_bar1_size },
        { NVB_BAR_USERD, NVB_BAR64P, pf->board.vf_bar3_size },
    };
    PCIDevice *pci = &pf->pci;

    /* pcie_sriov_pf_init() realizes the VFs, which take their BAR's type from here, before the BARs can be declared. */
    for (int i = 0; i < ARRAY_SIZE(bars); i++) {
        pci->exp.sriov_pf.vf_bar_type[bars[i].bar] = bars[i].type;
    }
    if (!pcie_sriov_pf_init(pci, NVB_CAP_SRIOV, TYPE_NVB_GPU_VF, pf->board.vf_device, pf->total_vfs,
                            pf->total_vfs, NVB_FIRST_VF_OFFSET, NVB_VF_STRIDE, errp)) {
        return false;
    }
    for (int i = 0; i < ARRAY_SIZE(bars); i++) {
        pcie_sriov_pf_init_vf_bar(pci, bars[i].bar, bars[i].type, bars[i].size);
    }
    return true;
}

/*
 * There is a card in the slot, and the link is up: a kernel waits for that after it has reset the link. QEMU says so only
 * when hot-plug is the port's own business, and not ACPI's.
 */
static void nvb_link_up(NvbGpu *pf)
{
    PCIDevice *port = pci_bridge_get_device(pci_get_bus(&pf->pci));

    if (port && pci_is_express(port)) {
        pci_word_test_and_set_mask(port->config + port->exp.exp_cap + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_DLLLA);
    }
}

static void nvb_pf_release(NvbGpu *pf)
{
    g_clear_pointer(&pf->go_on, timer_free);
    g_clear_pointer(&pf->emu, gsp_emu_free);
    g_clear_pointer(&pf->report, fclose);
}

static void nvb_pf_realize(PCIDevice *pci, Error **errp)
{
    NvbGpu *pf = NVB_GPU(pci);

    if (pf->total_vfs > NVB_MAX_VFS) {
        error_setg(errp, "vfs must be at most %d", NVB_MAX_VFS);
        return;
    }
    if (!nvb_open_report(pf, errp) || !nvb_start_emulator(pf, errp)) {
        nvb_pf_release(pf);
        return;
    }
    nvb_set_ids(pci, &pf->board, pf->board.device);
    pci_register_bar(pci, NVB_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     nvb_window_init(pf, &pf->regs, NVB_BAR_REGS, "nvb-regs", pf->board.bar0_size));
    pci_register_bar(pci, NVB_BAR_FB, NVB_BAR64P, &pf->fb);
    pci_register_bar(pci, NVB_BAR_USERD, NVB_BAR64P,
                     nvb_window_init(pf, &pf->userd, NVB_BAR_USERD, "nvb-userd", pf->board.bar3_size));
    if (!nvb_add_capabilities(pf, pf->board.msix_table, pf->board.msix_pba, errp)) {
        nvb_pf_release(pf);
        return;
    }
    if (!nvb_add_power_management(pci, errp) || (pf->total_vfs && !nvb_add_vfs(pf, errp))) {
        nvb_del_capabilities(pf);
        nvb_pf_release(pf);
        return;
    }
    nvb_link_up(pf);
}

static void nvb_pf_exit(PCIDevice *pci)
{
    NvbGpu *pf = NVB_GPU(pci);

    if (pf->total_vfs) {
        pcie_sriov_pf_exit(pci);
    }
    nvb_del_capabilities(pf);
    nvb_pf_release(pf);
}

static const Property nvb_pf_properties[] = {
    DEFINE_PROP_UINT32("vfs", NvbGpu, total_vfs, 16),
    DEFINE_PROP_SIZE("fb-size", NvbGpu, fb_size, 0),           /* 0: as the board is sold */
    DEFINE_PROP_STRING("firmware", NvbGpu, firmware),
    DEFINE_PROP_STRING("violations", NvbGpu, violations),
    DEFINE_PROP_STRING("hostile", NvbGpu, hostile),
};

/* ---- QOM ---- */

/*
 * The headers this file was built with must be those of the running QEMU; a differing structure would corrupt memory
 * much later. The sizes of the structures are what can be compared: TypeImpl is private to QEMU, but has begun with
 * name, class_size and instance_size since 2012.
 */
static void nvb_check_abi(void)
{
    static const struct {
        const char *type;
        size_t size;
    } expected[] = {
        { TYPE_OBJECT, sizeof(Object) },
        { TYPE_DEVICE, sizeof(DeviceState) },
        { TYPE_PCI_DEVICE, sizeof(PCIDevice) },
        { TYPE_MEMORY_REGION, sizeof(MemoryRegion) },
    };

    for (int i = 0; i < ARRAY_SIZE(expected); i++) {
        ObjectClass *klass = object_class_by_name(expected[i].type);
        size_t size = klass ? ((const size_t *)*(void **)klass)[2] : 0;

        if (size != expected[i].size) {
            error_report("gspemu.so was built with the headers of QEMU " NVB_QEMU_VERSION
                         ", this is another QEMU: the size of '%s' is %zu, expected %zu;"
                         " build the plugin from the source of this QEMU",
                         expected[i].type, size, expected[i].size);
            exit(EXIT_FAILURE);
        }
    }
}

static const VMStateDescription nvb_vmstate = {
    .name = TYPE_NVB_GPU,
    .unmigratable = true,
};

static void nvb_class_init_common(ObjectClass *klass)
{
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);
    DeviceClass *dc = DEVICE_CLASS(klass);

    nvb_check_abi();
    /* what the board is comes from the library when the device is realized; QOM only wants a vendor and a class */
    k->vendor_id = PCI_VENDOR_ID_NVIDIA;
    k->class_id = PCI_CLASS_DISPLAY_3D;
    dc->vmsd = &nvb_vmstate;
    set_bit(DEVICE_CATEGORY_DISPLAY, dc->categories);
    RESETTABLE_CLASS(klass)->phases.hold = nvb_reset_hold;
}

static void nvb_pf_class_init(ObjectClass *klass, void *data)
{
    nvb_class_init_common(klass);
    PCI_DEVICE_CLASS(klass)->realize = nvb_pf_realize;
    PCI_DEVICE_CLASS(klass)->exit = nvb_pf_exit;
    DEVICE_CLASS(klass)->desc = "Emulated NVIDIA RTX 6000 Ada for NovaBridge";
    device_class_set_props(DEVICE_CLASS(klass), nvb_pf_properties);
}

static void nvb_vf_class_init(ObjectClass *klass, void *data)
{
    nvb_class_init_common(klass);
    PCI_DEVICE_CLASS(klass)->realize = nvb_vf_realize;
    PCI_DEVICE_CLASS(klass)->exit = nvb_vf_exit;
    DEVICE_CLASS(klass)->user_creatable = false;
}

static const TypeInfo nvb_types[] = {
    {
        .name = TYPE_NVB_GPU,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(NvbGpu),
        .class_init = nvb_pf_class_init,
        .interfaces = (InterfaceInfo[]) { { INTERFACE_PCIE_DEVICE }, { } },
    },
    {
        .name = TYPE_NVB_GPU_VF,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(NvbGpu),
        .class_init = nvb_vf_class_init,
        .interfaces = (InterfaceInfo[]) { { INTERFACE_PCIE_DEVICE }, { } },
    },
};

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    type_register_static_array(nvb_types, ARRAY_SIZE(nvb_types));
    return 0;
}
