// Drafts: text that is being edited when a session ends is there again once somebody has signed in. The tab keeps it, as
// an OpenID provider is reached by leaving the page.
import { useEffect, useMemo } from 'preact/hooks';
import { parseExact, stringifyExact } from '../../core/text/exact-json.ts';
import { useServices } from '../context.ts';

interface Draft<T> {
  /** The draft that was left when a session ended. */
  readonly found: T | undefined;
  /** Gets the text as it is now; undefined where there is nothing to keep. */
  readonly keep: (next: T | undefined) => void;
}

/** `name` says what is edited, and always stands for the same type. */
export function useDraft<T>(name: string): Draft<T> {
  const { session } = useServices();
  const draft = useMemo(() => {
    const key = `dragonfly.draft.${name}`;
    const text = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    // Only this tab writes there, by the same name.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const found = text === null ? undefined : (parseExact(text) as T);
    let now: T | undefined;
    return {
      found,
      keep: (next: T | undefined): void => void (now = next),
      leave: (): void => {
        if (session.isSignedOut && now !== undefined) put(key, now);
      },
    };
  }, [session, name]);
  useEffect(() => draft.leave, [draft]);
  return draft;
}

function put(key: string, value: unknown): void {
  try {
    sessionStorage.setItem(key, stringifyExact(value));
  } catch {
    // The browser has no room for it.
  }
}
