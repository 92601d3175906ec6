# Made by retryscope VERSION. Draw again with: gnuplot -d rejected.gp
set terminal svg size 1000,480 dynamic noenhanced background '#ffffff' font 'sans-serif,12'
set encoding utf8
set output 'rejected.svg'
set tics nomirror out
unset key
set border linecolor '#666666'
set tics textcolor '#000000'
set grid linetype 1 linewidth 0.5 linecolor '#dddddd'
set label 'Faults that each algorithm rejects, and why' at screen 0.0160, screen 0.9542 left font ',14'
set label 'small.txt, kernel not known, VM 1: 4 faults checked in 41 ns' at screen 0.0160, screen 0.9083 left textcolor '#444444'
set object rectangle from screen 0.0160, screen 0.8438 to screen 0.0400, screen 0.8646 fillcolor '#009e73' fillstyle solid 1 noborder
set label 'necessary: the page is really being invalidated' at screen 0.0470, screen 0.8542 left
set object rectangle from screen 0.5000, screen 0.8438 to screen 0.5240, screen 0.8646 fillcolor '#56b4e9' fillstyle solid 1 noborder
set label 'seq: outside the range, but an invalidation has ended' at screen 0.5310, screen 0.8542 left
set object rectangle from screen 0.0160, screen 0.8021 to screen 0.0400, screen 0.8229 fillcolor '#d55e00' fillstyle solid 1 noborder
set label 'alias: between two aliases of a host page' at screen 0.0470, screen 0.8125 left
set object rectangle from screen 0.5000, screen 0.8021 to screen 0.5240, screen 0.8229 fillcolor '#e69f00' fillstyle solid 1 noborder
set label 'concurrent: between two invalidations at once' at screen 0.5310, screen 0.8125 left
set object rectangle from screen 0.0160, screen 0.7604 to screen 0.0400, screen 0.7812 fillcolor '#000000' fillstyle solid 1 noborder
set label 'missed: let through though stale: the algorithm is wrong' at screen 0.0470, screen 0.7708 left
set lmargin at screen 0.0940
set rmargin at screen 0.9700
set tmargin at screen 0.7250
set bmargin at screen 0.1250
set ytics ('global' 0, 'hva' 1, 'gfn' 2, 'gfn-v7' 3, 'gfn-list' 4, 'exact' 5) scale 0
set yrange [5.5:-0.5]
set xrange [-1.665:3.75]
set style fill solid 1 noborder
unset grid
set grid xtics
set format x '%.0f'
set xtics 1
set xlabel 'faults rejected, and to the left of 0 missed (in brackets: share of the 4 checked)'
left(k) = sum [c = 4:k-1] column(c)
counts = 'rejected-counts.dat'
plot counts using 1:1:(left(4)):(left(5)):($1-0.36):($1+0.36) with boxxyerror fillcolor '#009e73', \
     counts using 1:1:(left(5)):(left(6)):($1-0.36):($1+0.36) with boxxyerror fillcolor '#56b4e9', \
     counts using 1:1:(left(7)):(left(8)):($1-0.36):($1+0.36) with boxxyerror fillcolor '#d55e00', \
     counts using 1:1:(left(9)):(left(10)):($1-0.36):($1+0.36) with boxxyerror fillcolor '#e69f00', \
     counts using 1:1:(-$11):(0):($1-0.36):($1+0.36) with boxxyerror fillcolor '#000000', \
     counts using (-$11):1:12 with labels right offset -1,0, \
     counts using (left(11)):1:3 with labels left offset 1,0
set output
