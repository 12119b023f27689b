import { useMemo } from "react";
import type { Filter } from "../../../lib/filters";
import { count, fixed, isNumber, shortCount } from "../../../lib/format";
import { useParam } from "../../../lib/router";
import { useSeries } from "../../../movies/use-series";
import { Segments } from "../../../ui/button";
import { Empty, ErrorNote, Waiting } from "../../../ui/feedback";
import { BeamShifts } from "./beam-shifts";
import { binOf, GROUPINGS, type Group, type Grouping, gather, MEASURED } from "./groups";
import type { SharedProps } from "./series-card";

type Change = (change: Partial<Filter>) => void;

/** What each grid square, hole position, optics group or defocus yields; a click keeps only that one. */
export function GroupsView(props: SharedProps & { setFilter: Change }) {
  const { session, kept, filter } = props;
  const [wanted, setWanted] = useParam("by", "grid_square");
  const grouping: Grouping = wanted in GROUPINGS ? (wanted as Grouping) : "grid_square";
  const series = useSeries(session.id, [grouping, ...MEASURED]);
  const groups = useMemo(() => gather(grouping, series.columns, kept), [grouping, series.columns, kept]);
  const most = (value: (group: Group) => number | null) =>
    Math.max(1e-9, ...groups.map((g) => value(g) ?? 0));
  const mostParticles = most((group) => group.particlesPerMovie);
  const worst = most((group) => group.resolutionMedianA);
  return (
    <>
      <section className="panel stack" aria-label="Yield">
        <div className="row">
          <Segments
            label="Gathered by"
            value={grouping}
            choices={Object.entries(GROUPINGS) as [Grouping, string][]}
            onChange={setWanted}
          />
        </div>
        <ErrorNote error={series.error} />
        {series.pending ? <Waiting /> : null}
        {!series.pending && !groups.length ? (
          <Empty title={`No ${GROUPINGS[grouping].toLowerCase()} is known`}>
            It is read from what EPU or SerialEM writes beside the movies; if that lies elsewhere, say where
            on the Settings tab, Image data.
          </Empty>
        ) : null}
        {groups.length ? (
          <div className="table-wrap">
            <table className="table compact groups">
              <thead>
                <tr>
                  <th>{GROUPINGS[grouping]}</th>
                  <th className="right">Micrographs</th>
                  <th className="right">Particles</th>
                  <th>Particles per micrograph</th>
                  <th>In good classes</th>
                  <th>CTF resolution, median</th>
                </tr>
              </thead>
              <tbody>
                {groups.map((group) => (
                  <tr key={group.key}>
                    <td>
                      <Name
                        group={group}
                        change={chosen(grouping, group, filter)}
                        onChange={props.setFilter}
                      />
                    </td>
                    <td className="right number nowrap">
                      {count(group.kept)}
                      {group.kept === group.movies ? "" : ` of ${count(group.movies)}`}
                    </td>
                    <td className="right number">{shortCount(group.particles)}</td>
                    <Bar
                      value={group.particlesPerMovie}
                      most={mostParticles}
                      text={fixed(group.particlesPerMovie, 0)}
                    />
                    <Bar
                      value={group.classYield}
                      most={1}
                      tone="good"
                      text={isNumber(group.classYield) ? `${fixed(100 * group.classYield, 0)}%` : "–"}
                    />
                    <Bar
                      value={group.resolutionMedianA}
                      most={worst}
                      tone="warn"
                      text={
                        isNumber(group.resolutionMedianA) ? `${fixed(group.resolutionMedianA, 1)} Å` : "–"
                      }
                    />
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : null}
      </section>
      {grouping === "optics_group" ? (
        <BeamShifts session={session.id} onGroup={(group) => props.setFilter({ groups: [group] })} />
      ) : null}
    </>
  );
}

/** A filter that keeps one group, besides what the filter says already; null where filters don't know the column. */
function chosen(grouping: Grouping, group: Group, filter: Filter): Partial<Filter> | null {
  if (grouping === "grid_square") return { squares: [group.key] };
  if (grouping === "optics_group") return { groups: [Number(group.key)] };
  if (grouping === "shot") return null;
  return { ranges: { ...filter.ranges, [grouping]: binOf(group.key) } };
}

function Name(props: { group: Group; change: Partial<Filter> | null; onChange: Change }) {
  const { group, change } = props;
  if (!change) return group.name;
  return (
    <button
      type="button"
      className="text-button"
      title="Keep only these"
      onClick={() => props.onChange(change)}
    >
      {group.name}
    </button>
  );
}

function Bar(props: { value: number | null; most: number; text: string; tone?: "good" | "warn" }) {
  const width = `${Math.min(100, (100 * (props.value ?? 0)) / props.most)}%`;
  return (
    <td className="group-bar">
      <div>
        <span className="number nowrap">{props.text}</span>
        {props.value === null ? null : (
          <span className="bar-room" aria-hidden="true">
            <span className={`bar ${props.tone ?? ""}`} style={{ width }} />
          </span>
        )}
      </div>
    </td>
  );
}
