# SPDX-License-Identifier: MIT
# Host tools and the targets for people: run, shell, usb, gdb, screenshots, deps, bench, help.

HOSTCFLAGS ?= -std=gnu11 -O2 -g $(WARN) -I.
CACHE      ?= $(O)/cache
RUN        := $(O)/run
REPORT_SRC := tools/report_view.c tools/report_judge.c tools/report_table.c tools/report_json.c \
	tools/report_refusal.c lib/date.c lib/fmt.c

# What is booted: Debian's kernel unless KERNEL= is given; INITRD= replaces the initramfs of the tests. The module of
# initrd.img fits Debian's kernel only. A given file is no prerequisite: tools/mkimage.py says if it is missing.
DEBIAN     := $(CACHE)/kernel
KERNEL     ?= $(DEBIAN)/vmlinuz
INITRD     ?= $(RUN)/$(if $(filter $(DEBIAN)/vmlinuz,$(KERNEL)),initrd,initrd-plain).img
BOOTED     := $(filter $(DEBIAN)/vmlinuz $(RUN)/%,$(KERNEL) $(INITRD))
APPEND     ?= console=tty0 console=ttyS0,115200 panic=-1
CONF       ?= console ttyS0,115200
PARK       ?= mix

# APPEND and CONF reach the recipes as variables of the shell, so that quotes in them stay what they are.
export SMP MEM ACCEL CPU QEMU OVMF QEMU_ARGS GUI YES APPEND CONF

$(O)/tools/baton-report: tools/baton-report.c $(REPORT_SRC) tools/report_view.h purgatory/report.h lib/date.h
	@mkdir -p $(@D)
	$(HOSTCC) $(HOSTCFLAGS) -static -o $@ tools/baton-report.c $(REPORT_SRC)

GUEST_PROGRAMS := $(O)/tools/efivar-test $(O)/tools/pattern-test
$(GUEST_PROGRAMS): $(O)/tools/%: tools/guest/%.c
	@mkdir -p $(@D)
	$(HOSTCC) $(HOSTCFLAGS) -static -o $@ $<

$(DEBIAN)/vmlinuz $(DEBIAN)/modules/order &:
	@mkdir -p $(DEBIAN)
	tools/kernel.sh $(DEBIAN)

# kexec-tools for the guest of the tests, and for whoever wants to try the bundle.
KEXEC := $(CACHE)/kexec
$(KEXEC)/sbin/kexec:
	tools/kexec.sh $(KEXEC)

INITRD_NEEDS := tools/guest/init tools/mkinitramfs.py tools/cpio.py $(O)/tools/baton-report $(GUEST_PROGRAMS)
MAKE_INITRD   = $(PYTHON) tools/mkinitramfs.py $@ --init tools/guest/init \
	--add $(O)/tools/baton-report:bin/baton-report $(foreach p,$(GUEST_PROGRAMS),--add $(p):bin/$(notdir $(p)))

$(RUN)/initrd.img: $(INITRD_NEEDS) | $(DEBIAN)/vmlinuz
	@mkdir -p $(@D)
	$(MAKE_INITRD) --add $(DEBIAN)/efivarfs.ko:efivarfs.ko

# Debian's kernel for virtual machines: LZ4 instead of XZ, fewer drivers, so a boot takes two thirds of the time.
# The system tests start it where they do not say otherwise.
CLOUD := $(CACHE)/kernel-cloud-amd64
$(CLOUD)/vmlinuz:
	@mkdir -p $(CLOUD)
	tools/kernel.sh $(CLOUD) cloud-amd64

$(RUN)/initrd-cloud.img: $(INITRD_NEEDS) | $(CLOUD)/vmlinuz
	@mkdir -p $(@D)
	$(MAKE_INITRD) --add $(CLOUD)/efivarfs.ko:efivarfs.ko

# Without the module: the guest says efivar=fail:mount unless the kernel has efivarfs built in.
$(RUN)/initrd-plain.img: $(INITRD_NEEDS)
	@mkdir -p $(@D)
	$(MAKE_INITRD)

