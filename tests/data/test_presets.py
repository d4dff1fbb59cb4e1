"""Published datasets as they are downloaded: small trees with their file names and columns."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from greendapt.core.errors import DataError
from greendapt.data.dataset import load
from greendapt.data.sources.presets import BY_NAME
from greendapt.suite import overrides
from greendapt.suite.datasets import FolderData


def image(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(value).integers(0, 255, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def lung(path: Path, columns: slice) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((8, 8), np.uint8)
    mask[:, columns] = 255
    Image.fromarray(mask).save(path)


def table(path: Path, header: str, rows, delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = [header.split(","), *([str(cell) for cell in row] for row in rows)]
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(text)


def read(where, needs="labels"):
    spec = FolderData.model_validate(overrides.folder(str(where)))
    aliases = {"normal": ("no_finding",)}
    return load(spec, name="set", image_size=8, aliases=aliases, needs=needs)


def counts(one) -> dict[str, int]:
    if one.targets.ndim == 2:
        return dict(zip(one.classes, np.nansum(one.targets, axis=0).astype(int), strict=True))
    return dict(zip(one.classes, np.bincount(one.targets), strict=True))


def parts(one) -> list[int]:
    return [int((one.splits == split).sum()) for split in ("train", "val", "test")]


def told(one) -> str:
    return " ".join(map(str, one.notes))


N = 40


def nih(root):
    labels = ["No Finding", "Effusion", "Effusion|Mass", "Mass"]
    rows = [[f"{i // 2:08d}_{i % 2:03d}.png", labels[i // 2 % 4], i % 2, i // 2, "060Y", "M",
             "PA" if i % 3 else "AP", 2500, 2048, .1, .1, ""] for i in range(N)]  # fmt: skip
    table(
        root / "Data_Entry_2017.csv",
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],",
        rows,
    )
    table(root / "BBox_List_2017.csv", "Image Index,Finding Label,Bbox [x,y,w,h]", [])
    for i, row in enumerate(rows):
        image(root / f"images_{i % 3 + 1:03d}/images/{row[0]}", i)
    (root / "train_val_list.txt").write_text("\n".join(row[0] for row in rows[:30]))
    (root / "test_list.txt").write_text("\n".join(row[0] for row in rows[30:]))


def chexpert(root):
    header = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Cardiomegaly,Edema"
    for name, start, end in (("train", 0, 30), ("valid", 30, N)):
        rows = []
        for i in range(start, end):
            where = f"{name}/patient{i // 2:05d}/study1/view{i % 2 + 1}_frontal.jpg"
            image(root / where, i)
            rows.append([f"CheXpert-v1.0-small/{where}", "Male", 60, "Frontal", "AP",
                         "", ["1.0", "0.0", "-1.0", ""][i % 4], float(i // 2 % 2)])  # fmt: skip
        table(root / f"{name}.csv", header, rows)


def mimic(root):
    meta, labels, split = [], [], []
    for i in range(N):
        who, study, name = 10000000 + i // 4, 50000000 + i // 2, f"{i:08x}-aaaa-bbbb"
        image(root / f"files/p10/p{who}/s{study}/{name}.jpg", i)
        meta.append([name, who, study, "CHEST", "PA" if i % 2 else "LATERAL", 2000])
        split.append([name, study, who, "train" if i < 24 else "validate" if i < 32 else "test"])
        if i % 2 == 0:
            labels.append([who, study, ["", "1.0"][i // 2 % 2], ["0.0", "1.0"][i // 2 % 2]])
    name = "mimic-cxr-2.0.0"
    table(root / f"{name}-metadata.csv.gz", "dicom_id,subject_id,study_id,PerformedProcedureStep"
          "Description,ViewPosition,Rows", meta)  # fmt: skip
    table(root / f"{name}-chexpert.csv.gz", "subject_id,study_id,Atelectasis,Edema", labels)
    table(root / f"{name}-split.csv.gz", "dicom_id,study_id,subject_id,split", split)


def padchest(root):
    labels = ["['normal']", "['pleural effusion', 'cardiomegaly']", "['cardiomegaly']"]
    rows = [[f"{i:020d}.png", i % 5, i // 2, f"s{i}", "PA", labels[i % 3]] for i in range(N)]
    for i, row in enumerate(rows):
        image(root / f"{row[1]}/{row[0]}", i)
    header = "ImageID,ImageDir,PatientID,StudyID,Projection,Labels"
    table(root / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz", header, rows)


def rsna(root):
    rows = []
    for i in range(N):
        name = f"{i:08d}-aaaa"
        image(root / f"stage_2_train_images/{name}.png", i)
        rows += [[name, "", "", "", "", 0]] if i % 2 else [[name, 1, 2, 3, 4, 1]] * 2
    table(root / "stage_2_train_labels.csv", "patientId,x,y,width,height,Target", rows)
    table(root / "stage_2_detailed_class_info.csv", "patientId,class", [[r[0], "n"] for r in rows])


def vindr(root):
    header = "image_id,rad_id,Cardiomegaly,Edema,No finding"
    rows = []
    for i in range(N):
        image(root / f"{'train' if i < 30 else 'test'}/{i:032x}.png", i)
        votes = [(i % 2, 0, 0), (i % 2, i % 3 == 0, 0), (0, i % 3 == 0, 1)]
        if i < 30:
            rows += [[f"{i:032x}", f"R{r}", *map(int, vote)] for r, vote in enumerate(votes)]
    table(root / "annotations/image_labels_train.csv", header, rows)
    tests = [[f"{i:032x}", i % 2, int(i % 3 == 0), 0] for i in range(30, N)]
    table(root / "annotations/image_labels_test.csv", header.replace("rad_id,", ""), tests)
    boxes = "image_id,rad_id,class_name,x_min,y_min,x_max,y_max"
    table(root / "annotations/annotations_train.csv", boxes, [])


def vindr_kaggle(root):
    rows = []
    for i in range(N):
        image(root / f"train/{i:032x}.png", i)
        names = ["No finding"] if i % 3 == 0 else ["Mass", "Edema"][: i % 3]
        rows += [[f"{i:032x}", name, 1, "R1", 0, 0, 1, 1] for name in names]
    table(root / "train.csv", "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max", rows)


def siim(root):
    rows = []
    for i in range(N):
        image(root / f"dicom-images-train/{i}.1/{i}.2/{i}.3.png", i)
        rows.append([f"{i}.3", "-1" if i % 2 else "100 2 30 4"])
    table(root / "train-rle.csv", "ImageId, EncodedPixels", rows)


def covidx(root):
    for name, start, end in (("train", 0, 30), ("test", 30, N)):
        rows = []
        for i in range(start, end):
            image(root / name / f"{i}.png", i)
            rows.append(f"{i // 2} {i}.png {['negative', 'positive'][i // 2 % 2]} cohen")
        (root / f"{name}.txt").write_text("\n".join(rows) + "\n")


def isic(root):
    kinds = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK"]
    rows = [[f"ISIC_{i:07d}", *(float(i % 3 == k) for k in range(9))] for i in range(N)]
    for i, row in enumerate(rows):
        image(root / f"ISIC_2019_Training_Input/{row[0]}.jpg", i)
    table(root / "ISIC_2019_Training_GroundTruth.csv", f"image,{','.join(kinds)}", rows)
    meta = [[row[0], 50, "torso", f"L{i // 2}", "male"] for i, row in enumerate(rows)]
    table(root / "ISIC_2019_Training_Metadata.csv", "image,age_approx,anatom_site_general,lesion_id"
          ",sex", meta)  # fmt: skip


def ham10000(root):
    rows = [[f"HAM_{i // 2:07d}", f"ISIC_{i:07d}", ["nv", "mel"][i // 2 % 2], "histo", 50, "male",
             "back"] for i in range(N)]  # fmt: skip
    for i, row in enumerate(rows):
        image(root / f"HAM10000_images_part_{i % 2 + 1}/{row[1]}.jpg", i)
    header = "lesion_id,image_id,dx,dx_type,age,sex,localization"
    table(root / "HAM10000_metadata.csv", header, rows)


def aptos(root):
    rows = [[f"{i:012x}", i % 5] for i in range(N)]
    for i, row in enumerate(rows):
        image(root / f"train_images/{row[0]}.png", i)
        image(root / f"test_images/{row[0]}f.png", 1000 + i)
    table(root / "train.csv", "id_code,diagnosis", rows)
    table(root / "test.csv", "id_code", [[f"{row[0]}f"] for row in rows])


def mura(root):
    for i in range(N):
        part = "train" if i < 30 else "valid"
        kind = ["positive", "negative"][i // 2 % 2]
        image(root / f"{part}/XR_ELBOW/patient{i // 2:05d}/study1_{kind}/image{i % 2}.png", i)
    table(root / "train_image_paths.csv", "MURA-v1.1/train/XR_ELBOW/image1.png", [])


def kaggle_pneumonia(root):
    for i in range(N):
        part = "train" if i < 24 else "val" if i < 28 else "test"
        image(root / f"chest_xray/{part}/NORMAL/IM-{i // 2:04d}-0001-{i % 2}.jpeg", i)
        image(root / f"chest_xray/{part}/PNEUMONIA/person{i % 12}_virus_{i}.jpeg", 100 + i)
    (root / "__MACOSX/chest_xray").mkdir(parents=True)
    (root / "__MACOSX/chest_xray/._train").write_bytes(b"\0")


def montgomery(root):
    for i in range(N):
        name = f"MCUCXR_{i:04d}_{i % 2}"
        image(root / f"CXR_png/{name}.png", i)
        lung(root / f"ManualMask/leftMask/{name}.png", slice(0, 3))
        lung(root / f"ManualMask/rightMask/{name}.png", slice(5, 8))
        (root / "ClinicalReadings").mkdir(exist_ok=True)
        (root / f"ClinicalReadings/{name}.txt").write_text("Patient's Sex: F")


def shenzhen(root):
    for i in range(N):
        image(root / f"CXR_png/CHNCXR_{i:04d}_{i % 2}.png", i)
        lung(root / f"mask/CHNCXR_{i:04d}_{i % 2}_mask.png", slice(2, 6))


# name: what writes it, images by label, patients, images by part (None: made here)
PUBLISHED = {
    "nih": (nih, {"effusion": 20, "mass": 20}, 20, [24, 6, 10]),
    "chexpert": (chexpert, {"cardiomegaly": 10, "edema": 20}, 20, [24, 6, 10]),
    "mimic": (mimic, {"edema": 20}, 10, [24, 8, 8]),
    "padchest": (padchest, {"cardiomegaly": 26, "pleural_effusion": 13}, 20, None),
    "rsna": (rsna, {"target": 20}, N, None),
    "vindr": (vindr, {"cardiomegaly": 20, "edema": 14}, N, [24, 6, 10]),
    "vindr-kaggle": (vindr_kaggle, {"edema": 13, "mass": 26}, N, None),
    "siim": (siim, {"normal": 20, "pneumothorax": 20}, N, None),
    "covidx": (covidx, {"negative": 20, "positive": 20}, 20, [24, 6, 10]),
    "isic": (isic, {"bcc": 13, "mel": 14, "nv": 13}, 20, None),
    "ham10000": (ham10000, {"mel": 20, "nv": 20}, 20, None),
    "aptos": (aptos, {str(k): 8 for k in range(5)}, N, None),
    "mura": (mura, {"negative": 20, "positive": 20}, 20, [24, 6, 10]),
    "kaggle-pneumonia": (kaggle_pneumonia, {"normal": N, "pneumonia": N}, None, [48, 8, 24]),
    "montgomery": (montgomery, {"normal": 20, "tuberculosis": 20}, N, None),
    "shenzhen": (shenzhen, {"normal": 20, "tuberculosis": 20}, N, None),
}


def test_every_preset_is_tested():
    assert set(PUBLISHED) == set(BY_NAME)


@pytest.mark.parametrize("how", ["", "?preset={}"], ids=["by itself", "named"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_dataset_is_read_as_downloaded(tmp_path, name, how):
    write, labels, patients, splits = PUBLISHED[name]
    write(tmp_path)
    one = read(f"{tmp_path}{how.format(name)}")
    found = {label: count for label, count in counts(one).items() if count}
    assert found == labels
    assert len(one) == sum(
        len(list(one.targets[one.splits == s])) for s in ("train", "val", "test")
    )
    if patients is not None:
        assert len(set(one.patients.tolist())) == patients
    if splits is not None:
        assert parts(one) == splits
    for who in set(one.patients.tolist()):
        assert len(set(one.splits[one.patients == who])) == 1
    assert f"Its layout is that of {name}." in told(one)


def test_uncertain_findings_are_missing(tmp_path):
    chexpert(tmp_path)
    one = read(tmp_path)
    unsure = one.targets[:, one.classes.index("cardiomegaly")]
    assert np.isnan(unsure).sum() == 20


def test_a_part_of_the_images_is_read_and_the_rest_counted(tmp_path):
    nih(tmp_path)
    for path in sorted(tmp_path.glob("images_*/images/*"))[:8]:
        path.unlink()
    one = read(tmp_path)
    assert len(one) == 32
    assert "8 of 40 rows have no image here: left out." in told(one)


def test_lungs_of_two_files_are_masks_of_one_image(tmp_path):
    montgomery(tmp_path)
    masks = read(tmp_path, needs="masks").masks
    assert masks[:, 0].tolist() == [[1, 1, 1, 0, 0, 1, 1, 1]] * N


def test_a_dataset_that_looks_like_two_is_none(tmp_path):
    aptos(tmp_path)
    (tmp_path / "train.csv").rename(tmp_path / "labels.csv")
    with pytest.raises(DataError, match="no label column"):
        read(tmp_path)


def test_an_unknown_preset_names_those_there_are(tmp_path):
    nih(tmp_path)
    with pytest.raises(DataError, match="no preset 'nihh'; did you mean nih"):
        read(f"{tmp_path}?preset=nihh")


def test_a_preset_whose_table_is_not_there(tmp_path):
    aptos(tmp_path)
    with pytest.raises(DataError, match=r"no table Data_Entry_2017\*.csv"):
        read(f"{tmp_path}?preset=nih")


def test_medmnist_is_a_file(tmp_path):
    aptos(tmp_path)
    with pytest.raises(DataError, match="pneumoniamnist"):
        read(f"{tmp_path}?preset=medmnist")
