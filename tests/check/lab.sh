#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The lab's own arithmetic, without booting anything: its options, what it says
# of a capture, and its medians.
# shellcheck disable=SC2034,SC2154  # the sourced parts use what is set here, and set more
. "$1/tests/common/check.bash"
lab=$source_dir/scripts/lab

# shellcheck source=/dev/null
. "$source_dir/scripts/lab.d/table.sh"
# shellcheck source=/dev/null
. "$source_dir/scripts/lab.d/cost.sh"
# shellcheck source=/dev/null
. "$source_dir/scripts/lab.d/guest/scenarios.sh"
# shellcheck source=/dev/null
. "$source_dir/scripts/lab.d/boot.sh"

"$lab" --kernel >/dev/null 2>&1
expect "an option without a value" 2 $?
"$lab" --scenario alias3,nonsense >/dev/null 2>&1
expect "an unknown scenario" 2 $?
"$lab" --seconds 0 >/dev/null 2>&1
expect "no seconds" 2 $?
"$lab" --guest-seconds 0 >/dev/null 2>&1
expect "no seconds of a guest" 2 $?
"$lab" --kernel 6.1,nonsense >/dev/null 2>&1
expect "no series of kernels" 2 $?
"$lab" --run "$work/none" >/dev/null 2>&1
expect "a script that is not there" 2 $?
"$lab" --clock counted --scenario alias3,qemu >/dev/null 2>&1
expect "a counted clock where files of the host are needed" 2 $?
"$lab" --fleet --kernel 6.1 >/dev/null 2>&1
expect "a fleet of one" 2 $?
"$lab" --clock counted --turn 0 >/dev/null 2>&1
expect "no turns" 2 $?
"$lab" --turn 20 >/dev/null 2>&1
expect "turns where each CPU has its own" 2 $?
expect "a kernel is missing behind a comma" "lab: --kernel: a name is missing in '6.1,'; --help says more" \
	"$("$lab" --kernel 6.1, --scenario none 2>&1)"
"$lab" --rate 0 >/dev/null 2>&1
expect "no invalidations" 2 $?
expect "--list" "$(scenarios | cut -d' ' -f1)" "$("$lab" --list)"
expect "each scenario once" "" "$("$lab" --list | sort | uniq -d)"
for name in $("$lab" --list); do
	grep -qE "^\\| ([a-z0-9-]+, )*${name}[, ]" "$source_dir/docs/lab.md" ||
		expect "docs/lab.md" "the scenario $name" nothing
done
for name in $(quick_scenarios); do
	expect "quick scenario $name" 1 "$("$lab" --list | grep -cx "$name")"
done

expect "two rounds of two" "thp.1 qemu.1 thp.2 qemu.2" "$(repeated 2 thp qemu | paste -sd' ')"
expect "the kind of a repeated scenario" qemu "$(kind_of qemu.2)"
expect "no such scenario" "" "$(kind_of none)"

expect "each with each algorithm" "thp@hva thp@gfn qemu@hva qemu@gfn" \
	"$(with_algos hva,gfn thp qemu | paste -sd' ')"
expect "the kind of one with an algorithm" qemu "$(kind_of qemu@hva.2)"
expect "a scenario with a dash" gmem "$(kind_of gmem-mixed@hfn-recent)"
expect "its algorithm" "hfn-recent hva " "$(algo_of thp@hfn-recent.12) $(algo_of thp@hva) $(algo_of thp.1)"
expect "what the model calls it" hfn-recent:2.1.8 "$(algorithm_in 6.12 thp@hfn-recent.1)"
expect "what the kernel had" "gfn gfn" "$(algorithm_in 6.12 thp@kernel) $(algorithm_in 6.12 thp)"
expect "replayed are the default ones" "global,hva,gfn-v7,gfn,exact" "$(algos_of_row 6.1 thp.2)"
expect "and what the kernel had" "global,hva,gfn-v7,gfn,exact,hfn-recent:2.1.8" \
	"$(algos_of_row 6.12 thp@hfn-recent.1)"
