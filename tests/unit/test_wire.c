/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/wire.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"

#define BIG 200000 /* more than any datagram that is accepted */

enum {
	TYPE = 70,
	TAG_A = 65,
	TAG_B,
	TAG_C
};

/* What every test has: both ends of a socket, and a record for each direction. */
struct talk {
	int sock[2];
	struct wire_out out;
	struct wire_in in;
	struct err err;
};

static struct talk t;

static void talk_begin(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, t.sock),
			 0);
	wire_out_init(&t.out);
	wire_in_init(&t.in);
	t.err = (struct err)ERR_INIT;
	ck_assert_ok(wire_begin(&t.out, TYPE, &t.err), &t.err);
}

static void talk_end(void)
{
	wire_out_done(&t.out);
	wire_in_done(&t.in);
	err_clear(&t.err);
	for (int i = 0; i < 2; i++) {
		if (t.sock[i] >= 0)
			close(t.sock[i]);
		t.sock[i] = -1;
	}
}

/* Sends the record that was built, and receives it. */
static void deliver(void)
{
	ck_assert_ok(wire_send(t.sock[0], &t.out, &t.err), &t.err);
	int got = wire_recv(t.sock[1], &t.in, &t.err);
	ck_assert_msg(got == 1, "%d: %s", got, err_message(&t.err));
}

/* Sends n raw bytes with n_fds copies of a descriptor. */
static void send_raw(const void *p, size_t n, size_t n_fds)
{
	struct iovec iov = { (void *)(uintptr_t)p, n };
	const int fd = support_dirfd();

	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		for (size_t i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &fd,
			       sizeof(fd));
	}
	ck_assert_int_eq(sendmsg(t.sock[0], &msg, 0), (ssize_t)n);
}

static void receive_raw(const void *p, size_t n)
{
	send_raw(p, n, 0);
	int got = wire_recv(t.sock[1], &t.in, &t.err);
	ck_assert_msg(got == 1, "%d: %s", got, err_message(&t.err));
}

START_TEST(wire_brings_every_kind_of_field)
{
	const uint8_t bytes[] = { 0, 1, 255, 0 };
	const uint8_t *p = NULL;
	size_t n = 9;
	uint64_t v = 0;
	char *s = NULL;

	talk_begin();
	wire_put_u64(&t.out, TAG_A, UINT64_MAX, &t.err);
	wire_put_bytes(&t.out, TAG_B, bytes, sizeof(bytes), &t.err);
	wire_put_bytes(&t.out, TAG_B, NULL, 0, &t.err);
	wire_put_str(&t.out, TAG_C, "text", &t.err);
	wire_put_str(&t.out, TAG_C, "", &t.err);
	ck_assert_ok(wire_put_str(&t.out, TAG_C, NULL, &t.err), &t.err);
	deliver();
	ck_assert_uint_eq(t.in.type, TYPE);
	ck_assert_ok(wire_get_u64(&t.in, TAG_A, &v, &t.err), &t.err);
	ck_assert(v == UINT64_MAX);
	ck_assert_ok(wire_get_bytes(&t.in, TAG_B, 4, &p, &n, &t.err), &t.err);
	ck_assert_uint_eq(n, sizeof(bytes));
	ck_assert_mem_eq(p, bytes, sizeof(bytes));
	ck_assert_ok(wire_get_bytes(&t.in, TAG_B, 0, &p, &n, &t.err), &t.err);
	ck_assert_uint_eq(n, 0);
	ck_assert_ok(wire_get_str(&t.in, TAG_C, 4, &s, &t.err), &t.err);
	ck_assert_str_eq(s, "text");
	free(s);
	ck_assert_ok(wire_get_str(&t.in, TAG_C, 4, &s, &t.err), &t.err);
	ck_assert_str_eq(s, "");
	free(s);
	ck_assert(!wire_at_end(&t.in));
	ck_assert_ok(wire_get_str(&t.in, TAG_C, 4, &s, &t.err), &t.err);
	ck_assert_ptr_null(s);
	ck_assert(wire_at_end(&t.in));
	talk_end();
}

END_TEST

