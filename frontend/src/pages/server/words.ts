/** What the server works on and what was changed, in words instead of in its own names. */

const TASKS: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
  [/^[^/]+\/preprocess\/(.+)\/[^/]+$/, ([, name]) => `pre-processing ${name}`],
  [/^[^/]+\/classify2d\//, () => "classifying particles"],
  [/^export\/(\d+)\//, ([, session]) => `writing an export of S${session}`],
  [/^live-export\/(\d+)/, ([, session]) => `writing the live export of S${session}`],
  [/^test\/(\d+)\//, ([, session]) => `testing settings of S${session} on one movie`],
  [/^relocation\/(\d+)\/copying/, ([, session]) => `copying S${session} to another folder`],
  [/^relocation\/(\d+)\/removing/, ([, session]) => `removing the old folder of S${session}`],
  [/^gain-check\//, () => "comparing a gain reference with movies"],
];

/** A task by its key: "pre-processing FoilHole_7"; the key itself where it is of no known kind. */
export function taskWords(key: string): string {
  for (const [pattern, words] of TASKS) {
    const found = pattern.exec(key);
    if (found) return words(found);
  }
  return key;
}

const CHANGES: Record<string, string> = {
  "alert.snooze": "alert snoozed",
  "classes.choose": "classes kept or rejected",
  "classes.select": "selection of classes saved",
  "classes.selection_delete": "selection of classes deleted",
  "export.cancel": "export cancelled",
  "export.delete": "export deleted",
  "export.live": "live export changed",
  "export.retry": "export tried again",
  "export.start": "export started",
  "filter.delete": "filter deleted",
  "filter.rename": "filter renamed",
  "filter.save": "filter saved",
  "movie.ignore": "movie ignored",
  "movie.manual_picks": "particles edited by hand",
  "movie.override": "movie included or excluded",
  "movie.overrides_reset": "decisions on movies forgotten",
  "movie.retry": "movie tried again",
  "movie.retry_failed": "failed movies tried again",
  "movie.source": "changed source decided",
  "raw.clean": "raw files removed",
  "session.adopt": "folder adopted",
  "session.archive": "session archived",
  "session.change": "session renamed or regrouped",
  "session.copy": "session copied",
  "session.create": "session created",
  "session.delete": "session deleted",
  "session.move": "session moved",
  "session.relocate": "session sent to another folder",
  "session.unarchive": "session unarchived",
  "settings.save": "settings saved",
  "settings.test": "settings tested",
  "track.clear": "track cleared",
  "track.restart": "track restarted",
  "track.start": "track started",
  "track.stop": "track stopped",
};

/** A kind of change: "track started"; those that have words already as they are. */
export function changeWords(what: string): string {
  return CHANGES[what] ?? what;
}
