# SPDX-License-Identifier: LGPL-2.1-or-later

backend_sources += backend/worker/identity.c backend/worker/identity.h
backend_sources += backend/worker/importer.c backend/worker/importer.h
backend_sources += backend/worker/mounts.c backend/worker/mounts.h
backend_sources += backend/worker/packer.c backend/worker/packer.h
backend_sources += backend/worker/protocol.h
backend_sources += backend/worker/reader.c backend/worker/reader.h
backend_sources += backend/worker/swap.c backend/worker/swap.h
backend_sources += backend/worker/swapper.c backend/worker/swapper.h
backend_sources += backend/worker/unpacker.c backend/worker/unpacker.h
backend_sources += backend/worker/worker.c backend/worker/worker.h

worker_sources += backend/worker/fence.c backend/worker/fence.h
worker_sources += backend/worker/main.c
worker_sources += backend/worker/serve.c backend/worker/serve.h
worker_sources += backend/worker/serve_ahead.c backend/worker/serve_ahead.h
worker_sources += backend/worker/serve_asides.c backend/worker/serve_asides.h
worker_sources += backend/worker/serve_import.c backend/worker/serve_import.h
worker_sources += backend/worker/serve_packer.c
worker_sources += backend/worker/serve_reader.c
worker_sources += backend/worker/serve_swapper.c
worker_sources += backend/worker/serve_unpacker.c
