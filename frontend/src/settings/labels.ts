/** Names of settings in what the server says, as people see them on the form. */

import type { SettingInfo } from "../api/types";

/** "ctf_high_a (4) must be …" as "CTF, high end (4) must be …"; words that are no setting stay. */
export function withLabels(text: string, schema: readonly SettingInfo[]): string {
  const labels = new Map(schema.map((info) => [info.name, info.label]));
  return text.replace(/\b[a-z0-9]+(_[a-z0-9]+)+\b/g, (name) => {
    const label = labels.get(name);
    return label === undefined ? name : `“${label}”`;
  });
}
