# SPDX-License-Identifier: LGPL-2.1-or-later

backend_sources += backend/epoch.c backend/epoch.h
backend_sources += backend/flatpak_deploy.c backend/flatpak_deploy.h
backend_sources += backend/journal.c backend/journal.h
backend_sources += backend/names.c backend/names.h
backend_sources += backend/restore_state.c backend/restore_state.h
backend_sources += backend/snap_yaml.c backend/snap_yaml.h
backend_sources += backend/snapshot.c backend/snapshot.h
backend_sources += backend/snapshot_hash.c backend/snapshot_internal.h
backend_sources += backend/snapshot_json.c
backend_sources += backend/snapshot_own.c
backend_sources += backend/snapshot_record.c
backend_sources += backend/snapshot_write.c
backend_sources += backend/store.c backend/store.h
backend_sources += backend/store_list.c backend/store_internal.h
backend_sources += backend/wire.c backend/wire.h
