# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# KVM's modules with an algorithm that can be chosen: Debian's source of the kernel at hand,
# with our lines put in (kvm/insert.sh), built as Debian's. Source, headers and what is built
# are in the cache; nothing is installed, and nothing of the kernel is in this repository.

# Left out of a source: what no part of KVM is made of, and most of it.
source_without=('drivers/*.[ch]' 'sound/*.[ch]' 'fs/*.[ch]' 'net/*.[ch]'
	'Documentation/*.rst' 'Documentation/*.txt' 'Documentation/*.yaml'
	'tools/testing/*' 'arch/[a-wyz]*/*.[chS]' 'arch/*.dts' 'arch/*.dtsi')

# Downloads PACKAGE=VERSION into the folder we are in.
package_download() { # PACKAGE VERSION
	say "downloading $1 $2"
	timeout 600 "$(type -p env)" APT_CONFIG="$cache/apt/apt.conf" apt-get -qq \
		-o APT::Sandbox::User=root download "$1=$2" >&2
}

# Read to its end, so that readelf does not die of a pipe that nobody reads.
has_types() { # FILE
	readelf -S "$1" 2>/dev/null | grep '\.BTF ' >/dev/null
}

# The source of a kernel's package, with the configuration, the symbols and the types of the
# built one, ready for modules.
source_unpack() { # KERNEL RELEASE DIR
	local new=$3.new.$$ version series headers option
	local -a without

	version=$(kernel_version "$1") series=$(cut -d. -f1,2 <<<"$2")
	for option in "${source_without[@]}"; do
		without+=(--exclude="linux-source-$series/$option")
	done
	rm -rf "$new" && mkdir -p "$new/packages" || return 1
	if ! (cd "$new/packages" && package_download "linux-source-$series" "$version" &&
		package_download "linux-headers-$2" "$version" &&
		dpkg-deb -x linux-headers-*.deb headers) ||
		! dpkg-deb --fsys-tarfile "$new"/packages/linux-source-*.deb |
			tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
			tar -xJ -C "$new" --strip-components=1 --anchored --wildcards "${without[@]}"; then
		say "no source of $2 ($version) could be had"
		rm -rf "$new"
		return 1
	fi
	headers=$new/packages/headers/usr/src/linux-headers-$2
	cp "$headers/.config" "$headers/Module.symvers" "$new/" || return 1
	if [ -e "$headers/vmlinux" ]; then
		cp "$headers/vmlinux" "$new/vmlinux"
	else
		"$new/scripts/extract-vmlinux" "$1/vmlinuz" >"$new/vmlinux"
	fi
	has_types "$new/vmlinux" ||
		{ say "$2: no vmlinux with its types"; return 1; }
	rm -rf "$new/packages" "$3" && mv "$new" "$3"
}

# What make says of why it failed.
make_error() { # LOG
	grep -m 1 -E '(^|[ :])error: ' "$1" || grep -m 1 -F '***' "$1" || tail -n 1 "$1"
}

kernel_make() { # DIR RELEASE ARGS...
	make -C "$1" -j"$(nproc)" KERNELRELEASE="$2" LOCALVERSION= "${@:3}" </dev/null
}

# Prints the folder with kvm.ko and kvm-amd.ko for a kernel; 1 if they cannot be built.
modules_build() { # KERNEL LOG
	local release tree to name missing
	release=$(kernel_release "$1")
	tree=$cache/sources/$release to=$cache/sources/$release.modules

	missing=$("$here/deps" --missing modules | paste -sd' ')
	[ -z "$missing" ] || { say "modules cannot be built without: $missing"; return 1; }
	mkdir -p "$cache/sources" "$to" || return 1
	{
		flock 8
		[ -e "$tree/.config" ] || source_unpack "$1" "$release" "$tree" || return 1
		[ -e "$tree/.prepared" ] || {
			say "preparing the source of $release"
			kernel_make "$tree" "$release" modules_prepare >"$2" 2>&1 ||
				{ say "$release: modules_prepare: $(make_error "$2")"; return 1; }
			touch "$tree/.prepared"
		}
		"$here/lab.d/kvm/insert.sh" "$tree" || return 1
		say "building KVM's modules of $release"
		kernel_make "$tree" "$release" M=arch/x86/kvm modules >>"$2" 2>&1 ||
			{ say "$release: $(make_error "$2")"; return 1; }
		for name in kvm kvm-amd; do
			cp "$tree/arch/x86/kvm/$name.ko" "$to/$name.ko" &&
				strip --strip-debug "$to/$name.ko" || return 1
			# Without its types nothing could be recorded of it.
			has_types "$to/$name.ko" ||
				{ say "$release: $name.ko has no types"; return 1; }
		done
	} 8>"$cache/sources/lock"
	echo "$to"
}

# Puts them in place of Debian's in an initramfs that is being made.
modules_replace() { # DIR MODULES
	local name file

	for name in kvm kvm-amd; do
		for file in "$1"/modules/[0-9]*-"$name.ko"; do
			cp "$2/$name.ko" "$file" || return 1
		done
	done
}
