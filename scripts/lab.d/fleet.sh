# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Hosts of different kernels, all up at once, from which retryscope-fleet collects over SSH
# while a VM runs in each. The last one dies while it records, and comes back. What they give
# is in OUT/fleet.

fleet_failed=0
declare -A fleet_vms=()

fleet_check() { # TEXT COMMAND...
	local text=$1
	shift

	if "$@"; then
		echo "ok $text"
	else
		echo "not ok $text"
		fleet_failed=1
	fi
}

# A port that nobody listens at.
fleet_port() {
	local port

	for ((port = 20000 + RANDOM % 10000; ; port++)); do
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
}

# What a host needs beside its kernel, and what reaches it, in SHARE.
fleet_prepare() { # SERIES SHARE
	local port

	port=$(fleet_port)
	mkdir -p "$2/out" && echo '. /lab/fleet.sh' >"$2/script" || return
	[ -e "$work/user" ] || ssh-keygen -q -t ed25519 -N '' -f "$work/user" || return
	ssh-keygen -q -t ed25519 -N '' -f "$2/host_key" && cp "$work/user.pub" "$2/authorized" || return
	echo "$port" >"$2/port"
	cat >>"$work/ssh_config" <<-END
		Host $1
		  HostName 127.0.0.1
		  Port $port
		  User root
		  IdentityFile "$work/user"
		  IdentitiesOnly yes
		  LogLevel ERROR
		  StrictHostKeyChecking no
		  UserKnownHostsFile "$work/known_hosts"
	END
	echo "$1 lab" >>"$work/hosts"
}

# Emulated hosts are slow to answer, on a busy machine very slow.
fleet_ssh() {
	echo "ssh -F $work/ssh_config -o ConnectTimeout=120 -o ServerAliveCountMax=24"
}

on_fleet() { # SERIES COMMAND
	$(fleet_ssh) -o BatchMode=yes -o ServerAliveInterval=5 "$1" "$2" </dev/null
}

# Boots it, and waits until a VM runs in it and it can be reached.
fleet_boot() { # SERIES
	local share=$work/$1 since=$SECONDS

	nic=user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:$(<"$share/port")-:22 \
		start_vm "$share/kernel" "$share/initrd" "$share" &
	fleet_vms[$1]=$!
	until on_fleet "$1" 'pidof retryscope' >/dev/null 2>&1; do
		kill -0 "${fleet_vms[$1]}" 2>/dev/null || return
		[ $((SECONDS - since)) -lt "${timeout:-600}" ] || return
		sleep 1
	done
	say "$1: up after $((SECONDS - since)) s"
}

# A kernel may die under emulation, as elsewhere in the lab.
fleet_start() { # SERIES
	local try

	for ((try = 0; try < tries; try++)); do
		! fleet_boot "$1" || return 0
		fleet_kill "$1"
		say "$1: did not come up"
	done
	return 1
}

fleet_kill() { # SERIES
	kill -9 "${fleet_vms[$1]}" 2>/dev/null
	wait "${fleet_vms[$1]}" 2>/dev/null
}

fleet_collect() {
	"$here/retryscope-fleet" collect --hosts "$work/hosts" -o "$out/fleet" --bundle "$work/bundle" \
		--ssh "$(fleet_ssh)" --timeout "${timeout:-600}" -- --duration "$((seconds * 5))s"
}

# In the middle of its recording.
fleet_die() { # SERIES
	on_fleet "$1" 'n=0
		until grep -q . /sys/kernel/tracing/kprobe_events || [ $n -gt 3000 ]; do
			n=$((n + 1))
			usleep 100000
		done
		sleep 1'
	fleet_kill "$1"
}

fleet_state() { # SERIES
	grep "^$1 " "$out/fleet.txt"
}

# Nothing of the recorder is in the kernel, nor a file of it on the disk.
fleet_is_clean() { # SERIES
	on_fleet "$1" 'cat /sys/kernel/tracing/kprobe_events; ls -A /sys/kernel/tracing/instances; ls -A /var/tmp
		pidof trace-cmd; echo reached' >"$work/left" 2>&1
	[ "$(<"$work/left")" = reached ] || { cat "$work/left"; false; }
}

# Its kernel is the host's, nothing was lost and no decision is another than the model's.
fleet_is_right() { # SERIES
	local capture=$out/fleet/$1.dat report=$work/$1.json lost same known missed

	"$retryscope" info "$capture" | tr -s '\n ' ' ' | grep -q "kernel $1\." || return
	"$retryscope" replay --format json -o "$report" "$capture" || return
	read -r _ lost _ same known _ _ _ _ _ _ _ missed _ < <(summarize "$report" "$(algorithm_of "$1")")
	echo "$1: $same of $known decisions under the lock, lost $lost, missed $missed"
	[ "$lost" -eq 0 ] && [ "$known" -gt 0 ] && [ "$same" -eq "$known" ] && [ "$missed" -eq 0 ]
}

fleet_run() { # SERIES...
	local series victim=${!#} killer

	trap 'kill -9 "${fleet_vms[@]}" 2>/dev/null; rm -rf "$work"' EXIT
	"$here/bundle" --program "$retryscope" -o "$work/bundle" || return
	for series; do
		fleet_start "$series" || return
	done
	rm -rf "$out/fleet"

	fleet_die "$victim" &
	killer=$!
	fleet_collect >"$out/fleet.txt"
	fleet_check "who collects is told that a host is missing" [ $? -eq 1 ]
	wait $killer
	cat "$out/fleet.txt"
	for series; do
		[ "$series" = "$victim" ] || fleet_check "$series: captured" \
			grep -q '^[^ ]* *captured' <(fleet_state "$series")
	done
	fleet_check "$victim: died while it recorded" \
		grep -q 'failed *the connection was lost while it recorded' <(fleet_state "$victim")
	fleet_check "nothing of it is half fetched" [ ! -e "$out/fleet/$victim.dat" ]

	wait "${fleet_vms[$victim]}" 2>/dev/null
	fleet_start "$victim" || return
	sha256sum "$out/fleet"/*.dat >"$work/before"
	fleet_collect >"$out/fleet.txt"
	fleet_check "run again, nobody is missing" [ $? -eq 0 ]
	cat "$out/fleet.txt"
	fleet_check "only the missing one is asked" [ "$(cut -f 1 "$out/fleet/.fleet/missing")" = "$victim" ]
	fleet_check "what was there stays" sha256sum --quiet -c "$work/before"
	for series; do
		fleet_check "$series: nothing is left there" fleet_is_clean "$series"
		fleet_check "$series: its capture is right" fleet_is_right "$series"
	done
	fleet_check "they are replayed and added up" \
		env PATH="$(dirname "$retryscope"):$PATH" "$here/retryscope-fleet" replay "$out/fleet"
	return $fleet_failed
}
