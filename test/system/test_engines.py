# SPDX-License-Identifier: MIT
"""Hash engines that answer a known question wrong are not used; where none is left, nothing is started (E71)."""
from harness import FAULTS, FIRMWARE_S, Result, machine, problem_pattern, wait_refused, write_bundle, write_disk
from test_linux16 import WORDS, refused

LEFT = "no engine is left for a hash: sha256-c answers wrong"


def test_the_image_refuses(tmp_path):
    """Door 1: told in the menu, and by every start of what would have to be verified."""
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS)
    with machine(tmp_path, disk, options="baton.fault=door-engine:sha256-c") as vm:
        wait_refused(vm, problem_pattern(71) + LEFT, FIRMWARE_S)
        assert "Starting Debian" in vm.text() and "event=" not in vm.text()


def test_the_block_refuses(tmp_path):
    """Door 2: the image does without the table, the block is not given the only SHA-256 that it has."""
    bundle = write_bundle(str(tmp_path / "bundle.cpio"))
    refused(tmp_path, bundle, 71, "block: " + LEFT, baton=FAULTS,
            words=WORDS + " baton.fault=engine:sha256-c,door-engine:crc32c-c")
    with open(str(tmp_path / "vm" / "serial.log"), errors="replace") as f:
        result = Result(f.read(), "")
    image, block = result.all("engines")
    assert (image["in"], block["in"]) == ("image", "block")
    assert [(e["in"], e["name"], e["code"]) for e in result.all("engine-refused")] == [
        ("image", "crc32c-c", "E71"), ("block", "sha256-c", "E71")]
    assert image["right"] == "sha256-c,crc32c-sse42,crc32-c" == image["chosen"], image
    assert block["right"].startswith("crc32c-c,crc32c-sse42,"), block
    assert result.event("phase")["name"] == "rollcall"


def test_the_image_refuses_behind_door_2(tmp_path):
    refused(tmp_path, None, 71, LEFT, baton=FAULTS, words=WORDS + " baton.fault=door-engine:sha256-c")
