import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { components } from "../../../api/schema";
import { count } from "../../../lib/format";
import { CheckField, SelectField, TextField } from "../../../ui/field";
import { type ExportRequest, evenBox, pixelOf } from "./types";

type Selection = components["schemas"]["Selection"];
type Classes = Pick<ExportRequest, "classes" | "selection">;

/** Particles of which classes. */
export function ClassesField(props: {
  sessionId: number;
  request: Classes;
  onChange: (part: Classes) => void;
}) {
  const { sessionId, request, onChange } = props;
  const selections = useQuery({
    queryKey: keys.part(sessionId, "filters", "classes"),
    queryFn: () => api.get<Selection[]>(`/sessions/${sessionId}/classify2d/selections`),
  });
  return (
    <SelectField
      label="Classes of particles"
      value={request.classes === "selection" ? `=${request.selection}` : request.classes}
      choices={[
        ["all", "All particles, also without a class"],
        ["good", "Good classes, as judged automatically"],
        ...(selections.data ?? []).map(
          (item) => [`=${item.name}`, `Selection ${item.name} (${count(item.particles)})`] as const,
        ),
      ]}
      onChange={(value) =>
        onChange(
          value.startsWith("=")
            ? { classes: "selection", selection: value.slice(1) }
            : { classes: value as ExportRequest["classes"], selection: null },
        )
      }
    />
  );
}

/** Optics groups with fewer micrographs are joined with the largest one of the same microscope settings. */
export function FewestField({ value, onChange }: { value: number; onChange: (fewest: number) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const send = () => {
    const fewest = Number(typed);
    if (typed !== null && Number.isInteger(fewest) && fewest >= 1 && fewest <= 1_000_000 && fewest !== value)
      onChange(fewest);
    setTyped(null);
  };
  return (
    <TextField
      label="Join optics groups with fewer micrographs than"
      help="1: every group stays by itself"
      inputMode="numeric"
      value={typed ?? String(value)}
      onChange={setTyped}
      onBlur={send}
    />
  );
}

type Boxes = Pick<ExportRequest, "box_px" | "pixel_size_a" | "recenter">;

/** Particle images: the session's, or cut out of the micrographs anew. */
export function BoxesField(props: { request: Boxes; onChange: (part: Partial<Boxes>) => void }) {
  const { request, onChange } = props;
  const anew = request.pixel_size_a != null;
  const [box, setBox] = useState("");
  const [pixel, setPixel] = useState("");
  return (
    <>
      <SelectField
        label="Particle images"
        value={anew ? "anew" : "original"}
        choices={[
          ["original", "Original boxes"],
          ["anew", "Cut out of the micrographs anew"],
        ]}
        onChange={(value) => {
          setBox("");
          setPixel("");
          onChange({ box_px: null, pixel_size_a: value === "anew" ? 0 : null, recenter: false });
        }}
      />
      {anew ? (
        <>
          <TextField
            label="Box, pixels of the micrograph"
            help="Even; empty: as large as it was"
            inputMode="numeric"
            value={box}
            error={
              box && evenBox(box) === null
                ? "Must be an even number from 16 to 8192; the box stays as large as it was."
                : null
            }
            onChange={(value) => {
              setBox(value.replace(/\D/g, ""));
              onChange({ box_px: evenBox(value) });
            }}
          />
          <TextField
            label="Pixel of the images, Å"
            help="Empty: that of the micrograph; coarser ones by Fourier cropping"
            inputMode="decimal"
            value={pixel}
            onChange={(value) => {
              setPixel(value);
              onChange({ pixel_size_a: pixelOf(value) });
            }}
          />
          <CheckField
            label="Centre boxes by the shifts of the classes"
            checked={request.recenter}
            onChange={(recenter) => onChange({ recenter })}
          />
        </>
      ) : null}
    </>
  );
}
