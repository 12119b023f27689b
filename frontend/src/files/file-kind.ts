/** What a listing shows besides folders; "folder": a folder is chosen, else a file. */
export type FileKind = "any" | "folder" | "movie" | "gain" | "defects" | "coordinates";
