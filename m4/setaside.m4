# SPDX-License-Identifier: LGPL-2.1-or-later

# SETASIDE_ARG_SWITCH(NAME, WHAT)
# --enable-NAME, off unless asked for; sets enable_NAME to yes or no.
AC_DEFUN([SETASIDE_ARG_SWITCH], [
AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [$2])], [], [enable_$1=no])
AS_CASE([$enable_$1], [yes|no], [],
	[AC_MSG_ERROR([--enable-$1 takes yes or no, not "$enable_$1"])])
])

# SETASIDE_DEFLATE
# Chooses the library that compresses; zlib, which inflates, is there in any case. Sets
# deflate, DEFLATE_CFLAGS, DEFLATE_LIBS and defines exactly one of HAVE_DEFLATE_ISAL,
# _LIBDEFLATE, _ZLIB, and DEFLATE_NAME; HAVE_LIBDEFLATE where it helps ISA-L.
AC_DEFUN([SETASIDE_DEFLATE], [
AC_ARG_WITH([deflate],
	[AS_HELP_STRING([--with-deflate=isal|libdeflate|zlib],
		[compressor (default: the first that is here)])],
	[], [with_deflate=auto])
deflate=
AS_CASE([$with_deflate], [auto|isal|libdeflate|zlib], [],
	[AC_MSG_ERROR([--with-deflate=$with_deflate: isal, libdeflate or zlib])])
SETASIDE_TRY_DEFLATE([isal], [ISAL], [libisal >= 2.30])
SETASIDE_TRY_DEFLATE([libdeflate], [LIBDEFLATE], [libdeflate >= 1.8])
# ISA-L has nothing as small as gzip -6: libdeflate stands beside it where it is here.
AS_IF([test "$deflate" = isal],
	[PKG_CHECK_MODULES([LIBDEFLATE], [libdeflate >= 1.8],
		[AS_VAR_APPEND([DEFLATE_CFLAGS], [" $LIBDEFLATE_CFLAGS"])
		 AS_VAR_APPEND([DEFLATE_LIBS], [" $LIBDEFLATE_LIBS"])
		 AC_DEFINE([HAVE_LIBDEFLATE], [1], [libdeflate helps ISA-L])],
		[:])])
AS_CASE([$deflate:$with_deflate], [:auto|:zlib],
	[deflate=zlib
	 AC_DEFINE([HAVE_DEFLATE_ZLIB], [1], [zlib compresses])])
AS_IF([test -z "$deflate"],
	[AC_MSG_ERROR([no compressor ($with_deflate of isal, libdeflate, zlib)])])
AC_DEFINE_UNQUOTED([DEFLATE_NAME], ["$deflate"], [Name of the compressor])
AC_SUBST([DEFLATE_CFLAGS])
AC_SUBST([DEFLATE_LIBS])
])

# SETASIDE_TRY_DEFLATE(NAME, VARIABLE, MODULE)
AC_DEFUN([SETASIDE_TRY_DEFLATE], [
AS_CASE([$with_deflate], [auto|$1], [setaside_try=$deflate], [setaside_try=no])
AS_IF([test -z "$setaside_try"],
	[PKG_CHECK_MODULES([$2], [$3],
		[deflate=$1
		 DEFLATE_CFLAGS=$$2_CFLAGS
		 DEFLATE_LIBS=$$2_LIBS
		 AC_DEFINE([HAVE_DEFLATE_$2], [1], [$1 compresses])],
		[:])])
])

# SETASIDE_ADD_CFLAG(VARIABLE, FLAG...), SETASIDE_ADD_LDFLAG(VARIABLE, FLAG...)
# Append each flag that the compiler (the linker) takes without a warning. clang only
# warns about flags unknown to it, hence -Werror.
AC_DEFUN([SETASIDE_ADD_CFLAG], [
for setaside_flag in $2
do
	AC_MSG_CHECKING([whether $CC takes $setaside_flag])
	setaside_saved=$CFLAGS
	CFLAGS="$CFLAGS -Werror $setaside_flag"
	AC_COMPILE_IFELSE([AC_LANG_SOURCE([[extern int x; int x = 1;]])],
		[AC_MSG_RESULT([yes])
		 AS_VAR_APPEND([$1], [" $setaside_flag"])],
		[AC_MSG_RESULT([no])])
	CFLAGS=$setaside_saved
done
])

