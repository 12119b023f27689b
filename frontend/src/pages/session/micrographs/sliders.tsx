import { fixed } from "../../../lib/format";

export function Slider(props: {
  label: string;
  value: number;
  low: number;
  high: number;
  onChange: (value: number) => void;
}) {
  return (
    <label className="slider">
      {props.label}
      <input
        type="range"
        min={props.low}
        max={props.high}
        value={props.value}
        onChange={(event) => props.onChange(Number(event.target.value))}
      />
    </label>
  );
}

/** Only circles of at least this score are drawn; nothing is picked anew. */
export function ScoreSlider(props: {
  picks: readonly (number | null)[];
  value: number;
  saved: number | null;
  onChange: (value: number | null) => void;
}) {
  const scores = props.picks.filter((score) => score !== null);
  const low = Math.min(...scores, props.value);
  const high = Math.max(...scores, props.value);
  if (!(high > low)) return null;
  return (
    <label className="slider">
      Score ≥ {fixed(props.value, 2)}
      <input
        type="range"
        min={low}
        max={high}
        step={(high - low) / 200}
        value={props.value}
        onChange={(event) => props.onChange(Number(event.target.value))}
        onDoubleClick={() => props.onChange(null)}
        title={`Double click: as it was picked (${fixed(props.saved, 2)})`}
      />
    </label>
  );
}
