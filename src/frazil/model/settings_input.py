"""Settings of what comes in: session, image data, gain reference, microscope, transfer."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import field_validator

from frazil.model.settings_field import Tab, setting

_OF_WARP = ("average", "powerspectrum", "thumbnails", "matching", "particles", "deconv", "mask", "logs")


class SessionSettings(Tab):
    """Session."""

    name: str = setting("New session", "Name", "shown name")
    folder: str | None = setting(None, "Folder", "empty or new; fixed at creation")
    group: str | None = setting(None, "Group", "who may see it")
    kind: Literal["movies", "micrographs", "warp"] = setting(
        "movies", "Source kind", "fixed at creation", stage="align"
    )
    tags: tuple[str, ...] = setting((), "Tags, comment", "for searching")


class ImageDataSettings(Tab):
    """Image data."""

    source_path: str | None = setting(None, "Location", "folder or pattern where movies appear")
    source_recursive: bool = setting(True, "Include subfolders", "the whole tree")
    file_patterns: tuple[str, ...] = setting(
        ("*.tif", "*.tiff", "*.eer", "*.mrc", "*.mrcs"), "Movie files", "patterns on base names"
    )
    ignore_patterns: tuple[str, ...] = setting(
        ("*_gain*", "CountRef*", "SuperRef*", "*.gain"), "Ignore", "patterns on base names"
    )
    metadata_path: str | None = setting(None, "Location of metadata", "XML or mdoc elsewhere")
    has_frames: bool = setting(True, "Movies have frames", "off: single images", stage="align")
    invert_contrast: bool = setting(
        False, "Invert contrast", "for movies in which particles are bright", stage="sum"
    )
    warp_folder: str | None = setting(None, "Warp folder", "holds previous.settings; can only move")
    warp_particles: Literal["all", "good"] = setting("all", "Use", "allparticles or goodparticles")
    neural_net: str | None = setting(None, "Network", "that Warp picks with; read from Warp's settings")
    work_subfolder: str = setting("classification", "Output subfolder", "under the Warp folder")
    write_live2d_folder: Literal["auto", "on", "off"] = setting(
        "auto", "Write Live2D files", "auto: with the cistem engine or where such files are already"
    )

    @field_validator("work_subfolder")
    @classmethod
    def _one_folder(cls, value: str) -> str:
        if not re.fullmatch(r"(?!\.)[^/\\\0]+", value) or value.lower() in _OF_WARP:
            raise ValueError(
                f"work_subfolder {value!r}: give the name of one folder below the Warp folder, "
                "other than those of Warp"
            )
        return value


class GainSettings(Tab):
    """Gain reference."""

    gain_path: str | None = setting(None, "Location", "mrc, tif, gain, dm3 or dm4 file", stage="align")
    gain_rotation_deg: Literal[0, 90, 180, 270] = setting(
        0, "Rotation, clockwise", "before the flips", unit="deg", stage="align"
    )
    gain_flip_x: bool = setting(False, "Flip left-right", stage="align")
    gain_flip_y: bool = setting(False, "Flip upside-down", stage="align")
    gain_invert: Literal["auto", "on", "off"] = setting("auto", "Inverse gain", "1/gain", stage="align")
    gain_auto_orient: bool = setting(True, "Test orientation", "propose, never silently apply")
    defects_path: str | None = setting(None, "Defects", "txt, map or xml", stage="align")
    hot_pixel_sigma: float = setting(
        6.0,
        "Remove hot pixels above",
        "of the unaligned sum; 0 is off",
        unit="σ",
        low=0,
        high=30,
        stage="align",
    )


class MicroscopeSettings(Tab):
    """Microscope parameters."""

    pixel_size_a: float | None = setting(
        None,
        "Pixel size",
        "of the movie as stored (EER: physical pixel); required",
        unit="Å",
        low=0.1,
        high=20,
        stage="align",
    )
    voltage_kv: float | None = setting(None, "Voltage", "required", unit="kV", low=60, high=400, stage="sum")
    cs_mm: float = setting(2.7, "Spherical aberration", unit="mm", low=0, high=10, stage="ctf")
    amplitude_contrast: float = setting(0.07, "Amplitude contrast", low=0, high=1, stage="ctf")
    dose_per_movie_e_per_a2: float | None = setting(
        None,
        "Dose per movie",
        "whole exposure; needed for dose weighting",
        unit="e/Å²",
        low=0.1,
        high=300,
        stage="align",
    )
    pre_exposure_e_per_a2: float = setting(0.0, "Dose before", unit="e/Å²", low=0, high=200, stage="align")
    mag_major: float = setting(
        1.0,
        "Magnification along the major axis",
        "distortion, corrected if not 1",
        low=0.9,
        high=1.1,
        stage="align",
    )
    mag_minor: float = setting(1.0, "Magnification along the minor axis", low=0.9, high=1.1, stage="align")
    mag_angle_deg: float = setting(
        0.0, "Angle of major axis", "from +x", unit="deg", low=-180, high=180, stage="align"
    )
    mtf_path: str | None = setting(
        None, "MTF of the detector", "STAR file with rlnMtfValue; goes into RELION's tables"
    )
    optics_grouping: str = setting("auto", "Optics groups", "auto, one, shift or a rule on names")


class TransferSettings(Tab):
    """Transfer."""

    transfer_mode: Literal["link", "copy", "move", "in_place"] = setting("link", "Raw data")
    min_age_s: int = setting(10, "Minimum age", "unchanged for so long", unit="s", low=0, high=3600)
    settle_s: int = setting(5, "Two looks apart", unit="s", low=1, high=300)
    poll_s: int = setting(3, "Look every", unit="s", low=1, high=300)
    give_up_s: int = setting(600, "Incomplete after", "then failed", unit="s", low=60, high=86400)
    require_sidecar: str | None = setting(None, "Wait for side file", "its suffix, for instance .xml")
    sidecar_grace_s: int = setting(60, "Side file may be late by", unit="s", low=0, high=3600)
    extra_suffixes: tuple[str, ...] = setting((".xml", ".mdoc"), "Additional files", "empty: none")
    movie_compression: Literal["none", "tiff"] = setting(
        "none", "Compress movies", "integer MRC to LZW-TIFF, verified"
    )
    verify_copies: Literal["reread", "size"] = setting("reread", "Verify", "move always rereads")
    verify_on_restart: bool = setting(False, "Compare content on Restart")
    extra_destinations: tuple[str, ...] = setting(
        (), "Second copies", "folders that get a copy of every delivered file"
    )
    transfer_streams: int = setting(3, "Parallel files", low=1, high=16)
    bandwidth_limit_mb_s: float = setting(0.0, "Limit", "0: none", unit="MB/s", low=0)
    min_free_gb: float = setting(50.0, "Keep free", "pauses below", unit="GB", low=1)
    processing_order: Literal["newest", "oldest", "alternate"] = setting(
        "newest", "Order", "of transfer and pre-processing"
    )
