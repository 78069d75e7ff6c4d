#!/bin/bash -eu
# The Dockerfile copied the repository to $SRC/vmafuzz.
exec "$SRC/vmafuzz/fuzz/build.sh"
