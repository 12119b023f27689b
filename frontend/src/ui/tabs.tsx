import { type KeyboardEvent, useRef } from "react";
import { useActiveInSight } from "./use-active-in-sight";

/** Tabs inside a page; arrow keys move between them. */
export function Tabs<T extends string>(props: {
  label: string;
  value: T;
  tabs: readonly (readonly [value: T, label: string, mark?: string])[];
  onChange: (value: T) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  useActiveInSight(list, props.value);
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const { tabs } = props;
    const index = tabs.findIndex(([value]) => value === props.value);
    const next = (index + step + tabs.length) % tabs.length;
    const tab = tabs[next];
    if (!tab) return;
    props.onChange(tab[0]);
    (list.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <div className="tabs inner" role="tablist" aria-label={props.label} ref={list} onKeyDown={move}>
      {props.tabs.map(([value, label, mark]) => (
        <button
          key={value}
          type="button"
          role="tab"
          id={`tab-${value}`}
          aria-controls={`panel-${value}`}
          aria-selected={value === props.value}
          tabIndex={value === props.value ? 0 : -1}
          onClick={() => props.onChange(value)}
        >
          {label}
          {mark ? <span className="tab-mark"> {mark}</span> : null}
        </button>
      ))}
    </div>
  );
}

export function TabPanel({ value, children }: { value: string; children: React.ReactNode }) {
  return (
    <div role="tabpanel" id={`panel-${value}`} aria-labelledby={`tab-${value}`}>
      {children}
    </div>
  );
}
