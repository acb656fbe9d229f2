# SPDX-License-Identifier: MIT
"""Prerequisites and marks. A test whose prerequisite is missing fails: a skipped test proves nothing."""
import os
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: needs no emulator")
    config.addinivalue_line("markers", "reach: too slow for every run (make test-reach)")


def pytest_collection_modifyitems(config, items):
    """Marked reach: deselected, not skipped, unless asked for by -m."""
    if "reach" in (config.option.markexpr or ""):
        return
    reach = [item for item in items if item.get_closest_marker("reach")]
    if reach:
        config.hook.pytest_deselected(items=reach)
        items[:] = [item for item in items if not item.get_closest_marker("reach")]


@pytest.fixture(autouse=True)
def prerequisites(request):
    if request.node.get_closest_marker("quick"):
        needed = [harness.BATON]
    else:
        needed = [harness.BATON, harness.KERNEL, harness.INITRD, harness.CLOUD, harness.CLOUD_INITRD]
    for path in needed:
        assert os.path.exists(path), path + " is missing: make test-system builds it"


@pytest.fixture
def tmp_path(tmp_path):
    """pytest's own, but without the large files afterwards when the test was good; logs stay."""
    yield tmp_path
    for base, _, names in os.walk(tmp_path):
        for name in names:
            path = os.path.join(base, name)
            if name.endswith((".img", ".fd")) and os.path.getsize(path) > 1 << 20:
                os.unlink(path)


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Private key and certificate that package ovmf's snakeoil variables trust; the key's password is documented."""
    key, cert = "/usr/share/ovmf/PkKek-1-snakeoil.key", "/usr/share/ovmf/PkKek-1-snakeoil.pem"
    assert os.path.exists(key) and shutil.which("sbsign"), "packages ovmf and sbsigntool are needed (make deps)"
    plain = str(tmp_path_factory.mktemp("keys") / "snakeoil.key")
    subprocess.run(["openssl", "pkey", "-in", key, "-passin", "pass:snakeoil", "-out", plain], check=True)
    return plain, cert
