// Work that a click or a form starts, with its progress and failure for the page.
import { useState } from 'preact/hooks';
import { messageOf } from '../session.ts';

export interface Task {
  readonly busy: boolean;
  /** The message of the last failure. */
  readonly problem: string | undefined;
  /** Runs work and keeps the message of its failure. */
  readonly run: (work: () => Promise<unknown>) => Promise<void>;
}

/** `before`: the problem to show before anything ran. */
export function useTask(before?: string): Task {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(before);
  const run = async (work: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      await work();
    } catch (err) {
      setProblem(messageOf(err));
    }
    setBusy(false);
  };
  return { busy, problem, run };
}
