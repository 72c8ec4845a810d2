// The dialog that shows a secret, which cannot be seen again.
import { useState } from 'preact/hooks';
import { Dialog } from '../parts.tsx';
import { useTask } from '../task.ts';

interface Props {
  readonly title: string;
  /** The name of the secret, for screen readers. */
  readonly label: string;
  /** A sentence before it: where it belongs. */
  readonly says: string;
  readonly secret: string;
  readonly onClose: () => void;
}

export function SecretDialog({ title, label, says, secret, onClose }: Props) {
  const { problem, run } = useTask();
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(secret);
    setCopied(true);
  };
  // Away from HTTPS and loopback browsers have no clipboard for pages.
  const mayCopy = isSecureContext;
  return (
    <Dialog title={title} onClose={onClose}>
      <p>It is shown this once alone. {says}</p>
      <pre aria-label={label}>{secret}</pre>
      <p class="problem" role="alert">
        {problem}
      </p>
      <footer>
        <span role="status" class="good">
          {isCopied && 'Copied.'}
        </span>
        {mayCopy && (
          <button type="button" onClick={() => void run(copy)}>
            Copy
          </button>
        )}
        <button type="button" class="primary" autoFocus onClick={onClose}>
          Done
        </button>
      </footer>
    </Dialog>
  );
}
