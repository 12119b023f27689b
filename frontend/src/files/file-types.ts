/** What a listing shows besides folders. */
export type FileKind = "any" | "folder" | "movie" | "gain" | "defects" | "coordinates";

export interface FileEntry {
  name: string;
  /** None: the name is no text that a setting can hold. */
  path: string | null;
  is_folder: boolean;
  size_bytes: number | null;
  modified_at: number | null;
}

export interface Listing {
  /** None: the roots themselves are listed. */
  path: string | null;
  parent: string | null;
  entries: FileEntry[];
  /** For the rest of a long folder. */
  cursor: string | null;
  /** The folder holds more than is looked at. */
  more: boolean;
}
