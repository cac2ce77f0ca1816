"""The size of a change is what people wrote in it."""

import pytest

from issuer.contributions.sources.changed_files import (
    GENERATED_FOLDERS,
    GENERATED_NAMES,
    MAX_PATHS,
    FileChange,
    is_generated,
    parse_numstat,
    sum_of,
)


@pytest.mark.parametrize("name", GENERATED_NAMES)
def test_generated_file_is_known_in_any_folder(name: str) -> None:
    file = name.replace("*", "some")
    assert is_generated(file)
    assert is_generated(f"deep/in/{file}")
    assert not is_generated(f"{file}.md")


@pytest.mark.parametrize("folder", GENERATED_FOLDERS)
def test_everything_in_a_generated_folder_is_generated(folder: str) -> None:
    assert is_generated(f"{folder}/a.go")
    assert is_generated(f"x/{folder}/y/a\nb.go")
    assert not is_generated(f"my{folder}/a.go")
    assert not is_generated(folder)


@pytest.mark.parametrize(
    "path", ["runbooks/clock.md", "lock", "block.py", "src/min.js", "po/README", "vendors.md"]
)
def test_file_with_a_similar_name_is_written_by_people(path: str) -> None:
    assert not is_generated(path)


def test_generated_and_binary_files_add_no_lines() -> None:
    total = sum_of([FileChange("a.py", 5), FileChange("x.lock", 9000), FileChange("logo.png", None)])
    assert (total.lines, total.generated_only) == (5, False)
    assert total.paths == ["a.py", "x.lock", "logo.png"]


def test_change_is_generated_only_if_every_file_is() -> None:
    assert sum_of([FileChange("x.lock", 1), FileChange("vendor/a.go", 2)]).generated_only
    assert not sum_of([]).generated_only
    assert not sum_of([FileChange("logo.png", None)]).generated_only


def test_paths_are_cut_and_the_sum_is_not() -> None:
    total = sum_of([FileChange(f"f{n}", 1) for n in range(1000)])
    assert (len(total.paths), total.lines) == (MAX_PATHS, 1000)


def test_numstat_entries_are_read_whatever_the_path_holds() -> None:
    assert parse_numstat('\n12\t3\ta b\n"c"\té') == FileChange('a b\n"c"\té', 15)
    assert parse_numstat("-\t-\tlogo.png") == FileChange("logo.png", None)
    assert parse_numstat("") is None
    assert parse_numstat("subject: 1") is None
