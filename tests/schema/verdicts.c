// SPDX-License-Identifier: GPL-2.0-only
/* verdicts FILE...: a line for each, "ok" or why the document in it is not what its schema says. */
#include <stdio.h>

#include "tests/schema/schema.h"

int main(int argc, char **argv)
{
	char why[SCHEMA_WHY];
	json_error_t err;
	int wrong = 0;

	for (int i = 1; i < argc; i++) {
		json_t *document = json_load_file(argv[i], JSON_REJECT_DUPLICATES, &err);
		bool holds = document && schema_holds(document, why);

		printf("%s: %s\n", argv[i], !document ? err.text : holds ? "ok" : why);
		wrong += !holds;
		json_decref(document);
	}
	return wrong != 0;
}
