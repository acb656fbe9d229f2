# SPDX-License-Identifier: MIT
# An EFI program for the tests of tables that have to survive, linked as gnu-efi's own programs are.

TABLES_EFI := $(O)/tables/tables.efi
TABLES_OBJ := $(O)/image/lib/fmt.c.o $(O)/image/lib/string.c.o

$(TABLES_EFI): test/tables/tables.c test/tables/tables.mk $(TABLES_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_IMAGE) -c -o $(O)/tables/tables.o $<
	$(LD) -shared -Bsymbolic -z nocombreloc -z defs -z noexecstack --no-warn-rwx-segments -nostdlib \
		-T /usr/lib/elf_x86_64_efi.lds -o $(O)/tables/tables.so /usr/lib/crt0-efi-x86_64.o $(O)/tables/tables.o \
		$(TABLES_OBJ) -L/usr/lib -lgnuefi
	@! readelf -rW $(O)/tables/tables.so | grep R_X86_64 | grep -v R_X86_64_RELATIVE
	$(OBJCOPY) -j .text -j .sdata -j .data -j .dynamic -j .rodata -j .rel -j .rela -j '.rel.*' -j '.rela.*' -j .reloc \
		--target efi-app-x86_64 $(O)/tables/tables.so $@