# The Linux pass of a soak on a stick. Modules fit Debian's kernel only.
PASS_IMG := $(RUN)/pass.img
$(PASS_IMG): tools/guest/pass tools/mkinitramfs.py tools/cpio.py $(O)/tools/baton-report tools/baton-kexec \
		$(KEXEC)/sbin/kexec $(DEBIAN)/modules/order
	@mkdir -p $(@D)
	LD_LIBRARY_PATH=$(abspath $(KEXEC))/lib $(PYTHON) tools/mkinitramfs.py $@ --init tools/guest/pass \
		--add $(O)/tools/baton-report:bin/baton-report --add tools/baton-kexec:bin/baton-kexec \
		--program $(KEXEC)/sbin/kexec:bin/kexec --tree $(DEBIAN)/modules:modules

# The packages come first, before anything is compiled or fetched; then the same with them in place.
.PHONY: run shell gdb usb screenshots
run shell gdb usb screenshots: deps-run
	@$(MAKE) --no-print-directory do-$@

# Folders soak/<UTC>-<seed>/, that `make clean` leaves alone. The self-check needs the faults build.
.PHONY: soak
soak: deps-run
	@$(MAKE) --no-print-directory -s $(O)/baton.efi faults $(O)/tools/baton-report \
		$(if $(filter linux mixed,$(MODE)),$(KEXEC)/sbin/kexec $(filter $(DEBIAN)/vmlinuz,$(KERNEL)))
	tools/baton-soak $(if $(HOURS),--hours $(HOURS),--loops $(or $(LOOPS),1000)) $(if $(SMP),--smp $(SMP)) \
		$(if $(MEM),--mem $(MEM)) $(if $(SEED),--seed $(SEED)) $(if $(GEN),--gen $(GEN)) \
		$(if $(PATTERN),--pattern $(PATTERN)) $(if $(MODE),--mode $(MODE)) \
		$(if $(filter linux mixed,$(MODE)),--kernel $(KERNEL))

# Always rebuilt: its content depends on variables.
.PHONY: run-image
run-image: $(O)/baton.efi $(BOOTED)
	@mkdir -p $(RUN)
	$(PYTHON) tools/mkimage.py $(RUN)/disk.img --baton $(O)/baton.efi --kernel $(KERNEL) --initrd $(INITRD) \
		--append "$$APPEND$(APPEND_EXTRA)" --conf "$$CONF" --conf "park $(PARK)"

.PHONY: do-run do-shell do-gdb
do-run: run-image
	@$(PYTHON) tools/run.py $(RUN)/disk.img $(RUN)

do-shell: APPEND_EXTRA := $() guest.shell
do-shell: run-image
	@$(PYTHON) tools/run.py $(RUN)/disk.img $(RUN) --shell

do-gdb: run-image
	@echo "Attach: gdb -ex 'target remote :1234' $(O)/baton.elf"
	@echo "then:   add-symbol-file $(O)/baton.elf -o IMAGE   with image= of the line event=door"
	@$(PYTHON) tools/run.py $(RUN)/disk.img $(RUN) --gdb

# KERNEL= INITRD= APPEND= as for run, or ENTRY=dir: a directory that is copied to the partition as it is.
.PHONY: do-usb
do-usb: $(O)/baton.efi $(if $(ENTRY),,$(BOOTED) $(if $(PASS),$(PASS_IMG)))
	$(PYTHON) tools/mkimage.py $(O)/baton-usb.img --bios --baton $(O)/baton.efi \
		$(if $(ENTRY),$(foreach d,$(ENTRY),--tree $(d)),--kernel $(KERNEL) --initrd $(INITRD) \
		--append "$$APPEND" --conf "$$CONF" --timeout 5 --soak-hours $(or $(HOURS),8) \
		$(if $(PASS),--soak-pass $(PASS) --soak-initrd $(PASS_IMG)))
	@echo "Write it with: dd if=$(O)/baton-usb.img of=/dev/sdX bs=4M conv=fsync   (the whole of sdX is overwritten)"

