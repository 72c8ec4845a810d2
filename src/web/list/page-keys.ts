// Keys that work anywhere on a page.
import { useEffect, useRef } from 'preact/hooks';

/** What is done for each key, by its name, with "Ctrl+" before it where Ctrl or Cmd is held. */
export type KeyActions = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** Acts on keys while no field and no dialog has them. */
export function usePageKeys(actions: KeyActions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
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

/** Whether the key belongs to what has the focus. Escape leaves a field first. */
function isTaken({ key, target }: KeyboardEvent): boolean {
  if (document.querySelector('dialog[open]') !== null) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest('input:not([type=checkbox]), select') !== null) {
    if (key === 'Escape') target.blur();
    return true;
  }
  return (key === 'Enter' || key === ' ') && target.closest('button, a, input') !== null;
}
