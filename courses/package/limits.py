"""How large a package may be. A course is text and small data; large data goes by reference (lab.toml)."""

MAX_TOML_BYTES = 64 * 1024
MAX_TEXT_BYTES = 128 * 1024
"""No more than `courses.markdown` renders."""

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_PACKAGE_BYTES = 200 * 1024 * 1024
MAX_FILES = 2_000
MAX_DEPTH = 8
MAX_NAME = 100
MAX_SLUG = 50
MAX_TITLE = 200
MAX_SUMMARY = 1_000
MAX_MINUTES = 1_440
MAX_HOURS = 1_000
