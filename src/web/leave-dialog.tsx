// Asks before a page with unsaved changes is left.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { navigate } from './router.tsx';
import { DangerDialog } from './parts/dialogs/danger-dialog.tsx';

/** The form on this page that has unsaved changes. */
export function unsavedForm(): HTMLFormElement | null {
  return document.querySelector<HTMLFormElement>('form.unsaved');
}

/** Navigation that asks first where something would be lost, and the dialog that asks. It has to be used before the
 *  route, which would otherwise hear of a step back first. */
export function useAskedLeave() {
  const [to, setTo] = useState<string | undefined>();
  const here = useRef('');
  here.current = location.pathname + location.search;
  useLayoutEffect(() => {
    // The browser has gone back already, and its address with it.
    const onBack = (event: PopStateEvent): void => {
      if (unsavedForm() === null) return;
      event.stopImmediatePropagation();
      const there = location.pathname + location.search;
      history.pushState(null, '', here.current);
      setTo(there);
    };
    // The browser asks in words of its own.
    const onUnload = (event: BeforeUnloadEvent): void => {
      if (unsavedForm() !== null) event.preventDefault();
    };
    addEventListener('beforeunload', onUnload);
    addEventListener('popstate', onBack);
    return () => {
      removeEventListener('beforeunload', onUnload);
      removeEventListener('popstate', onBack);
    };
  }, []);
  const leave = (path: string): void => {
    if (unsavedForm() === null) navigate(path);
    else setTo(path);
  };
  const close = (): void => setTo(undefined);
  const dialog = to !== undefined && (
    <DangerDialog
      title="Leave without saving?"
      action="Leave"
      onClose={close}
      work={() => {
        close();
        navigate(to);
        return Promise.resolve();
      }}
    >
      <p>The changes on this page are not saved, and are lost then.</p>
    </DangerDialog>
  );
  return { leave, dialog };
}
