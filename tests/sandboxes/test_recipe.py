"""What a task asks of its surroundings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evolve.sandboxes.recipe import Recipe, Surroundings

NAMES = st.dictionaries(st.sampled_from(["a", "b/c", "d"]), st.binary(max_size=4), max_size=3)
RECIPES = st.builds(
    Recipe,
    base=st.sampled_from([None, "x", "y"]),
    requirements=st.sampled_from(["", "x", "y"]),
    dockerfile=st.sampled_from(["", "FROM x", "FROM y"]),
    files=NAMES,
    executables=st.frozensets(st.sampled_from(["a", "d"])),
)


@given(one=RECIPES, other=RECIPES)
def test_recipes_are_told_apart(one: Recipe, other: Recipe) -> None:
    """Whatever goes into an image goes into its name."""
    same = (one.base, one.requirements, one.dockerfile, one.files, one.executables & one.files.keys()) == (
        other.base,
        other.requirements,
        other.dockerfile,
        other.files,
        other.executables & other.files.keys(),
    )
    assert (one.digest({}) == other.digest({})) == same


def test_a_recipe_changes_with_the_images_it_builds_on() -> None:
    """A tag that was moved is another image."""
    recipe = Recipe(dockerfile="FROM x")
    assert recipe.digest({"x": "1"}) != recipe.digest({"x": "2"})


def test_who_asks_is_no_part_of_an_image() -> None:
    """Two tasks with the same requirements share one."""
    assert Recipe(requirements="x", task="one").digest({}) == Recipe(requirements="x", task="other").digest({})


def test_what_a_dockerfile_builds_on() -> None:
    """Every image, whatever the case and the options, and no stage of its own."""
    text = "from --platform=linux/amd64 one:1 as first\nRUN true\nFROM ${BASE} AS Second\nFROM first\nFROM scratch"
    assert Recipe(dockerfile=text).parents == ("one:1", "${BASE}")
    assert Recipe(dockerfile="# FROM nothing\n").parents == ()


def test_what_is_asked_for_has_the_keys_of_the_task() -> None:
    """So that an error can name them."""
    assert Surroundings().asked == ()
    assert Surroundings(gpus="all", cpus=0.5, recipe=Recipe(dockerfile="FROM x")).asked == (
        "gpus",
        "cpus",
        "dockerfile",
    )
