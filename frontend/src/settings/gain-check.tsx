import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, url } from "../api/client";
import type { GainCheck, Values } from "../api/types";
import { Button } from "../ui/button";
import { ErrorNote, Note, Waiting } from "../ui/feedback";
import { Picture } from "../ui/picture";
import { isSame, lieOf, lieTransform, lieTyped, lieWords, verdict } from "./gain-orientation";
import type { Typed } from "./values";

const POLL_MS = 700;

interface GainCheckProps {
  values: Values;
  onTake: (name: string, typed: Typed) => void;
  disabled?: boolean;
}

/** The gain reference beside the mean of the first movies, in its eight orientations, and which of them fits. */
export function GainCheckPanel({ values, onTake, disabled = false }: GainCheckProps) {
  const asked = {
    path: String(values.source_path ?? ""),
    recursive: values.source_recursive !== false,
    gain_path: String(values.gain_path ?? ""),
    gain_invert: String(values.gain_invert ?? "auto"),
  };
  const key = JSON.stringify(asked);
  const [wanted, setWanted] = useState("");
  const possible = asked.path.startsWith("/") && asked.gain_path.startsWith("/");
  const check = useQuery({
    queryKey: ["gain-check", key],
    queryFn: ({ signal }) => run(JSON.parse(key) as typeof asked, signal),
    enabled: possible && !disabled && (values.gain_auto_orient === true || wanted === key),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  if (values.kind !== "movies" || values.has_frames === false || !asked.gain_path) return null;
  const again = () => {
    setWanted(key);
    if (check.data || check.error) void check.refetch();
  };
  return (
    <section className="gain-check stack" aria-label="Orientation of the gain reference">
      <div className="row apart">
        <h2>Orientation of the gain reference</h2>
        <Button small icon="search" busy={check.isFetching} disabled={!possible || disabled} onClick={again}>
          {check.data ? "Test again" : "Test orientation"}
        </Button>
      </div>
      {possible ? null : (
        <p className="small muted">
          Say where the movies are: the reference is compared with the newest ones.
        </p>
      )}
      <ErrorNote error={check.isFetching ? null : check.error} />
      {check.isFetching ? <Waiting what="The newest movies are read and compared" /> : null}
      {check.data && !check.isFetching ? (
        <Found check={check.data} values={values} disabled={disabled} onTake={onTake} />
      ) : null}
    </section>
  );
}

function Found(props: GainCheckProps & { check: GainCheck }) {
  const { check, values } = props;
  const now = lieOf(values);
  const said = verdict(check, now);
  const best = check.orientations[0];
  const picture = (name: string) => url(`/inputs/gain-checks/${check.check}/${name}.jpg`);
  const take = (lie: typeof now) => {
    for (const [name, typed] of Object.entries(lieTyped(lie))) props.onTake(name, typed);
  };
  return (
    <>
      <Note
        tone={said.tone}
        live
        action={
          best && check.sure && !isSame(best, now) && !props.disabled ? (
            <Button small look="primary" onClick={() => take(best)}>
              Use {lieWords(best)}
            </Button>
          ) : null
        }
      >
        {said.text}
      </Note>
      <ul className="gain-tiles">
        <li>
          <Picture src={picture("movie")} alt="Mean of the frames, not corrected" eager />
          <span className="small">mean of the frames</span>
        </li>
        {check.orientations.map((lie) => (
          <li key={lieWords(lie)} className={lie === best && check.sure ? "is-best" : ""}>
            <div className="gain-turned" style={{ transform: lieTransform(lie) }}>
              <Picture src={picture("gain")} alt={`Gain reference, ${lieWords(lie)}`} eager />
            </div>
            <span className="small">
              {lieWords(lie)} <b className="number nowrap">{lie.score_sigma.toFixed(1)} σ</b>
            </span>
            {isSame(lie, now) ? (
              <span className="small muted">as it is set</span>
            ) : (
              <Button
                small
                disabled={props.disabled}
                aria-label={`Use the orientation ${lieWords(lie)}`}
                onClick={() => take(lie)}
              >
                Use
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

/** Begin a check and wait for its end. */
async function run(asked: object, signal: AbortSignal): Promise<GainCheck> {
  const { check } = await api.post<{ check: string }>("/inputs/gain-checks", asked);
  for (;;) {
    const told = await api.get<GainCheck>(`/inputs/gain-checks/${check}`, {}, signal);
    if (told.state === "done") return told;
    if (told.state === "failed") throw new Error(told.reason);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
