# SPDX-License-Identifier: LGPL-2.1-or-later

# What needs no operation to be linked, and is tested by itself.
cli_modules = \
	cli/answer.c cli/answer.h \
	cli/arguments.c cli/arguments.h \
	cli/json_inventory.c cli/json_inventory.h \
	cli/json_outcome.c cli/json_outcome.h \
	cli/json_parts.c cli/json_parts.h \
	cli/json_set.c cli/json_set.h \
	cli/options.c cli/options.h \
	cli/progress.c cli/progress.h \
	cli/report.c cli/report.h \
	cli/say.c cli/say.h \
	cli/set_table.c cli/set_table.h \
	cli/show.c cli/show.h \
	cli/signals.c cli/signals.h \
	cli/table.c cli/table.h \
	cli/text.c cli/text.h

cli_sources += $(cli_modules)
unit_test_sources += $(cli_modules)
cli_sources += cli/cli.c cli/cli.h
cli_sources += cli/help.c cli/help.h
cli_sources += cli/restored.c cli/restored.h
cli_sources += cli/verb.c cli/verb.h
cli_sources += cli/cmd_apps.c
cli_sources += cli/cmd_check.c
cli_sources += cli/cmd_doctor.c
cli_sources += cli/cmd_estimate.c
cli_sources += cli/cmd_export.c
cli_sources += cli/cmd_forget.c
cli_sources += cli/cmd_help.c
cli_sources += cli/cmd_import.c
cli_sources += cli/cmd_keep.c
cli_sources += cli/cmd_restore.c
cli_sources += cli/cmd_save.c
cli_sources += cli/cmd_saved.c
cli_sources += cli/cmd_show.c
cli_sources += cli/cmd_undo.c
cli_sources += cli/cmd_users.c
cli_sources += cli/main.c

command_tests += tests/cli/interrupted.py
command_tests += tests/cli/progress.py
command_tests += tests/cli/readme.sh
command_tests += tests/cli/signals.py
command_tests += tests/cli/back.sh
command_tests += tests/cli/usage.sh
command_tests += tests/cli/verbs.sh
dist_check += tests/cli/lib.sh tests/cli/program.py tests/cli/trees.py
