# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Boots a kernel under emulation and lets it work through a plan.

# How time passes: as outside; or an instruction takes a nanosecond, whatever
# else the machine has to do, so that times are costs and can be compared.
declare -A clocks=(
	[real]="-accel tcg,thread=multi"
	[counted]="-accel tcg,thread=single -icount shift=0,sleep=off"
)

# boot KERNEL IMAGE SHARE SECONDS: 0 if the VM powered off by itself in time.
boot() {
	# shellcheck disable=SC2086
	timeout --foreground -k 5 "$4" qemu-system-x86_64 \
		${clocks[$clock]} -M q35 -cpu EPYC,+svm,+npt -smp "$cpus" -m 3G \
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

# Works through SHARE/plan.all. What a boot did not get done is tried in another
# one; the scenario that it died in gets no third try.
boot_plan() { # KERNEL IMAGE SHARE SECONDS
	local began result left name last='' number=0

	while remaining "$3" >"$3/plan" && [ -s "$3/plan" ]; do
		number=$((number + 1)) began=$SECONDS
		boot "$1" "$2" "$3" "$4"
		result=$?
		cat "$3/console.log" >>"$3/console.all"
		left=$(remaining "$3" | wc -l)
		say "boot $number of $(basename "$1"): $((SECONDS - began)) s," \
			"exit code $result, $left scenarios left"
		name=$(remaining "$3" | head -n 1)
		if [ -n "$name" ] && [ "$name" = "$last" ]; then
			say "$name: not done in two boots (limit $4 s)"
			compgen -G "$3/out/*.done" >/dev/null || return 1
			echo "the VM died or was too slow, twice" >"$3/out/$name.log"
			echo died >"$3/out/$name.done"
		fi
		last=$name
	done
}