START_TEST(wire_lays_bytes_out_as_documented)
{
	static const uint8_t expected[] = {
		70, 0,                                                 /* type */
		65, 0, 8,   0,   0,   0,   2,   1,   0, 0, 0, 0, 0, 0, /* 258 */
		66, 0, 2,   0,   0,   0,   'h', 'i',                   /* string */
		67, 0, 255, 255, 255, 255,                             /* absent */
	};

	talk_begin();
	wire_put_u64(&t.out, TAG_A, 258, &t.err);
	wire_put_str(&t.out, TAG_B, "hi", &t.err);
	ck_assert_ok(wire_put_str(&t.out, TAG_C, NULL, &t.err), &t.err);
	ck_assert_uint_eq(t.out.bytes.len, sizeof(expected));
	ck_assert_mem_eq(t.out.bytes.data, expected, sizeof(expected));
	talk_end();
}

END_TEST

START_TEST(wire_begins_anew)
{
	talk_begin();
	wire_put_u64(&t.out, TAG_A, 1, &t.err);
	wire_put_fd(&t.out, t.sock[0], &t.err);
	ck_assert_ok(wire_begin(&t.out, TYPE + 1, &t.err), &t.err);
	deliver();
	ck_assert_uint_eq(t.in.type, TYPE + 1);
	ck_assert(wire_at_end(&t.in));
	talk_end();
}

END_TEST

START_TEST(wire_takes_exactly_its_limit)
{
	static uint8_t bytes[WIRE_MAX];
	const uint8_t *p;
	size_t n;

	talk_begin();
	ck_assert_ok(wire_put_bytes(&t.out, TAG_A, bytes, WIRE_MAX - 8, &t.err), &t.err);
	ck_assert_uint_eq(t.out.bytes.len, WIRE_MAX);
	deliver();
	ck_assert_ok(wire_get_bytes(&t.in, TAG_A, WIRE_MAX, &p, &n, &t.err), &t.err);
	ck_assert_uint_eq(n, WIRE_MAX - 8);
	talk_end();
}

END_TEST

START_TEST(wire_refuses_records_over_its_limit)
{
	static uint8_t bytes[WIRE_MAX];

	talk_begin();
	ck_assert_fails(wire_put_bytes(&t.out, TAG_A, bytes, WIRE_MAX - 7, &t.err),
			&t.err, ERR_NO_SPACE,
			"message between processes: longer than 65536");
	ck_assert_fails(wire_put_bytes(&t.out, TAG_A, bytes, SIZE_MAX, &t.err), &t.err,
			ERR_NO_SPACE, "longer than 65536");
	/* Nothing of the field was left behind. */
	ck_assert_uint_eq(t.out.bytes.len, 2);
	talk_end();
}

END_TEST

START_TEST(wire_latches_the_first_error)
{
	static uint8_t bytes[WIRE_MAX];
	uint64_t v = 7;
	char *s = (char *)&t;

	talk_begin();
	wire_put_bytes(&t.out, TAG_A, bytes, WIRE_MAX, &t.err);
	ck_assert_int_eq(wire_put_u64(&t.out, TAG_A, 1, &t.err), -1);
	ck_assert_int_eq(wire_put_fd(&t.out, t.sock[0], &t.err), -1);
	ck_assert_int_eq(wire_send(t.sock[0], &t.out, &t.err), -1);
	ck_assert_err(&t.err, ERR_NO_SPACE, "longer than");
	ck_assert_uint_eq(t.out.n_fds, 0);
	ck_assert_ok(wire_put_u64(&t.out, TAG_A, 1, &t.err), &t.err);
	deliver();
	wire_get_u64(&t.in, TAG_B, &v, &t.err);
	ck_assert_int_eq(wire_get_u64(&t.in, TAG_A, &v, &t.err), -1);
	ck_assert_int_eq(wire_get_str(&t.in, TAG_A, 9, &s, &t.err), -1);
	ck_assert_err(&t.err, ERR_CORRUPT, "message 70 has field 65 in place of 66");
	ck_assert_uint_eq(v, 7);
	ck_assert_ptr_eq(s, (char *)&t);
	talk_end();
}

END_TEST

