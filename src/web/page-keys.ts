// Keys that work anywhere on a page.
import { useEffect, useRef } from 'preact/hooks';

/** Calls what belongs to a key, while no field and no dialog has the keys. */
export function usePageKeys(keys: Readonly<Record<string, () => unknown>>): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target instanceof Element ? event.target : document.body;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (target.closest('dialog') !== null) return;
      if (target.closest('input:not([type=checkbox]), select') !== null) {
        // A field has its keys for itself; Escape leaves it first.
        if (event.key === 'Escape' && target instanceof HTMLElement) target.blur();
        return;
      }
      const action = Object.hasOwn(latest.current, event.key)
        ? latest.current[event.key]
        : undefined;
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}
