/** Columns that are asked for in one breath come in few answers: the server reads its rows once for all of them. */

import { api } from "../api/client";
import type { Value } from "./use-series";

export type Columns = Record<string, Value[]>;

/** So many columns of 20,000 movies stay below 1 MB. */
const MOST_COLUMNS = 5;

type Ask = (session: number, names: readonly string[]) => Promise<Columns>;

interface Waiting {
  name: string;
  give: (columns: Columns) => void;
  fail: (error: unknown) => void;
}

const askServer: Ask = (session, names) =>
  api.get<Columns>(`/sessions/${session}/series`, { columns: names.join(",") });

/** Makes a function that reads one column; what is asked of it before the next task goes out together. */
export function makeBatch(ask: Ask = askServer): (session: number, name: string) => Promise<Columns> {
  const sessions = new Map<number, Waiting[]>();
  const send = (session: number) => {
    const all = sessions.get(session) ?? [];
    sessions.delete(session);
    for (let first = 0; first < all.length; first += MOST_COLUMNS) {
      const some = all.slice(first, first + MOST_COLUMNS);
      ask(session, [...new Set(some.map(({ name }) => name))]).then(
        (columns) => {
          for (const { name, give } of some)
            give({ number: columns.number ?? [], [name]: columns[name] ?? [] });
        },
        (error: unknown) => {
          for (const { fail } of some) fail(error);
        },
      );
    }
  };
  return (session, name) =>
    new Promise((give, fail) => {
      const known = sessions.get(session);
      if (known) known.push({ name, give, fail });
      else {
        sessions.set(session, [{ name, give, fail }]);
        queueMicrotask(() => send(session));
      }
    });
}

export const readColumn = makeBatch();
