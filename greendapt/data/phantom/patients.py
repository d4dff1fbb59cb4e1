"""Who comes to a simulated hospital, with what, and how they are positioned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from greendapt.data.phantom.anatomy import Blob, Body, Disease, Pose
from greendapt.data.phantom.hospitals import DIAGNOSES, FINDINGS, PHYSICS, Hospital
from greendapt.suite.datasets import PhantomData

_CODE = {"a": 1, "b": 2}
_IMAGES_A_PATIENT = (0.62, 0.22, 0.10, 0.06)


@dataclass(frozen=True)
class Shot:
    """One image before it is taken."""

    body: Body
    pose: Pose
    disease: Disease
    view: str
    labels: tuple[float, ...]
    """One per finding (task findings), or the class (task diagnosis)."""


def stream(spec: PhantomData, what: int, *index: int) -> np.random.Generator:
    task = 0 if spec.task == "diagnosis" else 1
    return np.random.Generator(
        np.random.PCG64([_CODE[spec.hospital], spec.seed, task, what, *index])
    )


def visits(spec: PhantomData) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Patient and number of the visit, per image; a prefix of one endless list."""
    rng = stream(spec, 0)
    counts = 1 + np.searchsorted(np.cumsum(_IMAGES_A_PATIENT)[:-1], rng.random(spec.images))
    who = np.repeat(np.arange(len(counts)), counts)
    nth = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)
    return who[: spec.images], nth[: spec.images]


def shot(spec: PhantomData, hospital: Hospital, patient: int, visit: int) -> Shot:
    body = _body(stream(spec, 1, patient))
    state = stream(spec, 2, patient)
    present = _present(state, hospital, spec.task)
    spread = PHYSICS.alike * spec.severity, PHYSICS.alike * (1 - spec.severity)
    severity = {f: float(state.beta(*spread)) for f in FINDINGS}
    rng = stream(spec, 4, patient, visit)
    if visit > 0 and rng.random() < PHYSICS.resolved:
        present = set()
    severity = {
        f: float(np.clip(severity[f] + rng.normal(0.0, 0.08), 0.02, 1.0)) if f in present else 0.0
        for f in FINDINGS
    }
    view = "AP" if rng.random() < hospital.portable[bool(present)] else "PA"
    pose = _pose(rng, hospital, view)
    labels = _labels(rng, hospital, spec.task, present)
    return Shot(body, pose, _disease(rng, body, pose, severity), view, labels)


def _present(rng: np.random.Generator, hospital: Hospital, task: str) -> set[str]:
    if task == "diagnosis":
        share = np.array([hospital.diagnoses[d] for d in DIAGNOSES])
        diagnosis = DIAGNOSES[int(np.searchsorted(np.cumsum(share)[:-1], rng.random()))]
        return {diagnosis} - {"normal"}
    return {f for f in FINDINGS if rng.random() < hospital.findings[f]}


def _labels(
    rng: np.random.Generator, hospital: Hospital, task: str, present: set[str]
) -> tuple[float, ...]:
    if task == "diagnosis":
        return (float(DIAGNOSES.index(next(iter(present), "normal"))),)
    return tuple(
        float("nan") if rng.random() < hospital.unread else float(f in present) for f in FINDINGS
    )


def _body(rng: np.random.Generator) -> Body:
    z = rng.standard_normal(14).tolist()
    lung = (6.6 + 0.35 * z[0], 14.5 + 0.7 * z[1], 15.0 + 1.2 * z[2])
    return Body(
        size=float(np.clip(1.0 + 0.06 * z[3], 0.85, 1.15)),
        half_width=16.5 + 0.8 * z[4],
        thickness=21.0 + 2.2 * z[5],
        lung=lung,
        lung_gap=7.9 + 0.3 * z[0],
        dome=3.2 + 0.5 * z[6],
        right_higher=1.2 + 0.5 * z[7],
        heart=(6.2 + 0.45 * z[8], 4.9 + 0.35 * z[9], 9.5),
        heart_tilt=0.6 + 0.12 * z[10],
        rib_spacing=2.45 + 0.1 * z[11],
        rib_phase=float(rng.random()),
        rib_slope=3.4 + 0.6 * z[12],
        bone=float(np.clip(1.0 + 0.18 * z[13], 0.5, 1.5)),
        spine_bend=float(rng.normal(0.0, 0.35)),
        breast=float(rng.uniform(0.4, 1.2)) if rng.random() < 0.45 else 0.0,
        vessels=float(rng.uniform(0.7, 1.4)),
        texture=int(rng.integers(2**31)),
    )


