/** A filter as a file: what one session exports, another takes. */

import type { Definition, NamedFilter } from "./definition";

const ENDING = ".filter.json";

export function filterFile({ name, definition }: NamedFilter): File {
  const text = JSON.stringify({ definition }, null, 1);
  return new File([text], `${name}${ENDING}`, { type: "application/json" });
}

/**
 * Name and definition of a filter in a file.
 *
 * @throws Error where the file is none; the server judges what stands in it.
 */
export async function readFilterFile(file: File): Promise<{ name: string; definition: Definition }> {
  let content: unknown;
  try {
    content = JSON.parse(await file.text());
  } catch {
    content = null;
  }
  const found = isRecord(content) ? content.definition : null;
  if (!isRecord(found)) {
    throw new Error(`${file.name} is no filter. Take a file that was exported here: NAME${ENDING}.`);
  }
  const name = file.name.replace(/(\.filter)?\.json$/, "").replaceAll("/", " ");
  return { name, definition: found as Definition };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
