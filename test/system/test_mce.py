# SPDX-License-Identifier: MIT
"""A corrected machine check from before the start: Baton logs it, Linux still finds it."""
from harness import APPEND, FIRMWARE_S, KERNEL, boot, check_good, finish, machine, write_disk

BANK = 7
# VAL, EN, MISCV, ADDRV; corrected memory read error.
STATUS, ADDRESS = 0x9c00000000000090, 0x12345000


def test_corrected_error_is_logged_and_kept(tmp_path):
    # Linux logs what it finds at boot on Intel only unless told so; -cpu max claims to be AMD; the cloud kernel does not.
    disk = write_disk(str(tmp_path / "disk.img"), append=APPEND + " mce=bootlog", kernel=KERNEL)
    with machine(tmp_path, disk, smp=2, cpu="max", bus="virtio") as vm:
        vm.wait_for("BdsDxe: loading", FIRMWARE_S)
        vm.monitor("mce 0 %d 0x%x 0 0x%x 0x8c" % (BANK, STATUS, ADDRESS))
        _, match = vm.wait_for(r"event=mca-bank bank=%d\b.*" % BANK, FIRMWARE_S)
        assert "0x%x" % STATUS in match.string and "0x%x" % ADDRESS in match.string, match.string
        result = finish(vm)
    assert result.facts.get("report_check") == "0", result.tail()
    assert result.report["mca_logged"] == 1
    assert any("bank %d" % BANK in line.lower() or "%x" % STATUS in line.lower() for line in result.facts["mce"]), \
        "Linux did not log it: %s" % result.facts["mce"]


def test_none_without_injection(tmp_path):
    result = boot(tmp_path, kernel=KERNEL)
    check_good(result, 2)
    assert result.report["mca_logged"] == 0
    assert not result.facts["mce"]
