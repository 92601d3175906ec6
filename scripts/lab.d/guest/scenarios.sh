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
late late --scenario alias3
qemu qemu none
qemu-vga qemu std
LIST
}
