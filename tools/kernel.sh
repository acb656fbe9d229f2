#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches Debian's kernel package from the configured mirror and takes it apart, no root and no install:
#   DIR/vmlinuz  DIR/version  DIR/efivarfs.ko  DIR/modules/* (for an ESP on a disk or a stick, tools/modules.py)
# usage: kernel.sh DIR [amd64|cloud-amd64|rt-amd64]
set -eu

dir=$1
flavour=${2:-amd64}
# Modules only of the kernel that is booted, not of those that are looked at beside it.
[ ! -e "$dir/version" ] || { [ $# = 1 ] && [ ! -e "$dir/modules/order" ]; } || exit 0

resolve() {
	apt-cache depends "linux-image-$flavour" 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -1
}
package=$(resolve)
if [ -z "$package" ]; then
	if [ "$(id -u)" = 0 ]; then apt-get update -q; package=$(resolve); fi
	if [ -z "$package" ]; then
		echo "kernel.sh: apt does not know linux-image-$flavour (apt-get update? not Debian? use KERNEL=)" >&2
		exit 1
	fi
fi

mkdir -p "$dir"
work=$(mktemp -d "$dir/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "kernel.sh: fetching $package"
if ! (cd "$work" && apt-get download -q "$package" >apt.log 2>&1); then
	[ "$(id -u)" != 0 ] || apt-get update -q
	(cd "$work" && apt-get download -q "$package") || { cat "$work/apt.log" >&2; exit 1; }
fi
version=${package#linux-image-}
mkdir "$work/root"
dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work/root" \
	"./boot/vmlinuz-$version" "./lib/modules/$version/kernel"
cp "$work/root/boot/vmlinuz-$version" "$dir/vmlinuz"
cp "$work/root/lib/modules/$version/kernel/fs/efivarfs/efivarfs.ko" "$dir/efivarfs.ko"
# File system, controllers, disks; vfat asks for the two nls by itself, which only modprobe answers.
[ $# != 1 ] || "$(dirname "$0")/modules.py" "$work/root/lib/modules/$version/kernel" "$dir/modules" \
	vfat nls_cp437 nls_ascii xhci_pci ehci_pci ohci_pci uhci_hcd usb_storage uas ahci nvme virtio_pci virtio_blk \
	virtio_scsi sdhci_pci sdhci_acpi mmc_block sd_mod
echo "$version" >"$dir/version"
