# SPDX-License-Identifier: GPL-2.0-only
# Makes tables.txt: Rscript tables.R >tables.txt, with R alone (4.2.2; wilcox.test of its stats).
# What has ties wilcox.test does not do exactly: there p is counted over all ways to deal out
# the ranks, by combn(). The interval is wilcox.test's, of logarithms.
tables <- list(
	apart4 = list(c(10, 11, 12, 13), c(20, 21, 22, 23)),
	mixed4 = list(c(10, 14, 12, 19), c(11, 13, 15, 22)),
	uneven = list(c(3.1, 2.7, 3.9, 4.4, 2.2), c(4.1, 5.2, 3.3, 6.0, 4.8, 5.5, 7.1)),
	near8 = list(c(100, 101, 99, 102, 98, 103, 97, 104), c(105, 104.5, 106, 107, 103.5, 108, 102.5, 109)),
	chance8 = list(c(5, 9, 1, 7, 3, 11, 15, 13), c(2, 4, 6, 8, 10, 12, 14, 16)),
	ties5 = list(c(1, 2, 2, 3, 3), c(3, 4, 4, 5, 5)),
	ties6 = list(c(7, 7, 7, 8, 8, 9), c(7, 8, 8, 8, 9, 9)),
	tiesuneven = list(c(1, 1, 1, 2), c(1, 2, 2, 3, 3, 3, 4)),
	wide12 = list(c(1e3, 2e3, 4e3, 1.5e4, 3e4, 7e2, 9e3, 1.1e4, 5e3, 6e3, 2.5e3, 8e3),
		c(2.1e4, 3.3e4, 1.2e4, 4.1e4, 5.2e3, 6.1e4, 7.7e3, 9.9e4, 1.8e4, 2.7e4, 3.6e4, 4.5e3)),
	large30 = list(c(31, 47, 12, 88, 64, 5, 73, 29, 91, 18, 56, 40, 77, 23, 69, 34, 82, 9, 50, 61,
			15, 95, 27, 44, 70, 36, 58, 3, 80, 21),
		c(52, 90, 38, 110, 75, 26, 99, 60, 104, 33, 71, 48, 93, 41, 85, 57, 101, 19, 66, 79,
			30, 115, 45, 63, 88, 54, 74, 13, 97, 39)))
p_of_ties <- function(a, b) {
	ranks <- rank(c(a, b))
	sums <- combn(length(ranks), length(b), function(i) sum(ranks[i]))
	s <- sum(ranks[length(a) + seq_along(b)])
	min(1, 2 * min(mean(sums <= s + 1e-9), mean(sums >= s - 1e-9)))
}
cat("# SPDX-License-Identifier: GPL-2.0-only\n")
cat("# Made by tables.R. NAME; base; new; U of new; p; ratio; low; high\n")
for (name in names(tables)) {
	a <- tables[[name]][[1]]; b <- tables[[name]][[2]]
	ties <- any(duplicated(c(a, b))); large <- length(a) + length(b) > 50
	t <- suppressWarnings(wilcox.test(b, a, exact = !ties && !large, correct = TRUE))
	p <- if (ties && !large) p_of_ties(a, b) else t$p.value
	shift <- sort(outer(log(b), log(a), "-"))
	m <- length(a); n <- length(b)
	if (large) {
		k <- floor(m * n / 2 - qnorm(0.975) * sqrt(m * n * (m + n + 1) / 12))
		low <- shift[k]; high <- shift[m * n + 1 - k]
	} else if (ties) {
		k <- max(1, qwilcox(0.025, n, m))
		low <- shift[k]; high <- shift[m * n + 1 - k]
	} else {
		ci <- wilcox.test(log(b), log(a), conf.int = TRUE, exact = TRUE)$conf.int
		low <- ci[1]; high <- ci[2]
	}
	f <- function(v) paste(format(v, digits = 15, trim = TRUE, scientific = FALSE, drop0trailing = TRUE), collapse = " ")
	g <- function(v) formatC(v, digits = 12, format = "g")
	cat(name, f(a), f(b), g(t$statistic), g(p), g(exp(median(shift))), g(exp(low)), g(exp(high)), sep = "; ")
	cat("\n")
}
