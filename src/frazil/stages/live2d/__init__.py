"""Live2D's folder beside Warp's files, kept up to date for those who read one.

`task` says what a worker is asked for, `stack` keeps the combined stack in the order of Warp's table, `cycle`
writes what belongs to one entry of the class history, `folder` puts these together, `own` remembers what is
Frazil's there, `removal` takes that away again.
"""
