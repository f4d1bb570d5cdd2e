"""A cache with two bounds."""

from labs.keeping import BoundedCache


def fill(cache: BoundedCache[bytes], *keys: str) -> list[str]:
    """Ask for these keys in turn, each for its own text; gives those that had to be made."""
    made: list[str] = []

    def make(key: str) -> bytes:
        made.append(key)
        return key.encode()

    for key in keys:
        assert cache.find_or_make(key, lambda key=key: make(key), len) == key.encode()  # type: ignore[misc]
    return made


def test_what_is_kept_is_made_once() -> None:
    assert fill(BoundedCache(max_items=2, max_weight=99), "a", "b", "a", "b") == ["a", "b"]


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    cache = BoundedCache[bytes](max_items=2, max_weight=99)
    assert fill(cache, "a", "b", "a", "c", "a", "b") == ["a", "b", "c", "b"]
    assert len(cache) == 2


def test_what_is_heavy_takes_the_place_of_several() -> None:
    cache = BoundedCache[bytes](max_items=99, max_weight=6)
    assert fill(cache, "aa", "bb", "cc", "aa") == ["aa", "bb", "cc"]
    assert (len(cache), cache.weight) == (3, 6)
    fill(cache, "dddd")
    assert (len(cache), cache.weight) == (2, 6)
    assert fill(cache, "aa", "dddd", "bb") == ["bb"]


def test_what_is_too_heavy_alone_is_never_kept_and_drives_nothing_out() -> None:
    cache = BoundedCache[bytes](max_items=99, max_weight=3)
    assert fill(cache, "a", "bbbb", "bbbb", "a") == ["a", "bbbb", "bbbb"]
    assert (len(cache), cache.weight) == (1, 1)


def test_what_two_made_at_once_weighs_once() -> None:
    cache = BoundedCache[bytes](max_items=2, max_weight=99)

    def make() -> bytes:
        fill(cache, "a")
        return b"a"

    cache.find_or_make("a", make, len)
    assert (len(cache), cache.weight) == (1, 1)
