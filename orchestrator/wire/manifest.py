"""``manifest.json``: an in-toto Statement v1 about the files of one sealed attempt.

The names in it become paths on the laptop, so they are refused here, by name, before anything touches a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from orchestrator.domain.errors import UnknownContract
from orchestrator.wire.codec import AttemptNumber, Count, Digest, Document, Part, UtcTime, parse

BUILD_TYPE = "https://kdorch.dev/run/v1"
UNLISTED = frozenset({"manifest.json", "exit.json", "supervisor.lock", "stop.request", "supervisor.log"})
"""Files of an attempt that its manifest never lists: they are written after it, or by somebody else."""


def _safe_name(name: str) -> str:
    """Refuse a file name that is not a plain relative path below its directory, in its one normal spelling."""
    if not name or len(name) > 1024:
        raise ValueError("a file name has 1 to 1024 characters")
    if not name.isprintable() or "\\" in name:
        raise ValueError(f"file name {name!r} has characters that names may not have")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise ValueError(f"file name {name!r} is not relative to the run directory")
    if any(part in ("", ".", "..") for part in name.split("/")):
        raise ValueError(f"file name {name!r} leaves the run directory or is not in its normal form")
    return name


SafeName = Annotated[str, AfterValidator(_safe_name)]


class FileDigest(Part):
    sha256: Digest


class FileAnnotations(Part):
    size_bytes: Count


class Subject(Part):
    """One file of the attempt as the in-toto statement lists it."""

    name: SafeName
    digest: FileDigest
    annotations: FileAnnotations


class ManifestFile(Part):
    """One listed file, flat: ``name`` is a safe relative path, ``sha256`` and ``size_bytes`` what it must be."""

    name: SafeName
    sha256: Digest
    size_bytes: Count


class ExternalParameters(Part):
    run_id: Digest
    attempt: AttemptNumber
    spec_sha256: Digest
    dispatch_sha256: Digest


class BuildDefinition(Part):
    build_type: str = Field(alias="buildType")
    external_parameters: ExternalParameters = Field(alias="externalParameters")
    internal_parameters: dict[str, Any] | None = Field(None, alias="internalParameters")
    resolved_dependencies: tuple[dict[str, Any], ...] = Field((), alias="resolvedDependencies")


class Builder(Part):
    id: str


class RunMetadata(Part):
    invocation_id: str = Field(alias="invocationId")
    started_on: UtcTime | None = Field(None, alias="startedOn")
    finished_on: UtcTime | None = Field(None, alias="finishedOn")


class RunDetails(Part):
    builder: Builder
    metadata: RunMetadata
    byproducts: tuple[dict[str, Any], ...] = ()


class Predicate(Part):
    build_definition: BuildDefinition = Field(alias="buildDefinition")
    run_details: RunDetails = Field(alias="runDetails")


class Manifest(Document):
    """``manifest.json``: an in-toto Statement v1 about the files of one attempt."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[Subject, ...]
    predicate_type: Literal["https://slsa.dev/provenance/v1"] = Field(alias="predicateType")
    predicate: Predicate

    @model_validator(mode="after")
    def _names_can_all_exist(self) -> Self:
        """Refuse lists that no directory can hold, on any file system."""
        seen: dict[str, str] = {}
        for name in (s.name for s in self.subject):
            if name in UNLISTED:
                raise ValueError(f"file {name!r} may not be listed")
            folded = name.casefold()
            if folded in seen:
                both = "twice" if seen[folded] == name else f"beside {seen[folded]!r}, which some file systems confuse"
                raise ValueError(f"file {name!r} is listed {both}")
            seen[folded] = name
        for folded, name in seen.items():
            parts = folded.split("/")
            for i in range(1, len(parts)):
                parent = seen.get("/".join(parts[:i]))
                if parent is not None:
                    raise ValueError(f"file {name!r} lies below {parent!r}, which is listed as a file")
        return self

    @property
    def files(self) -> tuple[ManifestFile, ...]:
        """The listed files, in the order of the statement."""
        return tuple(ManifestFile(name=s.name, sha256=s.digest.sha256, size_bytes=s.annotations.size_bytes)
                     for s in self.subject)

    @property
    def external_parameters(self) -> dict[str, Any]:
        """``run_id``, ``attempt``, ``spec_sha256`` and ``dispatch_sha256`` that the attempt was asked with."""
        return self.predicate.build_definition.external_parameters.model_dump()

    @property
    def byproducts(self) -> tuple[dict[str, Any], ...]:
        return self.predicate.run_details.byproducts

    @property
    def usage(self) -> dict[str, Any]:
        """The by-product named ``usage``: load, CPU seconds, wall time. Empty when there is none."""
        content = next((b.get("content") for b in self.byproducts if b.get("name") == "usage"), None)
        return content if isinstance(content, dict) else {}

    @property
    def host(self) -> str:
        return self.predicate.run_details.builder.id

    @property
    def started_on(self) -> str | None:
        return self.predicate.run_details.metadata.started_on

    @property
    def finished_on(self) -> str | None:
        return self.predicate.run_details.metadata.finished_on


def parse_manifest(data: bytes | Mapping[str, Any], path: str) -> Manifest:
    """A manifest whose every file name is safe and unique. Raises for the first one that is not, by name."""
    manifest = parse(Manifest, data, path)
    if manifest.predicate.build_definition.build_type != BUILD_TYPE:
        raise UnknownContract(manifest.predicate.build_definition.build_type)
    return manifest
