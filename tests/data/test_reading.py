"""Folders and tables as people keep them: read right, or refused in a sentence; nothing unsaid."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from greendapt.core.errors import DataError, SuiteError
from greendapt.core.remarks import Gravity
from greendapt.data.dataset import load
from greendapt.data.sources.patients import in_path
from greendapt.data.sources.tables import read_table
from greendapt.suite import overrides
from greendapt.suite.datasets import FolderData

N = 24


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def write(root: Path, header, row, name="labels.csv", count=N, encoding="utf-8", **dialect):
    """A folder of images ``img/000.png`` and a table with one ``row(i)`` each."""
    for i in range(count):
        picture(root / f"img/{i:03d}.png", i)
    with (root / name).open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, **dialect)
        writer.writerow(header)
        writer.writerows(row(i) for i in range(count))
    return root


def plain(root, label=lambda i: "ab"[i % 2], patient=lambda i: f"p{i // 2}", **how):
    header = ["image", "label", "patient_id"]
    return write(root, header, lambda i: [f"img/{i:03d}.png", label(i), patient(i)], **how)


def read(where, how="", needs="labels", aliases=None):
    spec = FolderData.model_validate(overrides.folder(f"{where}{how}"))
    return load(spec, name="set", image_size=8, aliases=aliases or {}, needs=needs)


def refused(where, how="", **more):
    with pytest.raises(DataError) as error:
        read(where, how, **more)
    return str(error.value)


def told(one, gravity=None):
    return " ".join(str(note) for note in one.notes if gravity in (None, note.gravity))


def counts(one):
    return dict(zip(one.classes, np.bincount(one.targets).tolist(), strict=True))


# --- tables ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"delimiter": ";"}, "semicolons"),
        ({"delimiter": "\t"}, "tabs"),
        ({"encoding": "utf-8-sig", "lineterminator": "\r\n"}, ""),
        ({"encoding": "utf-16"}, "UTF-16"),
        ({"lineterminator": "\r"}, ""),
    ],
)
def test_dialects_are_told_apart_and_said(tmp_path, how, words):
    one = read(plain(tmp_path, **how))
    assert counts(one) == {"a": 12, "b": 12}
    assert len(set(one.patients.tolist())) == 12
    assert words in told(one)


def test_latin_1(tmp_path):
    label = lambda i: ["Lungenentzündung", "gesund"][i % 2]  # noqa: E731
    one = read(plain(tmp_path, label=label, encoding="latin-1"))
    assert one.classes == ("gesund", "lungenentzündung")
    assert "Latin-1" in told(one)


@pytest.mark.parametrize("named", ["metadata.csv", "my table.CSV", "train.tsv"])
def test_a_table_of_any_name_is_found(tmp_path, named):
    one = read(plain(tmp_path, name=named, delimiter="\t" if named.endswith("tsv") else ","))
    assert counts(one) == {"a": 12, "b": 12}
    assert f"Read from {named}" in told(one)


def test_several_tables_are_listed_with_the_key_that_chooses(tmp_path):
    plain(tmp_path, name="one.csv")
    plain(tmp_path, name="two.csv")
    message = refused(tmp_path)
    assert "one.csv, two.csv" in message
    assert "?table=NAME" in message
    assert counts(read(tmp_path, "?table=two.csv")) == {"a": 12, "b": 12}


def test_the_table_itself_may_be_named(tmp_path):
    plain(tmp_path, name="one.csv")
    plain(tmp_path, name="two.csv")
    assert "two.csv" in told(read(tmp_path / "two.csv"))


def test_a_table_a_split(tmp_path):
    for name, start in (("train", 0), ("test", 100)):
        for i in range(N):
            picture(tmp_path / name / f"{start + i}.png", start + i)
        rows = [f"{start + i}.png,{'ab'[i % 2]}" for i in range(N)]
        (tmp_path / name / "metadata.csv").write_text("\n".join(["file_name,label", *rows]))
    one = read(tmp_path)
    assert [(one.splits == s).sum() for s in ("train", "val", "test")] == [19, 5, 24]


def test_names_without_a_suffix(tmp_path):
    write(tmp_path, ["code", "grade"], lambda i: [f"{i:03d}", "ab"[i % 2]], name="train.csv")
    assert "no label column 'label'; it has: code, grade" in refused(tmp_path)
    one = read(f"{tmp_path}:grade")
    assert counts(one) == {"a": 12, "b": 12}
    assert "by the column 'code'; they are found by their file names alone" in told(one)
    mapped = read(tmp_path, "?table=train.csv&image=code&prefix=img/&suffix=.png&label=grade")
    assert (mapped.hashes == one.hashes).all()


def test_paths_of_another_root(tmp_path):
    write(tmp_path / "here", ["image", "label"], lambda i: [f"{i:03d}.png", "ab"[i % 2]])
    for path in sorted((tmp_path / "here/img").iterdir()):
        (tmp_path / "there").mkdir(exist_ok=True)
        path.rename(tmp_path / "there" / path.name)
    assert "cannot be read" in refused(tmp_path / "here")
    assert len(read(tmp_path / "here", f"?root={tmp_path / 'there'}")) == N


def test_absolute_paths_into_the_folder(tmp_path):
    one = read(write(tmp_path, ["image", "label"], lambda i: [tmp_path / f"img/{i:03d}.png",
                                                              "ab"[i % 2]]))  # fmt: skip
    assert counts(one) == {"a": 12, "b": 12}


def test_paths_with_folders_that_are_not_here(tmp_path):
    one = read(write(tmp_path, ["Path", "label"], lambda i: [f"set-v1/img/{i:03d}.png",
                                                             "ab"[i % 2]]))  # fmt: skip
    assert "read without the first 1 folder" in told(one)


def test_every_row_outside(tmp_path):
    write(tmp_path, ["image", "label"], lambda i: [f"../{i}.png", "ab"[i % 2]])
    assert "24 paths leave the dataset folder" in refused(tmp_path)


def test_a_surplus_cell_is_refused_by_its_line(tmp_path):
    plain(tmp_path)
    table = tmp_path / "labels.csv"
    table.write_text(table.read_text().replace("a,p4", "a, viral,p4"))
    assert "1 rows have more cells than there are columns (3), line 10" in refused(tmp_path)


def test_rows_with_fewer_cells_are_counted(tmp_path):
    plain(tmp_path)
    table = tmp_path / "labels.csv"
    table.write_text(table.read_text().replace("a,p4", "a"))
    assert "1 row of its table have fewer cells" in told(read(tmp_path), Gravity.WEAK)


def test_a_table_that_names_no_image_is_said_not_to_be_read(tmp_path):
    for i in range(N):
        picture(tmp_path / "ab"[i % 2] / f"{i}.png", i)
    (tmp_path / "licences.csv").write_text("who,what\nme,CC0\n")
    one = read(tmp_path)
    assert one.classes == ("a", "b")
    assert "Not read: licences.csv" in told(one, Gravity.WEAK)


def test_images_in_no_row_are_counted(tmp_path):
    plain(tmp_path)
    picture(tmp_path / "img/more.png", 1)
    assert "1 image in the folder are in no row: left alone" in told(read(tmp_path))


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"),
                                 min_size=1), min_size=3, max_size=3), min_size=1),
       st.sampled_from(",;\t|"))  # fmt: skip
def test_what_a_writer_quotes_is_read_back(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerow(["image", "label", "patient"])
        writer.writerows(rows)
    table = read_table(path, delimiter=delimiter)
    kept = [row for row in rows if any(cell.strip() for cell in row)]
    assert [list(row.values()) for row in table.rows] == [[c.strip() for c in row] for row in kept]


# --- several rows an image ------------------------------------------------------------------


def readers(root, header, cells):
    """Three rows an image, one a reader."""
    for i in range(N):
        picture(root / f"img/{i:03d}.png", i)
    rows = [[f"img/{i:03d}.png", f"R{r}", *cells(i, r)] for i in range(N) for r in range(3)]
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "reader", *header], *rows])
    return root


def test_several_rows_an_image_are_refused_with_the_choice(tmp_path):
    readers(tmp_path, ["label"], lambda i, r: ["ab"[(i + (r == 2)) % 2]])
    assert "rows_per_image = any, or majority" in refused(tmp_path)
    one = read(tmp_path, "?rows_per_image=majority")
    assert one.targets.tolist() == [0, 1] * 12
    assert "72 rows became 24" in told(one)


def test_findings_of_several_rows(tmp_path):
    readers(tmp_path, ["edema", "mass"], lambda i, r: [int(i % 2 and r == 0), int(r < i % 4)])
    anyone = read(tmp_path, "?rows_per_image=any")
    most = read(tmp_path, "?rows_per_image=majority&label=mass")
    assert anyone.targets[:, 0].tolist() == [0, 1] * 12
    assert most.targets[:, 0].tolist() == [0, 0, 1, 1] * 6


# --- labels ---------------------------------------------------------------------------------


def test_bars_between_labels_make_findings(tmp_path):
    words = ["Effusion", "Infiltration", "Effusion|Infiltration", "No Finding"]
    plain(tmp_path, label=lambda i: words[i % 4])
    one = read(tmp_path)
    assert one.classes == ("effusion", "infiltration")
    assert one.targets[:4].tolist() == [[1, 0], [0, 1], [1, 1], [0, 0]]
    assert "with '|' between several" in told(one)
    assert len(read(tmp_path, "?delimiter=none").classes) == 4


@pytest.mark.parametrize("between", [";", ", "])
def test_other_delimiters_are_seen_where_the_parts_stand_alone(tmp_path, between):
    plain(tmp_path, label=lambda i: ["x", "y", f"x{between}y", "No Finding"][i % 4])
    assert read(tmp_path).classes == ("x", "y")
    plain(tmp_path, label=lambda i: [f"left{between}upper", "right"][i % 2])
    assert len(read(tmp_path).classes) == 2


def test_columns_of_which_one_is_1_are_one_class(tmp_path):
    row = lambda i: [f"img/{i:03d}.png", *(float(i % 3 == k) for k in range(3))]  # noqa: E731
    write(tmp_path, ["image", "MEL", "NV", "BCC"], row)
    one = read(tmp_path)
    assert counts(one) == {"bcc": 8, "mel": 8, "nv": 8}
    assert "one class" in told(one)
    assert read(tmp_path, "?one_hot=false").task == "multilabel"


def test_one_hot_that_is_none_is_refused(tmp_path):
    row = lambda i: [f"img/{i:03d}.png", i % 2, int(i % 3 == 0)]  # noqa: E731
    write(tmp_path, ["image", "x", "y"], row)
    assert "not exactly one 1" in refused(tmp_path, "?one_hot=true")


@pytest.mark.parametrize("aliases", [{}, {"ill": ("1",), "well": ("0",)}])
def test_minus_one_is_no_label(tmp_path, aliases):
    plain(tmp_path, label=lambda i: ["1", "0", "-1"][i % 3])
    assert "8 images have no label in the column 'label'" in refused(tmp_path, aliases=aliases)
    one = read(tmp_path, "?missing=drop", aliases=aliases)
    assert np.bincount(one.targets).tolist() == [8, 8]
    assert "8 images without a label in 'label' were left out" in told(one)


def test_labels_that_differ_by_a_hyphen_are_not_made_one(tmp_path):
    plain(tmp_path, label=lambda i: ["T-1", "T1", "N"][i % 3])
    assert len(read(tmp_path).classes) == 3
    assert "'T-1' and 'T1' would be one label" in refused(tmp_path, aliases={"early": ("t1",)})
    assert len(read(tmp_path, aliases={"early": ("t1", "t-1")}).classes) == 2


def test_a_column_that_stands_twice_is_any_of_both(tmp_path):
    row = lambda i: [f"img/{i:03d}.png", int(i % 4 == 0), int(i % 4 == 1)]  # noqa: E731
    write(tmp_path, ["image", "Edema", "edema"], row)
    for how in ("", "?label=edema"):
        assert read(tmp_path, how).targets[:, 0].tolist() == [1, 1, 0, 0] * 6


def test_a_column_of_text_that_stands_twice_is_refused(tmp_path):
    row = lambda i: [f"img/{i:03d}.png", "ab"[i % 2], "cd"[i % 2]]  # noqa: E731
    write(tmp_path, ["image", "label", "Label"], row)
    assert "the columns 'label' and 'Label' are one name" in refused(tmp_path)


# --- patients -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    ["patient_id", "PatientID", "Patient ID", "subject_id", "lesion_id", "StudyInstanceUID"],
)
def test_columns_of_patients(tmp_path, column):
    row = lambda i: [f"img/{i:03d}.png", "ab"[i % 2], f"x{i // 4}"]  # noqa: E731
    one = read(write(tmp_path, ["image", "label", column], row))
    assert len(set(one.patients.tolist())) == 6
    assert f"6 patients by the column '{column}'" in told(one)


def test_a_column_named_for_patients(tmp_path):
    row = lambda i: [f"img/{i:03d}.png", "ab"[i % 2], f"x{i // 4}"]  # noqa: E731
    write(tmp_path, ["image", "label", "who"], row)
    assert len(set(read(tmp_path, "?patient=who").patients.tolist())) == 6
    assert "no column 'whom'" in refused(tmp_path, "?patient=whom")


@pytest.mark.parametrize("nobody", ["nan", "None", "unknown", "0", "", "N/A", "-"])
def test_ids_that_say_nothing_are_patients_of_their_own(tmp_path, nobody):
    one = read(plain(tmp_path, patient=lambda i: nobody if i % 3 == 0 else f"p{i % 3}{i // 6}"))
    assert len(set(one.patients.tolist())) == 8 + 8
    assert "8 of 24 images name no patient" in told(one, Gravity.WEAK)


def test_patients_counted_from_0(tmp_path):
    assert len(set(read(plain(tmp_path, patient=lambda i: i // 4)).patients.tolist())) == 6


def test_nobody_named_is_said_beside_the_verdict(tmp_path):
    row = lambda i: [f"img/{i:03d}.png", "ab"[i % 2]]  # noqa: E731
    one = read(write(tmp_path, ["image", "label"], row))
    assert "Nothing names the patients of its 24 images" in told(one, Gravity.WEAK)


def test_patients_in_the_paths(tmp_path):
    rows = []
    for i in range(N):
        image = f"train/patient{i // 4:05d}/study1/view{i % 4}_frontal.png"
        picture(tmp_path / image, i)
        rows.append(f"{image},{'ab'[i // 4 % 2]}")
    (tmp_path / "labels.csv").write_text("\n".join(["Path,label", *rows]))
    one = read(tmp_path)
    assert len(set(one.patients.tolist())) == 6
    assert "6 patients by ids in the images' paths" in told(one)
    assert len(set(read(tmp_path, "?patient=none").patients.tolist())) == N


def test_patients_in_some_paths_are_offered(tmp_path):
    for i in range(N):
        name = f"person{i // 4}_{i}" if i % 2 else f"IM-{i}"
        picture(tmp_path / "ab"[i % 2] / f"{name}.png", i)
    assert "12 of the paths hold what looks like one: patient = path" in told(read(tmp_path))
    assert len(set(read(tmp_path, "?patient=path").patients.tolist())) == 12 + 6


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("train/patient00012/study1/view1.png", "patient00012"),
        ("p10/p10000032/s50414267/x.jpg", "p10000032"),
        ("a/person7_virus_3.jpeg", "person7"),
        ("sub-01/anat/x.png", "sub-01"),
        ("a/case12.png", None),
        ("pneumonia/1.png", None),
        ("patients/1.png", None),
    ],
)
def test_ids_in_paths(path, who):
    assert in_path(path) == who


# --- splits ---------------------------------------------------------------------------------


def test_a_column_of_splits_by_another_name(tmp_path):
    row = lambda i: [f"img/{i:03d}.png", "ab"[i % 2], "test" if i > 17 else "train"]  # noqa: E731
    write(tmp_path, ["image", "label", "fold"], row)
    for how in ("?split_column=fold", "?split=fold"):
        assert (read(tmp_path, how).splits == "test").sum() == 6


def test_a_file_that_lists_the_test_part(tmp_path):
    plain(tmp_path)
    (tmp_path / "test.txt").write_text("\n".join(f"{i:03d}.png" for i in range(18, 24)))
    one = read(tmp_path, "?split_file=test.txt")
    assert (one.splits[18:] == "test").all()
    assert (one.splits == "test").sum() == 6
    assert "is no file" in refused(tmp_path, "?split_file=gone.txt")


# --- trees ----------------------------------------------------------------------------------


def tree(root, parts=("train", "val", "test")):
    for p, part in enumerate(parts):
        for c, kind in enumerate(("normal", "pneumonia")):
            for i in range(4):
                picture(root / part / kind / f"{i}.png", 100 * p + 10 * c + i)
    return root


def right(one):
    assert one.classes == ("normal", "pneumonia")
    assert [(one.splits == s).sum() for s in ("train", "val", "test")] == [8, 8, 8]
    return told(one)


def test_strays_of_archives_are_left_alone_and_said(tmp_path):
    tree(tmp_path)
    (tmp_path / "__MACOSX/train").mkdir(parents=True)
    (tmp_path / "__MACOSX/train/._00.png").write_bytes(b"\0")
    (tmp_path / "train/normal/._0.png").write_bytes(b"\0")
    assert "Left alone: 1 __MACOSX, 1 hidden" in right(read(tmp_path))


def test_an_empty_folder_beside_the_splits(tmp_path):
    (tree(tmp_path) / "masks").mkdir()
    assert "1 empty folder" in right(read(tmp_path))


def test_a_folder_of_images_beside_the_splits_is_refused(tmp_path):
    picture(tree(tmp_path) / "more/x.png", 1)
    assert "beside test, train, val there is more (1 image)" in refused(tmp_path)


def test_notebook_checkpoints_are_no_images(tmp_path):
    picture(tree(tmp_path) / "train/normal/.ipynb_checkpoints/0-checkpoint.png", 1)
    assert ".ipynb_checkpoints" in right(read(tmp_path))


def test_unknown_files_are_counted(tmp_path):
    for name in ("x.svs", "y.xyz", "notes.txt"):
        (tree(tmp_path) / "train/normal" / name).write_bytes(b"x")
    one = read(tmp_path)
    assert "1 .svs (cut tiles of them, with OpenSlide); 1 .xyz (no kind" in told(one, Gravity.WEAK)


def test_links_to_folders_are_followed(tmp_path):
    tree(tmp_path / "real", ("all",))
    (tmp_path / "data").mkdir()
    for kind in ("normal", "pneumonia"):
        (tmp_path / "data" / kind).symlink_to(tmp_path / "real/all" / kind)
    assert counts(read(tmp_path / "data")) == {"normal": 4, "pneumonia": 4}


def test_a_link_to_a_folder_above_ends(tmp_path):
    tree(tmp_path)
    (tmp_path / "train/normal/loop").symlink_to(tmp_path)
    right(read(tmp_path))


def test_one_folder_around_everything(tmp_path):
    tree(tmp_path / "chest_xray")
    assert "All images lie in the folder chest_xray" in right(read(tmp_path))


def test_images_and_masks_are_no_classes(tmp_path):
    for i in range(N):
        picture(tmp_path / f"images/{i}.png", i)
        Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / f"{i}.png")
        (tmp_path / "masks").mkdir(exist_ok=True)
        (tmp_path / f"{i}.png").rename(tmp_path / f"masks/{i}_mask.png")
    assert "no classes but 24 images and 24 masks" in refused(tmp_path)
    assert (read(tmp_path, needs="masks").masks.reshape(N, -1).sum(axis=1) == 8).all()


# --- the command line -----------------------------------------------------------------------


def test_an_unknown_key_is_refused_with_the_nearest():
    with pytest.raises(SuiteError, match="did you mean image"):
        overrides.folder("x?imge=y")


def test_a_folder_with_a_question_mark(tmp_path):
    assert overrides.folder(str(tmp_path)) == {"source": "folder", "path": str(tmp_path)}
    (tmp_path / "a?b").mkdir()
    assert overrides.folder(str(tmp_path / "a?b"))["path"] == str(tmp_path / "a?b")
