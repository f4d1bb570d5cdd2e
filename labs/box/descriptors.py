"""Open descriptors: waited for, and made to be read by another program."""

import contextlib
import os
import select


def wait_for(descriptor: int, event: int, seconds: float) -> bool:
    """Whether it became ready for this, or ended, within so many seconds."""
    poll = select.poll()  # select() knows no descriptor above 1023
    poll.register(descriptor, event)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def pipe_with(stack: contextlib.ExitStack, content: bytes) -> int:
    """A descriptor to read this from; small enough for a pipe to hold it (64 KiB)."""
    read_end, write_end = os.pipe()
    stack.callback(os.close, read_end)
    with open(write_end, "wb") as file:  # noqa: PTH123
        file.write(content)
    return read_end
