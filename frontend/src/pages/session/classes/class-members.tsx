import { useQuery } from "@tanstack/react-query";
import { api, url } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { components } from "../../../api/schema";
import { clock, count, fixed, plural } from "../../../lib/format";
import { Picture } from "../../../ui/picture";

type Members = components["schemas"]["ClassMembers"];

const COLUMNS = 8;
const MOST_SQUARES = 8;

interface OfClass {
  session: number;
  update: number;
  classId: number;
}

function pathOf({ session, update, classId }: OfClass): string {
  return `/sessions/${session}/classify2d/updates/${update}/classes/${classId}`;
}

function useMembers(item: OfClass): Members | undefined {
  const members = useQuery({
    queryKey: keys.part(item.session, "class-update", item.update, "members", item.classId),
    queryFn: ({ signal }) => api.get<Members>(`${pathOf(item)}/members`, {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return members.data;
}

/** Some members of a class. */
export function MemberExamples(props: OfClass) {
  const data = useMembers(props);
  if (!data?.examples) return null;
  const lines = Math.ceil(data.examples / COLUMNS);
  return (
    <figure>
      <Picture
        src={url(`${pathOf(props)}/members.jpg`)}
        alt={`${plural(data.examples, "member")} of class ${props.classId}`}
        ratio={COLUMNS / lines}
        eager
      />
      <figcaption className="small muted">
        {data.examples < data.particles ? `${data.examples} members by chance` : "all members"}, turned and
        shifted onto the average
      </figcaption>
    </figure>
  );
}

/** Where the members of a class come from. */
export function MemberOrigins(props: OfClass) {
  const data = useMembers(props);
  if (!data?.particles) return null;
  const squares = data.squares.slice(0, MOST_SQUARES);
  const rest = data.squares.slice(MOST_SQUARES).reduce((sum, { particles }) => sum + particles, 0);
  return (
    <section className="stack class-members" aria-label="Members">
      <h3>
        {plural(data.particles, "member")} from {plural(data.micrographs, "micrograph")}
      </h3>
      <div className="two-columns">
        <Bars
          title="By defocus (µm)"
          bars={data.defocus.map(({ low_a, high_a, particles }) => ({
            name: `${fixed(low_a / 1e4, 2)}–${fixed(high_a / 1e4, 2)}`,
            particles,
          }))}
        />
        <Bars
          title="By grid square"
          bars={[
            ...squares.map(({ grid_square, particles }) => ({ name: grid_square, particles })),
            ...(rest ? [{ name: plural(data.squares.length - MOST_SQUARES, "other"), particles: rest }] : []),
          ]}
        />
        <Bars
          title="By time"
          bars={grouped(data.times, 8).map(({ begin, particles }) => ({ name: clock(begin), particles }))}
        />
      </div>
    </section>
  );
}

/** Fewer and longer spans of time, so that there is room for their names. */
function grouped(times: Members["times"], most: number): Members["times"] {
  const each = Math.ceil(times.length / most);
  const found: Members["times"] = [];
  for (let at = 0; at < times.length; at += each) {
    const part = times.slice(at, at + each);
    const first = part[0];
    const last = part.at(-1);
    if (!first || !last) continue;
    const particles = part.reduce((sum, span) => sum + span.particles, 0);
    found.push({ begin: first.begin, end: last.end, particles });
  }
  return found;
}

function Bars({ title, bars }: { title: string; bars: readonly { name: string; particles: number }[] }) {
  if (!bars.length) return null;
  const most = Math.max(1, ...bars.map(({ particles }) => particles));
  return (
    <table className="member-bars small">
      <caption>{title}</caption>
      <tbody>
        {bars.map(({ name, particles }) => (
          <tr key={name}>
            <th scope="row" className="truncate" title={name}>
              {name}
            </th>
            <td className="member-bar" aria-hidden="true">
              <span style={{ width: `${(100 * particles) / most}%` }} />
            </td>
            <td className="number">{count(particles)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
