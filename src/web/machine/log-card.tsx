// The card with a machine's log: of its boot, its agent and its workflows.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { LogLine, LogSource } from '../../model/documents/machine-log.ts';
import { logLineText } from '../../model/text/log-text.ts';
import { save } from '../list/export.ts';
import { Card, Notice } from '../parts/parts.tsx';
import { useLog } from './use-log.ts';

const sources: Readonly<Record<LogSource, string>> = {
  boot: 'its boot',
  agent: 'its agent',
  action: 'its workflows',
};
const isSource = (text: string): text is LogSource => Object.hasOwn(sources, text);

export function LogCard({ id, name }: { id: string; name: string }) {
  const [isFollowed, setFollowed] = useState(false);
  const [source, setSource] = useState<LogSource | undefined>();
  const { lines, problem, reload } = useLog(id, isFollowed);
  const shown = (lines ?? []).filter((line) => source === undefined || line.source === source);
  const controls = (
    <span class="controls">
      <select
        aria-label="Lines of"
        value={source ?? ''}
        onChange={({ currentTarget: { value } }) => setSource(isSource(value) ? value : undefined)}
      >
        <option value="">all</option>
        {Object.entries(sources).map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
      <button type="button" aria-pressed={isFollowed} onClick={() => setFollowed(!isFollowed)}>
        Follow
      </button>
      {shown.length > 0 && (
        <button
          type="button"
          onClick={() =>
            save(`${name}.log`, 'text/plain', `${shown.map(logLineText).join('\n')}\n`)
          }
        >
          Save
        </button>
      )}
    </span>
  );
  return (
    <Card title="Log" aside={lines === undefined ? undefined : controls}>
      {problem !== undefined && (
        <Notice kind="error" title={problem}>
          <button type="button" onClick={reload}>
            Try again
          </button>
        </Notice>
      )}
      {lines?.length === 0 && (
        <p class="quiet" role="status">
          {isFollowed
            ? 'Its agent has sent no log yet: lines appear here.'
            : 'Its agent has sent no log.'}
        </p>
      )}
      {lines !== undefined && lines.length > 0 && <Lines lines={shown} />}
    </Card>
  );
}

/** The end is in sight as long as nobody scrolls back. */
function Lines({ lines }: { lines: readonly LogLine[] }) {
  const box = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (isAtEnd.current) box.current?.scrollTo(0, box.current.scrollHeight);
  }, [lines]);
  return (
    <pre
      ref={box}
      class="log"
      role="log"
      aria-label="The newest lines"
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < 24;
      }}
    >
      {lines.length === 0
        ? 'No line of these.'
        : lines.map((line, i) => <Line key={i} line={line} />)}
    </pre>
  );
}

function Line({ line: { at, source, level = 'info', text } }: { line: LogLine }) {
  return (
    <span class={`line ${level}`}>
      <time dateTime={at} title={at} class="quiet">
        {at.slice(11, 19)}
      </time>{' '}
      <span class="quiet">{source.padEnd(6)}</span>{' '}
      {level === 'info' ? '' : <b>{level.toUpperCase()} </b>}
      {`${text}\n`}
    </span>
  );
}
