/** What the server answers. */

import type { ColumnInfo } from "../lib/columns";

export type TrackName = "transfer" | "preprocess" | "classify2d";
export type TrackState = "stopped" | "starting" | "running" | "paused" | "stopping" | "clearing";
export type Role = "viewer" | "operator" | "owner";
export type SettingValue = string | number | boolean | null | string[];
export type Values = Record<string, SettingValue>;

export interface Me {
  user_id: number | null;
  login: string;
  is_admin: boolean;
  roles: Record<string, Role>;
  shared_sessions: number[];
}

export interface Track {
  track: TrackName;
  state: TrackState;
  wanted: boolean;
  reason: string;
  since: number;
  details: Record<string, unknown>;
}

export interface SettingInfo {
  name: string;
  tab: string;
  tab_label: string;
  label: string;
  meaning: string;
  unit: string;
  default: SettingValue;
  low: number | null;
  high: number | null;
  choices: string[];
  kind: "bool" | "int" | "float" | "str" | "list";
  automatic: boolean;
  stage: string | null;
}

export interface Group {
  id: number;
  name: string;
  role: Role | null;
  members: { user_id: number; login: string; name: string; role: Role }[];
}

export interface User {
  id: number;
  login: string;
  name: string;
  is_admin: boolean;
  disabled: boolean;
  created_at: number;
  roles: Record<string, Role>;
}

export interface Token {
  id: number;
  user_id: number;
  login: string;
  name: string;
  scope: Role | "admin";
  group_id: number | null;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
}

export interface ShareLink {
  id: number;
  session_id: number;
  created_by_login: string | null;
  created_at: number;
  expires_at: number;
}

export interface Alert {
  id: number;
  session_id: number;
  rule: string;
  message: string;
  raised_at: number;
  cleared_at: number | null;
  snoozed_until: number | null;
}

export interface MovieColumns {
  columns: ColumnInfo[];
}

export interface SessionTrack {
  wanted: boolean;
  state: TrackState;
  reason: string;
  since: number;
}

export interface SessionView {
  id: number;
  label: string;
  uuid: string;
  name: string;
  group: string;
  group_id: number;
  owner: string | null;
  folder: string;
  kind: "movies" | "micrographs" | "warp";
  life: "new" | "active" | "archived" | "deleting";
  created_at: number;
  role: Role | null;
  settings_revision: number;
  source_path: string | null;
  tags: string[];
  tracks: Record<TrackName, SessionTrack | null>;
  /** movies, particles, and movies by state. */
  counts: Record<string, number>;
  last_movie: { name: string; done_at: number | null } | null;
  last_classes: {
    number: number;
    run: number;
    kind: string;
    finished_at: number;
    particles: number;
    class_count: number;
  } | null;
}
