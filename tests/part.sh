#!/bin/sh
# Runs one part of the tests and says how long it took, whatever its end. Usage: part.sh NAME COMMAND…
name=$1
shift
began=$(date +%s)
echo "== $name"
code=0
"$@" || code=$?
echo "== $name: $(($(date +%s) - began)) s"
exit "$code"
