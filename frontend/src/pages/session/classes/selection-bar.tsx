import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { components } from "../../../api/schema";
import type { SessionView } from "../../../api/types";
import { count, fixed, plural } from "../../../lib/format";
import { mayChange } from "../../../lib/me";
import { NameDialog } from "../../../movies/name-dialog";
import { useSettings } from "../../../settings/use-settings";
import { Button } from "../../../ui/button";
import { toast, toastError } from "../../../ui/feedback";
import "../../../movies/movies.css";
import { automatic, type ClassInfo, choicesFor, type Least, passing, totals } from "./class-order";

type Selection = components["schemas"]["Selection"];

interface SelectionBarProps {
  session: SessionView;
  update: number;
  classes: readonly ClassInfo[];
  chosen: ReadonlySet<number>;
  /** Name of the selection that is shown; "" if none. */
  name: string;
  onChoose: (ids: readonly number[]) => void;
  onName: (name: string) => void;
  /** What is chosen holds for the session now. */
  onKept: () => void;
  /** Go to the entry that a selection was made of. */
  onUpdate: (number: number) => void;
}

/** Which classes are chosen, by hand or by what they have at least; kept under names. */
export function SelectionBar(props: SelectionBarProps) {
  const { session, classes, chosen, name } = props;
  const [naming, setNaming] = useState(false);
  const client = useQueryClient();
  const path = `/sessions/${session.id}/classify2d/selections`;
  const saved = useQuery({
    queryKey: keys.part(session.id, "filters", "classes"),
    queryFn: () => api.get<Selection[]>(path),
  });
  const sum = totals(classes, chosen);
  const share = sum.all ? (100 * sum.chosen) / sum.all : 0;
  const read = () => client.invalidateQueries({ queryKey: keys.part(session.id, "filters") });
  const save = async (as: string) => {
    await api.put(`${path}/${encodeURIComponent(as)}`, {
      update_number: props.update,
      classes: [...chosen],
    });
    props.onName(as);
    toast(`Selection ${as} is saved`);
    await read();
  };
  const remove = async () => {
    try {
      await api.delete(`${path}/${encodeURIComponent(name)}`);
      props.onName("");
      await read();
    } catch (error) {
      toastError(error);
    }
  };
  const keep = async () => {
    try {
      await api.put(`/sessions/${session.id}/classify2d/updates/${props.update}/choices`, {
        classes: choicesFor(classes, chosen),
      });
      toast("These classes are kept, in later updates too");
      await client.invalidateQueries({ queryKey: keys.session(session.id) });
      props.onKept();
    } catch (error) {
      toastError(error);
    }
  };
  const load = (wanted: string) => {
    const found = (saved.data ?? []).find((item) => item.name === wanted);
    props.onName(wanted);
    if (!found) return;
    props.onUpdate(found.update_number);
    props.onChoose(found.classes);
  };
  return (
    <section className="panel selection" aria-label="Selection of classes">
      <div className="row tight">
        <output className="number" aria-live="polite">
          <b>{count(chosen.size)}</b> of {plural(classes.length, "class", "classes")} ·{" "}
          <b>{count(sum.chosen)}</b> of {plural(sum.all, "particle")} ({fixed(share, 0)}%)
        </output>
        <Button small onClick={() => props.onChoose(automatic(classes))}>
          Automatic
        </Button>
        <Button
          small
          onClick={() => props.onChoose(classes.filter((item) => item.particles).map((item) => item.id))}
        >
          All
        </Button>
        <Button small onClick={() => props.onChoose([])}>
          None
        </Button>
        <Button
          small
          onClick={() =>
            props.onChoose(classes.filter((item) => !chosen.has(item.id)).map((item) => item.id))
          }
        >
          Invert
        </Button>
        <span className="grow" />
        <select
          className="input choice"
          aria-label="Saved selection"
          value={(saved.data ?? []).some((item) => item.name === name) ? name : ""}
          onChange={(event) => load(event.target.value)}
        >
          <option value="">{saved.data?.length ? "No saved selection" : "No selection is saved yet"}</option>
          {(saved.data ?? []).map((item) => (
            <option key={item.name} value={item.name}>
              {item.name} (update {item.update_number}, {plural(item.particles, "particle")})
            </option>
          ))}
        </select>
        {mayChange(session) ? (
          <>
            {classes.some((item) => item.lasts) ? (
              <Button
                small
                icon="check"
                title="The session keeps just these, and each in later updates as long as it lives: good particles, yields and exports follow"
                onClick={() => void keep()}
              >
                Keep these
              </Button>
            ) : null}
            <Button small look="primary" disabled={!chosen.size} onClick={() => setNaming(true)}>
              Save as…
            </Button>
            {name ? (
              <Button
                small
                icon="trash"
                aria-label={`Delete selection ${name}`}
                onClick={() => void remove()}
              />
            ) : null}
          </>
        ) : null}
      </div>
      <ByThreshold session={session} classes={classes} onChoose={props.onChoose} onKept={props.onKept} />
      {naming ? (
        <NameDialog
          title="Save selection"
          start={name}
          taken={(saved.data ?? []).map((item) => item.name)}
          replaces
          onClose={() => setNaming(false)}
          onName={save}
        />
      ) : null}
    </section>
  );
}

const NO_LEAST = { particles: "", resolutionA: "", quality: "" };

function number(text: string): number | null {
  const value = Number(text.replace(",", "."));
  return text.trim() && Number.isFinite(value) ? value : null;
}

/** Choose by what a class has at least. */
function ByThreshold(props: {
  session: SessionView;
  classes: readonly ClassInfo[];
  onChoose: (ids: readonly number[]) => void;
  onKept: () => void;
}) {
  const { session } = props;
  const client = useQueryClient();
  const settings = useSettings(session.id);
  const [typed, setTyped] = useState(NO_LEAST);
  const least: Least = {
    particles: number(typed.particles),
    resolutionA: number(typed.resolutionA),
    quality: number(typed.quality),
  };
  const found = passing(props.classes, least);
  const setThreshold = async (revision: number) => {
    try {
      const values = { select_quality: least.quality };
      await api.put(`/sessions/${session.id}/settings`, { values, base_revision: revision });
      toast(`Classes are kept automatically from a quality of ${least.quality}`);
      await client.invalidateQueries({ queryKey: keys.session(session.id) });
      props.onKept();
    } catch (error) {
      toastError(error);
    }
  };
  const field = (key: keyof typeof NO_LEAST, label: string) => (
    <label className="slider">
      {label}
      <input
        className="input bound number"
        inputMode="decimal"
        placeholder="any"
        value={typed[key]}
        onChange={(event) => setTyped({ ...typed, [key]: event.target.value })}
      />
    </label>
  );
  return (
    <div className="row tight">
      {field("particles", "particles ≥")}
      {field("resolutionA", "resolution ≤ (Å)")}
      {field("quality", "quality ≥")}
      <Button small onClick={() => props.onChoose(found)}>
        Select these {count(found.length)}
      </Button>
      {mayChange(session) && settings.data ? (
        <Button
          small
          disabled={least.quality === null || least.quality < 0 || least.quality > 1}
          title={`Of every update the classes of at least this quality are kept; now ${settings.data.values.select_quality}`}
          onClick={() => void setThreshold(settings.data.revision)}
        >
          Make it the threshold
        </Button>
      ) : null}
      <span className="small muted">or click classes, or draw a box around some</span>
    </div>
  );
}
