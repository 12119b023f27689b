"""Settings of 2D classification, of the machines that do the work, and of notifications."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from frazil.model.range_rule import parse_rule
from frazil.model.settings_field import Tab, setting
from frazil.model.walltime import walltime_minutes


class ClassificationSettings(Tab):
    """2D classification."""

    mode: Literal["streaming", "abinit", "seeded", "refine"] = setting("streaming", "Classification type")
    mask_radius_a: float | None = setting(
        None,
        "Mask radius",
        "auto: 0.6 diameters; a little larger than the particle",
        unit="Å",
        low=10,
        high=2000,
    )
    initial_resolution_a: float = setting(
        40.0, "Initial high-resolution limit", "start of the ramp", unit="Å", low=2, high=300
    )
    final_resolution_a: float = setting(
        8.0, "Final high-resolution limit", "end of the ramp; ceiling", unit="Å", low=2, high=100
    )
    low_resolution_a: float = setting(300.0, "Low-resolution limit", unit="Å", low=50, high=1000)
    startup_cycles: int = setting(15, "Startup cycles", "ab initio", low=0, high=200)
    seeded_startup_cycles: int | None = setting(
        None, "Seeded startup cycles", "auto: as above", low=0, high=200
    )
    refinement_cycles: int = setting(5, "Refinement cycles", "at least 3 advised", low=0, high=200)
    start_particles: int = setting(
        50000, "Particle count before starting", "first automatic job", low=1, high=10**7
    )
    update_particles: int = setting(
        50000, "Additional particle count before update", "next automatic jobs", low=1, high=10**7
    )
    class_count: int = setting(50, "Number of classes", "ab initio, streaming", low=1, high=1000)
    particles_per_class: int = setting(
        300, "Initial particles per class", "start-up fraction of ab initio", low=1, high=100000
    )
    startup_fraction: float | None = setting(
        None, "Start-up fraction", "overrides the former", low=0.001, high=1
    )
    max_particles_abinit: int = setting(0, "At most, ab initio", "0: all", low=0)
    max_particles_seeded: int = setting(0, "At most, seeded", "0: all", low=0)
    max_particles_refine: int = setting(0, "At most, refinement", "0: all", low=0)
    select_quality: float = setting(
        0.5,
        "Keep classes from quality",
        "classes of at least this quality are kept automatically",
        low=0,
        high=1,
    )
    automask: bool = setting(False, "Automask")
    autocentre: bool = setting(True, "Autocentre")
    stream_start_particles: int = setting(2000, "Streaming starts at", low=200, high=10**6)
    publish_s: int = setting(30, "Refresh at most every", unit="s", low=5, high=600)
    max_ctf_resolution_a: float = setting(
        10.0, "Micrographs better than", "part of the 2D input filter", unit="Å", low=2, high=100
    )
    classify_filter: str = setting("2D input", "Input filter", "a named filter")
    absorb_between_cycles: bool = setting(True, "Add particles between cycles")
    start_after_minutes: int = setting(0, "Also start every", "0: off", unit="min", low=0, high=1440)
    listen_period_s: int = setting(30, "Check for particles every", unit="s", low=5, high=3600)
    engine: Literal["frazil", "cistem"] = setting("frazil", "Engine", "cistem: where it is configured")
    psi_step_deg: float | None = setting(None, "Angular step", unit="deg", low=1, high=30)
    search_range_a: float | None = setting(None, "Shift range", unit="Å", low=0)
    smoothing: float | None = setting(None, "Smoothing", "cistem", low=0.01, high=1)
    random_seed: int | None = setting(None, "Random seed", "auto: from the session's id", low=0, high=2**31)

    @model_validator(mode="after")
    def _consistent(self) -> ClassificationSettings:
        if self.initial_resolution_a < self.final_resolution_a:
            raise ValueError(
                f"initial_resolution_a ({self.initial_resolution_a:g}) must not be smaller than "
                f"final_resolution_a ({self.final_resolution_a:g})"
            )
        if self.startup_cycles == 0 and self.refinement_cycles == 0:
            raise ValueError("startup_cycles and refinement_cycles must not both be 0")
        return self


class ResourceSettings(Tab):
    """Resources."""

    worker_pool: str = setting("local", "Workers", "local, or SLURM pools of the server")
    preprocess_workers: int | None = setting(None, "Movies at a time", low=1, high=512)
    preprocess_threads: int | None = setting(None, "Threads per movie", low=1, high=128)
    preprocess_memory_gb: float | None = setting(None, "Memory per movie", unit="GB", low=1, high=512)
    preprocess_gpus: float | None = setting(None, "GPUs per worker", "0: CPU", low=0, high=8)
    movie_timeout_min: int = setting(30, "Give up after", "kill and retry", unit="min", low=1, high=600)
    worker_walltime: str = setting("1-00:00:00", "Worker wall time", "d-hh:mm:ss")
    classify_threads: int | None = setting(None, "2D: threads", low=1, high=128)
    classify_memory_gb: float | None = setting(None, "2D: memory", unit="GB", low=1, high=512)
    classify_gpus: float | None = setting(None, "2D: GPUs", low=0, high=8)
    classify_walltime: str | None = setting(None, "2D: wall time", "d-hh:mm:ss")
    classify_share: int = setting(30, "2D share of a shared machine", unit="%", low=5, high=95)
    export_threads: int | None = setting(
        None, "Exports: threads", "files read and written at the same time; auto: one", low=1, high=128
    )
    export_memory_gb: float | None = setting(
        None, "Exports: memory", "they fail rather than take more", unit="GB", low=1, high=512
    )
    export_walltime: str | None = setting(
        None, "Exports: wall time", "d-hh:mm:ss, then they are given up; auto: however long it takes"
    )
    extra_cluster_options: str = setting("", "Extra options", "gres and partitions of the site")
    log_level: Literal["info", "debug", "trace"] = setting("info", "Logging level")
    max_attempts: int = setting(3, "Retries", "of passing failures", low=1, high=10)
    stop_grace_s: int = setting(60, "Grace", "before movies in flight are killed", unit="s", low=0, high=600)
    failure_alarm_percent: int = setting(30, "Alarm", "failed of the last 20", unit="%", low=1, high=100)
    resume_on_start: bool = setting(True, "Go on after a server restart")

    @model_validator(mode="after")
    def _times(self) -> ResourceSettings:
        if self.export_walltime is not None:
            try:
                walltime_minutes(self.export_walltime)
            except ValueError as error:
                raise ValueError(f"export_walltime: {error}") from None
        return self


class NotificationSettings(Tab):
    """Notifications."""

    notify_targets: tuple[str, ...] = setting((), "Send to", "e-mail, webhook or chat by URL")
    no_new_movie_min: int = setting(15, "No movie for", unit="min", low=1)
    behind_min: int = setting(30, "Behind by", unit="min", low=1)
    disk_hours_left: int = setting(6, "Disk full in", unit="h", low=1)
    range_rules: tuple[str, ...] = setting(
        (), "Values out of range", "as ctf_resolution_a>6:5/10: worse than 6 Å in 5 of the last 10"
    )
    alert_track: bool = setting(True, "Track paused or failing")
    alert_idle: bool = setting(True, "Session idle", "nothing new for an hour and all is done")
    alert_first_classes: bool = setting(True, "First good classes")

    @model_validator(mode="after")
    def _readable(self) -> NotificationSettings:
        for text in self.range_rules:
            try:
                parse_rule(text)
            except ValueError as error:
                raise ValueError(f"range_rules: {error}") from None
        return self
