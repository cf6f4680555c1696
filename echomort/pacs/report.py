"""A result as a structured report: TID 1500, Measurement Report (PS3.16), in an Enhanced SR (PS3.3 A.35.2)."""

from typing import TYPE_CHECKING, Any

from echomort.pacs import codes
from echomort.pacs.objects import MAKER, MODEL_NAME, REPORT, SERIES_NUMBERS, UTF_8, series_description, with_identity
from echomort.pacs.result import StudyResult

if TYPE_CHECKING:
    from pydicom import Dataset

TRACKING = "echomort one-year mortality"


def structured_report(result: StudyResult) -> "Dataset":
    """Return the report of ``result``. Raises :class:`UserError` where highdicom is not installed."""
    codes.require_highdicom()
    from highdicom.sr import EnhancedSR
    from pydicom.uid import ExplicitVRLittleEndian

    day, time = result.when
    report = EnhancedSR(
        evidence=_evidence(result),
        content=_content(result),
        series_instance_uid=result.series_uid(REPORT),
        series_number=SERIES_NUMBERS[REPORT],
        sop_instance_uid=result.uid(REPORT),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=result.version,
        series_description=series_description(result),
        is_complete=True,
        specific_character_set=UTF_8,
        coding_schemes=_schemes(),
        content_date=day,
        content_time=time,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    return with_identity(report, result)


def _schemes() -> list[Any]:
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    return [CodingSchemeIdentificationItem(codes.SCHEME, codes.SCHEME_NAME, responsible_organization=MAKER)]


def _evidence(result: StudyResult) -> list["Dataset"]:
    """Return each object that counted, by its UIDs; the patient is set later, as highdicom refuses odd values."""
    from pydicom import Dataset

    found = []
    for one in result.instances:
        item = Dataset()
        item.SOPClassUID, item.SOPInstanceUID, item.SeriesInstanceUID = one.sop_class, one.sop_uid, one.series_uid
        item.StudyInstanceUID = result.identity["StudyInstanceUID"]
        item.PatientID = item.PatientName = item.PatientBirthDate = item.PatientSex = ""
        item.AccessionNumber = item.StudyID = item.StudyDate = item.StudyTime = ""
        found.append(item)
    return found


def _content(result: StudyResult) -> "Dataset":
    from highdicom.sr import MeasurementReport
    from pydicom.sr.codedict import codes as public

    return MeasurementReport(
        observation_context=_context(result),
        procedure_reported=public.SCT.Echocardiography,
        imaging_measurements=[_group(result)],
        title=public.DCM.ImagingMeasurementReport,
    )[0]


def _context(result: StudyResult) -> Any:
    from highdicom.sr import DeviceObserverIdentifyingAttributes, ObservationContext, ObserverContext
    from pydicom.sr.codedict import codes as public

    device = DeviceObserverIdentifyingAttributes(
        uid=result.device_uid, name=MODEL_NAME, manufacturer_name=MAKER, model_name=MODEL_NAME
    )
    return ObservationContext(observer_device_context=ObserverContext(public.DCM.Device, device))


def _group(result: StudyResult) -> Any:
    """Return the measurements (TID 1501), with the algorithm that made them (TID 4019)."""
    from highdicom.sr import (
        AlgorithmIdentification,
        Measurement,
        MeasurementsAndQualitativeEvaluations,
        QualitativeEvaluation,
        SourceImageForMeasurementGroup,
        TrackingIdentifier,
    )
    from pydicom.sr.codedict import codes as public

    names = (codes.RISK, codes.LOWEST, codes.HIGHEST)
    algorithm = AlgorithmIdentification(
        name=MODEL_NAME,
        version=f"{result.version}, candidate {result.candidate}",
        parameters=[f"model {result.prediction.model}"],
    )
    told = [(codes.USE, codes.RESEARCH)]
    told += [(codes.LEARNT_FROM, codes.SYNTHETIC)] if result.prediction.synthetic else []
    told += [(codes.MISSING, codes.named_input(name)) for name in result.prediction.missing]
    told += [(codes.BEYOND, codes.named_input(name)) for name in result.prediction.beyond]
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=result.uid("tracking"), identifier=TRACKING),
        algorithm_id=algorithm,
        measurements=[
            Measurement(codes.private(name), value, public.UCUM.Percent)
            for name, value in zip(names, result.percents, strict=True)
        ],
        qualitative_evaluations=[QualitativeEvaluation(codes.private(a), codes.private(b)) for a, b in told],
        source_images=[SourceImageForMeasurementGroup(one.sop_class, one.sop_uid) for one in result.instances],
    )
