"""``echomort result``: a study's risk as DICOM objects of that study, written or sent to the archive."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from echomort.core.audit import Audited, audited
from echomort.core.errors import UserError
from orchestration.cli.options import (
    AsJson,
    Home,
    TlsAuthority,
    TlsCertificate,
    TlsKey,
    View,
    out,
    print_records,
    require_paths,
)
from orchestration.cli.predict import champion_of, noted_score, scoring_of

if TYPE_CHECKING:
    from pydicom import Dataset

    from echomort.champion.model import Champion
    from echomort.champion.predict import StudyPrediction
    from echomort.pacs.result import Answer, StudyResult
    from echomort.pacs.sending import Sent
    from echomort.settings import Scoring


def result(  # noqa: PLR0913, PLR0917 - one parameter an option
    paths: Annotated[list[Path], typer.Argument(help="Files or folders of studies, as the archive has them.")],
    home: Home = Path("demo"),
    save: Annotated[Path | None, typer.Option(help="Folder for the objects, which name the patient.")] = None,
    send_to: Annotated[str | None, typer.Option(help="Archive to send to by C-STORE: HOST:PORT/AET.")] = None,
    aet: Annotated[str, typer.Option(help="Our application entity title there.", show_default=True)] = "ECHOMORT",
    dicomweb: Annotated[str | None, typer.Option(help="DICOMweb service to send to by STOW-RS: its address.")] = None,
    only: Annotated[Literal["sr", "pdf"] | None, typer.Option(help="The report, or the page, alone.")] = None,
    tls_ca: TlsAuthority = None,
    tls_cert: TlsCertificate = None,
    tls_key: TlsKey = None,
    view: View = None,
    as_json: AsJson = False,
) -> None:
    """Give each study its risk back, as a structured report and a page (PDF) among its own DICOM objects.

    The objects name the patient, as the study's files do. The same files, champion and version give the same objects. A
    study without a risk, or whose files name several patients, gets none. The audit log notes it.
    """
    require_paths(paths)
    if not (save or send_to or dicomweb):
        raise UserError("nothing says where the results go", "give --save, --send-to or --dicomweb")
    if (tls_ca or tls_cert or tls_key) and not send_to:
        remedy = "leave them out: --dicomweb takes TLS from its address (https)"
        raise UserError("--tls-ca, --tls-cert and --tls-key have no meaning without --send-to", remedy)
    from echomort.pacs.codes import require_highdicom
    from echomort.pacs.objects import write_object
    from echomort.pacs.sending import send_by_store, send_by_stow
    from echomort.sources.association import Archive
    from echomort.sources.tls import Certificates
    from orchestration.printing.files import results

    certificates = Certificates.of(tls_ca, tls_cert, tls_key)
    archive = Archive.parse(send_to, aet, certificates) if send_to else None
    require_highdicom()
    champion = champion_of(home)
    ways = {"--save": save, "--send-to": send_to, "--dicomweb": dicomweb}
    with audited(home, " ".join(["result", *(name for name, value in ways.items() if value)])) as noted:
        found = _found(paths, champion, view, noted, scoring_of(home))
        print_records((_record(*one) for one in found), results, as_json)
        objects = [one for _, result in found if not isinstance(result, str) for one in _objects(result, only)]
        for one in objects if save else []:
            write_object(one, Path(str(save)))
        if save and not as_json:
            out.print(f"{save}: {len(objects)} objects")
        sent = [send_by_store(objects, archive)] if archive and objects else []
        sent += [send_by_stow(objects, dicomweb)] if dicomweb and objects else []
        _judge(sent, noted, as_json)


def _found(
    paths: list[Path], champion: "Champion", view: str | None, noted: Audited, scoring: "Scoring"
) -> "list[Answer]":
    """Score the files of ``paths``, note them in ``noted``, and return the answer for each study."""
    from echomort.champion.predict import score_files
    from echomort.pacs.result import study_results

    noted.add([f"candidate {champion.name}"])
    files = []
    for one in score_files(paths, champion, view, scoring):
        noted_score(one, noted)
        files.append(one)
    found = list(study_results(files, champion, scoring))
    without = sum(isinstance(result, str) for _, result in found)
    noted.add([], results=len(found) - without, without_result=without)
    return found


def _record(prediction: "StudyPrediction", result: "StudyResult | str") -> dict[str, Any]:
    return prediction.as_record() | {"no_result": result if isinstance(result, str) else None}


def _objects(result: "StudyResult", only: str | None) -> "list[Dataset]":
    from echomort.pacs.objects import PAGE, REPORT
    from echomort.pacs.page import encapsulated_page
    from echomort.pacs.report import structured_report

    makers = {REPORT: structured_report, PAGE: encapsulated_page}
    return [make(result) for kind, make in makers.items() if only in (None, kind)]


def _judge(sent: "list[Sent]", noted: Audited, as_json: bool) -> None:
    """Print and note what was sent. Raises :class:`UserError` where something was not."""
    for one in sent:
        noted.add([], sent=one.sent, not_sent=one.failed)
        if not as_json:
            out.print(f"{one.sent} objects sent, {one.failed} not sent")
    for one in sent:
        if one.failed:
            raise UserError(f"{one.failed} of {one.sent + one.failed} objects were not sent: {one.problem}", one.remedy)
