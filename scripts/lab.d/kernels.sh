# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Debian's kernels: found by package name in several suites of the archive, downloaded,
# unpacked, never installed. apt has its own lists, cache and sources for it, in the
# lab's cache: the machine's are only asked for its mirror.

suites=(bullseye bookworm trixie trixie-backports)
# After so many minutes the lists are fetched again: old versions leave the archive. And
# after so many where something is not there.
lists_minutes=720
lists_again_minutes=10
# How many of a series' versions are tried: a list can name one that is gone.
versions_tried=3

lab_apt() { # COMMAND ARGS...
	local command=$1
	shift

	APT_CONFIG=$cache/apt/apt.conf "$command" -o APT::Sandbox::User=root "$@"
}

# Where this machine has its packages from; Debian's own address where it has no lists.
mirror_of() { # LABEL DEFAULT
	local uri

	# shellcheck disable=SC2016  # the fields are apt's
	uri=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' \
		2>/dev/null | sed -n "s/^$1|//p" | head -n 1)
	echo "${uri:-$2}"
}

apt_sources() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg option='' suite
	local main security

	main=$(mirror_of Debian http://deb.debian.org/debian/)
	security=$(mirror_of Debian-Security http://deb.debian.org/debian-security/)
	[ ! -e $keyring ] || option="[signed-by=$keyring] "
	for suite in "${suites[@]}"; do
		echo "deb $option$main $suite main"
		case "$suite" in
		*-backports) ;;
		*) echo "deb $option$security $suite-security main" ;;
		esac
	done
}

# Lists of the suites, from the archive unless they are new. One that the archive does
# not have any more, and no network at all, leave what there is.
apt_lists() { # [again]
	local apt=$cache/apt minutes=$lists_minutes

	[ -z "${1-}" ] || minutes=$lists_again_minutes
	[ -z "$(find "$apt/fetched" -mmin "-$minutes" 2>/dev/null)" ] || return 0
	mkdir -p "$apt"/{state/lists/partial,cache/archives/partial} || return
	cat >"$apt/apt.conf" <<-END || return
		Dir::State "$apt/state";
		Dir::State::status "/var/lib/dpkg/status";
		Dir::Cache "$apt/cache";
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "-";
		Acquire::Languages "none";
		Acquire::http::Timeout "30";
		APT::Architecture "amd64";
	END
	apt_sources >"$apt/sources.list" || return
	say "apt-get update, with lists of its own: ${suites[*]}"
	{
		flock 9
		timeout 240 "$(type -p env)" APT_CONFIG="$apt/apt.conf" apt-get -qq \
			-o APT::Sandbox::User=root update 9>&- >"$apt/update.log" 2>&1
	} 9>"$apt/lock" ||
		say "apt-get update: $(grep -m 1 '^[EW]: ' "$apt/update.log")"
	touch "$apt/fetched"
}

# The names of all packages with a kernel for ordinary machines, the newest last.
kernel_packages() {
	lab_apt apt-cache pkgnames linux-image- 2>/dev/null |
		grep -E '^linux-image-[0-9]+\.[0-9]+\.[0-9]+(-[0-9]+|\+deb[0-9.]+(-[0-9]+)?)-amd64$' |
		sort -V
}

# Those that were unpacked before serve where the archive has none, or none can be reached.
kernels_cached() {
	find "$cache/kernels" -mindepth 2 -maxdepth 2 -path '*/linux-image-*-amd64/.complete' \
		-printf '%h\n' 2>/dev/null | sed 's,.*/,,' | sort -V
}

of_series() { # SERIES
	grep -E "^linux-image-${1//./\\.}\\.[0-9]"
}

# The series that can be had, as "6.1 6.12", the newest last.
series_known() {
	{ kernel_packages; kernels_cached; } |
		sed 's/^linux-image-\([0-9]*\.[0-9]*\)\..*/\1/' | sort -Vu | paste -sd' '
}

