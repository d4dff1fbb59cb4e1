"""What a paper that used greendapt cites: it, and the papers that its suites are of."""

from __future__ import annotations

from greendapt import __version__
from greendapt.store.runinfo import RunInfo

_SELF = """@software{{greendapt,
  title = {{greendapt: which way of adapting a pre-trained medical-imaging network is worth its carbon}},
  author = {{{{The greendapt developers}}}},
  version = {{{version}}}
}}
"""  # noqa: E501
_PAPERS = {
    "mehmood2022": """@article{mehmood2022,
  title = {Resource-efficient domain adaptive pre-training for medical images},
  author = {Mehmood, Yasar and Bajwa, Usama Ijaz and Sun, Xianfang},
  year = {2022},
  journal = {arXiv preprint arXiv:2204.13280}
}
""",
    "hidy2024": """@article{hidy2024,
  title = {Enhancing pretraining efficiency for medical image segmentation via transferability metrics},
  author = {Hidy, G{\\'a}bor and Bakos, Bence and Luk{\\'a}cs, Andr{\\'a}s},
  year = {2024},
  journal = {arXiv preprint arXiv:2410.18677}
}
""",  # noqa: E501
    "cherti2021": """@article{cherti2021,
  title = {Effect of pre-training scale on intra- and inter-domain full and few-shot transfer learning for natural and medical {X}-ray chest images},
  author = {Cherti, Mehdi and Jitsev, Jenia},
  year = {2021},
  journal = {arXiv preprint arXiv:2106.00116}
}
""",  # noqa: E501
}
_OF_SUITE = {
    "chestxray": ("mehmood2022",),
    "length": ("hidy2024",),
    "segmentation": ("hidy2024",),
    "scale": ("cherti2021",),
}


def bibtex(info: RunInfo | None = None) -> str:
    """BibTeX of greendapt and of every paper it implements; of a run: in the version that made it,
    and the papers that its suite is of."""
    if info is None:
        names, version = tuple(_PAPERS), __version__
    else:
        names, version = _OF_SUITE.get(info.suite.name, ()), info.version or __version__
    return "\n".join([_SELF.format(version=version), *(_PAPERS[name] for name in names)])
