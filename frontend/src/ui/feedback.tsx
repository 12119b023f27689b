/** What the page says: notes, badges, empty places, waiting, short messages. */

import { type ReactNode, useSyncExternalStore } from "react";
import { errorText } from "../api/client";
import { Button } from "./button";
import { Icon, type IconName } from "./icon";

export type Tone = "plain" | "good" | "warn" | "bad" | "busy";

const TONE_ICON: Record<Tone, IconName> = {
  plain: "info",
  busy: "info",
  good: "check",
  warn: "alert",
  bad: "alert",
};

export function Note(props: { tone?: Tone; children: ReactNode; action?: ReactNode; live?: boolean }) {
  const tone = props.tone ?? "plain";
  return (
    <div className={`note ${tone}`} role={props.live ? (tone === "bad" ? "alert" : "status") : undefined}>
      <Icon name={TONE_ICON[tone]} />
      <div className="grow breakable">{props.children}</div>
      {props.action}
    </div>
  );
}

/** An error, with a way to try again. */
export function ErrorNote(props: {
  error: unknown;
  retry?: () => void;
  /** Makes the message one for people. */
  words?: (text: string) => string;
}) {
  const { error, retry, words } = props;
  if (!error) return null;
  return (
    <Note
      tone="bad"
      live
      action={
        retry ? (
          <Button small onClick={retry}>
            Try again
          </Button>
        ) : null
      }
    >
      {words ? words(errorText(error)) : errorText(error)}
    </Note>
  );
}

export function Badge({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

export function Empty(props: { icon?: IconName; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={props.icon ?? "snow"} />
      <h2>{props.title}</h2>
      {props.children ? <p>{props.children}</p> : null}
      {props.action}
    </div>
  );
}

export function Waiting({ what = "Loading" }: { what?: string }) {
  return (
    <div className="row muted" role="status">
      <span className="spinner" aria-hidden="true" />
      {what}…
    </div>
  );
}

export function Progress(props: { value: number; label: string; tone?: "warn" | "bad" | undefined }) {
  const percent = Math.round(100 * Math.min(1, Math.max(0, props.value)));
  return (
    <div
      className={`progress ${props.tone ?? ""}`}
      role="progressbar"
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-label={props.label}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}

interface Toast {
  id: number;
  tone: Tone;
  text: string;
}

let toasts: readonly Toast[] = [];
let nextToast = 1;
const toastListeners = new Set<() => void>();

function setToasts(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of toastListeners) listener();
}

/** Say something shortly; errors stay until they are closed. */
export function toast(text: string, tone: Tone = "good"): void {
  const id = nextToast++;
  setToasts([...toasts.slice(-3), { id, tone, text }]);
  if (tone !== "bad") setTimeout(() => setToasts(toasts.filter((item) => item.id !== id)), 5000);
}

export function toastError(error: unknown): void {
  toast(errorText(error), "bad");
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      toastListeners.add(listener);
      return () => toastListeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" aria-live="polite">
      {shown.map((item) => (
        <Note
          key={item.id}
          tone={item.tone}
          action={
            <Button
              small
              look="quiet"
              icon="close"
              aria-label="Close message"
              onClick={() => setToasts(toasts.filter((other) => other.id !== item.id))}
            />
          }
        >
          {item.text}
        </Note>
      ))}
    </div>
  );
}
