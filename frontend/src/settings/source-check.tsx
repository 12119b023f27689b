import { useQuery } from "@tanstack/react-query";
import { api, errorText } from "../api/client";
import type { SourcePreview, Values } from "../api/types";
import { plural } from "../lib/format";
import { useSettled } from "../lib/settled";

/** What the server sees at a location, a moment after one stopped typing. */
export function SourceCheck({ values }: { values: Values }) {
  const wanted = {
    path: String(values.source_path ?? ""),
    recursive: values.source_recursive !== false,
    file_patterns: values.file_patterns as string[],
    ignore_patterns: values.ignore_patterns as string[],
  };
  const asked = useSettled(JSON.stringify(wanted), 400);
  const query = JSON.parse(asked) as typeof wanted;
  const preview = useQuery({
    queryKey: ["source-preview", asked],
    queryFn: ({ signal }) => api.get<SourcePreview>("/source-preview", query, signal),
    enabled: query.path.startsWith("/"),
    refetchInterval: 10_000,
    retry: false,
  });
  if (!wanted.path)
    return <span>Where the microscope writes its movies: a folder, or a pattern like /data/*/*.tif</span>;
  if (!wanted.path.startsWith("/"))
    return <span className="field-error">Give the whole path, beginning with /</span>;
  if (preview.error) return <span className="field-error">{errorText(preview.error)}</span>;
  if (!preview.data || asked !== JSON.stringify(wanted)) return <span>looking…</span>;
  const { text, movies, ignored, trouble } = preview.data;
  return (
    <span role="status">
      <b className={movies ? "source-found" : ""}>{text}</b>
      {ignored ? ` (${plural(ignored, "other file")} ignored)` : ""}
      {trouble && trouble !== text ? <span className="field-error"> {trouble}</span> : null}
    </span>
  );
}
