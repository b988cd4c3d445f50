#!/bin/sh
# Comments are left out.
echo "running as $(id -un) in $MODE with $(cat /deps/beta)"
