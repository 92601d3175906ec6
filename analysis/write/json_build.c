// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/json_build.h"

#include <stdlib.h>

#include "analysis/write/json_exact.h"

json_t *rs_json_with(json_t *object, const char *key, json_t *value)
{
	char *utf8 = rs_json_utf8(key);

	if (!object || !value || !utf8 || json_object_set(object, utf8, value)) {
		json_decref(object);
		object = NULL;
	}
	free(utf8);
	json_decref(value);
	return object;
}

json_t *rs_json_object(const struct rs_json_member *members)
{
	json_t *o = json_object();

	for (; members->key; members++)
		o = rs_json_with(o, members->key, members->value);
	return o;
}

json_t *rs_json_append(json_t *array, json_t *value)
{
	if (!array || !value || json_array_append(array, value)) {
		json_decref(array);
		array = NULL;
	}
	json_decref(value);
	return array;
}

json_t *rs_json_join(json_t *object, json_t *more)
{
	if (!object || !more || json_object_update(object, more)) {
		json_decref(object);
		object = NULL;
	}
	json_decref(more);
	return object;
}
