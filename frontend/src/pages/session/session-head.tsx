import { useRef, useState } from "react";
import { useLive } from "../../api/live";
import type { SessionView } from "../../api/types";
import { isNumber, significant } from "../../lib/format";
import { allows, mayChange } from "../../lib/me";
import { useQuery as useAddress } from "../../lib/router";
import { useSettings } from "../../settings/use-settings";
import { Button } from "../../ui/button";
import { Badge } from "../../ui/feedback";
import { Link } from "../../ui/link";
import { useActiveInSight } from "../../ui/use-active-in-sight";
import { AllTracks } from "./all-tracks";
import { RelocationNote } from "./relocation-note";
import { ShareDialog } from "./share-dialog";
import { Strip } from "./strip";
import { carried, TABS, type Tab } from "./tabs";
import { useStrip } from "./use-strip";

export function SessionHead({ session, tab }: { session: SessionView; tab: Tab }) {
  const [sharing, setSharing] = useState(false);
  const query = useAddress();
  const strip = useStrip(session.id);
  const tabs = useRef<HTMLElement>(null);
  useActiveInSight(tabs, tab);
  return (
    <header className="session-head">
      <div className="session-title">
        <Link to="/sessions" className="small nowrap back">
          Sessions
        </Link>
        <h1 className="truncate" title={session.name}>
          {session.name}
        </h1>
        <Summary session={session} />
        {session.life === "archived" ? <Badge>archived, read-only</Badge> : null}
        {session.life === "deleting" ? <Badge tone="warn">being deleted</Badge> : null}
        {session.role === "viewer" ? <Badge>you may only look</Badge> : null}
        <LiveBadge />
        <span className="grow" />
        {mayChange(session) ? <AllTracks session={session} /> : null}
        {allows(session.role, "operator") ? (
          <Button small look="quiet" icon="link" onClick={() => setSharing(true)}>
            Share
          </Button>
        ) : null}
      </div>
      <RelocationNote session={session} />
      <Strip numbers={strip.data} />
      <nav className="tabs" aria-label="Session" ref={tabs}>
        {TABS.map(([name, label]) => (
          <Link
            key={name}
            to={`/sessions/${session.id}/${name}${carried(tab, name, query)}`}
            aria-current={name === tab ? "page" : undefined}
          >
            {label}
          </Link>
        ))}
      </nav>
      {sharing ? <ShareDialog session={session} onClose={() => setSharing(false)} /> : null}
    </header>
  );
}

/** "300 kV · 0.85 Å/px · 50 e/Å²", as far as it is known. */
function Summary({ session }: { session: SessionView }) {
  const { data } = useSettings(session.id);
  const value = (name: string) => data?.values[name];
  const parts = [
    [value("voltage_kv"), "kV"],
    [value("pixel_size_a"), "Å/px"],
    [value("dose_per_movie_e_per_a2"), "e/Å²"],
  ] as const;
  const text = parts
    .filter(([number]) => isNumber(number))
    .map(([number, unit]) => `${Number(significant(Number(number)))} ${unit}`)
    .join(" · ");
  return <span className="muted number nowrap">{[session.label, text].filter(Boolean).join(" · ")}</span>;
}

function LiveBadge() {
  const { state } = useLive();
  const words = {
    connected: "live",
    connecting: "connecting…",
    reconnecting: "reconnecting…",
    refused: "not live: log in again",
  };
  return (
    <span className={`live ${state === "connected" ? "" : "off"}`} role="status">
      <svg className="dot" viewBox="0 0 10 10" aria-hidden="true">
        <circle
          cx="5"
          cy="5"
          r="4"
          fill={state === "connected" ? "currentColor" : "none"}
          stroke="currentColor"
          strokeWidth="1.500"
        />
      </svg>
      {words[state]}
    </span>
  );
}
