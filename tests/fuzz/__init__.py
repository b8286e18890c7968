"""Damaged and hostile inputs: each must end as a cohort or as a CohortError, within 10 seconds and 1 GB.

`python -m tests.fuzz --inputs 20000 --seed 0` makes them from small valid files, opens each in a process of its own
kind and says what happened; `--only NUMBER` makes and opens one of them again.
"""
