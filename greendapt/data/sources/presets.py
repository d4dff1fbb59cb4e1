"""Published datasets as they are downloaded: where their tables and images lie, what columns mean.

Sources: the datasets' own pages and readme files, named beside each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greendapt.core.errors import DataError
from greendapt.core.hints import did_you_mean
from greendapt.data.labels import plain
from greendapt.data.sources.layouts import NONE, Layout
from greendapt.data.sources.tables import columns_of

_NORMAL_TB = {"0": "normal", "1": "tuberculosis"}


@dataclass(frozen=True)
class Preset:
    """``columns``: of its first table; or ``folders``: globs that must all be there. Both tell a
    dataset from others."""

    name: str
    layout: Layout
    columns: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


PRESETS = (
    Preset(  # nihcc.app.box.com/v/ChestXray-NIHCC
        "nih",
        Layout(
            tables=(("Data_Entry_2017*.csv", None), ("sample_labels.csv", None)),
            image="Image Index",
            label="Finding Labels",
            delimiter="|",
            patient="Patient ID",
            view="View Position",
            split_files=(("train_val_list.txt", "train"), ("test_list.txt", "test")),
            missing="drop",
        ),
        columns=("Image Index", "Finding Labels", "Patient ID"),
    ),
    Preset(  # stanfordmlgroup.github.io/competitions/chexpert
        "chexpert",
        Layout(
            tables=(("train.csv", "train"), ("valid.csv", "test")),
            image="Path",
            label="*",
            patient="path",
            view="Frontal/Lateral",
            missing="drop",
        ),
        columns=("Path", "Frontal/Lateral", "AP/PA"),
    ),
    Preset(  # physionet.org/content/mimic-cxr-jpg
        "mimic",
        Layout(
            tables=(("mimic-cxr-2.0.0-metadata.csv*", None),),
            joined=("mimic-cxr-2.0.0-chexpert.csv*", "mimic-cxr-2.0.0-split.csv*"),
            image="dicom_id",
            label="*",
            patient="subject_id",
            view="ViewPosition",
            split_column="split",
            missing="drop",
        ),
        columns=("dicom_id", "subject_id", "study_id", "ViewPosition"),
    ),
    Preset(  # bimcv.cipf.es/bimcv-projects/padchest
        "padchest",
        Layout(
            tables=(("PADCHEST_chest_x_ray_images_labels*.csv*", None),),
            image="ImageID",
            label="Labels",
            delimiter=",",
            labels={"normal": "No Finding"},
            patient="PatientID",
            view="Projection",
            missing="drop",
        ),
        columns=("ImageID", "PatientID", "Projection", "Labels"),
    ),
    Preset(  # kaggle.com/c/rsna-pneumonia-detection-challenge
        "rsna",
        Layout(
            tables=(("stage_2_train_labels.csv", None),),
            image="patientId",
            label="Target",
            patient="patientId",
            rows_per_image="any",
            missing="drop",
        ),
        columns=("patientId", "x", "y", "width", "height", "Target"),
    ),
    Preset(  # physionet.org/content/vindr-cxr
        "vindr",
        Layout(
            tables=(
                ("annotations/image_labels_train.csv", "train"),
                ("annotations/image_labels_test.csv", "test"),
            ),
            image="image_id",
            label="*",
            rows_per_image="majority",
            missing="drop",
        ),
        columns=("image_id", "rad_id", "No finding"),
    ),
    Preset(  # kaggle.com/c/vinbigdata-chest-xray-abnormalities-detection
        "vindr-kaggle",
        Layout(
            tables=(("train.csv", None),),
            image="image_id",
            label="class_name",
            delimiter="|",
            rows_per_image="any",
            missing="drop",
        ),
        columns=("image_id", "class_name", "class_id", "rad_id"),
    ),
    Preset(  # kaggle.com/c/siim-acr-pneumothorax-segmentation
        "siim",
        Layout(
            tables=(("train-rle.csv", None), ("stage_2_train.csv", None)),
            image="ImageId",
            label="EncodedPixels",
            labels={"-1": "normal", "*": "pneumothorax"},
            rows_per_image="majority",
            missing="drop",
        ),
        columns=("ImageId", "EncodedPixels"),
    ),
    Preset(  # github.com/lindawangg/COVID-Net, docs/COVIDx.md
        "covidx",
        Layout(
            tables=(("train.txt", "train"), ("val.txt", "val"), ("test.txt", "test")),
            header=("patient id", "filename", "class", "data source"),
            cells=" ",
            image="filename",
            label="class",
            patient="patient id",
            missing="drop",
        ),
        folders=("train.txt", "test.txt", "train", "test"),
    ),
    Preset(  # challenge.isic-archive.com/data
        "isic",
        Layout(
            tables=(("ISIC*GroundTruth.csv", None),),
            joined=("ISIC*Metadata.csv", "ISIC*LesionGroupings.csv"),
            image="image",
            label="*",
            one_hot=True,
            patient="lesion_id",
            missing="drop",
        ),
        columns=("image", "MEL", "NV", "BCC"),
    ),
    Preset(  # doi.org/10.7910/DVN/DBW86T
        "ham10000",
        Layout(
            tables=(("HAM10000_metadata*", None),),
            image="image_id",
            label="dx",
            patient="lesion_id",
            missing="drop",
        ),
        columns=("lesion_id", "image_id", "dx"),
    ),
    Preset(  # kaggle.com/c/aptos2019-blindness-detection
        "aptos",
        Layout(tables=(("train.csv", None),), image="id_code", label="diagnosis", missing="drop"),
        columns=("id_code", "diagnosis"),
    ),
    Preset(  # stanfordmlgroup.github.io/competitions/mura
        "mura",
        Layout(
            paths=r"(?:^|/)(?P<split>train|valid)/XR_\w+/(?P<patient>patient\d+)/"
            r"study\d+_(?P<label>positive|negative)/",
            splits={"valid": "test"},
        ),
        folders=("train/XR_*/patient*",),
    ),
    Preset(  # kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia; ids begin anew in a part
        "kaggle-pneumonia",
        Layout(
            paths=r"(?:^|/)(?P<patient>(?P<split>train|val|test)/(?P<label>NORMAL|PNEUMONIA)/"
            r"(?:person\d+|(?:NORMAL2-)?IM-\d+|(?:BACTERIA|VIRUS)-\d+)?)[^/]*$",
        ),
        folders=("train/NORMAL", "train/PNEUMONIA", "test/NORMAL", "test/PNEUMONIA"),
    ),
    Preset(  # lhncbc.nlm.nih.gov, Montgomery County chest X-ray set
        "montgomery",
        Layout(
            paths=r"(?:^|/)CXR_png/MCUCXR_(?P<patient>\d+)_(?P<label>[01])\.png$",
            labels=_NORMAL_TB,
            masks=("ManualMask/leftMask/{stem}.png", "ManualMask/rightMask/{stem}.png"),
        ),
        folders=("CXR_png/MCUCXR_*.png",),
    ),
    Preset(  # the same, Shenzhen Hospital; masks: kaggle.com/datasets/yoctoman/shcxr-lung-mask
        "shenzhen",
        Layout(
            paths=r"(?:^|/)CXR_png/CHNCXR_(?P<patient>\d+)_(?P<label>[01])\.png$",
            labels=_NORMAL_TB,
            masks=("mask/{stem}_mask.png",),
        ),
        folders=("CXR_png/CHNCXR_*.png",),
    ),
)
BY_NAME: Mapping[str, Preset] = {preset.name: preset for preset in PRESETS}


def preset_of(root: Path, name: str | None, tables: Sequence[Path]) -> Preset | None:
    """The one asked for; without a ``name`` the one that the folder surely is, if any.

    Raises DataError for an unknown name, and for one whose files are not there.
    """
    if name == NONE:
        return None
    if name is None:
        fit = [preset for preset in PRESETS if _is(preset, root, tables)]
        return fit[0] if len(fit) == 1 else None
    if name == "medmnist":
        raise DataError(f"{root}: MedMNIST comes as one file; name it, such as pneumoniamnist.npz")
    if name not in BY_NAME:
        hint = did_you_mean(name, BY_NAME)
        raise DataError(f"there is no preset '{name}'; {hint} There are: {', '.join(BY_NAME)}")
    return BY_NAME[name]


def _is(preset: Preset, root: Path, tables: Sequence[Path]) -> bool:
    if preset.columns:
        wanted = set(map(plain, preset.columns))
        fit = [table for table in tables if _named(preset, root, table)]
        return any(wanted <= set(columns_of(table)) for table in fit)
    return all(any(root.glob(folder)) for folder in preset.folders)


def _named(preset: Preset, root: Path, table: Path) -> bool:
    place = table.relative_to(root)
    return any(place.match(glob) for glob, _ in preset.layout.tables)
