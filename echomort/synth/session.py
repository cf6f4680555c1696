"""One study at one scanner: its files and what is in each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

import numpy as np
from pydicom import Dataset

from echomort.settings import Synthetic
from echomort.synth import objects, screen
from echomort.synth.beam import SECTORS, Acquisition, draw_pose
from echomort.synth.cohort import Patient, Study, uid
from echomort.synth.phantom import render

FPS = (15.0, 16.67, 18.436, 20.0, 25.0, 30.0, 50.0, 60.0)
FPS_SHARES = (0.42, 0.22, 0.14, 0.08, 0.05, 0.06, 0.015, 0.015)
"""Share of loops at each of ``FPS`` frames a second."""
TIMING_FIELDS: tuple[objects.TimingField, ...] = ("frame_time", "frame_time_and_rate", "vector")
TIMING_FIELD_SHARES = (0.30, 0.58, 0.12)
VIEW_FIELDS: tuple[objects.ViewField, ...] = ("name", "code", "both", "series")
VIEW_FIELD_SHARES = (0.4, 0.3, 0.2, 0.1)
MODELS = ("EPIQ 7C", "Affiniti 70G", "iE33")
HOSPITALS = ("ST ELSEWHERE GENERAL", "NORTH VALLEY HEART", "ELSEWHERE UNIVERSITY HOSPITAL")

Kind = Literal[
    "loop",  # a clean cine loop of a tagged view
    "unnamed",  # a clean loop that no tag names
    "still",
    "sweep",  # a single frame of pulsed-wave Doppler
    "colour",  # colour Doppler loop
    "spectral",  # pulsed-wave Doppler, running
    "m_mode",  # M-mode, running
    "truncated",
    "frame_count",
    "not_dicom",
    "empty",
    "copy",  # a copy of the first file of the study
]
SHORT: tuple[Kind, ...] = ("spectral", "m_mode", "truncated", "frame_count")
"""Kinds of 12 frames only, to save time: none of them becomes a clip."""
EXTRAS: dict[Kind, float] = {
    "still": 0.10,
    "colour": 0.06,
    "sweep": 0.04,
    "spectral": 0.02,
    "m_mode": 0.02,
    "unnamed": 0.02,
    "truncated": 0.012,
    "not_dicom": 0.012,
    "frame_count": 0.012,
    "empty": 0.012,
    "copy": 0.015,
}
"""Share of studies that have each file beside the loops."""
REASONS: dict[Kind, str] = {
    "still": "still",
    "colour": "colour_doppler",
    "spectral": "spectral_doppler",
    "m_mode": "m_mode",
    "sweep": "still",
    "truncated": "truncated_pixels",
    "not_dicom": "not_dicom",
    "frame_count": "frame_count",
    "empty": "truncated",
}
"""The reason for which the pipeline should reject each kind; other kinds should become clips."""


@dataclass(frozen=True)
class Instance:
    """The truth of one file."""

    study_id: str
    patient_id: str
    kind: Kind
    expected_status: str
    expected_reason: str | None
    path: str = ""
    sop_instance_uid: str = ""
    view: str = "unknown"
    transfer_syntax: str = ""
    frames: int = 0
    fps: float | None = None
    bytes: int = 0


@dataclass(frozen=True)
class Session:
    """One study at one scanner: makes its files one after the other."""

    synthetic: Synthetic
    patient: Patient
    index: int
    model: str
    hospital: str

    @classmethod
    def draw(cls, synthetic: Synthetic, patient: Patient, index: int, generator: np.random.Generator) -> Session:
        """Choose the scanner and the hospital of study ``index`` of ``patient``."""
        return cls(synthetic, patient, index, str(generator.choice(MODELS)), str(generator.choice(HOSPITALS)))

    @property
    def study(self) -> Study:
        """The study."""
        return self.patient.studies[self.index]

    def record(self, kind: Kind, view: str, number: int) -> tuple[bytes, Instance]:
        """Return the bytes of file ``number`` and its truth, without its path."""
        if kind == "empty":
            return b"", self._instance(kind)
        if kind == "not_dicom":
            return b"<html><body>503 Service Unavailable</body></html>\n" * 20, self._instance(kind)
        generator = np.random.default_rng([self.synthetic.seed, self.patient.number, 3, self.index, number])
        acquisition, timing = self._acquisition(kind, view, generator)
        syntax = _draw_syntax(kind, generator)
        picture = self._picture(kind, acquisition, timing.fps, generator)
        source = self._source(number)
        target = objects.make_dataset(source, picture, syntax)
        _describe(target, kind, acquisition, generator)
        frames = len(picture.luma)
        if frames > 1:
            objects.add_timing(target, timing, self.study.latent.hr)
        if kind == "frame_count":
            target.NumberOfFrames = frames - 2
        content = objects.to_bytes(target)
        if kind == "truncated":
            content = content[: int(len(content) * 0.6)]
        truth = self._instance(kind)
        return content, replace(
            truth,
            sop_instance_uid=source.sop_uid,
            view=view if kind == "loop" else "unknown",
            transfer_syntax=syntax,
            frames=frames,
            fps=timing.fps if frames > 1 else None,
        )

    def _instance(self, kind: Kind) -> Instance:
        reason = REASONS.get(kind)
        return Instance(
            study_id=self.study.study_id,
            patient_id=self.study.patient_id,
            kind=kind,
            expected_status="rejected" if reason else "accepted",
            expected_reason=reason,
        )

    def _source(self, number: int) -> objects.Source:
        seed, patient = self.synthetic.seed, self.patient.number
        return objects.Source(
            patient=self.patient,
            study=self.study,
            series_uid=uid(seed, patient, self.index, "series"),
            sop_uid=uid(seed, patient, self.index, number, "sop"),
            number=number,
            at=self.study.at + timedelta(seconds=47 * number),
            model=self.model,
            hospital=self.hospital,
        )

    def _acquisition(self, kind: Kind, view: str, generator: np.random.Generator) -> tuple[Acquisition, objects.Timing]:
        """Choose pose, frame rate and length: about two seconds, shorter where frames come fast."""
        fps = float(generator.choice(FPS, p=FPS_SHARES))
        seconds = generator.uniform(1.6, 2.1) if fps < 40 else generator.uniform(1.0, 1.4)
        frames = 1 if kind in ("still", "sweep") else 12 if kind in SHORT else round(fps * seconds)
        written_in = TIMING_FIELDS[int(generator.choice(len(TIMING_FIELDS), p=TIMING_FIELD_SHARES))]
        if kind == "frame_count":
            written_in = "frame_time"  # a vector of another length would be a second fault
        steps = np.full(frames, 1 / fps)
        if written_in == "vector" and frames > 1:
            steps *= generator.uniform(0.9, 1.1, frames)
            fps = (frames - 1) / float(steps[1:].sum())
        times = np.cumsum(steps) - steps[0]
        sector = SECTORS[self.synthetic.frame_size]
        return Acquisition(view, times, sector, draw_pose(generator, self.synthetic.jitter)), objects.Timing(
            times, written_in, fps
        )

    def _picture(
        self, kind: Kind, acquisition: Acquisition, fps: float, generator: np.random.Generator
    ) -> objects.Picture:
        heart = self.study.latent.heart()
        around = screen.draw_surroundings(acquisition.sector, self._labels(acquisition, fps))
        luma, blue, red = screen.split_planes(around)
        if kind == "colour":
            moving, *flow = screen.colour_flow(heart, acquisition, generator)
            blue, red = (np.where(ink == 128, painted, ink) for ink, painted in zip((blue, red), flow, strict=True))
        elif kind in ("spectral", "sweep"):
            picture = screen.spectrum(acquisition.sector, heart.heart_rate, generator)
            moving = screen.scroll(picture, acquisition)
        elif kind == "m_mode":
            moving = screen.scroll(screen.m_mode(heart, acquisition, generator), acquisition)
        else:
            moving = render(heart, acquisition, generator)
        np.maximum(moving, luma, out=moving)
        if len(moving) > 1:
            screen.draw_cursor(moving)
        return objects.Picture(moving, blue, red, around)

    def _labels(self, acquisition: Acquisition, fps: float) -> screen.Labels:
        patient, study = self.patient, self.study
        return screen.Labels(
            hospital=self.hospital,
            patient=f"{patient.family_name.upper()}, {patient.given_name.upper()} {study.patient_id}",
            moment=f"{study.at:%d/%m/%Y %H:%M}",
            frame_rate=fps,
            depth=acquisition.depth,
            heart_rate=study.latent.hr,
        )


def _draw_syntax(kind: Kind, generator: np.random.Generator) -> objects.Syntax:
    """Nearly always JPEG; a few loops come from stations that unpacked them."""
    chance = generator.random()
    if kind != "loop" or chance > 0.028:
        return "jpeg"
    return "native_rgb" if chance < 0.004 else "native_grey" if chance < 0.016 else "rle"


def _describe(target: Dataset, kind: Kind, acquisition: Acquisition, generator: np.random.Generator) -> None:
    """Add the view and the calibrated regions."""
    written_in = VIEW_FIELDS[int(generator.choice(len(VIEW_FIELDS), p=VIEW_FIELD_SHARES))]
    if kind not in ("unnamed", "spectral", "sweep", "m_mode"):
        objects.add_view(target, acquisition.view, written_in)
    spatial_format, data_type = {"spectral": (3, 3), "sweep": (3, 3), "m_mode": (2, 1)}.get(kind, (1, 1))
    objects.add_region(target, acquisition, spatial_format, data_type)
    if kind == "colour":
        objects.add_region(target, acquisition, 1, 2)
