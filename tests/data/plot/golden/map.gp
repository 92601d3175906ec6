# Made by retryscope VERSION. Draw again with: gnuplot -d map.gp
set terminal svg size 1200,760 dynamic noenhanced background '#ffffff' font 'sans-serif,12'
set encoding utf8
set output 'map.svg'
set tics nomirror out
unset key
set border linecolor '#666666'
set tics textcolor '#000000'
set grid linetype 1 linewidth 0.5 linecolor '#dddddd'
set label 'Which guest frames gfn (Linux 6.8 on) blocks, what is really being invalidated, and the faults' at screen 0.0133, screen 0.9711 left font ',14'
set label 'small.txt, kernel not known, VM 1: 4 faults checked in 41 ns' at screen 0.0133, screen 0.9421 left textcolor '#444444'
set object rectangle from screen 0.0133, screen 0.9013 to screen 0.0333, screen 0.9145 fillcolor '#f5b93a' fillstyle solid 1 noborder
set label 'in gfn''s range: blocked (paler: at times)' at screen 0.0392, screen 0.9079 left
set object rectangle from screen 0.3378, screen 0.9013 to screen 0.3578, screen 0.9145 fillcolor '#0072b2' fillstyle solid 1 noborder
set label 'really being invalidated (paler: little of it)' at screen 0.3636, screen 0.9079 left
set label '' at screen 0.6722, screen 0.9079 point pointtype 7 pointsize 0.32 linecolor '#000000'
set label 'fault accepted: 1' at screen 0.6881, screen 0.9079 left
set label '' at screen 0.0233, screen 0.8816 point pointtype 9 pointsize 0.96 linecolor '#009e73'
set label 'necessary retry: 1' at screen 0.0392, screen 0.8816 left
set label '' at screen 0.3478, screen 0.8816 point pointtype 2 pointsize 0.72 linecolor '#d55e00'
set label 'needless retry, in gfn''s range: 1' at screen 0.3636, screen 0.8816 left
set label '' at screen 0.6722, screen 0.8816 point pointtype 1 pointsize 0.80 linecolor '#cc79a7'
set label 'needless retry, only for seq: 1' at screen 0.6881, screen 0.8816 left
set lmargin at screen 0.1800
set rmargin at screen 0.9750
set tmargin at screen 0.8526
set bmargin at screen 0.0842
set xlabel 'time since the first event of the trace (ns)'
set xrange [0:42]
set yrange [0:8]
set ytics ('0x0-0x3 (16 KiB)' 2, '0x100-0x103 (16 KiB)' 6)
set arrow from graph 0, first 4 to graph 1, first 4 nohead front linecolor '#444444' linewidth 1 dashtype 2
set label 'guest frame number; gaps left out at dashed lines' at screen 0.0133, screen 0.4303 center rotate
seen(share, least) = share > 0 ? least + (1 - least) * share : 0
seen_log(share) = share > 0 ? share < 1e-6 ? 0.15 : 1 + 0.85 * log10(share) / 6 : 0
mix(under, over, share) = under + (over - under) * share
shade(base, range, covered, s, r, c) = \
	mix(mix(mix(0xd0, base, s), range, seen(r, 0.12)), covered, seen_log(c))
red(s, r, c) = shade(255, 0xf5, 0x00, s, r, c)
green(s, r, c) = shade(255, 0xb9, 0x72, s, r, c)
blue(s, r, c) = shade(255, 0x3a, 0xb2, s, r, c)
unset grid
plot 'map-cells.dat' using 1:2:(red($3,$4,$5)):(green($3,$4,$5)):(blue($3,$4,$5)) with rgbimage, \
     'map-accepted.dat' using 1:2 with points pointtype 7 pointsize 0.32 linewidth 2.5 linecolor '#000000', \
     'map-necessary.dat' using 1:2 with points pointtype 9 pointsize 1.20 linewidth 2.5 linecolor '#009e73', \
     'map-in-range.dat' using 1:2 with points pointtype 2 pointsize 0.90 linewidth 2.5 linecolor '#d55e00', \
     'map-seq.dat' using 1:2 with points pointtype 1 pointsize 1.00 linewidth 2.5 linecolor '#cc79a7'
set output
