/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_SOURCE_H
#define RS_TRACES_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * Where a trace is read from: a file or a stream, decompressed on the way if it is
 * compressed (traces/unpack.h), as far as the budget of what is stored allows. All positions
 * and bytes are those of the decompressed input unless said otherwise. Not thread safe.
 */
struct rs_source;

/* So many of the first bytes, or all that there are, can be peeked at. */
#define RS_SOURCE_HEAD 4096

/*
 * Opens @path ("-": standard input, which stays open). NULL with errno and @err
 * set: no such file, a directory, empty, no permission, broken compression.
 */
struct rs_source *rs_source_open(const char *path, struct rs_error *err);
void rs_source_close(struct rs_source *s);

/* The first *@len bytes, whatever has been read since. */
const unsigned char *rs_source_peek(const struct rs_source *s, size_t *len);

/*
 * The next bytes, at most @size. 0: the end. Negative errno with @err set: a
 * failing read, broken or truncated compression, -EINTR (RS_ERR_INTR) if a
 * signal's handler ran while it waited.
 */
ssize_t rs_source_read(struct rs_source *s, void *buf, size_t size, struct rs_error *err);

/* Writes all that is left of it to @fd; *@at moves on by as much. 0, or negative errno, @err set.
 */
int rs_source_copy(struct rs_source *s, int fd, uint64_t *at, struct rs_error *err);

/* Starts again at the first byte. -ESPIPE, with nothing changed, for a pipe. */
int rs_source_rewind(struct rs_source *s, struct rs_error *err);

/* For progress: stored (compressed) bytes read so far, and in all (0: not known). */
uint64_t rs_source_done(const struct rs_source *s);
uint64_t rs_source_total(const struct rs_source *s);
/* For a form that does not read through rs_source_read(): says how far it is. */
void rs_source_set_done(struct rs_source *s, uint64_t done);

/*
 * A path under which the whole input can be opened as a seekable, uncompressed
 * file, for libraries that want one. A pipe or compressed input is first copied
 * to an unlinked temporary file in $TMPDIR (else /var/tmp); the source reads
 * that from then on, and is at its first byte. The path is valid until the
 * source is closed. NULL with errno and @err set.
 */
const char *rs_source_seekable_path(struct rs_source *s, struct rs_error *err);

/*
 * From now on the source reads the file that @fd is, which it takes, from its begin. 0, or
 * negative errno with @err set; then only rs_source_close() is left.
 */
int rs_source_become(struct rs_source *s, int fd, struct rs_error *err);

/*
 * Whether the input is a plain, uncompressed file of *@size bytes, which can be read at any
 * place by rs_source_read_at().
 */
bool rs_source_is_plain(const struct rs_source *s, uint64_t *size);
/*
 * @size bytes from @offset of a plain file, without moving in it. Returns how many there
 * were: fewer if the file ends there by now. Negative errno with @err set.
 */
ssize_t rs_source_read_at(const struct rs_source *s, void *buf, size_t size, uint64_t offset,
			  struct rs_error *err);

#endif
