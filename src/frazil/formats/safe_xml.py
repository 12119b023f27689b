"""Small XML documents of microscopes: without document types, entities or network."""

from __future__ import annotations

import xml.parsers.expat
from dataclasses import dataclass

_DEEPEST = 100


@dataclass(frozen=True)
class Element:
    """An element: local name (without namespace), attributes, and the text directly inside it."""

    name: str
    attributes: dict[str, str]
    text: str


def elements(document: bytes) -> list[Element]:
    """All elements in the order in which they end.

    Raises `ValueError` for a document that does not parse, declares a document type, or is nested too deep.
    """
    found: list[Element] = []
    open_elements: list[tuple[str, dict[str, str], list[str]]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) >= _DEEPEST:
            raise ValueError("nested too deep")
        open_elements.append((name.rpartition(":")[2], attributes, []))

    def characters(text: str) -> None:
        if open_elements:
            open_elements[-1][2].append(text)

    def end(_: str) -> None:
        name, attributes, text = open_elements.pop()
        found.append(Element(name, attributes, "".join(text).strip()))

    def refuse(*_: object) -> None:
        raise ValueError("a document type is declared")

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = start
    parser.CharacterDataHandler = characters
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except xml.parsers.expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return found
