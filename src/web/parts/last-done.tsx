// The last thing that was done, in a sentence, and the way back from it where there is one.
import { useTask } from './task.ts';

interface Props {
  readonly message: string;
  readonly undo?: (() => Promise<unknown>) | undefined;
}

export function LastDone({ message, undo }: Props) {
  const { busy, problem, run } = useTask();
  return (
    <>
      <span role="status">{message}</span>{' '}
      {undo !== undefined && (
        <button type="button" disabled={busy} onClick={() => void run(undo)}>
          Undo
        </button>
      )}
      {problem !== undefined && (
        <span class="problem" role="alert">
          {problem}
        </span>
      )}
    </>
  );
}
