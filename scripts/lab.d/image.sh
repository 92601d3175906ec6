# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# The initramfs: busybox, trace-cmd, retryscope, their libraries, modules, and
# the scripts of guest/.

modules=(virtio_pci 9pnet_virtio 9p kvm_amd zram)

# Copies a program and the libraries that it needs to their places below DIR.
install_program() { # DIR PROGRAM [NAME]
	local lib

	install -D "$2" "$1/bin/${3:-$(basename "$2")}" || return 1
	ldd "$2" | grep -oE '/[^ ]+' | while read -r lib; do
		[ -e "$1$lib" ] || install -D "$lib" "$1$lib" || exit 1
	done
}

# Copies modules in the order in which they must be loaded, into modules/NN-NAME.ko.
install_modules() { # DIR KERNEL
	local release n=10 file name
	release=$(kernel_release "$2")

	mkdir -p "$1/modules"
	for module in "${modules[@]}"; do
		modprobe -d "$2" -S "$release" --show-depends "$module" || return 1
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$1/modules/order" || return 1
	while read -r file; do
		name=$(basename "$file")
		case "$file" in
		*.xz) xz -dc "$file" >"$1/modules/$n-${name%.xz}" ;;
		*.zst) zstd -qdc "$file" >"$1/modules/$n-${name%.zst}" ;;
		*) cp "$file" "$1/modules/$n-$name" ;;
		esac || return 1
		n=$((n + 1))
	done <"$1/modules/order"
}

# The same files give the same bytes.
pack() { # DIR FILE
	(cd "$1" && find . -exec touch -h -d @0 {} + && find . -print0 | sort -z |
		cpio --null --quiet -o -H newc --reproducible -R 0:0) | gzip -1n >"$2"
}

# An image that needs no shared folder for SHARE's plan and settings.
image_of_plan() { # IMAGE SHARE
	local root=$work/planned

	rm -rf "$root" && mkdir -p "$root"/{host,share/out} &&
		cp "$2/plan.all" "$root/share/plan" && cp "$2/settings" "$root/share/" &&
		pack "$root" "$work/planned.gz" && cat "$1" "$work/planned.gz"
}

image_build() { # KERNEL FILE
	local root=$work/root

	rm -rf "$root" && mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,run,lab,share} || return 1
	install -D /bin/busybox "$root/bin/busybox" || return 1
	install_program "$root" "$retryscope" retryscope || return 1
	install_program "$root" "$(command -v trace-cmd)" || return 1
	install_modules "$root" "$1" || return 1
	[ -z "${fleet-}" ] || install_program "$root" "$(command -v sshd)" || return 1
	[ -z "${modules_made-}" ] || modules_replace "$root" "$modules_made" || return 1
	cp "$here"/lab.d/guest/* "$root/lab/" || return 1
	ln -s lab/init "$root/init"
	pack "$root" "$2"
}

# The guest of the guest: busybox and an init that writes files.
inner_image_build() { # FILE
	local root=$work/inner

	rm -rf "$root" && mkdir -p "$root"/{bin,dev,proc,sys,tmp} || return 1
	install -D /bin/busybox "$root/bin/busybox" &&
		install "$here/lab.d/guest/inner-init" "$root/init" && pack "$root" "$1"
}

# A root with QEMU, for a guest that mounts it read-only.
qemu_root_build() { # DIR
	[ -e "$1/.complete" ] && return
	rm -rf "$1" && mkdir -p "$1"/{dev,proc,sys,tmp,usr/share} || return 1
	install_program "$1" "$(command -v qemu-system-x86_64)" ../usr/bin/qemu-system-x86_64 || return 1
	cp -rL /usr/share/seabios /usr/share/qemu "$1/usr/share/" && touch "$1/.complete"
}
