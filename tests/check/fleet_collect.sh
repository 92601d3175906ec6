#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# retryscope-fleet collect, from hosts that an sshd on loopback stands for: each has a program
# that records as the real one does in its case. What each leaves behind is a file "probes",
# which record --cleanup removes.
. "$1/tests/common/fleet.bash"
need ssh sshd ssh-keygen gzip tar pkill
[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd || skip "sshd cannot run here"
trap '[ ! -s sshd.pid ] || kill "$(<sshd.pid)"; rm -rf "$work"' EXIT

# ---- the hosts ----
port=$(free_port) closed=$(free_port)
mkdir -p retryscope-bundle keys
for key in host user; do
	ssh-keygen -q -t ed25519 -N '' -f keys/$key || skip "ssh-keygen makes no key"
done
cp keys/user.pub keys/authorized
cat >sshd_config <<END
ListenAddress 127.0.0.1
Port $port
HostKey "$work/keys/host"
AuthorizedKeysFile "$work/keys/authorized"
PidFile "$work/sshd.pid"
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
AcceptEnv FAKE TMPDIR
MaxStartups 100
END
/usr/sbin/sshd -f sshd_config -E "$work/sshd.log" || skip "sshd does not start: $(tail -n 1 sshd.log)"

names=(good-1 good-2 good-3 dies wordless full slow down)
for name in "${names[@]}"; do
	mkdir -p "hosts/$name/tmp"
	cat <<END
Host $name
  HostName 127.0.0.1
  Port $([ "$name" = down ] && echo "$closed" || echo "$port")
  SetEnv "FAKE=$work/hosts/$name" "TMPDIR=$work/hosts/$name/tmp"
END
done >ssh_config
cat >>ssh_config <<END
Host *
  User $(id -un)
  IdentityFile "$work/keys/user"
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile "$work/keys/known"
END
cat >retryscope-bundle/retryscope <<'END'
#!/bin/sh
me=${FAKE##*/} left=$FAKE/probes
case "$*" in
probe) echo "a host" ;;
*--cleanup*) rm -f "$left" ;;
record*)
	[ "$me" != wordless ] || { echo "retryscope: it takes root" >&2; exit 3; }
	trap 'rm -f "$left"; exit 130' TERM
	echo "$*" >"$left"
	if [ "$me" = dies ] && [ ! -e "$FAKE/died" ]; then
		: >"$FAKE/died"
		# All of this connection, without a word.
		kill -KILL "$PPID" "$(sed 's/.*) . \([0-9]*\) .*/\1/' "/proc/$PPID/stat")" $$
	fi
	if [ "$me" = slow ] && [ ! -e "$FAKE/quick" ]; then
		n=0
		while [ $n -lt 1200 ]; do sleep 0.1; n=$((n + 1)); done
	fi
	if [ "$me" = full ]; then
		echo "retryscope: capture.dat: No space left on device" >&2
		rm -f "$left"
		exit 4
	fi
	echo "capture of $me: $*" >"$3"
	rm -f "$left"
	;;
esac
END
chmod 755 retryscope-bundle/retryscope
tar czf bundle.tar.gz retryscope-bundle
printf '%s\n' '# all of them' "${names[@]/%/ web}" >inventory

# ---- once, and again ----
# Only what is slow takes as long, however busy the machine is.
timeout=300
collect() {
	"$fleet" collect --hosts inventory -o captures --bundle bundle.tar.gz \
		--ssh "ssh -F $work/ssh_config" --timeout $timeout "$@" -- --duration 1s --min-level full >said 2>&1
}

# has NAME STATE WORDS: what status says of it.
has() {
	grep -qE "^$1 +$2 .*$3" said || wrong "status of $1 is not '$2 ... $3': $(cat said)"
}

cp inventory all
sed -i /slow/d inventory
collect
[ $? -eq 1 ] || wrong "hosts fail, and the exit code does not tell"
for name in good-1 good-2 good-3; do
	has $name captured bytes
	grep -qxE "capture of $name: record -o /.* --duration 1s --min-level full" captures/$name.dat ||
		wrong "another capture of $name"
done
has dies failed 'connection was lost while it recorded'
has wordless failed 'cannot record: retryscope: it takes root'
has full failed 'no space: .*No space left'
has down failed 'cannot be reached'
grep -qx '7 hosts: 3 captured, 4 failed, 0 not done' said || wrong "another total: $(tail -n 1 said)"
[ "$(find captures -maxdepth 1 -name '*.dat' | wc -l)" -eq 3 ] || wrong "there are more captures"
timeout=5
grep slow all >inventory
collect
[ $? -eq 1 ] || wrong "a host takes too long, and the exit code does not tell"
has slow failed 'longer than --timeout'
timeout=300
left=$(find hosts -name probes -o -name 'retryscope-fleet.*')
[ -z "$left" ] || wrong "left on hosts: $left"
[ -z "$(find captures -name '*.part' -o -path '*/.fleet/*.dat' -o -name '*.alive')" ] ||
	wrong "something half fetched is left"

# What is there stays as it is, and only what is missing is asked for.
echo "as it was" >captures/good-2.dat
grep -v slow all >inventory
collect --jobs 2
has dies captured bytes
has full failed 'no space'
grep -qx "as it was" captures/good-2.dat || wrong "a capture that was there is taken again"
[ "$(cut -f 1 captures/.fleet/missing | sort | tr '\n' ' ')" = "dies down full wordless " ] ||
	wrong "others than those missing were asked: $(cat captures/.fleet/missing)"

# The whole thing ended in the middle: the host ends its recording by itself, and the next
# time what is left there goes.
printf 'slow\n' >inventory
rm -rf captures
setsid "$fleet" collect --hosts inventory -o captures --bundle bundle.tar.gz \
	--ssh "ssh -F $work/ssh_config" -- --duration 1s >said 2>&1 &
leader=$!
for ((n = 0; n < 300; n++)); do
	[ ! -e hosts/slow/probes ] || break
	sleep 0.1
done
[ -e hosts/slow/probes ] || wrong "slow did not begin"
pkill -KILL -s "$leader"
for ((n = 0; n < 300; n++)); do
	[ -e hosts/slow/probes ] || break
	sleep 0.1
done
[ ! -e hosts/slow/probes ] || wrong "it goes on recording for nobody"
find hosts/slow/tmp -mindepth 1 | grep -q . || wrong "it was no end in the middle"
: >hosts/slow/quick
collect
has slow captured bytes
left=$(find hosts -name probes -o -name 'retryscope-fleet.*')
[ -z "$left" ] || wrong "left by the run that was ended: $left"

# ---- inventories that are none ----
for bad in '../x' '-oProxyCommand=x' 'a b -x' $'a\na'; do
	printf '%s\n' "$bad" >inventory
	collect
	[ $? -eq 2 ] || wrong "taken as hosts: $bad"
done
exit $((failures > 0))
