import { useRef, useState } from "react";
import { Button } from "../ui/button";
import { toastError } from "../ui/feedback";
import type { Definition } from "./definition";
import { readFilterFile } from "./filter-file";
import { NameDialog } from "./name-dialog";

interface UploadFilterProps {
  taken: readonly string[];
  onFilter: (name: string, definition: Definition) => Promise<void>;
}

/** Takes a filter that was exported, of this session or another, under a name. */
export function UploadFilter({ taken, onFilter }: UploadFilterProps) {
  const [found, setFound] = useState<{ name: string; definition: Definition } | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const take = async (file: File | undefined) => {
    if (!file) return;
    try {
      setFound(await readFilterFile(file));
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <>
      <Button small title="Take a filter that was exported" onClick={() => field.current?.click()}>
        Upload a filter
      </Button>
      <input
        ref={field}
        type="file"
        hidden
        accept=".json"
        aria-label="File of a filter"
        onChange={(event) => {
          void take(event.target.files?.[0]);
          // The same file may be chosen again.
          event.target.value = "";
        }}
      />
      {found ? (
        <NameDialog
          title="Upload filter"
          start={found.name}
          taken={taken}
          replaces
          onClose={() => setFound(null)}
          onName={(name) => onFilter(name, found.definition)}
        />
      ) : null}
    </>
  );
}
