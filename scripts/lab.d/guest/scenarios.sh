# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# What the lab can run: name, kind, arguments. Read by the host and by the VM.
scenarios() {
	cat <<'LIST'
alias0 workload --scenario alias0
alias1 workload --scenario alias1
alias3 workload --scenario alias3
alias7 workload --scenario alias7
partial workload --scenario partial
thp workload --scenario thp
churn workload --scenario churn
invalidators workload --scenario invalidators
memslots workload --scenario memslots
vms workload --scenario vms
gmem gmem --scenario gmem
gmem-mixed gmem --scenario gmem-mixed
gmem-two-vms gmem --scenario gmem-two-vms
late late --scenario alias3
pid pid --scenario alias3 --rate 100
qemu qemu none
qemu-vga qemu std
qemu-late qemu none later
firmware-pc firmware pc none
firmware-pc-vga firmware pc std
firmware-q35 firmware q35 none
firmware-q35-vga firmware q35 std
lost lost --scenario invalidators
partly withheld partial is_page_fault_stale
tracepoints withheld tracepoints kvm_|is_page_fault_stale|direct_page_fault
kill trouble kill
interrupt trouble interrupt INT
terminate trouble interrupt TERM
hangup trouble interrupt HUP
nohup trouble nohup
writer-dies trouble writer
disk-full trouble full
disk-small trouble small
read-only trouble readonly
no-root trouble nobody
no-kvm trouble nokvm
no-tracefs trouble notracefs
no-debugfs trouble nodebugfs
two-recorders trouble two
cost cost
LIST
}

# Each name N times, a round after the other: "alias3.1". A round takes all of
# them, so that what changes meanwhile changes for all.
repeated() { # N NAME...
	repeated_times=$1
	shift
	for repeated_round in $(seq "$repeated_times"); do
		printf '%s\n' "$@" | sed "s/\$/.$repeated_round/"
	done
}

# What KVM calls an algorithm that a run can have; 1 if it cannot.
kvm_algo() { # NAME
	case $1 in
	kernel | global | hva | gfn | gfn-split) echo "$1" ;;
	hfn-recent) echo hfn-recent:2.1.8 ;;
	*) return 1 ;;
	esac
}

# The algorithm of a run, "hva" of "alias3@hva.2", or nothing.
algo_of() { # NAME
	case $1 in
	*@*)
		algo_run=${1##*@}
		echo "${algo_run%.*}"
		;;
	esac
}

# Each of the scenarios with each algorithm: "alias3@hva".
with_algos() { # LIST NAME...
	with_list=$1
	shift
	for with_name in "$@"; do
		echo "$with_list" | tr ',' '\n' | sed "s/^/$with_name@/"
	done
}

# Names in an order that only the seed decides, within each round: what changes meanwhile falls
# on all of a round.
drawn() { # SEED NAME...
	drawn_seed=$1
	shift
	printf '%s\n' "$@" | awk -v seed="$drawn_seed" '
		BEGIN { srand(seed) }
		{
			round = match($0, /\.[0-9]+$/) ? substr($0, RSTART + 1) : 0
			printf "%06d %.9f %s\n", round, rand(), $0
		}' | sort | cut -d" " -f3
}

# The kind and the arguments of a scenario, also of a repeated one and of one with an
# algorithm, "alias3@hva.2"; 1 if there is none.
scenario_of() { # NAME
	scenario_name=${1%.*}
	scenarios | sed -n "s/^${scenario_name%@*} //p" | grep .
}

kind_of() { # NAME
	scenario_of "$1" | cut -d' ' -f1
}

# What fits into a few minutes, and still is of every kind.
quick_scenarios() {
	printf '%s\n' alias3 gmem churn late kill
}
