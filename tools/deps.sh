#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that building and testing needs. Quiet when all are there. As root it
# installs; otherwise it asks once and uses sudo (YES=1: do not ask; no terminal: say what to run).
# usage: deps.sh SET...   sets: build run test bench
set -eu

build="gcc clang binutils make git libc6-dev gnu-efi python3 xfonts-terminus"
run="qemu-system-x86 ovmf mtools dosfstools gdisk busybox-static grub-pc-bin grub-common"
test="python3-pytest python3-pytest-xdist libcmocka-dev libssl-dev sbsigntool openssl zlib1g-dev libclang-rt-14-dev
	systemd-boot-efi grub-efi-amd64-bin grub-common isolinux syslinux-common xorriso
	bochs bochs-wx bochsbios vgabios swtpm"
bench="openssl systemd-boot-efi grub-efi-amd64-bin grub-common valgrind"

want=
for set in "$@"; do
	case $set in
	build) want="$want $build" ;;
	run) want="$want $run" ;;
	test) want="$want $test" ;;
	bench) want="$want $bench" ;;
	*) echo "deps.sh: unknown set '$set' (build run test bench)" >&2; exit 2 ;;
	esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "deps: not a Debian system; install what these Debian packages hold:$want" >&2
	exit 0
fi

missing=
for package in $want; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	if [ "${YES:-}" != 1 ]; then
		if [ ! -t 0 ]; then
			echo "deps: missing packages; run: sudo apt-get install$missing" >&2
			exit 1
		fi
		printf 'Install with sudo apt-get:%s? [y/N] ' "$missing"
		read -r answer
		case $answer in y|Y|yes) ;; *) exit 1 ;; esac
	fi
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # words on purpose
if ! $sudo apt-get install -y --no-install-recommends $missing >/dev/null 2>&1; then
	$sudo apt-get update -q
	$sudo apt-get install -y -q --no-install-recommends $missing
fi
