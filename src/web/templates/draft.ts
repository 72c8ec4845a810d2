// The text of a template that is edited when a session ends: it is there again once somebody has signed in.
import { useEffect, useMemo } from 'preact/hooks';
import { useServices } from '../context.ts';

export interface Draft {
  readonly text: string;
  /** That of the template that it changes; undefined for a new one. */
  readonly etag: string | undefined;
}

/** The draft that was left of a template, and what keeps the next one. */
export function useDraft(name: string) {
  const { session, drafts } = useServices();
  const draft = useMemo(() => {
    const found = drafts.get(name);
    drafts.delete(name);
    let now: Draft | undefined;
    return {
      found,
      /** Gets the text as it is edited now; undefined where it is as it is stored. */
      keep: (next: Draft | undefined): void => void (now = next),
      leave: (): void => {
        if (session.isSignedOut && now !== undefined) drafts.set(name, now);
      },
    };
  }, [session, drafts, name]);
  useEffect(() => draft.leave, [draft]);
  return draft;
}
