# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Debian's kernels: found by package name, downloaded, unpacked, never installed.

# The newest package that apt knows of a series: 6.1 or 6.12.
kernel_package() { # SERIES
	local series=${1//./\\.}

	apt-cache --names-only search "^linux-image-$series\\.[0-9]+" |
		awk '{ print $1 }' |
		grep -E "^linux-image-$series\\.[0-9]+(-[0-9]+|\\+deb[0-9]+(-[0-9]+)?)-amd64\$" |
		sort -V | tail -n 1
}

# Machines just installed, and containers, have no package lists.
refresh_lists() {
	[ -z "${refreshed-}" ] || return
	refreshed=1
	say "apt knows no such kernel: apt-get update"
	if [ "$(id -u)" -eq 0 ]; then
		apt-get -qq update >&2
	else
		sudo -n apt-get -qq update >&2
	fi
}

# One that was unpacked before serves where apt knows none.
kernel_cached() { # SERIES
	find "$cache/kernels" -maxdepth 1 -name "linux-image-$1.*-amd64" -printf '%f\n' \
		2>/dev/null | sort -V | tail -n 1
}

# Prints the folder with the unpacked package; 1 if it can't be had.
kernel_fetch() { # SERIES
	local package dir

	package=$(kernel_package "$1")
	[ -n "$package" ] || { refresh_lists && package=$(kernel_package "$1"); }
	[ -n "$package" ] || package=$(kernel_cached "$1")
	[ -n "$package" ] || { say "no package linux-image-$1.*-amd64: apt-get update?"; return 1; }
	dir=$cache/kernels/$package
	[ -e "$dir/.complete" ] || kernel_unpack "$package" "$dir" || return 1
	echo "$dir"
}

kernel_unpack() { # PACKAGE DIR
	local new=$2.new.$$ deb

	rm -rf "$new" && mkdir -p "$new" || return 1
	(cd "$new" && timeout 240 apt-get -qq -o APT::Sandbox::User=root download "$1") >&2 ||
		{ say "apt-get could not download $1"; rm -rf "$new"; return 1; }
	deb=$(find "$new" -maxdepth 1 -name '*.deb')
	dpkg-deb -x "$deb" "$new" && rm "$deb" &&
		depmod -b "$new" "$(kernel_release "$new")" && touch "$new/.complete" ||
		{ say "could not unpack $1"; rm -rf "$new"; return 1; }
	rm -rf "$2" && mv "$new" "$2"
}

kernel_release() { # DIR
	basename "$1"/lib/modules/*
}

# Debian's version of it, which its banner has as well.
kernel_version() { # DIR
	zcat "$1"/usr/share/doc/linux-image-*/changelog*.gz 2>/dev/null |
		sed -n '1s/.*(\(.*\)).*/\1/p'
}
