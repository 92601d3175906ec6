# Made by retryscope VERSION. Draw again with: gnuplot -d widening.gp
set terminal svg size 1000,640 dynamic noenhanced background '#ffffff' font 'sans-serif,12'
set encoding utf8
set output 'widening.svg'
set tics nomirror out
unset key
set border linecolor '#666666'
set tics textcolor '#000000'
set grid linetype 1 linewidth 0.5 linecolor '#dddddd'
set label 'How much more of the guest is blocked than is being invalidated' at screen 0.0160, screen 0.9656 left font ',14'
set label 'small.txt, kernel not known, VM 1: 4 faults checked in 41 ns' at screen 0.0160, screen 0.9313 left textcolor '#444444'
set arrow from screen 0.0160, screen 0.8906 to screen 0.0400, screen 0.8906 nohead linewidth 5.0 linecolor '#0072b2' dashtype 1
set label 'hva / exact: median 1.00, mean 1.00, most 1.00 (1 epoch)' at screen 0.0470, screen 0.8906 left
set arrow from screen 0.0160, screen 0.8594 to screen 0.0400, screen 0.8594 nohead linewidth 2.0 linecolor '#d55e00' dashtype 1
set label 'gfn / exact: median 2.50, mean 2.50, most 2.50 (1 epoch)' at screen 0.0470, screen 0.8594 left
set lmargin at screen 0.0800
set rmargin at screen 0.9700
set tmargin at screen 0.8250
set bmargin at screen 0.0938
set logscale xy
set xrange [0.869565217:3.25]
set yrange [6.66666667:130]
set format '%g'
set xlabel 'widening: frames blocked / frames really being invalidated (times; peak of the epoch)'
set label 'epochs with at least that widening (%)' at screen 0.0160, screen 0.4172 center rotate
plot 'widening-hva.dat' using 1:2 with fsteps linewidth 5.0 linecolor '#0072b2' dashtype 1, \
     'widening-gfn.dat' using 1:2 with fsteps linewidth 2.0 linecolor '#d55e00' dashtype 1
set output
