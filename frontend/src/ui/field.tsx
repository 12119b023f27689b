import { type InputHTMLAttributes, type ReactNode, useId } from "react";

interface FieldProps {
  label: ReactNode;
  /** Beside the label, not part of it. */
  mark?: ReactNode;
  help?: ReactNode;
  error?: string | null | undefined;
  /** Gets the ids that tie label, help and error to the control. */
  children: (ids: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": boolean;
  }) => ReactNode;
}

/** A labelled control with help and error below it. */
export function Field({ label, mark, help, error, children }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <div className="field-label">
        <label htmlFor={id}>{label}</label>
        {mark}
      </div>
      {children({
        id,
        "aria-describedby": error || help ? `${id}-help` : undefined,
        "aria-invalid": Boolean(error),
      })}
      {error || help ? (
        <div id={`${id}-help`}>
          {error ? <div className="field-error">{error}</div> : null}
          {help ? <div className="field-help">{help}</div> : null}
        </div>
      ) : null}
    </div>
  );
}

interface TextFieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange"> {
  label: ReactNode;
  help?: ReactNode;
  error?: string | null | undefined;
  onChange: (value: string) => void;
}

export function TextField({ label, help, error, onChange, ...rest }: TextFieldProps) {
  return (
    <Field label={label} help={help} error={error}>
      {(ids) => (
        <input className="input" {...ids} {...rest} onChange={(event) => onChange(event.target.value)} />
      )}
    </Field>
  );
}

export function SelectField(props: {
  label: ReactNode;
  help?: ReactNode;
  value: string;
  choices: readonly (readonly [value: string, label: string])[];
  onChange: (value: string) => void;
}) {
  return (
    <Field label={props.label} help={props.help}>
      {(ids) => (
        <select
          className="input"
          {...ids}
          value={props.value}
          onChange={(event) => props.onChange(event.target.value)}
        >
          {props.choices.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function CheckField(props: {
  label: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}) {
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={props.checked}
        disabled={props.disabled}
        onChange={(event) => props.onChange(event.target.checked)}
      />
      <span>{props.label}</span>
    </label>
  );
}