static const struct {
	const char *bytes;
	size_t n;
	const char *message;
} bad_numbers[] = {
	{ "F\0", 2, "message 70 ends before field 65" },
	{ "F\0A\0\10\0\0", 7, "message 70 ends before field 65" },
	{ "F\0A\0\10\0\0\0abcdefg", 15, "field 65 of message 70 is cut short" },
	{ "F\0A\0\7\0\0\0abcdefg", 15, "field 65 of message 70 is no number" },
	{ "F\0A\0\11\0\0\0abcdefghi", 17, "field 65 of message 70 is no number" },
	{ "F\0A\0\377\377\377\377", 8, "field 65 of message 70 is no number" },
	{ "F\0A\0\377\377\377\376", 8, "field 65 of message 70 is cut short" },
	{ "F\0B\0\10\0\0\0abcdefgh", 16, "message 70 has field 66 in place of 65" },
};

START_TEST(wire_refuses_bad_numbers)
{
	uint64_t v = 7;

	talk_begin();
	receive_raw(bad_numbers[_i].bytes, bad_numbers[_i].n);
	ck_assert_fails(wire_get_u64(&t.in, TAG_A, &v, &t.err), &t.err, ERR_CORRUPT,
			bad_numbers[_i].message);
	ck_assert_uint_eq(v, 7);
	talk_end();
}

END_TEST

START_TEST(wire_refuses_bad_strings)
{
	const uint8_t *p = NULL;
	size_t n = 7;
	char *s = NULL;

	talk_begin();
	receive_raw("F\0A\0\2\0\0\0a\0", 10);
	ck_assert_fails(wire_get_str(&t.in, TAG_A, 9, &s, &t.err), &t.err, ERR_CORRUPT,
			"field 65 of message 70 holds a NUL");
	receive_raw("F\0A\0\2\0\0\0ab", 10);
	ck_assert_fails(wire_get_str(&t.in, TAG_A, 1, &s, &t.err), &t.err, ERR_CORRUPT,
			"field 65 of message 70 is too long");
	receive_raw("F\0A\0\2\0\0\0ab", 10);
	ck_assert_fails(wire_get_bytes(&t.in, TAG_A, 1, &p, &n, &t.err), &t.err,
			ERR_CORRUPT, "field 65 of message 70 is too long");
	receive_raw("F\0A\0\377\377\377\377", 8);
	ck_assert_fails(wire_get_bytes(&t.in, TAG_A, 9, &p, &n, &t.err), &t.err,
			ERR_CORRUPT, "field 65 of message 70 is absent");
	ck_assert_ptr_null(p);
	ck_assert_uint_eq(n, 7);
	ck_assert_ptr_null(s);
	talk_end();
}

END_TEST

