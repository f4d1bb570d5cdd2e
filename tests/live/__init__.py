"""Tests against one running Paja: the processes of `make run`, real hubs, kernels, box and browser."""
