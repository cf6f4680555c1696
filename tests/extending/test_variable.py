"""docs/extending/variable.md does what it says: what a folder of tables adds, and what its mistakes say."""

import re

import numpy as np
import pandas as pd
import pytest
from extending.pages import install
from extracts import KEYRING, empty_warehouse, fetch, person, write_extract

from assets.graph import STAGES
from assets.records.own_variables import variable_files
from assets.status import changed_parts
from echomort.core.errors import UserError
from echomort.ehr import site_files
from echomort.ehr.catalogue import shipped_catalogue, site_catalogue
from echomort.ehr.variables import names
from echomort.models.baselines import fit_baselines
from echomort.models.imputation import Imputer
from echomort.models.rows import LabelledRows
from echomort.models.tabular import input_variables
from echomort.settings import Settings, Sources, Tabular
from warehouse.checks import assertions
from warehouse.checks.assertions import check
from warehouse.checks.expectations import validate
from warehouse.queries import ROOT, run
from warehouse.staging.staging import stage
from warehouse.tables.clinical_score.clinical_scores import clinical_inputs
from warehouse.tables.feature.features import build

AT = "2020-01-01 10:00:00"
ROWS = {
    "patient": [person("P"), person("Q", sex="M")],
    "study": [("S", "P", AT, "inpatient"), ("T", "Q", AT, "")],
    "measurement": [
        ("P", "S", "gls", -18.5, "%", AT),
        ("Q", "T", "gls", 12, "%", AT),
        ("P", "", "troponin_t", 0.02, "ug/L", "2019-12-30 08:00:00"),
        ("P", "", "troponin_t", 20, "g", "2019-12-30 09:00:00"),
    ],
    "diagnosis": [("P", "ICD10CM", "E85.4", "2019-01-01"), ("Q", "ICD9CM", "277.3", "2019-01-01")],
}


@pytest.fixture
def folder(tmp_path):
    """The folder that docs/extending/variable.md shows."""
    return install("variable.md", tmp_path).folder / "variables"


def built(folder, variables):
    """Return the warehouse with the features of ``ROWS``."""
    connection = empty_warehouse()
    stage(connection, write_extract(folder, ROWS), "canonical", KEYRING, "kept", catalogue=variables)
    build(connection, catalogue=variables)
    return connection


def test_an_own_variable_is_a_column_with_its_units_limits_codes_and_checks(tmp_path, folder):
    variables = site_catalogue(folder)
    connection = built(tmp_path / "extract", variables)
    found = "SELECT gls, troponin_t, dx_e85 FROM feature JOIN patient_alias USING (patient_key) ORDER BY gls NULLS LAST"
    joined = found.replace("JOIN", "JOIN study USING (study_key) JOIN")
    assert fetch(connection, joined) == [(-18.5, 20.0, 1), (None, None, 1)]
    refused = "SELECT variable, reason FROM feature_refusal ORDER BY ALL"
    assert fetch(connection, refused) == [("gls", "OUTSIDE_LIMITS"), ("troponin_t", "UNKNOWN_UNIT")]
    for table in ("measurement", "feature"):
        result = validate(table, connection.table(table).df(), folder)
        assert not result.failed and not result.errors, result
    assert check(connection, "no_feature_without_an_earlier_record") == 0


def words_of_the_queries():
    """Return every word of the SQL that reads features, and every column of the warehouse, that may name a variable."""
    files = [path.read_text() for path in ROOT.rglob("*.sql")]
    words = {word for text in files if re.search(r"\bfeature\b", text) for word in re.findall(r"\w+", text.lower())}
    columns = {name for (name,) in fetch(empty_warehouse(), "SELECT column_name FROM information_schema.columns")}
    names = {word for word in words | columns if site_files.NAME.fullmatch(word) and not word.startswith("dx_")}
    return sorted(names - {one.name for one in shipped_catalogue().variables} - site_files.RESERVED)


