"""Small XML documents of microscopes: without document types, entities or network."""

from __future__ import annotations

import xml.parsers.expat
from dataclasses import dataclass

_DEEPEST = 100


@dataclass(frozen=True)
class Element:
    """An element: local name (without namespace), attributes, the text directly inside it, its children."""

    name: str
    attributes: dict[str, str]
    text: str
    children: tuple[Element, ...] = ()

    def find(self, *path: str) -> Element | None:
        """Follow local names downwards; None where there is no such element."""
        here: Element | None = self
        for name in path:
            here = next((child for child in here.children if child.name == name), None) if here else None
        return here


def elements(document: bytes) -> list[Element]:
    """All elements in the order in which they end: the last one is the root, with all others below it.

    Raises `ValueError` for a document that does not parse, declares a document type, or is nested too deep.
    """
    found: list[Element] = []
    open_elements: list[tuple[str, dict[str, str], list[str], list[Element]]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) >= _DEEPEST:
            raise ValueError("nested too deep")
        open_elements.append((name.rpartition(":")[2], attributes, [], []))

    def characters(text: str) -> None:
        if open_elements:
            open_elements[-1][2].append(text)

    def end(_: str) -> None:
        name, attributes, text, children = open_elements.pop()
        element = Element(name, attributes, "".join(text).strip(), tuple(children))
        found.append(element)
        if open_elements:
            open_elements[-1][3].append(element)

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
