import type { SettingValue, Values } from "../api/types";

export interface SettingChange {
  name: string;
  before: SettingValue;
  after: SettingValue;
}

/** What a restart, or a change of settings, would redo. */
export interface RedoPreview {
  /** How many are touched, and how many of those a filter keeps. */
  movies: number;
  kept_movies: number;
  failed_movies: number;
  stages: Record<string, { movies: number; seconds: number }>;
  /** Until it is done, with the workers there are. */
  seconds: number;
  bytes: number;
}

export interface ChangePreview extends RedoPreview {
  base_revision: number;
  changes: SettingChange[];
  classification: "new_run" | "go_on" | "none";
  classification_text: string;
}

export interface Revision {
  revision: number;
  saved_at: number;
  saved_by: string;
  changes: SettingChange[];
}

/** Somebody else has saved in between: both versions. */
export interface SettingsConflict {
  base_revision: number;
  newest: Revision;
  yours: Values;
  /** Settings that both have changed. */
  both: string[];
}
