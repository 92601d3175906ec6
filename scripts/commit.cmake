# SPDX-License-Identifier: GPL-2.0-only
# Which commit is built: writes OUT, the header, for SOURCE, where that is something new.
set(commit "")
if(EXISTS "${SOURCE}/.git")
	execute_process(COMMAND git -C "${SOURCE}" describe --always --dirty --abbrev=12 --exclude *
		OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
set(header "/* SPDX-License-Identifier: GPL-2.0-only */\n#define RS_COMMIT \"${commit}\"\n")
set(was "")
if(EXISTS "${OUT}")
	file(READ "${OUT}" was)
endif()
if(NOT was STREQUAL header)
	file(WRITE "${OUT}" "${header}")
endif()