START_TEST(wire_refuses_records_that_are_too_long)
{
	static uint8_t bytes[WIRE_MAX + 1];
	int size = BIG;

	talk_begin();
	ck_assert_int_eq(
		setsockopt(t.sock[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	send_raw(bytes, sizeof(bytes), 2);
	ck_assert_fails(wire_recv(t.sock[1], &t.in, &t.err), &t.err, ERR_CORRUPT,
			"message longer than 65536 bytes");
	talk_end();
}

END_TEST

START_TEST(wire_refuses_a_record_without_a_type)
{
	talk_begin();
	send_raw("F", 1, 0);
	ck_assert_fails(wire_recv(t.sock[1], &t.in, &t.err), &t.err, ERR_CORRUPT,
			"message of 1 bytes");
	/* With nothing but descriptors it is not the end either; they are closed. */
	send_raw("", 0, 1);
	ck_assert_fails(wire_recv(t.sock[1], &t.in, &t.err), &t.err, ERR_CORRUPT,
			"message of 0 bytes");
	talk_end();
}

END_TEST

START_TEST(wire_brings_descriptors_in_order)
{
	int fd = -1, other = -1;
	struct stat sent, got;

	talk_begin();
	support_file(support_dirfd(), "a", 0600, "a");
	int file = openat(support_dirfd(), "a", O_RDONLY | O_CLOEXEC);
	wire_put_fd(&t.out, file, &t.err);
	ck_assert_ok(wire_put_fd(&t.out, t.sock[0], &t.err), &t.err);
	deliver();
	ck_assert(!wire_at_end(&t.in));
	ck_assert_ok(wire_take_fd(&t.in, &fd, &t.err), &t.err);
	ck_assert_ok(wire_take_fd(&t.in, &other, &t.err), &t.err);
	ck_assert(wire_at_end(&t.in));
	ck_assert_int_eq(fstat(file, &sent), 0);
	ck_assert_int_eq(fstat(fd, &got), 0);
	ck_assert(sent.st_ino == got.st_ino && fd != file);
	ck_assert_int_eq(fstat(other, &got), 0);
	ck_assert(S_ISSOCK(got.st_mode));
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_fails(wire_take_fd(&t.in, &fd, &t.err), &t.err, ERR_CORRUPT,
			"message 70 lacks a descriptor");
	close(fd);
	close(other);
	close(file);
	talk_end();
}

END_TEST

START_TEST(wire_closes_descriptors_that_nobody_took)
{
	int fd;

	/* The test's end counts descriptors. */
	talk_begin();
	for (int i = 0; i < WIRE_MAX_FDS; i++)
		ck_assert_ok(wire_put_fd(&t.out, t.sock[i % 2], &t.err), &t.err);
	ck_assert_fails(wire_put_fd(&t.out, t.sock[0], &t.err), &t.err, ERR_NO_SPACE,
			"more than 16 descriptors");
	deliver();
	ck_assert_uint_eq(t.in.n_fds, WIRE_MAX_FDS);
	ck_assert_ok(wire_take_fd(&t.in, &fd, &t.err), &t.err);
	close(fd);
	deliver();
	ck_assert_uint_eq(t.in.n_fds, WIRE_MAX_FDS);
	talk_end();
}

END_TEST

START_TEST(wire_refuses_more_descriptors_than_allowed)
{
	talk_begin();
	send_raw("F\0", 2, WIRE_MAX_FDS + 1);
	ck_assert_fails(wire_recv(t.sock[1], &t.in, &t.err), &t.err, ERR_CORRUPT,
			"message with more than 16 descriptors");
	talk_end();
}

END_TEST

START_TEST(wire_tells_the_end_from_a_failure)
{
	talk_begin();
	close(t.sock[0]);
	t.sock[0] = -1;
	ck_assert_int_eq(wire_recv(t.sock[1], &t.in, &t.err), 0);
	ck_assert_int_eq(t.err.kind, ERR_NONE);
	ck_assert_fails(wire_send(t.sock[1], &t.out, &t.err), &t.err, ERR_IO,
			"the other end is gone");
	ck_assert_fails(wire_recv(-1, &t.in, &t.err), &t.err, ERR_IO,
			"cannot receive a message: Bad file descriptor");
	talk_end();
}

END_TEST

START_TEST(wire_brings_errors)
{
	_cleanup_(err_clear) struct err sent = ERR_INIT;
	_cleanup_(err_clear) struct err got = ERR_INIT;

	talk_begin();
	err_errnum(&sent, ENOSPC, "write %s", q("a\"b\n\xc3\x9f"));
	err_hint(&sent, "make room");
	wire_put_err(&t.out, &sent, &t.err);
	ck_assert_ok(wire_put_u64(&t.out, TAG_A, 1, &t.err), &t.err);
	deliver();
	err_set(&got, ERR_IO, "an older error");
	ck_assert_ok(wire_get_err(&t.in, &got, &t.err), &t.err);
	ck_assert_int_eq(got.kind, ERR_NO_SPACE);
	ck_assert_int_eq(got.sys_errno, ENOSPC);
	ck_assert_str_eq(got.msg, sent.msg);
	ck_assert_str_eq(got.hint, "make room");
	talk_end();
}

END_TEST

START_TEST(wire_brings_the_absence_of_an_error)
{
	_cleanup_(err_clear) struct err none = ERR_INIT;
	_cleanup_(err_clear) struct err got = ERR_INIT;

	talk_begin();
	err_set(&got, ERR_IO, "an older error");
	ck_assert_ok(wire_put_err(&t.out, &none, &t.err), &t.err);
	deliver();
	ck_assert_ok(wire_get_err(&t.in, &got, &t.err), &t.err);
	ck_assert_int_eq(got.kind, ERR_NONE);
	ck_assert_ptr_null(got.msg);
	ck_assert(wire_at_end(&t.in));
	talk_end();
}

END_TEST

START_TEST(wire_makes_the_texts_of_errors_harmless)
{
	_cleanup_(err_clear) struct err sent = ERR_INIT;
	_cleanup_(err_clear) struct err got = ERR_INIT;

	talk_begin();
	err_set(&sent, ERR_IO, "a\x1b[2Jb\n\xff\xc2\x9b \\n \"q\" \xe2\x80\xae");
	ck_assert_ok(wire_put_err(&t.out, &sent, &t.err), &t.err);
	deliver();
	ck_assert_ok(wire_get_err(&t.in, &got, &t.err), &t.err);
	ck_assert_str_eq(got.msg, "a\\x1b[2Jb\\n\\xff\\u{009b} \\n \"q\" \\u{202e}");
	talk_end();
}

END_TEST

START_TEST(wire_cuts_long_texts_of_errors)
{
	_cleanup_(err_clear) struct err sent = ERR_INIT;
	_cleanup_(err_clear) struct err got = ERR_INIT;

	talk_begin();
	err_set(&sent, ERR_IO, "%0100000d", 7);
	err_hint(&sent, "%0100000d", 7);
	ck_assert_ok(wire_put_err(&t.out, &sent, &t.err), &t.err);
	deliver();
	ck_assert_ok(wire_get_err(&t.in, &got, &t.err), &t.err);
	ck_assert_uint_eq(strlen(got.msg), 8192);
	ck_assert_uint_eq(strlen(got.hint), 8192);
	talk_end();
}

END_TEST

static const struct {
	uint64_t kind, errnum;
	const char *msg;
} bad_errors[] = {
	{ ERR_NOMEM + 1, 0, "x" },   { UINT64_MAX, 0, "x" }, { ERR_IO, 4096, "x" },
	{ ERR_IO, UINT64_MAX, "x" }, { ERR_NONE, 0, "x" },   { ERR_NONE, 5, NULL },
};

START_TEST(wire_refuses_errors_that_are_none)
{
	_cleanup_(err_clear) struct err got = ERR_INIT;

	talk_begin();
	wire_put_u64(&t.out, WIRE_TAG_OWN, bad_errors[_i].kind, &t.err);
	wire_put_u64(&t.out, WIRE_TAG_OWN + 1, bad_errors[_i].errnum, &t.err);
	wire_put_str(&t.out, WIRE_TAG_OWN + 2, bad_errors[_i].msg, &t.err);
	ck_assert_ok(wire_put_str(&t.out, WIRE_TAG_OWN + 3, NULL, &t.err), &t.err);
	deliver();
	ck_assert_fails(wire_get_err(&t.in, &got, &t.err), &t.err, ERR_CORRUPT,
			"message 70 holds no legal error");
	ck_assert_int_eq(got.kind, ERR_NONE);
	talk_end();
}

END_TEST

START_TEST(wire_survives_every_cut_of_a_record)
{
	_cleanup_(err_clear) struct err sent = ERR_INIT;

	talk_begin();
	err_set(&sent, ERR_IO, "broken");
	wire_put_u64(&t.out, TAG_A, 5, &t.err);
	wire_put_str(&t.out, TAG_B, "abc", &t.err);
	ck_assert_ok(wire_put_err(&t.out, &sent, &t.err), &t.err);
	for (size_t n = 2; n < t.out.bytes.len; n++) {
		_cleanup_(err_clear) struct err got = ERR_INIT;
		_cleanup_free_ char *s = NULL;
		uint64_t v;

		receive_raw(t.out.bytes.data, n);
		wire_get_u64(&t.in, TAG_A, &v, &t.err);
		wire_get_str(&t.in, TAG_B, 9, &s, &t.err);
		ck_assert_fails(wire_get_err(&t.in, &got, &t.err), &t.err, ERR_CORRUPT,
				"");
	}
	talk_end();
}

END_TEST

#ifdef ENABLE_FAULTS

START_TEST(wire_goes_on_after_a_signal)
{
	uint64_t v = 0;

	talk_begin();
	ck_assert_ok(wire_put_u64(&t.out, TAG_A, 4, &t.err), &t.err);
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, EINTR });
	ck_assert_ok(wire_send(t.sock[0], &t.out, &t.err), &t.err);
	ck_assert(fault_disarm());
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, EINTR });
	ck_assert_int_eq(wire_recv(t.sock[1], &t.in, &t.err), 1);
	ck_assert(fault_disarm());
	ck_assert_ok(wire_get_u64(&t.in, TAG_A, &v, &t.err), &t.err);
	ck_assert_uint_eq(v, 4);
	talk_end();
}

