// Asks before a page goes away that has changes which are not saved.
import { useEffect, useState } from 'preact/hooks';
import { navigate } from './router.tsx';
import { DangerDialog } from './parts/danger-dialog.tsx';

/** The form on this page whose changes are not saved. */
export function unsavedForm(): HTMLFormElement | null {
  return document.querySelector<HTMLFormElement>('form.unsaved');
}

/** A way to other pages that asks first where something would be lost, and the dialog that asks. */
export function useAskedLeave() {
  const [to, setTo] = useState<string | undefined>();
  useEffect(() => {
    // The browser asks in words of its own.
    const onUnload = (event: BeforeUnloadEvent): void => {
      if (unsavedForm() !== null) event.preventDefault();
    };
    addEventListener('beforeunload', onUnload);
    return () => removeEventListener('beforeunload', onUnload);
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
