// SPDX-License-Identifier: MIT
/*
 * Where Baton's own parts lie in memory, from the linker script's symbols.
 */
#ifndef KERNEL_IMAGE_H
#define KERNEL_IMAGE_H

#include <stdint.h>

#include "mm/mm.h"

extern char __image_base[], __image_end[], __text_start[], __text_end[], __data_start[];

/* What symbols and the debugger count from. The page of headers there exists where UEFI loaded the file only. */
static inline uint64_t image_base(void) { return (uint64_t)__image_base; }
static inline uint64_t image_size(void) { return (uint64_t)(__image_end - __image_base); }

/* What every loader loads. */
static inline struct mm_range image_loaded(void)
{
	return (struct mm_range){ (uint64_t)__text_start, (uint64_t)(__image_end - __text_start) };
}

static inline struct mm_range image_text(void)
{
	return (struct mm_range){ (uint64_t)__text_start, (uint64_t)(__text_end - __text_start) };
}

/* .data and .bss. */
static inline struct mm_range image_data(void)
{
	return (struct mm_range){ (uint64_t)__data_start, (uint64_t)(__image_end - __data_start) };
}

#endif
