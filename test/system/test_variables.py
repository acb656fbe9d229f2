# SPDX-License-Identifier: MIT
"""What the started system finds of its loader: the Boot Loader Interface's variables, the counted try, the seed."""
import re

import mkimage
from harness import APPEND, BOOT_S, CLOUD, CLOUD_INITRD, finish, machine, write_disk

GUID = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
SHOW = ("for f in /sys/firmware/efi/efivars/Loader*; do "
        "echo var=${f##*/}=$(tail -c +5 $f | tr -d '\\000' | tr '\\r\\n' '  '); done\n")


def loader_variables(tmp_path, entry_name, text):
    """Boots to the guest's shell with one entry file of that name; returns ({variable: text}, serial text)."""
    disk = write_disk(str(tmp_path / "disk.img"), change={
        "/loader/entries/debian.conf": None, "/loader/entries/" + entry_name: text.encode(),
        "/loader/loader.conf": b"timeout 0\n"})
    with machine(tmp_path, disk) as vm:
        vm.wait_for("A shell on this console", BOOT_S)
        vm.send(SHOW)
        vm.send("dmesg | grep -e crng -e RNG; echo all-of-it\n")
        vm.wait_for("^all-of-it", 60)
        vm.send("exit\n")
        result = finish(vm, BOOT_S)
    return dict(re.findall(r"^var=(\w+)-%s=(.*)$" % GUID, result.text, re.M)), result.text


def entry_text():
    return mkimage.entry_text("Debian", (CLOUD, "/debian/vmlinuz"), [(CLOUD_INITRD, "/debian/initrd.img")],
                              APPEND + " guest.shell", True)


def test_interface(tmp_path):
    variables, text = loader_variables(tmp_path, "shell.conf", entry_text())
    assert variables["LoaderInfo"].startswith("baton "), variables
    assert variables["LoaderEntrySelected"] == "shell.conf"
    assert variables["LoaderEntries"] == "shell.conf"
    assert variables["LoaderDevicePartUUID"].lower() == mkimage.PARTITION_GUID
    assert variables["LoaderFirmwareType"].startswith("UEFI 2.")
    times = [int(variables["LoaderTime%sUSec" % name]) for name in ("Init", "Menu", "Exec")]
    assert 0 < times[0] <= times[1] <= times[2]
    assert "LoaderBootCountPath" not in variables
    assert re.search(r"efi:.*RNG=0x", text), "Linux did not find the seed table"


def test_a_try_is_counted(tmp_path):
    variables, _ = loader_variables(tmp_path, "shell+3-1.conf", entry_text())
    assert variables["LoaderBootCountPath"] == "\\loader\\entries\\shell+2-2.conf"
    assert variables["LoaderEntrySelected"] == "shell.conf"
