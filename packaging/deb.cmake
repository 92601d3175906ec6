# SPDX-License-Identifier: GPL-2.0-only
# Before cpack packs a .deb: what Debian wants of the files in it.
file(GLOB_RECURSE pages ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/man/*.[1-8])
set(doc ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/doc/retryscope)
execute_process(COMMAND gzip -9n ${pages} ${doc}/changelog ${doc}/NEWS
	COMMAND_ERROR_IS_FATAL ANY)
