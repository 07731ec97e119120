// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Two functions of the ABI as C would have them, with the same checks and the same result. */
#include <errno.h>
#include <novabridge.h>
#include <stdio.h>
#include <string.h>

int32_t same_gpu_shutdown(struct nvb_gpu *gpu)
{
	if (!gpu)
		return -EINVAL;
	return 0;
}

static int fits(const struct nvb_abi *wanted, uint32_t theirs, uint32_t here)
{
	return wanted->minor > NVB_ABI_MINOR ? theirs >= here : theirs == here;
}

int32_t same_abi_handshake(struct nvb_abi *abi)
{
	const struct nvb_abi ours = NVB_ABI_INIT(NVB_FEATURE_VGPU | NVB_FEATURE_MIGRATION | NVB_FEATURE_LOG);
	struct nvb_abi wanted;
	uint32_t size;
	int32_t ret = 0;

	if (!abi || abi->size < sizeof(*abi))
		return -EINVAL;
	size = abi->size;
	wanted = *abi;
	if (wanted.major != ours.major)
		ret = -EPROTO;
	else if (!fits(&wanted, wanted.platform_size, ours.platform_size) ||
		 !fits(&wanted, wanted.boot_config_size, ours.boot_config_size) ||
		 !fits(&wanted, wanted.gpu_info_size, ours.gpu_info_size) ||
		 !fits(&wanted, wanted.vgpu_type_info_size, ours.vgpu_type_info_size) ||
		 !fits(&wanted, wanted.vgpu_config_size, ours.vgpu_config_size) ||
		 !fits(&wanted, wanted.vgpu_info_size, ours.vgpu_info_size) ||
		 !fits(&wanted, wanted.event_size, ours.event_size) ||
		 !fits(&wanted, wanted.dma_size, ours.dma_size) ||
		 !fits(&wanted, wanted.firmware_size, ours.firmware_size))
		ret = -EPROTO;
	else if (wanted.features & ~ours.features)
		ret = -EOPNOTSUPP;
	*abi = ours;
	abi->oldest_major = NVB_ABI_MAJOR;
	abi->size = size;
	memset((char *)abi + sizeof(*abi), 0, size - sizeof(*abi));
	return ret;
}
