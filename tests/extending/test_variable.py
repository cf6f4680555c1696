"""docs/extending/variable.md does what it says: what a folder of tables adds, and what its mistakes say."""

import numpy as np
import pandas as pd
import pytest
from extending.pages import install
from extracts import KEYRING, empty_warehouse, fetch, person, write_extract

from assets.graph import STAGES
from assets.records.own_variables import variable_files
from assets.status import changed_parts
from echomort.core.errors import UserError
from echomort.ehr.catalogue import shipped_catalogue, site_catalogue
from echomort.ehr.variables import names
from echomort.models.baselines import fit_baselines
from echomort.models.imputation import Imputer
from echomort.models.rows import LabelledRows
from echomort.models.tabular import input_variables
from echomort.settings import Settings, Sources, Tabular
from warehouse.checks.assertions import check
from warehouse.checks.expectations import validate
from warehouse.staging.staging import stage
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
    stage(connection, write_extract(folder, ROWS), "canonical", KEYRING, "kept", variables)
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
    rows = LabelledRows.of([0, 1] * 20, [0] * 20 + [1] * 20, [str(number) for number in range(40)])
    settings = Tabular(variables="catalogue", baselines=("logistic",), baseline_variables=("echo", "clinical"))
    fitted = fit_baselines(features, rows, settings, own)
    assert fitted.coefficients["ehr:logistic:echo"][0].columns == ("lvef", "gls")
    assert fitted.coefficients["ehr:logistic:clinical"][0].columns == ("dx_e85",)


def settings_with(folder):
    return Settings(sources=Sources(variables=folder))


def test_what_it_decides_is_stale_when_it_changes_and_nothing_without_it(folder):
    decided = {"health_records", "clinical_features", "ehr_models", "ehr_baselines", "fusion"}
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
    ],
)
def test_a_mistake_is_one_line_with_file_row_and_remedy(folder, file, text, words):
    (folder / file).write_text(text)
    with pytest.raises(UserError) as caught:
        site_catalogue(folder)
    assert all(word in str(caught.value) for word in (file, "sources.variables", *words)), str(caught.value)
    assert caught.value.remedy and "\n" not in str(caught.value)


def test_a_folder_that_is_missing_or_empty_is_one_line(tmp_path):
    for folder, words in ((tmp_path / "none", "does not exist"), (tmp_path, "no table")):
        with pytest.raises(UserError, match=words):
            site_catalogue(folder)
