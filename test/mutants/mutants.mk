# SPDX-License-Identifier: MIT
# Checks of the checks: mutants of the pure rooms, and line coverage.

.PHONY: mutants coverage-mm
## mutants: each file of test/mutants/ changed one thing that a named unit test must notice (MUTANT=mm/name: only that)
mutants: $(call unit_bin,gcc)
	@$(PYTHON) test/mutants/run.py $(O) gcc '$(filter-out -MMD -MP,$(CFLAGS_UNIT))' '-lcmocka -lcrypto' $(MUTANT)

COVERAGE_FLAGS := -std=gnu11 -O0 -fno-strict-aliasing --coverage $(WARN) -Itest/twin -I.
## coverage-mm: lines of mm/ that its unit tests run; fails below 100%
coverage-mm:
	@rm -rf $(O)/coverage-mm
	@mkdir -p $(O)/coverage-mm
	@for f in mm/*.c lib/status.c lib/fmt.c test/twin/twin.c test/unit/mm/machine.c; do \
		gcc $(COVERAGE_FLAGS) -c -o $(O)/coverage-mm/$$(echo $$f | tr / -).o $$f || exit 1; done
	@for f in test/unit/mm/*_test.c; do p=$(O)/coverage-mm/$$(basename $$f .c); \
		gcc $(COVERAGE_FLAGS) -o $$p $$f $(O)/coverage-mm/*.c.o -lcmocka && $$p >$$p.log 2>&1 || \
		{ cat $$p.log; exit 1; }; done
	@$(PYTHON) test/mutants/coverage.py $(O)/coverage-mm mm