mapfile -t two_rounds < <(repeated 2 a b c)
expect "in a drawn order every run once" "a.1 b.1 c.1 a.2 b.2 c.2" \
	"$(drawn 7 "${two_rounds[@]}" | sort -t. -k2,2n -k1,1 | paste -sd' ')"
expect "a round after the other" "1 1 1 2 2 2" \
	"$(drawn 7 "${two_rounds[@]}" | cut -d. -f2 | paste -sd' ')"
expect "the same for the same seed" "$(drawn 7 a b c d e f)" "$(drawn 7 a b c d e f)"
expect "orders differ" yes "$([ "$(drawn 7 a b c d e f)" != "$(drawn 8 a b c d e f)" ] && echo yes)"
"$lab" --kvm-algo hva,nonsense >/dev/null 2>&1
expect "an algorithm that KVM cannot be given" 2 $?
"$lab" --kvm-algo hva --scenario kill >/dev/null 2>&1
expect "an algorithm, and who judges the recorder" 2 $?
"$lab" --kvm-algo hva --kernel 6.1 >/dev/null 2>&1
expect "an algorithm for a kernel that has no place for it" 2 $?

# With a counted clock each CPU but the first comes behind one that nobody uses, and turns are short.
mkdir "$work/bin"
# shellcheck disable=SC2016
printf '%s\n' '#!/bin/sh' 'echo "$@"' >"$work/bin/qemu-system-x86_64"
chmod +x "$work/bin/qemu-system-x86_64"
emulated() { # CLOCK CPUS
	(clock=$1 cpus=$2 cache=none PATH=$work/bin:$PATH && start_vm kernel image "$work" |
		grep -oE 'smp [^ ]*|core-id=[0-9]+|nr_cpus=[0-9]+|interval=[0-9]+' | paste -sd' ')
}
expect "CPUs with a counted clock" \
	"smp 1,maxcpus=5 core-id=3 core-id=1 core-id=4 core-id=2 interval=10 nr_cpus=3" \
	"$(emulated counted 3)"
expect "a turn of another length" "interval=50" \
	"$(turn=50 && emulated counted 3 | grep -o 'interval=[0-9]*')"
expect "as it was asked for" 50 "$(
	eval "$(sed -n '/^is_number() {/,/^}/p; /^check_list() {/,/^}/p; /^parse_arguments() {/,/^}/p' "$lab")"
	eval "$(grep '^seconds=' "$lab")"
	kernels=6.1 scenarios=alias3 script=none
	parse_arguments --clock counted --turn 50 && echo "$turn"
)"
expect "one CPU needs no turns" "smp 1" "$(emulated counted 1)"
expect "CPUs with threads of their own" "smp 3" "$(emulated real 3)"

# One boot after a clock of its own: each pause is a second, after which the VM has said
# what the plan has for it.
watched() { # DEADLINE STEP...
	(
		deadline=$1
		shift
		steps=("$@")
		mkdir -p "$work/vm"
		: >"$work/vm/console.log"
		unset SECONDS
		SECONDS=0
		start_vm() {
			exec sleep 100
		}
		time_limit() { # NAME
			echo 3
		}
		sleep() { # until it has ended, which may take some rounds
			local step=${steps[SECONDS]-}

			[ "$(last_step "$work/vm")" != "lab: done" ] && [ ! -e "$work/vm/died" ] ||
				return
			[ -z "$step" ] || echo "$step" >>"$work/vm/console.log"
			[ "$step" != "lab: done" ] || kill "$vm"
			SECONDS=$((SECONDS + 1))
		}
		boot kernel image "$work/vm" 2>/dev/null
		echo "$? after $SECONDS s: $(cat "$work/vm/died" 2>/dev/null)"
	)
}
boot_limit=5
expect "a VM that goes on is left alone" "0 after 12 s: " \
	"$(watched '' '' '' '' 'lab: begin a' '' '' 'lab: begin b' '' 'lab: begin c' '' '' 'lab: done')"
