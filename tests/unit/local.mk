# SPDX-License-Identifier: LGPL-2.1-or-later

unit_test_sources += \
	tests/machine/dirs.c \
	tests/machine/dirs.h \
	tests/unit/main.c \
	tests/unit/suites.h \
	tests/unit/support.c \
	tests/unit/support.h \
	tests/unit/support_build.c \
	tests/unit/support_db.c \
	tests/unit/support_db.h \
	tests/unit/support_deploy.c \
	tests/unit/support_deploy.h \
	tests/unit/support_entries.c \
	tests/unit/support_entries.h \
	tests/unit/support_events.c \
	tests/unit/support_events.h \
	tests/unit/support_root.c \
	tests/unit/support_root.h \
	tests/unit/support_snapd.c \
	tests/unit/support_snapd.h \
	tests/unit/support_lack.c \
	tests/unit/support_meanwhile.c \
	tests/unit/support_gzip.c \
	tests/unit/support_gzip.h \
	tests/unit/support_import.c \
	tests/unit/support_import.h \
	tests/unit/support_pack.c \
	tests/unit/support_pack.h \
	tests/unit/support_snapshot.c \
	tests/unit/support_snapshot.h \
	tests/unit/support_store.c \
	tests/unit/support_store.h \
	tests/unit/support_tar.c \
	tests/unit/support_tar.h \
	tests/unit/support_tree.c \
	tests/unit/support_worker.c \
	tests/unit/support_worker.h \
	tests/unit/support_zip.c \
	tests/unit/support_zip.h \
	tests/unit/support_world.c \
	tests/unit/support_world.h \
	tests/unit/support_zipped.c \
	tests/unit/support_zipped.h

