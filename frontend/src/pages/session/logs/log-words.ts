import type { LogLine } from "../../../api/types";
import { duration, fixed, isNumber, plural } from "../../../lib/format";
import { moreFields } from "./log-line";

const DELIVERED: Readonly<Record<string, string>> = { link: "linked", in_place: "read where it is" };

const WORDS: Readonly<Record<string, (line: LogLine) => string>> = {
  movie: (line) => `${line.failed ? "failed" : "done"} in ${duration(number(line.seconds))}`,
  delivered: (line) =>
    `${line.file} ${DELIVERED[String(line.mode)] ?? "transferred"} in ${duration(number(line.seconds))}`,
  "new run": (line) => `run ${line.run} begins: ${line.mode}, settings revision ${line.settings}`,
  "batch again": (line) => `the batch is tried again: ${line.reason}`,
  update: (line) =>
    `update ${line.update}: ${line.kind}, ${plural(number(line.particles), "particle")}, ` +
    `limit ${fixed(number(line.limit_a), 1)} Å`,
};

/** What a line says, in words if it is of a known kind, and what else was logged. */
export function logWords(line: LogLine): [words: string, more: string] {
  const message = line.message ?? "";
  const words = WORDS[message];
  return words ? [words(line), ""] : [message, moreFields(line)];
}

function number(value: unknown): number | null {
  return isNumber(value) ? value : null;
}
