# SPDX-License-Identifier: MIT
"""The menu over a serial line: keys in, text out. No kernel is started but where a test says so: an entry whose kernel
is missing shows by its error line which entry was chosen."""
import os
import re
import time

import mkimage
from harness import BATON, BOOT_S, FIRMWARE_S, MENU, finish, machine, problem_pattern, write_disk

DOWN, ESC = "\x1b[B", "\x1b"
PAGE_S = 20


def entry(*lines):
    return ("\n".join(lines) + "\n").encode()


def menu_disk(tmp_path, entries, loader="timeout 30\n", xbootldr=None):
    """entries: {file name: text}. Nothing else but Baton and loader.conf is on the disk."""
    files = {"/EFI/BOOT/BOOTX64.EFI": BATON, "/loader/loader.conf": loader.encode()}
    files.update({"/loader/entries/" + name: text for name, text in entries.items()})
    path = str(tmp_path / "disk.img")
    mkimage.make_image(path, files, xbootldr=xbootldr)
    return path


def three(*, names=("a.conf", "b.conf", "c.conf")):
    return {name: entry("title Choice " + name[0], "sort-key " + name[0], "linux /gone-" + name[0]) for name in names}


def test_countdown_then_the_default(tmp_path):
    with machine(tmp_path, menu_disk(tmp_path, three(), "timeout 4\ndefault b.conf\n")) as vm:
        vm.wait_for("Starting in 4 s", FIRMWARE_S)
        vm.wait_for("Starting in 2 s", PAGE_S)
        vm.wait_for(problem_pattern(20) + "/gone-b", PAGE_S)
        vm.wait_for(MENU, PAGE_S)


def test_arrow_and_enter(tmp_path):
    with machine(tmp_path, menu_disk(tmp_path, three())) as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        vm.send(DOWN)
        vm.send(DOWN)
        vm.send("\r")
        vm.wait_for(problem_pattern(20) + "/gone-c", PAGE_S)


def test_key_stops_the_clock(tmp_path):
    """Not the default but the entry that was moved to."""
    with machine(tmp_path, menu_disk(tmp_path, three(), "timeout 6\n")) as vm:
        vm.wait_for("Starting in", FIRMWARE_S)
        vm.send("j")
        vm.wait_for("Choice b", PAGE_S)
        vm.send("\r")
        vm.wait_for(problem_pattern(20) + "/gone-b", PAGE_S)


def test_pages(tmp_path):
    with machine(tmp_path, menu_disk(tmp_path, three())) as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        vm.send("h")
        vm.wait_for("leave Baton", PAGE_S)
        vm.send(" ")
        vm.send("p")
        vm.wait_for("Secure Boot off", PAGE_S)
        vm.wait_for("linux +/gone-a", PAGE_S)
        assert re.search("machine +QEMU", vm.text())


def stop_reading(vm, room):
    """From here on the guest finds a terminal that takes room bytes more and then nothing."""
    vm.may_read.clear()
    pipe = os.open(os.path.join(vm.sockets, "serial.out"), os.O_WRONLY | os.O_NONBLOCK)
    os.write(pipe, b"\n")            # the reader, already waiting, takes this one and then stands
    time.sleep(0.1)
    os.write(pipe, b"\n" * (vm.pipe_bytes - room))
    os.close(pipe)


def test_a_slow_terminal_loses_no_text(tmp_path):
    """EDK2's serial driver drops the rest of a string when its port is busy for longer than two characters take."""
    with machine(tmp_path, menu_disk(tmp_path, three()), pipe_bytes=4096) as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        stop_reading(vm, 150)
        vm.send("h")
        time.sleep(0.3)
        vm.may_read.set()
        vm.wait_for("Any key goes back", PAGE_S)
        for line in ("choose an entry", "start it", "edit its options, for this start only", "make it the default",
                     "status: firmware, machine, settings", "restart into the firmware's setup", "this page",
                     "leave Baton, back to the firmware"):
            assert line in vm.text(), "the help page lacks: " + line


def test_editor_can_be_switched_off(tmp_path):
    with machine(tmp_path, menu_disk(tmp_path, three(), "timeout 30\neditor no\n")) as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        vm.send("e")
        vm.wait_for("editor is switched off", PAGE_S)


def test_an_unusable_entry_is_no_default(tmp_path):
    """What sorts first would be it; an unattended machine must not end in the menu for another entry's typing error."""
    entries = {"a.conf": entry("title Choice a", "sort-key a", "linux /gone-a", "baton-prak mix"),
               "b.conf": entry("title Choice b", "sort-key b", "linux /gone-b", "architecture aa64"),
               "c.conf": entry("title Choice c", "sort-key c", "linux /gone-c")}
    with machine(tmp_path, menu_disk(tmp_path, entries, "timeout 1\ndefault *\n")) as vm:
        vm.wait_for(problem_pattern(20) + "/gone-c", FIRMWARE_S)


def test_each_file_tells_its_first_bad_line(tmp_path):
    disk = str(tmp_path / "disk.img")
    files = {"/EFI/BOOT/BOOTX64.EFI": BATON, "/loader/loader.conf": b"timeout 30\neditor maybe\n",
             "/loader/baton.conf": b"park sideways\nbrake hard\n"}
    files.update({"/loader/entries/" + name: text for name, text in three().items()})
    mkimage.make_image(disk, files)
    with machine(tmp_path, disk) as vm:
        vm.wait_for(problem_pattern(12) + ".*loader.conf:2", FIRMWARE_S)
        vm.wait_for(problem_pattern(12) + ".*baton.conf:1", PAGE_S)