expect "one that stands still is ended" "1 after 5 s: it did not go on for 5 s" "$(watched '' '')"
expect "and one in a scenario that may last less" "1 after 5 s: it did not go on for 3 s" \
	"$(watched '' '' 'lab: begin a')"
expect "one that says what it said is no further" "1 after 5 s: it did not go on for 3 s" \
	"$(watched '' '' 'lab: begin a' 'lab: begin a' 'lab: begin a' 'lab: begin a')"
expect "when the time is over it is ended too" "1 after 2 s: the time was over" \
	"$(watched 2 'lab: begin a')"
expect "the kernel's own words about it" "1 after 5 s: it did not go on for 3 s,BUG: it is ill" \
	"$(watched '' '' 'lab: begin a' '[ 1.0] BUG: it is ill' | paste -sd,)"

# A VM that dies whenever it comes to "thp", and does each other scenario in turn.
boot() { # KERNEL IMAGE SHARE
	local name

	echo "lab: begin x" >"$3/console.log"
	while read -r name; do
		echo "it stands still" >"$3/died"
		[ "$name" != thp ] || return 1
		echo 0 >"$3/out/$name.done"
	done <"$3/plan"
}
say() {
	echo "$*" >>"$work/said"
}
mkdir -p "$work/share/out"
printf '%s\n' alias0 thp vms >"$work/share/plan.all"
deadline=
boot_plan kernel image "$work/share"
expect "what died three times is skipped, and the others are done" "0 skipped 0" \
	"$(cd "$work/share/out" && cat alias0.done thp.done vms.done | paste -sd' ')"
