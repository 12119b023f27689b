import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, url } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { ColumnInfo, SessionView, TestResult, Values } from "../../../api/types";
import { cellWithUnit } from "../../../lib/columns";
import { useAction } from "../../../lib/use-action";
import { withLabels } from "../../../settings/labels";
import { useSchema } from "../../../settings/use-settings";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { Empty, ErrorNote, Note, Waiting } from "../../../ui/feedback";
import { SelectField } from "../../../ui/field";
import { Picture } from "../../../ui/picture";

const KINDS = [
  ["picks", "Picks"],
  ["spectrum", "Power spectrum"],
  ["profile", "CTF fit"],
] as const;

/** The staged settings on one movie, beside what it gave before. */
export function TestDialog(props: { session: SessionView; values: Values; onClose: () => void }) {
  const { session, values } = props;
  const schema = useSchema();
  const { busy, error, run } = useAction();
  const [movie, setMovie] = useState("");
  const [test, setTest] = useState("");
  const movies = useQuery({
    queryKey: keys.part(session.id, "movies", "to-test"),
    queryFn: () =>
      api.get<{ rows: { name: string }[] }>(`/sessions/${session.id}/movies`, {
        state: "done,outdated",
        columns: "name",
        limit: 50,
      }),
  });
  const columns = useQuery({
    queryKey: ["movie-columns"],
    queryFn: () => api.get<ColumnInfo[]>("/movie-columns"),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const path = `/sessions/${session.id}/settings`;
  const result = useQuery({
    queryKey: keys.part(session.id, "settings-test", test),
    queryFn: () => api.get<TestResult>(`${path}/tests/${test}`),
    enabled: test !== "",
    refetchInterval: (query) =>
      query.state.data && ["done", "failed"].includes(query.state.data.state) ? false : 1000,
  });
  const names = (movies.data?.rows ?? []).map((row) => row.name);
  const chosen = movie || names[0] || "";
  const begin = () =>
    run(async () =>
      setTest((await api.post<{ test: string }>(`${path}/test`, { movie: chosen, values })).test),
    );
  return (
    <Dialog
      wide
      title="Test on one movie"
      onClose={props.onClose}
      onSubmit={() => chosen && void begin()}
      foot={
        <>
          <Button onClick={props.onClose}>Close</Button>
          <Button type="submit" look="primary" icon="play" busy={busy} disabled={!chosen}>
            Test
          </Button>
        </>
      }
    >
      <p>Processes one movie with the settings on the form. Nothing is saved, no result is replaced.</p>
      <ErrorNote
        error={error ?? movies.error ?? result.error}
        words={(text) => withLabels(text, schema.data ?? [])}
      />
      {movies.data && !names.length ? (
        <Empty title="No movie is done yet">A test compares with what a movie gave before.</Empty>
      ) : (
        <SelectField
          label="Movie"
          value={chosen}
          choices={names.map((name) => [name, name] as const)}
          onChange={setMovie}
        />
      )}
      {result.data?.state === "failed" ? <Note tone="bad">{result.data.reason}</Note> : null}
      {test && (!result.data || result.data.state === "running") ? <Waiting what="Being processed" /> : null}
      {result.data?.state === "done" ? (
        <Comparison session={session} test={test} result={result.data} columns={columns.data ?? []} />
      ) : null}
    </Dialog>
  );
}

function Comparison(props: {
  session: SessionView;
  test: string;
  result: TestResult;
  columns: readonly ColumnInfo[];
}) {
  const { session, test, result, columns } = props;
  const shown = columns.filter(
    ({ name }) => result.before[name] !== undefined || result.after[name] !== undefined,
  );
  const before = (kind: string) => url(`/sessions/${session.id}/pictures/${result.movie}/${kind}.jpg`);
  const after = (kind: string) => url(`/sessions/${session.id}/settings/tests/${test}/${kind}.jpg`);
  return (
    <>
      <table className="table compact">
        <thead>
          <tr>
            <th>{result.movie}</th>
            <th className="right">Before</th>
            <th className="right">After</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((column) => (
            <tr key={column.name}>
              <td>{column.label}</td>
              <td className="right number">{cellWithUnit(column, result.before[column.name])}</td>
              <td className="right number">{cellWithUnit(column, result.after[column.name])}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {KINDS.filter(([kind]) => result.pictures.includes(kind)).map(([kind, label]) => (
        <div key={kind}>
          <h3>{label}</h3>
          <div className="two-columns">
            <Picture src={before(kind)} alt={`${label} before`} eager />
            <Picture src={after(kind)} alt={`${label} after`} eager />
          </div>
        </div>
      ))}
    </>
  );
}