def test_broken_entry_is_shown_and_explained(tmp_path):
    entries = {**three(), "d.conf": entry("title Choice d", "sort-key d", "nothing here")}
    with machine(tmp_path, menu_disk(tmp_path, entries, "timeout 30\ndefault d.conf\n")) as vm:
        vm.wait_for(r"\[not usable\]", FIRMWARE_S)
        vm.wait_for(MENU, PAGE_S)
        vm.send("\r")
        vm.wait_for(problem_pattern(13) + ".*d.conf", PAGE_S)


def test_marks_survive_a_long_title(tmp_path):
    title = "Choice d " + "long " * 23
    entries = {**three(), "d.conf": entry("title " + title, "sort-key d", "nothing here"),
               "e.conf": entry("title " + title, "sort-key e", "linux /gone-e")}
    with machine(tmp_path, menu_disk(tmp_path, entries)) as vm:
        vm.wait_for(r"Choice d [a-z ]*\(d.conf\) \[not usable\]", FIRMWARE_S)
        vm.wait_for(r"Choice d [a-z ]*\(e.conf\)", PAGE_S)


def test_alike_in_title_and_version(tmp_path):
    """Then the id tells which is which; where versions differ, they do."""
    alike = [entry("title Debian", "version " + v, "sort-key " + k, "linux /gone") for k, v in
             (("a", "6.1"), ("b", "6.1"), ("c", "6.12"))]
    with machine(tmp_path, menu_disk(tmp_path, dict(zip(("a.conf", "b.conf", "c.conf"), alike)))) as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        text = vm.text()
    for row in ("Debian (a.conf)", "Debian (b.conf)", "Debian (6.12)"):
        assert row in text, text


def test_a_long_list_says_so(tmp_path):
    names = ["e%02d.conf" % i for i in range(40)]
    entries = {n: entry("title Choice " + n[:3], "sort-key " + n, "linux /gone-" + n[:3]) for n in names}
    with machine(tmp_path, menu_disk(tmp_path, entries)) as vm:
        _, first = vm.wait_for(r"\(1 to (\d+) of 40 entries\)", FIRMWARE_S)
        vm.wait_for(MENU, PAGE_S)
        vm.send("\x1b[F")
        vm.wait_for(r"\(%d to 40 of 40 entries\)" % (41 - int(first[1])), PAGE_S)


def test_tries_are_shown_and_bad_ones_are_last(tmp_path):
    entries = {**three(names=("b.conf", "a+0-3.conf")), "c+2-1.conf": entry("title Choice c", "sort-key c", "linux /gone-c")}
    with machine(tmp_path, menu_disk(tmp_path, entries)) as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        text = vm.text()
    assert text.index("Choice b") < text.index("Choice c [2 tries left]") < text.index("Choice a [0 tries left]")


def test_entries_of_the_extended_partition(tmp_path):
    """Paths of its entries are its own: the kernel of /loader/entries/x.conf there is looked for there."""
    xbootldr = {"/loader/entries/x.conf": entry("title Choice x", "sort-key x", "linux /on-boot"), "/on-boot": bytes(5000)}
    disk = menu_disk(tmp_path, three(), "timeout 30\ndefault x.conf\n", xbootldr)
    with machine(tmp_path, disk) as vm:
        vm.wait_for("Choice x", FIRMWARE_S)
        vm.wait_for(MENU, PAGE_S)
        vm.send("\r")
        vm.wait_for(problem_pattern(23) + ".*on-boot", PAGE_S)


def test_default_is_kept_over_a_restart(tmp_path):
    """d writes a variable, the next start obeys it; f restarts the machine."""
    disk = menu_disk(tmp_path, three())
    with machine(tmp_path, disk, name="first") as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        vm.send(DOWN)
        vm.send("d")
        vm.wait_for("b.conf is the default", PAGE_S)
    with machine(tmp_path, disk, name="second", vars_file=str(tmp_path / "first" / "vars.fd")) as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        vm.send("\r")
        vm.wait_for(problem_pattern(20) + "/gone-b", PAGE_S)


def test_setup_request_restarts(tmp_path):
    with machine(tmp_path, menu_disk(tmp_path, three())) as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        vm.send("f")
        assert vm.wait_exit(PAGE_S) == "guest-reset"


def test_quit_goes_back_to_firmware(tmp_path):
    with machine(tmp_path, menu_disk(tmp_path, three())) as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        vm.send("Q")
        vm.wait_for("BdsDxe|UEFI Interactive Shell|Boot Manager|PXE", 60)


def test_edited_options_reach_linux(tmp_path):
    """The one test here that starts a kernel: a word is typed behind the options."""
    disk = write_disk(str(tmp_path / "disk.img"), timeout=30)
    with machine(tmp_path, disk) as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        vm.send("e")
        vm.wait_for("Options of", PAGE_S)
        vm.send(" typed_word=1\r")
        vm.wait_for("Command line:.*typed_word=1", BOOT_S)
        finish(vm, BOOT_S)


def test_escape_leaves_the_editor(tmp_path):
    with machine(tmp_path, menu_disk(tmp_path, three())) as vm:
        vm.wait_for(MENU, FIRMWARE_S)
        vm.send("e")
        vm.wait_for("Options of a.conf", PAGE_S)
        vm.send(ESC)
        vm.wait_for("Enter boot", PAGE_S)
        assert "Baton: E" not in vm.text()
