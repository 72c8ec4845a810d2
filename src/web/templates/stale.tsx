// The notice that somebody else saved a template meanwhile: both versions, and the choice between them.
import { Notice } from '../parts/parts.tsx';
import { DiffView } from './diff-view.tsx';

interface Props {
  /** Their text; undefined: they deleted the template. */
  readonly theirs: string | undefined;
  readonly mine: string;
  readonly onTake: () => void;
  readonly onKeep: () => void;
}

export function Stale({ theirs, mine, onTake, onKeep }: Props) {
  if (theirs === undefined) {
    return (
      <Notice kind="error" title="Somebody else deleted this template while you were editing.">
        <button type="button" onClick={onKeep}>
          Save mine as a new one
        </button>
      </Notice>
    );
  }
  return (
    <Notice kind="error" title="Somebody else changed this template while you were editing.">
      <p>Theirs has the lines with −, yours those with +.</p>
      <DiffView label="Their version and yours" before={theirs} after={mine} />
      <button type="button" onClick={onTake}>
        Take theirs
      </button>
      <button type="button" onClick={onKeep}>
        Save mine over it
      </button>
    </Notice>
  );
}