# What Baton reads behind kexec, QEMU -kernel or a BIOS loader; variables as for usb.
.PHONY: bundle
bundle: $(if $(ENTRY),,$(BOOTED))
	tools/baton-bundle $(O)/bundle.cpio --file $(O)/baton.efi:baton.efi \
		$(if $(ENTRY),$(foreach d,$(ENTRY),--tree $(d)),--kernel $(KERNEL) \
		--initrd $(INITRD) --append "$$APPEND" --conf "$$CONF" --conf "park $(PARK)")

.PHONY: do-screenshots
do-screenshots: $(O)/baton.efi $(BOOTED)
	@mkdir -p $(O)/screenshots
	$(PYTHON) tools/mkimage.py $(O)/screenshots/disk.img --baton $(O)/baton.efi --kernel $(KERNEL) --timeout 30 \
		--initrd $(INITRD) --append "console=ttyS0,115200 console=tty0 guest.shell quiet" --conf "$$CONF" \
		--conf "park $(PARK)"
	$(PYTHON) tools/screenshots.py $(O)/screenshots/disk.img $(O)/screenshots

# Packages: everything at once by hand, per use on the way.
.PHONY: deps deps-run deps-test deps-bench
deps:
	@tools/deps.sh build run test bench
deps-run:
	@tools/deps.sh build run
deps-test:
	@tools/deps.sh build run test
deps-bench:
	@tools/deps.sh build run bench

.PHONY: bench
bench: $(O)/baton.efi nohash $(filter $(DEBIAN)/vmlinuz,$(KERNEL)) $(RUN)/initrd.img | deps-bench
	$(MAKE) --no-print-directory bench-sha256 | tee $(O)/bench-sha256.txt
	$(MAKE) --no-print-directory bench-mm
	$(MAKE) --no-print-directory bench-flush
	$(MAKE) --no-print-directory bench-handover
	$(MAKE) --no-print-directory bench-generation
	$(MAKE) --no-print-directory bench-smp
	$(PYTHON) test/bench/bench.py --out $(O)/bench --baton $(O)/baton.efi --nohash $(O)/baton-nohash.efi \
		--kernel $(KERNEL) $(BENCH_ARGS)

.PHONY: bench-handover
## bench-handover: from "go" to the next kernel's first instruction beside kexec -e; VERIFY on one CPU and on two
bench-handover: $(O)/baton.efi $(O)/probe/probe.bin $(KEXEC)/sbin/kexec $(DEBIAN)/vmlinuz $(RUN)/initrd.img | deps-bench
	$(PYTHON) -B test/bench/handover.py --out $(O)/bench $(HANDOVER_ARGS)

.PHONY: bench-generation
## bench-generation: one generation of Baton starting Baton beside one of Linux starting Linux by kexec
bench-generation: $(O)/baton.efi $(KEXEC)/sbin/kexec $(DEBIAN)/vmlinuz $(RUN)/initrd.img | deps-bench
	$(PYTHON) -B test/bench/generation.py --out $(O)/bench $(GENERATION_ARGS)

.PHONY: bench-smp
## bench-smp: CPUs taken, kicked, offline and online again at SMP 4, 16 and 64, beside Linux's sysfs on the same machine
bench-smp: $(O)/baton.efi $(filter $(DEBIAN)/vmlinuz,$(KERNEL)) $(RUN)/initrd.img | deps-bench
	$(PYTHON) -B test/bench/smp.py --out $(O)/bench $(SMP_BENCH_ARGS)

# Linux -> kexec -> Baton -> Linux, by hand: a pass takes some 10 s. In make test: test/system/test_linux_loop.py.
.PHONY: linux-loop
linux-loop: $(O)/baton.efi $(O)/tools/baton-report $(KEXEC)/sbin/kexec $(filter $(DEBIAN)/vmlinuz,$(KERNEL)) | deps-run
	$(PYTHON) tools/linux_loop.py $(O)/linux-loop --kernel $(KERNEL) --passes $(or $(PASSES),30) \
		$(if $(SMP),--smp $(SMP)) $(if $(MEM),--mem $(MEM))

.PHONY: help
help:
	@sed -n 's/^| `\(make[^`]*\)` | \(.*\) |$$/\1: \2/p' README.md | tr -d '`'
