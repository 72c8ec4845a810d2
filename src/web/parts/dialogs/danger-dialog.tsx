// A dialog that asks before something is lost. The way out has the focus.
import type { ComponentChildren } from 'preact';
import { Dialog } from '../parts.tsx';
import { useTask } from '../task.ts';

interface Props {
  readonly title: string;
  /** The text of the button. */
  readonly action: string;
  readonly disabled?: boolean;
  /** The message of an error is shown. */
  readonly work: () => Promise<void>;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function DangerDialog({ title, action, disabled, work, onClose, children }: Props) {
  const { busy, problem, run } = useTask();
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <p class="problem" role="alert">
        {problem}
      </p>
      <footer>
        <button type="button" autoFocus onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="danger"
          disabled={busy || disabled === true}
          onClick={() => void run(work)}
        >
          {action}
        </button>
      </footer>
    </Dialog>
  );
}
