"""Thousands of damaged inputs for everything that reads what others wrote.

An outcome is explained if the input is read, or refused with a sentence (a `LungTumorSegError`), nothing is left behind
and no more memory is taken than `judge.most_mb` says. Anything else is a finding: it is mended, and the input goes into
``Testing/corpus``, which the tests read.
"""
