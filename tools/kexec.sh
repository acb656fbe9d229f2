#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches Debian's kexec-tools and the libraries that only it needs from the configured mirror, no root and no install:
#   DIR/sbin/kexec  DIR/lib/*
# usage: kexec.sh DIR
set -eu

dir=$1
[ ! -e "$dir/sbin/kexec" ] || exit 0

# Its Xen libraries are linked in whether there is Xen or not.
packages() {
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
		--no-enhances kexec-tools 2>/dev/null | grep -E '^(kexec-tools|libxen[a-z0-9.]*)$' | sort -u
}
names=$(packages)
if [ -z "$names" ]; then
	if [ "$(id -u)" = 0 ]; then apt-get update -q; names=$(packages); fi
	if [ -z "$names" ]; then
		echo "kexec.sh: apt does not know kexec-tools (apt-get update? not Debian?)" >&2
		exit 1
	fi
fi

mkdir -p "$dir"
work=$(mktemp -d "$dir/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2086 # words on purpose
echo "kexec.sh: fetching" $names
# shellcheck disable=SC2086
(cd "$work" && apt-get download -q $names >apt.log 2>&1) || { cat "$work/apt.log" >&2; exit 1; }
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
mkdir -p "$dir/lib" "$dir/sbin"
find "$work/root" -name '*.so*' -exec cp -a {} "$dir/lib/" \;
cp "$work/root/sbin/kexec" "$dir/sbin/kexec"