# One line for each suite of suites.h, sorted.
unit_test_sources += tests/unit/test_acl.c
unit_test_sources += tests/unit/test_alloc.c
unit_test_sources += tests/unit/test_apply.c
unit_test_sources += tests/unit/test_apply_hostile.c
unit_test_sources += tests/unit/test_appender.c
unit_test_sources += tests/unit/test_asides.c
unit_test_sources += tests/unit/test_atomic_file.c
unit_test_sources += tests/unit/test_attr.c
unit_test_sources += tests/unit/test_attr_apply.c
unit_test_sources += tests/unit/test_belt.c
unit_test_sources += tests/unit/test_buf.c
unit_test_sources += tests/unit/test_carry.c
unit_test_sources += tests/unit/test_catalog.c
unit_test_sources += tests/unit/test_catalog_snap.c
unit_test_sources += tests/unit/test_cli_json.c
unit_test_sources += tests/unit/test_cli_options.c
unit_test_sources += tests/unit/test_cli_report.c
unit_test_sources += tests/unit/test_cli_table.c
unit_test_sources += tests/unit/test_config.c
unit_test_sources += tests/unit/test_copy.c
unit_test_sources += tests/unit/test_crash.c
unit_test_sources += tests/unit/test_db.c
unit_test_sources += tests/unit/test_db_cache.c
unit_test_sources += tests/unit/test_db_contents.c
unit_test_sources += tests/unit/test_db_fingerprints.c
unit_test_sources += tests/unit/test_db_restores.c
unit_test_sources += tests/unit/test_db_schema.c
unit_test_sources += tests/unit/test_db_sets.c
unit_test_sources += tests/unit/test_definition.c
unit_test_sources += tests/unit/test_definitions.c
unit_test_sources += tests/unit/test_deflate.c
unit_test_sources += tests/unit/test_digest.c
unit_test_sources += tests/unit/test_doctor.c
unit_test_sources += tests/unit/test_entropy.c
unit_test_sources += tests/unit/test_entry.c
unit_test_sources += tests/unit/test_entry_stream.c
unit_test_sources += tests/unit/test_entry_stream_refuses.c
unit_test_sources += tests/unit/test_epoch.c
unit_test_sources += tests/unit/test_error.c
unit_test_sources += tests/unit/test_exclude.c
unit_test_sources += tests/unit/test_expiry.c
unit_test_sources += tests/unit/test_export.c
unit_test_sources += tests/unit/test_fault.c
unit_test_sources += tests/unit/test_fd.c
unit_test_sources += tests/unit/test_fingerprint.c
unit_test_sources += tests/unit/test_flatpak.c
unit_test_sources += tests/unit/test_flatpak_deploy.c
unit_test_sources += tests/unit/test_gzip.c
unit_test_sources += tests/unit/test_gzip_reader.c
unit_test_sources += tests/unit/test_hasher.c
unit_test_sources += tests/unit/test_import.c
unit_test_sources += tests/unit/test_import_refuses.c
unit_test_sources += tests/unit/test_import_sweep.c
unit_test_sources += tests/unit/test_importer.c
unit_test_sources += tests/unit/test_in_use.c
unit_test_sources += tests/unit/test_journal.c
unit_test_sources += tests/unit/test_json.c
unit_test_sources += tests/unit/test_json_write.c
unit_test_sources += tests/unit/test_library.c
unit_test_sources += tests/unit/test_library_check.c
unit_test_sources += tests/unit/test_library_compress.c
unit_test_sources += tests/unit/test_library_export.c
unit_test_sources += tests/unit/test_library_held.c
unit_test_sources += tests/unit/test_library_import.c
unit_test_sources += tests/unit/test_library_import_refuses.c
unit_test_sources += tests/unit/test_library_progress.c
unit_test_sources += tests/unit/test_links.c
unit_test_sources += tests/unit/test_locks.c
unit_test_sources += tests/unit/test_makers.c
unit_test_sources += tests/unit/test_meter.c
unit_test_sources += tests/unit/test_names.c
unit_test_sources += tests/unit/test_observer.c
unit_test_sources += tests/unit/test_operand.c
unit_test_sources += tests/unit/test_owners.c
unit_test_sources += tests/unit/test_pack.c
unit_test_sources += tests/unit/test_pack_change.c
unit_test_sources += tests/unit/test_packages.c
unit_test_sources += tests/unit/test_place.c
unit_test_sources += tests/unit/test_places.c
unit_test_sources += tests/unit/test_pool.c
unit_test_sources += tests/unit/test_process.c
unit_test_sources += tests/unit/test_quote.c
unit_test_sources += tests/unit/test_recovery.c
unit_test_sources += tests/unit/test_remove.c
unit_test_sources += tests/unit/test_restore_state.c
unit_test_sources += tests/unit/test_retention.c
unit_test_sources += tests/unit/test_save.c
unit_test_sources += tests/unit/test_settle.c
unit_test_sources += tests/unit/test_snap.c
unit_test_sources += tests/unit/test_snap_yaml.c
unit_test_sources += tests/unit/test_snapshot.c
unit_test_sources += tests/unit/test_snapshot_file.c
unit_test_sources += tests/unit/test_snapshot_hash.c
unit_test_sources += tests/unit/test_snapshot_json.c
unit_test_sources += tests/unit/test_snapshot_own.c
unit_test_sources += tests/unit/test_snapshot_record.c
unit_test_sources += tests/unit/test_spare.c
unit_test_sources += tests/unit/test_spill.c
unit_test_sources += tests/unit/test_stamp.c
unit_test_sources += tests/unit/test_store.c
unit_test_sources += tests/unit/test_store_list.c
unit_test_sources += tests/unit/test_strings.c
unit_test_sources += tests/unit/test_support.c
unit_test_sources += tests/unit/test_swap.c
unit_test_sources += tests/unit/test_swap_races.c
unit_test_sources += tests/unit/test_sys.c
unit_test_sources += tests/unit/test_tar_read.c
unit_test_sources += tests/unit/test_tar_read_many.c
unit_test_sources += tests/unit/test_tar_read_refuses.c
unit_test_sources += tests/unit/test_tar_write.c
unit_test_sources += tests/unit/test_unpack.c
unit_test_sources += tests/unit/test_users.c
unit_test_sources += tests/unit/test_utf8.c
unit_test_sources += tests/unit/test_walk.c
unit_test_sources += tests/unit/test_wire.c
unit_test_sources += tests/unit/test_worker.c
unit_test_sources += tests/unit/test_xdg.c
unit_test_sources += tests/unit/test_zip.c
unit_test_sources += tests/unit/test_zip_directory.c
unit_test_sources += tests/unit/test_zip_reader.c
unit_test_sources += tests/unit/test_zip_renew.c
