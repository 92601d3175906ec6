#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# layout: what memslots alone say, of each form that can tell them.
. "$1/tests/cli/lib.bash"

cat >vga.mtree <<'END'
(qemu) info mtree -f
FlatView #0
 AS "memory", root: system
 Root memory region: system
  0000000000000000-000000000009ffff (prio 0, ram): pc.ram
  00000000000a0000-00000000000affff (prio 1, ram): vga.vram
  00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
  0000000000100000-0000000007ffffff (prio 0, ram): pc.ram @0000000000100000
  00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram
END
# Two VMs, the memslots of one come and go.
cat >late.txt <<'END'
retryscope-events 1
1000 1 memslot id=0 gfn=0x0 npages=0x10 hva=0x7f0000000000
2000 2 memslot id=0 gfn=0x0 npages=0x8 hva=0x7e0000000000
3000 1 memslot id=1 gfn=0x100 npages=0x8 hva=0x7f0000004000
4000 1 memslot id=1 npages=0
END
printf 'hello\n' >prose.txt
printf 'retryscope-events 1\n0 1 lost count=1\n' >bare.txt

check mtree 'retryscope layout vga.mtree'
# Machines with devices of the host, as people posted them.
cp "$cli_source"/traces/samples/layouts/public/*.mtree .
check public 'retryscope layout --format csv q35-ovmf-gpu.mtree q35-hyperv-gpu.mtree pc-vfio.mtree | cut -d , -f 1,4-8'
check as-memslots 'retryscope convert vga.mtree'
check packed 'zstd -q vga.mtree && retryscope layout --format csv vga.mtree.zst - <vga.mtree'
check json 'retryscope layout --format json late.txt aliases.txt'
# The memslots of an address space one by one by their frames, then those of the next.
cat >spaces.txt <<'END'
retryscope-events 1
0 1 memslot as=1 id=0 gfn=0x0 npages=0x8 hva=0x7e0000000000
1 1 memslot as=0 id=3 gfn=0x200 npages=0x8 hva=0x7f0000008000
2 1 memslot as=0 id=1 gfn=0x100 npages=0x8 hva=0x7f0000004000
END
check spaces 'retryscope layout --format json spaces.txt | grep -E "\"(as|gfn)\""'
check at 'retryscope layout --format csv --at 2us late.txt'
check end 'retryscope layout --format csv late.txt'
check too-early 'retryscope layout --at 0 bare.txt'
check many 'for i in 1 2 3 4 5; do cp vga.mtree $i; done; retryscope layout 1 2 3 4 5'
check prose 'retryscope layout vga.mtree prose.txt'
check none 'retryscope layout bare.txt'
check tree 'printf "address-space: memory\n  0-f (prio 0, i/o): system\n" >t; retryscope layout t'
check usage 'retryscope layout; retryscope layout --at soon x; retryscope layout --format mail x'
check output 'retryscope layout -o t --format csv vga.mtree && cat t'
check no-folder 'retryscope layout -o none/t vga.mtree'
finish
