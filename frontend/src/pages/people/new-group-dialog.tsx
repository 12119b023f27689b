import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { useAction } from "../../lib/use-action";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/feedback";
import { TextField } from "../../ui/field";

export function NewGroupDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const { busy, error, run } = useAction();
  const [name, setName] = useState("");
  const add = async () => {
    if (!(await run(() => api.post("/groups", { name })))) return;
    await client.invalidateQueries({ queryKey: ["groups"] });
    onClose();
  };
  return (
    <Dialog
      title="Add a group"
      onClose={onClose}
      onSubmit={() => void add()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={!name.trim()}>
            Add
          </Button>
        </>
      }
    >
      <ErrorNote error={error} />
      <TextField label="Name" value={name} onChange={setName} maxLength={100} autoFocus />
    </Dialog>
  );
}
