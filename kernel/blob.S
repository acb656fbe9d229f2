/* SPDX-License-Identifier: MIT */
/* The block's blob as the build linked it (purgatory/block.lds); kernel/block.c copies it. */
	.section .rodata, "a", @progbits
	.balign	4096
	.globl	block_blob, block_blob_end
block_blob:
	.incbin	BLOCK_BIN
block_blob_end:

	.section .note.GNU-stack, "", @progbits
