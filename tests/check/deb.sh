#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The package that cpack makes of a release: what is in it, that lintian has no error to
# name, and that its program does from where it was unpacked what the built one does.
. "$1/tests/common/check.bash"
grep -qx 'CMAKE_BUILD_TYPE:STRING=Release' "$build_dir/CMakeCache.txt" ||
	skip "only a release is packed"
for tool in cpack dpkg-deb dpkg-shlibdeps; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done

cpack --config "$build_dir/CPackConfig.cmake" -B pack >log 2>&1 || { cat log; exit 1; }
deb=$(echo pack/*.deb)
dpkg-deb -x "$deb" root || exit 1

for file in usr/bin/retryscope usr/bin/retryscope-fleet usr/lib/retryscope/bundle \
	usr/share/bash-completion/completions/retryscope usr/share/zsh/site-functions/_retryscope \
	usr/share/fish/vendor_completions.d/retryscope.fish usr/share/doc/retryscope/copyright \
	usr/share/doc/retryscope/changelog.gz usr/share/doc/retryscope/docs/model.md; do
	[ -s "root/$file" ] || wrong "$file is not in the package"
done
for page in "$source_dir"/docs/man/*.scd; do
	name=$(basename "$page" .scd)
	[ -s "root/usr/share/man/man${name##*.}/$name.gz" ] || wrong "$name is not in the package"
done

# Whose library is loaded is named, and so is what is run.
depends=$(dpkg-deb -f "$deb" Depends)
while read -r lib; do
	named=''
	while read -r package; do
		[[ ", $depends" != *", $package"* ]] || named=yes
	done < <(dpkg-query -S "*/$lib" 2>/dev/null | sed 's/:.*//')
	[ -n "$named" ] || wrong "who has $lib is not among: $depends"
done < <(readelf -dW root/usr/bin/retryscope | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
[[ ", $depends" == *", trace-cmd"* ]] || wrong "trace-cmd is not among: $depends"

samples=root/usr/share/doc/retryscope/traces/samples
for run in "--version" "replay --format json $samples/6.12-alias3.dat" "probe --help"; do
	# shellcheck disable=SC2086  # options
	cmp <(root/usr/bin/retryscope $run 2>&1) <("$build_dir/retryscope" $run 2>&1) ||
		wrong "$run: another answer than that of the build"
done
root/usr/bin/retryscope-fleet --help >fleet.help || wrong "retryscope-fleet does not run"

if ! command -v lintian >/dev/null; then
	[ "$failures" -gt 0 ] ||
		skip "lintian is not installed; the rest of the package is as it should be"
	exit 1
fi
lintian --allow-root --fail-on error,warning "$deb" >lintian.log 2>&1 || wrong "lintian: $(cat lintian.log)"
exit $((failures > 0))