def test_no_name_that_a_variable_may_have_is_mistaken_for_another_column(tmp_path, folder):
    words = words_of_the_queries()
    assert {"study_at", "feature", "copd", "low", "values", "birth_date", "first_recorded_at", "select"} <= set(words)
    (folder / "variables.csv").write_text(
        HEAD + "".join(f"{word},echo,A word,%,-40,0,measurement,0\n" for word in words)
    )
    for file in ("units.csv", "icd9.csv"):
        (folder / file).unlink()
    variables = site_catalogue(folder)
    own = [("P", "S", word, -18.5, "%", AT) for word in words]
    lvef = [("P", "S", "lvef", 55, "%", AT)]
    found = {}
    for name, catalogue, measured in (("with", variables, own + lvef), ("without", shipped_catalogue(), lvef)):
        connection = empty_warehouse()
        (tmp_path / name).mkdir()
        rows = ROWS | {"measurement": measured}
        stage(connection, write_extract(tmp_path / name, rows), "canonical", KEYRING, "kept", catalogue=catalogue)
        build(connection, catalogue=catalogue)
        studies = "SELECT study_key, patient_key, 'development', 0, 1, 9, true, true, true FROM study"
        connection.execute(f"INSERT INTO cohort {studies}")
        found[name] = [clinical_inputs(connection).to_dict("list")]
        run(connection, "definitions/heart_failure.sql")
        run(connection, "definitions/followed_study.sql")
        for query, bind in (("evaluation/evaluation_frame", {"roles": ["development"]}), ("report/report_cohort", {})):
            found[name].append(run(connection, f"reads/{query}.sql", **bind).df().to_dict("list"))
        samples = run(connection, "reads/training/tabular_samples.sql").df()
        found[name].append(samples[["study_key", "fold", "label", "lvef", "sex", "age"]].to_dict("list"))
        run(connection, "reads/risk/risk_plan.sql", studies=None)
        run(connection, "reads/report/report_missing.sql")
        run(connection, "reads/reader_study/reader_cases.sql", view="apical_4", views=["apical_4"], model="m")
        run(connection, "reads/evaluation/variable_auc.sql")
        assert [check(connection, one) for one in assertions.names() if "feature" in one] == [0, 0, 0]
        result = validate("feature", connection.table("feature").df(), folder if name == "with" else None)
        assert not result.failed and not result.errors, result
    assert str(found["with"]) == str(found["without"])


def test_a_risk_is_made_again_when_any_feature_changes_whatever_a_variable_is_named(tmp_path, folder):
    own = folder / "variables.csv"
    own.write_text(own.read_text().replace("gls,", "feature,"))
    connection = built(tmp_path / "extract", site_catalogue(folder))
    clips = "INSERT INTO clip (clip_key, instance_key, study_key, status) SELECT study_key, '1', study_key, 'accepted'"
    connection.execute(f"{clips} FROM study")
    connection.execute("INSERT INTO clip_view SELECT clip_key, study_key, 'apical_4', 'tag' FROM clip")
    before = run(connection, "reads/risk/risk_plan.sql", studies=None).fetchall()
    connection.execute("UPDATE feature SET lvef = 12")
    after = run(connection, "reads/risk/risk_plan.sql", studies=None).fetchall()
    assert len(before) == 2 and all(one != other for one, other in zip(before, after, strict=True))


def test_without_the_folder_its_variables_are_unknown(tmp_path):
    connection = built(tmp_path / "extract", shipped_catalogue())
    assert fetch(connection, "SELECT count(*) FROM measurement") == [(0,)]
    assert fetch(connection, "SELECT reason, count FROM conflict WHERE table_name = 'measurement'") == [
        ("UNKNOWN_VARIABLE", 4)
    ]


def test_models_get_it_with_the_whole_catalogue_and_not_with_the_method_s_variables(folder):
    variables = site_catalogue(folder)
    assert input_variables(Tabular(variables="catalogue"), variables) == (*names(), "gls", "troponin_t", "dx_e85")
    assert input_variables(Tabular(), variables) == input_variables(Tabular())


