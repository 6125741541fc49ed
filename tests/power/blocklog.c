/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/power/power.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * A file system that is one file: its root is no directory.  The kernel is told to keep
 * nothing of it in memory, so that each write to a loop device on top of it arrives here
 * as it is, and each flush as an fsync.  The kernel's protocol is plain enough to be
 * spoken without a library.
 */

#define WRITE_MAX    (1u << 20)
#define REQUEST_MAX  (WRITE_MAX + 65536u)
#define MINOR        31u
#define FOR_ALL_TIME 1000000000u

/* One of its files. */
struct server {
	unsigned disk;
	int fuse, store;
	struct blocklog *log;
	uint8_t *request, *answer;
};

/* An answer of n bytes, or the error. */
static void reply(const struct server *s, const struct fuse_in_header *in, int error,
		  const void *p, size_t n)
{
	struct fuse_out_header out = { .len = (uint32_t)(sizeof(out) + (error ? 0 : n)),
				       .error = -error,
				       .unique = in->unique };
	struct iovec iov[2] = { { &out, sizeof(out) },
				{ (void *)(uintptr_t)p, error ? 0 : n } };

	/* A request may have been given up meanwhile. */
	if (writev(s->fuse, iov, 2) < 0 && errno != ENOENT)
		die("cannot answer the kernel");
}

static void note(const struct server *s, uint64_t offset, const void *p, uint32_t size)
{
	struct blocklog *log = s->log;
	size_t n = atomic_load(&log->n);

	if (!atomic_load(&log->noting))
		return;
	if (n == BLOCKLOG_EVENTS || size > BLOCKLOG_BYTES - log->used)
		die("the block log is full");
	log->events[n] = (struct blocklog_event){ s->disk, size, offset, log->used };
	if (size)
		memcpy(log->data + log->used, p, size);
	log->used += size;
	atomic_store(&log->n, n + 1);
}

static void serve_init(const struct server *s, const struct fuse_in_header *in)
{
	const struct fuse_init_in *q = (const struct fuse_init_in *)(in + 1);
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = MINOR,
		.max_readahead = q->max_readahead,
		.flags = q->flags & (FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_ASYNC_READ),
		.max_background = 64,
		.congestion_threshold = 48,
		.max_write = WRITE_MAX,
		.time_gran = 1,
		.max_pages = WRITE_MAX / BLOCK_SIZE,
	};

	reply(s, in, 0, &out, sizeof(out));
}

static void serve_attr(const struct server *s, const struct fuse_in_header *in)
{
	struct fuse_attr_out out = {
		.attr_valid = FOR_ALL_TIME,
		.attr = { .ino = FUSE_ROOT_ID,
			  .size = DISK_SIZE,
			  .blocks = DISK_SIZE / 512,
			  .mode = S_IFREG | 0600,
			  .nlink = 1,
			  .blksize = BLOCK_SIZE },
	};

	reply(s, in, 0, &out, sizeof(out));
}

static void serve_read(const struct server *s, const struct fuse_in_header *in)
{
	const struct fuse_read_in *q = (const struct fuse_read_in *)(in + 1);
	ssize_t n = -1;

	if (q->size <= WRITE_MAX)
		n = pread(s->store, s->answer, q->size, (off_t)q->offset);
	reply(s, in, n < 0 ? EIO : 0, s->answer, n < 0 ? 0 : (size_t)n);
}

static void serve_write(const struct server *s, const struct fuse_in_header *in)
{
	const struct fuse_write_in *q = (const struct fuse_write_in *)(in + 1);
	struct fuse_write_out out = { .size = q->size };

	if (pwrite(s->store, q + 1, q->size, (off_t)q->offset) != (ssize_t)q->size)
		die("cannot write the store");
	note(s, q->offset, q + 1, q->size);
	reply(s, in, 0, &out, sizeof(out));
}

static void serve(const struct server *s, const struct fuse_in_header *in)
{
	struct fuse_open_out opened = { .open_flags = FOPEN_DIRECT_IO };
	struct fuse_statfs_out statfs = { .st = { .bsize = BLOCK_SIZE,
						  .frsize = BLOCK_SIZE } };

	switch (in->opcode) {
	case FUSE_INIT:
		serve_init(s, in);
		return;
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		serve_attr(s, in);
		return;
	case FUSE_OPEN:
		reply(s, in, 0, &opened, sizeof(opened));
		return;
	case FUSE_READ:
		serve_read(s, in);
		return;
	case FUSE_WRITE:
		serve_write(s, in);
		return;
	case FUSE_FSYNC:
		note(s, 0, NULL, 0);
		reply(s, in, 0, NULL, 0);
		return;
	case FUSE_STATFS:
		reply(s, in, 0, &statfs, sizeof(statfs));
		return;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		reply(s, in, 0, NULL, 0);
		return;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;
	default:
		reply(s, in, ENOSYS, NULL, 0);
	}
}

/* One request, if there is one. */
static void serve_one(const struct server *s)
{
	ssize_t n = read(s->fuse, s->request, REQUEST_MAX);

	if (n > 0)
		serve(s, (const struct fuse_in_header *)(void *)s->request);
	else if (errno == ENODEV)
		_exit(0); /* the kernel has no more to ask */
	else if (errno != EINTR && errno != EAGAIN && errno != ENOENT)
		die("cannot hear the kernel");
}

/* All requests for all files by one process: so their order is known. */
static __attribute__((noreturn)) void serve_all(struct server servers[DISKS_MAX])
{
	struct pollfd polled[DISKS_MAX];
	uint8_t *request = malloc(REQUEST_MAX), *answer = malloc(WRITE_MAX);

	if (!request || !answer)
		die("no memory");
	for (unsigned i = 0; i < DISKS_MAX; i++) {
		servers[i].request = request;
		servers[i].answer = answer;
		polled[i] = (struct pollfd){ servers[i].fuse, POLLIN, 0 };
	}
	for (;;) {
		if (poll(polled, DISKS_MAX, -1) < 0 && errno != EINTR)
			die("poll");
		for (unsigned i = 0; i < DISKS_MAX; i++)
			if (polled[i].revents)
				serve_one(&servers[i]);
	}
}

/* Mounts a file. */
static int mount_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	char options[100];

	if (fd < 0 || fuse < 0)
		die("cannot begin %s", path);
	close(fd);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100000,user_id=0,group_id=0",
		 fuse);
	if (mount("setaside-blocklog", path, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		die("mount %s", path);
	return fuse;
}

struct blocklog *blocklog_start(char *const paths[DISKS_MAX], const int stores[DISKS_MAX])
{
	struct blocklog *log = shared_memory(sizeof(*log));
	struct server servers[DISKS_MAX];
	pid_t pid;

	for (unsigned i = 0; i < DISKS_MAX; i++)
		servers[i] = (struct server){ .disk = i,
					      .fuse = mount_file(paths[i]),
					      .store = stores[i],
					      .log = log };
	pid = fork();
	if (pid < 0)
		die("cannot fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		serve_all(servers);
	}
	for (unsigned i = 0; i < DISKS_MAX; i++)
		close(servers[i].fuse);
	return log;
}
