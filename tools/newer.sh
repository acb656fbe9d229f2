#!/bin/sh
# SPDX-License-Identifier: MIT
# Downloads packages of another Debian suite and unpacks them, without touching the system: apt with a state, a
# cache and a source list of its own, on the mirror that the system already uses.
# usage: newer.sh DIR SUITE PACKAGE...
set -eu

dir=$1
suite=$2
shift 2
[ ! -e "$dir/.done" ] || exit 0
mkdir -p "$dir/apt/lists/partial" "$dir/apt/archives/partial" "$dir/root"
dir=$(cd "$dir" && pwd)

codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
site=$(apt-get indextargets --format '$(SITE)' "Codename: $codename" | sort -u | head -1)
[ -n "$site" ] || { echo "newer.sh: apt knows no Debian mirror (apt-get update first)" >&2; exit 1; }
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $site $suite main" >"$dir/apt/sources.list"

own_apt() {
	command=$1
	shift
	"$command" -q -o Dir::Etc::sourcelist="$dir/apt/sources.list" -o Dir::Etc::sourceparts=- \
		-o Dir::State::lists="$dir/apt/lists" -o Dir::Cache="$dir/apt" -o APT::Sandbox::User=root "$@"
}

own_apt apt-get update >"$dir/apt/log" 2>&1 || { tail -5 "$dir/apt/log" >&2; exit 1; }
(cd "$dir/apt" && own_apt apt-get download "$@" >>log 2>&1) || { tail -5 "$dir/apt/log" >&2; exit 1; }
for package in "$dir"/apt/*.deb; do
	dpkg-deb -x "$package" "$dir/root"
	rm "$package"
done
rm -rf "$dir/apt/lists" "$dir/apt/archives"
touch "$dir/.done"
