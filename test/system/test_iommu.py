# SPDX-License-Identifier: MIT
"""Whether an IOMMU translates is read from its registers, and said for each PCI function."""
from harness import FAULTS, boot, check_good

IOMMU = ("-device", "intel-iommu")


def states(result):
    assert result.report, result.reason + "\n" + result.tail()
    assert result.report["pci"], "no PCI function is listed"
    return {f["iommu"] for f in result.report["pci"]}


def test_none(tmp_path):
    result = boot(tmp_path)
    assert states(result) == {"none"} and result.report["iommu"] == 0
    assert not result.all("iommu")
    check_good(result, 2)


def test_off(tmp_path):
    """OVMF leaves it off."""
    result = boot(tmp_path, args=IOMMU)
    assert states(result) == {"off"} and result.report["iommu"] == 1
    unit, = result.all("iommu")
    assert unit["kind"] == "vtd" and unit["registers"] == "0xfed90000" and unit["state"] == "off"
    assert "IOMMU off" in result.text, "the table says it too"
    check_good(result, 2)


def test_on(tmp_path):
    """The faults build turns it on before the state is read; Linux needs no disk here."""
    result = boot(tmp_path, baton=FAULTS, args=IOMMU, options="baton.fault=iommu-on")
    assert any(e.get("on") == "1" for e in result.all("fault")), result.tail()
    assert states(result) == {"on"} and result.report["iommu"] == 5
    assert "DMAR translating" in result.text and "IOMMU on" in result.text
