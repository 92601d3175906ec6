#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What scripts/bundle packs runs where nothing is but a shell of another C library: in a
# folder that is the root of its file system.
. "$1/tests/common/check.bash"
command -v trace-cmd >/dev/null || skip "trace-cmd is not installed"
busybox=$(command -v busybox) || skip "busybox is not installed"
! ldd "$busybox" >/dev/null 2>&1 || skip "this busybox needs libraries"
! nm -D "$build_dir/retryscope" | grep -q __asan_init || skip "the sanitizers take /proc"
in_root=(chroot "$work/root")
if [ "$(id -u)" -ne 0 ]; then
	unshare -r true 2>/dev/null || skip "only root can change the root of the file system here"
	in_root=(unshare -r "${in_root[@]}")
fi
bundle() {
	"$source_dir/scripts/bundle" --program "$build_dir/retryscope" -o "$1"
}
bundle one.tar.gz || { echo "no bundle is made"; exit 1; }
bundle two.tar.gz
cmp one.tar.gz two.tar.gz || { echo "packed again it is another"; exit 1; }
echo "$(stat -c %s one.tar.gz) bytes"

mkdir -p "root/any where" root/bin root/tmp root/var/tmp
cp "$busybox" root/bin/sh
tar xzf one.tar.gz -C "root/any where" || exit 1
cp "$source_dir/traces/samples/6.12-alias3.dat" root/
# A trace.dat takes /proc, which is not in there.
"$build_dir/retryscope" convert --to binary -o root/trace.rs root/6.12-alias3.dat || exit 1
# alike COMMAND...: says the same in there and here.
alike() {
	"${in_root[@]}" "/any where/retryscope-bundle/retryscope" "$@" >there 2>&1
	(cd root && "$build_dir/retryscope" "$@") >here 2>&1
	cmp here there && return
	wrong "$*: $(cat there)"
}
alike --version
alike replay --algo all --format json trace.rs
alike convert trace.rs
"${in_root[@]}" "/any where/retryscope-bundle/trace-cmd" --help 2>&1 | grep -q 'trace-cmd version' ||
	wrong "trace-cmd does not run"
"${in_root[@]}" "/any where/retryscope-bundle/trace-cmd" report -i /6.12-alias3.dat 2>&1 |
	grep -q '^cpus=' || wrong "trace-cmd reads no trace"
# A killed recorder's trace-cmd is known by the name of its process.
root/any\ where/retryscope-bundle/trace-cmd report -i <(sleep 5) >/dev/null 2>&1 &
for ((n = 0; n < 50; n++)); do
	[ "$(cat /proc/$!/comm)" != trace-cmd ] || break
	sleep 0.1
done
kill $!
[ $n -lt 50 ] || wrong "the process of trace-cmd has another name"
exit $((failures > 0))
