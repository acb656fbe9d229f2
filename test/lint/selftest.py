# SPDX-License-Identifier: MIT
"""A lint that cannot fail is worth nothing: small bad samples, each of which one rule must find, and good ones."""
import deadcode
import layout
import links
import rulebook
import rules
import truth

SPDX = "// SPDX-License-Identifier: MIT\n"

PUBLISH = """%svoid publish(void)
{
	/* order: data before flag. pairs with: %s. else: torn read */
	shared_store_release_u32(&flag, 1);
}
"""
READ = """%sint consume(void)
{
	/* order: flag before data. pairs with: %s. else: torn read */
	return shared_load_acquire_u32(&flag);
}
"""
GOOD_PAIR = {"smp/a.c": PUBLISH % (SPDX, "consume()"), "smp/b.c": READ % (SPDX, "publish()")}

ENTRY = {"x86/a.S": "\tcall used\n"}
CALLED = "int used(void)\n{\n\treturn 1;\n}\n\nint dead(int a)\n{\n\treturn a;\n}\n"

SIZED = "struct plan { int a; };\n_Static_assert(sizeof(struct plan) == 4, \"\");\n"
PERCPU = "_Static_assert(offsetof(struct percpu, gdt) == PERCPU_GDT, \"\");\n" \
    "_Static_assert(offsetof(struct percpu, index) == 8, \"\");\nstruct percpu { int a; };\n" \
    "_Static_assert(sizeof(struct percpu) <= 4096, \"\");\n"

BOOK = "| mm 1 | Flush. | | |\n| protocol 1 | Proof. | `deaf:2` | |\n| protocol 2 | Order. | | Because. |\n"
RULES = {"docs/rules.md": BOOK, "mm/mm.h": " *  1. Unlink\n", "test/mutants/mm/a.mutant": "rule: mm 1\n<<<<\n",
         "kernel/faults.h": " *   deaf:APICID   not\n", "test/system/test_a.py": "run('deaf:2')\n"}

MUTANT = {"test/mutants/mm/m.mutant": "file: mm/a.c\ntest: t_test good\n<<<<\na = 1;\n====\na = 2;\n>>>>\n",
          "mm/a.c": "int f(void);\na = 1;\n", "test/unit/mm/t_test.c": "T(good),\n"}

STATUS = "// SPDX\nSTATUS(E_A, 1, \"a\")\nSTATUS(E_B, 2, \"b\")\n"

