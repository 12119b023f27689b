import { Segments } from "../ui/button";
import type { Show } from "./use-movies";

const CHOICES = [
  ["kept", "Kept"],
  ["rejected", "Rejected"],
  ["all", "All"],
] as const;

/** Whether to list what the filter keeps, the others, or both. */
export function ShowChoice({ value, onChange }: { value: Show; onChange: (show: Show) => void }) {
  return <Segments label="Movies to list" value={value} choices={CHOICES} onChange={onChange} />;
}
