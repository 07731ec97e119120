#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build.sh QEMU_SOURCE_DIR OUT.so LIBGSP_EMULATOR.a
#
# Builds the nvb-gpu device for the QEMU whose source is given, without configuring or building QEMU. Needed from the
# source: include/, host/include/, linux-headers/, qapi/, scripts/, docs/interop/ and VERSION.
# GLIB_CFLAGS: where glib's headers are, if pkg-config does not know. CC, PYTHON: other compiler, other python3.
set -eu

[ $# -eq 3 ] || { sed -n 's/^# \(build.sh .*\)/usage: \1/p' "$0" >&2; exit 2; }
src=$(realpath "$1") out=$2 lib=$3
here=$(dirname "$(realpath "$0")")
glib=${GLIB_CFLAGS-$(pkg-config --cflags glib-2.0)}
gen=$(mktemp -d)
trap 'rm -rf "$gen"' EXIT

# QEMU's headers include what its build generates: the QAPI types ...
mkdir "$gen/qapi"
"${PYTHON:-python3}" "$src/scripts/qapi-gen.py" -o "$gen/qapi" -b "$src/qapi/qapi-schema.json"

# ... and the configuration. These are the settings of Debian's x86-64 build that change a structure or select a
# header; one that is wrong or missing shows in the structure sizes which the plugin compares when it is loaded.
cat >"$gen/config-host.h" <<'H'
#define CONFIG_ATOMIC64 1
#define CONFIG_INT128 1
#define CONFIG_INT128_TYPE 1
#define CONFIG_IOVEC 1
#define CONFIG_LINUX 1
#define CONFIG_MADVISE 1
#define CONFIG_PLUGIN 1
#define CONFIG_POSIX 1
#define CONFIG_TCG 1
#define CONFIG_THREAD_SETNAME_BYTHREAD 1
#define HAVE_STRUCT_STAT_ST_ATIM 1
#define HAVE_SYS_SIGNAL_H 1
#define HOST_X86_64 1
H
: >"$gen/config-poison.h"

# The library's symbols stay inside: Rust's std must not meet QEMU's own symbols.
echo '{ global: qemu_plugin_version; qemu_plugin_install; local: *; };' >"$gen/exports.map"

# Language and ABI flags as QEMU's own build has them; $glib is a list of options.
# shellcheck disable=SC2086
"${CC:-cc}" -shared -fPIC -O2 -Wall -Werror -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_LARGEFILE_SOURCE \
	-fno-strict-aliasing -fno-common -fwrapv "-DNVB_QEMU_VERSION=\"$(cat "$src/VERSION")\"" \
	-I"$gen" -I"$gen/qapi" -iquote "$here/../include" -iquote "$src" -iquote "$src/include" \
	-iquote "$src/host/include/x86_64" -iquote "$src/host/include/generic" -isystem "$src/linux-headers" $glib \
	-o "$out" "$here/gspemu.c" "$lib" -Wl,--version-script="$gen/exports.map",-z,lazy,--gc-sections,-s