# (name, rule function, tree, words that one finding must have; None: no finding at all)
SAMPLES = [
    ("arrow mm to kernel", rules.check_arrows,
     {"mm/a.c": '#include "kernel/log.h"\n', "kernel/log.h": ""}, "mm/ may not include kernel/log.h"),
    ("arrow kernel to efi", rules.check_arrows,
     {"kernel/a.c": '#include "efi/file.h"\n', "efi/file.h": ""}, "kernel/ may not include efi/file.h"),
    ("arrow tools to slot.h", rules.check_arrows,
     {"tools/a.c": '#include "purgatory/slot.h"\n', "purgatory/slot.h": ""}, "tools/ may not include"),
    ("flat include", rules.check_arrows, {"mm/a.c": '#include "mm.h"\n'}, "without its room"),
    ("libc in the image", rules.check_arrows, {"boot/a.c": "#include <stdio.h>\n"}, "<stdio.h>"),
    ("allowed arrows", rules.check_arrows,
     {"smp/a.c": '#include <stdint.h>\n#include "x86/cpu.h"\n', "x86/cpu.h": ""}, None),
    ("release without comment", rules.check_pairs,
     {"smp/a.c": "void f(void)\n{\n\tshared_store_release_u32(&x, 1);\n}\n"}, "without \"order:\""),
    ("comment too far away", rules.check_pairs,
     {"smp/a.c": "void f(void)\n{\n\t/* pairs with: f() */\n\n\n\n\n\tshared_fence_seq_cst();\n}\n"}, "within 4 lines"),
    ("comment without consequence", rules.check_pairs,
     {"smp/a.c": (PUBLISH % (SPDX, "publish()")).replace("else: torn read", "")}, "without \"else:\""),
    ("fence without comment", rules.check_fences, {"smp/a.c": "\tcpu_mfence();\n"}, "fence without \"order:\""),
    ("fence without partner", rules.check_fences, {"mm/a.c": "\t/* order: a before b. else: c */\n\tcpu_sfence();\n"},
     "fence without \"pairs with:\""),
    ("good fences", rules.check_fences,
     {"mm/a.c": "\t/* order: a before b. pairs with: the walker. else: c */\n\tcpu_mfence();\n\tcpu_lfence();\n"}, None),
    ("partner does not exist", rules.check_pairs, {"smp/a.c": PUBLISH % (SPDX, "nobody()")}, "nobody() does not exist"),
    ("partner does not name back", rules.check_pairs,
     {"smp/a.c": PUBLISH % (SPDX, "consume()"), "smp/b.c": READ % (SPDX, "consume()")}, "does not name publish() back"),
    ("no function named", rules.check_pairs, {"smp/a.c": PUBLISH % (SPDX, "the reader")}, "names no function"),
    ("a counter", rules.check_pairs,
     {"smp/a.c": "void f(void)\n{\n\t/* order: none, a counter */\n\tshared_add_seq_cst_u32(&x, 1);\n}\n"}, None),
    ("good pair", rules.check_pairs, GOOD_PAIR, None),
    ("number out of order", rules.check_status,
     {"lib/status.def": STATUS + "STATUS(E_C, 2, \"c\")\n", "docs/errors.md": "## E01 a\n## E02 b\n"}, "comes after"),
    ("number not explained", rules.check_status,
     {"lib/status.def": STATUS, "docs/errors.md": "## E01 a\n"}, "E02 is not explained"),
    ("number explained but gone", rules.check_status,
     {"lib/status.def": STATUS, "docs/errors.md": "## E01 a\n## E02 b\n## E03 c\n"}, "E03 is not in"),
    ("malformed status line", rules.check_status, {"lib/status.def": "STATUS(E_A 1)\n"}, "is not STATUS"),
    ("good numbers", rules.check_status,
     {"lib/status.def": STATUS, "docs/errors.md": "## E01 a\n## E02 b\n"}, None),
    ("no licence", rules.check_spdx, {"mm/a.c": "int a;\n"}, "no SPDX"),
    ("licence behind the interpreter", rules.check_spdx,
     {"tools/a.py": "#!/usr/bin/python3\n# SPDX-License-Identifier: MIT\n"}, None),
    ("long file", rules.check_text, {"mm/a.c": "int a;\n" * 501}, "501 lines"),
    ("wide line", rules.check_text, {"mm/a.c": "\t" * 14 + "int some_name;\n"}, "columns"),
    ("trailing blank", rules.check_text, {"mm/a.c": "int a; \n"}, "white space"),
    ("no last newline", rules.check_text, {"mm/a.c": "int a;"}, "no newline"),
    ("unfinished work", rules.check_text, {"mm/a.c": "/* TO" + "DO: later */\n"}, "later"),
    ("dead code", rules.check_text, {"mm/a.c": "#if " + "0\n#endif\n"}, "dead code"),
    ("long function", rules.check_functions, {"mm/a.c": "void f(void)\n{\n" + "\tg();\n" * 60 + "}\n"}, "f() has 63"),
    ("short function", rules.check_functions, {"mm/a.c": "void f(void)\n{\n" + "\tg();\n" * 50 + "}\n"}, None),
    ("instruction in a pure room", rules.check_pure, {"mm/a.c": '__asm__ volatile("hlt");\n'}, "outside of the seam"),
    ("volatile in a pure room", rules.check_pure, {"smp/a.c": "volatile int a;\n"}, "volatile"),
    ("conditional code", rules.check_pure, {"boot/a.c": "#ifdef HOST\n#endif\n"}, "conditional"),
    ("struct of the ABI without size", layout.check_layout, {"purgatory/plan.h": SIZED + "struct x {\n\tint a;\n};\n"},
     "struct x has no static assert"),
    ("one-line struct without size", layout.check_layout, {"purgatory/slot.h": "struct x { int a[2]; };\n"}, "struct x has no"),
    ("packed struct without size", layout.check_layout,
     {"efi/a.c": "struct x {\n\tint a;\n} __attribute__((packed));\n"}, "struct x has no static assert"),
    ("packed struct without name", layout.check_layout,
     {"efi/a.c": "\tstruct { int a; } __attribute__((packed)) x;\n"}, "without a name"),
    ("listed struct gone", layout.check_layout, {"x86/idt.c": "int a;\n"}, "struct gate is listed"),
    ("assert in a comment", layout.check_layout,
     {"purgatory/plan.h": "struct x { int a; };\n/* _Static_assert(sizeof(struct x) == 4, \"\"); */\n"}, "struct x has no"),
    ("offset that nothing asserts", layout.check_layout,
     {"x86/a.S": "\tlgdt\tPERCPU_GDTR(%rdi)\n", "x86/percpu.h": PERCPU}, "PERCPU_GDTR: no static assert"),
    ("offset in a sum", layout.check_layout,
     {"x86/a.S": "1:\tmovl\t$3, PERCPU_GDT + OTHER(%rdi)\n", "x86/percpu.h": PERCPU}, "OTHER: no static assert"),
    ("parameter that nothing asserts", layout.check_layout, {"x86/a.S": "\tlgdtl\tPARAM(TP_X)\n"}, "TP_X: no static"),
    ("number for an offset", layout.check_layout, {"x86/a.S": "\tmovq\t8(%rsi), %rsp\n"}, "without a name: 8(%rsi)"),
    ("number added to an offset", layout.check_layout,
     {"x86/a.S": "\tandb\t$~2, PERCPU_GDT + 5(%rdi)\n", "x86/percpu.h": PERCPU}, "without a name"),
    ("first member without a name", layout.check_layout, {"x86/a.S": "\tcmpl\t%eax, (%rsi)\n"}, "without a name: (%rsi)"),
    ("GS offset that nothing asserts", layout.check_layout,
     {"x86/cpu.h": '\t__asm__("movl %%gs:16, %0");\n', "x86/percpu.h": PERCPU}, "%gs:16: no static assert"),
    ("good layout", layout.check_layout,
     {"purgatory/plan.h": SIZED, "x86/percpu.h": PERCPU, "x86/cpu.h": '\t__asm__("movl %%gs:8, %0");\n',
      "x86/a.S": "#define X 5(%rdi)\n\tlgdt\tPERCPU_GDT(%rdi)\t/* 8(%rsi) */\n\tmovq\t8(%rsp), %rax\n"}, None),
    ("mutant that no longer applies", rulebook.check_mutants, {**MUTANT, "mm/a.c": "b = 1;\n"}, "0 places in mm/a.c"),
    ("mutant that applies twice", rulebook.check_mutants, {**MUTANT, "mm/a.c": "a = 1;\na = 1;\n"}, "2 places in mm/a.c"),
    ("mutant of a file that is gone", rulebook.check_mutants, {k: v for k, v in MUTANT.items() if k != "mm/a.c"}, "no mm/a.c"),
    ("mutant whose case is gone", rulebook.check_mutants, {**MUTANT, "test/unit/mm/t_test.c": "other"}, "no case good"),
    ("good mutant", rulebook.check_mutants, MUTANT, None),
    ("rule without a mutant", rulebook.check_rulebook, {**RULES, "test/mutants/mm/a.mutant": "<<<<\nrule: mm 1\n"},
     "mm 1: no mutant"),
    ("mutant of no rule", rulebook.check_rulebook, {**RULES, "test/mutants/b.mutant": "rule: protocol 9\n"}, "'protocol 9' is not"),
    ("fault word that does not exist", rulebook.check_rulebook, {**RULES, "kernel/faults.h": ""}, "has no fault word deaf:2"),
    ("fault word that no test uses", rulebook.check_rulebook, {**RULES, "test/system/test_a.py": ""}, "no test under"),
    ("reason no longer needed", rulebook.check_rulebook, {**RULES, "test/mutants/b.mutant": "rule: protocol 2\n"},
     "protocol 2: has a mutant"),
    ("rule left out of the book", rulebook.check_rulebook, {**RULES, "docs/rules.md": BOOK + "| protocol 4 | X. | | No. |\n"},
     "protocol 4 is not the next one"),
    ("malformed rule", rulebook.check_rulebook, {**RULES, "docs/rules.md": BOOK + "| protocol 3 | X. |\n"}, "not understood"),
    ("comment of no protocol rule", rulebook.check_rulebook, {**RULES, "smp/a.c": "/* rules 1, 3 */\n"}, "protocol rule 3 is"),
    ("comment of no mm rule", rulebook.check_rulebook, {**RULES, "mm/a.c": "/* rule 2 */\n"}, "mm rule 2 is not"),
    ("contract without its rule", rulebook.check_rulebook, {**RULES, "mm/mm.h": ""}, "but docs/rules.md has 1"),
    ("no book", rulebook.check_rulebook, {}, "missing"),
    ("good rules", rulebook.check_rulebook, {**RULES, "smp/a.c": "/* protocol rules 1 and 2 */\n"}, None),
    ("symbol that the link lacks", lambda nm: links.check_undefined("block.elf", nm), "                 U memcpy\n",
     "undefined symbol memcpy"),
    ("closed link", lambda nm: links.check_undefined("block.elf", nm), "\n", None),
    ("object that calls nobody's", lambda objects: links.check_objects({}, objects), {"kernel/a.c": ({"f"}, {"__udivti3"})},
     "__udivti3 is defined nowhere"),
    ("pure room that calls past its headers", lambda objects: links.check_objects({"kernel/k.h": "void k(void);"}, objects),
     {"mm/a.c": ({"f"}, {"k"}), "kernel/k.c": ({"k"}, set())}, "k() is in no header that mm/ may include"),
    ("closed objects", lambda objects: links.check_objects({"lib/l.h": "void l(void);", "a.lds": "__end = .;"}, objects),
     {"kernel/a.c": ({"f"}, {"l", "__end"}), "mm/a.c": ({"g"}, {"l"}), "lib/l.c": ({"l"}, set())}, None),
    ("build that is missing", lambda build: links.check_links({}, build), "/nonexistent", "not built"),
    ("function nobody calls", deadcode.check_dead, {"lib/a.c": CALLED, "lib/a.h": "int used(void);\nint dead(int a);\n",
                                                   "test/unit/lib/a_test.c": "dead();\n", **ENTRY}, "never reaches dead()"),
    ("function that only dead ones call", deadcode.check_dead,
     {"lib/a.c": CALLED + "int dead2(void)\n{\n\treturn dead(1);\n}\n", "test/a.c": "dead2();", **ENTRY}, "never reaches dead()"),
    ("one-line function nobody calls", deadcode.check_dead, {"lib/a.c": "int dead(void) { return 1; }\n"}, "never reaches dead"),
    ("comment is no call", deadcode.check_dead, {"lib/a.c": CALLED + "/* dead() */\n", **ENTRY}, "never reaches dead()"),
    ("only its own file", deadcode.check_dead,
     {"lib/a.c": CALLED + "int go(void)\n{\n\treturn dead(1);\n}\n", "x86/a.S": "\tcall go\n\tcall used\n"}, "dead(): static"),
    ("excuse no longer needed", deadcode.check_dead,
     {"smp/a.c": "bool cpu_state_text(int i)\n{\n}\n", "x86/a.S": "\tcall cpu_state_text\n"}, "cpu_state_text is within reach"),
    ("excused, called and by pointer", deadcode.check_dead,
     {"smp/a.c": "bool cpu_state_text(int i)\n{\n}\nint shown(int i)\n{\n\treturn 1;\n}\n",
      "smp/b.c": "static int (*const f[])(int) = { shown };\n"}, None),
    ("reference that the page forgets", deadcode.check_dead,
     {"mm/a.c": CALLED, "docs/mm.md": "- Reference only: `space_x()`. More.\n", **ENTRY}, "dead() has no caller outside tests"),
    ("reference that the program calls", deadcode.check_dead,
     {"mm/a.c": CALLED, "docs/mm.md": "- Reference only: `dead()`, `used()`. More.\n", **ENTRY}, "says that used() is for"),
    ("reference as the page has it", deadcode.check_dead,
     {"mm/a.c": CALLED, "docs/mm.md": "- Reference only: its\n  `dead()`. Not `used()`.\n", **ENTRY}, None),
    ("event without a line", truth.check_truth, {"kernel/a.c": 'log_event("new", "a=1");\n'}, "event new is not in"),
    ("event printed by hand", truth.check_truth, {"purgatory/a.c": 'say("event=old code");\n'}, "event old is not in"),
    ("event that is gone", truth.check_truth, {"docs/serial.md": "| `gone`, `x` | | |\n\nVerdicts: A\n"}, "prints event gone"),
    ("file that is gone", truth.check_truth, {"docs/a.md": "See `mm/old.c`.\n"}, "there is no mm/old.c"),
    ("function that is gone", truth.check_truth, {"README.md": "`old_name()` does it\n"}, "there is no old_name()"),
    ("true words", truth.check_truth, {"docs/serial.md": "| `door` | `x` | |\n\nVerdicts: `mm/a.c`, `f()`\n",
                                       "mm/a.c": "void f(void);\n", "kernel/a.c": 'log_event("door", "x");\n'}, None),
    ("guard and comment are fine", rules.check_pure, {"mm/a.h": "#ifndef MM_A_H\n/* volatile asm */\n#endif\n"}, None),
]


def run():
    failed = 0
    for name, rule, tree, words in SAMPLES:
        findings = [str(f) for f in rule(tree)]
        good = not findings if words is None else any(words in f for f in findings)
        if not good:
            failed += 1
            print("lint self-test: %s: wanted %s, got %s" % (name, words or "nothing", findings))
    print("lint self-test: %d samples, %d failed" % (len(SAMPLES), failed))
    return 1 if failed else 0
