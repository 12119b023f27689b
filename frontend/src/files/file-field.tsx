import { type ReactNode, useState } from "react";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { FileBrowser } from "./file-browser";
import type { FileKind } from "./file-kind";

interface FileFieldProps {
  label: ReactNode;
  mark?: ReactNode;
  help?: ReactNode;
  error?: string | null | undefined;
  choose: "folder" | "file";
  /** Which files the browser shows; without, only folders. */
  shows?: FileKind;
  value: string;
  placeholder?: string;
  disabled?: boolean;
  onChange: (path: string) => void;
}

/** A path on the server: typed, or chosen in the browser of its files. */
export function FileField({
  label,
  mark,
  help,
  error,
  choose,
  shows = "folder",
  value,
  placeholder,
  disabled,
  onChange,
}: FileFieldProps) {
  const [open, setOpen] = useState(false);
  return (
    <Field label={label} mark={mark} help={help} error={error}>
      {(ids) => (
        <div className="row tight nowrap-row">
          <input
            className="input mono"
            {...ids}
            value={value}
            placeholder={placeholder}
            disabled={disabled}
            spellCheck={false}
            onChange={(event) => onChange(event.target.value)}
          />
          <Button
            icon="search"
            title="Browse the server's files"
            aria-label="Browse the server's files"
            disabled={disabled}
            onClick={() => setOpen(true)}
          />
          {open ? (
            <FileBrowser
              title={choose === "folder" ? "Choose a folder on the server" : "Choose a file on the server"}
              choose={choose}
              shows={shows}
              start={folderOf(value, choose)}
              onChoose={(path) => {
                onChange(path);
                setOpen(false);
              }}
              onClose={() => setOpen(false)}
            />
          ) : null}
        </div>
      )}
    </Field>
  );
}

/** Where to begin looking: a file's folder, a pattern's folder. */
function folderOf(path: string, choose: "folder" | "file"): string {
  if (!path.startsWith("/")) return "";
  const cut = path.search(/[*?[]/);
  const plain = cut < 0 ? path : path.slice(0, cut);
  return choose === "file" || cut >= 0 ? plain.slice(0, plain.lastIndexOf("/")) : plain;
}
