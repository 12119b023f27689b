import type { components } from "../../../api/schema";
import type { Tone } from "../../../ui/feedback";

type Schema = components["schemas"];

export type ExportJob = Omit<Schema["Export"], "result"> & { result: ExportResult };
export type ExportPreview = Schema["ExportPreview"];
export type ExportRequest = Schema["ExportRequest"];
export type Content = ExportRequest["contents"][number];

/** What came out; all of it is missing until the export is done. */
export interface ExportResult {
  counts?: Record<string, number>;
  files?: number;
  bytes?: number;
  notes?: string[];
  overlays?: string[];
}

export const FORMATS = [
  ["relion", "RELION 3.1, 4, 5"],
  ["cryosparc", "cryoSPARC"],
  ["cistem", "cisTEM"],
  ["csv", "CSV and Parquet"],
] as const satisfies readonly (readonly [ExportRequest["format"], string])[];

export const CONTENTS = [
  ["movies", "Movies"],
  ["micrographs", "Micrographs and CTF"],
  ["picks", "Picks"],
  ["particles", "Particles"],
  ["classes", "Class averages"],
] as const satisfies readonly (readonly [Content, string])[];

/** What of the contents a format has no place for. */
export function hasPlace(format: ExportRequest["format"], content: Content): boolean {
  if (format === "cistem") return content === "particles" || content === "classes";
  if (format === "csv") return content === "particles" || content === "classes";
  return true;
}

export function isGoing(job: Pick<ExportJob, "state">): boolean {
  return job.state === "queued" || job.state === "running";
}

/** "1,032 micrographs, 204,120 particles, 50 classes". */
export function countsText(
  counts: Record<string, number> | undefined,
  format: (value: number) => string,
): string {
  return Object.entries(counts ?? {})
    .map(([name, value]) => `${format(value)} ${name.replaceAll("_", " ")}`)
    .join(", ");
}

/** How a state looks. */
export const TONES: Record<ExportJob["state"], Tone> = {
  queued: "plain",
  running: "busy",
  done: "good",
  failed: "bad",
  cancelled: "plain",
};

/** A typed box: even, 16 to 8192 pixels; null: none that can be cut. */
export function evenBox(typed: string): number | null {
  const box = Number(typed.trim());
  return Number.isInteger(box) && box >= 16 && box <= 8192 && box % 2 === 0 ? box : null;
}

/** A typed pixel, Å; 0: that of the micrograph. */
export function pixelOf(typed: string): number {
  const pixel = Number(typed.trim().replace(",", "."));
  return pixel > 0 && pixel <= 100 ? pixel : 0;
}
