# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Boots a kernel under emulation and lets it work through a plan.

# boot KERNEL IMAGE SHARE SECONDS: 0 if the VM powered off by itself in time.
boot() {
	timeout --foreground -k 5 "$4" qemu-system-x86_64 \
		-accel tcg,thread=multi -M q35 -cpu EPYC,+svm,+npt -smp "$cpus" -m 3G \
		-nic none -display none -monitor none -no-reboot -serial "file:$3/console.log" \
		-kernel "$1"/boot/vmlinuz-* -initrd "$2" \
		-virtfs "local,path=$3,mount_tag=share,security_model=none" \
		-virtfs "local,path=$cache/qemu-root,mount_tag=qroot,security_model=none,readonly=on" \
		-append "console=ttyS0 panic=-1 mitigations=off tsc=reliable quiet" </dev/null 2>"$3/qemu.log"
}

# What of the plan has not been done yet.
remaining() { # SHARE
	local name

	while read -r name; do
		[ -e "$1/out/$name.done" ] || echo "$name"
	done <"$1/plan.all"
}

# Works through SHARE/plan.all, with a second boot for what the first left.
boot_plan() { # KERNEL IMAGE SHARE SECONDS
	local try before

	for try in 1 2; do
		remaining "$3" >"$3/plan"
		[ -s "$3/plan" ] || return 0
		before=$SECONDS
		boot "$1" "$2" "$3" "$4" ||
			say "boot $try of $(basename "$1") ended with $? after $((SECONDS - before)) s" \
				"(limit $4 s); $(remaining "$3" | wc -l) scenarios were left"
		cp "$3/console.log" "$3/console.$try.log"
		say "boot $try of $(basename "$1"): $((SECONDS - before)) s"
	done
	remaining "$3" >"$3/plan"
	[ ! -s "$3/plan" ]
}
