import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api } from "../api/client";
import type { SettingInfo, SourceMetadata, Values } from "../api/types";
import { useSettled } from "../lib/settled";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/feedback";
import { Icon } from "../ui/icon";
import { freeOnes, type Proposal, proposals, sourceText } from "./proposals";
import { merged, type Staged, shown, type Typed } from "./values";

interface Says {
  found: Proposal[];
  told: SourceMetadata | undefined;
  error: unknown;
}

/** What the side files beside the newest movies say; asked for a moment after one stopped typing the folder. */
export function useMicroscopeSays(
  schema: readonly SettingInfo[],
  saved: Values,
  staged: Staged,
  active: boolean,
): Says {
  const values = merged(schema, saved, staged);
  const wanted = {
    path: String(values.source_path ?? ""),
    metadata_path: String(values.metadata_path ?? "") || null,
    recursive: values.source_recursive !== false,
  };
  const asked = useSettled(JSON.stringify(wanted), 600);
  const query = JSON.parse(asked) as typeof wanted;
  const told = useQuery({
    queryKey: ["source-metadata", asked],
    queryFn: ({ signal }) => api.get<SourceMetadata>("/inputs/metadata", query, signal),
    enabled: active && values.kind !== "warp" && query.path.startsWith("/"),
    // The microscope may not have written the first movie, or its side file, yet.
    refetchInterval: ({ state }) => (state.data && state.data.source === null ? 15_000 : false),
    retry: false,
  });
  return {
    found: told.data ? proposals(schema, saved, staged, told.data) : [],
    told: told.data,
    error: told.error,
  };
}

type Take = (name: string, typed: Typed) => void;

/**
 * Proposals for the form, each with where it comes from; taken by one button, or one by one.
 * Where there are none it says why, unless it is to be quiet.
 */
export function MicroscopeSays({ says, onTake, quiet }: { says: Says; onTake: Take; quiet?: boolean }) {
  const { found, told, error } = says;
  if (error) return <ErrorNote error={error} />;
  if (!told) return null;
  if (!told.source || !found.length) {
    const why = told.notes[0];
    return why && !quiet ? (
      <p className="muted small">Nothing to fill in from the microscope: {why}.</p>
    ) : null;
  }
  const free = freeOnes(found);
  return (
    <section className="proposals" aria-label="What the microscope says">
      <div className="row apart">
        <h2>
          The microscope says{" "}
          <span className="muted small breakable" title={told.side_file ?? ""}>
            {sourceText(told)}
          </span>
        </h2>
        <Button
          look="primary"
          small
          icon="check"
          disabled={!free.length}
          onClick={() => free.map(({ info, typed }) => onTake(info.name, typed))}
        >
          Use what the microscope says
        </Button>
      </div>
      <ul>
        {found.map((proposal) => (
          <Row key={proposal.info.name} proposal={proposal} onTake={onTake} />
        ))}
      </ul>
      <details className="small muted">
        <summary>Where this comes from, and what is not told</summary>
        <p className="breakable">
          <span className="mono">{told.side_file}</span>, written beside{" "}
          <span className="mono">{told.movie}</span>
        </p>
        <ul className="hidden-settings">
          {told.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      </details>
    </section>
  );
}

function Row({ proposal, onTake }: { proposal: Proposal; onTake: Take }) {
  const { info, value, typed, state } = proposal;
  return (
    <li>
      <span className="muted">{info.label}</span> <b className="breakable">{shown(info, value)}</b>{" "}
      {state === "taken" ? (
        <span className="proposal-taken nowrap">
          <Icon name="check" /> on the form
        </span>
      ) : (
        <Button
          small
          aria-label={`Use ${info.label} ${shown(info, value)}`}
          onClick={() => onTake(info.name, typed)}
        >
          {state === "free" ? "Use" : "Use instead of yours"}
        </Button>
      )}
    </li>
  );
}

/** For each field of a proposal: whether its value is the microscope's, or what that would be. */
export function proposalRemarks({ found, told }: Says): Record<string, ReactNode> {
  if (!told) return {};
  return Object.fromEntries(
    found.map((proposal) => [
      proposal.info.name,
      <Remark key={proposal.info.name} proposal={proposal} from={sourceText(told)} />,
    ]),
  );
}

function Remark({ proposal, from }: { proposal: Proposal; from: string }) {
  return proposal.state === "taken" ? (
    <span className="source-found">as the microscope says ({from})</span>
  ) : (
    <span>
      the microscope says {shown(proposal.info, proposal.value)} ({from})
    </span>
  );
}
