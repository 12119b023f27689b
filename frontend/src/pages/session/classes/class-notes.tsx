import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { WholeClassUpdate } from "../../../api/types";
import { Note } from "../../../ui/feedback";

/** An update of the classes with all that is known of it; it never changes. */
export function useClassUpdate(session: number, number: number | undefined) {
  return useQuery({
    queryKey: keys.part(session, "class-update", number),
    queryFn: ({ signal }) =>
      api.get<WholeClassUpdate>(`/sessions/${session}/classify2d/updates/${number}`, {}, signal),
    enabled: number !== undefined,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What 2D classification has to say about an update: wrong contrast, unusable images, too few particles. */
export function ClassNotes({ session, number }: { session: number; number: number | undefined }) {
  const notes = useClassUpdate(session, number).data?.summary.notes ?? [];
  if (number === undefined || !notes.length) return null;
  return (
    <Note tone="warn">
      <ul aria-label={`Notes on update ${number} of the classes`}>
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </Note>
  );
}
