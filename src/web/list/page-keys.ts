// Keys that work anywhere on a page.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { unsavedForm } from '../leave-dialog.tsx';
import { useLeave } from '../router.tsx';

/** Handlers by key name, with "Ctrl+" in front if Ctrl or Cmd is held. */
export type KeyActions = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** Handles keys unless a field or a dialog has the focus. */
export function usePageKeys(actions: KeyActions): void {
  const latest = useRef(actions);
  latest.current = actions;
  // Not after the next frame: a key is meant for what is on the screen, however soon it comes.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const name = `${event.ctrlKey || event.metaKey ? 'Ctrl+' : ''}${event.key}`;
      if (event.altKey || isTaken(event) || !Object.hasOwn(latest.current, name)) return;
      event.preventDefault();
      latest.current[name]?.(event);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

/** Escape leaves the page, unless a form on it has changes that are not saved: then it leads to the button that saves
 *  them, and asks where they cannot be. Undefined: to nowhere. */
export function useWayOut(to: string | undefined): void {
  const leave = useLeave();
  usePageKeys({
    ...(to !== undefined && {
      Escape: () => {
        const save = unsavedForm()?.querySelector<HTMLElement>('[type=submit]:enabled');
        if (save) save.focus();
        else leave(to);
      },
    }),
  });
}

/** True if the focused element wants the key. In a field, Escape first leaves the field. */
function isTaken({ key, target }: KeyboardEvent): boolean {
  if (document.querySelector('dialog[open]') !== null) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest('input:not([type=checkbox]), select, textarea') !== null) {
    if (key === 'Escape') target.blur();
    return true;
  }
  return (key === 'Enter' || key === ' ') && target.closest('button, a, input, summary') !== null;
}
