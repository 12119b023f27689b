import type { Track } from "../../../api/types";
import { bytes, count, duration, plural, significant } from "../../../lib/format";
import { Progress } from "../../../ui/feedback";

/** Files on their way, how fast, how much is still to come, and what is left out. */
export function TransferPanel({ track }: { track: Track | undefined }) {
  const details = track?.details ?? {};
  const ignored = Object.entries(details.ignored ?? {});
  if (!details.files) return null;
  return (
    <section className="panel stack" aria-labelledby="transfer-title">
      <h2 id="transfer-title">Transfer</h2>
      <dl className="keyvalue">
        <dt>Speed</dt>
        <dd className="number">
          {details.rate_mb_s ? `${significant(details.rate_mb_s)} MB/s` : "nothing is copied now"}
        </dd>
        <dt>Still to come</dt>
        <dd className="number">
          {details.behind_bytes ? bytes(details.behind_bytes) : "nothing"}
          {details.behind_bytes && details.rate_mb_s
            ? `, about ${duration(details.behind_bytes / (details.rate_mb_s * 1e6))}`
            : ""}
        </dd>
      </dl>
      {details.files.map((file) => (
        <div key={file.path}>
          <p className="mono small truncate" title={file.path}>
            {file.path}
          </p>
          <Progress
            value={file.moved_bytes / Math.max(1, file.size_bytes)}
            label={`Transfer of ${file.path}`}
          />
        </div>
      ))}
      {ignored.length ? (
        <details className="small">
          <summary>
            {plural(
              ignored.reduce((sum, [, number]) => sum + number, 0),
              "file",
            )}{" "}
            ignored
          </summary>
          <dl className="keyvalue">
            {ignored.map(([rule, number]) => (
              <div className="keyvalue-row" key={rule}>
                <dt className="mono">{rule}</dt>
                <dd className="number">
                  {count(number)}
                  <span className="muted breakable">
                    {" "}
                    {details.ignored_examples?.find((example) => example.rule === rule)?.path}
                  </span>
                </dd>
              </div>
            ))}
          </dl>
        </details>
      ) : null}
    </section>
  );
}
