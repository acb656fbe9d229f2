# SPDX-License-Identifier: MIT
# The state probe: a next kernel of our own, for the tests of the state that a handover leaves.


$(O)/probe/probe.bin: test/probe/entry.S test/probe/probe.c test/probe/probe.lds test/probe/probe.mk | $(O)/gen/identity.h
	@mkdir -p $(@D)
	$(CC) $(FREESTANDING) -c -o $(O)/probe/entry.o test/probe/entry.S
	$(CC) $(FREESTANDING) -c -o $(O)/probe/probe.o test/probe/probe.c
	$(LD) $(LDFLAGS_PIE) -T test/probe/probe.lds -o $(O)/probe/probe.elf $(O)/probe/entry.o $(O)/probe/probe.o
	@! readelf -rW $(O)/probe/probe.elf | grep R_X86_64
	$(OBJCOPY) -O binary -j .header -j .text $(O)/probe/probe.elf $@
