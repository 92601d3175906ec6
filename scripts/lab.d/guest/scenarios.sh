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

# The kind and the arguments of a scenario, also of a repeated one; 1 if there is none.
scenario_of() { # NAME
	scenarios | sed -n "s/^${1%.*} //p" | grep .
}

kind_of() { # NAME
	scenario_of "$1" | cut -d' ' -f1
}

# What fits into a few minutes, and still is of every kind.
quick_scenarios() {
	printf '%s\n' alias3 gmem churn late kill
}
