// SPDX-License-Identifier: MIT
#include "kernel/stop_map.h"

#include "kernel/image.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/screen.h"
#include "x86/cpu.h"
#include "x86/pc/uart.h"

#define POOL_PAGES	20u		/* root, three levels for the image, two for each device */

static struct identity_range ranges[6];
static unsigned count;

static void add(const char *what, uint64_t base, uint64_t size, mm_prot prot, enum mm_page_size max)
{
	uint64_t first = mm_page_down(base);

	if (base && size)
		ranges[count++] = (struct identity_range){ first, mm_page_up(base + size) - first, prot, max, what };
}

bool stop_map(const struct boot_info *info, const struct reset_info *reset)
{
	static uint8_t pages[POOL_PAGES][MM_PAGE_BYTES] __attribute__((aligned(4096)));
	static bool tried;
	static struct page_pool pool;
	static struct page_source source;
	static struct space space;
	struct problem unheard = { .code = OK };
	const struct framebuffer *fb = &info->framebuffer;
	enum status s;

	if (tried || !info->devices_unmapped || kernel_memory.space.root || !kernel_memory.levels)
		return false;
	tried = true;
	add("image", image_loaded().base, image_loaded().size, MM_READ, MM_PAGE_4K);
	add("text", image_text().base, image_text().size, MM_EXEC, MM_PAGE_4K);
	add("data", image_data().base, image_data().size, MM_WRITE, MM_PAGE_4K);
	if (screen_usable(fb))
		add("framebuffer", fb->base, fb->size, MM_WRITE | MM_CACHE(MM_UC_MINUS), MM_PAGE_2M);
	if (log_uart()->mmio)
		add("uart", log_uart()->base, MM_PAGE_BYTES, MM_WRITE | MM_CACHE(MM_UC), MM_PAGE_4K);
	if (reset && reset->space == 0)
		add("reset", reset->address, 8, MM_WRITE | MM_CACHE(MM_UC), MM_PAGE_4K);
	page_pool_init(&pool, (uint64_t)pages, POOL_PAGES);
	source = page_source_pool(&pool);
	s = space_init(&space, kernel_memory.levels, &kernel_memory.features, &source, &unheard);
	if (s == OK)
		s = identity_map(&space, ranges, count, &unheard);
	if (s != OK)
		return false;
	cpu_write_cr3(space_cr3(&space));
	log_devices_mapped(info);
	return true;
}
