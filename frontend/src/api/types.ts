/** What the server answers: names for the types that are made from its own description. */

import type { components } from "./schema";

type Schema = components["schemas"];

export type TrackName = Schema["Track"]["track"];
export type TrackState = "stopped" | "starting" | "running" | "paused" | "stopping" | "clearing";
export type Role = NonNullable<Schema["Session"]["role"]>;
export type SettingValue = string | number | boolean | null | string[];
export type Values = Record<string, SettingValue>;

export type Me = Schema["Me"];
export type Group = Schema["Group"];
export type User = Schema["User"];
export type Token = Schema["Token"];
export type ShareLink = Schema["ShareLink"];
export type SessionView = Schema["Session"];
export type NewSession = Schema["NewSession"];
export type DeletePreview = Schema["DeletePreview"];
export type Listing = Schema["FolderPage"];
export type FileEntry = Schema["FileEntry"];
export type SourcePreview = Schema["SourcePreview"];
export type WarpPreview = Schema["WarpPreview"];
export type GainCheck = Schema["GainCheck"];
export type SourceMetadata = Schema["SourceMetadata"];
export type ColumnInfo = Schema["Column"];
export type MovieRow = Schema["MovieRow"];
export type MoviePage = Schema["MoviePage"];
export type Movie = Schema["Movie"];
export type ClearPreview = Schema["ClearPreview"];
export type RestartPreview = Schema["RestartPreview"];
export type LogLine = Schema["LogLine"];
export type LogPart = Schema["LogPart"];
export type ClassUpdate = Schema["UpdateInHistory"];
export type WholeClassUpdate = Schema["WholeUpdate"];

/** The description says "any JSON" of values; these are all there are. */
export type SettingInfo = Omit<Schema["Setting"], "default"> & { default: SettingValue };
export type SavedSettings = Omit<Schema["SessionSettings"], "values"> & { values: Values };
export type SettingChange = { name: string; before: SettingValue; after: SettingValue };
export type Revision = Omit<Schema["RevisionInfo"], "changes"> & { changes: SettingChange[] };
export type ChangePreview = Omit<Schema["ChangePreview"], "changes"> & { changes: SettingChange[] };
export type StripNumbers = Schema["Strip"];
export type Alert = Schema["Alert"];
export type ServerState = Schema["Server"];
export type Worker = Schema["Worker"];
export type Disk = Schema["Disk"];
export type AuditRow = Schema["AuditRow"];
export type TestResult = Schema["TestResult"];

/** What a track says of itself while it runs; each says what it knows. */
export interface TrackDetails {
  /** How much is in work. */
  working?: number;
  waits_for?: string;
  /** Pre-processing: names in work; an alarm on many failures. */
  movies?: string[];
  failures?: string;
  /** File transfer. */
  files?: { path: string; size_bytes: number; moved_bytes: number; seconds: number }[];
  rate_mb_s?: number | null;
  behind_bytes?: number;
  ignored?: Record<string, number>;
  ignored_examples?: { path: string; rule: string }[];
  /** 2D classification: particles that may be classified, and that are. */
  eligible?: number;
  in_run?: number;
  phase?: string;
  /** It is to stop, and visits every particle once more before. */
  final_pass?: boolean;
  jobs?: "stopped" | "listening" | "running" | "stopping";
  mode?: string | null;
  cycles_done?: number;
  cycles?: number;
  error?: string;
  advice?: string;
}
export type Track = Omit<Schema["Track"], "state" | "details"> & {
  state: TrackState;
  details?: TrackDetails;
};

/** Somebody else has saved in between: both versions. */
export interface SettingsConflict {
  base_revision: number;
  newest: Revision;
  yours: Values;
  /** Settings that both have changed. */
  both: string[];
}
