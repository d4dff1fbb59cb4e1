"""Every number that makes the phantom easy or hard, and what sets the two hospitals apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DIAGNOSES = ("normal", "pneumonia", "effusion", "nodule")
FINDINGS = ("pneumonia", "effusion", "nodule", "cardiomegaly", "pneumothorax")


@dataclass(frozen=True)
class Physics:
    """How findings look, and what may be taken for one."""

    water_per_cm: float = 0.19
    bone_per_cm: float = 0.50
    alike: float = 4.2
    """Sum of the parameters of the beta distribution of severities: the larger, the less they
    differ between patients."""
    opacity: tuple[float, float] = (0.35, 0.95)
    """Density of a consolidation at severity 0 and 1 (share of air replaced)."""
    nodule_cm: tuple[float, float] = (1.5, 3.2)
    """Radius of a nodule at severity 0 and 1."""
    effusion_cm: tuple[float, float] = (2.0, 11.0)
    """Height of the fluid at severity 0 and 1."""
    nuisance: float = 0.15
    """Strongest harmless opacity that anyone may have."""
    nuisance_share: float = 0.6
    resolved: float = 0.25
    """Share of follow-up images in which the disease has gone."""


@dataclass(frozen=True)
class Hospital:
    """Equipment, habits and patients of one source."""

    photons_per_cm2: float
    scatter: float
    """Share of the signal that is scattered radiation."""
    blur_cm: float
    window: tuple[float, float]
    """Percentiles of the field that become black and white."""
    gamma: float
    shades: float
    """Strength of the display's S-curve; 0 is linear."""
    collimation: float
    """Widest shutter border, share of the field."""
    portable: tuple[float, float]
    """Share of AP (portable) images among healthy and ill."""
    tilt: float
    marker: tuple[float, float]
    """Where the side marker lies (share of the field)."""
    diagnoses: Mapping[str, float]
    findings: Mapping[str, float]
    unread: float
    """Share of findings nobody reported on (missing)."""


PHYSICS = Physics()
HOSPITALS = {
    "a": Hospital(
        photons_per_cm2=60000.0,
        scatter=0.25,
        blur_cm=0.18,
        window=(4.0, 99.7),
        gamma=1.0,
        shades=0.6,
        collimation=0.05,
        portable=(0.25, 0.4),
        tilt=0.03,
        marker=(0.10, 0.12),
        diagnoses={"normal": 0.34, "pneumonia": 0.24, "effusion": 0.21, "nodule": 0.21},
        findings=dict(zip(FINDINGS, (0.28, 0.25, 0.20, 0.22, 0.15), strict=True)),
        unread=0.0,
    ),
    "b": Hospital(
        photons_per_cm2=12000.0,
        scatter=0.42,
        blur_cm=0.32,
        window=(1.0, 99.9),
        gamma=1.15,
        shades=0.0,
        collimation=0.14,
        portable=(0.55, 0.7),
        tilt=0.07,
        marker=(0.88, 0.10),
        diagnoses={"normal": 0.25, "pneumonia": 0.33, "effusion": 0.27, "nodule": 0.15},
        findings=dict(zip(FINDINGS, (0.36, 0.32, 0.14, 0.30, 0.12), strict=True)),
        unread=0.1,
    ),
}