def test_its_gaps_are_filled_as_those_of_the_shipped_ones(folder):
    own = site_catalogue(folder).own
    values = pd.DataFrame({"gls": [-20.0, -18, None, -10, -12] * 8, "dx_e85": [0, 0, 1, 1] * 10}).to_numpy()
    imputer = Imputer.fit(values, ["gls", "dx_e85"], Tabular(), own)
    assert imputer.quantities.tolist() == [True, False]
    assert imputer.outliers.without_outliers(np.array([[-39.0, 0]])).tolist() == [[-39, 0]], "limits, so no outliers"
    features = pd.DataFrame(values, columns=["gls", "dx_e85"]).assign(lvef=range(40))
    rows = LabelledRows.of([0, 1] * 20, [0] * 10 + [1] * 10 + [2] * 20, [str(number) for number in range(40)])
    settings = Tabular(variables="catalogue", baselines=("logistic",), baseline_variables=("echo", "clinical"))
    fitted = fit_baselines(features, rows, settings, own)
    assert fitted.coefficients["ehr:logistic:echo"][0].columns == ("lvef", "gls")
    assert fitted.coefficients["ehr:logistic:clinical"][0].columns == ("dx_e85",)


def settings_with(folder):
    return Settings(sources=Sources(variables=folder))


def test_what_it_decides_is_stale_when_it_changes_and_nothing_without_it(folder):
    decided = {"health_records", "clinical_features", "ehr_models", "ehr_baselines", "permuted_null"}
    before = {one.name: one.recipe(settings_with(folder)) for one in STAGES}
    (folder / "variables.csv").write_text((folder / "variables.csv").read_text().replace("-40", "-45"))
    after = {one.name: one.recipe(settings_with(folder)) for one in STAGES}
    changed = {name: changed_parts(before[name], after[name]) for name in after}
    assert {name: parts for name, parts in changed.items() if parts} == {
        name: [f"{folder.name}/variables.csv"] for name in decided
    }
    assert variable_files(Settings()) == {}


def test_a_line_without_a_row_changes_nothing(folder):
    before = variable_files(settings_with(folder))
    text = (folder / "variables.csv").read_text()
    (folder / "variables.csv").write_bytes(text.replace("\n", "\r\n").encode() + b"\r\n")
    assert variable_files(settings_with(folder)) == before


