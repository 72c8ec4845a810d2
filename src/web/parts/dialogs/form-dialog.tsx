// A dialog with a form: what is submitted runs, and the dialog stays open if that fails.
import type { ComponentChildren } from 'preact';
import { Dialog } from '../parts.tsx';
import { useTask } from '../task.ts';

/** Takes back what was done, and says so in a sentence. */
export type Undo = () => Promise<string>;

/** The props that a dialog gets from the page that opens it. */
export interface FormDialogProps {
  readonly onClose: () => void;
  /** Gets a sentence that says what was done, and the way back where there is one. */
  readonly onDone: (message: string, undo?: Undo) => void;
}

interface Props extends FormDialogProps {
  readonly title: string;
  /** The text of the button. */
  readonly action: string;
  readonly disabled?: boolean;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
  /** Resolves to the arguments of `onDone`. The message of an error is shown. */
  readonly submit: () => Promise<Parameters<FormDialogProps['onDone']>>;
  readonly children: ComponentChildren;
}

export function FormDialog(props: Props) {
  const { title, action, disabled, onKeyDown, submit, onClose, onDone, children } = props;
  const { busy, problem, run } = useTask();
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onKeyDown={onKeyDown}
        onSubmit={(event) => {
          event.preventDefault();
          void run(async () => onDone(...(await submit())));
        }}
      >
        {children}
        <p class="problem" role="alert">
          {problem}
        </p>
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy || disabled === true}>
            {busy ? 'Working…' : action}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

interface NameProps {
  /** Stands in the field while it is empty. */
  readonly example: string;
  readonly value: string;
  readonly onInput: (name: string) => void;
}

/** The name of a thing that is made, which has the focus. */
export function NameField({ example, value, onInput }: NameProps) {
  return (
    <label>
      Name
      <input
        name="name"
        autoFocus
        autoComplete="off"
        spellcheck={false}
        required
        placeholder={example}
        value={value}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
      />
    </label>
  );
}
