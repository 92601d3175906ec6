# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# A host of a fleet: a VM that runs, and an sshd.
mkdir -p /root /run/sshd /var/tmp
echo 'root:x:0:0::/root:/bin/sh
sshd:x:74:74::/run/sshd:/bin/false' >/etc/passwd
cat >/tmp/sshd_config <<'END'
HostKey /share/host_key
AuthorizedKeysFile /share/authorized
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
LoginGraceTime 0
END
# The address that QEMU's network gives its guest.
ifconfig lo up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
retryscope workload --scenario alias3 --rate 100 --seconds 0 >/dev/null 2>&1 &
/bin/sshd -D -e -f /tmp/sshd_config
