"""The patches that a transformer of timm's embeds each as one."""

from __future__ import annotations

from timm.layers import PatchEmbed

from greendapt.models.backbone import Backbone


def patch_embed(backbone: Backbone) -> PatchEmbed | None:
    """Gives [B, N, D] or [B, H, W, D]; None where the network starts otherwise."""
    embed = getattr(backbone.net, "patch_embed", None)
    return embed if isinstance(embed, PatchEmbed) else None


def patch_side(backbone: Backbone) -> int:
    """In pixels; 1 where there are no patches."""
    embed = patch_embed(backbone)
    return 1 if embed is None else int(embed.patch_size[0])
