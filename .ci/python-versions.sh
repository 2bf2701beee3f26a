#!/bin/sh
# python-versions.sh demo|setup-all|test: the Python versions for which every package has a wheel, the best tried first.
# TensorFlow and Slicer's libraries, which the tests need, have none for 3.14.
if [ "$1" = demo ]; then echo 3.12 3.13 3.11 3.14; else echo 3.12 3.13 3.11; fi
