# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Boots a kernel under emulation and lets it work through a plan.

# How time passes: as outside; the same, with all emulated CPUs in one thread; or
# an instruction takes a nanosecond, whatever else the machine has to do, so that
# times are costs and can be compared.
declare -A clocks=(
	[real]="-accel tcg,thread=multi"
	[single]="-accel tcg,thread=single"
	[counted]="-accel tcg,thread=single -icount shift=0,sleep=off"
)
# How often a scenario is begun if the VM dies in it.
tries=3
boot_limit=120
# A VM has no network, but one of a fleet.
nic=none
# Of what is random in a VM with a counted clock.
random_seed=1
# With a counted clock no CPU's turn is longer than so many us.
turn=10

# What QEMU is to emulate, so that CPUs of one thread with a counted clock have their turns. QEMU 7.2
# gives a CPU all instructions up to the next timer, and the one behind it none: this one only runs
# what is due, and the third has a whole turn again. So behind each CPU comes one that nobody
# uses: it halts in the firmware, and the kernel does not know of it. The timer is that of a buffer
# for network packets to nowhere: that it goes off costs the guest nothing.
cpus_in_turn() {
	local i model=EPYC-x86_64-cpu,socket-id=0,thread-id=0

	echo "-smp 1,maxcpus=$((2 * cpus - 1))"
	for i in $(seq $((cpus - 1))); do
		echo "-device $model,core-id=$((cpus - 1 + i)) -device $model,core-id=$i"
	done
	echo "-netdev hubport,id=nowhere,hubid=0"
	echo "-object filter-buffer,id=turns,netdev=nowhere,interval=$turn"
}

# A kernel that is in trouble ends at once, and its VM with it.
start_vm() { # KERNEL IMAGE SHARE
	local same='' args='' smp="-smp $cpus"

	if [ "$clock" = counted ]; then
		same="-seed $random_seed -rtc base=2026-01-01,clock=vm" args="nokaslr norandmaps"
		[ "$cpus" -eq 1 ] || { smp=$(cpus_in_turn) args+=" nr_cpus=$cpus"; }
	fi
	# shellcheck disable=SC2086
	exec qemu-system-x86_64 \
		${clocks[$clock]} $same -M q35 -cpu EPYC,+svm,+npt $smp -m 3G \
		-nic "$nic" -display none -monitor none -no-reboot -serial "file:$3/console.log" \
		-kernel "$1/vmlinuz" -initrd "$2" \
		-virtfs "local,path=$3,mount_tag=share,security_model=none" \
		-virtfs "local,path=$cache/qemu-root,mount_tag=qroot,security_model=none,readonly=on" \
		-append "console=ttyS0 oops=panic softlockup_panic=1 panic=-1 mitigations=off \
			tsc=reliable quiet $args" </dev/null 2>"$3/qemu.log"
}

# The last line of the console in which the VM said how far it is.
last_step() { # SHARE
	grep '^lab: ' "$1/console.log" 2>/dev/null | tr -d '\r' | tail -n 1
}

# For how many seconds the VM may stay at that step.
step_limit() { # STEP
	local name

	read -r _ _ name _ <<<"$1"
	case "$1" in
	"lab: begin "*) time_limit "$name" ;;
	*) echo "$boot_limit" ;;
	esac
}

over() {
	[ -n "$deadline" ] && [ "$SECONDS" -ge "$deadline" ]
}

# boot KERNEL IMAGE SHARE: 0 if the VM came to its end; else SHARE/died says why.
boot() {
	local step='' now since=$SECONDS

	rm -f "$3/console.log" "$3/died"
	start_vm "$@" &
	vm=$!
	while kill -0 $vm 2>/dev/null; do
		now=$(last_step "$3")
		[ "$now" = "$step" ] || { step=$now since=$SECONDS; }
		if over; then
			echo "the time was over" >"$3/died"
		elif [ $((SECONDS - since)) -ge "$(step_limit "$step")" ]; then
			echo "it did not go on for $((SECONDS - since)) s" >"$3/died"
		fi
		[ ! -e "$3/died" ] || kill -9 $vm
		sleep 0.5
	done
	wait $vm 2>/dev/null
	vm=''
	[ "$(last_step "$3")" != "lab: done" ] || { rm -f "$3/died"; return 0; }
	# The kernel's own words about it, if there are any.
	tr -d '\r' <"$3/console.log" | sed 's/^\[[ .0-9]*\] //' |
		grep -m 1 -E 'BUG:|Oops|[Pp]anic|stall' >>"$3/died"
	[ -s "$3/died" ] || echo "the VM ended" >"$3/died"
	return 1
}

# Works through SHARE/plan.all, each in a VM of its own with a counted clock, which has nothing of
# the host until it is done: when the host answers would be part of the times.
boot_each() { # KERNEL IMAGE SHARE
	local name names boot_limit=600 random_seed

	mapfile -t names <"$3/plan.all"
	for name in "${names[@]}"; do
		random_seed=${seed:-1}
		[[ ! $name =~ \.([0-9]+)$ ]] || random_seed=$((random_seed + BASH_REMATCH[1] - 1))
		echo "$name" >"$3/plan.all"
		image_of_plan "$2" "$3" >"$2.plan" && boot_plan "$1" "$2.plan" "$3"
	done
}

# What of the plan has not been done yet.
remaining() { # SHARE
	local name

	while read -r name; do
		[ -e "$1/out/$name.done" ] || echo "$name"
	done <"$1/plan.all"
}

# Names that are not tried any more.
give_up() { # SHARE REASON NAME...
	local share=$1 reason=$2 name
	shift 2

	for name in "$@"; do
		say "$name: $reason"
		echo "$reason" >"$share/out/$name.log"
		echo skipped >"$share/out/$name.done"
	done
}

# Works through SHARE/plan.all. What a boot did not get done is tried in another
# one, up to $tries times; if none comes up at all, nothing more is tried.
boot_plan() { # KERNEL IMAGE SHARE
	local began name last='' failed=0 number=0 why

	while remaining "$3" >"$3/plan" && [ -s "$3/plan" ]; do
		number=$((number + 1)) began=$SECONDS why=''
		boot "$1" "$2" "$3" || why=$(paste -sd, "$3/died" | sed 's/,/, /g')
		cat "$3/console.log" >>"$3/console.all"
		say "boot $number of $(basename "$1"): $((SECONDS - began)) s," \
			"$(remaining "$3" | wc -l) scenarios left${why:+: it died: $why}"
		name=$(remaining "$3" | head -n 1)
		[ -n "$name" ] || return 0
		[ "$name" = "$last" ] || failed=0
		last=$name failed=$((failed + 1))
		if over || { [ $failed -ge $tries ] && ! grep -q '^lab: begin' "$3/console.log"; }; then
			# shellcheck disable=SC2046
			give_up "$3" "not run: $why" $(remaining "$3")
		elif [ $failed -ge $tries ]; then
			give_up "$3" "the VM died $tries times: $why" "$name"
		fi
	done
}
