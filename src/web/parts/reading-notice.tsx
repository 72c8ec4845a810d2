// The notice in place of something that is still being read, or could not be read.
import { Notice } from './parts.tsx';

interface Props {
  /** The titles, as "Reading workflows…" and "The workflows could not be read." */
  readonly busy: string;
  readonly failed: string;
  readonly isThere: boolean;
  readonly problem: string | undefined;
  readonly onRetry: () => void;
}

/** Nothing once it is there, unless reading it again failed. */
export function ReadingNotice({ busy, failed, isThere, problem, onRetry }: Props) {
  if (problem === undefined) return isThere ? null : <Notice kind="busy" title={busy} />;
  return (
    <Notice kind="error" title={failed}>
      <p>{problem}</p>
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </Notice>
  );
}
