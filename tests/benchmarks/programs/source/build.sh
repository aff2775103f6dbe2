#!/bin/sh
# Builds ../images/*.bin from the sources here: sh build.sh. Needs a gcc that makes 32-bit code, and objcopy.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-m32 -march=i686 -mno-sse -mno-mmx -mno-80387 -O2 -ffreestanding -fno-builtin -fno-pic -fno-pie -no-pie
       -fno-stack-protector -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -fcf-protection=none
       -nostdlib -static -Wl,-T,flat.ld -Wl,--build-id=none -Wl,-e,start -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments"
mkdir -p ../images
for source in *.c; do
    gcc $flags -o "$work/program" start.S "$source"
    objcopy -O binary "$work/program" "../images/${source%.c}.bin"
done
for source in loop_*.S trap_*.S; do
    gcc $flags -o "$work/program" "$source"
    objcopy -O binary "$work/program" "../images/${source%.S}.bin"
done
