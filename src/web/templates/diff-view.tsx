// Two texts and their difference, line by line.
import { useMemo } from 'preact/hooks';
import { diffOf, type DiffLine } from '../../core/text/line-diff.ts';

interface Props {
  readonly label: string;
  readonly before: string;
  readonly after: string;
}

export function DiffView({ label, before, after }: Props) {
  const lines = useMemo(() => diffOf(before, after), [before, after]);
  return (
    <pre class="diff" tabIndex={0} role="group" aria-label={label}>
      {lines.map((line, i) => (
        <Line key={i} line={line} />
      ))}
    </pre>
  );
}

function Line({ line: { kind, text } }: { line: DiffLine }) {
  switch (kind) {
    case 'removed':
      return <del>{`− ${text}\n`}</del>;
    case 'added':
      return <ins>{`+ ${text}\n`}</ins>;
    case 'left out':
      return <span class="quiet">{'  …\n'}</span>;
    case 'same':
      return <span>{`  ${text}\n`}</span>;
  }
}