END_TEST

START_TEST(wire_reports_the_failure_of_its_calls)
{
	talk_begin();
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, ENOBUFS });
	ck_assert_fails(wire_send(t.sock[0], &t.out, &t.err), &t.err, ERR_IO,
			"cannot send a message: No buffer space");
	fault_disarm();
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, ECONNRESET });
	ck_assert_fails(wire_recv(t.sock[1], &t.in, &t.err), &t.err, ERR_IO,
			"the other end is gone");
	fault_disarm();
	talk_end();
}

END_TEST

#endif

START_TEST(wire_does_not_wait_for_who_does_not_read)
{
	unsigned sent = 0, received = 0;
	int r;

	talk_begin();
	while ((r = wire_offer(t.sock[0], &t.out, &t.err)) > 0)
		sent++;
	ck_assert_int_eq(r, 0);
	ck_assert_err(&t.err, ERR_NONE, "");
	ck_assert_uint_gt(sent, 0);
	ck_assert_int_eq(fcntl(t.sock[1], F_SETFL, O_NONBLOCK), 0);
	while (wire_recv(t.sock[1], &t.in, &t.err) > 0)
		received++;
	ck_assert_uint_eq(received, sent);
	err_clear(&t.err);
	/* There is room again, until there is nobody. */
	ck_assert_int_eq(wire_offer(t.sock[0], &t.out, &t.err), 1);
	close(t.sock[1]);
	t.sock[1] = -1;
	ck_assert_fails(wire_offer(t.sock[0], &t.out, &t.err), &t.err, ERR_IO,
			"the other end is gone");
	talk_end();
}

