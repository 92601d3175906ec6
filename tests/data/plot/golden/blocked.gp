# Made by retryscope VERSION. Draw again with: gnuplot -d blocked.gp
set terminal svg size 1100,620 dynamic noenhanced background '#ffffff' font 'sans-serif,12'
set encoding utf8
set output 'blocked.svg'
set tics nomirror out
unset key
set border linecolor '#666666'
set tics textcolor '#000000'
set grid linetype 1 linewidth 0.5 linecolor '#dddddd'
set label 'Guest frames that each algorithm blocks, over time: log scale with 0 at the bottom' at screen 0.0145, screen 0.9645 left font ',14'
set label 'small.txt, kernel not known, VM 1: 4 faults checked in 41 ns' at screen 0.0145, screen 0.9290 left textcolor '#444444'
set object rectangle from screen 0.0145, screen 0.8790 to screen 0.0364, screen 0.8952 fillcolor '#c8c8c8' fillstyle solid 1 noborder
set label 'least to most within 1 ns' at screen 0.0427, screen 0.8871 left
set arrow from screen 0.3382, screen 0.8871 to screen 0.3600, screen 0.8871 nohead linewidth 1.2 linecolor '#444444' dashtype 1
set label 'mean within 1 ns' at screen 0.3664, screen 0.8871 left
set arrow from screen 0.6618, screen 0.8871 to screen 0.6836, screen 0.8871 nohead linewidth 1.0 linecolor '#000000' dashtype 2
set label 'all guest frames in memslots' at screen 0.6900, screen 0.8871 left
set nonlinear y via log10(1+y) inverse 10**y-1
set yrange [0:12.8]
set ytics (0, 1, 2, 5)
set multiplot
set label 'guest frames blocked' at screen 0.0145, screen 0.4306 center rotate
set xlabel 'time since the first event of the trace (ns)'
set xrange [0:41]
set format x ''
unset xlabel
set lmargin at screen 0.0818
set rmargin at screen 0.8455
set tmargin at screen 0.8516
set bmargin at screen 0.6161
unset label 11
set label 11 'hva' at graph 1.012, graph 0.86 left font ',13'
set label 12 '5.15 - 6.7'."\n".'mean 0.73'."\n".'9.1 % of guest'."\n".'most 2' at graph 1.012, graph 0.66 left
plot 'blocked-hva.dat' using 1:2:3 with filledcurves fillcolor '#0072b2' fillstyle transparent solid 0.35 noborder, \
     'blocked-hva.dat' using 1:4 with lines linewidth 1.2 linecolor '#0072b2', \
     'blocked-frames.dat' using 1:3 with lines linecolor '#000000' dashtype 2
unset label
unset object
unset arrow
set lmargin at screen 0.0818
set rmargin at screen 0.8455
set tmargin at screen 0.5968
set bmargin at screen 0.3613
unset label 11
set label 11 'gfn' at graph 1.012, graph 0.86 left font ',13'
set label 12 '6.8 on'."\n".'mean 1.83'."\n".'23 % of guest'."\n".'most 5' at graph 1.012, graph 0.66 left
plot 'blocked-gfn.dat' using 1:2:3 with filledcurves fillcolor '#d55e00' fillstyle transparent solid 0.35 noborder, \
     'blocked-gfn.dat' using 1:4 with lines linewidth 1.2 linecolor '#d55e00', \
     'blocked-frames.dat' using 1:3 with lines linecolor '#000000' dashtype 2
unset label
unset object
unset arrow
set lmargin at screen 0.0818
set rmargin at screen 0.8455
set tmargin at screen 0.3419
set bmargin at screen 0.1065
set format x '%g'
set xlabel 'time since the first event of the trace (ns)'
set xrange [0:41]
unset label 11
set label 11 'exact' at graph 1.012, graph 0.86 left font ',13'
set label 12 'lower bound'."\n".'mean 0.73'."\n".'9.1 % of guest'."\n".'most 2' at graph 1.012, graph 0.66 left
plot 'blocked-exact.dat' using 1:2:3 with filledcurves fillcolor '#009e73' fillstyle transparent solid 0.35 noborder, \
     'blocked-exact.dat' using 1:4 with lines linewidth 1.2 linecolor '#009e73', \
     'blocked-frames.dat' using 1:3 with lines linecolor '#000000' dashtype 2
unset label
unset object
unset arrow
unset multiplot
set output
