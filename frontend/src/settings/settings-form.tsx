import { type ReactNode, useMemo } from "react";
import type { SettingInfo, Values } from "../api/types";
import { plural } from "../lib/format";
import { TabPanel, Tabs } from "../ui/tabs";
import { hiddenReason } from "./applies";
import { SettingField } from "./setting-field";
import { changesOf, merged, type Staged, type Typed } from "./values";

export interface SettingsFormProps {
  schema: readonly SettingInfo[];
  saved: Values;
  staged: Staged;
  /** Settings that do nothing whatever the others are, by the server's word. */
  notUsed?: Record<string, string>;
  /** By setting: where its value came from. */
  remarks?: Record<string, ReactNode>;
  /** Settings that are fixed, with the reason. */
  fixed?: Record<string, string>;
  tab: string;
  onTab: (tab: string) => void;
  onChange: (name: string, typed: Typed | undefined) => void;
  disabled?: boolean;
  /** Stands above the fields of a tab. */
  extra?: Partial<Record<string, ReactNode>>;
  /** Stands below the fields of a tab: what comes while one types, so that no field moves. */
  below?: Partial<Record<string, ReactNode>>;
}

/** Tabs that come late: what is seldom needed, and what one comes to when the rest is said. */
const LATE = ["transfer", "resources", "notifications"];

/** Name and label of each tab, in the order in which one walks through them. */
function tabsOf(schema: readonly SettingInfo[]): [name: string, label: string][] {
  const tabs = [...new Map(schema.map((info) => [info.tab, info.tab_label]))];
  return tabs.sort(([a], [b]) => LATE.indexOf(a) - LATE.indexOf(b));
}

/** All settings, tab by tab, as the schema says. */
export function SettingsForm(props: SettingsFormProps) {
  const { schema, saved, staged } = props;
  const tabs = useMemo(() => tabsOf(schema), [schema]);
  const { values, errors } = useMemo(() => changesOf(schema, saved, staged), [schema, saved, staged]);
  const tab = tabs.some(([name]) => name === props.tab) ? props.tab : (tabs[0]?.[0] ?? "");
  const mark = (name: string) => {
    const own = schema.filter((info) => info.tab === name);
    if (own.some((info) => errors[info.name])) return "!";
    const changed = own.filter((info) => info.name in values).length;
    return changed ? String(changed) : undefined;
  };
  return (
    <div className="stack">
      <Tabs
        label="Settings"
        value={tab}
        onChange={props.onTab}
        tabs={tabs.map(([name, label]) => [name, label, mark(name)] as const)}
      />
      <TabPanel value={tab}>
        <div className="stack">
          {props.extra?.[tab]}
          <Fields {...props} infos={schema.filter((info) => info.tab === tab)} />
          {props.below?.[tab]}
        </div>
      </TabPanel>
    </div>
  );
}

/** The fields of some settings, and below them which are hidden and why. */
export function Fields(
  props: Omit<SettingsFormProps, "tab" | "onTab" | "extra" | "below"> & { infos: readonly SettingInfo[] },
) {
  const { schema, saved, staged, infos } = props;
  const values = useMemo(() => merged(schema, saved, staged), [schema, saved, staged]);
  const hidden = infos
    .map((info) => [info, hiddenReason(info, values, props.notUsed)] as const)
    .filter(([info, reason]) => reason && staged[info.name] === undefined);
  const gone = new Set(hidden.map(([info]) => info.name));
  return (
    <>
      <div className="setting-grid">
        {infos
          .filter((info) => !gone.has(info.name))
          .map((info) => (
            <SettingField
              key={info.name}
              info={info}
              saved={saved[info.name]}
              typed={staged[info.name]}
              remark={props.fixed?.[info.name] ?? props.remarks?.[info.name]}
              disabled={Boolean(props.disabled || props.fixed?.[info.name])}
              onChange={(typed) => props.onChange(info.name, typed)}
              onReset={() => props.onChange(info.name, undefined)}
            />
          ))}
      </div>
      {hidden.length ? <Hidden hidden={hidden} /> : null}
    </>
  );
}

function Hidden({ hidden }: { hidden: readonly (readonly [SettingInfo, string])[] }) {
  const byReason = new Map<string, string[]>();
  for (const [info, reason] of hidden) byReason.set(reason, [...(byReason.get(reason) ?? []), info.label]);
  return (
    <details className="small muted">
      <summary>{plural(hidden.length, "setting has", "settings have")} no effect now</summary>
      <ul className="hidden-settings">
        {[...byReason].map(([reason, labels]) => (
          <li key={reason}>
            {labels.join(", ")}: {reason}
          </li>
        ))}
      </ul>
    </details>
  );
}
