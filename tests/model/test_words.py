"""One thing is not told as several."""

from frazil.model.words import plural


def test_one_and_many() -> None:
    assert [plural(number, "movie") for number in (0, 1, 1204)] == ["0 movies", "1 movie", "1,204 movies"]
    assert plural(1, "class", "classes") == "1 class"
    assert plural(2, "movie is", "movies are") == "2 movies are"
