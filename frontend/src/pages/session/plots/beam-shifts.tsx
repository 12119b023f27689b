import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { components } from "../../../api/schema";
import { count, plural } from "../../../lib/format";

type Groups = components["schemas"]["OpticsGroups"];

const SIZE = 300;
const MARGIN = 22;

/** Beam shifts, coloured by optics group: clusters that hang together are one group. Nothing where none are known. */
export function BeamShifts(props: { session: number; onGroup: (group: number) => void }) {
  const groups = useQuery({
    queryKey: keys.part(props.session, "optics-groups"),
    queryFn: ({ signal }) => api.get<Groups>(`/sessions/${props.session}/optics-groups`, {}, signal),
  });
  const { groups: known = [], waiting = [] } = groups.data ?? {};
  const place = placing([...known.flatMap(({ shifts }) => shifts), ...waiting]);
  if (!place) return null;
  return (
    <section className="panel" aria-label="Beam shift by optics group">
      <h2>Beam shift by optics group</h2>
      <p className="small muted">
        {plural(known.length, "group")}; some exposures stand for each. Choose one to keep only its
        micrographs.
      </p>
      <svg
        className="beam-shifts"
        viewBox={`0 0 ${SIZE} ${SIZE}`}
        role="img"
        aria-label={`Beam shifts of ${plural(known.length, "optics group")}`}
      >
        {waiting.map((shift, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: points have no names
          <circle key={index} {...place(shift)} r={3} className="shift-waiting" />
        ))}
        {known.map((group) =>
          group.shifts.map((shift, index) => (
            <circle
              // biome-ignore lint/suspicious/noArrayIndexKey: points have no names
              key={`${group.number} ${index}`}
              {...place(shift)}
              r={4}
              fill={colourOf(group.number)}
            >
              <title>{`Optics group ${group.number}, ${plural(group.movies, "movie")}`}</title>
            </circle>
          )),
        )}
        {known.map((group) => {
          const first = group.shifts[0];
          if (!first) return null;
          const { cx, cy } = place(first);
          return (
            <text key={group.number} x={cx + 7} y={cy + 4} className="shift-number">
              {group.number}
            </text>
          );
        })}
      </svg>
      <ul className="row tight shift-key">
        {known.map((group) => (
          <li key={group.number}>
            <button type="button" className="text-button" onClick={() => props.onGroup(group.number)}>
              <svg className="dot" viewBox="0 0 10 10" aria-hidden="true">
                <circle cx="5" cy="5" r="5" fill={colourOf(group.number)} />
              </svg>{" "}
              {group.number} <span className="number">({count(group.movies)})</span>
            </button>
          </li>
        ))}
        {waiting.length ? <li className="muted small">{count(waiting.length)} without a group yet</li> : null}
      </ul>
    </section>
  );
}

/** Neighbouring numbers get colours that are far apart. */
function colourOf(group: number): string {
  return `hsl(${(group * 137.5) % 360} 65% 55%)`;
}

/** From shifts to places in the drawing: both axes alike; null where there is nothing to draw. */
export function placing(
  shifts: readonly (readonly number[])[],
): ((shift: readonly number[]) => { cx: number; cy: number }) | null {
  if (!shifts.length) return null;
  const xs = shifts.map(([x = 0]) => x);
  const ys = shifts.map(([, y = 0]) => y);
  const middle = (values: readonly number[]) => (Math.min(...values) + Math.max(...values)) / 2;
  const reach = (values: readonly number[]) => (Math.max(...values) - Math.min(...values)) / 2;
  const [midX, midY] = [middle(xs), middle(ys)];
  const scale = (SIZE / 2 - MARGIN) / Math.max(reach(xs), reach(ys), 1e-12);
  return ([x = 0, y = 0]) => ({
    cx: SIZE / 2 + (x - midX) * scale,
    cy: SIZE / 2 - (y - midY) * scale,
  });
}
