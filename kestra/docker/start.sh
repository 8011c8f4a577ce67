#!/bin/sh
# Starts Kestra once every setting is there and readable; otherwise says what is wrong, and ends.
set -e
christmas-tasks env check
exec docker-entrypoint.sh "$@"
