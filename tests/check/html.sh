#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The page of `report` in a browser: it has no error, asks for nothing but itself, its tables
# sort when a heading is clicked, and no name out of a file runs as a script. That the one
# script it has is the one it allows is checked without a browser.
. "$1/tests/common/check.bash"
export HOME=$work

fail() {
	echo "$@"
	exit 1
}

# A name that would be seen in the title if it ran.
retryscope convert "$source_dir/traces/samples/6.1-alias0.dat" --until 200ms |
	sed 's/comm="[^"]*"/comm="<script>parent.document.title=1<\/script><img src=x:y>"/' >trace.txt
retryscope report trace.txt -o report.html 2>stderr || fail "report: $(cat stderr)"
[ "$(stat -c %s report.html)" -lt $((2 << 20)) ] || fail "the page is too large"

allowed=$(sed -n "s/.*script-src 'sha256-\([^']*\)'.*/\1/p" report.html)
digits=$(sed -n 's/^<script>\(.*\)<\/script>$/\1/p' report.html | tr -d '\n' | sha256sum | cut -d ' ' -f 1)
printf '%b' "$(sed 's/../\\x&/g' <<<"$digits")" | base64 | grep -qxF "$allowed" ||
	fail "the script is not the one that the page allows: $digits"

browser=$(command -v chromium || command -v chromium-browser) ||
	skip "chromium is not installed: no browser has seen the page"
# It opens some hundred files.
[ "$(ulimit -Sn)" = unlimited ] || [ "$(ulimit -Sn)" -ge 1024 ] ||
	skip "at most $(ulimit -Sn) open files: no browser has seen the page"
# Runs in the page around it: clicks the second heading of the first table once, and again.
cat >around.html <<'END'
<!DOCTYPE html><title>none</title><iframe src="report.html"></iframe><pre></pre><script>
document.querySelector('iframe').onload = function () {
	var page = this.contentDocument, table = page.querySelector('table'), out = [];
	function column() {
		return [].map.call(table.tBodies[0].rows, function (r) { return r.cells[1].dataset.v; });
	}
	function sorted(up) {
		var v = column().map(Number);
		return v.length > 3 && v.every(function (x, i) { return !i || (up ? v[i - 1] <= x : v[i - 1] >= x); });
	}
	table.tHead.rows[0].cells[1].click();
	out.push(sorted(false));
	table.tHead.rows[0].cells[1].click();
	out.push(sorted(true));
	out.push(page.images.length, page.scripts.length, document.title);
	document.querySelector('pre').textContent = 'RESULT ' + out.join(' ');
};
</script>
END
browse() { # FILE: its document as it is in the end
	timeout 300 "$browser" --headless --no-sandbox --disable-gpu --allow-file-access-from-files \
		--user-data-dir="$work/profile" --enable-logging=stderr --dump-dom "file://$work/$1" \
		2>"$1.log" || fail "$browser: $(tail -n 3 "$1.log")"
}
browse around.html >around
grep -aq 'RESULT true true 0 1 none' around || fail "in the browser: $(grep -a RESULT around)"
browse report.html >document
# Errors, and what the page's policy does not let it ask for.
! grep -a CONSOLE -- *.log || fail "the console has something to say"
grep -q '<h2>Figures' document || fail "the page is not in the document"
