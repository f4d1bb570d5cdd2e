"""Kernels that are forked into their boxes from a process that has everything imported already.

`servers` and `server` are the worker's side. `program` and what it imports run in the server itself, with the
interpreter of the learner's environment: the standard library, and ipykernel as that environment has it.
"""
