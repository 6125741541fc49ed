/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/power/power.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Of ext4 and XFS alike. */
#define SHUTDOWN _IOR('X', 125, uint32_t)

/* Tables and journal are written at once, so that nothing but the
 * operation writes later. */
static const char *const make_ext4[] = {
	"-q", "-F",     "-b", "4096",
	"-I", "256",    "-N", "4096",
	"-J", "size=4", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard",
	NULL,
};
static const char *const make_xfs[] = { "-q", "-f", "-K", NULL };

static const struct filesystem ext4 = { "ext4", "/sbin/mkfs.ext4", make_ext4,
					"noinit_itable" };
static const struct filesystem xfs = { "xfs", "/sbin/mkfs.xfs", make_xfs, "nouuid" };

const struct layout layouts[] = {
	{ "ext4", { &ext4 } },
	{ "xfs", { &xfs } },
	{ "ext4+xfs", { &ext4, &xfs } },
	{ "xfs+ext4", { &xfs, &ext4 } },
};
const size_t n_layouts = sizeof(layouts) / sizeof(layouts[0]);

size_t layout_disks(const struct layout *l)
{
	return l->fs[1] ? 2 : 1;
}

const char *layout_lacks(const struct layout *l)
{
	for (size_t i = 0; i < layout_disks(l); i++)
		if (access(l->fs[i]->program, X_OK) < 0)
			return l->fs[i]->program;
	return NULL;
}

int disk_new_file(void)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, DISK_SIZE) < 0)
		die("cannot make a disk");
	return fd;
}

/* Takes a free loop device. */
static void attach(struct disk *d, int under)
{
	struct loop_config config = { .fd = (uint32_t)under,
				      .info = { .lo_flags = LO_FLAGS_AUTOCLEAR } };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	for (int tries = 0; tries < 100; tries++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		snprintf(d->device_path, sizeof(d->device_path), "/dev/loop%d", n);
		d->device = open(d->device_path, O_RDWR | O_CLOEXEC);
		if (d->device >= 0 && ioctl(d->device, LOOP_CONFIGURE, &config) == 0) {
			close(control);
			return;
		}
		/* Somebody else was faster. */
		if (d->device >= 0)
			close(d->device);
	}
	die("no loop device");
}

void disk_init(struct disk *d, int file, int under, const char *mountpoint)
{
	*d = (struct disk){ .file = file };
	if (!(d->mountpoint = strdup(mountpoint)))
		die("no memory");
	attach(d, under);
}

/* One stretch without holes, of which zeros are left out. */
static void copy_stretch(int from, int to, off_t begin, off_t end)
{
	static const uint8_t zero[BLOCK_SIZE];
	uint8_t block[BLOCK_SIZE];

	for (off_t at = begin; at < end; at += BLOCK_SIZE) {
		if (pread(from, block, sizeof(block), at) != (ssize_t)sizeof(block))
			die("cannot read a disk");
		if (memcmp(block, zero, sizeof(block)) != 0 &&
		    pwrite(to, block, sizeof(block), at) != (ssize_t)sizeof(block))
			die("cannot write a disk");
	}
}

void disk_copy(int from, int to)
{
	off_t begin, end = 0;

	if (fallocate(to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, DISK_SIZE) < 0)
		die("cannot empty a disk");
	while ((begin = lseek(from, end, SEEK_DATA)) >= 0) {
		end = lseek(from, begin, SEEK_HOLE);
		copy_stretch(from, to, begin, end);
	}
	if (errno != ENXIO)
		die("cannot read a disk");
}

/* An empty one. */
static void make(struct disk *d, const struct filesystem *fs)
{
	const char *argv[24] = { fs->program };
	int n = 1;

	for (int i = 0; fs->make[i]; i++)
		argv[n++] = fs->make[i];
	argv[n] = d->device_path;
	if (fallocate(d->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, DISK_SIZE) <
	    0)
		die("cannot empty a disk");
	run_program(argv);
}

static bool mount_one(struct disk *d, const struct filesystem *fs)
{
	/* What the device still knows of what was there before. */
	if (ioctl(d->device, BLKFLSBUF, 0) < 0)
		die("%s", d->device_path);
	if (mount(d->device_path, d->mountpoint, fs->name, 0, fs->options) == 0)
		return true;
	if (errno != EUCLEAN && errno != EINVAL && errno != EIO && errno != EBADMSG &&
	    errno != ENOENT)
		die("mount %s", d->device_path);
	return false;
}

static void unmount_one(const struct disk *d)
{
	struct timespec pause = { 0, 2000000 };

	/* Whoever was killed may not be gone for good yet: 30 s do on any machine. */
	for (int tries = 0; umount2(d->mountpoint, 0) < 0; tries++) {
		if (errno != EBUSY || tries == 15000)
			die("unmount %s", d->mountpoint);
		nanosleep(&pause, NULL);
	}
}

void disks_make(struct disks *d, const struct layout *l)
{
	d->layout = l;
	for (size_t i = 0; i < layout_disks(l); i++) {
		make(&d->disks[i], l->fs[i]);
		/* The second lies on the first. */
		if (i > 0 && mkdir(d->disks[i].mountpoint, 0755) < 0)
			die("mkdir %s", d->disks[i].mountpoint);
		if (!mount_one(&d->disks[i], l->fs[i]))
			die("a new disk cannot be mounted");
	}
}

bool disks_mount(struct disks *d)
{
	for (size_t i = 0; i < layout_disks(d->layout); i++) {
		if (mount_one(&d->disks[i], d->layout->fs[i]))
			continue;
		while (i-- > 0)
			unmount_one(&d->disks[i]);
		return false;
	}
	return true;
}

void disks_unmount(struct disks *d)
{
	for (size_t i = layout_disks(d->layout); i-- > 0;)
		unmount_one(&d->disks[i]);
}

void disks_open(const struct disks *d, int ret[DISKS_MAX])
{
	for (size_t i = 0; i < DISKS_MAX; i++) {
		ret[i] = -1;
		if (i < layout_disks(d->layout) &&
		    (ret[i] = open(d->disks[i].mountpoint,
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
			die("open %s", d->disks[i].mountpoint);
	}
}

void disks_close(int fds[DISKS_MAX])
{
	for (size_t i = 0; i < DISKS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void disks_cut(const int fds[DISKS_MAX], enum cut cut)
{
	uint32_t flag = cut;

	/* The store first: what could not be recorded is not done either. */
	for (size_t i = DISKS_MAX; i-- > 0;)
		if (fds[i] >= 0 && ioctl(fds[i], SHUTDOWN, &flag) < 0)
			die("cannot shut a file system down");
}
