"""Policies as a person writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from evolve.bench.policies import Policy, parse_policy, read_policies
from evolve.errors import TaskError
from evolve.policies import make_archive


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("default", Policy("default")),
        ("greedy: archive=top", Policy("greedy", {"archive": "top"})),
        ("greedy:archive=top", Policy("greedy", {"archive": "top"})),
        ("a b: calls-in-flight=4 strict=true", Policy("a b", {"calls_in_flight": 4, "strict": True})),
        ('two: models=\'["a=2", "b"]\'', Policy("two", {"models": ["a=2", "b"]})),
        ("one: models=a=2", Policy("one", {"models": ["a=2"]})),
        (
            "free: models=[] proposer=mix evaluations=500",
            Policy("free", {"models": [], "proposer": "mix"}, {"evaluations": 500}),
        ),
    ],
)
def test_a_line_says_name_and_options(text: str, policy: Policy) -> None:
    """Values are what TOML reads there, else texts; limits are told from options by their names."""
    assert parse_policy(text) == policy


def test_a_file_has_several(tmp_path: Path) -> None:
    """In its order, with the same keys."""
    path = tmp_path / "policies.toml"
    path.write_text('[policy.wide]\nensemble = "bandit"\n[policy."best of n"]\nmodels = "m"\nevaluations = 9\n')
    wide, best = read_policies(path)
    assert wide == Policy("wide", {"ensemble": "bandit"})
    assert best == Policy("best of n", {"models": ["m"]}, {"evaluations": 9})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: archvie=top", "'a': there is no option 'archvie'; did you mean 'archive'"),
        ("a: seed=3", "'a': there is no option 'seed'; the seed is the bench's"),
        ("a: top", "'a': 'top' is not of the form option=value"),
        ("a: archive=tops", "'a': there is no archive 'tops'"),
        ("a: archive=lanes,sice=3", "'a': the archive 'lanes' has no setting 'sice'"),
        ("a: baseline=top", "'a': baseline is NAME=SHARE"),
        ("a: tuning=maybe", "'a': tuning is auto, on, off"),
        ("a archive=top", "'a archive=top' has no name, or none with a colon behind it"),
        ("archive=top", "write 'NAME: option=value ...'"),
        ("a: archive='top", "'a' has a quote that does not end"),
        ("a: workers=0", "'a': workers is a whole number, at least 1"),
        ("a: calls=0", "'a': calls is a whole number, at least 1"),
        ("a: ensemble=best", "'a': ensemble is"),
        ("a/b: workers=1", "'a/b' is no name"),
        ("", "'' is no name"),
        ("a, b: workers=1", "'a, b' has a comma in its name"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    """The policy, the option and, where there is one, what may have been meant."""
    with pytest.raises(TaskError, match=said):
        parse_policy(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[policy.a]\nx = 1\n", r"policies\.toml: the policy 'a': there is no option 'x'"),
        ("[policies.a]\n", r"policies\.toml should hold tables \[policy\.NAME\]"),
        ("policy = 3\n", r"policies\.toml should hold tables"),
        ("[policy.a\n", r"policies\.toml is no TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(text: str, said: str, tmp_path: Path) -> None:
    """With the file's name; one that is not there too."""
    path = tmp_path / "policies.toml"
    with pytest.raises(TaskError, match=r"cannot read policies from .*policies\.toml"):
        read_policies(path)
    path.write_text(text)
    with pytest.raises(TaskError, match=said):
        read_policies(path)


@pytest.mark.parametrize("name", ["policies", "ablation"])
def test_the_comparisons_of_this_repository_can_be_made(name: str) -> None:
    """Their policies hold for what a search knows today, archives' settings among it."""
    policies = read_policies(Path(__file__).parents[2] / "benchmarks" / "comparison" / f"{name}.toml")
    assert policies[0] == Policy("default")
    for policy in policies:
        if "archive" in policy.options:
            make_archive(policy.options["archive"])
