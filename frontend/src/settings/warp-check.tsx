import { useQuery } from "@tanstack/react-query";
import { api, errorText } from "../api/client";
import type { Values, WarpPreview } from "../api/types";
import { useSettled } from "../lib/settled";
import { Link } from "../ui/link";

/** What the server finds in a Warp folder, a moment after one stopped typing. */
export function WarpCheck({ values }: { values: Values }) {
  const wanted = {
    path: String(values.warp_folder ?? ""),
    particles: String(values.warp_particles ?? "all"),
  };
  const asked = useSettled(JSON.stringify(wanted), 400);
  const query = JSON.parse(asked) as typeof wanted;
  const preview = useQuery({
    queryKey: ["warp-preview", asked],
    queryFn: ({ signal }) => api.get<WarpPreview>("/warp-preview", query, signal),
    enabled: query.path.startsWith("/"),
    refetchInterval: 10_000,
    retry: false,
  });
  if (!wanted.path) return <span>The folder that Warp writes to: it holds previous.settings</span>;
  if (!wanted.path.startsWith("/"))
    return <span className="field-error">Give the whole path, beginning with /</span>;
  if (preview.error) return <span className="field-error">{errorText(preview.error)}</span>;
  if (!preview.data || asked !== JSON.stringify(wanted)) return <span>looking…</span>;
  const { text, is_warp, trouble, sessions } = preview.data;
  return (
    <span role="status">
      {is_warp ? <b className="source-found">{text}</b> : null}
      {trouble ? <span className="field-error"> {trouble}</span> : null}
      {sessions.map((label) => (
        <span key={label}>
          {" "}
          <Link to={`/sessions/${label.slice(1)}/operation`}>{label}</Link> follows this folder.
        </span>
      ))}
    </span>
  );
}
