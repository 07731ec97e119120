// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge PF driver: memory the GPU can reach.
 *
 * Contiguous memory is coherent and small: queues, arguments, tables. Scattered
 * memory holds images of up to 100 MB that only the GPU's own page tables make
 * contiguous; it is vmalloc'd and mapped as a scatterlist.
 */

#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "pf.h"

/* Page size of the core's DMA interface, whatever the CPU's is. */
#define NVB_DMA_PAGE_SHIFT	12

/**
 * struct nvb_pf_scatter - scattered DMA memory
 * @cpu: the CPU's mapping
 * @sgt: the device's mapping
 * @addr: device address of each page of the CPU, so that a page is found in O(1)
 */
struct nvb_pf_scatter {
	void *cpu;
	struct sg_table sgt;
	dma_addr_t addr[];
};

static struct page **nvb_pf_vmalloc_pages(const void *cpu, unsigned long pages)
{
	struct page **list;
	unsigned long i;

	list = kvmalloc_array(pages, sizeof(*list), GFP_KERNEL);
	if (!list)
		return NULL;

	for (i = 0; i < pages; i++)
		list[i] = vmalloc_to_page(cpu + i * PAGE_SIZE);

	return list;
}

/* The GPU reads images and tables; nothing it writes is scattered. */
static int nvb_pf_scatter_map(struct device *dev, struct nvb_pf_scatter *sc, unsigned long pages)
{
	struct sg_dma_page_iter iter;
	struct page **list;
	unsigned long i = 0;
	int ret;

	list = nvb_pf_vmalloc_pages(sc->cpu, pages);
	if (!list)
		return -ENOMEM;

	ret = sg_alloc_table_from_pages(&sc->sgt, list, pages, 0, pages << PAGE_SHIFT, GFP_KERNEL);
	kvfree(list);
	if (ret)
		return ret;

	ret = dma_map_sgtable(dev, &sc->sgt, DMA_TO_DEVICE, 0);
	if (ret) {
		sg_free_table(&sc->sgt);
		return ret;
	}

	for_each_sgtable_dma_page(&sc->sgt, &iter, 0)
		sc->addr[i++] = sg_page_iter_dma_address(&iter);

	return 0;
}

static int nvb_pf_scatter_alloc(struct device *dev, u64 len, struct nvb_dma *dma)
{
	unsigned long pages = PAGE_ALIGN(len) >> PAGE_SHIFT;
	struct nvb_pf_scatter *sc;
	int ret;

	sc = kvzalloc(struct_size(sc, addr, pages), GFP_KERNEL);
	if (!sc)
		return -ENOMEM;

	sc->cpu = vzalloc(pages << PAGE_SHIFT);
	if (!sc->cpu) {
		ret = -ENOMEM;
		goto err_free;
	}

	ret = nvb_pf_scatter_map(dev, sc, pages);
	if (ret)
		goto err_vfree;

	dma->cpu = sc->cpu;
	dma->addr = sc->addr[0];
	dma->priv = sc;

	return 0;

err_vfree:
	vfree(sc->cpu);
err_free:
	kvfree(sc);
	return ret;
}

static void nvb_pf_scatter_free(struct device *dev, struct nvb_pf_scatter *sc)
{
	dma_unmap_sgtable(dev, &sc->sgt, DMA_TO_DEVICE, 0);
	sg_free_table(&sc->sgt);
	vfree(sc->cpu);
	kvfree(sc);
}

s32 nvb_pf_dma_alloc(void *ctx, u64 len, u32 kind, struct nvb_dma *dma)
{
	struct nvb_pf *pf = ctx;
	struct device *dev = &pf->pdev->dev;
	dma_addr_t addr;

	if (!len || len > LONG_MAX || !IS_ALIGNED(len, BIT_ULL(NVB_DMA_PAGE_SHIFT)))
		return -EINVAL;

	switch (kind) {
	case NVB_DMA_CONTIGUOUS:
		dma->cpu = dma_alloc_coherent(dev, len, &addr, GFP_KERNEL);
		if (!dma->cpu)
			return -ENOMEM;
		dma->addr = addr;
		dma->priv = NULL;
		return 0;
	case NVB_DMA_SCATTERED:
		return nvb_pf_scatter_alloc(dev, len, dma);
	default:
		return -EINVAL;
	}
}

void nvb_pf_dma_free(void *ctx, struct nvb_dma *dma)
{
	struct nvb_pf *pf = ctx;
	struct device *dev = &pf->pdev->dev;

	if (dma->kind == NVB_DMA_SCATTERED)
		nvb_pf_scatter_free(dev, dma->priv);
	else
		dma_free_coherent(dev, dma->len, dma->cpu, dma->addr);
}

s32 nvb_pf_dma_page_addr(void *ctx, const struct nvb_dma *dma, u64 page, u64 *addr)
{
	u64 off;

	if (page >= dma->len >> NVB_DMA_PAGE_SHIFT)
		return -EINVAL;
	off = page << NVB_DMA_PAGE_SHIFT;

	if (dma->kind == NVB_DMA_SCATTERED) {
		struct nvb_pf_scatter *sc = dma->priv;

		*addr = sc->addr[off >> PAGE_SHIFT] + offset_in_page(off);
	} else {
		*addr = dma->addr + off;
	}

	return 0;
}

s32 nvb_pf_dma_sync_for_device(void *ctx, const struct nvb_dma *dma, u64 off, u64 len)
{
	struct nvb_pf *pf = ctx;
	struct nvb_pf_scatter *sc = dma->priv;

	if (off > dma->len || len > dma->len - off)
		return -EINVAL;

	if (dma->kind == NVB_DMA_SCATTERED) {
		/* The kernel's linear map has these pages too, and caches may alias. */
		flush_kernel_vmap_range(sc->cpu + off, len);
		dma_sync_sgtable_for_device(&pf->pdev->dev, &sc->sgt, DMA_TO_DEVICE);
	} else {
		/* Coherent: only the order of the stores is left to see to. */
		wmb();
	}

	return 0;
}