AC_DEFUN([SETASIDE_ADD_LDFLAG], [
for setaside_flag in $2
do
	AC_MSG_CHECKING([whether the linker takes $setaside_flag])
	setaside_saved=$LDFLAGS
	LDFLAGS="$LDFLAGS -Werror $setaside_flag"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
		[AC_MSG_RESULT([yes])
		 AS_VAR_APPEND([$1], [" $setaside_flag"])],
		[AC_MSG_RESULT([no])])
	LDFLAGS=$setaside_saved
done
])

# SETASIDE_FORTIFY
# glibc's checks need an optimizing compiler, and a distribution's CFLAGS may already
# have chosen a level: then nothing is added.
AC_DEFUN([SETASIDE_FORTIFY], [
AC_MSG_CHECKING([which level of _FORTIFY_SOURCE to add])
setaside_level=none
setaside_saved=$CPPFLAGS
for setaside_try in 3 2
do
	AS_IF([test "$setaside_level" = none], [
		CPPFLAGS="$setaside_saved -Werror -D_FORTIFY_SOURCE=$setaside_try"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]], [[
#ifndef __OPTIMIZE__
# error "no optimization, no checks"
#endif
]])],
			[setaside_level=$setaside_try])
	])
done
CPPFLAGS=$setaside_saved
AC_MSG_RESULT([$setaside_level])
AS_IF([test "$setaside_level" != none],
	[hardening_cppflags="-D_FORTIFY_SOURCE=$setaside_level"])
])

# SETASIDE_COMPILER_FLAGS
# Fills warning_cflags, hardening_cppflags, hardening_cflags, hardening_ldflags,
# program_ldflags, mode_cflags and mode_ldflags for AM_CPPFLAGS, AM_CFLAGS and
# AM_LDFLAGS. The user's CFLAGS stand behind them on each command line and win.
AC_DEFUN([SETASIDE_COMPILER_FLAGS], [
warning_cflags=
hardening_cppflags=
hardening_cflags=
hardening_ldflags=
program_ldflags=
mode_cflags=
mode_ldflags=

SETASIDE_ADD_CFLAG([warning_cflags], [-Wall -Wextra -Wshadow -Wformat=2 dnl
	-Wformat-signedness -Wstrict-prototypes -Wmissing-prototypes dnl
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wcast-qual -Wundef dnl
	-Wvla -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wswitch-enum dnl
	-Wunused-result -Wconversion -Wno-sign-conversion -Wdate-time])
setaside_had=$warning_cflags
SETASIDE_ADD_CFLAG([warning_cflags], [-Wimplicit-fallthrough=5])
AS_IF([test "$warning_cflags" = "$setaside_had"],
	[SETASIDE_ADD_CFLAG([warning_cflags], [-Wimplicit-fallthrough])])

SETASIDE_ADD_CFLAG([hardening_cflags], [-fno-common -fstack-protector-strong dnl
	-fstack-clash-protection -fcf-protection -fPIE])
SETASIDE_ADD_LDFLAG([hardening_ldflags], [-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack dnl
	-Wl,--as-needed])
SETASIDE_ADD_LDFLAG([program_ldflags], [-pie])

AS_IF([test "$enable_sanitizers" = yes], [
	mode_cflags="-fsanitize=address,undefined -fno-sanitize-recover=all dnl
-fno-omit-frame-pointer"
	mode_ldflags="-fsanitize=address,undefined"
	AC_DEFINE([ENABLE_SANITIZERS], [1], [The sanitizers watch over this build])
], [
	# Both are at odds with the sanitizers: the one gives false alarms under them,
	# the other hides from them what they watch.
	SETASIDE_ADD_CFLAG([warning_cflags], [-Wnull-dereference])
	SETASIDE_FORTIFY
])
AS_IF([test "$enable_coverage" = yes], [
	AS_VAR_APPEND([mode_cflags], [" --coverage"])
	AS_VAR_APPEND([mode_ldflags], [" --coverage"])
])
AS_IF([test "$enable_werror" = yes], [AS_VAR_APPEND([warning_cflags], [" -Werror"])])

AC_SUBST([warning_cflags])
AC_SUBST([hardening_cppflags])
AC_SUBST([hardening_cflags])
AC_SUBST([hardening_ldflags])
AC_SUBST([program_ldflags])
AC_SUBST([mode_cflags])
AC_SUBST([mode_ldflags])
])
