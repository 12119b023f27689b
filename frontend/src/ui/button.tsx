import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Icon, type IconName } from "./icon";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon?: IconName;
  look?: "normal" | "primary" | "danger" | "danger primary" | "quiet";
  small?: boolean;
  /** It works on what was asked: a spinner on the button itself, and it can't be pressed twice. */
  busy?: boolean;
  children?: ReactNode;
}

export function Button({ icon, look = "normal", small, busy, children, ...rest }: ButtonProps) {
  const words = ["button", look === "normal" ? "" : look, small ? "small" : "", children ? "" : "only-icon"];
  return (
    <button
      type="button"
      {...rest}
      className={`${words.filter(Boolean).join(" ")} ${rest.className ?? ""}`}
      disabled={rest.disabled || busy}
      aria-busy={busy || undefined}
    >
      {busy ? <span className="spinner" /> : icon ? <Icon name={icon} /> : null}
      {children}
    </button>
  );
}

/** A few choices of which one holds. */
export function Segments<T extends string>(props: {
  label: string;
  value: T;
  choices: readonly (readonly [value: T, label: string])[];
  onChange: (value: T) => void;
  disabled?: boolean;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset can't be laid out inline in all browsers
    <div className="segments" role="group" aria-label={props.label}>
      {props.choices.map(([value, label]) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          disabled={props.disabled}
          onClick={() => props.onChange(value)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
