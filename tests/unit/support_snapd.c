/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_snapd.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/support.h"

pid_t support_snapd_start(const char *answer, size_t n)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
	char request[200];
	pid_t pid;

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/snapd",
		 support_dirfd());
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		peer = accept(fd, NULL, NULL);
		if (n == 0)
			pause();
		if (read(peer, request, sizeof(request)) < 20 ||
		    strncmp(request, "GET /v2/snaps HTTP/1.0\r\n", 24) != 0 ||
		    write(peer, answer, n / 2) < 0 ||
		    write(peer, answer + n / 2, n - n / 2) < 0)
			_exit(1);
		_exit(0);
	}
	close(fd);
	return pid;
}

bool support_snapd_was_late(const char *text)
{
	return strstr(text, "no answer in 2 s") != NULL;
}

const char *support_snapd_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/snapd", support_dirfd());
	return path;
}