HEAD = "name,set,label,unit,low,high,source,window_days\n"


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("variables.csv", HEAD + "gls,echo,Strain,,-40,0,measurement,0", ("row 2", "gls has no unit")),
        ("variables.csv", HEAD + "gls,echo,Strain,%,,0,measurement,0", ("row 2", "gls has no low")),
        ("variables.csv", HEAD + "gls,echo,Strain,%,0,-40,measurement,0", ("row 2", "not below", "swap")),
        ("variables.csv", HEAD + "gls,echo,Strain,%,small,0,measurement,0", ("row 2", "low is no number")),
        ("variables.csv", HEAD + "gls,echo,Strain,%,-40,0,measurement,", ("row 2", "window_days")),
        ("variables.csv", HEAD + "GLS,echo,Strain,%,-40,0,measurement,0", ("row 2", "GLS can't be the name")),
        ("variables.csv", HEAD + "label,echo,Strain,%,-40,0,measurement,0", ("row 2", "label can't be the name")),
        ("variables.csv", HEAD + "gls,heart,Strain,%,-40,0,measurement,0", ("row 2", "set heart", "echo or")),
        ("variables.csv", HEAD + "gls,echo,Strain,%,-40,0,patient,0", ("row 2", "source patient")),
        ("variables.csv", HEAD + "lvef,echo,EF,1,0,1,measurement,0", ("row 2", "shipped variable, in %", "units.csv")),
        ("variables.csv", HEAD + 2 * "gls,echo,Strain,%,-40,0,measurement,0\n", ("row 3", "there already (row 2)")),
        ("variables.csv", HEAD + "gls,echo,Strain,%,-40,0\n", ("row 2", "fewer cells")),
        ("variables.csv", HEAD + "gls,echo,Strain,code,1,4,measurement,0", ("row 2", "unit code", "0 and 1")),
        ("variables.csv", HEAD + "dx_e85,diagnosis,Amyloid,bool,0,1,diagnosis,", ("row 2", "code_from and code_to")),
        ("variables.csv", "name,set,label,unit,low,high,source,window\n", ("row 1", "unknown column window")),
        ("variables.csv", HEAD.replace(",low", ""), ("row 1", "no column low")),
        ("units.csv", "variable,unit,target,factor,offset\nstrain,1,%,100,0", ("row 2", "no measured variable strain")),
        ("units.csv", "variable,unit,target,factor,offset\nlvidd,mm,cm,10,0", ("row 2", "mm of lvidd is known")),
        ("units.csv", "variable,unit,target,factor,offset\nlvidd,mm,m,10,0", ("row 2", "lvidd is kept in m", "cm")),
        ("units.csv", "variable,unit,target,factor,offset\nlvidd,px,cm,0,0", ("row 2", "factor is 0")),
        ("icd9.csv", "prefix,variable\n277.3,dx_e85", ("row 2", "277.3", "without the dot")),
        ("icd9.csv", "prefix,variable\n2773,dx_e86", ("row 2", "no diagnosis group dx_e86")),
        ("unit.csv", "variable,unit\n", ("unit.csv", "would not be read")),
        ("variables.xlsx", "PK", ("would not be read", "variables.csv")),
        ("variables.txt", HEAD, ("would not be read", "variables.csv")),
        ("variables.csv", HEAD.replace("high,", "high,low,"), ("row 1", "column low is there twice")),
        ("units.csv", "variable,unit,unit,target,factor,offset\n", ("row 1", "column unit is there twice")),
        ("icd9.csv", "prefix,variable,prefix\n", ("row 1", "column prefix is there twice")),
        ("variables.csv", HEAD.replace(",", ";"), ("row 1", "semicolons", "commas")),
        ("units.csv", "variable\tunit\ttarget\tfactor\toffset\n", ("row 1", "tabs", "commas")),
        ("variables.csv", HEAD + f"gls,echo,{'x' * 131_073},%,-40,0,measurement,0", ("row 2", "larger than")),
        ("variables.csv", HEAD + "gls,echo,Str\0ain,%,-40,0,measurement,0", ("row 2", "NUL")),
        ("variables.csv", HEAD + "gls,echo,Strain,%,-40,1_0,measurement,0", ("row 2", "high is no number")),
        ("variables.csv", HEAD + "gls,echo,Strain,%,-40,\u0663,measurement,0", ("row 2", "high is no number")),
        ("variables.csv", HEAD + "gls,echo,Strain,%,-40,1e999,measurement,0", ("row 2", "high is no number")),
        ("variables.csv", HEAD + "gls,echo,Strain,%,-40,0,measurement,\u0663", ("row 2", "window_days")),
        ("variables.csv", HEAD + f"gls,echo,Strain,%,-40,0,measurement,{10**26}", ("row 2", "window_days", "36525")),
        ("variables.csv", HEAD, ("variables.csv", "no row below its header")),
        ("variables.csv", "", ("row 1", "no column name")),
        ("icd9.csv", "prefix,variable\n\u0662\u0667\u0667,dx_e85", ("row 2", "begins no ICD-9-CM code")),
    ],
)
def test_a_mistake_is_one_line_with_file_row_and_remedy(folder, file, text, words):
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        site_catalogue(folder)
    assert all(word in str(caught.value) for word in (file, "sources.variables", *words)), str(caught.value)
    assert caught.value.remedy and "\n" not in str(caught.value)


def test_a_folder_in_place_of_a_file_is_one_line(folder):
    (folder / "variables.csv").unlink()
    (folder / "variables.csv").mkdir()
    with pytest.raises(UserError, match=r"variables\.csv in sources\.variables would not be read: make it a file"):
        site_catalogue(folder)


def test_spreadsheets_mark_the_beginning_of_a_file(folder):
    before = site_catalogue(folder)
    for path in folder.iterdir():
        path.write_text(path.read_text().replace("\n", "\r\n"), encoding="utf-8-sig", newline="")
    assert site_catalogue(folder) == before


def test_a_folder_that_is_missing_or_empty_is_one_line(tmp_path):
    for folder, words in ((tmp_path / "none", "does not exist"), (tmp_path, "no table")):
        with pytest.raises(UserError, match=words):
            site_catalogue(folder)
