#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# retryscope-fleet replay: GNU parallel, a real Slurm on this machine alone, and a plain loop
# give the same bytes, also where a job is killed in the middle and started again.
. "$1/tests/common/fleet.bash"
# shellcheck disable=SC2317 # the trap calls it
ended() {
	local pid

	for pid in slurmd slurmctld munged; do
		[ ! -s "slurm/$pid.pid" ] || kill "$(<"slurm/$pid.pid")" 2>/dev/null
	done
	sleep 0.3
	rm -rf "$work"
}
trap ended EXIT

captures=(6.1-alias3 6.12-alias0 6.12-alias3 6.12-churn)
mkdir loop local program
for name in "${captures[@]}"; do
	ln -s "$source_dir/traces/samples/$name.dat" "loop/$name.dat"
	ln -s "$source_dir/traces/samples/$name.dat" "local/$name.dat"
done
printf '6.12-* new\n* old\n' >groups

# ---- a plain loop ----
(
	cd loop && mkdir reports
	for name in "${captures[@]}"; do
		retryscope replay --format json --algo hva,gfn,exact -o "reports/$name.json" "$name.dat"
	done
	retryscope merge --groups ../groups -o sum.json reports/*.json
) || wrong "the plain loop fails"
alike() { # FOLDER
	for name in "${captures[@]}"; do
		cmp "loop/reports/$name.json" "$1/reports/$name.json" || wrong "$1: another report of $name"
	done
	cmp loop/sum.json "$1/sum.json" || wrong "$1: another sum"
}

# ---- a program that is killed, by Slurm in its jobs, the first time that it replays one ----
cat >program/retryscope <<'END'
#!/bin/bash
if [[ $1 = replay && $* = *6.12-alias3.dat && ! -e $FLEET_KILLED ]]; then
	: >"$FLEET_KILLED"
	"$FLEET_PROGRAM" "$@" &
	sleep 0.05
	if [ -n "${SLURM_JOB_ID:-}" ]; then
		kill -STOP $!
		scancel "$SLURM_JOB_ID" && sleep 60
	fi
	kill -KILL $! $$
fi
exec "$FLEET_PROGRAM" "$@"
END
chmod 755 program/retryscope
FLEET_PROGRAM=$build_dir/retryscope
export FLEET_PROGRAM PATH=$work/program:$PATH

replay() { # FOLDER OPTION...
	export FLEET_KILLED=$work/killed-$1
	"$fleet" replay "$1" "${@:2}" --groups groups -- --algo hva,gfn,exact || wrong "$1: it fails"
	[ -e "$FLEET_KILLED" ] || wrong "$1: no job was killed"
}
replay local --jobs 2
alike local
grep -q '^group *checked' local/summary.txt && wrong "a summary of something else"
grep -q '6.12-churn' local/summary.txt || wrong "the summary has no 6.12-churn"
cp local/sum.json before.json
touch -d '1 minute ago' local/sum.json local/reports/*.json
stamp=$(stat -c %Y local/reports/6.12-churn.json)
replay local
[ "$(stat -c %Y local/reports/6.12-churn.json)" = "$stamp" ] || wrong "what is there is replayed again"
cmp before.json local/sum.json || wrong "the second sum is another"
# One that cannot be replayed is named, and the others are added up.
head -c 20000 "$source_dir/traces/samples/6.1-churn.dat" >local/broken.dat
"$fleet" replay local --retries 0 -- --algo hva,gfn,exact >said 2>&1
[ $? -eq 1 ] || wrong "a broken capture makes no difference to the exit code"
grep -q '^retryscope-fleet: broken was not replayed: retryscope: broken.dat' said ||
	wrong "a broken capture is not named: $(cat said)"
cmp before.json local/sum.json || wrong "a broken capture changes the sum"
[ "$failures" -eq 0 ] || exit 1

# ---- Slurm ----
need slurmctld slurmd sbatch munged
[ "$(id -u)" -eq 0 ] || skip "Slurm's daemons take root here; local and loop are alike"
mkdir -p slurm/state slurm/spool slurm/munge many
chmod 755 "$work" # for munge's user
export PATH=$PATH:/usr/sbin
dd if=/dev/urandom of=slurm/munge/key bs=1024 count=1 status=none
chmod 600 slurm/munge/key
node=$(hostname -s)
export SLURM_CONF=$work/slurm/slurm.conf
cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/slurm/munge/socket
CredType=cred/munge
StateSaveLocation=$work/slurm/state
SlurmdSpoolDir=$work/slurm/spool
SlurmctldPidFile=$work/slurm/slurmctld.pid
SlurmdPidFile=$work/slurm/slurmd.pid
SlurmctldLogFile=$work/slurm/slurmctld.log
SlurmdLogFile=$work/slurm/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MaxArraySize=4
KillWait=1
NodeName=$node NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$node Default=YES MaxTime=INFINITE State=UP
END
# munged wants folders of root's or its own, that nobody else can write, all the way up.
munged --force --socket="$work/slurm/munge/socket" --key-file="$work/slurm/munge/key" \
	--pid-file="$work/slurm/munged.pid" --log-file="$work/slurm/munge/log" \
	--seed-file="$work/slurm/munge/seed" 2>said || skip "munged does not start: $(tail -n 1 said)"
if ! slurmctld -f "$SLURM_CONF" >said 2>&1 || ! slurmd -f "$SLURM_CONF" >>said 2>&1; then
	skip "Slurm does not start: $(tail -n 1 said) $(tail -n 1 slurm/*.log)"
fi
for ((n = 0; n < 150; n++)); do
	sinfo -h -o %T 2>/dev/null | grep -q idle && break
	sleep 0.2
done
[ $n -lt 150 ] || skip "Slurm's node does not become idle: $(tail -n 2 slurm/*.log)"
for name in "${captures[@]}"; do
	ln -s "$source_dir/traces/samples/$name.dat" "many/$name.dat"
done
# Four captures, and an array has three tasks at most.
replay many --engine slurm --jobs 2
alike many
grep -q 'JOB .* CANCELLED' slurm/slurmd.log || wrong "Slurm has cancelled no job"
exit $((failures > 0))
