"""What anybody may add: by a file in a folder, or by an entry point of another package."""

import sys
from pathlib import Path

import pytest

from echomort.core.code import Code
from echomort.core.errors import UserError
from echomort.core.registry import Registry, code_of_packages

FOLDER = "product_of_signs.signs"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path, with a product that has two signs."""
    package = tmp_path / "product_of_signs"
    (package / "signs").mkdir(parents=True)
    (package / "__init__.py").write_text("class Sign: ...\n")
    (package / "signs/__init__.py").write_text("")
    (package / "signs/_shared.py").write_text("raise AssertionError('not a sign')\n")
    for name in ("b_lines", "apical_sparing"):
        (package / f"signs/{name}.py").write_text("from product_of_signs import Sign\n\nSIGN_OF_DISEASE = Sign()\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(("product_of_signs", "their_"))]:
        del sys.modules[name]


def signs() -> Registry:
    import product_of_signs

    return Registry("sign of disease", FOLDER, product_of_signs.Sign)


def offer(site: Path, package: str, points: str, code: str = "") -> None:
    """Install ``package`` with entry ``points``."""
    (site / f"{package}.py").write_text(code or "from product_of_signs import Sign\n\nTHEIRS = Sign()\n")
    info = site / f"{package}-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text(f"[{FOLDER}]\n{points}\n")


def test_files_of_the_folder_and_entry_points_are_found(site: Path) -> None:
    offer(site, "their_signs", "septal_flash = their_signs:THEIRS")
    found = signs()
    assert found.names() == ("apical_sparing", "b_lines", "septal_flash")
    assert "their_signs" not in sys.modules, "names are known without an import"
    assert list(found.all()) == list(found.names())
    assert found.problems() == ()


def test_an_unknown_name_is_answered_with_the_known_ones(site: Path) -> None:
    with pytest.raises(UserError, match=r"no sign of disease flash.*\n?.*apical_sparing, b_lines"):
        signs().get("flash")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("THEIRS = 3\n", "is no Sign"),
        ("OTHER = 3\n", "AttributeError"),
        ("import sys\nsys.exit(3)\n", "(SystemExit: 3): mend"),
        ("class Odd(BaseException): ...\nraise Odd('no')\n", "(Odd: no): mend"),
        ("raise RuntimeError('no licence:\\n  ask the vendor')\n", "(RuntimeError: no licence: ask the vendor): mend"),
    ],
)
def test_what_does_not_load_is_one_line_that_names_it_and_nothing_else_stops(site: Path, code: str, said: str) -> None:
    offer(site, "their_signs", "septal_flash = their_signs:THEIRS", code)
    found = signs()
    assert list(found.all()) == ["apical_sparing", "b_lines"]
    (problem,) = found.problems()
    assert said in problem and "their_signs:THEIRS of the package their_signs" in problem and "\n" not in problem
    with pytest.raises(UserError, match="septal_flash"):
        found.get("septal_flash")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("SIGN_OF_DISEASE = (\n", "(SyntaxError: "),
        ("import no_such_library\n", "(ModuleNotFoundError: "),
        ("", "(Attr"),
    ],
)
def test_a_file_of_the_product_that_does_not_load_is_one_line_and_stops(site: Path, code: str, said: str) -> None:
    (site / "product_of_signs/signs/b_lines.py").write_text(code)
    with pytest.raises(UserError) as caught:
        signs().all()
    assert f"b_lines in product_of_signs.signs.b_lines can't be loaded {said}" in str(caught.value)
    assert "\n" not in str(caught.value)


FIELDS = "import dataclasses\n\n\n@dataclasses.dataclass(frozen=True)\nclass Sign:\n    place: int = 1\n"


@pytest.mark.parametrize("place", ["'late'", "None", "2.5"])
def test_a_thing_with_a_wrong_field_is_left_out_and_the_field_named(site: Path, place: str) -> None:
    (site / "product_of_signs/__init__.py").write_text(FIELDS)
    offer(
        site,
        "their_signs",
        "flash = their_signs:THEIRS",
        f"import product_of_signs\nTHEIRS = product_of_signs.Sign({place})",
    )
    found = signs()
    assert list(found.all()) == ["apical_sparing", "b_lines"]
    (problem,) = found.problems()
    assert "package their_signs, has a wrong field (place: Input should be a valid integer" in problem


def test_a_thing_of_another_package_that_fails_is_left_out_and_one_of_the_product_is_not(site: Path) -> None:
    offer(site, "their_signs", "flash = their_signs:THEIRS")
    found = signs()

    def fail(_: object) -> int:
        return {}["a patient's name"]

    assert (found.use("flash", fail), found.use("flash", lambda _: 3)) == (None, 3)
    (problem,) = found.problems()
    assert "package their_signs, failed with KeyError" in problem and "patient" not in problem
    with pytest.raises(UserError, match="their_signs"):
        found.call("flash", fail)
    with pytest.raises(KeyError):
        found.use("b_lines", fail)


def test_of_two_of_one_name_the_products_own_is_kept_and_the_other_reported(site: Path) -> None:
    offer(site, "their_signs", "b_lines = their_signs:THEIRS")
    offer(site, "their_others", "flash = their_others:THEIRS")
    offer(site, "their_thirds", "flash = their_thirds:THEIRS")
    found = signs()
    assert sorted(found.all()) == ["apical_sparing", "b_lines", "flash"]
    assert type(found.get("b_lines")).__module__ == "product_of_signs"
    assert sorted(problem.split(";")[0] for problem in found.problems()) == [
        "a second sign of disease is named b_lines",
        "a second sign of disease is named flash",
    ]


def test_the_code_of_a_package_that_offers_a_thing_is_known_by_version_and_files(site: Path) -> None:
    offer(site, "their_signs", "septal_flash = their_signs:THEIRS")
    before = code_of_packages(FOLDER)
    assert list(before) == ["their_signs"] and code_of_packages(FOLDER, ["b_lines"]) == {}
    (site / "their_signs.py").write_text("from product_of_signs import Sign\n\nTHEIRS = Sign()  # otherwise\n")
    assert code_of_packages(FOLDER) != before


EDITED = [
    ("their_signs.py", "two modules of one package"),
    ("their_flashes.py", "two modules of one package"),
    ("their_measures.py", "a module beside, which one of them imports"),
    ("their_charts/tables/limits.csv", "data of a package beside"),
    ("their_space/ejection.py", "a namespace, without __init__.py"),
]


@pytest.mark.parametrize("is_recorded", [False, True], ids=["editable", "installed"])
@pytest.mark.parametrize("edited", [file for file, _ in EDITED], ids=[what for _, what in EDITED])
def test_an_edit_of_any_file_of_the_package_changes_its_code(site: Path, edited: str, is_recorded: bool) -> None:
    points = ["septal_flash = their_signs:THEIRS", "flash = their_flashes:A", "shift = their_space.ejection:B"]
    offer(site, "their_signs", "\n".join(points), "import their_measures, csv\nfrom product_of_signs import Sign\n")
    for file, _ in EDITED[1:]:
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text("import their_charts.curves\n")
    (site / "their_charts/__init__.py").write_text("")
    (site / "of_somebody_else.py").write_text("")
    if is_recorded:
        listed = [*(file for file, _ in EDITED), "their_charts/__init__.py", "their_signs-2.1.dist-info/METADATA"]
        (site / "their_signs-2.1.dist-info/RECORD").write_text("".join(f"{file},,\n" for file in listed))
    before = code_of_packages(FOLDER)
    (site / "of_somebody_else.py").write_text("# edited\n")
    (site / "their_charts/__pycache__").mkdir()
    (site / "their_charts/__pycache__/curves.pyc").write_text("compiled")
    assert code_of_packages(FOLDER) == before
    with (site / edited).open("a") as file:
        file.write("# edited\n")
    assert code_of_packages(FOLDER) != before


@pytest.mark.parametrize("value", ["m-b-hyphen:THEIRS", "", ":THEIRS", "their_signs:"])
def test_a_point_that_names_no_module_is_one_line_and_nothing_else_stops(site: Path, value: str) -> None:
    offer(site, "their_signs", f"septal_flash = {value}")
    found = signs()
    assert list(code_of_packages(FOLDER)) == ["their_signs"]
    assert list(found.all()) == ["apical_sparing", "b_lines"]
    (problem,) = found.problems()
    assert "septal_flash" in problem and "module:constant" in problem and "package their_signs" in problem


def test_a_thing_that_is_left_out_for_its_name_decides_nothing(site: Path) -> None:
    offer(site, "their_signs", "b_lines = their_signs:THEIRS")
    offer(site, "their_others", "flash = their_others:THEIRS")
    offer(site, "their_thirds", "flash = their_thirds:THEIRS")
    assert list(code_of_packages(FOLDER)) == ["their_others"]


def test_registered_files_decide_what_asks_the_registry_or_only_the_chosen_ones(tmp_path: Path) -> None:
    rooms = tmp_path / "echomort/rooms"
    rooms.mkdir(parents=True)
    (tmp_path / "echomort/__init__.py").write_text("")
    (rooms / "__init__.py").write_text("ROOMS = Registry('room', 'echomort.rooms', object)\n")
    (rooms / "left.py").write_text("ROOM = 1\n")
    (rooms / "right.py").write_text("ROOM = 2\n")
    (tmp_path / "echomort/work.py").write_text("from echomort.rooms import ROOMS\n")
    root = [("echomort.work", None)]
    every = Code(tmp_path).reached(root)
    assert {"file echomort/rooms/left.py", "file echomort/rooms/right.py"} < set(every.parts)
    assert every.registries == {"echomort.rooms"}
    one = Code(tmp_path).reached(root, {"echomort.rooms": ["right"]})
    assert "file echomort/rooms/right.py" in one.parts and "file echomort/rooms/left.py" not in one.parts
