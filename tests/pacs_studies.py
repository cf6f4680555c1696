"""Loops of studies that name a patient, as a hospital's archive has them."""

from echo_files import EchoFile, sector_movie

PATIENT = {"PatientName": "Canary^Jane", "PatientID": "CANARY-7731", "PatientBirthDate": "19500101", "PatientSex": "F"}
STUDY = {"StudyInstanceUID": "1.2.826.5.1", "StudyTime": "101112", "AccessionNumber": "ACC-CANARY", "StudyID": "7"}
LOOP_UID = "1.2.826.5.1.9.{}"


def write_loop(path, number=1, **tags):
    """Write the ``number``-th loop of the study to ``path``, with other ``tags`` where these say so."""
    path.parent.mkdir(exist_ok=True)
    uids = {"SOPInstanceUID": LOOP_UID.format(number), "SeriesInstanceUID": "1.2.826.5.1.9"}
    return EchoFile(sector_movie(60), tags=PATIENT | STUDY | uids | tags).write(path)
