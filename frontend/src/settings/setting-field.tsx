import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api } from "../api/client";
import type { Group, SettingInfo, SettingValue } from "../api/types";
import { FileField } from "../files/file-field";
import type { FileKind } from "../files/file-kind";
import { allows } from "../lib/me";
import { Field, SelectField } from "../ui/field";
import { parse, shown, type Typed, typedOf } from "./values";

interface SettingFieldProps {
  info: SettingInfo;
  saved: SettingValue | undefined;
  /** Undefined: nothing is staged for it. */
  typed: Typed | undefined;
  /** Said below the field: where the value came from, why it has no effect. */
  remark?: ReactNode;
  disabled?: boolean;
  onChange: (typed: Typed) => void;
  onReset: () => void;
}

/** Settings that are paths on the server: what is chosen, and what else its browser shows. */
const PATHS: Record<string, readonly ["folder" | "file", FileKind]> = {
  folder: ["folder", "folder"],
  source_path: ["folder", "movie"],
  metadata_path: ["folder", "any"],
  warp_folder: ["folder", "folder"],
  gain_path: ["file", "gain"],
  defects_path: ["file", "defects"],
  mtf_path: ["file", "any"],
  model_path: ["file", "any"],
  import_coordinates: ["file", "coordinates"],
};

/** One setting on a form; marked while it differs from what is saved. */
export function SettingField(props: SettingFieldProps) {
  const { info, saved, typed } = props;
  const value = typed ?? typedOf(info, saved);
  const read = parse(info, value);
  const error = "error" in read ? read.error : null;
  const mark =
    typed === undefined ? null : (
      <button
        type="button"
        className="changed"
        title="Take the change back"
        aria-label={`changed: take back the change of ${info.label}`}
        onClick={props.onReset}
      >
        changed
      </button>
    );
  const help = (
    <>
      {info.meaning}
      {typed === undefined ? null : <div className="was">was {shown(info, saved)}</div>}
      {props.remark ? <div>{props.remark}</div> : null}
    </>
  );
  if (typeof value === "boolean") {
    return (
      <div className={`field ${typed === undefined ? "" : "is-changed"}`}>
        <div className="field-label">
          <label className="check">
            <input
              type="checkbox"
              checked={value}
              disabled={props.disabled}
              onChange={(event) => props.onChange(event.target.checked)}
            />
            <span>{info.label}</span>
          </label>
          {mark}
        </div>
        <div className="field-help">{help}</div>
      </div>
    );
  }
  return (
    <div className={`${typed === undefined ? "" : "is-changed"} ${PATHS[info.name] ? "setting-path" : ""}`}>
      <Control {...props} value={value} error={error} mark={mark} help={help} />
    </div>
  );
}

function Control(
  props: SettingFieldProps & { value: string; error: string | null; mark: ReactNode; help: ReactNode },
) {
  const { info, value, error, mark, help, disabled, onChange } = props;
  // An empty field: chosen from the data; of a path it means none.
  const auto = info.automatic && info.kind !== "str" ? "auto" : "";
  if (info.name === "group") return <GroupField {...props} />;
  const path = PATHS[info.name];
  if (path) {
    return (
      <FileField
        choose={path[0]}
        shows={path[1]}
        label={info.label}
        mark={mark}
        help={help}
        error={error}
        value={value}
        placeholder={info.name === "folder" ? "chosen by the server" : ""}
        disabled={disabled ?? false}
        onChange={onChange}
      />
    );
  }
  return (
    <Field label={info.label} mark={mark} help={help} error={error}>
      {(ids) =>
        info.choices.length ? (
          <select
            className="input"
            {...ids}
            value={value}
            disabled={disabled}
            onChange={(event) => onChange(event.target.value)}
          >
            {info.automatic ? <option value="">auto</option> : null}
            {info.choices.map((choice) => (
              <option key={choice} value={choice}>
                {CHOICE_LABEL[choice] ?? choice}
                {info.unit ? ` ${info.unit}` : ""}
              </option>
            ))}
          </select>
        ) : (
          <div className="with-unit">
            <input
              className="input"
              {...ids}
              inputMode={info.kind === "float" ? "decimal" : info.kind === "int" ? "numeric" : undefined}
              spellCheck={false}
              autoComplete="off"
              value={value}
              placeholder={auto}
              disabled={disabled}
              onChange={(event) => onChange(event.target.value)}
            />
            {info.unit ? <span className="unit">{info.unit}</span> : null}
          </div>
        )
      }
    </Field>
  );
}

const CHOICE_LABEL: Record<string, string> = {
  abinit: "Ab initio",
  seeded: "Seeded start-up",
  refine: "Refinement",
  streaming: "Streaming",
  in_place: "in place",
};

function GroupField(props: SettingFieldProps & { value: string; mark: ReactNode; help: ReactNode }) {
  const groups = useQuery({ queryKey: ["groups"], queryFn: () => api.get<Group[]>("/groups") });
  const mine = (groups.data ?? []).filter(({ role }) => allows(role, "operator"));
  const first = mine.length === 1 ? `only choice: ${mine[0]?.name}` : mine.length ? "choose" : "default";
  return (
    <SelectField
      label={props.info.label}
      help={props.help}
      value={props.value}
      choices={[["", first], ...mine.map(({ name }) => [name, name] as const)]}
      onChange={props.onChange}
    />
  );
}
