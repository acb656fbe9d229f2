# SPDX-License-Identifier: MIT
"""A boot CD of isolinux, Baton and a bundle, for machines without EFI."""
import os
import shutil
import subprocess

from harness import BATON, write_bundle


def write_cd(directory, words, baton=BATON, **bundle):
    """Path of the image, made under directory. words: Baton's command line; bundle: arguments of write_bundle()."""
    tree = os.path.join(str(directory), "cd")
    os.makedirs(tree)
    write_bundle(os.path.join(tree, "bundle.cpio"), **bundle)
    shutil.copy(baton, os.path.join(tree, "baton"))
    for name in ("ISOLINUX/isolinux.bin", "syslinux/modules/bios/ldlinux.c32"):
        shutil.copy("/usr/lib/" + name, tree)
    with open(os.path.join(tree, "isolinux.cfg"), "w") as f:
        f.write("DEFAULT baton\nLABEL baton\nLINUX /baton\nINITRD /bundle.cpio\nAPPEND %s\n" % words)
    image = os.path.join(str(directory), "cd.img")
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-o", image, "-b", "isolinux.bin", "-c", "boot.cat",
                    "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", tree], check=True)
    shutil.rmtree(tree)
    return image
