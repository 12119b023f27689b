/** Asking the server: JSON in, JSON out, errors a person can act on. */

import { hearServerTime } from "../lib/server-clock";

export class ApiError extends Error {
  constructor(
    message: string,
    /** HTTP status; 0: the server could not be reached. */
    readonly status: number,
    readonly body: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export type Query = Record<string, string | number | boolean | null | undefined | readonly string[]>;

/** Path below /api with its query; null and undefined are left out. */
export function url(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined) continue;
    for (const item of Array.isArray(value) ? value : [value]) params.append(name, String(item));
  }
  const text = params.toString();
  return `/api${path}${text ? `?${text}` : ""}`;
}

interface Options {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

/** Questions without an answer. Each has a signal of its own: one that all shared would remember every one of them. */
const waiting = new Set<AbortController>();

/**
 * Give up all questions without an answer, which are then asked anew: after the network was cut they may hang
 * for minutes on connections that are dead, and keep those of others from being asked.
 */
export function hangUp(): void {
  for (const question of waiting) question.abort();
  waiting.clear();
}

async function ask<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
  const question = new AbortController();
  if (method === "GET") waiting.add(question);
  init.signal = options.signal ? AbortSignal.any([options.signal, question.signal]) : question.signal;
  if (options.body !== undefined) {
    init.body = JSON.stringify(options.body);
    init.headers = { ...init.headers, "Content-Type": "application/json" };
  }
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url(path, options.query), init);
    hearServerTime(response.headers.get("date"));
    body = await readBody(response);
  } catch (error) {
    if (options.signal?.aborted || error instanceof ApiError) throw error;
    const again = method === "GET" ? "This is tried again by itself." : "Try again when it is back.";
    throw new ApiError(`The server can't be reached. ${again}`, 0);
  } finally {
    waiting.delete(question);
  }
  if (response.ok) return body as T;
  // A wrong password says nothing about who was known before, and who asks who they are is told by the answer.
  const isAboutOneself = path === "/login" || path === "/me";
  if (response.status === 401 && !isAboutOneself) for (const listener of loggedOutListeners) listener();
  throw new ApiError(explain(response.status, body), response.status, isRecord(body) ? body : {});
}

async function readBody(response: Response): Promise<unknown> {
  if (response.status === 204) return undefined;
  const text = await response.text();
  if (!response.headers.get("content-type")?.includes("json")) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError("The server's answer can't be read.", response.status);
  }
}

/** What the server said, or what its status means. */
function explain(status: number, body: unknown): string {
  if (isRecord(body)) {
    const { detail, hint } = body;
    const told = typeof detail === "string" ? detail : detailOfValidation(detail);
    if (told)
      return typeof hint === "string" && hint ? `${sentence(told)} ${sentence(hint)}` : sentence(told);
  }
  if (status === 403) return "You may not do this.";
  if (status === 404) return "This is not there (any more).";
  if (status === 413) return "That is too much at once.";
  if (status >= 500) return "The server failed at this; its log says why.";
  return `The server refused this (${status}).`;
}

function detailOfValidation(detail: unknown): string {
  const first: unknown = Array.isArray(detail) ? detail[0] : undefined;
  if (!isRecord(first) || typeof first.msg !== "string") return "";
  const place = Array.isArray(first.loc) ? first.loc.slice(1).join(".") : "";
  return place ? `${place}: ${first.msg}` : first.msg;
}

function sentence(text: string): string {
  const start = /^[a-z]+ /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const loggedOutListeners = new Set<() => void>();

/** Be told when the server no longer knows who is asking. */
export function onLoggedOut(listener: () => void): () => void {
  loggedOutListeners.add(listener);
  return () => loggedOutListeners.delete(listener);
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) =>
    ask<T>("GET", path, { query: query ?? {}, signal }),
  post: <T>(path: string, body: unknown = {}) => ask<T>("POST", path, { body }),
  put: <T>(path: string, body: unknown) => ask<T>("PUT", path, { body }),
  patch: <T>(path: string, body: unknown) => ask<T>("PATCH", path, { body }),
  delete: <T>(path: string, body?: unknown) => ask<T>("DELETE", path, { body }),
};

/** Whether what was asked for is not there, or not for whoever asks: asking again changes nothing. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** What to show of any error. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
