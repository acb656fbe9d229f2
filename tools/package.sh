#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches a Debian package from the configured mirror and unpacks it into DIR, no root and no install.
# usage: package.sh DIR PACKAGE
set -eu

dir=$1
package=$2
[ ! -e "$dir/.done" ] || exit 0
mkdir -p "$dir"
work=$(mktemp -d "$dir/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "package.sh: fetching $package"
if ! (cd "$work" && apt-get download -q "$package" >apt.log 2>&1); then
	[ "$(id -u)" != 0 ] || apt-get update -q
	(cd "$work" && apt-get download -q "$package") || { cat "$work/apt.log" >&2; exit 1; }
fi
dpkg-deb -x "$work"/*.deb "$dir"
touch "$dir/.done"
