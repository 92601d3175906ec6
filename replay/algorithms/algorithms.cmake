# SPDX-License-Identifier: GPL-2.0-only
# The table of algorithms, made of the files that there are: each *.c in this
# folder, and in those of RS_EXTRA_ALGORITHMS, ends with RS_ALGORITHMS(...)
# (algorithms.h), which defines an array that the build names after the file. The
# table refers to each array, so nothing is left out of a static library.
set(RS_EXTRA_ALGORITHMS "" CACHE STRING "folders with more algorithms, one a file")

set(RS_EXTRA_ALGORITHM_SRC)
foreach(folder ${RS_EXTRA_ALGORITHMS})
	get_filename_component(folder ${folder} ABSOLUTE BASE_DIR ${CMAKE_BINARY_DIR})
	file(GLOB files CONFIGURE_DEPENDS ${folder}/*.c)
	list(APPEND RS_EXTRA_ALGORITHM_SRC ${files})
endforeach()
file(GLOB RS_ALGORITHM_SRC CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.c)
list(APPEND RS_ALGORITHM_SRC ${RS_EXTRA_ALGORITHM_SRC})

set(RS_ALGORITHM_ARRAYS)
set(RS_ALGORITHM_EXTERNS "")
set(RS_ALGORITHM_MEMBERS "")
foreach(src ${RS_ALGORITHM_SRC})
	get_filename_component(array ${src} NAME_WLE)
	string(MAKE_C_IDENTIFIER "rs_algorithms_${array}" array)
	if(array IN_LIST RS_ALGORITHM_ARRAYS)
		message(FATAL_ERROR "two files of algorithms have the same name: ${src}")
	endif()
	list(APPEND RS_ALGORITHM_ARRAYS ${array})
	string(APPEND RS_ALGORITHM_EXTERNS "extern RS_ALGORITHM_ARRAY(${array});\n")
	string(APPEND RS_ALGORITHM_MEMBERS "\t${array},\n")
	set_source_files_properties(${src} PROPERTIES COMPILE_DEFINITIONS RS_ALGORITHM_FILE=${array})
endforeach()
set(RS_ALGORITHM_TABLE ${CMAKE_BINARY_DIR}/algorithm_table.c)
file(CONFIGURE OUTPUT ${RS_ALGORITHM_TABLE} @ONLY CONTENT
[[/* SPDX-License-Identifier: GPL-2.0-only */
/* Made by replay/algorithms/algorithms.cmake. */
#include "replay/algorithms/algorithms.h"

@RS_ALGORITHM_EXTERNS@
const struct rs_algo_ops *const *const rs_algorithm_files[] = {
@RS_ALGORITHM_MEMBERS@	NULL
};
]])