END_TEST

#define N_ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *suite_wire(void)
{
	Suite *s = suite_create("wire");
	TCase *tc = support_tcase(s, "records");

	tcase_add_test(tc, wire_brings_every_kind_of_field);
	tcase_add_test(tc, wire_lays_bytes_out_as_documented);
	tcase_add_test(tc, wire_begins_anew);
	tcase_add_test(tc, wire_takes_exactly_its_limit);
	tcase_add_test(tc, wire_refuses_records_over_its_limit);
	tcase_add_test(tc, wire_latches_the_first_error);
	tcase_add_loop_test(tc, wire_refuses_bad_numbers, 0, N_ROWS(bad_numbers));
	tcase_add_test(tc, wire_refuses_bad_strings);
	tcase_add_test(tc, wire_refuses_records_that_are_too_long);
	tcase_add_test(tc, wire_refuses_a_record_without_a_type);
	tcase_add_test(tc, wire_survives_every_cut_of_a_record);
	tcase_add_test(tc, wire_does_not_wait_for_who_does_not_read);

	tc = support_tcase(s, "descriptors");
	tcase_add_test(tc, wire_brings_descriptors_in_order);
	tcase_add_test(tc, wire_closes_descriptors_that_nobody_took);
	tcase_add_test(tc, wire_refuses_more_descriptors_than_allowed);
	tcase_add_test(tc, wire_tells_the_end_from_a_failure);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, wire_goes_on_after_a_signal);
	tcase_add_test(tc, wire_reports_the_failure_of_its_calls);
#endif

	tc = support_tcase(s, "errors");
	tcase_add_test(tc, wire_brings_errors);
	tcase_add_test(tc, wire_brings_the_absence_of_an_error);
	tcase_add_test(tc, wire_makes_the_texts_of_errors_harmless);
	tcase_add_test(tc, wire_cuts_long_texts_of_errors);
	tcase_add_loop_test(tc, wire_refuses_errors_that_are_none, 0, N_ROWS(bad_errors));
	return s;
}
