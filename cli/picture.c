// SPDX-License-Identifier: GPL-2.0-only
#include "cli/picture.h"

#include <errno.h>
#include <string.h>

#include "base/temp.h"
#include "cli/cli.h"
#include "cli/output.h"

static int stop(void *arg)
{
	return rs_cli_interrupted;
}

bool picture_format(const char *path, enum rs_figure_format *format)
{
	const char *dot = strrchr(path, '.');

	for (unsigned int f = 0; dot && f < RS_FIGURE_NR_FORMATS; f++) {
		if (!strcmp(dot + 1, rs_figure_suffix(f))) {
			*format = f;
			return true;
		}
	}
	return false;
}

const char *picture_path(const struct argp_state *state, const char *path)
{
	enum rs_figure_format format;

	if (!picture_format(path, &format))
		rs_cli_usage(state, "--plot: FILE.svg, .png, .pdf or .txt expected, not '%s'",
			     path);
	return path;
}

static int copy_picture(const struct rs_workdir *dir, const char *name, const char *path,
			struct rs_error *err)
{
	struct rs_output out;
	int ret = rs_output_open(&out, path, err);

	if (ret)
		return ret;
	ret = rs_workdir_copy(dir, name, out.f, err);
	if (!ret)
		return rs_output_finish(&out, err);
	rs_output_abort(&out);
	return ret;
}

int picture_draw(const char *path, const char *name, void (*draw)(struct rs_figure *fig, void *arg),
		 void *arg, struct rs_error *err)
{
	enum rs_figure_format format;
	struct rs_workdir dir;
	struct rs_figure fig;
	char output[64];
	int ret;

	if (!picture_format(path, &format))
		return rs_error_set(err, RS_ERR_USAGE, EINVAL, "%s: no format has that suffix",
				    path);
	ret = rs_workdir_open(&dir, rs_temp_dir(), err);
	if (ret)
		return ret;
	snprintf(output, sizeof(output), "%s.%s", name, rs_figure_suffix(format));
	ret = rs_figure_begin(&fig, &dir, name, output, format, err);
	if (!ret) {
		draw(&fig, arg);
		ret = rs_figure_draw(&fig, stop, NULL, err);
	}
	if (!ret)
		ret = copy_picture(&dir, output, path, err);
	rs_workdir_close(&dir);
	return ret;
}