expect "and the reason" "the VM died 3 times: it stands still" "$(cat "$work/share/out/thp.log")"
expect "boots" 4 "$(grep -c '^boot ' "$work/said")"
rm "$work"/share/out/*
deadline=0
: >"$work/said"
boot_plan kernel image "$work/share"
expect "when the time is over nothing more is tried" "0 skipped skipped" \
	"$(cd "$work/share/out" && cat alias0.done thp.done vms.done | paste -sd' ')"

expect "not even another boot" 1 "$(grep -c '^boot ' "$work/said")"
rm "$work"/share/out/*
deadline=
: >"$work/said"
boot() { # KERNEL IMAGE SHARE: it dies once in each scenario
	local name

	echo "lab: begin x" >"$3/console.log"
	echo "it stands still" >"$3/died"
	name=$(head -n 1 "$3/plan")
	echo "died in $name" >>"$work/said"
	[ "$(grep -c "died in $name" "$work/said")" -lt 2 ] || echo 0 >"$3/out/$name.done"
	return 1
}
boot_plan kernel image "$work/share"
expect "each scenario has as many tries" "0 0 0" \
	"$(cd "$work/share/out" && cat alias0.done thp.done vms.done | paste -sd' ')"
rm "$work"/share/out/*
: >"$work/said"
boot() { # it does not even come up
	: >"$3/console.log"
	echo "it stands still" >"$3/died"
	return 1
}
boot_plan kernel image "$work/share"
expect "a kernel that never comes up is given up, with all scenarios" "skipped skipped skipped, 3" \
	"$(cd "$work/share/out" && cat alias0.done thp.done vms.done | paste -sd' '), $(grep -c '^boot ' "$work/said")"

# Kernels by name, of an archive that has these packages and gives only some of them.
# shellcheck source=/dev/null
. "$source_dir/scripts/lab.d/kernels.sh"
cache=$work/cache
gone='linux-image-6.18.9'
apt_lists() {
	[ -z "${1-}" ] || echo "again" >>"$work/lists"
}
lab_apt() { # COMMAND ARGS...
	case "$1 $2" in
	"apt-cache pkgnames") cat <<-'END' ;;
		linux-image-6.1.0-9-amd64
		linux-image-6.1.0-56-amd64
		linux-image-6.1.0-56-rt-amd64
		linux-image-6.1-amd64
		linux-image-6.12.117+deb12-amd64
		linux-image-6.12.118+deb13-amd64-unsigned
		linux-image-6.12.90+deb13.1-amd64
		linux-image-6.18.15+deb13-cloud-amd64
		linux-image-6.18.9+deb13-amd64
		linux-image-6.18.5+deb13-amd64
		linux-image-7.3.4+deb13-amd64
		linux-image-7.10.4+deb13-amd64
	END
	"apt-cache show") [[ $4 == linux-base-* ]] || cat <<-'END' ;;
		Package: linux-image-7.3.4+deb13-amd64
		Filename: pool/main/l/linux/linux-image-7.3.4+deb13-amd64_7.3.4-1_amd64.deb
		Depends: dracut | initramfs-tools (>= 0.120), linux-base-7.3.4+deb13-amd64 (= 7.3.4-1), linux-binary-7.3.4+deb13-amd64 (= 7.3.4-1), linux-modules-7.3.4+deb13-amd64 (= 7.3.4-1)
		Pre-Depends: linux-base (>= 4.17~)
	END
	esac
}
kernel_unpack() { # PACKAGE DIR
	[[ $1 != "$gone"* ]] && mkdir -p "$2" && touch "$2/.complete" "$2/vmlinuz"
}
fetched() { # SERIES
	basename "$(kernel_fetch "$1")" | sed 's/^linux-image-//; s/-amd64$//'
}
expect "the newest of a series" 6.1.0-56 "$(fetched 6.1)"
expect "not one of another series" 6.12.117+deb12 "$(fetched 6.12)"
expect "the newest that can still be downloaded" 6.18.5+deb13 "$(fetched 6.18)"
expect "the newest series" 7.10 "$(series_name newest)"
expect "a series as it is" 5.10 "$(series_name 5.10)"
expect "the series there are" "6.1 6.12 6.18 7.3 7.10" "$(series_known)"
expect "the packages of a split one, without what there is no file of" \
	"linux-image-x linux-binary-7.3.4+deb13-amd64 linux-modules-7.3.4+deb13-amd64" \
	"$(kernel_parts linux-image-x | paste -sd' ')"
: >"$work/said"
kernel_fetch 4.19 >"$work/got"
expect "a series that cannot be had" "1 " "$? $(cat "$work/got")"
expect "and what is said" 1 "$(grep -c '^no kernel 4.19: .* 6.1 6.12 6.18 7.3 7.10$' "$work/said")"
mkdir -p "$cache/kernels/linux-image-4.19.0-5-amd64"
touch "$cache/kernels/linux-image-4.19.0-5-amd64/"{.complete,vmlinuz}
expect "one that is still there" 4.19.0-5 "$(fetched 4.19)"

# The kernel wherever its packages have it.
mkdir -p "$work/split/usr/lib/modules/7.3.4"
touch "$work/split/usr/lib/modules/7.3.4/vmlinuz"
kernel_arrange "$work/split"
mv "$work/split" "$work/there" # as it is when it is complete
expect "the kernel beside its modules" "0 7.3.4" \
	"$(test -e "$work/there/vmlinuz"; echo "$? $(kernel_release "$work/there")")"
mkdir -p "$work/whole/boot" "$work/whole/lib/modules/6.1.0-56-amd64"
touch "$work/whole/boot/vmlinuz-6.1.0-56-amd64"
kernel_arrange "$work/whole"
expect "the kernel in boot" "0 6.1.0-56-amd64" \
	"$(test -e "$work/whole/vmlinuz"; echo "$? $(kernel_release "$work/whole")")"

out=$work
{
	echo "the head of the table"
	row_without_capture 6.1 alias0 ok
	row_without_capture 6.1 thp "SKIPPED: the VM died 3 times: it stands still"
	row_without_capture 6.1 churn "1 locked disagree"
	row_without_capture 6.1 vms ok
	echo
	echo "Cost of recording on 6.1 ok"
} >"$work/table.txt"
expect "ok, bad and skipped rows" "2 1 1" \
	"$(table_count ok) $(table_count bad) $(table_count skipped)"

expect "the algorithm before 6.8" hva "$(algorithm_of 6.1)"
expect "the algorithm from 6.8 on" gfn "$(algorithm_of 6.8)"
expect "the algorithm of 6.12" gfn "$(algorithm_of 6.12)"

# KIND LOST SAME KNOWN LSAME LKNOWN EQUAL COMPARED MISSED FAULTS COUNTED
said() {
	verdict "$@" | paste -sd,
}
expect "a good capture" "" "$(said workload 0 10 10 199 200 30 30 0 40 40)"
expect "no counters" "" "$(said workload 0 10 10 0 0 30 30 0 40 '')"
expect "a guest_memfd's, incomplete" "39 faults recorded, KVM counted 40" \
	"$(said gmem 0 10 10 0 0 30 30 0 39 40)"
expect "another life" "" "$(said late 0 10 10 0 0 30 30 0 40 90)"
expect "loss" "lost 3" "$(said workload 3 10 10 0 0 30 30 0 40 40)"
expect "locked" "1 locked disagree" "$(said workload 0 9 10 0 0 30 30 0 40 40)"
expect "lockless" "2 lockless disagree" "$(said workload 0 10 10 198 200 30 30 0 40 40)"
expect "state" "2 STATE differ" "$(said workload 0 10 10 0 0 28 30 0 40 40)"
expect "nothing" "no decisions,no STATE" "$(said late 0 0 0 0 0 0 0 0 0 0)"
expect "missed" "missed 4" "$(said workload 0 10 10 0 0 30 30 4 40 40)"
expect "incomplete" "39 faults recorded, KVM counted 40" \
	"$(said workload 0 10 10 0 0 30 30 0 39 40)"
expect "a good lossy capture" "" "$(said lost 3 10 10 0 0 30 30 0 30 40)"
expect "a lossy capture without loss" "nothing lost" "$(said lost 0 10 10 0 0 30 30 0 30 40)"
expect "a lossy capture that judges nothing" "" "$(said lost 3 0 0 0 0 0 0 0 30 40)"

# Medians of 10, 20 and 90 ins a fault: 20; 27 with trace-cmd: (27 - 20) / 7 = 1 an event.
# 450,000 bytes less 100,000 of an empty capture, for 7,000 events: 50 each.
echo "cost-empty 100000" >"$work/log"
for fault in 10 90 20; do
	echo "cost new-pages none 1000 1000 ${fault}000 0"
done >>"$work/log"
{
	echo "cost new-pages trace-cmd 1000 1000 27000 450000"
	echo "cost new-pages retryscope 1000 1000 29600 520000"
	# 3 events a fault; and a tenth of the faults that are lost: 1 / 20 - 1 / 29.6.
	echo "cost new-pages parts 1000 1000 23000 250000"
	echo "cost new-pages sampled 1000 1000 20670 142000"
} >>"$work/log"
cat >"$work/wanted" <<'END'
workload   recorder     rounds  ins/fault  slow-down  ins/event bytes/event
new-pages  none              3         20       1.00          -          -
new-pages  trace-cmd         1         27       1.35          1       50.0
new-pages  retryscope        1         30       1.48          1       60.0
new-pages  parts             1         23       1.15          1       50.0
new-pages  sampled           1         21       1.03          -          -
new-pages: retryscope takes 1.10 times as long as trace-cmd
new-pages: in pieces, 100 ms of each s, recording costs 0.10 of what it costs throughout
END
cost_table "$work/log" >"$work/got"
difference=$(diff "$work/wanted" "$work/got")
expect "the table of costs" "" "$difference"
[ "$failures" -eq 0 ]