def _pose(rng: np.random.Generator, hospital: Hospital, view: str) -> Pose:
    """AP: the heart is farther from the detector (larger), breath is shallower, blades in view."""
    portable = view == "AP"
    return Pose(
        shift=(float(rng.normal(0.0, 0.7)), float(rng.normal(0.5, 0.9))),
        turn=float(rng.normal(0.0, hospital.tilt)),
        zoom=float(rng.normal(1.06 if portable else 1.0, 0.035)),
        heart=float(rng.normal(1.13 if portable else 1.0, 0.03)),
        breath=float(np.clip(rng.normal(0.84 if portable else 1.0, 0.08), 0.65, 1.15)),
        scapula=float(rng.uniform(0.5, 1.0) if portable else rng.uniform(0.0, 0.35)),
    )


def _disease(
    rng: np.random.Generator, body: Body, pose: Pose, severity: Mapping[str, float]
) -> Disease:
    opacities = []
    if rng.random() < PHYSICS.nuisance_share:
        opacities.append(
            _blob(rng, body, pose, rng.uniform(1.5, 4.0), rng.uniform(0, PHYSICS.nuisance))
        )
    if severity["pneumonia"] > 0:
        strength = _between(PHYSICS.opacity, severity["pneumonia"])
        first = _blob(rng, body, pose, rng.uniform(2.2, 4.5), strength)
        opacities.append(first)
        for _ in range(int(rng.integers(0, 3))):
            opacities.append(
                replace(
                    first,
                    x=first.x + rng.normal(0, 2.0),
                    y=first.y + rng.normal(0, 2.5),
                    strength=strength * rng.uniform(0.4, 0.9),
                )
            )
    nodules = []
    if severity["nodule"] > 0:
        radius = _between(PHYSICS.nodule_cm, severity["nodule"])
        nodules.append(_blob(rng, body, pose, radius, 1.0, 0.15))
    return Disease(
        opacities=tuple(opacities),
        nodules=tuple(nodules),
        effusion=_one_side(rng, severity["effusion"], PHYSICS.effusion_cm),
        pneumothorax=_one_side(rng, severity["pneumothorax"], (0.0, 1.0)),
        cardiomegaly=severity["cardiomegaly"],
    )


def _between(ends: tuple[float, float], severity: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * severity


def _one_side(
    rng: np.random.Generator, severity: float, ends: tuple[float, float]
) -> dict[int, float]:
    side = 1 if rng.random() < 0.5 else -1
    return {side: _between(ends, severity)} if severity > 0 else {}


def _blob(
    rng: np.random.Generator,
    body: Body,
    pose: Pose,
    radius: float,
    strength: float,
    stretch: float = 0.4,
) -> Blob:
    """Somewhere in either lung, below the collar bones and above the diaphragm."""
    side = 1 if rng.random() < 0.5 else -1
    around, far = rng.uniform(0, 2 * np.pi), float(np.sqrt(rng.random()))
    height = 0.5 * (9.0 * pose.breath + 10.0)
    return Blob(
        x=side * (body.lung_gap + 0.5) + 0.6 * body.lung[0] * far * float(np.cos(around)),
        y=0.5 * (9.0 * pose.breath - 10.0) + 0.75 * height * far * float(np.sin(around)),
        rx=radius * float(np.exp(rng.normal(0, stretch / 2))),
        ry=radius * float(np.exp(rng.normal(0, stretch / 2))),
        strength=float(strength),
    )