# "newest" is the newest series that there is.
series_name() { # SERIES
	local known

	[ "$1" = newest ] || { echo "$1"; return; }
	apt_lists
	known=$(series_known)
	echo "${known##* }" | grep . || echo newest
}

# Prints the folder with the unpacked package; 1 if it can't be had.
kernel_fetch() { # SERIES
	local package dir round

	apt_lists
	for round in '' again; do
		[ -z "$round" ] || apt_lists again
		while read -r package; do
			dir=$cache/kernels/$package
			[ -e "$dir/.complete" ] || kernel_unpack "$package" "$dir" || continue
			kernel_ready "$dir"
			return
		done < <(kernel_packages | of_series "$1" | tac | head -n $versions_tried)
	done
	package=$(kernels_cached | of_series "$1" | tail -n 1)
	[ -z "$package" ] || { kernel_ready "$cache/kernels/$package"; return; }
	say "no kernel $1: the archive (${suites[*]}) and the cache have $(series_known)"
	return 1
}

# Prints its folder. Kernels that an earlier lab unpacked are not arranged yet.
kernel_ready() { # DIR
	[ -e "$1/vmlinuz" ] || kernel_arrange "$1" >&2
	echo "$1"
}

# What has the kernel and its modules: from 6.19 on linux-image-* is empty and depends on it.
# What the archive only has the name of is left out: whether a kernel came is seen then.
kernel_parts() { # PACKAGE
	local part

	echo "$1"
	lab_apt apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Depends: //p' |
		grep -oE '\<linux-(base|binary|modules)-[0-9][^ ,]*' | sort -u |
		while read -r part; do
			! lab_apt apt-cache show --no-all-versions "$part" 2>/dev/null |
				grep -q '^Filename: ' || echo "$part"
		done
}

kernel_unpack() { # PACKAGE DIR
	local new=$2.new.$$ deb
	local -a parts

	mapfile -t parts < <(kernel_parts "$1")
	rm -rf "$new" && mkdir -p "$new" || return 1
	(cd "$new" && timeout 240 "$(type -p env)" APT_CONFIG="$cache/apt/apt.conf" apt-get -qq \
		-o APT::Sandbox::User=root download "${parts[@]}") >&2 ||
		{ say "apt-get could not download $1"; rm -rf "$new"; return 1; }
	for deb in "$new"/*.deb; do
		dpkg-deb -f "$deb" Version >"$new/.version" && dpkg-deb -x "$deb" "$new" &&
			rm "$deb" || { say "could not unpack $1"; rm -rf "$new"; return 1; }
	done
	kernel_arrange "$new" && depmod -b "$new" "$(kernel_release "$new")" &&
		touch "$new/.complete" ||
		{ say "$1 has no kernel with modules"; rm -rf "$new"; return 1; }
	rm -rf "$2" && mv "$new" "$2"
}

# The modules in lib/modules, and the kernel as vmlinuz, wherever its packages have them.
kernel_arrange() { # DIR
	local image

	if [ ! -e "$1/lib/modules" ]; then
		mkdir -p "$1/lib" && mv "$1/usr/lib/modules" "$1/lib/modules" || return 1
	fi
	[ ! -e "$1/vmlinuz" ] || return 0
	for image in "$1"/boot/vmlinuz-* "$1"/lib/modules/*/vmlinuz; do
		[ ! -e "$image" ] || { ln -s "${image#"$1"/}" "$1/vmlinuz"; return; }
	done
	return 1
}

kernel_release() { # DIR
	basename "$1"/lib/modules/*
}

# Debian's version of it, which its banner has as well.
kernel_version() { # DIR
	cat "$1/.version" 2>/dev/null ||
		zcat "$1"/usr/share/doc/linux-image-*/changelog*.gz 2>/dev/null |
		sed -n '1s/.*(\(.*\)).*/\1/p'
}
